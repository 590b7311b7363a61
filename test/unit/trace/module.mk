check_PROGRAMS += test/unit/trace/test_metric
TESTS += test/unit/trace/test_metric
test_unit_trace_test_metric_SOURCES = test/unit/trace/test_metric.c
test_unit_trace_test_metric_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_trace_test_metric_LDADD = $(LINK_trace) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/trace/test_trace
TESTS += test/unit/trace/test_trace
test_unit_trace_test_trace_SOURCES = test/unit/trace/test_trace.c
test_unit_trace_test_trace_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
test_unit_trace_test_trace_LDADD = $(LINK_trace) $(CMOCKA_LIBS)
