noinst_LIBRARIES += src/trace/libtrace.a
src_trace_libtrace_a_SOURCES = \
  src/trace/metric.c src/trace/metric.h \
  src/trace/trace.c src/trace/trace.h
