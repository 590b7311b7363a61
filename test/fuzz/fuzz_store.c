/* fuzz_store.c - the door that committed records come back through: segments
 * and indexes as a disk may return them, and the manifest that describes them.
 *
 * The input damages a store that was written and flushed (image.h); the
 * manifest is one of its files here. The store opens or says what is wrong;
 * opened, each read gives whole batches whose checksums fit, or ERR_CORRUPT;
 * and opened again it is the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/rand.h"
#include "env/file.h"
#include "env/sim.h"
#include "fuzz/fuzz.h"
#include "fuzz/image.h"
#include "record/batch.h"
#include "record/chain.h"
#include "record/iterate.h"
#include "storage/store_impl.h"

#define POOL      ((size_t)64 << 20)
#define ARENA_MAX ((size_t)4 << 20)
#define BATCHES   48
#define DIR       "/d"
#define MANIFEST  "/m"
#define TIME_US   UINT64_C(60000000)

struct world {
    struct sim *sim;
    struct sim_disk *disk;
    struct env *env;
    struct mem *mem; /* outlives the node */
    struct chunk_pool *pool;
    const struct image_files *image;
    struct arena arena;
    struct manifest m;
    struct store *store;
    int status;
    struct err err;
    bool done;
    int read_status;
    struct bytes data;
    int64_t first;
    /* being made */
    struct rand rand;
    struct log_point last;
};

static void must_live(struct world *w)
{
    if (sim_node_death(w->sim, 1)[0] != '\0') {
        fprintf(stderr, "the node died: %s\n", sim_node_death(w->sim, 1));
        ASSERT(sim_node_death(w->sim, 1)[0] == '\0');
    }
}

static void wait_done(struct world *w)
{
    sim_run_until(w->sim, sim_now_us(w->sim) + TIME_US, &w->done);
    must_live(w);
    ASSERT(w->done);
}

static void on_done(void *arg)
{
    struct world *w = arg;

    w->done = true;
}

static void open_store(struct world *w, const struct manifest *m)
{
    struct store_options o = {.dir = DIR,
                              .name = "orders-3",
                              .segment_bytes = 96u << 10,
                              .segment_ms = 1000000,
                              .write_bytes = 16u << 10,
                              .pool = w->pool};

    w->err.text[0] = '\0';
    w->status = store_open(w->env, &o, m, &w->store, &w->err);
    ASSERT(w->status == 0 || w->err.text[0] != '\0');
}

static void begin(struct world *w, uint64_t seed)
{
    struct sim_options o = {.seed = seed,
                            .disk_min_us = 10,
                            .disk_max_us = 200,
                            .trace_level = TRACE_ERROR};

    *w = (struct world){.sim = sim_new(&o), .mem = mem_new(0)};
    ASSERT(w->sim != NULL && w->mem != NULL);
    ASSERT(chunk_pool_new(&w->pool, w->mem, POOL) == 0);
    arena_init(&w->arena, w->mem, ARENA_MAX);
    w->disk = sim_disk_new(w->sim, 1);
    rand_init(&w->rand, seed);
}

static void end(struct world *w)
{
    sim_free(w->sim);
    ASSERT(chunk_pool_used_all(w->pool) == 0);
    chunk_pool_free(w->pool);
    arena_close(&w->arena);
    ASSERT(mem_blocks(w->mem) == 0);
    mem_free_all(w->mem);
}

static void start(struct world *w, sim_start_cb life)
{
    (void)sim_node_start(w->sim, 1, "n1", w->disk, life, w, &w->env);
    must_live(w);
}

static void close_store(void *arg)
{
    struct world *w = arg;

    store_close(w->store, on_done, w);
}

static void stop(struct world *w)
{
    if (w->status == 0) {
        w->done = false;
        ASSERT(sim_node_call(w->sim, 1, close_store, w) == 0);
        wait_done(w);
    }
    sim_node_crash(w->sim, 1, SIM_CRASH_NONE);
}

/* ---- a store
 * ----------------------------------------------------------------- */

static void append(struct world *w)
{
    uint32_t n = 1 + (uint32_t)rand_below(&w->rand, 3);
    size_t len = BATCH_HEADER_LEN + BATCH_RECORD_LEN_MIN * (size_t)n +
                 (size_t)rand_below(&w->rand, 12000);
    struct chunk *c = chunk_acquire(w->pool, CHUNK_CLIENT, len);
    int64_t base = w->last.offset;

    ASSERT(c != NULL);
    rand_fill(&w->rand, c->data, len);
    be32_store(c->data + BATCH_AT_LENGTH, (uint32_t)(len - BATCH_PREFIX_LEN));
    c->data[BATCH_AT_MAGIC] = BATCH_MAGIC;
    be16_store(c->data + BATCH_AT_ATTRIBUTES, 0);
    be32_store(c->data + BATCH_AT_LAST_OFFSET_DELTA, n - 1);
    be64_store(c->data + BATCH_AT_BASE_TIMESTAMP, (uint64_t)w->last.time_ms);
    be64_store(c->data + BATCH_AT_MAX_TIMESTAMP, (uint64_t)w->last.time_ms);
    be32_store(c->data + BATCH_AT_RECORD_COUNT, n);
    batch_set_base_offset(c->data, base);
    batch_set_leader_epoch(c->data, 3);
    batch_set_crc(c->data, len);
    w->last = (struct log_point){
        .index = w->last.index + 1,
        .term = 3,
        .offset = base + n,
        .time_ms = w->last.time_ms + 10,
        .chain = batch_chain(w->last.chain, 3, base,
                             be32_load(c->data + BATCH_AT_CRC))};
    struct entry e = {.index = w->last.index,
                      .term = 3,
                      .base_offset = base,
                      .next_offset = w->last.offset,
                      .time_ms = w->last.time_ms,
                      .chain = w->last.chain,
                      .kind = ENTRY_RECORDS,
                      .payload = bytes_share(c, c->data, len)};
    ASSERT(store_append(w->store, &e) == 0);
    bytes_release(&e.payload);
    chunk_release(c);
}

static void on_flushed(void *arg, struct log_point point)
{
    struct world *w = arg;
    struct manifest_segment *v;

    w->m = (struct manifest){.kind = MANIFEST_LOG, .base = point};
    ASSERT(store_segments(w->store, &w->arena, &v, &w->m.n_segments) == 0);
    w->m.segments = v;
    w->done = true;
}

static void fill(struct env *e, void *arg)
{
    struct world *w = arg;

    w->env = e;
    open_store(w, NULL);
    ASSERT(w->status == 0);
    for (unsigned i = 0; i < BATCHES; i++) {
        append(w);
    }
    ASSERT(store_flush(w->store, on_flushed, w) == 0);
}

static void take(struct env *e, void *arg)
{
    image_take(arg, e, DIR);
}

static void store_make(struct image_files *im)
{
    struct world w;
    struct buf b;

    begin(&w, 7);
    start(&w, fill);
    wait_done(&w);
    stop(&w);
    ASSERT(sim_node_start(w.sim, 1, "n1", w.disk, take, im, NULL) == 0);
    ASSERT(im->n > 2);
    buf_init(&b, w.mem, 0);
    manifest_encode(&w.m, &b);
    struct image_file *f = &im->files[im->n++];
    snprintf(f->path, sizeof f->path, MANIFEST);
    f->data = malloc(b.len);
    ASSERT(b.status == 0 && f->data != NULL);
    memcpy(f->data, b.data, b.len);
    f->len = b.len;
    buf_close(&b);
    end(&w);
}

/* ---- checksums
 * --------------------------------------------------------------- */

static void seal_manifest(struct image_file *f)
{
    if (f->len >= 4) {
        le32_store(f->data + f->len - 4, crc32c(f->data, f->len - 4));
    }
}

static void seal_index(struct image_file *f, size_t at)
{
    if (f->len < INDEX_HEAD_BYTES) {
        return;
    }
    le32_store(f->data + INDEX_AT_HEAD_CRC, crc32c(f->data, INDEX_AT_HEAD_CRC));
    if (at >= INDEX_HEAD_BYTES) {
        at -= (at - INDEX_HEAD_BYTES) % BLOCK_BYTES;
        if (f->len - at >= BLOCK_BYTES) {
            le32_store(f->data + at + BLOCK_AT_CRC,
                       crc32c(f->data + at, BLOCK_AT_CRC));
        }
    }
}

/* The checksum of the batch that `at` lies in. */
static void seal_segment(struct image_file *f, size_t at)
{
    for (size_t p = 0; f->len - p >= BATCH_HEADER_LEN;) {
        uint64_t len = (uint64_t)be32_load(f->data + p + BATCH_AT_LENGTH) +
                       BATCH_PREFIX_LEN;
        if (len < BATCH_HEADER_LEN || len > f->len - p) {
            return;
        }
        if (at < p + len) {
            batch_set_crc(f->data + p, len);
            return;
        }
        p += len;
    }
}

static void seal(struct image_file *f, size_t at)
{
    if (strcmp(f->path, MANIFEST) == 0) {
        seal_manifest(f);
    } else if (strstr(f->path, ".idx") != NULL) {
        seal_index(f, at);
    } else {
        seal_segment(f, at);
    }
}

/* ---- judging
 * ----------------------------------------------------------------- */

static void life(struct env *e, void *arg)
{
    struct world *w = arg;

    w->env = e;
    w->store = NULL;
    if (w->image != NULL) {
        ASSERT(env_mkdir(e, DIR) == 0);
        image_put(w->image, e);
        ASSERT(env_sync_dir(e, DIR) == 0 && env_sync_dir(e, "/") == 0);
    }
    open_store(w, &w->m);
}

static void on_read(struct store_read *r, int status, struct bytes data,
                    int64_t first)
{
    struct world *w = r->data;

    w->read_status = status;
    w->data = data;
    w->first = first;
    w->done = true;
}

struct reading {
    struct world *w;
    struct store_read r;
    int64_t at;
    int rv;
};

static void read_begin(void *arg)
{
    struct reading *r = arg;

    r->rv = store_read(r->w->store, &r->r, r->at, store_end(r->w->store), 40000,
                       on_read, r->w);
}

/* Whole batches, one behind the other: returns the offset behind them. */
static int64_t judge_batches(struct world *w, int64_t at)
{
    struct slice in = bytes_slice(w->data);
    struct batch b;
    int64_t next = w->first;

    ASSERT(in.len > 0 && w->first <= at);
    while (in.len > 0) {
        ASSERT(batches_next(&in, &b) == 0);
        ASSERT(batch_check_crc(&b) == 0);
        ASSERT(b.base_offset >= next);
        next = batch_last_offset(&b) + 1;
    }
    ASSERT(next > at);
    return next;
}

static unsigned read_all(struct world *w)
{
    unsigned bad = 0;

    for (int64_t at = store_start(w->store); at < store_end(w->store);) {
        struct reading r = {.w = w, .at = at};
        w->done = false;
        ASSERT(sim_node_call(w->sim, 1, read_begin, &r) == 0);
        ASSERT(r.rv == 0);
        wait_done(w);
        if (w->read_status != 0) {
            ASSERT(w->read_status == ERR_CORRUPT);
            bad++;
            break;
        }
        at = judge_batches(w, at);
        bytes_release(&w->data);
    }
    return bad;
}

/* The manifest as it was damaged; false: it is refused. */
static bool take_manifest(struct world *w, struct image_files *im)
{
    struct image_file *f = &im->files[im->n - 1];

    return manifest_decode(slice_of(f->data, f->len), &w->arena, &w->m) == 0 &&
           w->m.kind == MANIFEST_LOG;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct image_files good;
    struct image_files im;
    struct world w;

    if (good.n == 0) {
        store_make(&good);
    }
    image_edit(&im, &good, slice_of(data, size), seal);
    begin(&w, 1);
    if (take_manifest(&w, &im)) {
        w.image = &im;
        start(&w, life);
        int status = w.status;
        unsigned bad = status == 0 ? read_all(&w) : 0;
        int64_t end_offset = status == 0 ? store_end(w.store) : 0;
        stop(&w);
        w.image = NULL;
        start(&w, life);
        ASSERT(w.status == status);
        if (status == 0) {
            ASSERT(store_end(w.store) == end_offset);
            ASSERT(read_all(&w) == bad);
        }
        stop(&w);
    }
    image_free(&im);
    end(&w);
    return 0;
}
