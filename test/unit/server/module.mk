
# The man pages against the programs.
TESTS += test/unit/server/man.sh
EXTRA_DIST += test/unit/server/man.sh

check_PROGRAMS += test/unit/server/test_notify
TESTS += test/unit/server/test_notify
test_unit_server_test_notify_SOURCES = test/unit/server/test_notify.c
test_unit_server_test_notify_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_server_test_notify_LDADD = src/server/libserver.a $(CMOCKA_LIBS)
