/* dump_journal.c - a file of the journal's ring: frames, records, entries.
 *
 * States of a frame: ok; old, of an earlier use of the file; damaged, it was
 * known durable when a later frame was built; torn, nobody said so: what a
 * power cut leaves. Frames of the other files of the ring may know more.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/uuid.h"
#include "cli/dump.h"
#include "cli/output.h"
#include "storage/journal_frame.h"

struct scan {
    struct dump *dump;
    struct output *out;
    bool records;        /* print them, not the frames */
    uint64_t generation; /* the newest in the file */
    uint64_t durable;    /* the highest frame that any frame calls durable */
    int64_t n_rows, n_ok, n_damaged, n_torn;
};

static const char *kind_name(enum journal_kind kind)
{
    static const char *const names[] = {
        [JOURNAL_APPEND] = "append",   [JOURNAL_COPY] = "copy",
        [JOURNAL_HARD] = "hard",       [JOURNAL_MANIFEST] = "manifest",
        [JOURNAL_OPEN] = "open",       [JOURNAL_DROP] = "drop",
        [JOURNAL_INSTALL] = "install", [JOURNAL_REPAIRED] = "repaired"};
    return (size_t)kind < sizeof names / sizeof *names && names[kind] != NULL
               ? names[kind]
               : "?";
}

static const char *entry_name(enum entry_kind kind)
{
    static const char *const names[] = {[ENTRY_BARRIER] = "barrier",
                                        [ENTRY_CHANGE] = "change",
                                        [ENTRY_RECORDS] = "records",
                                        [ENTRY_COMMAND] = "command",
                                        [ENTRY_TRIM] = "trim"};
    return (size_t)kind < sizeof names / sizeof *names && names[kind] != NULL
               ? names[kind]
               : "?";
}

/* ---- rows ---------------------------------------------------------------- */

static const struct output_column frame_columns[] = {
    {"OFFSET", "offset", OUTPUT_NUMBER},
    {"FRAME", "frame", OUTPUT_NUMBER},
    {"STATE", "state", OUTPUT_TEXT},
    {"BYTES", "bytes", OUTPUT_NUMBER},
    {"EPOCH", "epoch", OUTPUT_NUMBER},
    {"GENERATION", "generation", OUTPUT_NUMBER},
    {"FIRST", "first_record", OUTPUT_NUMBER},
    {"LAST", "last_record", OUTPUT_NUMBER},
    {"GROUPS", "groups", OUTPUT_NUMBER},
    {"DURABLE", "durable_frame", OUTPUT_NUMBER},
    {"CHECKPOINT", "checkpoint", OUTPUT_NUMBER}};

static void frame_row(struct output *o, const struct frame_facts *f,
                      const char *state)
{
    output_number(o, (int64_t)f->offset);
    output_number(o, (int64_t)f->seq);
    output_text(o, "%s", state);
    output_number(o, f->length);
    output_number(o, (int64_t)f->epoch);
    output_number(o, (int64_t)f->generation);
    output_number(o, (int64_t)f->first);
    output_number(o, (int64_t)f->last);
    output_number(o, f->n_groups);
    output_number(o, (int64_t)f->durable);
    output_number(o, (int64_t)f->checkpoint);
}

static const struct output_column record_columns[] = {
    {"FRAME", "frame", OUTPUT_NUMBER},
    {"RECORD", "record", OUTPUT_NUMBER},
    {"KIND", "kind", OUTPUT_TEXT},
    {"GROUP", "group", OUTPUT_NUMBER},
    {"BYTES", "bytes", OUTPUT_NUMBER},
    {"INDEX", "index", OUTPUT_NUMBER},
    {"TERM", "term", OUTPUT_NUMBER},
    {"ENTRY", "entry", OUTPUT_TEXT},
    {"OFFSET", "base_offset", OUTPUT_NUMBER},
    {"NEXT", "next_offset", OUTPUT_NUMBER},
    {"TIME", "time_ms", OUTPUT_NUMBER},
    {"CHAIN", "chain", OUTPUT_TEXT},
    {"DETAIL", "detail", OUTPUT_TEXT}};

static void record_head(struct output *o, uint64_t frame,
                        const struct record *r, size_t bytes)
{
    output_number(o, (int64_t)frame);
    output_number(o, (int64_t)r->seq);
    output_text(o, "%s", kind_name(r->kind));
    output_number(o, (int64_t)r->group);
    output_number(o, (int64_t)bytes);
}

static void entry_row(struct output *o, uint64_t frame, const struct record *r,
                      const struct entry *e)
{
    record_head(o, frame, r, e->payload.len);
    output_number(o, (int64_t)e->index);
    output_number(o, (int64_t)e->term);
    output_text(o, "%s", entry_name(e->kind));
    output_number(o, e->base_offset);
    output_number(o, e->next_offset);
    output_number(o, e->time_ms);
    output_text(o, "%016llx", (unsigned long long)e->chain);
    output_null(o);
}

static void point_cells(struct output *o, const struct log_point *p)
{
    output_number(o, (int64_t)p->index);
    output_number(o, (int64_t)p->term);
    output_null(o);
    output_null(o);
    output_number(o, p->offset);
    output_number(o, p->time_ms);
    output_text(o, "%016llx", (unsigned long long)p->chain);
}

static void no_cells(struct output *o, unsigned n)
{
    while (n-- > 0) {
        output_null(o);
    }
}

/* A record that holds no entries. */
static void other_row(struct output *o, uint64_t frame, const struct record *r)
{
    struct journal_open_info info;
    struct log_point p;
    char id[UUID_TEXT_LEN + 1];
    record_head(o, frame, r, r->body.len);
    if (r->kind == JOURNAL_HARD && r->body.len == HARD_BYTES) {
        no_cells(o, 7);
        output_text(o, "term %llu, vote %llx",
                    (unsigned long long)le64_load(r->body.data + HARD_AT_TERM),
                    (unsigned long long)le64_load(r->body.data + HARD_AT_VOTE));
    } else if ((r->kind == JOURNAL_MANIFEST || r->kind == JOURNAL_INSTALL) &&
               r->body.len >= POINT_BYTES) {
        p = point_decode(r->body.data);
        point_cells(o, &p);
        output_text(o, "log base");
    } else if (r->kind == JOURNAL_OPEN &&
               open_decode(r->body, r->group, &info) == 0) {
        point_cells(o, &info.base);
        output_text(o, "topic %s, partition %d, member %llx",
                    uuid_format(info.topic, id), info.partition,
                    (unsigned long long)info.membership_id);
    } else {
        no_cells(o, 8);
    }
}

/* ---- frames -------------------------------------------------------------- */

static bool has_room(struct scan *s)
{
    return s->n_rows++ < s->dump->limit;
}

/* All records of a frame that passed frame_check(). */
static void frame_records(struct scan *s, const uint8_t *frame,
                          const struct frame_facts *f)
{
    struct slice in = slice_of(frame + f->records_at, f->records_len);
    struct record r;
    size_t len;
    while (in.len > 0 && record_read(in, frame_salt(f), &r, &len) == 0) {
        size_t at = 0;
        for (uint32_t i = 0; i < r.n_entries; i++) {
            struct entry e;
            record_entry(&r, &at, &e);
            if (has_room(s)) {
                entry_row(s->out, f->seq, &r, &e);
            }
        }
        if (r.n_entries == 0 && has_room(s)) {
            other_row(s->out, f->seq, &r);
        }
        in = slice_of(in.data + len, in.len - len);
    }
}

/* The facts of a header that stands at `at`. */
static bool facts_at(struct dump *d, uint64_t at, struct frame_facts *ret_f)
{
    struct slice s = dump_read(d, at, FRAME_FACTS_BYTES);
    return s.len == FRAME_FACTS_BYTES &&
           frame_decode_facts(s.data, false, ret_f) == 0 &&
           ret_f->offset == at && ret_f->length <= d->size - at;
}

/* First pass: what the frames say of all of them. */
static void learn(struct scan *s)
{
    struct frame_facts f;
    for (uint64_t at = 0; at < s->dump->size;) {
        bool found = facts_at(s->dump, at, &f);
        if (found && f.generation > s->generation) {
            s->generation = f.generation;
        }
        if (found && f.durable > s->durable) {
            s->durable = f.durable;
        }
        at += FORMAT_BLOCK; /* a header may be a lie: look everywhere */
    }
}

static const char *judge(struct scan *s, const struct frame_facts *f, int rv)
{
    if (f->generation < s->generation) {
        return rv == 0 ? "old" : "old, partly overwritten";
    }
    if (rv == 0) {
        s->n_ok++;
        return "ok";
    }
    if (f->seq <= s->durable) {
        s->n_damaged++;
        return "damaged";
    }
    s->n_torn++;
    return "torn";
}

/* Second pass. */
static void walk(struct scan *s)
{
    struct frame_facts f;
    for (uint64_t at = 0; at < s->dump->size;) {
        if (!facts_at(s->dump, at, &f)) {
            at += FORMAT_BLOCK;
            continue;
        }
        struct slice frame = dump_read(s->dump, at, f.length);
        int rv =
            frame.len == f.length ? frame_check(frame.data, &f) : ERR_CORRUPT;
        const char *state = judge(s, &f, rv);
        bool now = f.generation == s->generation;
        if (!s->records && has_room(s)) {
            frame_row(s->out, &f, state);
        } else if (s->records && rv == 0 && now) {
            frame_records(s, frame.data, &f);
        }
        at += rv == 0 ? f.length : FORMAT_BLOCK;
    }
}

int dump_journal(struct dump *d)
{
    struct output o;
    struct scan s = {
        .dump = d, .out = &o, .records = command_flag(d->call, "records")};
    if (s.records) {
        output_init(&o, "dump.journal.records", record_columns, 13);
    } else {
        output_init(&o, "dump.journal", frame_columns, 11);
    }
    learn(&s);
    walk(&s);
    output_head(&o, "file", json_string(d->path));
    output_head(&o, "generation", json_integer((json_int_t)s.generation));
    output_head(&o, "frames_ok", json_integer(s.n_ok));
    output_head(&o, "frames_damaged", json_integer(s.n_damaged));
    output_head(&o, "frames_torn", json_integer(s.n_torn));
    output_print(&o, command_json(d->call));
    return s.n_damaged == 0
               ? EXIT_DONE
               : command_fail(d->call, EXIT_FAILED,
                              "%lld damaged frames that were durable once: "
                              "their groups need repair",
                              (long long)s.n_damaged);
}
