#include "cli/dump.h"

#include <string.h>

#include "base/bytes.h"
#include "record/batch.h"
#include "storage/format.h"
#include "storage/segment_format.h"

#define HEAD_BYTES  64
#define STATE_MAGIC "SQLite format 3"

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

static enum dump_kind by_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    if (ends_with(name, ".j")) {
        return DUMP_JOURNAL;
    }
    if (strncmp(name, "checkpoint.", 11) == 0) {
        return DUMP_CHECKPOINT;
    }
    if (ends_with(name, ".seg")) {
        return DUMP_SEGMENT;
    }
    return ends_with(name, ".idx")  ? DUMP_INDEX
           : ends_with(name, ".db") ? DUMP_STATE
                                    : DUMP_UNKNOWN;
}

enum dump_kind dump_kind_of(const char *path, struct slice head)
{
    size_t length;
    if (head.len >= 8 && le64_load(head.data) == FRAME_MAGIC) {
        return DUMP_JOURNAL;
    }
    if (head.len >= 8 && le64_load(head.data) == CHECKPOINT_MAGIC) {
        return DUMP_CHECKPOINT;
    }
    if (head.len >= sizeof STATE_MAGIC &&
        memcmp(head.data, STATE_MAGIC, sizeof STATE_MAGIC) == 0) {
        return DUMP_STATE;
    }
    if (head.len >= 4 && le32_load(head.data) == INDEX_MAGIC) {
        return DUMP_INDEX;
    }
    enum dump_kind kind = by_name(path);
    return kind == DUMP_UNKNOWN && batch_peek(head, &length) == 0 ? DUMP_SEGMENT
                                                                  : kind;
}

struct slice dump_read(struct dump *d, uint64_t at, size_t len)
{
    size_t n = 0;
    buf_reset(&d->window);
    uint8_t *p = buf_reserve(&d->window, len > 0 ? len : 1);
    if (p == NULL || bfile_read(d->file, p, len, at, &n) != 0) {
        d->unread = true;
        command_fail(d->call, EXIT_FAILED, "%s: at %llu: %s", d->path,
                     (unsigned long long)at,
                     p == NULL ? "out of memory" : err_text(ERR_IO));
        return slice_of(NULL, 0);
    }
    return slice_of(p, n);
}

static int kind_run(struct dump *d)
{
    struct slice head = dump_read(d, 0, HEAD_BYTES);
    if (head.data == NULL) {
        return EXIT_FAILED;
    }
    switch (dump_kind_of(d->path, head)) {
    case DUMP_JOURNAL:
        return dump_journal(d);
    case DUMP_CHECKPOINT:
        return dump_checkpoint(d);
    case DUMP_SEGMENT:
        return dump_segment(d);
    case DUMP_INDEX:
        return dump_index(d);
    case DUMP_STATE:
        return dump_state(d);
    default:
        return command_fail(d->call, EXIT_USAGE,
                            "%s: neither a journal file (.j), a checkpoint, a "
                            "segment (.seg), an index (.idx) nor a state "
                            "database (.db)",
                            d->path);
    }
}

int dump_file(struct dump *d)
{
    int code = kind_run(d);
    return code == EXIT_DONE && d->unread ? EXIT_FAILED : code;
}

static int dump_run(struct command_call *c)
{
    struct dump d = {.call = c, .path = c->arguments[0]};
    struct env *e = command_env(c);
    struct err err = {""};
    bool dir = false;
    if (e == NULL) {
        return EXIT_FAILED;
    }
    if (command_number(c, "limit", 1, INT64_MAX, INT64_MAX, &d.limit) != 0) {
        return EXIT_USAGE;
    }
    if (env_stat(e, d.path, &dir, &d.size) == 0 && dir) {
        return command_fail(c, EXIT_USAGE, "%s: a directory; name a file in it",
                            d.path);
    }
    int rv = bfile_open(e, d.path, FILE_READ, &d.file, &err);
    if (rv != 0) {
        return command_fail(c, rv == ERR_NOTFOUND ? EXIT_NOTFOUND : EXIT_FAILED,
                            "%s", err.text);
    }
    buf_init(&d.window, env_mem(e), 0);
    int code =
        bfile_size(d.file, &d.size) == 0
            ? dump_file(&d)
            : command_fail(c, EXIT_FAILED, "%s: its size is not known", d.path);
    buf_close(&d.window);
    bfile_close(d.file);
    return code;
}

static const struct command_option dump_options[] = {
    {"records", 0, NULL,
     "Of a journal file: its records and entries instead of its frames."},
    {"table", 0, "NAME", "Of a state database: the rows of this table."},
    {"limit", 'n', "N", "Print at most so many rows."},
    {NULL, 0, NULL, NULL}};

const struct command dump_commands[] = {
    {"dump", NULL, "FILE",
     "Print what a file of a data directory says; never writes.", dump_options,
     IMPACT_READ, 1, 1, dump_run},
    {NULL, NULL, NULL, NULL, NULL, IMPACT_READ, 0, 0, NULL}};
