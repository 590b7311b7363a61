# The system's door.
check_PROGRAMS += test/unit/env/test_system_loop
TESTS += test/unit/env/test_system_loop
test_unit_env_test_system_loop_SOURCES = test/unit/env/test_system_loop.c \
	test/unit/env/system_fixture.h
test_unit_env_test_system_loop_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_env_test_system_loop_LDADD = $(LINK_env) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/env/test_system_file
TESTS += test/unit/env/test_system_file
test_unit_env_test_system_file_SOURCES = test/unit/env/test_system_file.c \
	test/unit/env/system_fixture.h
test_unit_env_test_system_file_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) \
	$(URING_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_env_test_system_file_LDADD = $(LINK_env) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/env/test_system_bfile
TESTS += test/unit/env/test_system_bfile
test_unit_env_test_system_bfile_SOURCES = test/unit/env/test_system_bfile.c \
	test/unit/env/system_fixture.h
test_unit_env_test_system_bfile_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_env_test_system_bfile_LDADD = $(LINK_env) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/env/test_system_stream
TESTS += test/unit/env/test_system_stream
test_unit_env_test_system_stream_SOURCES = test/unit/env/test_system_stream.c \
	test/unit/env/system_fixture.h
test_unit_env_test_system_stream_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) \
	$(CMOCKA_CFLAGS)
test_unit_env_test_system_stream_LDADD = $(LINK_env) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/env/test_system_pace
TESTS += test/unit/env/test_system_pace
test_unit_env_test_system_pace_SOURCES = test/unit/env/test_system_pace.c
test_unit_env_test_system_pace_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) \
	$(UV_CFLAGS)
test_unit_env_test_system_pace_LDADD = $(LINK_env) $(CMOCKA_LIBS)

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

# Both doors.
check_PROGRAMS += test/unit/env/test_doors
TESTS += test/unit/env/test_doors
test_unit_env_test_doors_SOURCES = test/unit/env/test_doors.c
test_unit_env_test_doors_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_env_test_doors_LDADD = $(LINK_env) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/env/test_sim_faults
TESTS += test/unit/env/test_sim_faults
test_unit_env_test_sim_faults_SOURCES = test/unit/env/test_sim_faults.c
test_unit_env_test_sim_faults_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_env_test_sim_faults_LDADD = $(LINK_env) $(CMOCKA_LIBS)
