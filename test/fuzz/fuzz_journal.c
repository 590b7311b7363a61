/* fuzz_journal.c - the door that a restart comes through: ring, checkpoints
 * and rosters as a disk may give them back.
 *
 * The first byte chooses one of three rings that a journal wrote: closed in
 * order, killed, and cut from power. The rest damages it (image.h). Whatever
 * it then is: recovery ends, with an error that says where, or with groups
 * whose logs keep their rules; and recovering again gives the same.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/rand.h"
#include "env/file.h"
#include "env/sim.h"
#include "fuzz/fuzz.h"
#include "fuzz/image.h"
#include "storage/journal_impl.h"

#define GROUPS   4
#define ROUNDS   260
#define POOL     ((size_t)64 << 20)
#define DISK_MAX ((uint64_t)8 << 20)

/* Of an entry header (doc/FORMATS.md). */
#define ENTRY_LEN_AT         48
#define ENTRY_PAYLOAD_CRC_AT 52
#define ENTRY_CRC_AT         60

enum ring_end { RING_CLOSED, RING_KILLED, RING_CUT, RINGS };

struct log {
    struct log_point base, last;
    bool open;
};

struct world {
    struct sim *sim;
    struct sim_disk *disk;
    struct env *env;
    struct image_files *image;
    /* the present life */
    struct journal *j;
    struct recovery *r;
    int status;
    struct err err;
    bool closed;
    /* a ring being made */
    struct rand rand;
    struct log logs[GROUPS + 1];
};

static const struct journal_options options = {.dir = "/d",
                                               .bytes_max = 4 * (64u << 10),
                                               .file_bytes = 64u << 10,
                                               .frame_bytes_max = 16u << 10,
                                               .depth = 2};

static void must_live(struct world *w)
{
    if (sim_node_death(w->sim, 1)[0] != '\0') {
        fprintf(stderr, "the node died: %s\n", sim_node_death(w->sim, 1));
        ASSERT(sim_node_death(w->sim, 1)[0] == '\0');
    }
}

static void abandon_pool(void *arg)
{
    chunk_pool_abandon(arg);
}

static void life(struct env *e, void *arg)
{
    struct world *w = arg;
    struct journal_options o = options;

    w->env = e;
    w->closed = false;
    int rv = env_mkdir(e, "/d");
    ASSERT(rv == 0 || rv == ERR_EXISTS);
    if (w->image != NULL) {
        ASSERT(env_mkdir(e, "/d/journal") == 0);
        ASSERT(env_mkdir(e, "/d/quarantine") == 0);
        image_put(w->image, e);
        ASSERT(env_sync_dir(e, "/d/journal") == 0);
        ASSERT(env_sync_dir(e, "/d") == 0);
    }
    ASSERT(env_sync_dir(e, "/") == 0);
    ASSERT(chunk_pool_new(&o.pool, env_mem(e), POOL) == 0);
    struct mem_end *end = mem_alloc(env_mem(e), sizeof *end);
    ASSERT(end != NULL);
    mem_at_end(env_mem(e), end, abandon_pool, o.pool);
    w->j = NULL;
    w->r = NULL;
    w->status = journal_open(e, &o, &w->j, &w->r, &w->err);
    ASSERT(w->status == 0 || w->err.text[0] != '\0');
}

static void start(struct world *w, struct image_files *image)
{
    w->image = image;
    (void)sim_node_start(w->sim, 1, "n1", w->disk, life, w, &w->env);
    must_live(w);
}

static void begin(struct world *w, uint64_t seed)
{
    struct sim_options o = {.seed = seed,
                            .disk_min_us = 10,
                            .disk_max_us = 200,
                            .disk_bytes_max = DISK_MAX,
                            .trace_level = TRACE_ERROR};

    *w = (struct world){.sim = sim_new(&o)};
    ASSERT(w->sim != NULL);
    w->disk = sim_disk_new(w->sim, 1);
    rand_init(&w->rand, seed);
}

/* ---- a ring ----------------------------------------------------------------
 */

static void log_append(struct world *w, uint64_t group)
{
    static uint8_t noise[8192];
    struct log *g = &w->logs[group];
    struct entry e[3];
    struct entry *list[3];
    unsigned n = 1 + (unsigned)rand_below(&w->rand, 3);

    for (unsigned i = 0; i < n; i++) {
        size_t len = 1 + (size_t)rand_below(&w->rand, sizeof noise / 4);
        e[i] = (struct entry){.index = g->last.index + 1,
                              .term = g->last.term,
                              .base_offset = g->last.offset,
                              .next_offset = g->last.offset + 1,
                              .time_ms = g->last.time_ms + 1,
                              .chain = g->last.chain + 7,
                              .crc = crc32c(noise, len),
                              .kind = ENTRY_RECORDS,
                              .payload = {NULL, noise, len}};
        g->last = entry_point(&e[i]);
        list[i] = &e[i];
    }
    ASSERT(journal_append(w->j, group, list, n, NULL) == 0);
}

static void log_open(struct world *w, uint64_t group)
{
    struct log *g = &w->logs[group];

    g->open = true;
    g->base = g->last = (struct log_point){.index = 2, .term = 1};
    struct journal_open_info info = {.group = group,
                                     .partition = (int32_t)group,
                                     .membership_id = group << 32 | 1,
                                     .base = g->base,
                                     .config = slice_str("configuration")};
    ASSERT(journal_group_open(w->j, &info, NULL) == 0);
}

static void log_step(struct world *w, uint64_t group)
{
    struct log *g = &w->logs[group];

    if (!g->open) {
        log_open(w, group);
        return;
    }
    switch (rand_below(&w->rand, 12)) {
    case 0:
        g->last.term++;
        ASSERT(journal_hard(w->j, group, g->last.term, group, NULL) == 0);
        break;
    case 1:
    case 2:
    case 3:
        g->base = g->last;
        ASSERT(journal_manifest(w->j, group, g->base, slice_str("manifest"),
                                false, NULL) == 0);
        break;
    case 4:
        g->last.index += rand_below(&w->rand, 5);
        g->last.offset += 10;
        g->base = g->last;
        ASSERT(journal_manifest(w->j, group, g->base, slice_str("installed"),
                                true, NULL) == 0);
        break;
    case 5:
        if (rand_below(&w->rand, 8) == 0) {
            journal_checkpoint(w->j);
        }
        break;
    default:
        log_append(w, group);
        break;
    }
}

static void ring_step(void *arg)
{
    struct world *w = arg;

    for (uint64_t id = 1; id <= GROUPS; id++) {
        struct log *g = &w->logs[id];
        if (journal_room(w->j) < journal_size(w->j) / 3 && g->open) {
            g->base = g->last;
            ASSERT(journal_manifest(w->j, id, g->base, slice_str("short"),
                                    false, NULL) == 0);
        }
    }
    if (journal_room(w->j) > journal_size(w->j) / 4) {
        log_step(w, 1 + rand_below(&w->rand, GROUPS));
    }
}

static void on_closed(void *arg)
{
    struct world *w = arg;

    w->closed = true;
}

static void ring_close(void *arg)
{
    struct world *w = arg;

    recovery_free(w->r);
    w->r = NULL;
    journal_close(w->j, on_closed, w);
}

static void close_wait(struct world *w)
{
    ASSERT(sim_node_call(w->sim, 1, ring_close, w) == 0);
    sim_run_until(w->sim, sim_now_us(w->sim) + 60000000, &w->closed);
    must_live(w);
    ASSERT(w->closed);
}

static void ring_take(struct env *e, void *arg)
{
    image_take(arg, e, "/d/journal");
}

static void ring_make(struct image_files *im, enum ring_end end)
{
    struct world w;

    begin(&w, 11 + end);
    start(&w, NULL);
    ASSERT(w.status == 0);
    recovery_free(w.r);
    w.r = NULL;
    for (unsigned i = 0; i < ROUNDS; i++) {
        ASSERT(sim_node_call(w.sim, 1, ring_step, &w) == 0);
        sim_run_until(w.sim, sim_now_us(w.sim) + 150, NULL);
        must_live(&w);
    }
    if (end == RING_CLOSED) {
        close_wait(&w);
    }
    sim_node_crash(w.sim, 1,
                   end == RING_CUT ? SIM_CRASH_RANDOM : SIM_CRASH_ALL);
    ASSERT(sim_node_start(w.sim, 1, "n1", w.disk, ring_take, im, NULL) == 0);
    sim_free(w.sim);
}

/* ---- checksums --------------------------------------------------------------
 */

static void seal_entries(uint8_t *body, size_t len)
{
    for (size_t at = 0; len - at >= ENTRY_HEADER_BYTES;) {
        uint8_t *h = body + at;
        uint64_t payload = le32_load(h + ENTRY_LEN_AT);
        if (payload > len - at - ENTRY_HEADER_BYTES) {
            return;
        }
        le32_store(h + ENTRY_PAYLOAD_CRC_AT,
                   crc32c(h + ENTRY_HEADER_BYTES, payload));
        le32_store(h + ENTRY_CRC_AT, crc32c(h, ENTRY_CRC_AT));
        at += ENTRY_HEADER_BYTES + (payload + 7) / 8 * 8;
        if (at > len) {
            return;
        }
    }
}

static uint32_t entries_crc(const uint8_t *body, size_t len)
{
    uint32_t crc = 0;

    for (size_t at = 0; at <= len && len - at >= ENTRY_HEADER_BYTES;) {
        uint64_t payload = le32_load(body + at + ENTRY_LEN_AT);
        crc = crc32c_extend(crc, body + at, ENTRY_HEADER_BYTES);
        at += ENTRY_HEADER_BYTES + (payload + 7) / 8 * 8;
    }
    return crc;
}

static void seal_records(uint8_t *p, size_t len, uint32_t salt)
{
    while (len >= RECORD_BYTES) {
        uint64_t body = le32_load(p + RECORD_AT_LENGTH);
        uint64_t whole = RECORD_BYTES + (body + 7) / 8 * 8;
        bool entries = p[RECORD_AT_KIND] == JOURNAL_APPEND ||
                       p[RECORD_AT_KIND] == JOURNAL_COPY;
        if (whole > len) {
            return;
        }
        if (entries) {
            seal_entries(p + RECORD_BYTES, body);
        }
        le32_store(p + RECORD_AT_BODY_CRC,
                   entries ? entries_crc(p + RECORD_BYTES, body)
                           : crc32c(p + RECORD_BYTES, body));
        le32_store(p + RECORD_AT_CRC, crc32c_extend(salt, p, RECORD_AT_CRC));
        p += whole;
        len -= whole;
    }
}

static void seal_facts(uint8_t *facts, const uint8_t *dir, size_t dir_len)
{
    le32_store(facts + FRAME_AT_DIR_CRC, crc32c(dir, dir_len));
    le32_store(facts + FRAME_AT_CRC, crc32c(facts, FRAME_AT_CRC));
}

/* The frame that byte `at` lies in, by its header. */
static void seal_frame(struct image_file *f, size_t at)
{
    size_t block = at / FORMAT_BLOCK * FORMAT_BLOCK;
    struct frame_facts facts;

    for (;; block -= FORMAT_BLOCK) {
        if (f->len - block >= FORMAT_BLOCK &&
            le64_load(f->data + block) == FRAME_MAGIC) {
            break;
        }
        if (block == 0) {
            return;
        }
    }
    uint8_t *p = f->data + block;
    uint64_t length = le32_load(p + FRAME_AT_LENGTH);
    uint64_t records_at = le32_load(p + FRAME_AT_RECORDS);
    uint64_t records_len = le32_load(p + FRAME_AT_RECORDS_LEN);
    uint64_t dir = (uint64_t)le32_load(p + FRAME_AT_GROUPS) * FRAME_DIR_BYTES;
    if (length > f->len - block || length < 2 * FRAME_FACTS_BYTES ||
        records_at < FRAME_FACTS_BYTES || records_at > length ||
        records_len > length - records_at ||
        dir > length - 2 * FRAME_FACTS_BYTES) {
        return;
    }
    seal_facts(p, p + FRAME_FACTS_BYTES, records_at - FRAME_FACTS_BYTES);
    if (frame_decode_facts(p, false, &facts) == 0) {
        seal_records(p + records_at, records_len, frame_salt(&facts));
    }
    p += length - FRAME_FACTS_BYTES;
    seal_facts(p, p - dir, dir);
}

static void seal_checkpoint(struct image_file *f)
{
    uint8_t *p = f->data;

    if (f->len < CHECKPOINT_BYTES) {
        return;
    }
    uint64_t len = le64_load(p + CHECKPOINT_AT_LENGTH);
    if (len <= f->len - CHECKPOINT_BYTES) {
        le32_store(p + CHECKPOINT_AT_BODY_CRC,
                   crc32c(p + CHECKPOINT_BYTES, len));
    }
    le32_store(p + CHECKPOINT_AT_CRC, crc32c(p, CHECKPOINT_AT_CRC));
}

static void seal_roster(struct image_file *f)
{
    uint8_t *p = f->data;

    if (f->len < ROSTER_BYTES) {
        return;
    }
    uint64_t len = (uint64_t)le32_load(p + ROSTER_AT_FILES) * ROSTER_ITEM_BYTES;
    if (len <= f->len - ROSTER_BYTES) {
        le32_store(p + ROSTER_AT_BODY_CRC, crc32c(p + ROSTER_BYTES, len));
    }
    le32_store(p + ROSTER_AT_CRC, crc32c(p, ROSTER_AT_CRC));
}

static void seal(struct image_file *f, size_t at)
{
    if (strstr(f->path, "checkpoint") != NULL) {
        seal_checkpoint(f);
    } else if (strstr(f->path, "roster") != NULL) {
        seal_roster(f);
    } else {
        seal_frame(f, at);
    }
}

/* ---- judging ----------------------------------------------------------------
 */

struct seen_group {
    uint64_t group, term, vote;
    struct log_point base, last;
    bool damaged;
};

struct seen {
    int status;
    struct seen_group *groups; /* in the world's first memory */
    size_t n;
};

static void judge(struct world *w, struct mem *mem, struct seen *s)
{
    *s = (struct seen){.status = w->status};
    if (w->status != 0) {
        return;
    }
    s->n = w->r->n_groups;
    s->groups = mem_calloc(mem, s->n + 1, sizeof *s->groups);
    ASSERT(s->groups != NULL);
    for (size_t i = 0; i < s->n; i++) {
        struct recovered_group *g = &w->r->groups[i];
        ASSERT(i == 0 || w->r->groups[i - 1].open.group < g->open.group);
        tail_check(&g->tail);
        for (uint64_t k = g->tail.base.index + 1;
             k <= tail_last_index(&g->tail); k++) {
            const struct entry *e = tail_find(&g->tail, k);
            ASSERT(crc32c(e->payload.data, e->payload.len) == e->crc);
        }
        s->groups[i] = (struct seen_group){
            g->open.group,       g->term,   g->vote, g->tail.base,
            tail_last(&g->tail), g->damaged};
    }
    ring_check(w->j);
}

static void same(const struct seen *a, const struct seen *b)
{
    ASSERT(a->status == b->status);
    ASSERT(a->n == b->n);
    for (size_t i = 0; i < a->n; i++) {
        const struct seen_group *x = &a->groups[i], *y = &b->groups[i];
        ASSERT(x->group == y->group && x->term == y->term);
        ASSERT(x->vote == y->vote && x->damaged == y->damaged);
        ASSERT(memcmp(&x->base, &y->base, sizeof x->base) == 0);
        ASSERT(memcmp(&x->last, &y->last, sizeof x->last) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct image_files rings[RINGS];
    struct image_files im;
    struct seen first, second, third;
    struct world w;

    if (size < 1) {
        return 0;
    }
    for (unsigned i = 0; i < RINGS && rings[i].n == 0; i++) {
        ring_make(&rings[i], (enum ring_end)i);
    }
    struct mem *mem = mem_new(0);
    image_edit(&im, &rings[data[0] % RINGS], slice_of(data + 1, size - 1),
               seal);
    begin(&w, 1);
    start(&w, &im);
    judge(&w, mem, &first);
    sim_node_crash(w.sim, 1, SIM_CRASH_NONE);
    start(&w, NULL);
    judge(&w, mem, &second);
    same(&first, &second);
    if (second.status == 0) {
        close_wait(&w);
        sim_node_crash(w.sim, 1, SIM_CRASH_NONE);
        start(&w, NULL);
        judge(&w, mem, &third);
        same(&second, &third);
    }
    image_free(&im);
    sim_free(w.sim);
    mem_free_all(mem);
    return 0;
}
