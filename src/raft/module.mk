noinst_LIBRARIES += src/raft/libraftroom.a
src_raft_libraftroom_a_SOURCES =
