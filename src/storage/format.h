/* format.h - every byte of the journal's files; doc/FORMATS.md says why.
 *
 * All integers are little-endian. Offsets are AT_..., lengths ..._BYTES.
 */
#ifndef STORAGE_FORMAT_H
#define STORAGE_FORMAT_H

#include "storage/entry.h"

/* Frames begin and end at multiples of this: the unit of direct I/O. */
#define FORMAT_BLOCK   4096u
#define FORMAT_VERSION 1u

/* ---- frame ------------------------------------------------------------- */

/* "OSTFRAME" and "OSTTRAIL", read as little-endian numbers. */
#define FRAME_MAGIC   0x454d41524654534fULL
#define TRAILER_MAGIC 0x4c4941525454534fULL

/* The facts of a frame: first bytes of its header, last of its trailer. */
enum frame_at {
    FRAME_AT_MAGIC = 0,         /* u64 */
    FRAME_AT_VERSION = 8,       /* u16 */
    FRAME_AT_ZERO = 10,         /* u16 */
    FRAME_AT_SLOT = 12,         /* u32 number in the file's name */
    FRAME_AT_RING = 16,         /* 16 bytes */
    FRAME_AT_GENERATION = 32,   /* u64 of this use of the file */
    FRAME_AT_EPOCH = 40,        /* u64 of this run of the journal */
    FRAME_AT_SEQ = 48,          /* u64 frame number, from 1 */
    FRAME_AT_FIRST = 56,        /* u64 first record number */
    FRAME_AT_LAST = 64,         /* u64 last record; first - 1: none */
    FRAME_AT_DURABLE = 72,      /* u64 frame known durable when built */
    FRAME_AT_CHECKPOINT = 80,   /* u64 checkpoint known durable when built */
    FRAME_AT_OFFSET = 88,       /* u64 of this frame in its file */
    FRAME_AT_LENGTH = 96,       /* u32 whole frame */
    FRAME_AT_GROUPS = 100,      /* u32 groups in it */
    FRAME_AT_LISTED = 104,      /* u32 of them in the directory beside this */
    FRAME_AT_RECORDS = 108,     /* u32 where records begin */
    FRAME_AT_RECORDS_LEN = 112, /* u32 bytes of records */
    FRAME_AT_DIR_CRC = 116,     /* u32 of the directory beside this */
    FRAME_AT_ZERO2 = 120,       /* u32 */
    FRAME_AT_CRC = 124,         /* u32 of bytes 0..123 */
    FRAME_FACTS_BYTES = 128
};
_Static_assert(FRAME_AT_CRC + 4 == FRAME_FACTS_BYTES, "facts");
_Static_assert(FRAME_FACTS_BYTES % 8 == 0, "the directory is aligned");

/* One group of a frame's directory. */
enum frame_dir_at {
    DIR_AT_GROUP = 0, /* u64 */
    DIR_AT_FIRST = 8, /* u64 lowest entry index, 0: no entries */
    DIR_AT_LAST = 16, /* u64 highest */
    FRAME_DIR_BYTES = 24
};
_Static_assert(DIR_AT_LAST + 8 == FRAME_DIR_BYTES, "directory item");

/* ---- record ------------------------------------------------------------ */

enum record_at {
    RECORD_AT_KIND = 0,      /* u8 enum journal_kind */
    RECORD_AT_ZERO = 1,      /* 3 bytes */
    RECORD_AT_ENTRIES = 4,   /* u32 number of entries (APPEND, COPY) */
    RECORD_AT_SEQ = 8,       /* u64 record number */
    RECORD_AT_GROUP = 16,    /* u64 */
    RECORD_AT_LENGTH = 24,   /* u32 of the body, without padding */
    RECORD_AT_BODY_CRC = 28, /* u32 see doc */
    RECORD_AT_ZERO2 = 32,    /* u32 */
    RECORD_AT_CRC = 36,      /* u32 of bytes 0..35, salted */
    RECORD_BYTES = 40
};
_Static_assert(RECORD_AT_CRC + 4 == RECORD_BYTES, "record header");
_Static_assert(RECORD_BYTES % 8 == 0, "bodies are aligned");
_Static_assert(ENTRY_HEADER_BYTES % 8 == 0, "payloads are aligned");

/* Bodies that are not entries. */
enum body_at {
    HARD_AT_TERM = 0, /* u64 */
    HARD_AT_VOTE = 8, /* u64 */
    HARD_BYTES = 16,

    POINT_AT_INDEX = 0,   /* u64 */
    POINT_AT_TERM = 8,    /* u64 */
    POINT_AT_OFFSET = 16, /* i64 */
    POINT_AT_TIME = 24,   /* i64 */
    POINT_AT_CHAIN = 32,  /* u64 */
    POINT_BYTES = 40,     /* a MANIFEST: the point, then the blob */

    OPEN_AT_TOPIC = 0,       /* 16 bytes */
    OPEN_AT_PARTITION = 16,  /* i32 */
    OPEN_AT_CONFIG_LEN = 20, /* u32 */
    OPEN_AT_MEMBERSHIP = 24, /* u64 */
    OPEN_AT_BASE = 32,       /* point */
    OPEN_BYTES = 72          /* then the configuration */
};
_Static_assert(OPEN_AT_BASE + POINT_BYTES == OPEN_BYTES, "open");

/* ---- checkpoint -------------------------------------------------------- */

/* "OSTCHECK" */
#define CHECKPOINT_MAGIC 0x4b4345484354534fULL

enum checkpoint_at {
    CHECKPOINT_AT_MAGIC = 0,        /* u64 */
    CHECKPOINT_AT_VERSION = 8,      /* u16 */
    CHECKPOINT_AT_FLAGS = 10,       /* u16 CHECKPOINT_CLEAN */
    CHECKPOINT_AT_FILE_BYTES = 12,  /* u32 size of each ring file */
    CHECKPOINT_AT_RING = 16,        /* 16 bytes */
    CHECKPOINT_AT_SEQ = 32,         /* u64 of checkpoints */
    CHECKPOINT_AT_EPOCH = 40,       /* u64 of the run that wrote it */
    CHECKPOINT_AT_EPOCH_FRAME = 48, /* u64 first frame of that run */
    CHECKPOINT_AT_RECORD = 56,      /* u64 records up to it are in here */
    CHECKPOINT_AT_FRAME = 64,       /* u64 durable frame */
    CHECKPOINT_AT_TAIL = 72,        /* u64 frames below it are dead */
    CHECKPOINT_AT_GENERATION = 80,  /* u64 highest given */
    CHECKPOINT_AT_LENGTH = 88,      /* u64 of the body */
    CHECKPOINT_AT_GROUPS = 96,      /* u32 */
    CHECKPOINT_AT_LOST = 100,       /* u32 ranges of frames known lost */
    CHECKPOINT_AT_BODY_CRC = 104,   /* u32 */
    CHECKPOINT_AT_ZERO = 108,       /* 16 bytes */
    CHECKPOINT_AT_CRC = 124,        /* u32 of bytes 0..123 */
    CHECKPOINT_BYTES = 128
};
_Static_assert(CHECKPOINT_AT_CRC + 4 == CHECKPOINT_BYTES, "checkpoint");
#define CHECKPOINT_CLEAN 1u

/* A range of lost frames: first, last (u64 each). */
#define CHECKPOINT_LOST_BYTES 16
#define CHECKPOINT_LOST_MAX   64

enum checkpoint_group_at {
    CGROUP_AT_ID = 0,             /* u64 */
    CGROUP_AT_TOPIC = 8,          /* 16 bytes */
    CGROUP_AT_PARTITION = 24,     /* i32 */
    CGROUP_AT_FLAGS = 28,         /* u32 CGROUP_... */
    CGROUP_AT_MEMBERSHIP = 32,    /* u64 */
    CGROUP_AT_OPEN_BASE = 40,     /* point */
    CGROUP_AT_BASE = 80,          /* point */
    CGROUP_AT_TERM = 120,         /* u64 */
    CGROUP_AT_VOTE = 128,         /* u64 */
    CGROUP_AT_RESET = 136,        /* u64 record of OPEN or newest INSTALL */
    CGROUP_AT_CONFIG_LEN = 144,   /* u32 */
    CGROUP_AT_MANIFEST_LEN = 148, /* u32 */
    CGROUP_BYTES = 152            /* then configuration, manifest, zeros to 8 */
};
_Static_assert(CGROUP_AT_MANIFEST_LEN + 4 == CGROUP_BYTES, "group");
#define CGROUP_DAMAGED      1u
#define CGROUP_HAS_MANIFEST 2u

/* ---- roster ------------------------------------------------------------ */

/* "OSTROSTR" */
#define ROSTER_MAGIC 0x5254534f5254534fULL

enum roster_at {
    ROSTER_AT_MAGIC = 0,     /* u64 */
    ROSTER_AT_VERSION = 8,   /* u16 */
    ROSTER_AT_ZERO = 10,     /* u16 */
    ROSTER_AT_FILES = 12,    /* u32 */
    ROSTER_AT_RING = 16,     /* 16 bytes */
    ROSTER_AT_SEQ = 32,      /* u64 of rosters */
    ROSTER_AT_EPOCH = 40,    /* u64 of the run that wrote it */
    ROSTER_AT_BODY_CRC = 48, /* u32 */
    ROSTER_AT_ZERO2 = 52,    /* 8 bytes */
    ROSTER_AT_CRC = 60,      /* u32 of bytes 0..59 */
    ROSTER_BYTES = 64
};
_Static_assert(ROSTER_AT_CRC + 4 == ROSTER_BYTES, "roster");

enum roster_item_at {
    ROSTER_ITEM_AT_SLOT = 0,  /* u32 */
    ROSTER_ITEM_AT_LIMIT = 4, /* u32 blocks: no frame ends beyond */
    ROSTER_ITEM_AT_FIRST = 8, /* u64 its first frame, 0: none yet */
    ROSTER_ITEM_BYTES = 16
};

/* Lengths are padded with zeros to 8 bytes (records) or to blocks (files). */
static inline uint64_t format_pad(uint64_t len)
{
    return (len + 7) & ~(uint64_t)7;
}
static inline uint64_t format_blocks(uint64_t len)
{
    return (len + FORMAT_BLOCK - 1) & ~(uint64_t)(FORMAT_BLOCK - 1);
}

#endif
