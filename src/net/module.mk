noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_SOURCES = \
	src/net/conn.h \
	src/net/listener.h \
	src/net/peers.h \
	src/net/conn.c \
	src/net/conn_out.c \
	src/net/listener.c
