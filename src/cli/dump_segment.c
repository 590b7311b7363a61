/* dump_segment.c - a segment's batches, and the blocks of a segment's index.
 *
 * How much of the last segment is data says the manifest (in the checkpoint),
 * not the file: what stands behind the last whole batch may be padding. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "cli/dump.h"
#include "cli/output.h"
#include "record/batch.h"
#include "storage/segment_format.h"

static const char *codec_name(unsigned codec)
{
    static const char *const names[] = {"none", "gzip", "snappy", "lz4",
                                        "zstd"};
    return codec < sizeof names / sizeof *names ? names[codec] : "?";
}

/* ---- segment ------------------------------------------------------------- */

static const struct output_column batch_columns[] = {
    {"POSITION", "position", OUTPUT_NUMBER},
    {"OFFSET", "base_offset", OUTPUT_NUMBER},
    {"LAST", "last_offset", OUTPUT_NUMBER},
    {"EPOCH", "leader_epoch", OUTPUT_NUMBER},
    {"RECORDS", "records", OUTPUT_NUMBER},
    {"BYTES", "bytes", OUTPUT_NUMBER},
    {"CODEC", "codec", OUTPUT_TEXT},
    {"PRODUCER", "producer_id", OUTPUT_NUMBER},
    {"P-EPOCH", "producer_epoch", OUTPUT_NUMBER},
    {"SEQUENCE", "base_sequence", OUTPUT_NUMBER},
    {"TIME", "max_timestamp_ms", OUTPUT_NUMBER},
    {"CRC", "crc_ok", OUTPUT_BOOL},
    {NULL, "control", OUTPUT_BOOL},
    {NULL, "transactional", OUTPUT_BOOL}};

static void batch_row(struct output *o, uint64_t at, const struct batch *b,
                      bool crc_ok)
{
    output_number(o, (int64_t)at);
    output_number(o, b->base_offset);
    output_number(o, batch_last_offset(b));
    output_number(o, b->leader_epoch);
    output_number(o, b->record_count);
    output_number(o, (int64_t)b->length);
    output_text(o, "%s", codec_name(batch_codec(b)));
    output_number(o, b->producer_id);
    output_number(o, b->producer_epoch);
    output_number(o, b->base_sequence);
    output_number(o, b->max_timestamp);
    output_bool(o, crc_ok);
    output_bool(o, batch_is_control(b));
    output_bool(o, batch_is_transactional(b));
}

/* True if the file holds nothing but zeros from `at` on. */
static bool zeros_from(struct dump *d, uint64_t at)
{
    while (at < d->size) {
        struct slice s = dump_read(d, at, 1 << 16);
        for (size_t i = 0; i < s.len; i++) {
            if (s.data[i] != 0) {
                return false;
            }
        }
        if (s.len == 0) {
            return s.data != NULL;
        }
        at += s.len;
    }
    return true;
}

/* The batch at `at`. Errors: as batch_view(). */
static int batch_at(struct dump *d, uint64_t at, struct batch *ret_b)
{
    size_t length;
    struct slice s = dump_read(d, at, BATCH_PEEK_LEN);
    int rv = batch_peek(s, &length);
    if (rv != 0) {
        return rv;
    }
    if (length > d->size - at) {
        return ERR_EOF;
    }
    s = dump_read(d, at, length);
    return s.len == length ? batch_view(s, ret_b) : ERR_EOF;
}

/* Segments are written behind the journal: a batch that the file cuts off is
 * beyond what the manifest promises, as a rule. */
static int segment_judge(struct dump *d, uint64_t at, int64_t n_bad,
                         const char *rest)
{
    if (n_bad > 0) {
        return command_fail(d->call, EXIT_FAILED,
                            "%lld batches with a wrong checksum",
                            (long long)n_bad);
    }
    if (strcmp(rest, "partial batch") == 0) {
        return command_fail(d->call, EXIT_DONE,
                            "at %llu: the file ends inside a batch; that is no "
                            "damage where the manifest (ostraka dump "
                            "checkpoint.N) ends the segment there or before",
                            (unsigned long long)at);
    }
    return strcmp(rest, "unknown bytes") != 0
               ? EXIT_DONE
               : command_fail(d->call, EXIT_FAILED,
                              "at %llu: no batch; it is damage unless the "
                              "manifest (ostraka dump checkpoint.N) ends the "
                              "segment there or before",
                              (unsigned long long)at);
}

int dump_segment(struct dump *d)
{
    struct output o;
    struct batch b;
    uint64_t at = 0;
    int64_t n = 0, n_bad = 0;
    int rv = 0;
    output_init(&o, "dump.segment", batch_columns, 14);
    while (at < d->size && (rv = batch_at(d, at, &b)) == 0) {
        bool ok = batch_check_crc(&b) == 0;
        n_bad += !ok;
        if (n++ < d->limit) {
            batch_row(&o, at, &b, ok);
        }
        at += b.length;
    }
    const char *rest = rv == ERR_EOF       ? "partial batch"
                       : rv == 0           ? "none"
                       : zeros_from(d, at) ? "padding"
                                           : "unknown bytes";
    output_head(&o, "file", json_string(d->path));
    output_head(&o, "batches", json_integer(n));
    output_head(&o, "batches_bad", json_integer(n_bad));
    output_head(&o, "batch_bytes", json_integer((json_int_t)at));
    output_head(&o, "file_bytes", json_integer((json_int_t)d->size));
    output_head(&o, "rest", json_string(rest));
    output_print(&o, command_json(d->call));
    return segment_judge(d, at, n_bad, rest);
}

/* ---- index --------------------------------------------------------------- */

static const struct output_column block_columns[] = {
    {"POSITION", "position", OUTPUT_NUMBER},
    {"BYTES", "bytes", OUTPUT_NUMBER},
    {"OFFSET", "base_offset", OUTPUT_NUMBER},
    {"NEXT", "next_offset", OUTPUT_NUMBER},
    {"EPOCH", "leader_epoch", OUTPUT_NUMBER},
    {"TIME", "time_max_ms", OUTPUT_NUMBER},
    {"CHAIN", "chain", OUTPUT_TEXT},
    {"RECORD", "record_ok", OUTPUT_BOOL},
    {"DATA", "data", OUTPUT_TEXT}};

/* What the bytes in the segment beside the index are worth. */
static const char *data_state(struct dump *segment, const uint8_t *block)
{
    uint32_t len = le32_load(block + BLOCK_AT_LENGTH);
    if (segment->file == NULL) {
        return "no segment";
    }
    if (len > segment->size) {
        return "missing";
    }
    struct slice s =
        dump_read(segment, le64_load(block + BLOCK_AT_POSITION), len);
    if (s.len < len) {
        return "missing";
    }
    return crc32c(s.data, len) == le32_load(block + BLOCK_AT_DATA_CRC)
               ? "ok"
               : "damaged";
}

struct block_state {
    bool record_ok;
    const char *data;
};

static struct block_state block_judge(struct dump *segment,
                                      const uint8_t *block)
{
    struct block_state s = {.record_ok = crc32c(block, BLOCK_AT_CRC) ==
                                         le32_load(block + BLOCK_AT_CRC)};
    s.data = s.record_ok ? data_state(segment, block) : "?";
    return s;
}

static bool is_bad(const struct block_state *s)
{
    return !s->record_ok ||
           (strcmp(s->data, "ok") != 0 && strcmp(s->data, "no segment") != 0);
}

static void block_row(struct output *o, const uint8_t *block,
                      const struct block_state *s)
{
    int64_t base = (int64_t)le64_load(block + BLOCK_AT_BASE_OFFSET);
    output_number(o, (int64_t)le64_load(block + BLOCK_AT_POSITION));
    output_number(o, le32_load(block + BLOCK_AT_LENGTH));
    output_number(o, base);
    output_number(
        o, (int64_t)((uint64_t)base + le32_load(block + BLOCK_AT_OFFSETS)));
    output_number(o, (int32_t)le32_load(block + BLOCK_AT_EPOCH));
    output_number(o, (int64_t)le64_load(block + BLOCK_AT_TIME_MAX));
    output_text(o, "%016llx",
                (unsigned long long)le64_load(block + BLOCK_AT_CHAIN));
    output_bool(o, s->record_ok);
    output_text(o, "%s", s->data);
}

/* The segment beside an index; without one `file` stays NULL. */
static void open_segment(const struct dump *index, struct dump *ret_segment)
{
    char path[4096];
    size_t len = strlen(index->path);
    *ret_segment = *index;
    ret_segment->file = NULL;
    buf_init(&ret_segment->window, index->call->mem, 0);
    if (len > 4 && len < sizeof path &&
        strcmp(index->path + len - 4, ".idx") == 0) {
        memcpy(path, index->path, len - 4);
        memcpy(path + len - 4, ".seg", 5);
        if (bfile_open(index->call->env, path, FILE_READ, &ret_segment->file,
                       NULL) != 0) {
            ret_segment->file = NULL;
        } else if (bfile_size(ret_segment->file, &ret_segment->size) != 0) {
            ret_segment->size = 0;
        }
    }
}

static int64_t print_blocks(struct dump *d, struct dump *segment,
                            struct output *o)
{
    int64_t n = 0, n_bad = 0;
    uint8_t block[BLOCK_BYTES];
    for (uint64_t at = INDEX_HEAD_BYTES; at + BLOCK_BYTES <= d->size;
         at += BLOCK_BYTES) {
        static const uint8_t zero[BLOCK_BYTES];
        struct slice s = dump_read(d, at, BLOCK_BYTES);
        if (s.len < BLOCK_BYTES || memcmp(s.data, zero, sizeof zero) == 0) {
            break; /* padding */
        }
        memcpy(block, s.data, sizeof block);
        struct block_state state = block_judge(segment, block);
        n_bad += is_bad(&state); /* beyond --limit, too */
        if (n++ < d->limit) {
            block_row(o, block, &state);
        }
    }
    return n_bad;
}

int dump_index(struct dump *d)
{
    struct output o;
    struct dump segment;
    struct slice head = dump_read(d, 0, INDEX_HEAD_BYTES);
    if (head.len < INDEX_HEAD_BYTES || le32_load(head.data) != INDEX_MAGIC ||
        crc32c(head.data, INDEX_AT_HEAD_CRC) !=
            le32_load(head.data + INDEX_AT_HEAD_CRC)) {
        return command_fail(d->call, EXIT_FAILED,
                            "%s: the head is damaged; the node makes a new "
                            "index from the segment",
                            d->path);
    }
    output_init(&o, "dump.index", block_columns, 9);
    output_head(&o, "file", json_string(d->path));
    output_head(
        &o, "base_offset",
        json_integer((json_int_t)le64_load(head.data + INDEX_AT_BASE_OFFSET)));
    open_segment(d, &segment);
    int64_t n_bad = print_blocks(d, &segment, &o);
    bfile_close(segment.file);
    buf_close(&segment.window);
    output_print(&o, command_json(d->call));
    return n_bad == 0 ? EXIT_DONE
                      : command_fail(d->call, EXIT_FAILED,
                                     "%lld blocks are damaged, or their data",
                                     (long long)n_bad);
}
