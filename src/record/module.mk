noinst_LIBRARIES += src/record/librecord.a
src_record_librecord_a_SOURCES = \
	src/record/batch.c src/record/batch.h \
	src/record/build.c src/record/build.h \
	src/record/chain.c src/record/chain.h \
	src/record/compress.c src/record/compress.h \
	src/record/gzip.c \
	src/record/iterate.c src/record/iterate.h \
	src/record/lz4.c \
	src/record/record.c src/record/record.h \
	src/record/sequence.c src/record/sequence.h \
	src/record/sink.h \
	src/record/validate.c src/record/validate.h \
	src/record/xerial.c \
	src/record/zstd.c
src_record_librecord_a_CFLAGS = $(AM_CFLAGS) $(ZSTD_CFLAGS) $(LZ4_CFLAGS) \
	$(ZLIB_CFLAGS)
