check_PROGRAMS += test/unit/raft/test_core
TESTS += test/unit/raft/test_core
test_unit_raft_test_core_SOURCES = test/unit/raft/test_core.c \
	test/unit/raft/cluster.c test/unit/raft/cluster.h
test_unit_raft_test_core_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(RAFT_CFLAGS)
test_unit_raft_test_core_LDADD = $(LINK_raft) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/raft/test_soak
TESTS += test/unit/raft/test_soak
test_unit_raft_test_soak_SOURCES = test/unit/raft/test_soak.c \
	test/unit/raft/cluster.c test/unit/raft/cluster.h
test_unit_raft_test_soak_LDADD = $(LINK_raft)

# What the stories say is compared word for word; --rewrite tells them anew.
check_PROGRAMS += test/unit/raft/test_story
TESTS += test/unit/raft/test_story
test_unit_raft_test_story_SOURCES = test/unit/raft/test_story.c \
	test/unit/raft/cluster.c test/unit/raft/cluster.h
test_unit_raft_test_story_LDADD = $(LINK_raft)
EXTRA_DIST += test/unit/raft/stories/election.txt \
	test/unit/raft/stories/gates.txt test/unit/raft/stories/install.txt \
	test/unit/raft/stories/restart.txt \
	test/unit/raft/stories/truncation.txt

check_PROGRAMS += test/unit/raft/test_group
TESTS += test/unit/raft/test_group
test_unit_raft_test_group_SOURCES = test/unit/raft/test_group.c \
	test/unit/raft/world.c test/unit/raft/world.h
test_unit_raft_test_group_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_raft_test_group_LDADD = $(LINK_raft) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/raft/test_quiet
TESTS += test/unit/raft/test_quiet
test_unit_raft_test_quiet_SOURCES = test/unit/raft/test_quiet.c \
	test/unit/raft/world.c test/unit/raft/world.h
test_unit_raft_test_quiet_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_raft_test_quiet_LDADD = $(LINK_raft) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/raft/test_message
TESTS += test/unit/raft/test_message
test_unit_raft_test_message_SOURCES = test/unit/raft/test_message.c \
	test/unit/raft/cluster.c test/unit/raft/cluster.h \
	test/fuzz/fuzz_raft.c test/fuzz/fuzz_raft.h
test_unit_raft_test_message_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test
test_unit_raft_test_message_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_raft_test_message_LDADD = $(LINK_raft) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/raft/test_group_soak
TESTS += test/unit/raft/test_group_soak
test_unit_raft_test_group_soak_SOURCES = test/unit/raft/test_group_soak.c \
	test/unit/raft/world.c test/unit/raft/world.h
test_unit_raft_test_group_soak_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_raft_test_group_soak_LDADD = $(LINK_raft) $(CMOCKA_LIBS)
