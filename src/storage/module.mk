noinst_LIBRARIES += src/storage/libstorage.a
src_storage_libstorage_a_SOURCES =
# entries and the part of a log in memory
src_storage_libstorage_a_SOURCES += src/storage/entry.h src/storage/entry.c
src_storage_libstorage_a_SOURCES += src/storage/tail.h src/storage/tail.c
# the journal
src_storage_libstorage_a_SOURCES += src/storage/journal.h src/storage/format.h \
    src/storage/journal_impl.h src/storage/journal_frame.h
src_storage_libstorage_a_SOURCES += src/storage/journal.c \
    src/storage/journal_plan.c src/storage/journal_stage.c \
    src/storage/journal_turn.c src/storage/journal_metric.c \
    src/storage/journal_frame.c src/storage/journal_ring.c \
    src/storage/journal_open.c src/storage/journal_zero.c \
    src/storage/checkpoint.c src/storage/roster.c src/storage/recover.c \
    src/storage/recover_log.c src/storage/recover_settle.c \
    src/storage/recover_stream.c \
    src/storage/recover_impl.h src/storage/recover_scan.c \
    src/storage/recover_apply.c src/storage/recover_walk.c
# batches in segments, and what stands for entries below the log base
src_storage_libstorage_a_SOURCES += src/storage/segment_format.h
src_storage_libstorage_a_SOURCES += src/storage/manifest.h src/storage/manifest.c
src_storage_libstorage_a_SOURCES += src/storage/store.h \
    src/storage/store_impl.h src/storage/store.c src/storage/store_flush.c \
    src/storage/segment.c \
    src/storage/segment_write.c src/storage/index.c \
    src/storage/store_open.c src/storage/store_load.c src/storage/store_read.c \
    src/storage/store_retain.c src/storage/store_trim.c \
    src/storage/store_transfer.c
