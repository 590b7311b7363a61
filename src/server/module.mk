noinst_LIBRARIES += src/server/libserver.a
src_server_libserver_a_SOURCES = \
	src/server/admin.c src/server/admin.h \
	src/server/gauges.c src/server/gauges.h \
	src/server/node.c src/server/node.h \
	src/server/notify.c src/server/notify.h \
	src/server/options.c src/server/options.h \
	src/server/signals.c src/server/signals.h
src_server_libserver_a_CFLAGS = $(AM_CFLAGS) $(MICROHTTPD_CFLAGS)

sbin_PROGRAMS += src/server/ostrakad
src_server_ostrakad_SOURCES = src/server/main.c
src_server_ostrakad_LDADD = src/server/libserver.a $(LINK_api) \
	$(MICROHTTPD_LIBS)

dist_man_MANS += doc/man/ostrakad.8 doc/man/ostrakad.properties.5
dist_example_DATA += contrib/systemd/ostrakad.service \
	contrib/examples/n1.properties \
	contrib/examples/n2.properties contrib/examples/n3.properties
