noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_SOURCES = \
	src/net/conn.h \
	src/net/hello.h \
	src/net/listener.h \
	src/net/peers.h \
	src/net/peers_impl.h \
	src/net/conn.c \
	src/net/conn_out.c \
	src/net/hello.c \
	src/net/inbound.c \
	src/net/lane.c \
	src/net/link.c \
	src/net/listener.c \
	src/net/peers.c
