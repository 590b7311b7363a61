/* dump_checkpoint.c - a checkpoint of the journal: its groups, and the
 * manifest that each of them carries. */
#include <string.h>

#include "base/bytes.h"
#include "cli/dump.h"
#include "cli/output.h"
#include "storage/journal_impl.h"
#include "storage/manifest.h"

#define CHECKPOINT_LEN_MAX (1u << 30)

static const struct output_column columns[] = {
    {"GROUP", "group", OUTPUT_NUMBER},
    {"PARTITION", "partition", OUTPUT_NUMBER},
    {"STATE", "state", OUTPUT_TEXT},
    {"TERM", "term", OUTPUT_NUMBER},
    {"VOTE", "vote", OUTPUT_TEXT},
    {"BASE", "base_index", OUTPUT_NUMBER},
    {"BASE-TERM", "base_term", OUTPUT_NUMBER},
    {"OFFSET", "base_offset", OUTPUT_NUMBER},
    {"MANIFEST", "manifest", OUTPUT_TEXT},
    {"START", "log_start", OUTPUT_NUMBER},
    {"SEGMENTS", "n_segments", OUTPUT_NUMBER},
    {"BYTES", "segment_bytes", OUTPUT_NUMBER},
    {NULL, "topic_id", OUTPUT_TEXT},
    {NULL, "member", OUTPUT_TEXT},
    {NULL, "epochs", OUTPUT_TEXT},
    {NULL, "segments", OUTPUT_TEXT}};

static json_t *epochs_of(const struct manifest *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->n_epochs; i++) {
        json_array_append_new(
            list, json_pack("{s:I, s:I}", "term", (json_int_t)m->epochs[i].term,
                            "offset", (json_int_t)m->epochs[i].offset));
    }
    return list;
}

static json_t *segments_of(const struct manifest *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->n_segments; i++) {
        const struct manifest_segment *s = &m->segments[i];
        json_array_append_new(
            list, json_pack("{s:I, s:I, s:I, s:I}", "base_offset",
                            (json_int_t)s->base_offset, "next_offset",
                            (json_int_t)s->next_offset, "bytes",
                            (json_int_t)s->length, "time_max_ms",
                            (json_int_t)s->time_max_ms));
    }
    return list;
}

/* The cells of a manifest, and those behind it. False: it is damaged. */
static bool manifest_cells(struct output *o, struct arena *a, struct slice in,
                           const char *id, const char *member)
{
    struct manifest m = {.n_epochs = 0};
    uint64_t bytes = 0;
    int rv = in.len > 0 ? manifest_decode(in, a, &m) : 0;
    bool there = in.len > 0 && rv == 0;
    for (size_t i = 0; there && i < m.n_segments; i++) {
        bytes += m.segments[i].length;
    }
    output_text(o, "%s",
                rv != 0                    ? "damaged"
                : !there                   ? "none"
                : m.kind == MANIFEST_STATE ? "state"
                                           : "log");
    output_number(o, there ? m.log_start : 0);
    output_number(o, (int64_t)(there ? m.n_segments : 0));
    output_number(o, (int64_t)bytes);
    output_text(o, "%s", id);
    output_text(o, "%s", member);
    output_list(o, epochs_of(&m));
    output_list(o, segments_of(&m));
    return rv == 0;
}

/* One group; its length in the file, 0 if it does not fit. */
static size_t group_row(struct output *o, struct arena *a, struct slice in,
                        bool print, bool *ret_damaged)
{
    const uint8_t *p = in.data;
    char id[UUID_TEXT_LEN + 1], member[20], vote[20];
    struct uuid topic;
    if (in.len < CGROUP_BYTES) {
        return 0;
    }
    uint64_t config = le32_load(p + CGROUP_AT_CONFIG_LEN);
    uint64_t manifest = le32_load(p + CGROUP_AT_MANIFEST_LEN);
    uint64_t len = format_pad(CGROUP_BYTES + config + manifest);
    if (len > in.len) {
        return 0;
    }
    if (!print) {
        return (size_t)len;
    }
    struct log_point base = point_decode(p + CGROUP_AT_BASE);
    memcpy(topic.b, p + CGROUP_AT_TOPIC, sizeof topic.b);
    snprintf(member, sizeof member, "%llx",
             (unsigned long long)le64_load(p + CGROUP_AT_MEMBERSHIP));
    snprintf(vote, sizeof vote, "%llx",
             (unsigned long long)le64_load(p + CGROUP_AT_VOTE));
    output_number(o, (int64_t)le64_load(p + CGROUP_AT_ID));
    output_number(o, (int32_t)le32_load(p + CGROUP_AT_PARTITION));
    output_text(o, "%s",
                le32_load(p + CGROUP_AT_FLAGS) & CGROUP_DAMAGED ? "damaged"
                                                                : "ok");
    output_number(o, (int64_t)le64_load(p + CGROUP_AT_TERM));
    output_text(o, "%s", vote);
    output_number(o, (int64_t)base.index);
    output_number(o, (int64_t)base.term);
    output_number(o, base.offset);
    if (!manifest_cells(o, a,
                        slice_of(p + CGROUP_BYTES + config, (size_t)manifest),
                        uuid_format(topic, id), member)) {
        *ret_damaged = true;
    }
    return (size_t)len;
}

static void heads(struct output *o, const struct dump *d,
                  const struct checkpoint_facts *f)
{
    char ring[UUID_TEXT_LEN + 1];
    output_head(o, "file", json_string(d->path));
    output_head(o, "ring", json_string(uuid_format(f->ring, ring)));
    output_head(o, "checkpoint", json_integer((json_int_t)f->seq));
    output_head(o, "clean", json_boolean(f->clean));
    output_head(o, "epoch", json_integer((json_int_t)f->epoch));
    output_head(o, "record", json_integer((json_int_t)f->record));
    output_head(o, "frame", json_integer((json_int_t)f->frame));
    output_head(o, "tail", json_integer((json_int_t)f->tail));
    output_head(o, "lost_ranges", json_integer(f->n_lost));
    if (!command_json(d->call)) {
        printf("CHECKPOINT  %llu%s\nRING        %s\nEPOCH       %llu\n"
               "RECORD      %llu\nFRAME       %llu\nTAIL        %llu\n"
               "LOST        %u\n\n",
               (unsigned long long)f->seq,
               f->clean ? " (the node was stopped after it)" : "", ring,
               (unsigned long long)f->epoch, (unsigned long long)f->record,
               (unsigned long long)f->frame, (unsigned long long)f->tail,
               f->n_lost);
    }
}

static int print_groups(struct dump *d, struct arena *a, struct slice in,
                        const struct checkpoint_facts *f)
{
    struct output o;
    bool damaged = false;
    uint64_t lost = (uint64_t)f->n_lost * CHECKPOINT_LOST_BYTES;
    in = slice_of(in.data + CHECKPOINT_BYTES, (size_t)f->body_len);
    damaged = lost > in.len;
    lost = damaged ? in.len : lost;
    in = slice_of(in.data + lost, in.len - (size_t)lost);
    output_init(&o, "dump.checkpoint", columns,
                sizeof columns / sizeof *columns);
    heads(&o, d, f);
    for (uint32_t i = 0; i < f->n_groups && !damaged; i++) {
        size_t len = group_row(&o, a, in, i < d->limit, &damaged);
        damaged = damaged || len == 0;
        in = slice_of(in.data + len, in.len - len);
    }
    output_print(&o, command_json(d->call));
    return damaged ? command_fail(d->call, EXIT_FAILED,
                                  "%s: a group or a manifest does not fit its "
                                  "length or checksum",
                                  d->path)
                   : EXIT_DONE;
}

int dump_checkpoint(struct dump *d)
{
    struct checkpoint_facts f;
    struct arena a;
    if (d->size > CHECKPOINT_LEN_MAX) {
        return command_fail(d->call, EXIT_FAILED, "%s: too large", d->path);
    }
    struct slice in = dump_read(d, 0, (size_t)d->size);
    if (in.data == NULL) {
        return EXIT_FAILED;
    }
    int rv = checkpoint_decode_facts(in, &f);
    if (rv != 0) {
        return command_fail(d->call, EXIT_FAILED,
                            "%s: %s; the node starts from the other "
                            "checkpoint, if that is whole",
                            d->path, err_text(rv));
    }
    arena_init(&a, d->call->mem, 0);
    int code = print_groups(d, &a, in, &f);
    arena_close(&a);
    return code;
}
