/* check-load: put load on a cluster, keep books, read everything back, and
 * compare.
 *
 *   check-load run|produce|verify [OPTIONS]
 *   check-load trim|read-at TOPIC PARTITION OFFSET
 *   check-load --self-test
 *
 * `trim` deletes the records before an offset (-1: all), `read-at` reads the
 * one that stands there. `run` produces and verifies, `produce` leaves the
 * books in a file from which `verify` goes on, later and as often as one likes.
 * Standard output gets one line of JSON. Exit status: 0 all is well, 1 it could
 * not be done, 2 wrong arguments, 12 a violation.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "judge.h"
#include "load.h"
#include "memory.h"
#include "readback.h"
#include "selftest.h"
#include "trim.h"

#define EXIT_VIOLATION 12
#define CONFIGS_MAX    16

static volatile int stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

struct options {
    struct load load;
    struct readback readback;
    bool produce;
    bool verify;
    bool create;
    bool may_trim;
    bool may_resend;
    int replication;
    const char *books;
    const char *configs[CONFIGS_MAX];
    unsigned n_configs;
};

static const char usage_text[] =
    "usage: check-load run|produce|verify [options]\n"
    "       check-load trim|read-at TOPIC PARTITION OFFSET\n"
    "       check-load --self-test\n"
    "  --brokers LIST      host:port,... (default: $OSTRAKA_BOOTSTRAP)\n"
    "  --topic NAME        (default: a new name)\n"
    "  --partitions N      of the topic, which is created (12)\n"
    "  --replication N     (3)\n"
    "  --config KEY=VALUE  of the topic\n"
    "  --no-create         the topic is there\n"
    "  --producers N       (1)\n"
    "  --records N         stop after so many\n"
    "  --seconds N         stop after so long; without either: at SIGTERM\n"
    "  --rate N            records a second (0: as fast as it goes)\n"
    "  --value-bytes N     (256)\n"
    "  --no-idempotence    copies and disorder are counted, no violations\n"
    "  --acks N            (all)\n"
    "  --set KEY=VALUE     of librdkafka's producer\n"
    "  --drain N           seconds to wait for answers at the end (120)\n"
    "  --at-ack N --run COMMAND   run it inside the N-th ack, then stop\n"
    "  --status FILE       \"ACKED SENT\", ten times a second\n"
    "  --books FILE        written by produce, read by verify\n"
    "  --replicas LIST     all, none or node ids: whose copies to read (all)\n"
    "  --settle N          seconds a log may stand still (60)\n"
    "  --may-trim          records before a log's start are not lost\n"
    "  --may-resend        copies in a later producer epoch are no "
    "violations\n";

static void usage(void)
{
    fputs(usage_text, stderr);
    exit(2);
}

static uint64_t number(const char *text, uint64_t min, uint64_t max)
{
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || n < min || n > max) {
        fprintf(stderr,
                "check-load: %s: a number from %" PRIu64 " to %" PRIu64 "\n",
                text, min, max);
        exit(2);
    }
    return n;
}

enum option_code {
    OPT_BROKERS = 256,
    OPT_TOPIC,
    OPT_PARTITIONS,
    OPT_REPLICATION,
    OPT_CONFIG,
    OPT_NO_CREATE,
    OPT_PRODUCERS,
    OPT_RECORDS,
    OPT_SECONDS,
    OPT_RATE,
    OPT_VALUE_BYTES,
    OPT_NO_IDEMPOTENCE,
    OPT_ACKS,
    OPT_SET,
    OPT_DRAIN,
    OPT_AT_ACK,
    OPT_RUN,
    OPT_STATUS,
    OPT_BOOKS,
    OPT_REPLICAS,
    OPT_SETTLE,
    OPT_MAY_TRIM,
    OPT_MAY_RESEND
};

static const struct option option_table[] = {
    {"brokers", 1, NULL, OPT_BROKERS},
    {"topic", 1, NULL, OPT_TOPIC},
    {"partitions", 1, NULL, OPT_PARTITIONS},
    {"replication", 1, NULL, OPT_REPLICATION},
    {"config", 1, NULL, OPT_CONFIG},
    {"no-create", 0, NULL, OPT_NO_CREATE},
    {"producers", 1, NULL, OPT_PRODUCERS},
    {"records", 1, NULL, OPT_RECORDS},
    {"seconds", 1, NULL, OPT_SECONDS},
    {"rate", 1, NULL, OPT_RATE},
    {"value-bytes", 1, NULL, OPT_VALUE_BYTES},
    {"no-idempotence", 0, NULL, OPT_NO_IDEMPOTENCE},
    {"acks", 1, NULL, OPT_ACKS},
    {"set", 1, NULL, OPT_SET},
    {"drain", 1, NULL, OPT_DRAIN},
    {"at-ack", 1, NULL, OPT_AT_ACK},
    {"run", 1, NULL, OPT_RUN},
    {"status", 1, NULL, OPT_STATUS},
    {"books", 1, NULL, OPT_BOOKS},
    {"replicas", 1, NULL, OPT_REPLICAS},
    {"settle", 1, NULL, OPT_SETTLE},
    {"may-trim", 0, NULL, OPT_MAY_TRIM},
    {"may-resend", 0, NULL, OPT_MAY_RESEND},
    {NULL, 0, NULL, 0}};

static void option_load(struct load *l, int option, const char *value)
{
    switch (option) {
    case OPT_PARTITIONS:
        l->partitions = (uint32_t)number(value, 1, 10000);
        break;
    case OPT_PRODUCERS:
        l->producers = (uint32_t)number(value, 1, LOAD_PRODUCERS_MAX);
        break;
    case OPT_RECORDS:
        l->records = number(value, 1, UINT32_MAX);
        break;
    case OPT_SECONDS:
        l->seconds = number(value, 1, 1000000);
        break;
    case OPT_RATE:
        l->rate = number(value, 0, 100000000);
        break;
    case OPT_VALUE_BYTES:
        l->value_bytes = (uint32_t)number(value, VALUE_HEADER_LEN, 32 << 20);
        break;
    case OPT_NO_IDEMPOTENCE:
        l->idempotent = false;
        break;
    case OPT_ACKS:
        l->acks = value;
        break;
    case OPT_SET:
        if (l->n_settings == LOAD_SETTINGS_MAX) {
            usage();
        }
        l->settings[l->n_settings++] = value;
        break;
    case OPT_DRAIN:
        l->drain_seconds = (unsigned)number(value, 0, 100000);
        break;
    case OPT_AT_ACK:
        l->at_ack = number(value, 1, UINT32_MAX);
        break;
    case OPT_RUN:
        l->at_ack_run = value;
        break;
    case OPT_STATUS:
        l->status_path = value;
        break;
    default:
        usage();
    }
}

static void option_take(struct options *o, int option, const char *value)
{
    switch (option) {
    case OPT_BROKERS:
        o->load.brokers = value;
        break;
    case OPT_TOPIC:
        o->load.topic = value;
        break;
    case OPT_REPLICATION:
        o->replication = (int)number(value, 1, 100);
        break;
    case OPT_CONFIG:
        if (o->n_configs == CONFIGS_MAX) {
            usage();
        }
        o->configs[o->n_configs++] = value;
        break;
    case OPT_NO_CREATE:
        o->create = false;
        break;
    case OPT_BOOKS:
        o->books = value;
        break;
    case OPT_REPLICAS:
        o->readback.replicas = value;
        break;
    case OPT_SETTLE:
        o->readback.settle_seconds = (unsigned)number(value, 1, 100000);
        break;
    case OPT_MAY_TRIM:
        o->may_trim = true;
        break;
    case OPT_MAY_RESEND:
        o->may_resend = true;
        break;
    default:
        option_load(&o->load, option, value);
    }
}

static void options_check(struct options *o)
{
    static char name[64];
    if (o->load.topic == NULL) {
        snprintf(name, sizeof name, "check-%" PRIx64 "-%d",
                 (uint64_t)time(NULL), (int)getpid());
        o->load.topic = name;
    }
    if (o->load.brokers == NULL || strlen(o->load.topic) >= BOOKS_TOPIC_LEN ||
        (o->produce != o->verify && o->books == NULL) ||
        ((o->load.at_ack > 0) != (o->load.at_ack_run != NULL))) {
        usage();
    }
    o->readback.brokers = o->load.brokers;
}

static void options_read(struct options *o, int argc, char **argv)
{
    *o = (struct options){.load = {.brokers = getenv("OSTRAKA_BOOTSTRAP"),
                                   .producers = 1,
                                   .partitions = 12,
                                   .value_bytes = 256,
                                   .idempotent = true,
                                   .acks = "all",
                                   .drain_seconds = 120},
                          .readback = {.settle_seconds = 60, .replicas = "all"},
                          .create = true,
                          .replication = 3};
    if (argc < 2) {
        usage();
    }
    o->produce = strcmp(argv[1], "verify") != 0;
    o->verify = strcmp(argv[1], "produce") != 0;
    if (o->produce && o->verify && strcmp(argv[1], "run") != 0) {
        usage();
    }
    int option;
    while ((option = getopt_long(argc - 1, argv + 1, "", option_table, NULL)) !=
           -1) {
        option_take(o, option, optarg);
    }
    if (optind != argc - 1) {
        usage();
    }
    options_check(o);
}

static void print_load(const struct load *l, const struct books *b)
{
    struct books_totals t = books_count(b);
    printf("{\"topic\": \"%s\", \"sent\": %" PRIu64 ", \"acked\": %" PRIu64
           ", \"failed\": %" PRIu64 ", \"unknown\": %" PRIu64
           ", \"ack_gap_ms\": %" PRIu64 ", \"ack_gap_partition_ms\": %" PRIu64
           ", \"p99_ms\": %" PRIu64 ", \"took_ms\": %" PRIu64
           ", \"gave_up\": %s",
           b->topic, t.sent, t.acked, t.failed, t.unknown, l->gap_ms,
           l->gap_partition_ms, l->p99_ms, l->took_ms,
           l->gave_up ? "true" : "false");
}

static void print_found(const struct judge_counts *c, unsigned replicas)
{
    printf(", \"read\": %" PRIu64 ", \"lost\": %" PRIu64
           ", \"duplicated\": %" PRIu64 ", \"resent\": %" PRIu64
           ", \"reordered\": %" PRIu64 ", \"changed\": %" PRIu64
           ", \"phantom\": %" PRIu64 ", \"missing\": %" PRIu64
           ", \"diverged\": %" PRIu64 ", \"trimmed\": %" PRIu64
           ", \"unknown_there\": %" PRIu64
           ", \"replicas\": %u, \"replica_read\": %" PRIu64,
           c->read, c->lost, c->duplicated, c->resent, c->reordered, c->changed,
           c->phantom, c->missing, c->diverged, c->trimmed, c->unknown_there,
           replicas, c->replica_read);
}

static void produce(struct options *o, struct books *b)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (o->create) {
        load_topic_create(&o->load, o->replication, o->configs, o->n_configs);
    }
    books_init(b, o->load.producers, o->load.partitions);
    snprintf(b->topic, sizeof b->topic, "%s", o->load.topic);
    b->run = (uint32_t)time(NULL) ^ (uint32_t)getpid() << 16;
    b->idempotent = o->load.idempotent;
    load_run(&o->load, b, &stop);
    if (o->books != NULL) {
        books_store(b, o->books);
    }
}

static bool verify(struct options *o, const struct books *b)
{
    struct judge j;
    judge_init(&j, b, stderr);
    j.may_trim = o->may_trim;
    j.may_resend = o->may_resend;
    o->readback.topic = b->topic;
    readback_leaders(&o->readback, &j);
    judge_leader(&j);
    unsigned replicas = readback_replicas(&o->readback, &j);
    print_found(&j.found, replicas);
    bool violated = judge_violated(&j);
    judge_close(&j);
    return violated;
}

/* trim, read-at: false if it is neither. */
static bool at_offset(int argc, char **argv)
{
    const char *brokers = getenv("OSTRAKA_BOOTSTRAP");
    bool trim = argc > 1 && strcmp(argv[1], "trim") == 0;
    if (!trim && (argc < 2 || strcmp(argv[1], "read-at") != 0)) {
        return false;
    }
    if (argc != 5 || brokers == NULL) {
        usage();
    }
    int partition = (int)number(argv[3], 0, 10000);
    long long offset = trim && strcmp(argv[4], "-1") == 0
                           ? -1
                           : (long long)number(argv[4], 0, INT64_MAX);
    (trim ? trim_before : trim_read_at)(brokers, argv[2], partition, offset);
    return true;
}

int main(int argc, char **argv)
{
    if (at_offset(argc, argv)) {
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--self-test") == 0) {
        return selftest_run();
    }
    struct options o;
    options_read(&o, argc, argv);
    struct books b;
    if (o.produce) {
        produce(&o, &b);
    } else {
        books_load(&b, o.books);
    }
    print_load(&o.load, &b);
    bool violated = o.verify && verify(&o, &b);
    puts("}");
    books_close(&b);
    return violated ? EXIT_VIOLATION : o.load.gave_up ? 1 : 0;
}
