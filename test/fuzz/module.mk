# The doors of the house, each with a harness. `make check`
# runs it over its corpus; with clang and --enable-fuzz, `make fuzz` builds it
# with libFuzzer (test/fuzz/run.sh).
fuzz_sources = test/fuzz/corpus.c test/fuzz/fuzz.h
fuzz_cppflags = $(AM_CPPFLAGS) -I$(srcdir)/test
EXTRA_DIST += test/fuzz/run.sh
fuzz_programs =

# ---- record
check_PROGRAMS += test/fuzz/corpus_record
TESTS += test/fuzz/corpus_record
test_fuzz_corpus_record_SOURCES = $(fuzz_sources) \
	test/fuzz/fuzz_record.c test/fuzz/fuzz_record.h
test_fuzz_corpus_record_CPPFLAGS = $(fuzz_cppflags) -DFUZZ_ROUNDS=300 \
	-DFUZZ_CORPUS='"$(srcdir)/test/fuzz/corpus/record"'
test_fuzz_corpus_record_LDADD = $(LINK_record)
if FUZZ
fuzz_programs += test/fuzz/fuzz_record
test_fuzz_fuzz_record_SOURCES = test/fuzz/fuzz.h \
	test/fuzz/fuzz_record.c test/fuzz/fuzz_record.h
test_fuzz_fuzz_record_CPPFLAGS = $(fuzz_cppflags)
test_fuzz_fuzz_record_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
test_fuzz_fuzz_record_LDADD = $(LINK_record)
endif

# ---- wire
check_PROGRAMS += test/fuzz/corpus_wire
TESTS += test/fuzz/corpus_wire
test_fuzz_corpus_wire_SOURCES = $(fuzz_sources) \
	test/fuzz/fuzz_wire.c test/fuzz/fuzz_wire.h
test_fuzz_corpus_wire_CPPFLAGS = $(fuzz_cppflags) -DFUZZ_ROUNDS=100 \
	-DFUZZ_CORPUS='"$(srcdir)/test/fuzz/corpus/wire"'
test_fuzz_corpus_wire_LDADD = $(LINK_wire)
if FUZZ
fuzz_programs += test/fuzz/fuzz_wire
test_fuzz_fuzz_wire_SOURCES = test/fuzz/fuzz.h \
	test/fuzz/fuzz_wire.c test/fuzz/fuzz_wire.h
test_fuzz_fuzz_wire_CPPFLAGS = $(fuzz_cppflags)
test_fuzz_fuzz_wire_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
test_fuzz_fuzz_wire_LDADD = $(LINK_wire)
endif

# ---- manifest
check_PROGRAMS += test/fuzz/corpus_manifest
TESTS += test/fuzz/corpus_manifest
test_fuzz_corpus_manifest_SOURCES = $(fuzz_sources) \
	test/fuzz/fuzz_manifest.c test/fuzz/fuzz_manifest.h
test_fuzz_corpus_manifest_CPPFLAGS = $(fuzz_cppflags) -DFUZZ_ROUNDS=300 \
	-DFUZZ_CORPUS='"$(srcdir)/test/fuzz/corpus/manifest"'
test_fuzz_corpus_manifest_LDADD = $(LINK_storage)
if FUZZ
fuzz_programs += test/fuzz/fuzz_manifest
test_fuzz_fuzz_manifest_SOURCES = test/fuzz/fuzz.h \
	test/fuzz/fuzz_manifest.c test/fuzz/fuzz_manifest.h
test_fuzz_fuzz_manifest_CPPFLAGS = $(fuzz_cppflags)
test_fuzz_fuzz_manifest_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
test_fuzz_fuzz_manifest_LDADD = $(LINK_storage)
endif

# ---- meta
check_PROGRAMS += test/fuzz/corpus_meta
TESTS += test/fuzz/corpus_meta
test_fuzz_corpus_meta_SOURCES = $(fuzz_sources) \
	test/fuzz/fuzz_meta.c test/fuzz/fuzz_meta.h
test_fuzz_corpus_meta_CPPFLAGS = $(fuzz_cppflags) -DFUZZ_ROUNDS=300 \
	-DFUZZ_CORPUS='"$(srcdir)/test/fuzz/corpus/meta"'
test_fuzz_corpus_meta_LDADD = $(LINK_state)
if FUZZ
fuzz_programs += test/fuzz/fuzz_meta
test_fuzz_fuzz_meta_SOURCES = test/fuzz/fuzz.h \
	test/fuzz/fuzz_meta.c test/fuzz/fuzz_meta.h
test_fuzz_fuzz_meta_CPPFLAGS = $(fuzz_cppflags)
test_fuzz_fuzz_meta_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
test_fuzz_fuzz_meta_LDADD = $(LINK_state)
endif

# ---- cgroup
check_PROGRAMS += test/fuzz/corpus_cgroup
TESTS += test/fuzz/corpus_cgroup
test_fuzz_corpus_cgroup_SOURCES = $(fuzz_sources) test/fuzz/fuzz_cgroup.c
test_fuzz_corpus_cgroup_CPPFLAGS = $(fuzz_cppflags) -DFUZZ_ROUNDS=100 \
	-DFUZZ_CORPUS='"$(srcdir)/test/fuzz/corpus/cgroup"'
test_fuzz_corpus_cgroup_LDADD = $(LINK_state)
if FUZZ
fuzz_programs += test/fuzz/fuzz_cgroup
test_fuzz_fuzz_cgroup_SOURCES = test/fuzz/fuzz.h test/fuzz/fuzz_cgroup.c
test_fuzz_fuzz_cgroup_CPPFLAGS = $(fuzz_cppflags)
test_fuzz_fuzz_cgroup_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
test_fuzz_fuzz_cgroup_LDADD = $(LINK_state)
endif

# ---- raft
check_PROGRAMS += test/fuzz/corpus_raft
TESTS += test/fuzz/corpus_raft
test_fuzz_corpus_raft_SOURCES = $(fuzz_sources) \
	test/fuzz/fuzz_raft.c test/fuzz/fuzz_raft.h
test_fuzz_corpus_raft_CPPFLAGS = $(fuzz_cppflags) -DFUZZ_ROUNDS=300 \
	-DFUZZ_CORPUS='"$(srcdir)/test/fuzz/corpus/raft"'
test_fuzz_corpus_raft_LDADD = $(LINK_raft)
if FUZZ
fuzz_programs += test/fuzz/fuzz_raft
test_fuzz_fuzz_raft_SOURCES = test/fuzz/fuzz.h \
	test/fuzz/fuzz_raft.c test/fuzz/fuzz_raft.h
test_fuzz_fuzz_raft_CPPFLAGS = $(fuzz_cppflags)
test_fuzz_fuzz_raft_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
test_fuzz_fuzz_raft_LDADD = $(LINK_raft)
endif

# ---- peer_frame
check_PROGRAMS += test/fuzz/corpus_peer_frame
TESTS += test/fuzz/corpus_peer_frame
test_fuzz_corpus_peer_frame_SOURCES = $(fuzz_sources) \
	test/fuzz/fuzz_peer_frame.c test/fuzz/fuzz_peer_frame.h
test_fuzz_corpus_peer_frame_CPPFLAGS = $(fuzz_cppflags) -DFUZZ_ROUNDS=20 \
	-DFUZZ_CORPUS='"$(srcdir)/test/fuzz/corpus/peer_frame"'
test_fuzz_corpus_peer_frame_LDADD = $(LINK_net)
if FUZZ
fuzz_programs += test/fuzz/fuzz_peer_frame
test_fuzz_fuzz_peer_frame_SOURCES = test/fuzz/fuzz.h \
	test/fuzz/fuzz_peer_frame.c test/fuzz/fuzz_peer_frame.h
test_fuzz_fuzz_peer_frame_CPPFLAGS = $(fuzz_cppflags)
test_fuzz_fuzz_peer_frame_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
test_fuzz_fuzz_peer_frame_LDADD = $(LINK_net)
endif

# ---- journal
check_PROGRAMS += test/fuzz/corpus_journal
TESTS += test/fuzz/corpus_journal
test_fuzz_corpus_journal_SOURCES = $(fuzz_sources) \
	test/fuzz/fuzz_journal.c \
	test/fuzz/image.c test/fuzz/image.h
test_fuzz_corpus_journal_CPPFLAGS = $(fuzz_cppflags) -DFUZZ_ROUNDS=10 \
	-DFUZZ_CORPUS='"$(srcdir)/test/fuzz/corpus/journal"'
test_fuzz_corpus_journal_LDADD = $(LINK_storage)
if FUZZ
fuzz_programs += test/fuzz/fuzz_journal
test_fuzz_fuzz_journal_SOURCES = test/fuzz/fuzz.h \
	test/fuzz/fuzz_journal.c \
	test/fuzz/image.c test/fuzz/image.h
test_fuzz_fuzz_journal_CPPFLAGS = $(fuzz_cppflags)
test_fuzz_fuzz_journal_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
test_fuzz_fuzz_journal_LDADD = $(LINK_storage)
endif

# ---- store
check_PROGRAMS += test/fuzz/corpus_store
TESTS += test/fuzz/corpus_store
test_fuzz_corpus_store_SOURCES = $(fuzz_sources) \
	test/fuzz/fuzz_store.c \
	test/fuzz/image.c test/fuzz/image.h
test_fuzz_corpus_store_CPPFLAGS = $(fuzz_cppflags) -DFUZZ_ROUNDS=20 \
	-DFUZZ_CORPUS='"$(srcdir)/test/fuzz/corpus/store"'
test_fuzz_corpus_store_LDADD = $(LINK_storage)
if FUZZ
fuzz_programs += test/fuzz/fuzz_store
test_fuzz_fuzz_store_SOURCES = test/fuzz/fuzz.h \
	test/fuzz/fuzz_store.c \
	test/fuzz/image.c test/fuzz/image.h
test_fuzz_fuzz_store_CPPFLAGS = $(fuzz_cppflags)
test_fuzz_fuzz_store_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
test_fuzz_fuzz_store_LDADD = $(LINK_storage)
endif

# ---- config
check_PROGRAMS += test/fuzz/corpus_config
TESTS += test/fuzz/corpus_config
test_fuzz_corpus_config_SOURCES = $(fuzz_sources) \
	test/fuzz/fuzz_config.c
test_fuzz_corpus_config_CPPFLAGS = $(fuzz_cppflags) -DFUZZ_ROUNDS=300 \
	-DFUZZ_CORPUS='"$(srcdir)/test/fuzz/corpus/config"'
test_fuzz_corpus_config_LDADD = $(LINK_config)
if FUZZ
fuzz_programs += test/fuzz/fuzz_config
test_fuzz_fuzz_config_SOURCES = test/fuzz/fuzz.h \
	test/fuzz/fuzz_config.c
test_fuzz_fuzz_config_CPPFLAGS = $(fuzz_cppflags)
test_fuzz_fuzz_config_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
test_fuzz_fuzz_config_LDADD = $(LINK_config)
endif

# ---- cli
check_PROGRAMS += test/fuzz/corpus_cli
TESTS += test/fuzz/corpus_cli
test_fuzz_corpus_cli_SOURCES = $(fuzz_sources) \
	test/fuzz/fuzz_cli.c
test_fuzz_corpus_cli_CPPFLAGS = $(fuzz_cppflags) -DFUZZ_ROUNDS=300 \
	-DFUZZ_CORPUS='"$(srcdir)/test/fuzz/corpus/cli"'
test_fuzz_corpus_cli_LDADD = $(LINK_cli)
if FUZZ
fuzz_programs += test/fuzz/fuzz_cli
test_fuzz_fuzz_cli_SOURCES = test/fuzz/fuzz.h \
	test/fuzz/fuzz_cli.c
test_fuzz_fuzz_cli_CPPFLAGS = $(fuzz_cppflags)
test_fuzz_fuzz_cli_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
test_fuzz_fuzz_cli_LDADD = $(LINK_cli)
endif

# ---- identity
check_PROGRAMS += test/fuzz/corpus_identity
TESTS += test/fuzz/corpus_identity
test_fuzz_corpus_identity_SOURCES = $(fuzz_sources) \
	test/fuzz/fuzz_identity.c
test_fuzz_corpus_identity_CPPFLAGS = $(fuzz_cppflags) -DFUZZ_ROUNDS=100 \
	-DFUZZ_CORPUS='"$(srcdir)/test/fuzz/corpus/identity"'
test_fuzz_corpus_identity_LDADD = $(LINK_broker)
if FUZZ
fuzz_programs += test/fuzz/fuzz_identity
test_fuzz_fuzz_identity_SOURCES = test/fuzz/fuzz.h \
	test/fuzz/fuzz_identity.c
test_fuzz_fuzz_identity_CPPFLAGS = $(fuzz_cppflags)
test_fuzz_fuzz_identity_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
test_fuzz_fuzz_identity_LDADD = $(LINK_broker)
endif

# ---- node
check_PROGRAMS += test/fuzz/corpus_node
TESTS += test/fuzz/corpus_node
test_fuzz_corpus_node_SOURCES = $(fuzz_sources) test/fuzz/fuzz_node.c
test_fuzz_corpus_node_CPPFLAGS = $(fuzz_cppflags) -DFUZZ_ROUNDS=1 \
	-DFUZZ_CORPUS='"$(srcdir)/test/fuzz/corpus/node"'
test_fuzz_corpus_node_LDADD = $(LINK_sim)
if FUZZ
fuzz_programs += test/fuzz/fuzz_node
test_fuzz_fuzz_node_SOURCES = test/fuzz/fuzz.h test/fuzz/fuzz_node.c
test_fuzz_fuzz_node_CPPFLAGS = $(fuzz_cppflags)
test_fuzz_fuzz_node_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
test_fuzz_fuzz_node_LDADD = $(LINK_sim)
endif

# ---- sql
check_PROGRAMS += test/fuzz/corpus_sql
TESTS += test/fuzz/corpus_sql
test_fuzz_corpus_sql_SOURCES = $(fuzz_sources) test/fuzz/fuzz_sql.c
test_fuzz_corpus_sql_CPPFLAGS = $(fuzz_cppflags) -DFUZZ_ROUNDS=10 \
	-DFUZZ_CORPUS='"$(srcdir)/test/fuzz/corpus/sql"'
test_fuzz_corpus_sql_LDADD = $(LINK_sim)
EXTRA_DIST += test/fuzz/sql.dict
if FUZZ
fuzz_programs += test/fuzz/fuzz_sql
test_fuzz_fuzz_sql_SOURCES = test/fuzz/fuzz.h test/fuzz/fuzz_sql.c
test_fuzz_fuzz_sql_CPPFLAGS = $(fuzz_cppflags)
test_fuzz_fuzz_sql_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
test_fuzz_fuzz_sql_LDADD = $(LINK_sim)
endif

# Makes what the corpora begin with: test/fuzz/seeds SRC/test/fuzz/corpus.
EXTRA_PROGRAMS = $(fuzz_programs) test/fuzz/seeds
test_fuzz_seeds_SOURCES = test/fuzz/seeds.c
test_fuzz_seeds_LDADD = src/state/libstate.a $(LINK_raft) $(SQLITE_LIBS)

fuzz: $(fuzz_programs)
.PHONY: fuzz
