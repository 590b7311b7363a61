#include "cli/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench_report.h"
#include "cli/process.h"
#include "cli/rdload.h"

#define PROPERTIES_MAX 32
#define WAIT_SIZE      100
#define DOUBLE_MAX     1e9 /* seconds, whose microseconds are a number */

static const struct command_option load_options[] = {
    {"topic", 't', "NAME", "topic to use; it must exist (default: bench)"},
    {"size", 's', "BYTES", "value size of a record (default: 1024)"},
    {"rate", 'r', "N",
     "records per second over all partitions, whatever the cluster does: an "
     "open loop, latency counts from when a record was due (default: 0, a "
     "closed loop: as fast as answers come)"},
    {"seconds", 'd', "S", "measured time (default: 10)"},
    {"warmup", 'w', "S", "time before it that is not counted (default: 2)"},
    {"backend", 'B', "NAME",
     "raw: batches encoded and checksummed once, so that the cluster is "
     "measured and not the client; rdkafka: librdkafka as applications use it "
     "(default: raw)"},
    {"inflight", 'i', "N", "raw: requests in flight per node (default: 5)"},
    {"request-bytes", 0, "BYTES",
     "raw: largest request over all partitions of a node (default: 1048576)"},
    {"producers", 'p', "N", "rdkafka: producer instances (default: 1)"},
    {"linger", 'l', "MS", "rdkafka: linger.ms (default: 5)"},
    {"batch-size", 0, "BYTES", "rdkafka: batch.size (default: 1000000)"},
    {"property", 'X', "KEY=VALUE", "rdkafka: any other property; repeatable"},
    {"bytes", 0, "BYTES",
     "raw: end when so many bytes of values were acknowledged (default: 0, no "
     "limit)"},
    BENCH_PIDS_OPTION,
    {NULL, 0, NULL, NULL}};

static const struct command_option consume_options[] = {
    {"topic", 't', "NAME", "topic to read (default: bench)"},
    {"seconds", 'd', "S",
     "stop after this time (default: 0, at the end of the topic)"},
    {"property", 'X', "KEY=VALUE", "librdkafka property; repeatable"},
    BENCH_PIDS_OPTION,
    {"timeout", 0, "MS",
     "how long nothing may come before the end is reached (default: 10000)"},
    {NULL, 0, NULL, NULL}};

static const struct command_option wait_options[] = {
    {"topic", 't', "NAME", "topic to write to; it must exist (default: bench)"},
    {"seconds", 'd', "S", "how long to wait (default: 60)"},
    {NULL, 0, NULL, NULL}};

int bench_double(const struct command_call *c, const char *name,
                 double otherwise, double *ret_v)
{
    const char *text = command_option(c, name, NULL);
    char *end;
    *ret_v = otherwise;
    if (text == NULL) {
        return 0;
    }
    *ret_v = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(*ret_v) || *ret_v < 0 ||
        *ret_v > DOUBLE_MAX) {
        return command_fail(c, EXIT_USAGE, "--%s=%s: not a number from 0 to %g",
                            name, text, DOUBLE_MAX);
    }
    return 0;
}

static void print_progress(void *arg, double second, double mb_s)
{
    (void)arg;
    fprintf(stderr, "%6.0f s  %9.1f MB/s\n", second, mb_s);
}

static void get_properties(const struct command_call *c,
                           const char *out[PROPERTIES_MAX + 1])
{
    unsigned pos = 0, n = 0;
    const char *v;
    while ((v = command_option_next(c, "property", &pos)) != NULL &&
           n < PROPERTIES_MAX) {
        out[n++] = v;
    }
    out[n] = NULL;
}

static int get_load(const struct command_call *c, struct rawload_options *raw,
                    struct rdload_options *rd)
{
    int64_t n;
    int rv = command_number(c, "size", 1, 1 << 20, 1024, &n);
    raw->value_bytes = rd->value_bytes = (uint32_t)n;
    rv = rv != 0 ? rv : command_number(c, "rate", 0, 1000000000, 0, &n);
    raw->rate = rd->rate = (uint64_t)n;
    rv = rv != 0 ? rv : command_number(c, "inflight", 1, 64, 5, &n);
    raw->inflight = (unsigned)n;
    rv = rv != 0
             ? rv
             : command_number(c, "request-bytes", 1024, 64 << 20, 1 << 20, &n);
    raw->request_bytes_max = (uint32_t)n;
    rv = rv != 0 ? rv : command_number(c, "producers", 1, 64, 1, &n);
    rd->producers = (unsigned)n;
    rv =
        rv != 0 ? rv : command_number(c, "batch-size", 1, 1 << 30, 1000000, &n);
    rd->batch_bytes = (uint32_t)n;
    rv = rv != 0 ? rv : command_number(c, "bytes", 0, INT64_MAX, 0, &n);
    raw->bytes_max = (uint64_t)n;
    rv = rv != 0 ? rv : bench_double(c, "seconds", 10, &raw->seconds);
    rv = rv != 0 ? rv : bench_double(c, "warmup", 2, &raw->warmup_s);
    rv = rv != 0 ? rv : bench_double(c, "linger", 5, &rd->linger_ms);
    rd->seconds = raw->seconds;
    rd->warmup_s = raw->warmup_s;
    return rv != 0 ? EXIT_USAGE : 0;
}

int bench_watch(const struct command_call *c, struct watch *w)
{
    struct err err = {""};
    if (watch_init(w, command_option(c, "pids", NULL), &err) != 0) {
        return command_fail(c, EXIT_USAGE, "%s", err.text);
    }
    return 0;
}

static int bench_produce(struct command_call *c)
{
    const char *properties[PROPERTIES_MAX + 1];
    const char *backend = command_option(c, "backend", "raw");
    struct rawload_options raw = {.bootstrap = command_bootstrap(c),
                                  .topic = command_option(c, "topic", "bench"),
                                  .random_payload = true};
    struct rdload_options rd = {.bootstrap = raw.bootstrap,
                                .topic = raw.topic,
                                .properties = properties};
    struct rawload_result r;
    struct watch w;
    struct err err = {""};
    bool is_raw = strcmp(backend, "raw") == 0;
    if (get_load(c, &raw, &rd) != 0) {
        return EXIT_USAGE;
    }
    if (bench_watch(c, &w) != 0) {
        return EXIT_USAGE;
    }
    raw.watch = rd.watch = &w;
    if (!is_raw && strcmp(backend, "rdkafka") != 0) {
        return command_fail(c, EXIT_USAGE, "--backend=%s: raw or rdkafka",
                            backend);
    }
    struct env *e = command_env(c);
    if (e == NULL) {
        return EXIT_FAILED;
    }
    get_properties(c, properties);
    if (!command_json(c)) {
        raw.progress = print_progress;
    }
    int rv = is_raw ? rawload_run(e, &raw, &r, &err)
                    : rdload_produce(e, &rd, &r, &err);
    if (rv != 0) {
        return command_fail(c, command_exit_of(rv), "%s", err.text);
    }
    if (command_json(c)) {
        bench_report_json("ostraka.bench.produce/1", backend, &r, &w);
    } else {
        bench_report_text(&r, &w);
    }
    return EXIT_DONE;
}

static int bench_consume(struct command_call *c)
{
    const char *properties[PROPERTIES_MAX + 1];
    struct rdload_options rd = {.bootstrap = command_bootstrap(c),
                                .topic = command_option(c, "topic", "bench"),
                                .properties = properties,
                                .timeout_ms = (int)command_timeout_ms(c)};
    struct rawload_result r;
    struct watch w;
    struct err err = {""};
    if (bench_double(c, "seconds", 0, &rd.seconds) != 0 ||
        bench_watch(c, &w) != 0) {
        return EXIT_USAGE;
    }
    rd.watch = &w;
    struct env *e = command_env(c);
    if (e == NULL) {
        return EXIT_FAILED;
    }
    get_properties(c, properties);
    int rv = rdload_consume(e, &rd, &r, &err);
    if (rv != 0) {
        return command_fail(c, command_exit_of(rv), "%s", err.text);
    }
    if (command_json(c)) {
        bench_report_json("ostraka.bench.consume/1", "rdkafka", &r, &w);
    } else {
        bench_report_text(&r, &w);
    }
    return EXIT_DONE;
}

/* Latency: a fixed modest rate, an open loop. */
static int bench_latency(struct command_call *c)
{
    if (command_option(c, "rate", NULL) == NULL) {
        return command_fail(c, EXIT_USAGE,
                            "--rate is needed: latency is measured at a fixed "
                            "rate, from when each record was due");
    }
    return bench_produce(c);
}

/* Try until the cluster takes records; whatever stands in the way (nobody
 * listens, no leader yet) is what is waited for. */
static int bench_wait(struct command_call *c)
{
    struct rawload_options o = {.bootstrap = command_bootstrap(c),
                                .topic = command_option(c, "topic", "bench"),
                                .value_bytes = WAIT_SIZE,
                                .request_bytes_max = WAIT_SIZE * 16,
                                .inflight = 1,
                                .until_acked = true};
    struct rawload_result r = {0};
    struct err err = {""};
    double seconds;
    if (bench_double(c, "seconds", 60, &seconds) != 0) {
        return EXIT_USAGE;
    }
    struct env *e = command_env(c);
    if (e == NULL) {
        return EXIT_FAILED;
    }
    uint64_t until_us = env_now_us_exact(e) + (uint64_t)(seconds * 1e6);
    uint64_t first_ms = 0, now = 0;
    int rv = err_set(&err, ERR_TIMEOUT, "nothing was acknowledged");
    while ((now = env_now_us_exact(e)) < until_us) {
        o.seconds = (double)(until_us - now) / 1e6;
        rv = rawload_run(e, &o, &r, &err);
        first_ms = first_ms == 0 ? r.first_ack_ms : first_ms;
        if (r.all_acked_ms != 0) {
            bench_report_wait(first_ms, r.all_acked_ms, command_json(c));
            return EXIT_DONE;
        }
        process_pause();
    }
    return command_fail(c, rv != 0 ? command_exit_of(rv) : EXIT_UNHEALTHY, "%s",
                        rv != 0 ? err.text : "not every partition took one");
}

const struct command bench_commands[] = {
    {"bench", "produce", NULL,
     "Produce records with acks=all and idempotence, and measure.",
     load_options, IMPACT_WRITE, 0, 0, bench_produce},
    {"bench", "latency", NULL,
     "Produce at a fixed rate and measure latency from the due time.",
     load_options, IMPACT_WRITE, 0, 0, bench_latency},
    {"bench", "consume", NULL,
     "Read a topic from its beginning to its end, and measure.",
     consume_options, IMPACT_READ, 0, 0, bench_consume},
    {"bench", "wait", NULL,
     "Write to every partition, trying until it is acknowledged; say when.",
     wait_options, IMPACT_WRITE, 0, 0, bench_wait},
    {"bench", "groups", "MODE",
     "Drive consumer groups and measure: idle, commit, fetch, rebalance or "
     "failover.",
     bench_groups_options, IMPACT_WRITE, 1, 1, bench_groups},
    {NULL, NULL, NULL, NULL, NULL, IMPACT_READ, 0, 0, NULL}};
