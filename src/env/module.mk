noinst_LIBRARIES += src/env/libenv.a
src_env_libenv_a_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(URING_CFLAGS)
src_env_libenv_a_SOURCES = \
	src/env/env.h \
	src/env/file.h \
	src/env/impl.h \
	src/env/sim.h \
	src/env/system.h \
	src/env/env.c \
	src/env/file.c
