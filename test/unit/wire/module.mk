check_PROGRAMS += test/unit/wire/test_message
TESTS += test/unit/wire/test_message
test_unit_wire_test_message_SOURCES = test/unit/wire/test_message.c
test_unit_wire_test_message_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_wire_test_message_LDADD = $(LINK_wire) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/wire/test_golden
TESTS += test/unit/wire/test_golden
test_unit_wire_test_golden_SOURCES = test/unit/wire/test_golden.c
test_unit_wire_test_golden_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_wire_test_golden_LDADD = $(LINK_wire) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/wire/test_codec
TESTS += test/unit/wire/test_codec
test_unit_wire_test_codec_SOURCES = test/unit/wire/test_codec.c
test_unit_wire_test_codec_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_wire_test_codec_LDADD = $(LINK_wire) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/wire/test_header
TESTS += test/unit/wire/test_header
test_unit_wire_test_header_SOURCES = test/unit/wire/test_header.c
test_unit_wire_test_header_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_wire_test_header_LDADD = $(LINK_wire) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/wire/test_wire_fuzz
TESTS += test/unit/wire/test_wire_fuzz
test_unit_wire_test_wire_fuzz_SOURCES = test/unit/wire/test_wire_fuzz.c \
    test/fuzz/fuzz_wire.c test/fuzz/fuzz_wire.h
test_unit_wire_test_wire_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test
test_unit_wire_test_wire_fuzz_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_wire_test_wire_fuzz_LDADD = $(LINK_wire) $(CMOCKA_LIBS)

dist_check_SCRIPTS += test/unit/wire/check_gen
TESTS += test/unit/wire/check_gen

EXTRA_DIST += \
    test/unit/wire/golden/api_versions_request_v0.hex \
    test/unit/wire/golden/api_versions_request_v3.hex \
    test/unit/wire/golden/api_versions_response_v0.hex \
    test/unit/wire/golden/api_versions_response_v3.hex \
    test/unit/wire/golden/fetch_request_v11.hex \
    test/unit/wire/golden/fetch_request_v12.hex \
    test/unit/wire/golden/fetch_response_v11.hex \
    test/unit/wire/golden/fetch_response_v16.hex \
    test/unit/wire/golden/find_coordinator_request_v2.hex \
    test/unit/wire/golden/find_coordinator_response_v2.hex \
    test/unit/wire/golden/heartbeat_request_v3.hex \
    test/unit/wire/golden/heartbeat_response_v3.hex \
    test/unit/wire/golden/init_producer_id_request_v4.hex \
    test/unit/wire/golden/init_producer_id_response_v4.hex \
    test/unit/wire/golden/join_group_request_v5.hex \
    test/unit/wire/golden/join_group_response_v5.hex \
    test/unit/wire/golden/list_offsets_request_v2.hex \
    test/unit/wire/golden/list_offsets_response_v2.hex \
    test/unit/wire/golden/metadata_request_v12.hex \
    test/unit/wire/golden/metadata_request_v2.hex \
    test/unit/wire/golden/metadata_response_v12.hex \
    test/unit/wire/golden/metadata_response_v2.hex \
    test/unit/wire/golden/offset_commit_request_v7.hex \
    test/unit/wire/golden/offset_commit_response_v7.hex \
    test/unit/wire/golden/offset_fetch_request_v5.hex \
    test/unit/wire/golden/offset_fetch_response_v5.hex \
    test/unit/wire/golden/produce_request_v7.hex \
    test/unit/wire/golden/produce_request_v9.hex \
    test/unit/wire/golden/produce_response_v7.hex \
    test/unit/wire/golden/sync_group_request_v3.hex \
    test/unit/wire/golden/sync_group_response_v3.hex

# Captured from clients on loopback.
EXTRA_DIST += \
    test/unit/wire/golden/alter_configs_request_v1_kpy2.hex \
    test/unit/wire/golden/api_versions_request_v2_kafkajs.hex \
    test/unit/wire/golden/api_versions_request_v4_java.hex \
    test/unit/wire/golden/create_partitions_request_v3_java.hex \
    test/unit/wire/golden/create_topics_request_v3_kafkajs.hex \
    test/unit/wire/golden/create_topics_request_v7_java.hex \
    test/unit/wire/golden/delete_records_request_v2_java.hex \
    test/unit/wire/golden/delete_topics_request_v6_java.hex \
    test/unit/wire/golden/describe_cluster_request_v1_java.hex \
    test/unit/wire/golden/describe_configs_request_v4_java.hex \
    test/unit/wire/golden/describe_topic_partitions_request_v0_java.hex \
    test/unit/wire/golden/fetch_request_v11_aio.hex \
    test/unit/wire/golden/fetch_request_v12_kpy.hex \
    test/unit/wire/golden/fetch_request_v12_sarama.hex \
    test/unit/wire/golden/fetch_request_v16_librdkafka.hex \
    test/unit/wire/golden/fetch_request_v17_franz.hex \
    test/unit/wire/golden/fetch_request_v17_java.hex \
    test/unit/wire/golden/fetch_request_v17_java_2.hex \
    test/unit/wire/golden/fetch_request_v4_kpy2.hex \
    test/unit/wire/golden/incremental_alter_configs_request_v1_java.hex \
    test/unit/wire/golden/init_producer_id_request_v5_franz.hex \
    test/unit/wire/golden/init_producer_id_request_v5_java.hex \
    test/unit/wire/golden/list_offsets_request_v10_franz.hex \
    test/unit/wire/golden/list_offsets_request_v10_java.hex \
    test/unit/wire/golden/list_offsets_request_v3_aio.hex \
    test/unit/wire/golden/list_offsets_request_v6_sarama.hex \
    test/unit/wire/golden/list_offsets_request_v7_librdkafka.hex \
    test/unit/wire/golden/metadata_request_v0_kpy2.hex \
    test/unit/wire/golden/metadata_request_v11_sarama.hex \
    test/unit/wire/golden/metadata_request_v13_franz.hex \
    test/unit/wire/golden/metadata_request_v13_java.hex \
    test/unit/wire/golden/metadata_request_v13_librdkafka.hex \
    test/unit/wire/golden/metadata_request_v6_kafkajs.hex \
    test/unit/wire/golden/offset_for_leader_epoch_request_v4_java.hex \
    test/unit/wire/golden/produce_request_v11_franz.hex \
    test/unit/wire/golden/produce_request_v11_java.hex \
    test/unit/wire/golden/produce_request_v7_kafkajs.hex \
    test/unit/wire/golden/produce_request_v9_kpy.hex \
    test/unit/wire/golden/produce_request_v9_sarama.hex
