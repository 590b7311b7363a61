# The volatile-cache disk, where libfuse3 is there, and the lab on it.
EXTRA_DIST += test/lab/README.md test/lab/lab.sh test/lab/nodes.sh \
	test/lab/interpret.sh test/lab/vdisk.sh test/lab/flush_before_ack.sh \
	test/lab/schedules.sh test/lab/blackouts.sh test/lab/controls.sh \
	test/lab/rounds.sh \
	test/lab/schedules/blackout-all.sched \
	test/lab/schedules/blackout-leader.sched \
	test/lab/schedules/blackout-two.sched \
	test/lab/schedules/emptied-disk.sched \
	test/lab/schedules/followers-then-leader.sched \
	test/lab/schedules/full-disk.sched \
	test/lab/schedules/kill-all.sched \
	test/lab/schedules/partition.sched \
	test/lab/schedules/pause.sched \
	test/lab/schedules/rolling-cuts.sched \
	test/lab/schedules/sync-error.sched \
	test/lab/schedules/write-error.sched
if FUSE3
noinst_PROGRAMS += test/lab/vdisk
test_lab_vdisk_SOURCES = test/lab/vdisk.c
test_lab_vdisk_CFLAGS = $(AM_CFLAGS) $(FUSE3_CFLAGS)
test_lab_vdisk_LDADD = $(FUSE3_LIBS)
endif
