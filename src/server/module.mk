noinst_LIBRARIES += src/server/libserver.a
src_server_libserver_a_SOURCES = \
	src/server/node.c src/server/node.h \
	src/server/notify.c src/server/notify.h \
	src/server/options.c src/server/options.h \
	src/server/signals.c src/server/signals.h

sbin_PROGRAMS += src/server/ostrakad
src_server_ostrakad_SOURCES = src/server/main.c
src_server_ostrakad_LDADD = src/server/libserver.a $(LINK_api)
