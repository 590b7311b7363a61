check_PROGRAMS += test/unit/record/test_batch
TESTS += test/unit/record/test_batch
test_unit_record_test_batch_SOURCES = test/unit/record/test_batch.c \
	test/unit/record/golden.h test/unit/record/sample.h
test_unit_record_test_batch_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit/record -I$(srcdir)/test
test_unit_record_test_batch_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_record_test_batch_LDADD = $(LINK_record) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/record/test_compress
TESTS += test/unit/record/test_compress
test_unit_record_test_compress_SOURCES = test/unit/record/test_compress.c \
	test/unit/record/golden.h test/unit/record/sample.h
test_unit_record_test_compress_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit/record -I$(srcdir)/test
test_unit_record_test_compress_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_record_test_compress_LDADD = $(LINK_record) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/record/test_iterate
TESTS += test/unit/record/test_iterate
test_unit_record_test_iterate_SOURCES = test/unit/record/test_iterate.c \
	test/unit/record/golden.h test/unit/record/sample.h
test_unit_record_test_iterate_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit/record -I$(srcdir)/test
test_unit_record_test_iterate_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_record_test_iterate_LDADD = $(LINK_record) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/record/test_build
TESTS += test/unit/record/test_build
test_unit_record_test_build_SOURCES = test/unit/record/test_build.c \
	test/unit/record/golden.h test/unit/record/sample.h
test_unit_record_test_build_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit/record -I$(srcdir)/test
test_unit_record_test_build_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_record_test_build_LDADD = $(LINK_record) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/record/test_validate
TESTS += test/unit/record/test_validate
test_unit_record_test_validate_SOURCES = test/unit/record/test_validate.c \
	test/unit/record/golden.h test/unit/record/sample.h
test_unit_record_test_validate_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit/record -I$(srcdir)/test
test_unit_record_test_validate_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_record_test_validate_LDADD = $(LINK_record) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/record/test_sequence
TESTS += test/unit/record/test_sequence
test_unit_record_test_sequence_SOURCES = test/unit/record/test_sequence.c
test_unit_record_test_sequence_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit/record -I$(srcdir)/test
test_unit_record_test_sequence_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_record_test_sequence_LDADD = $(LINK_record) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/record/test_record_fuzz
TESTS += test/unit/record/test_record_fuzz
test_unit_record_test_record_fuzz_SOURCES = test/unit/record/test_record_fuzz.c test/fuzz/fuzz_record.c test/fuzz/fuzz_record.h \
	test/unit/record/golden.h test/unit/record/sample.h
test_unit_record_test_record_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit/record -I$(srcdir)/test
test_unit_record_test_record_fuzz_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_record_test_record_fuzz_LDADD = $(LINK_record) $(CMOCKA_LIBS)

# Seeds for the harness: the golden batches, rules "inspect, fix the checksum".
EXTRA_DIST += \
	test/fuzz/corpus/record/gzip \
	test/fuzz/corpus/record/hand \
	test/fuzz/corpus/record/idem \
	test/fuzz/corpus/record/lz4 \
	test/fuzz/corpus/record/none \
	test/fuzz/corpus/record/snappy \
	test/fuzz/corpus/record/zstd
