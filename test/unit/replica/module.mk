check_PROGRAMS += test/unit/replica/test_epoch
TESTS += test/unit/replica/test_epoch
test_unit_replica_test_epoch_SOURCES = test/unit/replica/test_epoch.c
test_unit_replica_test_epoch_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_replica_test_epoch_LDADD = $(LINK_replica) $(CMOCKA_LIBS)
