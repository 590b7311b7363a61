noinst_LIBRARIES += src/trace/libtrace.a
src_trace_libtrace_a_SOURCES =
