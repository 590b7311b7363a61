noinst_LIBRARIES += src/state/libstate.a
src_state_libstate_a_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
src_state_libstate_a_SOURCES = \
	src/state/cgroup.h \
	src/state/cgroup_image.h \
	src/state/cgroup_image_impl.h \
	src/state/cgroup_impl.h \
	src/state/change.h \
	src/state/dump.h \
	src/state/db.h \
	src/state/db_impl.h \
	src/state/image.h \
	src/state/image_impl.h \
	src/state/machine.h \
	src/state/machine_impl.h \
	src/state/meta.h \
	src/state/meta_impl.h \
	src/state/vfs.h \
	src/state/apply.c \
	src/state/cgroup.c \
	src/state/cgroup_change.c \
	src/state/cgroup_codec.c \
	src/state/cgroup_expire.c \
	src/state/cgroup_image.c \
	src/state/cgroup_image_change.c \
	src/state/cgroup_join.c \
	src/state/cgroup_offset.c \
	src/state/cgroup_rebalance.c \
	src/state/cgroup_row.c \
	src/state/cgroup_sync.c \
	src/state/change.c \
	src/state/checkpoint.c \
	src/state/db.c \
	src/state/db_file.c \
	src/state/dump.c \
	src/state/hash.c \
	src/state/image.c \
	src/state/image_change.c \
	src/state/machine.c \
	src/state/meta.c \
	src/state/meta_codec.c \
	src/state/meta_config.c \
	src/state/meta_place.c \
	src/state/meta_rules.c \
	src/state/meta_shards.c \
	src/state/meta_topic.c \
	src/state/verify.c \
	src/state/vfs.c
