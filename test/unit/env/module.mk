
# The simulated door.
check_PROGRAMS += test/unit/env/test_sim_disk
TESTS += test/unit/env/test_sim_disk
test_unit_env_test_sim_disk_SOURCES = test/unit/env/test_sim_disk.c
test_unit_env_test_sim_disk_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_env_test_sim_disk_LDADD = $(LINK_env) $(CMOCKA_LIBS)
