/* consume_leader.c - reading partitions from their leaders, by librdkafka. */
#include <string.h>

#include "cli/consume.h"
#include "cli/rdconf.h"
#include "cli/rdoffset.h"
#include "cli/shown.h"

struct leader {
    struct consume *x;
    rd_kafka_t *rk;
    int timeout_ms;
};

/* ---- where partitions begin and end -------------------------------------- */

/* The offset of the first record that is not older; -1: there is none. */
static int time_offset(struct leader *l, const struct consume_part *p,
                       struct span_point at, int64_t *ret_offset)
{
    *ret_offset = -1;
    if (at.kind != SPAN_TIME) {
        return EXIT_DONE;
    }
    rd_kafka_resp_err_t code = rdoffset_at(l->rk, l->x->topic, p->number, at.n,
                                           l->timeout_ms, ret_offset);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? EXIT_DONE
               : command_fail(l->x->call, EXIT_UNREACHABLE, "partition %d: %s",
                              p->number, rd_kafka_err2str(code));
}

static int plan_part(struct leader *l, struct consume_part *p)
{
    int64_t low = 0, high = 0, from = -1, to = -1;
    rd_kafka_resp_err_t rc = rdoffset_ends(l->rk, l->x->topic, p->number,
                                           l->timeout_ms, &low, &high);
    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return command_fail(l->x->call, EXIT_UNREACHABLE,
                            "partition %d: %s; ostraka cluster status shows "
                            "whether it has a leader",
                            p->number, rd_kafka_err2str(rc));
    }
    int code = time_offset(l, p, l->x->span.from, &from);
    code = code == EXIT_DONE ? time_offset(l, p, l->x->span.to, &to) : code;
    if (code == EXIT_DONE) {
        consume_part_plan(l->x, p, low, high, from, to);
    }
    return code;
}

static int plan_all(struct leader *l)
{
    struct consume *x = l->x;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)x->n_parts);
    int code = EXIT_DONE;
    for (unsigned i = 0; i < x->n_parts && code == EXIT_DONE; i++) {
        code = plan_part(l, &x->parts[i]);
        if (!x->parts[i].done) {
            rd_kafka_topic_partition_list_add(list, x->topic,
                                              x->parts[i].number)
                ->offset = x->parts[i].next;
        }
    }
    if (code == EXIT_DONE && list->cnt > 0) {
        rd_kafka_resp_err_t rc = rd_kafka_assign(l->rk, list);
        if (rc != RD_KAFKA_RESP_ERR_NO_ERROR) {
            code =
                command_fail(x->call, EXIT_FAILED, "%s", rd_kafka_err2str(rc));
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

/* ---- reading ------------------------------------------------------------- */

/* One event. Returns an exit code; EXIT_DONE goes on. */
static int on_event(struct leader *l, const rd_kafka_message_t *m)
{
    struct consume *x = l->x;
    struct consume_part *p = consume_part(x, m->partition);
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR && p != NULL) {
        shown_message(x, p, m);
        return EXIT_DONE;
    }
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && p != NULL) {
        consume_reached(x, p, m->offset);
        consume_idle(x);
        return EXIT_DONE;
    }
    if (rd_kafka_last_error() == RD_KAFKA_RESP_ERR__FATAL ||
        m->err == RD_KAFKA_RESP_ERR__FATAL ||
        m->err == RD_KAFKA_RESP_ERR__BAD_MSG ||
        m->err == RD_KAFKA_RESP_ERR__BAD_COMPRESSION ||
        m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
        m->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
        m->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        return command_fail(x->call, EXIT_FAILED, "partition %d: %s",
                            m->partition, rd_kafka_message_errstr(m));
    }
    return EXIT_DONE; /* librdkafka goes on by itself */
}

static int read_all(struct leader *l)
{
    struct consume *x = l->x;
    uint64_t heard_us = env_now_us_exact(x->admin.env);
    int code = EXIT_DONE;
    while (code == EXIT_DONE && !consume_over(x)) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(l->rk, 100);
        if (m != NULL) {
            heard_us = m->err == RD_KAFKA_RESP_ERR_NO_ERROR
                           ? env_now_us_exact(x->admin.env)
                           : heard_us;
            code = on_event(l, m);
            rd_kafka_message_destroy(m);
            continue;
        }
        consume_idle(x);
        if (!x->follow && env_now_us_exact(x->admin.env) - heard_us >
                              (uint64_t)l->timeout_ms * 1000) {
            code = command_fail(x->call, EXIT_UNREACHABLE,
                                "nothing came for %d ms, and the end is not "
                                "reached; ostraka cluster status says who is "
                                "missing",
                                l->timeout_ms);
        }
    }
    return code;
}

/* ---- the reader ---------------------------------------------------------- */

static int set_all(struct leader *l, rd_kafka_conf_t *conf, struct err *err)
{
    static const char *const fixed[] = {
        "client.id=ostraka",        "group.id=ostraka-consume",
        "enable.auto.commit=false", "enable.auto.offset.store=false",
        "check.crcs=true",          "enable.partition.eof=true",
        "auto.offset.reset=error",  "log_level=2"};
    struct command_call *c = l->x->call;
    unsigned pos = 0;
    const char *text;
    int rv = rdconf_set(conf, "bootstrap.servers", command_bootstrap(c), err);
    for (size_t i = 0; rv == 0 && i < sizeof fixed / sizeof *fixed; i++) {
        rv = rdconf_set_text(conf, fixed[i], err);
    }
    while (rv == 0 &&
           (text = command_option_next(c, "property", &pos)) != NULL) {
        rv = rdconf_set_text(conf, text, err);
    }
    return rv;
}

int consume_leader(struct consume *x)
{
    struct leader l = {.x = x, .timeout_ms = (int)command_timeout_ms(x->call)};
    struct err err = {""};
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (set_all(&l, conf, &err) != 0) {
        rd_kafka_conf_destroy(conf);
        return command_fail(x->call, EXIT_USAGE, "%s", err.text);
    }
    l.rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (l.rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return command_fail(x->call, EXIT_USAGE, "%s", text);
    }
    rd_kafka_poll_set_consumer(l.rk);
    int code = plan_all(&l);
    if (code == EXIT_DONE) {
        code = read_all(&l);
    }
    rd_kafka_consumer_close(l.rk);
    rd_kafka_destroy(l.rk);
    return code;
}
