check_PROGRAMS += test/unit/base/test_crc32c
TESTS += test/unit/base/test_crc32c
test_unit_base_test_crc32c_SOURCES = test/unit/base/test_crc32c.c
test_unit_base_test_crc32c_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_base_test_crc32c_LDADD = $(LINK_base) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/base/test_map
TESTS += test/unit/base/test_map
test_unit_base_test_map_SOURCES = test/unit/base/test_map.c
test_unit_base_test_map_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_base_test_map_LDADD = $(LINK_base) $(CMOCKA_LIBS)
