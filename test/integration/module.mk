# Programs of the integration tests, which check-all runs as scripts.
EXTRA_DIST += test/integration/quick.list test/integration/tsan.supp \
	test/integration/checker.sh
noinst_PROGRAMS += test/integration/checker/check-load
test_integration_checker_check_load_SOURCES = \
	test/integration/checker/books.c test/integration/checker/books.h \
	test/integration/checker/client.c test/integration/checker/client.h \
	test/integration/checker/judge.c test/integration/checker/judge.h \
	test/integration/checker/load.c test/integration/checker/load.h \
	test/integration/checker/main.c \
	test/integration/checker/memory.c test/integration/checker/memory.h \
	test/integration/checker/raw.c test/integration/checker/raw.h \
	test/integration/checker/readback.c test/integration/checker/readback.h \
	test/integration/checker/replicas.c \
	test/integration/checker/selftest.c test/integration/checker/selftest.h \
	test/integration/checker/topic.c \
	test/integration/checker/trim.c test/integration/checker/trim.h \
	test/integration/checker/value.c test/integration/checker/value.h
noinst_PROGRAMS += test/integration/checker/check-commits
test_integration_checker_check_commits_SOURCES = \
	test/integration/checker/client.c test/integration/checker/client.h \
	test/integration/checker/commits.c \
	test/integration/checker/memory.c test/integration/checker/memory.h
test_integration_checker_check_commits_CFLAGS = $(AM_CFLAGS) $(RDKAFKA_CFLAGS)
test_integration_checker_check_commits_LDADD = $(RDKAFKA_LIBS) -lpthread
test_integration_checker_check_load_CFLAGS = $(AM_CFLAGS) $(RDKAFKA_CFLAGS)
test_integration_checker_check_load_LDADD = src/record/librecord.a \
	$(LINK_wire) $(ZSTD_LIBS) $(LZ4_LIBS) $(ZLIB_LIBS) $(SNAPPY_LIBS) \
	$(RDKAFKA_LIBS)
