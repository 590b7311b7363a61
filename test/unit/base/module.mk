check_PROGRAMS += test/unit/base/test_arena
TESTS += test/unit/base/test_arena
test_unit_base_test_arena_SOURCES = test/unit/base/test_arena.c
test_unit_base_test_arena_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_base_test_arena_LDADD = $(LINK_base) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/base/test_assert
TESTS += test/unit/base/test_assert
test_unit_base_test_assert_SOURCES = test/unit/base/test_assert.c
test_unit_base_test_assert_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_base_test_assert_LDADD = $(LINK_base) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/base/test_buf
TESTS += test/unit/base/test_buf
test_unit_base_test_buf_SOURCES = test/unit/base/test_buf.c
test_unit_base_test_buf_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_base_test_buf_LDADD = $(LINK_base) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/base/test_chunk
TESTS += test/unit/base/test_chunk
test_unit_base_test_chunk_SOURCES = test/unit/base/test_chunk.c
test_unit_base_test_chunk_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_base_test_chunk_LDADD = $(LINK_base) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/base/test_crc32c
TESTS += test/unit/base/test_crc32c
test_unit_base_test_crc32c_SOURCES = test/unit/base/test_crc32c.c
test_unit_base_test_crc32c_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_base_test_crc32c_LDADD = $(LINK_base) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/base/test_cursor
TESTS += test/unit/base/test_cursor
test_unit_base_test_cursor_SOURCES = test/unit/base/test_cursor.c
test_unit_base_test_cursor_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_base_test_cursor_LDADD = $(LINK_base) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/base/test_err
TESTS += test/unit/base/test_err
test_unit_base_test_err_SOURCES = test/unit/base/test_err.c
test_unit_base_test_err_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_base_test_err_LDADD = $(LINK_base) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/base/test_hash
TESTS += test/unit/base/test_hash
test_unit_base_test_hash_SOURCES = test/unit/base/test_hash.c
test_unit_base_test_hash_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_base_test_hash_LDADD = $(LINK_base) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/base/test_heap
TESTS += test/unit/base/test_heap
test_unit_base_test_heap_SOURCES = test/unit/base/test_heap.c
test_unit_base_test_heap_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_base_test_heap_LDADD = $(LINK_base) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/base/test_map
TESTS += test/unit/base/test_map
test_unit_base_test_map_SOURCES = test/unit/base/test_map.c
test_unit_base_test_map_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_base_test_map_LDADD = $(LINK_base) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/base/test_mem
TESTS += test/unit/base/test_mem
test_unit_base_test_mem_SOURCES = test/unit/base/test_mem.c
test_unit_base_test_mem_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_base_test_mem_LDADD = $(LINK_base) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/base/test_rand
TESTS += test/unit/base/test_rand
test_unit_base_test_rand_SOURCES = test/unit/base/test_rand.c
test_unit_base_test_rand_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_base_test_rand_LDADD = $(LINK_base) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/base/test_uuid
TESTS += test/unit/base/test_uuid
test_unit_base_test_uuid_SOURCES = test/unit/base/test_uuid.c
test_unit_base_test_uuid_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_base_test_uuid_LDADD = $(LINK_base) $(CMOCKA_LIBS)
