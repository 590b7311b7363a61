check_PROGRAMS += test/unit/net/test_peers
TESTS += test/unit/net/test_peers
test_unit_net_test_peers_SOURCES = test/unit/net/test_peers.c
test_unit_net_test_peers_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_net_test_peers_LDADD = $(LINK_net) $(CMOCKA_LIBS)
