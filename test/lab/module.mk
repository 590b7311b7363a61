# The volatile-cache disk, where libfuse3 is there.
EXTRA_DIST += test/lab/lab.sh test/lab/vdisk.sh \
	test/lab/flush_before_ack.sh
if FUSE3
noinst_PROGRAMS += test/lab/vdisk
test_lab_vdisk_SOURCES = test/lab/vdisk.c
test_lab_vdisk_CFLAGS = $(AM_CFLAGS) $(FUSE3_CFLAGS)
test_lab_vdisk_LDADD = $(FUSE3_LIBS)
endif
