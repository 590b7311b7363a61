check_PROGRAMS += test/unit/net/test_peers
TESTS += test/unit/net/test_peers
test_unit_net_test_peers_SOURCES = test/unit/net/test_peers.c
test_unit_net_test_peers_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_net_test_peers_LDADD = $(LINK_net) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/net/test_listener
TESTS += test/unit/net/test_listener
test_unit_net_test_listener_SOURCES = test/unit/net/test_listener.c
test_unit_net_test_listener_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_net_test_listener_LDADD = $(LINK_net) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/net/test_net_system
TESTS += test/unit/net/test_net_system
test_unit_net_test_net_system_SOURCES = test/unit/net/test_net_system.c
test_unit_net_test_net_system_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_net_test_net_system_LDADD = $(LINK_net) $(CMOCKA_LIBS)
