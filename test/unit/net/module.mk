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

check_PROGRAMS += test/unit/net/test_net_fuzz
TESTS += test/unit/net/test_net_fuzz
test_unit_net_test_net_fuzz_SOURCES = test/unit/net/test_net_fuzz.c \
    test/fuzz/fuzz_peer_frame.c test/fuzz/fuzz_peer_frame.h
test_unit_net_test_net_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test
test_unit_net_test_net_fuzz_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_net_test_net_fuzz_LDADD = $(LINK_net) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/net/test_hello
TESTS += test/unit/net/test_hello
test_unit_net_test_hello_SOURCES = test/unit/net/test_hello.c
test_unit_net_test_hello_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_net_test_hello_LDADD = $(LINK_net) $(CMOCKA_LIBS)
