
check_PROGRAMS += test/unit/api/test_read_families
TESTS += test/unit/api/test_read_families
test_unit_api_test_read_families_SOURCES = \
	test/unit/api/test_read_families.c \
	test/unit/api/fake.c test/unit/api/fake.h
test_unit_api_test_read_families_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(srcdir)/test/unit/api
test_unit_api_test_read_families_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_api_test_read_families_LDADD = src/api/libapi.a \
	src/wire/libwire.a $(LINK_config) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/api/test_write_families
TESTS += test/unit/api/test_write_families
test_unit_api_test_write_families_SOURCES = \
	test/unit/api/test_write_families.c \
	test/unit/api/fake.c test/unit/api/fake.h
test_unit_api_test_write_families_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(srcdir)/test/unit/api
test_unit_api_test_write_families_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_api_test_write_families_LDADD = src/api/libapi.a \
	src/wire/libwire.a $(LINK_config) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/api/test_versions
TESTS += test/unit/api/test_versions
test_unit_api_test_versions_SOURCES = test/unit/api/test_versions.c \
	test/unit/api/fake.c test/unit/api/fake.h
test_unit_api_test_versions_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(srcdir)/test/unit/api
test_unit_api_test_versions_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_api_test_versions_LDADD = src/api/libapi.a \
	src/wire/libwire.a $(LINK_config) $(CMOCKA_LIBS)

# Those of record batches.
check_PROGRAMS += test/unit/api/test_hints
TESTS += test/unit/api/test_hints
test_unit_api_test_hints_SOURCES = test/unit/api/test_hints.c \
	test/unit/api/fake.c test/unit/api/fake.h \
	test/unit/api/fake_records.c test/unit/api/fake_records.h
test_unit_api_test_hints_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(srcdir)/test/unit/api -DFAKE_RECORDS
test_unit_api_test_hints_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_api_test_hints_LDADD = src/api/libapi.a src/record/librecord.a \
	src/wire/libwire.a $(LINK_config) $(ZSTD_LIBS) $(LZ4_LIBS) \
	$(ZLIB_LIBS) $(SNAPPY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/api/test_produce
TESTS += test/unit/api/test_produce
test_unit_api_test_produce_SOURCES = test/unit/api/test_produce.c \
	test/unit/api/fake.c test/unit/api/fake.h \
	test/unit/api/fake_records.c test/unit/api/fake_records.h
test_unit_api_test_produce_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(srcdir)/test/unit/api -DFAKE_RECORDS
test_unit_api_test_produce_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_api_test_produce_LDADD = src/api/libapi.a src/record/librecord.a \
	src/wire/libwire.a $(LINK_config) $(ZSTD_LIBS) $(LZ4_LIBS) \
	$(ZLIB_LIBS) $(SNAPPY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/api/test_starved
TESTS += test/unit/api/test_starved
test_unit_api_test_starved_SOURCES = test/unit/api/test_starved.c \
	test/unit/api/fake.c test/unit/api/fake.h \
	test/unit/api/fake_records.c test/unit/api/fake_records.h \
	test/unit/api/fake_fetch.c test/unit/api/fake_fetch.h
test_unit_api_test_starved_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(srcdir)/test/unit/api -DFAKE_RECORDS
test_unit_api_test_starved_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_api_test_starved_LDADD = src/api/libapi.a src/record/librecord.a \
	src/wire/libwire.a $(LINK_config) $(ZSTD_LIBS) $(LZ4_LIBS) \
	$(ZLIB_LIBS) $(SNAPPY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/api/test_fetch
TESTS += test/unit/api/test_fetch
test_unit_api_test_fetch_SOURCES = test/unit/api/test_fetch.c \
	test/unit/api/fake.c test/unit/api/fake.h \
	test/unit/api/fake_records.c test/unit/api/fake_records.h \
	test/unit/api/fake_fetch.c test/unit/api/fake_fetch.h
test_unit_api_test_fetch_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(srcdir)/test/unit/api -DFAKE_RECORDS
test_unit_api_test_fetch_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_api_test_fetch_LDADD = src/api/libapi.a src/record/librecord.a \
	src/wire/libwire.a $(LINK_config) $(ZSTD_LIBS) $(LZ4_LIBS) \
	$(ZLIB_LIBS) $(SNAPPY_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/api/test_fetch_session
TESTS += test/unit/api/test_fetch_session
test_unit_api_test_fetch_session_SOURCES = test/unit/api/test_fetch_session.c \
	test/unit/api/fake.c test/unit/api/fake.h \
	test/unit/api/fake_records.c test/unit/api/fake_records.h \
	test/unit/api/fake_fetch.c test/unit/api/fake_fetch.h
test_unit_api_test_fetch_session_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(srcdir)/test/unit/api -DFAKE_RECORDS
test_unit_api_test_fetch_session_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_api_test_fetch_session_LDADD = src/api/libapi.a src/record/librecord.a \
	src/wire/libwire.a $(LINK_config) $(ZSTD_LIBS) $(LZ4_LIBS) \
	$(ZLIB_LIBS) $(SNAPPY_LIBS) $(CMOCKA_LIBS)

# With the real requests and connections, and a table of its own.
check_PROGRAMS += test/unit/api/test_request
TESTS += test/unit/api/test_request
test_unit_api_test_request_SOURCES = test/unit/api/test_request.c
test_unit_api_test_request_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_api_test_request_LDADD = src/api/libapi.a \
	src/config/libconfig.a $(LINK_net) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/api/test_group_families
TESTS += test/unit/api/test_group_families
test_unit_api_test_group_families_SOURCES = \
	test/unit/api/test_group_families.c \
	test/unit/api/fake.c test/unit/api/fake.h \
	test/unit/api/fake_groups.c test/unit/api/fake_groups.h
test_unit_api_test_group_families_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(srcdir)/test/unit/api -DFAKE_GROUPS
test_unit_api_test_group_families_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_api_test_group_families_LDADD = src/api/libapi.a \
	src/state/libstate.a src/wire/libwire.a $(LINK_config) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/api/test_sql
TESTS += test/unit/api/test_sql
test_unit_api_test_sql_SOURCES = \
	test/unit/api/test_sql.c \
	test/unit/api/fake.c test/unit/api/fake.h
test_unit_api_test_sql_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(srcdir)/test/unit/api -DFAKE_SQL
test_unit_api_test_sql_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_api_test_sql_LDADD = src/api/libapi.a \
	src/wire/libwire.a $(LINK_config) $(CMOCKA_LIBS)
