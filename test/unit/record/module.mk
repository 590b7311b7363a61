check_PROGRAMS += test/unit/record/test_batch
TESTS += test/unit/record/test_batch
test_unit_record_test_batch_SOURCES = test/unit/record/test_batch.c \
	test/unit/record/golden.h test/unit/record/sample.h
test_unit_record_test_batch_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit/record
test_unit_record_test_batch_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_record_test_batch_LDADD = $(LINK_record) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/record/test_compress
TESTS += test/unit/record/test_compress
test_unit_record_test_compress_SOURCES = test/unit/record/test_compress.c \
	test/unit/record/golden.h test/unit/record/sample.h
test_unit_record_test_compress_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/test/unit/record
test_unit_record_test_compress_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_record_test_compress_LDADD = $(LINK_record) $(CMOCKA_LIBS)
