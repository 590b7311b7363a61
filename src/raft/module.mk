noinst_LIBRARIES += src/raft/libraftroom.a
src_raft_libraftroom_a_CFLAGS = $(AM_CFLAGS) $(RAFT_CFLAGS)
src_raft_libraftroom_a_SOURCES = \
	src/raft/core.h \
	src/raft/core_guard.h \
	src/raft/core_impl.h \
	src/raft/consensus.h \
	src/raft/group.h \
	src/raft/message.h \
	src/raft/barrier.c \
	src/raft/condense.c \
	src/raft/consensus.c \
	src/raft/core.c \
	src/raft/core_config.c \
	src/raft/core_guard.c \
	src/raft/core_heap.c \
	src/raft/core_message.c \
	src/raft/core_open.c \
	src/raft/core_probe.c \
	src/raft/core_propose.c \
	src/raft/core_state.c \
	src/raft/core_tell.c \
	src/raft/gate.c \
	src/raft/group.c \
	src/raft/group_base.c \
	src/raft/group_config.c \
	src/raft/group_step.c \
	src/raft/quiet.c \
	src/raft/route.c \
	src/raft/message.c \
	src/raft/transfer.c
