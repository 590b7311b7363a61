
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
