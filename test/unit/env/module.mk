
# The simulated door.
check_PROGRAMS += test/unit/env/test_sim_disk
TESTS += test/unit/env/test_sim_disk
test_unit_env_test_sim_disk_SOURCES = test/unit/env/test_sim_disk.c
test_unit_env_test_sim_disk_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_env_test_sim_disk_LDADD = $(LINK_env) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/env/test_sim_world
TESTS += test/unit/env/test_sim_world
test_unit_env_test_sim_world_SOURCES = test/unit/env/test_sim_world.c
test_unit_env_test_sim_world_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_env_test_sim_world_LDADD = $(LINK_env) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/env/test_sim_net
TESTS += test/unit/env/test_sim_net
test_unit_env_test_sim_net_SOURCES = test/unit/env/test_sim_net.c
test_unit_env_test_sim_net_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_env_test_sim_net_LDADD = $(LINK_env) $(CMOCKA_LIBS)
