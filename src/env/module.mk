noinst_LIBRARIES += src/env/libenv.a
src_env_libenv_a_SOURCES =
