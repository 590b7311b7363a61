/* dump.h - ostraka dump: what a file of a data directory says. Offline, never
 * writes; formats: doc/FORMATS.md.
 *
 * Each kind of file has its own source; all print a table and return an exit
 * code: EXIT_FAILED if they met damage.
 */
#ifndef CLI_DUMP_H
#define CLI_DUMP_H

#include "base/buf.h"
#include "cli/command.h"
#include "env/file.h"

/* The row of `dump`, ended by one without a noun. */
extern const struct command dump_commands[];

enum dump_kind {
    DUMP_UNKNOWN,
    DUMP_JOURNAL,
    DUMP_CHECKPOINT,
    DUMP_SEGMENT,
    DUMP_INDEX,
    DUMP_STATE
};

/* What a file is, by its first bytes, else by its name. */
enum dump_kind dump_kind_of(const char *path, struct slice head);

struct dump {
    struct command_call *call;
    const char *path;
    struct bfile *file;
    uint64_t size;
    struct buf window;
    int64_t limit; /* rows to print at most */
    bool unread;   /* some of it could not be read */
};

/* `len` bytes at `at`, fewer at the end of the file; borrowed until the next
 * call. NULL data: an error, said. */
struct slice dump_read(struct dump *d, uint64_t at, size_t len);

/* Any of the files below, by what it is. An exit code, said: EXIT_FAILED also
 * if some of it could not be read. */
int dump_file(struct dump *d);
/* A file of the journal's ring: frames, or their records. An exit code, said.
 */
int dump_journal(struct dump *d);
/* A checkpoint: its groups and their manifests. An exit code, said. */
int dump_checkpoint(struct dump *d);
/* A segment: its batches. An exit code, said. */
int dump_segment(struct dump *d);
/* A segment's index: blocks, and whether the segment fits them. An exit code,
 * said. */
int dump_index(struct dump *d);
/* A state database with its write-ahead log: tables, or rows. An exit code,
 * said. */
int dump_state(struct dump *d);

#endif
