EXTRA_DIST += test/unit/state/state_test.h

check_PROGRAMS += test/unit/state/test_image
TESTS += test/unit/state/test_image
test_unit_state_test_image_SOURCES = test/unit/state/test_image.c
test_unit_state_test_image_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_image_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_machine
TESTS += test/unit/state/test_machine
test_unit_state_test_machine_SOURCES = test/unit/state/test_machine.c
test_unit_state_test_machine_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_machine_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_machine_system
TESTS += test/unit/state/test_machine_system
test_unit_state_test_machine_system_SOURCES = test/unit/state/test_machine_system.c
test_unit_state_test_machine_system_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_machine_system_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_meta
TESTS += test/unit/state/test_meta
test_unit_state_test_meta_SOURCES = test/unit/state/test_meta.c
test_unit_state_test_meta_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_meta_LDADD = $(LINK_state) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/state/test_meta_codec
TESTS += test/unit/state/test_meta_codec
test_unit_state_test_meta_codec_SOURCES = test/unit/state/test_meta_codec.c
test_unit_state_test_meta_codec_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_state_test_meta_codec_LDADD = $(LINK_state) $(CMOCKA_LIBS)
