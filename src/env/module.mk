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

# The system's door.
src_env_libenv_a_SOURCES += \
	src/env/system_impl.h \
	src/env/system_pace.h \
	src/env/system_stream.h \
	src/env/system.c \
	src/env/system_bfile.c \
	src/env/system_connect.c \
	src/env/system_die.c \
	src/env/system_dir.c \
	src/env/system_file.c \
	src/env/system_job.c \
	src/env/system_listen.c \
	src/env/system_pace.c \
	src/env/system_stream.c \
	src/env/system_threads.c \
	src/env/system_uring.c

# The simulated door.
src_env_libenv_a_SOURCES += \
	src/env/sim_impl.h \
	src/env/sim.c \
	src/env/sim_bfile.c src/env/sim_damage.c \
	src/env/sim_disk.c \
	src/env/sim_image.c \
	src/env/sim_file.c \
	src/env/sim_job.c \
	src/env/sim_name.c \
	src/env/sim_node.c \
	src/env/sim_net.c \
	src/env/sim_net.h \
	src/env/sim_stream.c
