/* consume_group.c - reading as a member of a consumer group, by librdkafka:
 * the group says which partitions, and from where. What was printed, and has
 * left this process, is committed, now and then and at the end; SIGINT and
 * SIGTERM are such an end.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/consume.h"
#include "cli/rdconf.h"
#include "cli/shown.h"

#define POLL_MS   100
#define SETTLE_US 200000 /* between two settlings, while records come */

struct group_reader {
    struct consume *x;
    rd_kafka_t *rk;
    const char *group;
    int signals; /* signalfd, -1: none */
    int signo;   /* that came */
    uint64_t heard_us, settled_us;
};

/* ---- what may be committed ----------------------------------------------- */

/* It is committed at the next occasion. */
static void store(struct group_reader *l, int32_t partition, int64_t next)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, l->x->topic, partition)->offset =
        next;
    (void)rd_kafka_offsets_store(l->rk, list); /* fails if it was taken away */
    rd_kafka_topic_partition_list_destroy(list);
}

/* A record that is still in this process's memory, or could not be written,
 * was read by nobody: its offset must not be committed. */
static void settle(struct group_reader *l)
{
    struct consume *x = l->x;
    l->settled_us = env_now_us_exact(x->admin.env);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return; /* consume_over() */
    }
    for (unsigned i = 0; i < x->n_parts; i++) {
        if (x->parts[i].printed) {
            x->parts[i].printed = false;
            store(l, x->parts[i].number, x->parts[i].next);
        }
    }
}

/* ---- who reads what ------------------------------------------------------ */

/* They begin anew, wherever the group is. */
static void begin_parts(struct consume *x,
                        const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        struct consume_part *p = consume_part(x, list->elems[i].partition);
        if (p != NULL) {
            p->next = 0;
            p->done = p->printed = false;
        }
    }
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct group_reader *l = opaque;
    bool gives = err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    const char *protocol = rd_kafka_rebalance_protocol(rk);
    rd_kafka_error_t *failed = NULL;
    settle(l); /* what goes to another member is committed by that */
    begin_parts(l->x, list);
    l->heard_us = env_now_us_exact(l->x->admin.env);
    if (protocol != NULL && strcmp(protocol, "COOPERATIVE") == 0) {
        failed = gives ? rd_kafka_incremental_assign(rk, list)
                       : rd_kafka_incremental_unassign(rk, list);
    } else {
        (void)rd_kafka_assign(rk, gives ? list : NULL);
    }
    if (failed != NULL) {
        command_fail(l->x->call, 0, "%s", rd_kafka_error_string(failed));
        rd_kafka_error_destroy(failed);
    }
}

/* Is every partition that this member has at its end, and has it any? */
static bool at_end(struct group_reader *l)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    bool all = rd_kafka_assignment(l->rk, &list) == RD_KAFKA_RESP_ERR_NO_ERROR;
    all = all && list->cnt > 0;
    for (int i = 0; all && i < list->cnt; i++) {
        const struct consume_part *p =
            consume_part(l->x, list->elems[i].partition);
        all = p != NULL && p->done;
    }
    if (list != NULL) {
        rd_kafka_topic_partition_list_destroy(list);
    }
    return all;
}

/* ---- reading ------------------------------------------------------------- */

static int on_event(struct group_reader *l, const rd_kafka_message_t *m)
{
    struct consume *x = l->x;
    struct consume_part *p = consume_part(x, m->partition);
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR && p != NULL) {
        uint64_t before = x->records;
        p->done = false;
        l->heard_us = env_now_us_exact(x->admin.env);
        shown_message(x, p, m);
        p->printed = p->printed || x->records > before;
        if (l->heard_us - l->settled_us >= SETTLE_US) {
            settle(l);
        }
        return EXIT_DONE;
    }
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && p != NULL) {
        p->done = true;
        consume_idle(x);
        settle(l);
        return EXIT_DONE;
    }
    if (rd_kafka_last_error() == RD_KAFKA_RESP_ERR__FATAL ||
        m->err == RD_KAFKA_RESP_ERR__FATAL ||
        m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
        m->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        m->err == RD_KAFKA_RESP_ERR_INVALID_GROUP_ID ||
        m->err == RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL ||
        m->err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ||
        m->err == RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED) {
        return command_fail(x->call, EXIT_FAILED, "group %s: %s", l->group,
                            rd_kafka_message_errstr(m));
    }
    return EXIT_DONE; /* librdkafka goes on by itself */
}

static bool stopped(struct group_reader *l)
{
    struct signalfd_siginfo info;
    if (l->signals >= 0 &&
        read(l->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        l->signo = (int)info.ssi_signo;
    }
    return l->signo != 0;
}

static int read_all(struct group_reader *l)
{
    struct consume *x = l->x;
    uint64_t wait_us = (uint64_t)command_timeout_ms(x->call) * 1000;
    int code = EXIT_DONE;
    l->heard_us = env_now_us_exact(x->admin.env);
    while (code == EXIT_DONE && !consume_over(x) && !stopped(l)) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(l->rk, POLL_MS);
        if (m != NULL) {
            code = on_event(l, m);
            rd_kafka_message_destroy(m);
        } else {
            consume_idle(x);
            settle(l);
        }
        if (x->follow || code != EXIT_DONE) {
            continue;
        }
        if (m == NULL && at_end(l)) {
            break;
        }
        if (env_now_us_exact(x->admin.env) - l->heard_us > wait_us) {
            code = command_fail(
                x->call, EXIT_UNREACHABLE,
                "nothing came for %u ms: the group rebalances, or has more "
                "members than partitions; ostraka group members %s shows it, "
                "and --follow waits",
                command_timeout_ms(x->call), l->group);
        }
    }
    return code;
}

/* What was printed is committed before the group is left. */
static int commit(struct group_reader *l)
{
    rd_kafka_resp_err_t rc = rd_kafka_commit(l->rk, NULL, 0);
    if (rc == RD_KAFKA_RESP_ERR_NO_ERROR ||
        rc == RD_KAFKA_RESP_ERR__NO_OFFSET) {
        return EXIT_DONE;
    }
    return command_fail(l->x->call, EXIT_UNKNOWN,
                        "group %s: committing what was printed: %s; it may be "
                        "printed again",
                        l->group, rd_kafka_err2str(rc));
}

/* ---- signals ------------------------------------------------------------- */

static void end_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

void consume_group_prepare(void)
{
    sigset_t set;
    end_signals(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* ---- the reader ---------------------------------------------------------- */

static int set_all(struct group_reader *l, rd_kafka_conf_t *conf,
                   struct err *err)
{
    static const char *const fixed[] = {"client.id=ostraka-consume",
                                        "enable.auto.commit=true",
                                        "enable.auto.offset.store=false",
                                        "check.crcs=true",
                                        "enable.partition.eof=true",
                                        "auto.offset.reset=earliest",
                                        "log_level=2"};
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
    if (rv == 0) {
        rv = rdconf_set(conf, "group.id", l->group, err);
    }
    rd_kafka_conf_set_opaque(conf, l);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    return rv;
}

static int subscribe(struct group_reader *l)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, l->x->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t rc = rd_kafka_subscribe(l->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return rc == RD_KAFKA_RESP_ERR_NO_ERROR
               ? EXIT_DONE
               : command_fail(l->x->call, EXIT_FAILED, "group %s: %s", l->group,
                              rd_kafka_err2str(rc));
}

static int run(struct group_reader *l)
{
    int code = subscribe(l);
    if (code == EXIT_DONE) {
        code = read_all(l);
        settle(l);
        int committed = commit(l);
        code = code == EXIT_DONE ? committed : code;
    }
    rd_kafka_consumer_close(l->rk);
    return code == EXIT_DONE && l->signo != 0 ? 128 + l->signo : code;
}

int consume_group(struct consume *x, const char *group)
{
    struct group_reader l = {.x = x, .group = group, .signals = -1};
    struct err err = {""};
    char text[512];
    sigset_t set;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (set_all(&l, conf, &err) != 0) {
        rd_kafka_conf_destroy(conf);
        return command_fail(x->call, EXIT_USAGE, "%s", err.text);
    }
    for (unsigned i = 0; i < x->n_parts; i++) {
        x->parts[i].end = INT64_MAX;
    }
    l.rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (l.rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return command_fail(x->call, EXIT_USAGE, "%s", text);
    }
    rd_kafka_poll_set_consumer(l.rk);
    end_signals(&set);
    l.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    int code = run(&l);
    rd_kafka_destroy(l.rk);
    if (l.signals >= 0) {
        close(l.signals);
    }
    return code;
}
