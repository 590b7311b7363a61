/* What the journal costs over the disk: entries appended to a journal against
 * raw O_DIRECT+DSYNC writes of the same bytes, from an aligned buffer, into a
 * file as large as its ring, at the same depth, in turns; medians of the
 * rounds.
 *
 *   journal_bench [--size KIB] [--depth N] [--engine auto|io_uring|threads]
 *                 [--seconds S] [--rounds N] [--ahead N]
 *                 [--dir DIR] [--json]
 *
 * --ahead entries are appended beyond the depth, as open loops do: they gather
 * while frames are in flight (at most 8; default 0, which compares like with
 * like and leaves the disk idle while an entry is copied).
 * --seconds is for all that is measured; without --size and --depth 4, 64,
 * 256 and 1024 KiB at depths 1 and 4 share it.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "env/file.h"
#include "env/system.h"
#include "storage/journal.h"

#define FILE_BYTES (64u << 20)
#define RING_BYTES (4ull * FILE_BYTES)
#define ROUNDS_MAX 64
#define GROUP      2

struct bench {
    struct env *e;
    const char *dir;
    const char *engine;
    double seconds;
    unsigned rounds;
    bool json;
    size_t size;
    unsigned depth;
    unsigned ahead;
    uint8_t *data; /* `size` bytes, aligned */
    uint32_t crc;
    struct chunk_pool *pool;
    /* the journal's side */
    struct journal *j;
    struct log_point last; /* appended */
    uint64_t base;         /* index of the log base */
    uint64_t seqs[16];     /* records under way, by index % 16 */
    uint64_t acked;        /* index */
    bool full;
    /* the raw side */
    struct file *raw;
    struct file_io io[8];
    uint64_t raw_at;
    /* the round */
    bool journal_round;
    uint64_t done; /* writes */
    unsigned under_way;
    uint64_t deadline_us;
    bool end;
};

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "journal_bench: %s: %s\n", what, why);
    exit(1);
}

static void must(int rv, const char *what)
{
    if (rv != 0) {
        die(what, err_text(rv));
    }
}

/* Over for this side when the time is up and nothing is under way. */
static bool round_over(struct bench *b)
{
    bool late = env_now_us_exact(b->e) >= b->deadline_us;
    b->end = late && b->under_way == 0;
    return late;
}

/* ---- the journal --------------------------------------------------------- */

static void journal_release(struct bench *b)
{
    struct log_point base = b->last;
    uint64_t back = b->last.index - b->acked;
    base.index -= back;
    base.offset -= (int64_t)back;
    if (base.index > b->base) {
        must(
            journal_manifest(b->j, GROUP, base, slice_of(NULL, 0), false, NULL),
            "manifest");
        b->base = base.index;
    }
}

static void journal_one(struct bench *b)
{
    struct entry e = {.index = b->last.index + 1,
                      .term = 1,
                      .base_offset = b->last.offset,
                      .next_offset = b->last.offset + 1,
                      .crc = b->crc,
                      .kind = ENTRY_RECORDS,
                      .payload = {NULL, b->data, b->size}};
    struct entry *list = &e;
    int rv = journal_append(b->j, GROUP, &list, 1, &b->seqs[e.index % 16]);
    if (rv == ERR_FULL) {
        b->full = true;
        return;
    }
    must(rv, "append");
    b->last = entry_point(&e);
    b->under_way++;
    if ((e.index - b->base) * b->size >= FILE_BYTES / 4) {
        journal_release(b);
    }
}

static void journal_fill(struct bench *b)
{
    b->full = false;
    while (b->under_way < b->depth + b->ahead && !b->full && !round_over(b)) {
        journal_one(b);
    }
}

static void on_durable(void *arg, uint64_t seq)
{
    struct bench *b = arg;
    if (!b->journal_round) {
        return; /* a release that was under way when the round ended */
    }
    while (b->acked < b->last.index && b->seqs[(b->acked + 1) % 16] <= seq) {
        b->acked++;
        b->under_way--;
        b->done++;
    }
    if (!round_over(b)) {
        journal_fill(b);
    }
}

static void on_need(void *arg, uint64_t group, uint64_t index)
{
    (void)group, (void)index;
    journal_release(arg);
}

/* ---- raw ----------------------------------------------------------------- */

static void raw_one(struct bench *b, struct file_io *io);

static void on_raw(struct file_io *io, int64_t result)
{
    struct bench *b = io->data;
    if (result != (int64_t)b->size) {
        die("raw write", "failed");
    }
    b->done++;
    b->under_way--;
    if (!round_over(b)) {
        raw_one(b, io);
    }
}

static void raw_one(struct bench *b, struct file_io *io)
{
    if (b->raw_at + b->size > RING_BYTES) {
        b->raw_at = 0;
    }
    must(file_write(b->raw, io, b->data, b->size, b->raw_at, true, on_raw, b),
         "raw write");
    b->raw_at += b->size;
    b->under_way++;
}

/* ---- rounds -------------------------------------------------------------- */

/* MB/s over `us` microseconds. */
static double round_run(struct bench *b, bool journal, uint64_t us)
{
    uint64_t from = env_now_us_exact(b->e);
    b->done = 0;
    b->end = false;
    b->journal_round = journal;
    b->deadline_us = from + us;
    if (journal) {
        journal_fill(b);
    } else {
        for (unsigned i = 0; i < b->depth; i++) {
            raw_one(b, &b->io[i]);
        }
    }
    must(env_system_run_until(b->e, &b->end, 60000), "round");
    uint64_t took = env_now_us_exact(b->e) - from;
    return (double)b->done * (double)b->size / (double)took;
}

static int compare(const void *x, const void *y)
{
    double a = *(const double *)x;
    double b = *(const double *)y;
    return (a > b) - (a < b);
}

static double median(double v[], unsigned n)
{
    qsort(v, n, sizeof *v, compare);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void raw_open(struct bench *b)
{
    char path[4096];
    struct err err = {""};
    struct bfile *f;
    snprintf(path, sizeof path, "%s/raw", b->dir);
    uint8_t *zeros = aligned_alloc(4096, 1u << 20);
    if (zeros == NULL) {
        die("raw", "no memory");
    }
    memset(zeros, 0, 1u << 20);
    if (bfile_open(b->e, path, FILE_WRITE | FILE_CREATE | FILE_DIRECT, &f,
                   &err) != 0) {
        die("raw", err.text);
    }
    for (uint64_t at = 0; at < RING_BYTES; at += 1u << 20) {
        must(bfile_write(f, zeros, 1u << 20, at), "raw");
    }
    must(bfile_sync(f), "raw");
    bfile_close(f);
    free(zeros);
    if (file_open(b->e, path, FILE_WRITE | FILE_DIRECT, &b->raw, &err) != 0) {
        die("raw", err.text);
    }
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
}

static void bench_open_journal(struct bench *b)
{
    struct err err = {""};
    struct recovery *r;
    struct journal_options o = {.dir = b->dir,
                                .bytes_max = RING_BYTES,
                                .file_bytes = FILE_BYTES,
                                .depth = b->depth,
                                .pool = b->pool};
    if (journal_open(b->e, &o, &b->j, &r, &err) != 0) {
        die("journal", err.text);
    }
    journal_listen(b->j, on_durable, on_need, b);
    if (r->n_groups == 0) {
        struct journal_open_info info = {.group = GROUP,
                                         .base = {.index = 2, .term = 1}};
        must(journal_group_open(b->j, &info, NULL), "group");
        b->last = info.base;
    } else {
        b->last = tail_last(&r->groups[0].tail);
    }
    b->base = b->acked = b->last.index;
    recovery_free(r);
}

static void bench_close_journal(struct bench *b)
{
    bool closed = false;
    journal_release(b);
    journal_close(b->j, on_closed, &closed);
    must(env_system_run_until(b->e, &closed, 60000), "close");
}

static void bench_run(struct bench *b, size_t size, unsigned depth,
                      double seconds)
{
    double journal[ROUNDS_MAX];
    double raw[ROUNDS_MAX];
    double ratio[ROUNDS_MAX];
    uint64_t us = (uint64_t)(seconds * 1e6 / (2 * b->rounds));
    b->size = size;
    b->depth = depth;
    b->crc = crc32c(b->data, size);
    bench_open_journal(b);
    round_run(b, true, us); /* warm */
    for (unsigned i = 0; i < b->rounds; i++) {
        journal[i] = round_run(b, true, us);
        raw[i] = round_run(b, false, us);
        ratio[i] = journal[i] / raw[i];
    }
    bench_close_journal(b);
    double mj = median(journal, b->rounds);
    double mr = median(raw, b->rounds);
    double mq = median(ratio, b->rounds);
    printf(b->json ? "{\"kib\":%zu,\"depth\":%u,\"journal_mbs\":%.1f,"
                     "\"raw_mbs\":%.1f,\"ratio\":%.3f}\n"
                   : "%5zu KiB  depth %u  journal %7.1f MB/s  raw %7.1f MB/s"
                     "  ratio %.2f\n",
           size >> 10, depth, mj, mr, mq);
}

/* Let the ring's files be prepared, and every block be written once. */
static void bench_warm(struct bench *b)
{
    b->size = 1u << 20;
    b->depth = 4;
    b->crc = crc32c(b->data, b->size);
    bench_open_journal(b);
    uint64_t bytes = 0;
    while (bytes < RING_BYTES * 5 / 4) {
        round_run(b, true, 100000);
        bytes += b->done * b->size;
    }
    bench_close_journal(b);
}

static int remove_cb(void *arg, const char *name, bool dir)
{
    struct bench *b = arg;
    char path[4096];
    (void)dir;
    snprintf(path, sizeof path, "%s/journal/%s", b->dir, name);
    return env_unlink(b->e, path);
}

static void bench_remove(struct bench *b)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/journal", b->dir);
    env_list_dir(b->e, path, remove_cb, b);
    env_rmdir(b->e, path);
    snprintf(path, sizeof path, "%s/raw", b->dir);
    env_unlink(b->e, path);
    env_rmdir(b->e, b->dir);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"size", required_argument, NULL, 's'},
        {"depth", required_argument, NULL, 'd'},
        {"engine", required_argument, NULL, 'e'},
        {"seconds", required_argument, NULL, 't'},
        {"rounds", required_argument, NULL, 'r'},
        {"ahead", required_argument, NULL, 'a'},
        {"dir", required_argument, NULL, 'D'},
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0}};
    size_t sizes[] = {4, 64, 256, 1024};
    unsigned depths[] = {1, 4};
    unsigned n_sizes = 4;
    unsigned n_depths = 2;
    char made[] = "journal_bench.XXXXXX";
    struct bench b = {.engine = "auto", .seconds = 6, .rounds = 5};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 's':
            sizes[0] = strtoul(optarg, NULL, 10);
            n_sizes = 1;
            break;
        case 'd':
            depths[0] = (unsigned)strtoul(optarg, NULL, 10);
            n_depths = 1;
            break;
        case 'e':
            b.engine = optarg;
            break;
        case 't':
            b.seconds = strtod(optarg, NULL);
            break;
        case 'r':
            b.rounds = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'a':
            b.ahead = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'D':
            b.dir = optarg;
            break;
        case 'j':
            b.json = true;
            break;
        default:
            fprintf(stderr, "see the head of test/bench/journal_bench.c\n");
            return 2;
        }
    }
    if (sizes[0] < 4 || sizes[0] > 16384 || sizes[0] % 4 != 0 ||
        depths[0] < 1 || depths[0] > 4 || b.ahead > 8 || b.rounds < 1 ||
        b.rounds > ROUNDS_MAX || !(b.seconds > 0)) {
        die("options", "4 to 16384 KiB by 4, depth 1 to 4, rounds 1 to 64");
    }
    if (b.dir == NULL) {
        b.dir = mkdtemp(made);
    }
    if (b.dir == NULL) {
        die("directory", "cannot make one here");
    }
    struct err err = {""};
    struct env_system_options o = {.io_engine = b.engine,
                                   .trace_level = TRACE_WARN};
    if (env_system_new(&o, &b.e, &err) != 0) {
        die("env", err.text);
    }
    int rv = env_mkdir(b.e, b.dir);
    must(rv == ERR_EXISTS ? 0 : rv, b.dir);
    must(chunk_pool_new(&b.pool, env_mem(b.e), 512u << 20), "pool");
    b.data = aligned_alloc(4096, 16u << 20);
    if (b.data == NULL) {
        die("data", "no memory");
    }
    memset(b.data, 0x5a, 16u << 20);
    raw_open(&b);
    bench_warm(&b);
    for (unsigned i = 0; i < n_sizes; i++) {
        for (unsigned k = 0; k < n_depths; k++) {
            bench_run(&b, sizes[i] << 10, depths[k],
                      b.seconds / (n_sizes * n_depths));
        }
    }
    file_close(b.raw);
    chunk_pool_free(b.pool);
    bench_remove(&b);
    env_system_free(b.e);
    free(b.data);
    return 0;
}
