check_PROGRAMS += test/unit/wire/test_message
TESTS += test/unit/wire/test_message
test_unit_wire_test_message_SOURCES = test/unit/wire/test_message.c
test_unit_wire_test_message_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_wire_test_message_LDADD = $(LINK_wire) $(CMOCKA_LIBS)
