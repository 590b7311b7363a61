noinst_LIBRARIES += src/state/libstate.a
src_state_libstate_a_SOURCES =
