check_PROGRAMS += test/unit/raft/test_core
TESTS += test/unit/raft/test_core
test_unit_raft_test_core_SOURCES = test/unit/raft/test_core.c \
	test/unit/raft/cluster.c test/unit/raft/cluster.h
test_unit_raft_test_core_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_raft_test_core_LDADD = $(LINK_raft) $(CMOCKA_LIBS)
