/* A node's configuration: files, command line, checks, printing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

/* Files that exist in a test. */
struct file {
    const char *path;
    const char *text;
};

struct fixture {
    struct mem *mem;
    struct config *c;
    struct err err;
    const struct file *files;
};

static int file_read(void *arg, const char *path, size_t len_max,
                     char **ret_text, size_t *ret_len, struct err *err)
{
    struct fixture *f = arg;

    for (const struct file *at = f->files; at->path != NULL; at++) {
        if (strcmp(at->path, path) == 0) {
            assert_true(strlen(at->text) <= len_max);
            *ret_len = strlen(at->text);
            *ret_text = mem_strndup(f->mem, at->text, *ret_len);
            return *ret_text == NULL ? ERR_NOMEM : 0;
        }
    }
    return err_set(err, ERR_NOTFOUND, "%s: no such file", path);
}

static int setup(void **state)
{
    struct mem *mem = mem_new(0);
    struct fixture *f = mem_calloc(mem, 1, sizeof(*f));

    f->mem = mem;
    f->c = config_new(mem);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    struct mem *mem = f->mem;

    config_free(f->c);
    mem_free(mem, f);
    assert_int_equal(mem_blocks(mem), 0);
    mem_free_all(mem);
    return 0;
}

/* Load `text` as conf/n.properties. */
static int load(struct fixture *f, const char *text)
{
    return config_load_text(f->c, "conf/n.properties", text, strlen(text),
                            file_read, f, &f->err);
}

static void load_fails(struct fixture *f, const char *text, const char *wanted)
{
    assert_int_equal(load(f, text), ERR_INVALID);
    assert_string_equal(f->err.text, wanted);
}

/* Of a fresh configuration: loads, but does not finish. */
static void finish_fails(struct fixture *f, const char *text,
                         const char *wanted)
{
    config_free(f->c);
    f->c = config_new(f->mem);
    assert_int_equal(load(f, text), 0);
    assert_int_equal(config_finish(f->c, &f->err), ERR_INVALID);
    assert_string_equal(f->err.text, wanted);
}

static void the_table_is_whole(void **state)
{
    (void)state;
    for (int i = 0; i < NODE_SETTINGS; i++) {
        const struct setting *s = config_setting((enum node_setting)i);
        assert_non_null(s->name);
        assert_non_null(s->help);
        assert_int_equal(s->scope, SETTING_NODE);
        assert_int_equal(config_find(s->name), i);
        assert_true(s->treatment == SETTING_HONOURED || s->reason != NULL);
        assert_true(s->kind != SETTING_ENUM || s->choices != NULL);
        if (s->topic != 0) {
            const struct setting *t =
                config_topic_setting((enum topic_setting)(s->topic - 1));
            assert_true(s->scale > 0);
            assert_int_equal(s->treatment, t->treatment);
            if (s->scale == 1 && s->default_text != NULL) {
                assert_string_equal(s->default_text, t->default_text);
            }
        }
    }
}

static void defaults_make_a_node_on_its_own(void **state)
{
    struct fixture *f = *state;
    const struct config_listener *l;
    unsigned n;

    assert_int_equal(config_finish(f->c, &f->err), 0);
    assert_int_equal(config_long(f->c, NODE_ID), 1);
    assert_int_equal(config_long(f->c, NODE_DEFAULT_REPLICATION_FACTOR), 1);
    assert_int_equal(config_long(f->c, NODE_JOURNAL_FILE_BYTES), 64 << 20);
    assert_int_equal(config_long(f->c, NODE_STORAGE_IO), CONFIG_IO_AUTO);
    assert_int_equal(config_long(f->c, NODE_LOG_LEVEL), CONFIG_LOG_INFO);
    assert_true(config_bool(f->c, NODE_AUTO_CREATE_TOPICS));
    assert_null(config_text(f->c, NODE_LOG_RETENTION_MS));
    config_nodes(f->c, &n);
    assert_int_equal(n, 0);
    l = config_advertised(f->c, &n);
    assert_int_equal(n, 1);
    assert_string_equal(l[0].name, "PLAINTEXT");
    assert_string_equal(l[0].at.host, "127.0.0.1");
    assert_int_equal(l[0].at.port, 9092);
    assert_int_equal(
        config_topic_long(config_topic_defaults(f->c), TOPIC_RETENTION_MS),
        604800000);
}

static void a_cluster_of_three(void **state)
{
    struct fixture *f = *state;
    const struct config_node *nodes;
    unsigned n;

    assert_int_equal(load(f, "node.id=2\n"
                             "cluster.nodes = 3@c:9003, 1@[::1]:9001,\\\n"
                             "    2@b.example:9002\n"
                             "journal.bytes.max = 32MiB\n"
                             "raft.election.ms = 1s\n"
                             "log.dirs = /d\n"
                             "listeners=plaintext://:9092\n"
                             "advertised.listeners=PLAINTEXT://b:9092\n"),
                     0);
    assert_int_equal(config_finish(f->c, &f->err), 0);
    nodes = config_nodes(f->c, &n);
    assert_int_equal(n, 3);
    assert_string_equal(nodes[0].peer.host, "::1");
    assert_int_equal(nodes[0].peer.port, 9001);
    assert_int_equal(nodes[1].id, 2);
    assert_int_equal(config_node_find(f->c, 3)->peer.port, 9003);
    assert_null(config_node_find(f->c, 4));
    assert_int_equal(config_long(f->c, NODE_DEFAULT_REPLICATION_FACTOR), 3);
    assert_int_equal(config_long(f->c, NODE_JOURNAL_FILE_BYTES), 8 << 20);
    assert_int_equal(config_long(f->c, NODE_RAFT_ELECTION_MS), 1000);
    assert_string_equal(config_text(f->c, NODE_RAFT_ELECTION_MS), "1000");
    assert_string_equal(config_text(f->c, NODE_DATA_DIR), "/d");
    assert_string_equal(config_listeners(f->c, &n)[0].at.host, "");
    assert_string_equal(config_advertised(f->c, &n)[0].at.host, "b");
}

static const struct config_endpoint *admin_of(struct fixture *f,
                                              const char *text)
{
    config_free(f->c);
    f->c = config_new(f->mem);
    assert_non_null(f->c);
    assert_int_equal(load(f, text), 0);
    assert_int_equal(config_finish(f->c, &f->err), 0);
    return config_admin(f->c);
}

static void the_admin_listener_is_off_or_on_loopback(void **state)
{
    struct fixture *f = *state;

    assert_null(admin_of(f, ""));
    assert_null(admin_of(f, "admin.listener="));
    assert_string_equal(admin_of(f, "admin.listener=:9644")->host, "127.0.0.1");
    assert_int_equal(config_admin(f->c)->port, 9644);
    assert_string_equal(admin_of(f, "admin.listener=[::]:1")->host, "::");
    finish_fails(f, "admin.listener=9644",
                 "conf/n.properties:1: admin.listener: \"9644\" is no "
                 "host:port (an IPv6 address stands in brackets, a port is at "
                 "most 65535)");
}

static void faults_name_file_line_and_remedy(void **state)
{
    struct fixture *f = *state;

    load_fails(f, "\n# c\nlistners=PLAINTEXT://:1\n",
               "conf/n.properties:3: listners: unknown setting; did you mean "
               "listeners?");
    load_fails(f, "qqqqqq=1", "conf/n.properties:1: qqqqqq: unknown setting");
    load_fails(f, "retention.ms=1",
               "conf/n.properties:1: retention.ms: is a topic setting; a node "
               "sets its default by log.retention.ms");
    load_fails(f, "num.partitions=0",
               "conf/n.properties:1: num.partitions=0: must be a whole "
               "number, from 1 to 10000");
    load_fails(f, "journal.bytes.max=1MiB",
               "conf/n.properties:1: journal.bytes.max=1MiB: must be a whole "
               "number, or a size like 64MiB, from 33554432 to 1099511627776 "
               "bytes");
    load_fails(f, "auto.create.topics.enable=yes",
               "conf/n.properties:1: auto.create.topics.enable=yes: must be "
               "true or false");
    load_fails(f, "storage.io=aio",
               "conf/n.properties:1: storage.io=aio: must be one of "
               "auto,io_uring,threads");
    load_fails(f, "log.dirs=/a,/b",
               "conf/n.properties:1: log.dirs=/a,/b: must be one directory; "
               "run one node per disk");
    load_fails(f, "a=\\u1",
               "conf/n.properties:1: \\u needs four hexadecimal digits");
}

/* @meta has so much room for them. */
static void what_meta_takes(void **state)
{
    struct fixture *f = *state;
    char text[128];
    struct err err;

    load_fails(f, "default.replication.factor=16",
               "conf/n.properties:1: default.replication.factor=16: must be a "
               "whole number, from 1 to 15");

    snprintf(text, sizeof text, "broker.rack=%0*d", CONFIG_RACK_MAX - 1, 0);
    assert_int_equal(load(f, text), 0);
    snprintf(text, sizeof text, "%0*d", CONFIG_RACK_MAX, 0);
    assert_int_equal(config_set(f->c, "broker.rack", text, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "must have at most 63 bytes"));
}

static void kafkas_other_settings_are_refused_by_name(void **state)
{
    struct fixture *f = *state;

    load_fails(f, "zookeeper.connect=localhost:2181",
               "conf/n.properties:1: zookeeper.connect=localhost:2181: is "
               "refused: there is no ZooKeeper; remove it and name the nodes "
               "in cluster.nodes");
    load_fails(f, "shards=4",
               "conf/n.properties:1: shards=4: is refused: this version runs "
               "one loop thread (only \"1\" is accepted)");
    load_fails(f, "log.flush.interval.ms=1000",
               "conf/n.properties:1: log.flush.interval.ms=1000: is refused: "
               "every record is flushed before it is acknowledged");
    assert_int_equal(load(f, "shards=1\nunclean.leader.election.enable=false"),
                     0);
}

static void repeated_settings_name_both_places(void **state)
{
    struct fixture *f = *state;

    load_fails(f, "data.dir=/a\n\nlog.dir=/b\n",
               "conf/n.properties:3: log.dir: already set at "
               "conf/n.properties:1");
}

static void the_command_line_wins_in_any_order(void **state)
{
    struct fixture *f = *state;
    const char *where;

    assert_int_equal(config_set(f->c, "node.id", "7", &f->err), 0);
    assert_int_equal(load(f, "node.id=2\nnum.partitions=4\n"), 0);
    assert_int_equal(config_set(f->c, "num.partitions", "6", &f->err), 0);
    assert_int_equal(config_set(f->c, "num.partitions", "8", &f->err),
                     ERR_INVALID);
    assert_string_equal(f->err.text, "command line: num.partitions: "
                                     "already set at command line");
    assert_int_equal(config_finish(f->c, &f->err), 0);
    assert_int_equal(config_long(f->c, NODE_ID), 7);
    assert_int_equal(config_long(f->c, NODE_NUM_PARTITIONS), 6);
    assert_int_equal(config_source(f->c, NODE_ID, &where),
                     CONFIG_FROM_COMMAND_LINE);
    assert_string_equal(where, "command line");
    assert_int_equal(config_source(f->c, NODE_SHARDS, &where),
                     CONFIG_FROM_DEFAULT);
}

/* ... and its values end as those of a file do, so that what is printed can be
 * read again. */
static void the_command_line_ends_no_value_with_blanks(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(config_set(f->c, "data.dir", " \t", &f->err), ERR_INVALID);
    /* What a file may not say either: it could not be printed as one. */
    assert_int_equal(config_set(f->c, "data.dir", "/d\xff", &f->err),
                     ERR_INVALID);
    assert_string_equal(f->err.text, "command line: data.dir: the value is not "
                                     "UTF-8 text");
    assert_int_equal(config_set(f->c, "cluster.nodes", "1@a:1, \t\f", &f->err),
                     0);
    assert_int_equal(config_finish(f->c, &f->err), 0);
    assert_string_equal(config_text(f->c, NODE_CLUSTER_NODES), "1@a:1,");
}

/* What the command line overrides is checked all the same. */
static void overridden_values_are_checked(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(config_set(f->c, "node.id", "7", &f->err), 0);
    load_fails(f, "node.id=x",
               "conf/n.properties:1: node.id=x: must be a whole number, from "
               "1 to 2147483647");
}

static void files_include_files(void **state)
{
    static const struct file files[] = {
        {"conf/n.properties", "include sub/a.properties\nnode.id=3\n"},
        {"conf/sub/a.properties", "include b.properties\nshards=1\n"},
        {"conf/sub/b.properties", "\nnum.partitions=9\n"},
        {NULL, NULL},
    };
    struct fixture *f = *state;
    const char *where;

    f->files = files;
    assert_int_equal(
        config_load(f->c, "conf/n.properties", file_read, f, &f->err), 0);
    assert_int_equal(config_finish(f->c, &f->err), 0);
    assert_int_equal(config_source(f->c, NODE_NUM_PARTITIONS, &where),
                     CONFIG_FROM_FILE);
    assert_string_equal(where, "conf/sub/b.properties:2");
}

static void includes_end(void **state)
{
    static const struct file files[] = {
        {"/a", "include /b"}, {"/b", "\ninclude /a"}, {"/c", "include /d"},
        {"/d", "node.id=0"},  {"/e", "include /f"},   {NULL, NULL},
    };
    struct fixture *f = *state;

    f->files = files;
    assert_int_equal(config_load(f->c, "/a", file_read, f, &f->err),
                     ERR_INVALID);
    assert_string_equal(f->err.text, "/a:1: /b:2: /a includes itself");
    assert_int_equal(config_load(f->c, "/c", file_read, f, &f->err),
                     ERR_INVALID);
    assert_string_equal(f->err.text,
                        "/c:1: /d:1: node.id=0: must be a whole number, from "
                        "1 to 2147483647");
    assert_int_equal(config_load(f->c, "/e", file_read, f, &f->err),
                     ERR_NOTFOUND);
    assert_string_equal(f->err.text, "/e:1: /f: no such file");
}

static void settings_are_checked_against_each_other(void **state)
{
    struct fixture *f = *state;

    finish_fails(f, "cluster.nodes=1@a:1,2@b:1",
                 "node.id: must be set when cluster.nodes lists several "
                 "nodes");
    finish_fails(f, "node.id=3\ncluster.nodes=1@a:1,2@b:1",
                 "conf/n.properties:1: node.id: node 3 is not in "
                 "cluster.nodes");
    finish_fails(f, "cluster.nodes=1@a:1,1@b:1",
                 "conf/n.properties:1: cluster.nodes: node 1 is listed twice");
    finish_fails(f, "cluster.nodes=1@a:1,2@A:1",
                 "conf/n.properties:1: cluster.nodes: nodes 1 and 2 have the "
                 "same address");
    finish_fails(f, "cluster.nodes=a:1",
                 "conf/n.properties:1: cluster.nodes: \"a:1\" is not of the "
                 "form 1@host:port");
    finish_fails(f, "cluster.nodes=1@a:65536",
                 "conf/n.properties:1: cluster.nodes: \"a:65536\" is no "
                 "host:port (an IPv6 address stands in brackets, a port is "
                 "at most 65535)");
    finish_fails(f, "listeners=SSL://a:1",
                 "conf/n.properties:1: listeners: SSL is refused: PLAINTEXT "
                 "is the only protocol");
    finish_fails(f, "listeners=PLAINTEXT://0.0.0.0:9092",
                 "advertised.listeners: clients cannot connect to \"every "
                 "address\": set advertised.listeners=PLAINTEXT://HOST:9092, "
                 "with a host that they reach");
    finish_fails(f, "group.min.session.timeout.ms=1800001",
                 "conf/n.properties:1: group.min.session.timeout.ms: must be "
                 "at most group.max.session.timeout.ms (1800000)");
    finish_fails(f, "raft.election.ms=150",
                 "conf/n.properties:1: raft.election.ms: must be at least "
                 "twice raft.heartbeat.ms (100)");
    finish_fails(f, "default.replication.factor=2",
                 "conf/n.properties:1: default.replication.factor: must be "
                 "at most 1, the number of nodes");
    finish_fails(f, "memory.bytes=1MiB",
                 "conf/n.properties:1: memory.bytes: must be 0 or at least "
                 "33554432 bytes");
    finish_fails(f, "journal.file.bytes=1GiB",
                 "conf/n.properties:1: journal.file.bytes: must be a "
                 "multiple of 4096 and at most a quarter of "
                 "journal.bytes.max (536870912)");
    finish_fails(f, "min.insync.replicas=2",
                 "conf/n.properties:1: min.insync.replicas: must be at most "
                 "1, the majority of default.replication.factor");
    finish_fails(f, "socket.request.max.bytes=1024",
                 "conf/n.properties:1: socket.request.max.bytes: must be at "
                 "least message.max.bytes (1048588)");
    finish_fails(f, "message.max.bytes=32MiB\njournal.bytes.max=32MiB",
                 "conf/n.properties:1: message.max.bytes: 33554432 is more "
                 "than one file of the journal takes: set journal.file.bytes "
                 "(8388608) and journal.bytes.max larger, or this to at most "
                 "8388096");
    finish_fails(f, "journal.file.bytes=1MiB",
                 "message.max.bytes: 1048588 is more than one file of the "
                 "journal takes: set journal.file.bytes (1048576) and "
                 "journal.bytes.max larger, or this to at most 1048064");
    finish_fails(f, "unsafe.no.flush.of=journal",
                 "conf/n.properties:1: unsafe.no.flush.of: is for testing "
                 "and loses records: only with unsafe.no.flush=true");
}

static void the_most_specific_topic_default_wins(void **state)
{
    struct fixture *f = *state;
    const struct topic_config *t;

    assert_int_equal(load(f, "log.retention.hours=1\n"
                             "log.retention.minutes=2\n"
                             "log.roll.hours=3\n"
                             "log.roll.ms=4000\n"
                             "log.segment.bytes=1MiB\n"
                             "message.max.bytes=5000\n"
                             "compression.type=zstd\n"
                             "log.message.timestamp.type=LogAppendTime\n"),
                     0);
    assert_int_equal(config_finish(f->c, &f->err), 0);
    t = config_topic_defaults(f->c);
    assert_int_equal(config_topic_long(t, TOPIC_RETENTION_MS), 120000);
    assert_int_equal(config_topic_long(t, TOPIC_SEGMENT_MS), 4000);
    assert_int_equal(config_topic_long(t, TOPIC_SEGMENT_BYTES), 1 << 20);
    assert_int_equal(config_topic_long(t, TOPIC_MAX_MESSAGE_BYTES), 5000);
    assert_int_equal(config_topic_long(t, TOPIC_COMPRESSION_TYPE),
                     TOPIC_COMPRESSION_ZSTD);
    assert_int_equal(config_topic_long(t, TOPIC_TIMESTAMP_TYPE),
                     TOPIC_TIMESTAMP_LOG_APPEND_TIME);
    assert_int_equal(t->overridden, 0);
}

static void for_ever_is_not_scaled(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(load(f, "log.retention.hours=-1"), 0);
    assert_int_equal(config_finish(f->c, &f->err), 0);
    assert_int_equal(
        config_topic_long(config_topic_defaults(f->c), TOPIC_RETENTION_MS), -1);
}

/* Milliseconds that are kept in 32 bits are never cut to a shorter time. */
static void long_times_stay_long(void **state)
{
    static const struct {
        const char *text;
        uint32_t ms;
    } cases[] = {{"600000", 600000},
                 {"4294967295", UINT32_MAX},
                 {"4294967297", UINT32_MAX},
                 {"9223372036854775807", UINT32_MAX}};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config *c = config_new(f->mem);
        struct err err = {""};
        assert_int_equal(config_set(c, "log.retention.check.interval.ms",
                                    cases[i].text, &err),
                         0);
        assert_int_equal(config_finish(c, &err), 0);
        assert_int_equal(config_ms(c, NODE_RETENTION_CHECK_MS), cases[i].ms);
        config_free(c);
    }
}

/* What is printed loads again and means the same. */
static void what_is_printed_reads_back(void **state)
{
    struct fixture *f = *state;
    struct config *again = config_new(f->mem);
    struct buf out;

    buf_init(&out, f->mem, 0);
    assert_int_equal(load(f, "data.dir=\\ /a\\\\b\nlog.file=x y\n"
                             "journal.bytes.max=1GiB\n"),
                     0);
    assert_int_equal(config_finish(f->c, &f->err), 0);
    config_print(f->c, &out);
    assert_int_equal(out.status, 0);
    buf_put_u8(&out, 0);
    assert_non_null(strstr((char *)out.data, "# conf/n.properties:3\n"
                                             "journal.bytes.max=1073741824\n"));
    assert_non_null(strstr((char *)out.data, "# default\nnode.id=1\n"));
    assert_int_equal(config_load_text(again, "p", (char *)out.data, out.len - 1,
                                      file_read, f, &f->err),
                     0);
    assert_int_equal(config_finish(again, &f->err), 0);
    for (int i = 0; i < NODE_SETTINGS; i++) {
        enum node_setting s = (enum node_setting)i;
        if (config_text(f->c, s) == NULL) {
            assert_null(config_text(again, s));
        } else {
            assert_string_equal(config_text(again, s), config_text(f->c, s));
        }
    }
    config_free(again);
    buf_close(&out);
}

static void explaining(void **state)
{
    struct fixture *f = *state;
    struct buf out;

    buf_init(&out, f->mem, 0);
    assert_int_equal(config_explain("raft.heartbeat.ms", &out, &f->err), 0);
    buf_put_u8(&out, 0);
    assert_string_equal((char *)out.data,
                        "raft.heartbeat.ms\n"
                        "  How often a leader is heard of when nothing "
                        "happens.\n"
                        "  setting of a node\n"
                        "  kind       duration, in ms\n"
                        "  range      from 10 to 10000 ms\n"
                        "  default    100\n"
                        "  treatment  honoured\n");
    buf_reset(&out);
    assert_int_equal(config_explain("retension.ms", &out, &f->err),
                     ERR_NOTFOUND);
    assert_string_equal(f->err.text, "retension.ms: no such setting; did you "
                                     "mean retention.ms?");
    for (int i = 0; i < NODE_SETTINGS; i++) {
        assert_int_equal(
            config_explain(config_setting((enum node_setting)i)->name, &out,
                           NULL),
            0);
    }
    buf_close(&out);
}

/* Each allocation fails in turn: an error, nothing leaks, nothing crashes. */
static void every_allocation_may_fail(void **state)
{
    struct fixture *f = *state;
    bool fired = true;

    for (uint64_t n = 1; fired; n++) {
        struct mem *mem = mem_new(0);
        struct config *c;
        int rc = ERR_NOMEM;
        mem_fail_at(mem, n, 0);
        c = config_new(mem);
        if (c != NULL) {
            static const char text[] = "cluster.nodes=1@a:1\nnode.id=1\n"
                                       "log.file=abc\n";
            rc = config_load_text(c, "p", text, strlen(text), file_read, f,
                                  NULL);
            rc = rc == 0 ? config_set(c, "shards", "1", NULL) : rc;
            rc = rc == 0 ? config_finish(c, NULL) : rc;
        }
        fired = mem_fail_fired(mem) != 0;
        assert_int_equal(rc, fired ? ERR_NOMEM : 0);
        config_free(c);
        assert_int_equal(mem_blocks(mem), 0);
        mem_free_all(mem);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_table_is_whole),
        TEST(defaults_make_a_node_on_its_own),
        TEST(a_cluster_of_three),
        TEST(faults_name_file_line_and_remedy),
        TEST(what_meta_takes),
        TEST(kafkas_other_settings_are_refused_by_name),
        TEST(the_admin_listener_is_off_or_on_loopback),
        TEST(repeated_settings_name_both_places),
        TEST(the_command_line_wins_in_any_order),
        TEST(the_command_line_ends_no_value_with_blanks),
        TEST(overridden_values_are_checked),
        TEST(files_include_files),
        TEST(includes_end),
        TEST(settings_are_checked_against_each_other),
        TEST(the_most_specific_topic_default_wins),
        TEST(for_ever_is_not_scaled),
        TEST(long_times_stay_long),
        TEST(what_is_printed_reads_back),
        TEST(explaining),
        TEST(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
