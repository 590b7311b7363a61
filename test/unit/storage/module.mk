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

check_PROGRAMS += test/unit/storage/test_manifest
TESTS += test/unit/storage/test_manifest
test_unit_storage_test_manifest_SOURCES = test/unit/storage/test_manifest.c
test_unit_storage_test_manifest_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_manifest_LDADD = $(LINK_storage) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/storage/test_journal_faults
TESTS += test/unit/storage/test_journal_faults
test_unit_storage_test_journal_faults_SOURCES = \
    test/unit/storage/test_journal_faults.c test/unit/storage/journal_model.h
test_unit_storage_test_journal_faults_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_storage_test_journal_faults_LDADD = $(LINK_storage) $(CMOCKA_LIBS)
