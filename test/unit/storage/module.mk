check_PROGRAMS += test/unit/storage/test_entry
TESTS += test/unit/storage/test_entry
test_unit_storage_test_entry_SOURCES = test/unit/storage/test_entry.c
test_unit_storage_test_entry_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_entry_LDADD = $(LINK_storage) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/storage/test_tail
TESTS += test/unit/storage/test_tail
test_unit_storage_test_tail_SOURCES = test/unit/storage/test_tail.c
test_unit_storage_test_tail_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_tail_LDADD = $(LINK_storage) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/storage/test_journal
TESTS += test/unit/storage/test_journal
test_unit_storage_test_journal_SOURCES = test/unit/storage/test_journal.c \
    test/unit/storage/journal_model.h
test_unit_storage_test_journal_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_journal_LDADD = $(LINK_storage) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/storage/test_journal_roster
TESTS += test/unit/storage/test_journal_roster
test_unit_storage_test_journal_roster_SOURCES = \
    test/unit/storage/test_journal_roster.c test/unit/storage/journal_model.h
test_unit_storage_test_journal_roster_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_journal_roster_LDADD = $(LINK_storage) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/storage/test_manifest
TESTS += test/unit/storage/test_manifest
test_unit_storage_test_manifest_SOURCES = test/unit/storage/test_manifest.c \
    test/fuzz/fuzz_manifest.c test/fuzz/fuzz_manifest.h
test_unit_storage_test_manifest_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test
test_unit_storage_test_manifest_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_manifest_LDADD = $(LINK_storage) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/storage/test_journal_faults
TESTS += test/unit/storage/test_journal_faults
test_unit_storage_test_journal_faults_SOURCES = \
    test/unit/storage/test_journal_faults.c test/unit/storage/journal_model.h
test_unit_storage_test_journal_faults_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_journal_faults_LDADD = $(LINK_storage) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/storage/test_journal_system
TESTS += test/unit/storage/test_journal_system
test_unit_storage_test_journal_system_SOURCES = \
    test/unit/storage/test_journal_system.c
test_unit_storage_test_journal_system_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_journal_system_LDADD = $(LINK_storage) $(CMOCKA_LIBS)

# Not run by check: test/bench/journal_bench --help.
noinst_PROGRAMS += test/bench/journal_bench
test_bench_journal_bench_SOURCES = test/bench/journal_bench.c
test_bench_journal_bench_LDADD = $(LINK_storage)

check_PROGRAMS += test/unit/storage/test_journal_frame
TESTS += test/unit/storage/test_journal_frame
test_unit_storage_test_journal_frame_SOURCES = \
    test/unit/storage/test_journal_frame.c
test_unit_storage_test_journal_frame_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_journal_frame_LDADD = $(LINK_storage) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/storage/test_store
TESTS += test/unit/storage/test_store
test_unit_storage_test_store_SOURCES = test/unit/storage/test_store.c \
    test/unit/storage/store_fixture.h
test_unit_storage_test_store_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_store_LDADD = $(LINK_storage) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/storage/test_store_model
TESTS += test/unit/storage/test_store_model
test_unit_storage_test_store_model_SOURCES = \
    test/unit/storage/test_store_model.c test/unit/storage/store_fixture.h
test_unit_storage_test_store_model_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_store_model_LDADD = $(LINK_storage) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/storage/test_store_open
TESTS += test/unit/storage/test_store_open
test_unit_storage_test_store_open_SOURCES = \
    test/unit/storage/test_store_open.c test/unit/storage/store_fixture.h
test_unit_storage_test_store_open_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_store_open_LDADD = $(LINK_storage) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/storage/test_store_rules
TESTS += test/unit/storage/test_store_rules
test_unit_storage_test_store_rules_SOURCES = \
    test/unit/storage/test_store_rules.c test/unit/storage/store_fixture.h
test_unit_storage_test_store_rules_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_store_rules_LDADD = $(LINK_storage) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/storage/test_store_faults
TESTS += test/unit/storage/test_store_faults
test_unit_storage_test_store_faults_SOURCES = \
    test/unit/storage/test_store_faults.c test/unit/storage/store_fixture.h
test_unit_storage_test_store_faults_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_store_faults_LDADD = $(LINK_storage) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/storage/test_store_system
TESTS += test/unit/storage/test_store_system
test_unit_storage_test_store_system_SOURCES = \
    test/unit/storage/test_store_system.c test/unit/storage/store_fixture.h
test_unit_storage_test_store_system_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_store_system_LDADD = $(LINK_storage) $(CMOCKA_LIBS)
