noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
  src/base/arena.c src/base/arena.h \
  src/base/assert.c src/base/assert.h \
  src/base/buf.c src/base/buf.h \
  src/base/bytes.h \
  src/base/chunk.c src/base/chunk.h \
  src/base/crc32c.c src/base/crc32c.h \
  src/base/cursor.c src/base/cursor.h \
  src/base/err.c src/base/err.h \
  src/base/hash.c src/base/hash.h \
  src/base/heap.c src/base/heap.h \
  src/base/map.c src/base/map.h \
  src/base/mem.c src/base/mem.h \
  src/base/queue.h \
  src/base/rand.c src/base/rand.h \
  src/base/slice.h \
  src/base/uuid.c src/base/uuid.h
src_base_libbase_a_CFLAGS = $(AM_CFLAGS) $(ISAL_CFLAGS) $(XXHASH_CFLAGS)
