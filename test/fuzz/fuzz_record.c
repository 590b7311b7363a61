/* fuzz_record.c - the door that record batches come through.
 *
 * The first byte chooses the rules; the rest is a Produce payload. Whatever it
 * is, it must be judged without a crash, within the memory limit, and what is
 * accepted must be good for every later use: view, iterate, settle, build.
 * Built with libFuzzer by --enable-fuzz; test_record_fuzz drives it with
 * mutated golden batches in every `make check`.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/err.h"
#include "fuzz/fuzz_record.h"
#include "record/build.h"
#include "record/iterate.h"
#include "record/sequence.h"
#include "record/validate.h"

#define MEM_MAX   ((size_t)64 << 20)
#define PLAIN_MAX ((size_t)1 << 20)

static int64_t walk(const struct batch *b, struct mem *mem)
{
    struct records it;
    struct record r;
    int64_t n = 0;
    if (records_open(&it, b, mem, PLAIN_MAX) != 0) {
        return -1;
    }
    while (records_next(&it, &r) == 0) {
        struct record_header h;
        int32_t n_headers = 0;
        while (record_header_next(&r.headers, &h)) {
            n_headers++;
        }
        ASSERT(n_headers == r.n_headers);
        ASSERT(r.offset >= b->base_offset && r.offset <= batch_last_offset(b));
        n++;
    }
    n = it.status == ERR_EOF ? n : -1;
    records_close(&it);
    return n;
}

static void range_walk(struct slice in, struct mem *mem)
{
    struct batch b;
    while (batches_next(&in, &b) == 0) {
        struct build_control_view v;
        (void)batch_check_crc(&b);
        (void)build_control_read(&b, &v);
        (void)walk(&b, mem);
    }
}

static void sequence_walk(const struct batch *b)
{
    struct producer_entry e;
    struct producer_batch first;
    if (!batch_has_producer(b)) {
        return;
    }
    producer_init(&e, b->producer_id);
    ASSERT(producer_check(&e, b, &first) == PRODUCER_APPEND);
    producer_update(&e, b, 1000, 1);
    producer_entry_check(&e);
    ASSERT(producer_check(&e, b, &first) == PRODUCER_DUPLICATE);
}

static void accepted_use(uint8_t *bytes, struct batch b,
                         const struct batch_rules *rules)
{
    struct batch again;
    struct buf out;
    bool parsed = rules->inspect_compressed || batch_codec(&b) == 0;
    batch_set_base_offset(bytes, 4711);
    batch_set_leader_epoch(bytes, 3);
    batch_settle(bytes, &b, rules);
    ASSERT(batch_view(slice_of(bytes, b.length), &again) == 0);
    ASSERT(batch_check_crc(&again) == 0);
    ASSERT(again.base_offset == 4711);
    sequence_walk(&again);
    if (!parsed) {
        return;
    }
    ASSERT(walk(&again, rules->mem) == again.record_count);
    buf_init(&out, rules->mem, 0);
    if (build_recompress(&again, BATCH_CODEC_LZ4, COMPRESS_LEVEL_DEFAULT,
                         rules->mem, PLAIN_MAX, &out) == 0) {
        ASSERT(batch_view(buf_slice(&out), &again) == 0);
        ASSERT(walk(&again, rules->mem) == again.record_count);
    }
    buf_close(&out);
}

static void fuzz_one(struct mem *mem, uint8_t choice, uint8_t *copy,
                     size_t size)
{
    struct batch_rules rules = batch_rules_default;
    struct batch_reject why;
    struct cursor c;
    struct producer_entry e;
    struct batch b;
    rules.mem = mem;
    rules.plain_bytes_max = PLAIN_MAX;
    rules.now_ms = 1700000000000;
    rules.inspect_compressed = choice & 1;
    rules.compacted = choice & 2;
    rules.time_type = choice & 4 ? BATCH_TIME_APPEND : BATCH_TIME_CREATE;
    rules.before_max_ms = choice & 8 ? 1000000 : BATCH_AGE_UNLIMITED;
    if (choice & 16 && size >= BATCH_HEADER_LEN) {
        batch_set_crc(copy, size); /* let mutations get behind the checksum */
    }
    range_walk(slice_of(copy, size), mem);
    if (batch_validate(slice_of(copy, size), &rules, &b, &why) == 0) {
        accepted_use(copy, b, &rules);
    }
    cursor_init(&c, slice_of(copy, size));
    if (producer_decode(&c, &e) == 0) {
        producer_entry_check(&e);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem *mem;
    uint8_t *copy;
    if (size < 1) {
        return 0;
    }
    mem = mem_new(MEM_MAX);
    /* A block of exactly this size, so that a sanitizer sees a byte beyond. */
    copy = malloc(size - 1 > 0 ? size - 1 : 1);
    if (mem != NULL && copy != NULL) {
        memcpy(copy, data + 1, size - 1);
        fuzz_one(mem, data[0], copy, size - 1);
        ASSERT(mem_blocks(mem) == 0);
    }
    free(copy);
    mem_free_all(mem);
    return 0;
}
