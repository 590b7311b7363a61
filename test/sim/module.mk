# Whole clusters on the simulated door: the library, and the programs on it.
check_LIBRARIES += test/sim/libsim.a
test_sim_libsim_a_SOURCES = \
	test/sim/admin.c \
	test/sim/audit.c test/sim/audit.h \
	test/sim/beginning.c test/sim/beginning.h \
	test/sim/books.c \
	test/sim/client.c test/sim/client.h \
	test/sim/cluster.c test/sim/cluster.h \
	test/sim/consumer.c \
	test/sim/coverage.c test/sim/coverage.h \
	test/sim/fetching.c test/sim/fetching.h \
	test/sim/group_audit.c \
	test/sim/group_books.c test/sim/groups.h \
	test/sim/group_seek.c \
	test/sim/group_join.c \
	test/sim/group_member.c test/sim/group_member.h \
	test/sim/group_offsets.c \
	test/sim/group_swarm.c \
	test/sim/group_watch.c \
	test/sim/image.c test/sim/image.h \
	test/sim/judge.c test/sim/judge.h \
	test/sim/producer.c \
	test/sim/reader.c \
	test/sim/same.c test/sim/same.h \
	test/sim/session.c \
	test/sim/states.c test/sim/states.h \
	test/sim/state_faults.c test/sim/state_faults.h \
	test/sim/terms.c test/sim/terms.h \
	test/sim/shake.c test/sim/shake.h \
	test/sim/world.c test/sim/world.h
test_sim_libsim_a_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
LINK_sim = test/sim/libsim.a $(LINK_api)

check_PROGRAMS += test/sim/test_cluster
TESTS += test/sim/test_cluster
test_sim_test_cluster_SOURCES = test/sim/test_cluster.c
test_sim_test_cluster_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_sim_test_cluster_LDADD = $(LINK_sim) $(CMOCKA_LIBS)

check_PROGRAMS += test/sim/test_groups
TESTS += test/sim/test_groups
test_sim_test_groups_SOURCES = test/sim/test_groups.c
test_sim_test_groups_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_sim_test_groups_LDADD = $(LINK_sim) $(CMOCKA_LIBS)

check_PROGRAMS += test/sim/test_regressions
TESTS += test/sim/test_regressions
test_sim_test_regressions_SOURCES = test/sim/test_regressions.c
test_sim_test_regressions_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_sim_test_regressions_LDADD = $(LINK_sim) $(CMOCKA_LIBS)

check_PROGRAMS += test/sim/sim
test_sim_sim_SOURCES = test/sim/sim.c \
	test/sim/ledger.c test/sim/ledger.h \
	test/sim/runner.c test/sim/runner.h \
	test/sim/hours.c test/sim/hours.h \
	test/sim/reference.c test/sim/reference.h \
	test/sim/swarm.c test/sim/swarm.h test/sim/swarm_impl.h \
	test/sim/swarm_admin.c \
	test/sim/swarm_apart.c \
	test/sim/swarm_draw.c \
	test/sim/swarm_faults.c \
	test/sim/swarm_scarce.c
test_sim_sim_LDADD = $(LINK_sim)
TESTS += test/sim/check.sh test/sim/plants.sh
EXTRA_DIST += test/sim/check.sh test/sim/plants.sh test/sim/seeds.txt \
	test/sim/teeth.sh test/sim/plants.txt

# For teeth.sh: a file with a planted fault, and a program linked with such.
plant-object:
	$(CC) $(DEFS) $(DEFAULT_INCLUDES) $(INCLUDES) $(AM_CPPFLAGS) \
	  $(CPPFLAGS) $(AM_CFLAGS) $(RAFT_CFLAGS) $(SQLITE_CFLAGS) \
	  $(UV_CFLAGS) $(CFLAGS) -w -c -o $(PLANT).o $(PLANT).c
plant-program: $(PLANT_OBJECTS) $(PLANT_DEPENDENCIES)
	$(LINK) -o $(PLANT_OUT) $(PLANT_OBJECTS) $(PLANTS) $(PLANT_LDADD) \
	  $(LIBS)
.PHONY: plant-object plant-program
