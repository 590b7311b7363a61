
check_PROGRAMS += test/unit/broker/test_partition_read
TESTS += test/unit/broker/test_partition_read
test_unit_broker_test_partition_read_SOURCES = \
	test/unit/broker/test_partition_read.c
test_unit_broker_test_partition_read_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_partition_read_LDADD = src/broker/libbroker.a \
	$(LINK_record) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_cluster
TESTS += test/unit/broker/test_cluster
test_unit_broker_test_cluster_SOURCES = \
	test/unit/broker/cluster.c test/unit/broker/cluster.h \
	test/unit/broker/test_cluster.c
test_unit_broker_test_cluster_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_cluster_LDADD = $(LINK_broker) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_absent
TESTS += test/unit/broker/test_absent
test_unit_broker_test_absent_SOURCES = \
	test/unit/broker/cluster.c test/unit/broker/cluster.h \
	test/unit/broker/test_absent.c
test_unit_broker_test_absent_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_absent_LDADD = $(LINK_broker) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_groups
TESTS += test/unit/broker/test_groups
test_unit_broker_test_groups_SOURCES = \
	test/unit/broker/cluster.c test/unit/broker/cluster.h \
	test/unit/broker/test_groups.c
test_unit_broker_test_groups_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_groups_LDADD = $(LINK_broker) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_shards
TESTS += test/unit/broker/test_shards
test_unit_broker_test_shards_SOURCES = \
	test/unit/broker/cluster.c test/unit/broker/cluster.h \
	test/unit/broker/test_shards.c
test_unit_broker_test_shards_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_shards_LDADD = $(LINK_broker) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_overlay
TESTS += test/unit/broker/test_overlay
test_unit_broker_test_overlay_SOURCES = \
	test/unit/broker/cluster.c test/unit/broker/cluster.h \
	test/unit/broker/test_overlay.c
test_unit_broker_test_overlay_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_overlay_LDADD = $(LINK_broker) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_limits
TESTS += test/unit/broker/test_limits
test_unit_broker_test_limits_SOURCES = \
	test/unit/broker/cluster.c test/unit/broker/cluster.h \
	test/unit/broker/test_limits.c
test_unit_broker_test_limits_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_limits_LDADD = $(LINK_broker) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_transfer
TESTS += test/unit/broker/test_transfer
test_unit_broker_test_transfer_SOURCES = \
	test/unit/broker/cluster.c test/unit/broker/cluster.h \
	test/unit/broker/test_transfer.c
test_unit_broker_test_transfer_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_transfer_LDADD = $(LINK_broker) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_meta_install
TESTS += test/unit/broker/test_meta_install
test_unit_broker_test_meta_install_SOURCES = \
	test/unit/broker/cluster.c test/unit/broker/cluster.h \
	test/unit/broker/test_meta_install.c
test_unit_broker_test_meta_install_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_meta_install_LDADD = $(LINK_broker) $(CMOCKA_LIBS)

# The pure parts.
check_PROGRAMS += test/unit/broker/test_producers \
	test/unit/broker/test_identity test/unit/broker/test_leaders
TESTS += test/unit/broker/test_producers test/unit/broker/test_identity \
	test/unit/broker/test_leaders
test_unit_broker_test_producers_SOURCES = test/unit/broker/test_producers.c
test_unit_broker_test_producers_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_producers_LDADD = src/broker/libbroker.a \
	$(LINK_record) $(CMOCKA_LIBS)
test_unit_broker_test_identity_SOURCES = test/unit/broker/test_identity.c
test_unit_broker_test_identity_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_identity_LDADD = src/broker/libbroker.a $(LINK_env) \
	$(CMOCKA_LIBS)
test_unit_broker_test_leaders_SOURCES = test/unit/broker/test_leaders.c
test_unit_broker_test_leaders_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_leaders_LDADD = src/broker/libbroker.a $(LINK_env) \
	$(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_directory
TESTS += test/unit/broker/test_directory
test_unit_broker_test_directory_SOURCES = test/unit/broker/test_directory.c
test_unit_broker_test_directory_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_directory_LDADD = $(LINK_broker) $(CMOCKA_LIBS)

# What becomes of a state that is damaged, lost, or not the others'.
check_PROGRAMS += test/unit/broker/test_state_repair
TESTS += test/unit/broker/test_state_repair
test_unit_broker_test_state_repair_SOURCES = \
	test/unit/broker/cluster.c test/unit/broker/cluster.h \
	test/unit/broker/test_state_repair.c
test_unit_broker_test_state_repair_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_state_repair_LDADD = $(LINK_broker) $(CMOCKA_LIBS)
check_PROGRAMS += test/unit/broker/test_state_check
TESTS += test/unit/broker/test_state_check
test_unit_broker_test_state_check_SOURCES = test/unit/broker/test_state_check.c
test_unit_broker_test_state_check_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_state_check_LDADD = src/broker/libbroker.a $(LINK_env) \
	$(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_query
TESTS += test/unit/broker/test_query
test_unit_broker_test_query_SOURCES = \
	test/unit/broker/cluster.c test/unit/broker/cluster.h \
	test/unit/broker/test_query.c
test_unit_broker_test_query_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_query_LDADD = $(LINK_broker) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_old_image
TESTS += test/unit/broker/test_old_image
test_unit_broker_test_old_image_SOURCES = \
	test/unit/broker/cluster.c test/unit/broker/cluster.h \
	test/unit/broker/test_old_image.c
test_unit_broker_test_old_image_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_old_image_LDADD = $(LINK_broker) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_coordinator_clock
TESTS += test/unit/broker/test_coordinator_clock
test_unit_broker_test_coordinator_clock_SOURCES = \
	test/unit/broker/test_coordinator_clock.c
test_unit_broker_test_coordinator_clock_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_coordinator_clock_LDADD = $(LINK_broker) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_stop
TESTS += test/unit/broker/test_stop
test_unit_broker_test_stop_SOURCES = \
	test/unit/broker/cluster.c test/unit/broker/cluster.h \
	test/unit/broker/test_stop.c
test_unit_broker_test_stop_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_stop_LDADD = $(LINK_broker) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_metadata_call
TESTS += test/unit/broker/test_metadata_call
test_unit_broker_test_metadata_call_SOURCES = \
	test/unit/broker/cluster.c test/unit/broker/cluster.h \
	test/unit/broker/test_metadata_call.c
test_unit_broker_test_metadata_call_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_metadata_call_LDADD = $(LINK_broker) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_coordinator
TESTS += test/unit/broker/test_coordinator
test_unit_broker_test_coordinator_SOURCES = \
	test/unit/broker/test_coordinator.c
test_unit_broker_test_coordinator_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_coordinator_LDADD = $(LINK_broker) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/broker/test_waits
TESTS += test/unit/broker/test_waits
test_unit_broker_test_waits_SOURCES = test/unit/broker/test_waits.c
test_unit_broker_test_waits_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_broker_test_waits_LDADD = src/broker/libbroker.a $(LINK_env) \
	$(CMOCKA_LIBS)
