
# The man pages and the examples against the programs; how large ostrakad is.
TESTS += test/unit/server/man.sh test/unit/server/examples.sh \
	test/unit/server/size.sh
EXTRA_DIST += test/unit/server/man.sh test/unit/server/examples.sh \
	test/unit/server/size.sh

check_PROGRAMS += test/unit/server/test_notify
TESTS += test/unit/server/test_notify
test_unit_server_test_notify_SOURCES = test/unit/server/test_notify.c
test_unit_server_test_notify_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_server_test_notify_LDADD = src/server/libserver.a $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/server/test_options
TESTS += test/unit/server/test_options
test_unit_server_test_options_SOURCES = test/unit/server/test_options.c
test_unit_server_test_options_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_server_test_options_LDADD = src/server/libserver.a $(LINK_api) \
	$(MICROHTTPD_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/server/test_node
TESTS += test/unit/server/test_node
test_unit_server_test_node_SOURCES = test/unit/server/test_node.c
test_unit_server_test_node_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_server_test_node_LDADD = src/server/libserver.a $(LINK_api) \
	$(MICROHTTPD_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/server/test_admin
TESTS += test/unit/server/test_admin
test_unit_server_test_admin_SOURCES = test/unit/server/test_admin.c
test_unit_server_test_admin_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_server_test_admin_LDADD = src/server/libserver.a $(LINK_api) \
	$(MICROHTTPD_LIBS) $(CMOCKA_LIBS)

# Its processes find ports of their own as the tool does.
check_PROGRAMS += test/unit/server/test_hold
TESTS += test/unit/server/test_hold
test_unit_server_test_hold_SOURCES = test/unit/server/test_hold.c \
	test/unit/server/members.c test/unit/server/members.h
test_unit_server_test_hold_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_server_test_hold_LDADD = src/server/libserver.a src/cli/libcli.a \
	$(LINK_api) $(MICROHTTPD_LIBS) $(CMOCKA_LIBS)
