EXTRA_DIST += test/unit/state/state_test.h test/unit/state/cgroup_test.h

check_PROGRAMS += test/unit/state/test_image
TESTS += test/unit/state/test_image
test_unit_state_test_image_SOURCES = test/unit/state/test_image.c
test_unit_state_test_image_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_image_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_machine
TESTS += test/unit/state/test_machine
test_unit_state_test_machine_SOURCES = test/unit/state/test_machine.c
test_unit_state_test_machine_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_machine_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_machine_ends
TESTS += test/unit/state/test_machine_ends
test_unit_state_test_machine_ends_SOURCES = test/unit/state/test_machine_ends.c
test_unit_state_test_machine_ends_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_machine_ends_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_machine_system
TESTS += test/unit/state/test_machine_system
test_unit_state_test_machine_system_SOURCES = test/unit/state/test_machine_system.c
test_unit_state_test_machine_system_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_machine_system_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_meta
TESTS += test/unit/state/test_meta
test_unit_state_test_meta_SOURCES = test/unit/state/test_meta.c
test_unit_state_test_meta_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_meta_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_meta_codec
TESTS += test/unit/state/test_meta_codec
test_unit_state_test_meta_codec_SOURCES = test/unit/state/test_meta_codec.c
test_unit_state_test_meta_codec_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_SRCDIR='"$(srcdir)"'
test_unit_state_test_meta_codec_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_meta_codec_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_meta_fuzz
TESTS += test/unit/state/test_meta_fuzz
test_unit_state_test_meta_fuzz_SOURCES = test/unit/state/test_meta_fuzz.c \
	test/fuzz/fuzz_meta.c test/fuzz/fuzz_meta.h
test_unit_state_test_meta_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test \
	-DFUZZ_SRCDIR='"$(srcdir)"'
test_unit_state_test_meta_fuzz_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_meta_fuzz_LDADD = $(LINK_state) $(CMOCKA_LIBS)
EXTRA_DIST += \
	test/fuzz/corpus/meta/alter \
	test/fuzz/corpus/meta/boot \
	test/fuzz/corpus/meta/changes \
	test/fuzz/corpus/meta/create \
	test/fuzz/corpus/meta/delete \
	test/fuzz/corpus/meta/grow \
	test/fuzz/corpus/meta/producer \
	test/fuzz/corpus/meta/register \
	test/fuzz/corpus/meta/result \
	test/fuzz/corpus/meta/shards

check_PROGRAMS += test/unit/state/test_dump
TESTS += test/unit/state/test_dump
test_unit_state_test_dump_SOURCES = test/unit/state/test_dump.c
test_unit_state_test_dump_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SQLITE_CFLAGS)
test_unit_state_test_dump_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_cgroup_join
TESTS += test/unit/state/test_cgroup_join
test_unit_state_test_cgroup_join_SOURCES = test/unit/state/test_cgroup_join.c
test_unit_state_test_cgroup_join_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_cgroup_join_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_cgroup_sync
TESTS += test/unit/state/test_cgroup_sync
test_unit_state_test_cgroup_sync_SOURCES = test/unit/state/test_cgroup_sync.c
test_unit_state_test_cgroup_sync_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_cgroup_sync_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_cgroup_offset
TESTS += test/unit/state/test_cgroup_offset
test_unit_state_test_cgroup_offset_SOURCES = test/unit/state/test_cgroup_offset.c
test_unit_state_test_cgroup_offset_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_cgroup_offset_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_cgroup
TESTS += test/unit/state/test_cgroup
test_unit_state_test_cgroup_SOURCES = test/unit/state/test_cgroup.c
test_unit_state_test_cgroup_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_cgroup_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_sql
TESTS += test/unit/state/test_sql
test_unit_state_test_sql_SOURCES = test/unit/state/test_sql.c
test_unit_state_test_sql_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_sql_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_starved
TESTS += test/unit/state/test_starved
test_unit_state_test_starved_SOURCES = test/unit/state/test_starved.c
test_unit_state_test_starved_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_starved_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_sql_export
TESTS += test/unit/state/test_sql_export
test_unit_state_test_sql_export_SOURCES = test/unit/state/test_sql_export.c
test_unit_state_test_sql_export_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_sql_export_LDADD = $(LINK_state) $(CMOCKA_LIBS)
