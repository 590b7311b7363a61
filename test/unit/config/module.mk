check_PROGRAMS += test/unit/config/test_properties
TESTS += test/unit/config/test_properties
test_unit_config_test_properties_SOURCES = test/unit/config/test_properties.c
test_unit_config_test_properties_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_config_test_properties_LDADD = $(LINK_config) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/config/test_topic
TESTS += test/unit/config/test_topic
test_unit_config_test_topic_SOURCES = test/unit/config/test_topic.c
test_unit_config_test_topic_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_config_test_topic_LDADD = $(LINK_config) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/config/test_config
TESTS += test/unit/config/test_config
test_unit_config_test_config_SOURCES = test/unit/config/test_config.c
test_unit_config_test_config_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_config_test_config_LDADD = $(LINK_config) $(CMOCKA_LIBS)
