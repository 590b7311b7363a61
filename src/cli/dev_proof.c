#include "cli/dev_proof.h"

#include <inttypes.h>
#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/dev_run.h"
#include "cli/proof.h"
#include "cli/rdoffset.h"
#include "wire/api.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/metadata.h"

#define RECORDS_MAX   1000000
#define FLUSH_MS_MAX  60000
#define READ_MS_MAX   60000
#define LEADER_MS_MAX 20000

struct proof {
    struct dev dev;
    struct command_call *call;
    struct env *env;
    const char *topic;
    char bootstrap[DEV_NODES_MAX * 32];
    struct proof_book book;
    struct dev_node *victim;
    unsigned killed_at; /* records sent before the kill */
    int leader_before, leader_after;
    int64_t base; /* the topic's end before the first record */
};

static int fail(const struct proof *p, const char *what, const char *why)
{
    return command_fail(p->call, EXIT_FAILED, "%s: %s", what, why);
}

/* ---- the topic ----------------------------------------------------------- */

static int create_topic(struct proof *p)
{
    struct create_topics_request q;
    struct create_topics_response r;
    struct client *client = NULL;
    struct arena a;
    struct err err = {""};
    int code = EXIT_DONE;
    if (client_open_any(p->env, p->bootstrap, command_timeout_ms(p->call),
                        &client, &err) != 0) {
        return command_fail(p->call, EXIT_UNREACHABLE, "%s", err.text);
    }
    arena_init(&a, env_mem(p->env), 1 << 20);
    wire_init(&wire_create_topics_request, &q);
    q.topics.ptr =
        wire_elems_new(&a, &wire_create_topics_request_topic, q.topics.n = 1);
    if (q.topics.ptr == NULL) {
        err_set(&err, ERR_NOMEM, "out of memory");
        code = EXIT_FAILED;
    } else {
        int version = client_version(client, API_CREATE_TOPICS, 7);
        q.timeout_ms = (int32_t)command_timeout_ms(p->call);
        q.topics.ptr[0].name = slice_str(p->topic);
        q.topics.ptr[0].num_partitions = 1;
        q.topics.ptr[0].replication_factor =
            (int16_t)(p->dev.n_nodes < 3 ? p->dev.n_nodes : 3);
        code = command_exit_of(
            client_call(client, API_CREATE_TOPICS, version, &q, &a, &r,
                        2 * command_timeout_ms(p->call), &err));
    }
    /* 36: it is there already, and new records go behind the old ones. */
    if (code == EXIT_DONE && r.topics.n == 1 &&
        r.topics.ptr[0].error_code != 0 && r.topics.ptr[0].error_code != 36) {
        err_set(&err, ERR_INVALID, "topic %s: error %d %.*s", p->topic,
                r.topics.ptr[0].error_code,
                (int)r.topics.ptr[0].error_message.len,
                (const char *)r.topics.ptr[0].error_message.data);
        code = EXIT_FAILED;
    }
    arena_close(&a);
    client_close(client);
    return code == EXIT_DONE ? code
                             : command_fail(p->call, code, "%s", err.text);
}

/* The node that leads the topic's partition, -1 if nobody says. */
static int leader_of(const struct proof *p, rd_kafka_t *rk)
{
    const struct rd_kafka_metadata *m = NULL;
    rd_kafka_topic_t *t = rd_kafka_topic_new(rk, p->topic, NULL);
    int leader = -1;
    if (t != NULL &&
        rd_kafka_metadata(rk, 0, t, &m, (int)command_timeout_ms(p->call)) ==
            RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (m->topic_cnt == 1 && m->topics[0].partition_cnt == 1) {
            leader = m->topics[0].partitions[0].leader;
        }
        rd_kafka_metadata_destroy(m);
    }
    if (t != NULL) {
        rd_kafka_topic_destroy(t);
    }
    return leader;
}

/* Wait for somebody to lead it: after a start that takes an election. */
static int wait_leader(struct proof *p, rd_kafka_t *rk)
{
    uint64_t until_us = env_now_us_exact(p->env) + LEADER_MS_MAX * 1000ULL;
    while (leader_of(p, rk) < 0) {
        if (env_now_us_exact(p->env) >= until_us) {
            return fail(p, p->topic, "nobody leads it: ostraka dev status");
        }
        process_pause();
    }
    return EXIT_DONE;
}

/* ---- produce ------------------------------------------------------------- */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m,
                        void *opaque)
{
    struct proof *p = opaque;
    (void)rk;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        proof_ack(&p->book, (unsigned)(uintptr_t)m->_private,
                  env_now_us_exact(p->env));
    } else {
        p->book.n_refused++;
    }
}

static rd_kafka_t *client_new(struct proof *p, rd_kafka_type_t type,
                              const char *const settings[][2])
{
    char why[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = rd_kafka_conf_set(conf, "bootstrap.servers", p->bootstrap, why,
                                sizeof why) == RD_KAFKA_CONF_OK;
    for (unsigned i = 0; settings[i][0] != NULL && ok; i++) {
        ok = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why,
                               sizeof why) == RD_KAFKA_CONF_OK;
    }
    rd_kafka_conf_set_opaque(conf, p);
    /* A broker that goes away is what this is about. */
    rd_kafka_conf_set_log_cb(conf, NULL);
    if (type == RD_KAFKA_PRODUCER) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    }
    rd_kafka_t *rk = ok ? rd_kafka_new(type, conf, why, sizeof why) : NULL;
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        fail(p, "librdkafka", why);
    }
    return rk;
}

static int send_one(struct proof *p, rd_kafka_t *rk, unsigned i)
{
    char value[32];
    unsigned len = proof_value(i, value);
    rd_kafka_resp_err_t rv = rd_kafka_producev(
        rk, RD_KAFKA_V_TOPIC(p->topic), RD_KAFKA_V_PARTITION(0),
        RD_KAFKA_V_VALUE(value, len), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_OPAQUE((void *)(uintptr_t)i), RD_KAFKA_V_END);
    return rv == RD_KAFKA_RESP_ERR_NO_ERROR
               ? EXIT_DONE
               : fail(p, "produce", rd_kafka_err2str(rv));
}

static int kill_leader(struct proof *p, rd_kafka_t *rk, unsigned sent)
{
    p->leader_before = leader_of(p, rk);
    p->victim = dev_files_find(&p->dev, p->leader_before);
    if (p->victim == NULL || p->victim->pid == 0) {
        return fail(p, p->topic, "nobody leads it: ostraka dev status");
    }
    p->killed_at = sent;
    if (process_signal(p->victim->pid, SIGKILL) != 0) {
        return fail(p, "kill", "the leader's process is not there");
    }
    return EXIT_DONE;
}

/* One record about every millisecond, the kill in the middle. */
static int produce_all(struct proof *p, rd_kafka_t *rk)
{
    unsigned middle = p->book.n * 2 / 5;
    int code = EXIT_DONE;
    for (unsigned i = 0; i < p->book.n && code == EXIT_DONE; i++) {
        code = send_one(p, rk, i);
        rd_kafka_poll(rk, 1);
        if (code == EXIT_DONE && i == middle) {
            code = kill_leader(p, rk, i + 1);
        }
    }
    if (code == EXIT_DONE) {
        (void)rd_kafka_flush(rk, FLUSH_MS_MAX);
        p->leader_after = leader_of(p, rk);
    }
    return code;
}

static int produce(struct proof *p)
{
    static const char *const settings[][2] = {{"acks", "all"},
                                              {"enable.idempotence", "true"},
                                              {"linger.ms", "0"},
                                              {NULL, NULL}};
    rd_kafka_t *rk = client_new(p, RD_KAFKA_PRODUCER, settings);
    if (rk == NULL) {
        return EXIT_FAILED;
    }
    int code = wait_leader(p, rk);
    rd_kafka_resp_err_t rv =
        code == EXIT_DONE
            ? rdoffset_at(rk, p->topic, 0, RD_KAFKA_OFFSET_END,
                          (int)command_timeout_ms(p->call), &p->base)
            : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (rv != RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = fail(p, p->topic, rd_kafka_err2str(rv));
    }
    code = code == EXIT_DONE ? produce_all(p, rk) : code;
    rd_kafka_destroy(rk);
    return code;
}

/* ---- read back ----------------------------------------------------------- */

static int read_all(struct proof *p, rd_kafka_t *rk)
{
    uint64_t until_ms = env_now_us_exact(p->env) / 1000 + READ_MS_MAX;
    while (env_now_us_exact(p->env) / 1000 < until_ms) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);
        if (m == NULL) {
            continue;
        }
        bool end = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            proof_read(&p->book, m->payload, m->len);
        }
        rd_kafka_message_destroy(m);
        if (end) {
            return EXIT_DONE;
        }
    }
    return fail(p, p->topic, "cannot be read to its end in time");
}

static int read_back(struct proof *p)
{
    static const char *const settings[][2] = {{"group.id", "ostraka-proof"},
                                              {"enable.auto.commit", "false"},
                                              {"enable.partition.eof", "true"},
                                              {NULL, NULL}};
    rd_kafka_t *rk = client_new(p, RD_KAFKA_CONSUMER, settings);
    if (rk == NULL) {
        return EXIT_FAILED;
    }
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, p->topic, 0)->offset = p->base;
    rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    int code = read_all(p, rk);
    rd_kafka_destroy(rk);
    return code;
}

/* ---- the verdict --------------------------------------------------------- */

static int verdict(const struct proof *p)
{
    const struct proof_book *b = &p->book;
    unsigned lost, duplicated;
    double gap_ms = (double)b->gap_us / 1000;
    proof_count(b, &lost, &duplicated);
    if (command_json(p->call)) {
        json_t *all = json_pack(
            "{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:i, s:i, s:i}",
            "schema", "ostraka.dev.proof/1", "topic", p->topic, "sent",
            (int)b->n, "acked", (int)b->n_acked, "read", (int)b->n_read, "lost",
            (int)lost, "duplicated", (int)duplicated, "reordered",
            (int)b->n_reordered, "changed", (int)b->n_changed, "gap_ms", gap_ms,
            "killed", p->leader_before, "killed_at", (int)p->killed_at,
            "leader", p->leader_after);
        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(all);
    } else {
        printf("produced   %u records to %s, acks=all, idempotent\n"
               "killed     the leader n%d (kill -9) after record %u; n%d leads "
               "now\n"
               "acked      %u\n"
               "read back  %u\n"
               "lost       %u\n"
               "duplicated %u\n"
               "order      %s\n"
               "longest time without acks %.0f ms\n",
               b->n, p->topic, p->leader_before, p->killed_at, p->leader_after,
               b->n_acked, b->n_read, lost, duplicated,
               b->n_reordered == 0 && b->n_changed == 0 ? "kept" : "BROKEN",
               gap_ms);
    }
    if (lost + duplicated + b->n_reordered + b->n_changed > 0) {
        return command_fail(p->call, EXIT_VIOLATION,
                            "acknowledged records are lost or changed: keep "
                            "%s and report it",
                            p->dev.dir);
    }
    if (b->n_acked != b->n) {
        return command_fail(p->call, EXIT_FAILED,
                            "only %u of %u records were acknowledged",
                            b->n_acked, b->n);
    }
    return EXIT_DONE;
}

static int restart_victim(struct proof *p)
{
    char daemon[DEV_PATH_MAX];
    int code = dev_find_daemon(&p->dev, daemon, sizeof daemon);
    if (code == EXIT_DONE) {
        (void)process_wait(p->victim->pid, p->victim->properties, READ_MS_MAX);
        code = dev_start(&p->dev, p->victim, daemon);
    }
    return code != EXIT_DONE
               ? code
               : dev_wait(&p->dev, p->env, p->victim, (int)p->dev.n_nodes,
                          env_now_us_exact(p->env) / 1000 + READ_MS_MAX);
}

static int prepare(struct proof *p, struct command_call *c)
{
    int64_t records;
    size_t len = 0;
    p->call = c;
    p->topic = command_option(c, "topic", "proof");
    p->book.last = -1;
    if (command_number(c, "records", 10, RECORDS_MAX, 1000, &records) != 0) {
        return EXIT_USAGE;
    }
    int code = dev_load_cluster(&p->dev, c);
    if (code != EXIT_DONE) {
        return code;
    }
    if (p->dev.n_nodes < 3) {
        return command_fail(c, EXIT_USAGE,
                            "a killed leader needs two others to survive it: "
                            "ostraka dev up --nodes 3");
    }
    for (unsigned i = 0; i < p->dev.n_nodes; i++) {
        len += (size_t)snprintf(p->bootstrap + len, sizeof p->bootstrap - len,
                                "%s127.0.0.1:%u", i > 0 ? "," : "",
                                p->dev.nodes[i].client.port);
    }
    p->book.n = (unsigned)records;
    p->book.acked = mem_calloc(c->mem, p->book.n, 1);
    p->book.seen = mem_calloc(c->mem, p->book.n, 1);
    p->env = command_env(c);
    return p->book.acked != NULL && p->book.seen != NULL && p->env != NULL
               ? EXIT_DONE
               : EXIT_FAILED;
}

int dev_proof(struct command_call *c)
{
    struct proof *p = mem_calloc(c->mem, 1, sizeof *p);
    int code = p == NULL ? EXIT_FAILED : prepare(p, c);
    code = code == EXIT_DONE ? create_topic(p) : code;
    code = code == EXIT_DONE ? produce(p) : code;
    code = code == EXIT_DONE ? read_back(p) : code;
    code = code == EXIT_DONE ? verdict(p) : code;
    if (p != NULL && p->victim != NULL) {
        int again = restart_victim(p);
        code = code == EXIT_DONE ? again : code;
    }
    return code;
}
