/* check-commits: commit the offsets of consumer groups, keep books of what was
 * acknowledged, and ask for it again.
 *
 *   check-commits commit|verify|--self-test [OPTIONS]
 *
 * Each group has one client (librdkafka, without subscription), which has one
 * request at a time under way: the n-th commits n for some of the partitions,
 * with metadata that says so; a later `commit` with the same books goes on
 * where they end. An acknowledged offset may never be missing, nor
 * be followed by an older one; one whose answer never came may be there or
 * not. Standard output gets one line of JSON. Exit status: 0 all is well, 1 it
 * could not be done, 2 wrong arguments, 12 a violation.
 */
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "memory.h"

#define EXIT_VIOLATION 12
#define GROUPS_MAX     256
#define PARTITIONS_MAX 256
#define CALL_MS        5000

/* What is known of one partition's committed offset. */
struct book {
    int64_t acked; /* 0: none */
    int64_t tried;
};

struct client {
    struct options *o;
    unsigned number;
    pthread_t thread;
    rd_kafka_t *rk;
    struct book *books; /* by partition */
    int64_t next;
    rd_kafka_resp_err_t said; /* the last error that was told */
};

struct options {
    const char *brokers;
    const char *topic;
    const char *prefix; /* of the groups' names */
    const char *books;
    const char *status;
    unsigned partitions;
    unsigned groups;
    unsigned rows; /* partitions in a request */
    unsigned rate; /* requests a second and group; 0: as fast as it goes */
    unsigned settle;
    struct client clients[GROUPS_MAX];
};

/* What became of the books. */
struct sums {
    uint64_t rows, lost, phantom, changed;
};

static volatile sig_atomic_t stop;
static atomic_ullong n_acked, n_failed, last_ack_ms, longest_gap_ms;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void sleep_ms(uint64_t ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000),
                         .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

/* ---- committing ---------------------------------------------------------- */

static void note_ack(unsigned rows)
{
    uint64_t now = now_ms();
    uint64_t gap = now - atomic_exchange(&last_ack_ms, now);
    unsigned long long longest = atomic_load(&longest_gap_ms);
    atomic_fetch_add(&n_acked, rows);
    while (gap < 1u << 30 && gap > longest &&
           !atomic_compare_exchange_weak(&longest_gap_ms, &longest, gap)) {
    }
}

static void commit_once(struct client *c)
{
    struct options *o = c->o;
    char text[48];
    int64_t n = ++c->next;
    unsigned acked = 0;
    rd_kafka_topic_partition_list_t *l =
        rd_kafka_topic_partition_list_new((int)o->rows);
    snprintf(text, sizeof text, "v%" PRId64, n);
    for (unsigned i = 0; i < o->rows; i++) {
        int p = (int)(((uint64_t)n * o->rows + i) % o->partitions);
        rd_kafka_topic_partition_t *x =
            rd_kafka_topic_partition_list_add(l, o->topic, p);
        x->offset = n;
        x->metadata = strdup(text);
        x->metadata_size = strlen(text);
        c->books[p].tried = n;
    }
    rd_kafka_resp_err_t err = rd_kafka_commit(c->rk, l, 0);
    for (int i = 0; i < l->cnt; i++) {
        if (err == 0 && l->elems[i].err == 0) {
            c->books[l->elems[i].partition].acked = n;
            acked++;
        }
        err = err != 0 ? err : l->elems[i].err;
    }
    if (err != c->said) {
        c->said = err;
        fprintf(stderr, "%" PRIu64 " ms, group %u: %s\n", now_ms(), c->number,
                rd_kafka_err2str(err));
    }
    rd_kafka_topic_partition_list_destroy(l);
    if (acked > 0) {
        note_ack(acked);
    } else {
        atomic_fetch_add(&n_failed, 1);
        sleep_ms(20);
    }
}

static void *client_run(void *arg)
{
    struct client *c = arg;
    unsigned rate = c->o->rate;
    uint64_t began = now_ms(), sent = 0;
    while (!stop) {
        uint64_t now = now_ms();
        if (rate > 0 && sent * 1000 >= (now - began) * rate) {
            sleep_ms(1 + (sent * 1000 - (now - began) * rate) / rate);
            continue;
        }
        if (rate > 0 && (now - began) * rate / 1000 > sent + rate) {
            began = now; /* what an outage cost is not made up for */
            sent = 0;
        }
        commit_once(c);
        sent++;
    }
    return NULL;
}

static void client_open(struct options *o, unsigned number)
{
    struct client *c = &o->clients[number];
    char group[128];
    *c = (struct client){.o = o, .number = number};
    c->books = memory_zeroed(o->partitions, sizeof *c->books);
    rd_kafka_conf_t *conf = client_conf(o->brokers);
    snprintf(group, sizeof group, "%s-%u", o->prefix, number);
    client_set(conf, "group.id", group);
    client_set(conf, "enable.auto.commit", "false");
    client_set(conf, "socket.timeout.ms", "3000");
    client_set(conf, "reconnect.backoff.max.ms", "500");
    c->rk = client_new(RD_KAFKA_CONSUMER, conf);
}

/* Replaced, never written in place: whoever reads it sees a whole one. */
static void write_file(const char *path,
                       void (*fill)(FILE *f, const struct options *o),
                       const struct options *o)
{
    char other[4096];
    snprintf(other, sizeof other, "%s.new", path);
    FILE *f = fopen(other, "w");
    if (f == NULL) {
        die("%s: cannot be written", other);
    }
    fill(f, o);
    if (fclose(f) != 0 || rename(other, path) != 0) {
        die("%s: cannot be written", path);
    }
}

static void fill_status(FILE *f, const struct options *o)
{
    (void)o;
    fprintf(f, "%llu %llu\n", atomic_load(&n_acked), atomic_load(&n_failed));
}

static void fill_books(FILE *f, const struct options *o)
{
    for (unsigned g = 0; g < o->groups; g++) {
        for (unsigned p = 0; p < o->partitions; p++) {
            const struct book *b = &o->clients[g].books[p];
            fprintf(f, "%u %u %" PRId64 " %" PRId64 "\n", g, p, b->acked,
                    b->tried);
        }
    }
}

static void load_books(struct options *o)
{
    unsigned g, p;
    int64_t acked, tried;
    FILE *f = fopen(o->books, "r");
    if (f == NULL) {
        die("%s: cannot be read", o->books);
    }
    while (fscanf(f, "%u %u %" SCNd64 " %" SCNd64, &g, &p, &acked, &tried) ==
           4) {
        if (g >= o->groups || p >= o->partitions) {
            die("%s: is of other groups or partitions", o->books);
        }
        o->clients[g].books[p] = (struct book){acked, tried};
    }
    fclose(f);
}

/* Go on where an earlier load ended, whose offsets are there. */
static void books_continue(struct options *o)
{
    if (access(o->books, F_OK) != 0) {
        return;
    }
    load_books(o);
    for (unsigned g = 0; g < o->groups; g++) {
        struct client *c = &o->clients[g];
        for (unsigned p = 0; p < o->partitions; p++) {
            c->next = c->books[p].tried > c->next ? c->books[p].tried : c->next;
        }
    }
}

static int commit(struct options *o)
{
    for (unsigned g = 0; g < o->groups; g++) {
        client_open(o, g);
    }
    books_continue(o);
    atomic_store(&last_ack_ms, now_ms());
    for (unsigned g = 0; g < o->groups; g++) {
        if (pthread_create(&o->clients[g].thread, NULL, client_run,
                           &o->clients[g]) != 0) {
            die("no thread for group %u", g);
        }
    }
    while (!stop) {
        if (o->status != NULL) {
            write_file(o->status, fill_status, o);
        }
        sleep_ms(50);
    }
    for (unsigned g = 0; g < o->groups; g++) {
        pthread_join(o->clients[g].thread, NULL);
    }
    write_file(o->books, fill_books, o);
    printf("{\"acked\": %llu, \"failed\": %llu, \"ack_gap_ms\": %llu}\n",
           atomic_load(&n_acked), atomic_load(&n_failed),
           atomic_load(&longest_gap_ms));
    return atomic_load(&n_acked) > 0 ? 0 : 1;
}

/* ---- asking again -------------------------------------------------------- */

/* `found` -1001: none. */
static void judge(const struct book *b, int64_t found, const char *metadata,
                  struct sums *s, char why[128])
{
    char text[48];
    int64_t offset = found < 0 ? 0 : found;
    snprintf(text, sizeof text, "v%" PRId64, offset);
    why[0] = '\0';
    s->rows++;
    if (offset < b->acked) {
        s->lost++;
        snprintf(why, 128, "acknowledged %" PRId64 ", found %" PRId64, b->acked,
                 found);
    } else if (offset > b->tried) {
        s->phantom++;
        snprintf(why, 128, "never sent more than %" PRId64 ", found %" PRId64,
                 b->tried, found);
    } else if (offset > 0 && strcmp(metadata, text) != 0) {
        s->changed++;
        snprintf(why, 128, "sent with \"%s\", found with \"%.40s\"", text,
                 metadata);
    }
}

/* Ask for all of a group, until there is an answer or time is up. */
static void verify_group(struct client *c, uint64_t until, struct sums *s)
{
    const struct options *o = c->o;
    rd_kafka_topic_partition_list_t *l =
        rd_kafka_topic_partition_list_new((int)o->partitions);
    for (unsigned p = 0; p < o->partitions; p++) {
        rd_kafka_topic_partition_list_add(l, o->topic, (int)p);
    }
    rd_kafka_resp_err_t err;
    while ((err = rd_kafka_committed(c->rk, l, CALL_MS)) != 0) {
        if (now_ms() >= until) {
            die("group %u: %s", c->number, rd_kafka_err2str(err));
        }
        sleep_ms(100);
    }
    for (int i = 0; i < l->cnt; i++) {
        const rd_kafka_topic_partition_t *x = &l->elems[i];
        char metadata[64] = "", why[128];
        if (x->err != 0) {
            die("group %u, partition %d: %s", c->number, x->partition,
                rd_kafka_err2str(x->err));
        }
        snprintf(metadata, sizeof metadata, "%.*s", (int)x->metadata_size,
                 x->metadata == NULL ? "" : (const char *)x->metadata);
        judge(&c->books[x->partition], x->offset, metadata, s, why);
        if (why[0] != '\0') {
            fprintf(stderr, "group %s-%u, partition %d: %s\n", o->prefix,
                    c->number, x->partition, why);
        }
    }
    rd_kafka_topic_partition_list_destroy(l);
}

static int verify(struct options *o)
{
    struct sums s = {0};
    uint64_t until = now_ms() + (uint64_t)o->settle * 1000;
    for (unsigned g = 0; g < o->groups; g++) {
        client_open(o, g);
    }
    load_books(o);
    for (unsigned g = 0; g < o->groups; g++) {
        verify_group(&o->clients[g], until, &s);
    }
    printf("{\"rows\": %" PRIu64 ", \"lost\": %" PRIu64
           ", \"phantom\": %" PRIu64 ", \"changed\": %" PRIu64 "}\n",
           s.rows, s.lost, s.phantom, s.changed);
    return s.lost + s.phantom + s.changed > 0 ? EXIT_VIOLATION : 0;
}

/* ---- the judge, judged ----------------------------------------------------
 */

static int self_test(void)
{
    static const struct {
        struct book book;
        int64_t found;
        const char *metadata;
        struct sums want;
    } cases[] = {
        {{0, 0}, -1001, "", {1, 0, 0, 0}}, {{5, 5}, 5, "v5", {1, 0, 0, 0}},
        {{5, 7}, 7, "v7", {1, 0, 0, 0}}, /* the answer did not come */
        {{0, 7}, -1001, "", {1, 0, 0, 0}}, {{5, 7}, 4, "v4", {1, 1, 0, 0}},
        {{5, 7}, -1001, "", {1, 1, 0, 0}}, {{5, 7}, 8, "v8", {1, 0, 1, 0}},
        {{0, 0}, 1, "v1", {1, 0, 1, 0}},   {{5, 7}, 6, "v5", {1, 0, 0, 1}},
        {{5, 7}, 6, "", {1, 0, 0, 1}},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sums s = {0};
        char why[128];
        judge(&cases[i].book, cases[i].found, cases[i].metadata, &s, why);
        if (memcmp(&s, &cases[i].want, sizeof s) != 0) {
            fprintf(stderr, "case %u is judged wrong: %s\n", i, why);
            return 1;
        }
    }
    puts("the judge is right");
    return 0;
}

/* ---- the program ----------------------------------------------------------
 */

static const char usage_text[] =
    "usage: check-commits commit|verify|--self-test [options]\n"
    "  --brokers LIST   host:port,... (default: $OSTRAKA_BOOTSTRAP)\n"
    "  --topic NAME     it is there\n"
    "  --partitions N   of it (10)\n"
    "  --groups N       how many, one client each (16)\n"
    "  --prefix NAME    of their names (commits)\n"
    "  --rows N         partitions in a request (10)\n"
    "  --rate N         requests a second of each (0: as fast as it goes)\n"
    "  --books FILE     written at SIGTERM by commit, which goes on from it\n"
    "                   if it is there; read by verify\n"
    "  --status FILE    \"ACKED FAILED\", 20 times a second\n"
    "  --settle N       seconds to wait for an answer (60)\n";

static void usage(void)
{
    fputs(usage_text, stderr);
    exit(2);
}

static unsigned number(const char *text, unsigned min, unsigned max)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || n < min || n > max) {
        usage();
    }
    return (unsigned)n;
}

static void parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {{"brokers", 1, NULL, 'b'},
                                          {"topic", 1, NULL, 't'},
                                          {"partitions", 1, NULL, 'p'},
                                          {"groups", 1, NULL, 'g'},
                                          {"prefix", 1, NULL, 'x'},
                                          {"rows", 1, NULL, 'r'},
                                          {"rate", 1, NULL, 'R'},
                                          {"books", 1, NULL, 'B'},
                                          {"status", 1, NULL, 's'},
                                          {"settle", 1, NULL, 'S'},
                                          {0}};
    int c;
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (c) {
        case 'b':
            o->brokers = optarg;
            break;
        case 't':
            o->topic = optarg;
            break;
        case 'p':
            o->partitions = number(optarg, 1, PARTITIONS_MAX);
            break;
        case 'g':
            o->groups = number(optarg, 1, GROUPS_MAX);
            break;
        case 'x':
            o->prefix = optarg;
            break;
        case 'r':
            o->rows = number(optarg, 1, PARTITIONS_MAX);
            break;
        case 'R':
            o->rate = number(optarg, 0, 100000);
            break;
        case 'B':
            o->books = optarg;
            break;
        case 's':
            o->status = optarg;
            break;
        case 'S':
            o->settle = number(optarg, 1, 3600);
            break;
        default:
            usage();
        }
    }
    if (optind != argc || o->topic == NULL || o->books == NULL ||
        o->brokers == NULL || o->rows > o->partitions) {
        usage();
    }
}

int main(int argc, char **argv)
{
    static struct options o = {.prefix = "commits",
                               .partitions = 10,
                               .groups = 16,
                               .rows = 10,
                               .settle = 60};
    if (argc == 2 && strcmp(argv[1], "--self-test") == 0) {
        return self_test();
    }
    if (argc < 2) {
        usage();
    }
    o.brokers = getenv("OSTRAKA_BOOTSTRAP");
    parse(argc - 1, argv + 1, &o);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    if (strcmp(argv[1], "commit") == 0) {
        return commit(&o);
    }
    if (strcmp(argv[1], "verify") == 0) {
        return verify(&o);
    }
    usage();
}
