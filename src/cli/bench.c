#include "cli/bench.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/rdload.h"
#include "wire/errors.h"

#define PROPERTIES_MAX 32

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
    {NULL, 0, NULL, NULL}};

static const struct command_option consume_options[] = {
    {"topic", 't', "NAME", "topic to read (default: bench)"},
    {"seconds", 'd', "S",
     "stop after this time (default: 0, at the end of the topic)"},
    {"property", 'X', "KEY=VALUE", "librdkafka property; repeatable"},
    {NULL, 0, NULL, NULL}};

/* A number with a fraction. Returns 0 or EXIT_USAGE, said. */
static int get_double(const struct command_call *c, const char *name,
                      double otherwise, double *ret_v)
{
    const char *text = command_option(c, name, NULL);
    char *end;
    *ret_v = otherwise;
    if (text == NULL) {
        return 0;
    }
    *ret_v = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(*ret_v) || *ret_v < 0) {
        return command_fail(c, EXIT_USAGE, "--%s=%s: not a number >= 0", name,
                            text);
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

static double quantile_ms(const struct rawload_result *r, double q)
{
    return (double)histogram_quantile(&r->latency, q) / 1e3;
}

static void print_json(const char *name, const char *backend,
                       const struct rawload_result *r)
{
    json_t *o = json_object();
    json_object_set_new(o, "schema", json_string(name));
    json_object_set_new(o, "backend", json_string(backend));
    json_object_set_new(o, "seconds", json_real(r->seconds));
    json_object_set_new(o, "records", json_integer((json_int_t)r->records));
    json_object_set_new(o, "bytes", json_integer((json_int_t)r->bytes));
    json_object_set_new(
        o, "mb_per_s",
        json_real(r->seconds > 0 ? (double)r->bytes / 1e6 / r->seconds : 0));
    json_object_set_new(
        o, "records_per_s",
        json_real(r->seconds > 0 ? (double)r->records / r->seconds : 0));
    json_object_set_new(o, "errors", json_integer((json_int_t)r->errors));
    json_object_set_new(o, "reconnects",
                        json_integer((json_int_t)r->reconnects));
    json_object_set_new(o, "gap_max_s", json_real(r->gap_max_s));
    if (r->latency.count > 0) {
        json_t *l = json_object();
        json_object_set_new(l, "p50", json_real(quantile_ms(r, 0.5)));
        json_object_set_new(l, "p99", json_real(quantile_ms(r, 0.99)));
        json_object_set_new(l, "p999", json_real(quantile_ms(r, 0.999)));
        json_object_set_new(l, "max", json_real((double)r->latency.max / 1e3));
        json_object_set_new(o, "latency_ms", l);
    }
    json_dumpf(o, stdout, JSON_REAL_PRECISION(6) | JSON_COMPACT);
    putchar('\n');
    json_decref(o);
}

static void print_text(const struct rawload_result *r)
{
    double s = r->seconds > 0 ? r->seconds : 1;
    printf("%.1f MB/s  %.0f records/s  (%.1f s)\n", (double)r->bytes / 1e6 / s,
           (double)r->records / s, r->seconds);
    if (r->latency.count > 0) {
        printf("latency ms  p50 %.2f  p99 %.2f  p99.9 %.2f  max %.2f\n",
               quantile_ms(r, 0.5), quantile_ms(r, 0.99), quantile_ms(r, 0.999),
               (double)r->latency.max / 1e3);
    }
    if (r->error_last != 0) {
        printf("last error %d: %s\n", r->error_last, kerr_text(r->error_last));
    }
    printf("errors %llu  reconnects %llu  longest time without acks %.2f s\n",
           (unsigned long long)r->errors, (unsigned long long)r->reconnects,
           r->gap_max_s);
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
    rv = rv != 0 ? rv : get_double(c, "seconds", 10, &raw->seconds);
    rv = rv != 0 ? rv : get_double(c, "warmup", 2, &raw->warmup_s);
    rv = rv != 0 ? rv : get_double(c, "linger", 5, &rd->linger_ms);
    rd->seconds = raw->seconds;
    rd->warmup_s = raw->warmup_s;
    return rv != 0 ? EXIT_USAGE : 0;
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
    struct err err = {""};
    bool is_raw = strcmp(backend, "raw") == 0;
    if (get_load(c, &raw, &rd) != 0) {
        return EXIT_USAGE;
    }
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
        print_json("ostraka.bench.produce/1", backend, &r);
    } else {
        print_text(&r);
    }
    return EXIT_DONE;
}

static int bench_consume(struct command_call *c)
{
    const char *properties[PROPERTIES_MAX + 1];
    struct rdload_options rd = {.bootstrap = command_bootstrap(c),
                                .topic = command_option(c, "topic", "bench"),
                                .properties = properties};
    struct rawload_result r;
    struct err err = {""};
    if (get_double(c, "seconds", 0, &rd.seconds) != 0) {
        return EXIT_USAGE;
    }
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
        print_json("ostraka.bench.consume/1", "rdkafka", &r);
    } else {
        print_text(&r);
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
    {NULL, NULL, NULL, NULL, NULL, IMPACT_READ, 0, 0, NULL}};
