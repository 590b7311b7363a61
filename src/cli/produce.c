/* produce.c - lines of standard input as records, through librdkafka.
 *
 * A record's end is one of three: acknowledged; failed, and the cluster did
 * not keep it; unknown, it was sent and no answer came (EXIT_UNKNOWN), or, with
 * acks 0, none was asked for.
 */
#include "cli/produce.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/admin.h"
#include "cli/escape.h"
#include "cli/line.h"
#include "cli/output.h"
#include "cli/rdconf.h"

#define DELIVERY_MS_DEFAULT "60000"
#define COMPLAINTS_MAX      10
#define POLL_EVERY          256
#define PROGRESS_US         1000000

struct produce {
    struct command_call *call;
    struct env *env;
    const char *topic;
    int32_t partition;
    struct line_format format;
    struct line fixed; /* headers that every record gets */
    rd_kafka_t *rk;
    rd_kafka_topic_t *rkt;
    uint64_t lines, bytes;
    uint64_t acked, failed, unknown;
    uint64_t sent; /* with acks 0: nobody answers */
    bool silent;   /* acks 0 */
    unsigned complaints;
    bool progress; /* a terminal is there to see it */
    uint64_t progress_us;
};

/* ---- what comes back ----------------------------------------------------- */

static void complain(struct produce *p, const char *what, const char *why)
{
    if (p->complaints++ < COMPLAINTS_MAX) {
        command_fail(p->call, 0, "%s: %s", what, why);
    } else if (p->complaints == COMPLAINTS_MAX + 1) {
        command_fail(p->call, 0, "more of them are only counted");
    }
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct produce *p = opaque;
    char what[64];
    (void)rk;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        p->acked += !p->silent;
        p->sent += p->silent;
        p->bytes += m->len + m->key_len;
        return;
    }
    /* A leader that steps down answers "not the leader" for records that its
     * successor may still commit, and librdkafka then calls them not
     * persisted: what timed out while it was tried again is not known. */
    bool unknown =
        m->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ||
        rd_kafka_message_status(m) == RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED;
    if (unknown) {
        p->unknown++;
    } else {
        p->failed++;
    }
    snprintf(what, sizeof what, "line %" PRIuPTR "%s", (uintptr_t)m->_private,
             unknown ? " (outcome unknown)" : "");
    complain(p, what, rd_kafka_err2str(m->err));
}

static void show_progress(struct produce *p)
{
    uint64_t now = p->progress ? env_now_us_exact(p->env) : 0;
    if (p->progress && now - p->progress_us >= PROGRESS_US) {
        p->progress_us = now;
        fprintf(stderr, "\r%" PRIu64 " lines read, %" PRIu64 " %s ", p->lines,
                p->silent ? p->sent : p->acked,
                p->silent ? "sent" : "acknowledged");
    }
}

/* ---- sending ------------------------------------------------------------- */

static rd_kafka_headers_t *headers_of(const struct produce *p,
                                      const struct line *l)
{
    unsigned n = p->fixed.n_headers + l->n_headers;
    rd_kafka_headers_t *list = n > 0 ? rd_kafka_headers_new(n) : NULL;
    for (unsigned i = 0; i < n; i++) {
        const struct record_header *h =
            i < p->fixed.n_headers ? &p->fixed.headers[i]
                                   : &l->headers[i - p->fixed.n_headers];
        rd_kafka_header_add(list, (const char *)h->key.data,
                            (ssize_t)h->key.len, h->value.data,
                            (ssize_t)h->value.len);
    }
    return list;
}

static rd_kafka_resp_err_t send_once(struct produce *p, const struct line *l)
{
    rd_kafka_headers_t *headers = headers_of(p, l);
    const void *value = l->value.len > 0 ? (const void *)l->value.data : "";
    const void *key = l->key.len > 0 ? (const void *)l->key.data : "";
    rd_kafka_resp_err_t code = rd_kafka_producev(
        p->rk, RD_KAFKA_V_RKT(p->rkt), RD_KAFKA_V_PARTITION(p->partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)(l->value_null ? NULL : value),
                         l->value_null ? 0 : l->value.len),
        RD_KAFKA_V_KEY(l->key_null ? NULL : key, l->key_null ? 0 : l->key.len),
        RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_OPAQUE((void *)(uintptr_t)p->lines), RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && headers != NULL) {
        rd_kafka_headers_destroy(headers);
    }
    return code;
}

/* False if the producer is of no more use. */
static bool send_line(struct produce *p, const struct line *l)
{
    rd_kafka_resp_err_t code;
    char what[32];
    while ((code = send_once(p, l)) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        rd_kafka_poll(p->rk, 100);
        show_progress(p);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        p->failed++;
        snprintf(what, sizeof what, "line %" PRIu64, p->lines);
        complain(p, what, rd_kafka_err2str(code));
    }
    if (p->lines % POLL_EVERY == 0) {
        rd_kafka_poll(p->rk, 0);
        show_progress(p);
    }
    return code != RD_KAFKA_RESP_ERR__FATAL;
}

static int read_all(struct produce *p)
{
    char *text = NULL;
    size_t size = 0;
    ssize_t len;
    struct line l;
    struct err err;
    int code = EXIT_DONE;
    while (code == EXIT_DONE && (len = getline(&text, &size, stdin)) >= 0) {
        p->lines++;
        len -= len > 0 && text[len - 1] == '\n';
        if (line_parse(&p->format, slice_of(text, (size_t)len), &l, &err) !=
            0) {
            code = command_fail(p->call, EXIT_USAGE,
                                "line %" PRIu64 ": %s; lines before it were "
                                "sent",
                                p->lines, err.text);
            p->lines--;
        } else if (!send_line(p, &l)) {
            code = EXIT_FAILED;
        }
    }
    if (code == EXIT_DONE && ferror(stdin)) {
        code = command_fail(p->call, EXIT_FAILED, "cannot read the input");
    }
    free(text);
    return code;
}

/* ---- making the producer ------------------------------------------------- */

static int add_fixed(struct produce *p)
{
    struct line_format format = {.headers = true};
    unsigned pos = 0;
    const char *text;
    while ((text = command_option_next(p->call, "header", &pos)) != NULL) {
        struct line one;
        struct err err = {""};
        size_t len = strlen(text);
        char *copy = mem_alloc(p->call->mem, len + 1);
        if (copy == NULL || strchr(text, '\t') != NULL ||
            strchr(text, ',') != NULL) {
            return command_fail(p->call, EXIT_USAGE,
                                "--header %s: one NAME=VALUE without comma "
                                "and tab",
                                text);
        }
        memcpy(copy, text, len);
        copy[len] = '\t';
        if (line_parse(&format, slice_of(copy, len + 1), &one, &err) != 0 ||
            one.n_headers != 1 || p->fixed.n_headers == LINE_HEADERS_MAX) {
            return command_fail(p->call, EXIT_USAGE,
                                "--header %s: expected NAME=VALUE", text);
        }
        p->fixed.headers[p->fixed.n_headers++] = one.headers[0];
    }
    return EXIT_DONE;
}

static int get_format(struct produce *p)
{
    const char *separator = command_option(p->call, "key", "");
    p->format.headers = command_flag(p->call, "headers");
    p->format.null_values = command_flag(p->call, "null");
    if (escape_decode(separator, p->format.separator,
                      sizeof p->format.separator,
                      &p->format.separator_len) != 0) {
        return command_fail(p->call, EXIT_USAGE,
                            "--key %s: at most %d characters; escapes are \\t "
                            "\\n \\r \\0 \\\\ \\xHH",
                            separator, LINE_SEPARATOR_MAX);
    }
    return add_fixed(p);
}

/* acks and idempotence, which go together (KIP-679): idempotence is on, but
 * where fewer acks are asked for. */
static int set_guarantee(struct produce *p, rd_kafka_conf_t *conf)
{
    const char *acks = command_option(p->call, "acks", "all");
    const char *idempotent = command_option(p->call, "idempotent", NULL);
    bool all = strcmp(acks, "all") == 0 || strcmp(acks, "-1") == 0;
    if (!all && strcmp(acks, "0") != 0 && strcmp(acks, "1") != 0) {
        return command_fail(p->call, EXIT_USAGE, "--acks %s: 0, 1 or all",
                            acks);
    }
    if (idempotent == NULL) {
        idempotent = all ? "on" : "off";
    }
    bool on = strcmp(idempotent, "on") == 0;
    if (!on && strcmp(idempotent, "off") != 0) {
        return command_fail(p->call, EXIT_USAGE, "--idempotent %s: on or off",
                            idempotent);
    }
    if (on && !all) {
        return command_fail(p->call, EXIT_USAGE,
                            "--idempotent on needs --acks all");
    }
    (void)rdconf_set(conf, "acks", acks, NULL);
    (void)rdconf_set(conf, "enable.idempotence", on ? "true" : "false", NULL);
    return EXIT_DONE;
}

static int set_all(struct produce *p, rd_kafka_conf_t *conf, struct err *err)
{
    unsigned pos = 0;
    const char *text;
    int rv =
        rdconf_set(conf, "bootstrap.servers", command_bootstrap(p->call), err);
    rv = rv != 0 ? rv : rdconf_set(conf, "client.id", "ostraka", err);
    rv = rv != 0 ? rv : rdconf_set(conf, "log_level", "2", err);
    rv = rv != 0 ? rv
                 : rdconf_set(conf, "compression.codec",
                              command_option(p->call, "codec", "none"), err);
    rv = rv != 0 ? rv
                 : rdconf_set(
                       conf, "message.timeout.ms",
                       command_option(p->call, "timeout", DELIVERY_MS_DEFAULT),
                       err);
    while (rv == 0 &&
           (text = command_option_next(p->call, "property", &pos)) != NULL) {
        rv = rdconf_set_text(conf, text, err);
    }
    return rv;
}

/* Does nobody answer? A property may have said so, too. */
static bool is_silent(const rd_kafka_conf_t *conf)
{
    char acks[32] = "";
    size_t len = sizeof acks;
    return rd_kafka_conf_get(conf, "acks", acks, &len) == RD_KAFKA_CONF_OK &&
           strcmp(acks, "0") == 0;
}

static int make_producer(struct produce *p)
{
    char text[512];
    struct err err = {""};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int code = set_guarantee(p, conf);
    if (code == EXIT_DONE && set_all(p, conf, &err) != 0) {
        code = command_fail(p->call, EXIT_USAGE, "%s", err.text);
    }
    if (code != EXIT_DONE) {
        rd_kafka_conf_destroy(conf);
        return code;
    }
    p->silent = is_silent(conf);
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (p->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return command_fail(p->call, EXIT_USAGE, "%s", text);
    }
    p->rkt = rd_kafka_topic_new(p->rk, p->topic, NULL);
    return p->rkt != NULL
               ? EXIT_DONE
               : command_fail(p->call, EXIT_FAILED, "topic %s: %s", p->topic,
                              rd_kafka_err2str(rd_kafka_last_error()));
}

/* The topic and the partition must be there, before anything is read. */
static int check_topic(struct produce *p)
{
    struct admin a;
    const struct metadata_response_topic *t = NULL;
    int code = admin_open(&a, p->call);
    if (code != EXIT_DONE) {
        return code;
    }
    code = admin_topic(&a, p->topic, &t);
    if (code == EXIT_DONE && p->partition >= (int64_t)t->partitions.n) {
        code = command_fail(p->call, EXIT_NOTFOUND,
                            "topic %s has partitions 0 to %u", p->topic,
                            t->partitions.n - 1);
    }
    admin_close(&a);
    return code;
}

/* ---- the command --------------------------------------------------------- */

static void print_result(struct produce *p)
{
    static const struct output_column columns[] = {
        {"TOPIC", "topic", OUTPUT_TEXT},
        {"ACKNOWLEDGED", "acknowledged", OUTPUT_NUMBER},
        {"FAILED", "failed", OUTPUT_NUMBER},
        {"UNKNOWN", "unknown", OUTPUT_NUMBER},
        {"BYTES", "bytes", OUTPUT_NUMBER}};
    struct output o;
    output_init(&o, "produce", columns, 5);
    output_text(&o, "%s", p->topic);
    output_number(&o, (int64_t)p->acked);
    output_number(&o, (int64_t)p->failed);
    output_number(&o, (int64_t)(p->unknown + p->sent));
    output_number(&o, (int64_t)p->bytes);
    output_print(&o, command_json(p->call));
}

static int finish(struct produce *p, int code)
{
    while (rd_kafka_outq_len(p->rk) > 0) { /* each record has its timeout */
        rd_kafka_flush(p->rk, 200);
        show_progress(p);
    }
    if (p->progress_us > 0) {
        fprintf(stderr, "\n");
    }
    print_result(p);
    if (p->unknown > 0) {
        return command_fail(p->call, EXIT_UNKNOWN,
                            "%" PRIu64 " records were sent and not answered: "
                            "they may be there",
                            p->unknown);
    }
    return code == EXIT_DONE && p->failed > 0 ? EXIT_FAILED : code;
}

static int produce_run(struct command_call *c)
{
    struct produce p = {.call = c,
                        .topic = c->arguments[0],
                        .env = command_env(c),
                        .progress = isatty(STDERR_FILENO) != 0 &&
                                    isatty(STDIN_FILENO) == 0};
    int64_t partition;
    if (p.env == NULL) {
        return EXIT_FAILED;
    }
    if (command_number(c, "partition", 0, INT32_MAX, RD_KAFKA_PARTITION_UA,
                       &partition) != 0) {
        return EXIT_USAGE;
    }
    p.partition = (int32_t)partition;
    int code = get_format(&p);
    code = code == EXIT_DONE ? check_topic(&p) : code;
    code = code == EXIT_DONE ? make_producer(&p) : code;
    if (code == EXIT_DONE) {
        code = finish(&p, read_all(&p));
    }
    if (p.rkt != NULL) {
        rd_kafka_topic_destroy(p.rkt);
    }
    if (p.rk != NULL) {
        rd_kafka_destroy(p.rk);
    }
    return code;
}

static const struct command_option produce_options[] = {
    {"key", 'K', "SEP",
     "Lines are key SEP value; the first SEP of a line counts, \\t is a tab."},
    {"headers", 'H', NULL, "Lines begin with name=value,name=value and a tab."},
    {"header", 0, "NAME=VALUE", "A header for every record; may be repeated."},
    {"null", 'Z', NULL, "An empty value is null (deletes the key later)."},
    {"partition", 'p', "N", "To this partition (default: by the key)."},
    {"acks", 0, "0|1|all",
     "Who must have it (default all: a majority). With 0 nobody answers."},
    {"codec", 'z', "NAME", "none, gzip, snappy, lz4 or zstd (default none)."},
    {"idempotent", 0, "on|off",
     "Retries make no duplicates (default on; off with fewer acks)."},
    {"property", 'X', "KEY=VALUE", "A librdkafka property; may be repeated."},
    {"timeout", 0, "MS",
     "How long a record may wait for its acknowledgement (default 60000)."},
    {NULL, 0, NULL, NULL}};

const struct command produce_commands[] = {
    {"produce", NULL, "TOPIC", "Write lines of standard input as records.",
     produce_options, IMPACT_WRITE, 1, 1, produce_run},
    {NULL, NULL, NULL, NULL, NULL, IMPACT_READ, 0, 0, NULL}};
