#include "members.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/broker.h"
#include "cli/ports.h"
#include "env/file.h"
#include "env/system.h"
#include "record/build.h"
#include "server/node.h"
#include "server/signals.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/metadata.h"
#include "wire/gen/produce.h"
#include "wire/header.h"

#define POOL_BYTES (64u << 20)
#define TOPIC      "held"
/* What all of these have. */
#define PRODUCE_V       7
#define METADATA_V      7
#define CREATE_TOPICS_V 4
#define LIST_OFFSETS_V  4

/* ---- a node's process ---------------------------------------------------- */

struct holder {
    struct env *e;
    int told;
};

static void hold_set(struct holder *h, bool hold)
{
    file_hold_durable(h->e, hold);
    (void)!write(h->told, "", 1);
}

static void on_hold(void *arg)
{
    hold_set(arg, true);
}

static void on_release(void *arg)
{
    hold_set(arg, false);
}

/* As main() does it, with two signals more. */
static int node_process(const char *const *settings, const char *engine,
                        const char *log, int told)
{
    struct mem *mem = mem_new(0);
    struct config *c = config_new(mem);
    struct env_system_options o = {
        .io_engine = engine, .trace_level = TRACE_INFO, .trace_path = log};
    struct chunk_pool *pool = NULL;
    struct env *e = NULL;
    struct err err = {""};
    struct node n;
    int rv = 0;
    for (; rv == 0 && *settings != NULL; settings += 2) {
        rv = config_set(c, settings[0], settings[1], &err);
    }
    if (rv != 0 || config_finish(c, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        return 100; /* the test's own mistake */
    }
    if (env_system_new(&o, &e, &err) != 0 ||
        chunk_pool_new(&pool, env_mem(e), POOL_BYTES) != 0) {
        return 101;
    }
    struct holder h = {e, told};
    env_system_signal(e, SIGUSR1, on_hold, &h);
    env_system_signal(e, SIGUSR2, on_release, &h);
    if (node_open(&n, e, c, pool) == 0) {
        signals_watch(&n);
        env_system_run(e);
    }
    return n.exit_code;
}

static void member_start(struct cluster *c, unsigned id, const char *nodes)
{
    struct member *m = &c->members[id];
    char number[12], listener[64], log[320];
    const char *settings[] = {"node.id",
                              number,
                              "data.dir",
                              m->data,
                              "listeners",
                              listener,
                              "cluster.nodes",
                              nodes,
                              "journal.bytes.max",
                              "32MiB",
                              "raft.election.ms",
                              "1500",
                              NULL};
    int told[2];
    snprintf(number, sizeof number, "%u", id);
    snprintf(listener, sizeof listener, "PLAINTEXT://127.0.0.1:%u", m->port);
    snprintf(m->data, sizeof m->data, "%s/n%u", c->dir, id);
    snprintf(log, sizeof log, "%s/log%u", c->dir, id);
    assert_int_equal(pipe(told), 0);
    m->pid = fork();
    assert_true(m->pid >= 0);
    if (m->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(told[0]);
        _exit(node_process(settings, c->engine, log, told[1]));
    }
    close(told[1]);
    m->told = told[0];
}

void member_hold(struct cluster *c, unsigned id, bool hold)
{
    struct member *m = &c->members[id];
    struct pollfd p = {.fd = m->told, .events = POLLIN};
    char byte;
    assert_int_equal(kill(m->pid, hold ? SIGUSR1 : SIGUSR2), 0);
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    assert_int_equal(read(m->told, &byte, 1), 1);
}

static void member_leave(struct member *m)
{
    if (m->fd >= 0) {
        close(m->fd);
        m->fd = -1;
    }
}

/* Its exit code; -1 while it runs, unless it is waited for. */
static int member_end(struct member *m, bool wait)
{
    int status;
    pid_t pid = waitpid(m->pid, &status, wait ? 0 : WNOHANG);
    if (pid == 0) {
        return -1;
    }
    assert_int_equal(pid, m->pid);
    m->pid = 0;
    member_leave(m);
    close(m->told);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

/* ---- the client ---------------------------------------------------------- */

int dial(const struct cluster *c, unsigned id)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)c->members[id].port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&a, sizeof a) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

bool send_all(struct cluster *c, int fd)
{
    struct slice s = buf_slice(&c->buf);
    buf_reset(&c->buf);
    for (size_t at = 0; at < s.len;) {
        ssize_t n = send(fd, s.data + at, s.len - at, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        at += (size_t)n;
    }
    return true;
}

bool readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

static bool receive_all(int fd, uint8_t *p, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = readable(fd, WAIT_MS) ? recv(fd, p + at, len - at, 0) : -1;
        if (n <= 0) {
            return false;
        }
        at += (size_t)n;
    }
    return true;
}

/* Append a request to c->buf. */
static void put(struct cluster *c, int key, int version, const void *request)
{
    struct wire_request_header h = {.api_key = (int16_t)key,
                                    .api_version = (int16_t)version,
                                    .correlation_id = ++c->correlation_id,
                                    .client_id = slice_str("test")};
    assert_int_equal(
        wire_frame_request(wire_find(key, true), &h, request, &c->buf), 0);
}

/* The next answer on the connection. Its bytes are the arena's. */
static bool take(struct cluster *c, int fd, int key, int version,
                 void *response)
{
    const struct wire_message *m = wire_find(key, false);
    uint8_t prefix[4];
    struct cursor cursor;
    int32_t id;
    if (!receive_all(fd, prefix, sizeof prefix)) {
        return false;
    }
    cursor_init(&cursor, slice_of(prefix, sizeof prefix));
    size_t len = cursor_u32(&cursor);
    uint8_t *frame = arena_alloc(&c->arena, len);
    assert_non_null(frame);
    if (!receive_all(fd, frame, len)) {
        return false;
    }
    cursor_init(&cursor, slice_of(frame, len));
    assert_int_equal(wire_response_header_decode(m, version, &cursor, &id), 0);
    assert_int_equal(wire_decode(m, version, &cursor, &c->arena, response), 0);
    return true;
}

/* Ask a node on its connection, made when there is none. False: it does not
 * answer (yet). */
static bool ask(struct cluster *c, unsigned id, int key, int version,
                const void *request, void *response)
{
    struct member *m = &c->members[id];
    arena_reset(&c->arena);
    put(c, key, version, request);
    if (m->fd < 0) {
        m->fd = dial(c, id);
    }
    if (m->fd >= 0 && send_all(c, m->fd) &&
        take(c, m->fd, key, version, response)) {
        return true;
    }
    buf_reset(&c->buf);
    member_leave(m);
    return false;
}

unsigned nodes_seen(struct cluster *c, unsigned id)
{
    struct metadata_request q;
    struct metadata_response r;
    struct metadata_request_topic none;
    wire_init(&wire_metadata_request, &q);
    q.topics.ptr = &none;
    return ask(c, id, API_METADATA, METADATA_V, &q, &r) ? r.brokers.n : 0;
}

unsigned leader_seen(struct cluster *c, unsigned id)
{
    struct metadata_request q;
    struct metadata_response r;
    struct metadata_request_topic t;
    wire_struct_init(&wire_metadata_request_topic, &t);
    wire_init(&wire_metadata_request, &q);
    t.name = slice_str(TOPIC);
    q.topics.ptr = &t;
    q.topics.n = 1;
    if (!ask(c, id, API_METADATA, METADATA_V, &q, &r) ||
        r.topics.ptr[0].error_code != 0 ||
        r.topics.ptr[0].partitions.ptr[0].error_code != 0) {
        return 0;
    }
    int32_t leader = r.topics.ptr[0].partitions.ptr[0].leader_id;
    return leader >= 1 && leader <= NODES ? (unsigned)leader : 0;
}

int64_t end_seen(struct cluster *c, unsigned leader)
{
    struct list_offsets_request q;
    struct list_offsets_response r;
    struct list_offsets_request_topic t;
    struct list_offsets_request_partition p;
    wire_struct_init(&wire_list_offsets_request_partition, &p);
    wire_struct_init(&wire_list_offsets_request_topic, &t);
    wire_init(&wire_list_offsets_request, &q);
    p.current_leader_epoch = -1;
    p.timestamp = -1; /* the latest */
    t.name = slice_str(TOPIC);
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    q.replica_id = -1;
    q.topics.ptr = &t;
    q.topics.n = 1;
    assert_true(ask(c, leader, API_LIST_OFFSETS, LIST_OFFSETS_V, &q, &r));
    return r.topics.ptr[0].partitions.ptr[0].error_code == 0
               ? r.topics.ptr[0].partitions.ptr[0].offset
               : -1;
}

static void create_topic(struct cluster *c)
{
    struct create_topics_request q;
    struct create_topics_response r;
    struct create_topics_request_topic t;
    wire_struct_init(&wire_create_topics_request_topic, &t);
    wire_init(&wire_create_topics_request, &q);
    t.name = slice_str(TOPIC);
    t.num_partitions = 1;
    t.replication_factor = NODES;
    q.topics.ptr = &t;
    q.topics.n = 1;
    q.timeout_ms = WAIT_MS;
    for (unsigned ms = 0;;
         ms += 10) { /* leaders may change on a busy machine */
        assert_true(ask(c, 1, API_CREATE_TOPICS, CREATE_TOPICS_V, &q, &r));
        int code = r.topics.ptr[0].error_code;
        if (code == 0 || code == KERR_TOPIC_ALREADY_EXISTS) {
            return;
        }
        assert_true(ms < WAIT_MS);
        (void)poll(NULL, 0, 10);
    }
}

void put_record(struct cluster *c, char ret_value[VALUE_MAX])
{
    struct build_options o = BUILD_OPTIONS_DEFAULT;
    struct produce_request q;
    struct produce_request_topic_data t;
    struct produce_request_partition_data p;
    struct build b;
    struct buf batch;
    snprintf(ret_value, VALUE_MAX, "<record %u of %s>", c->n_values++,
             c->engine);
    buf_init(&batch, c->mem, 0);
    build_init(&b, c->mem, &o);
    struct build_record r = {.timestamp = 1700000000000,
                             .key_null = true,
                             .value = slice_str(ret_value)};
    assert_int_equal(build_append(&b, &r), 0);
    assert_int_equal(build_finish(&b, &batch), 0);
    wire_struct_init(&wire_produce_request_partition_data, &p);
    wire_struct_init(&wire_produce_request_topic_data, &t);
    wire_init(&wire_produce_request, &q);
    p.records = buf_slice(&batch);
    t.name = slice_str(TOPIC);
    t.partition_data.ptr = &p;
    t.partition_data.n = 1;
    q.acks = -1;
    q.timeout_ms = WAIT_MS;
    q.topic_data.ptr = &t;
    q.topic_data.n = 1;
    put(c, API_PRODUCE, PRODUCE_V, &q);
    build_close(&b);
    buf_close(&batch);
}

int64_t take_ack(struct cluster *c, int fd)
{
    struct produce_response r;
    arena_reset(&c->arena);
    assert_true(take(c, fd, API_PRODUCE, PRODUCE_V, &r));
    const struct produce_response_partition_response *p =
        &r.responses.ptr[0].partition_responses.ptr[0];
    return p->error_code == 0 ? p->base_offset : -1;
}

/* ---- the cluster --------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *walk)
{
    (void)st;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void scratch(struct cluster *c)
{
    const char *tmp = getenv("TMPDIR");
    char cwd[200];
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(c->dir, sizeof c->dir, "%s/test_hold.XXXXXX",
             tmp != NULL && *tmp == '/' && strlen(tmp) < 200 ? tmp : cwd);
    assert_non_null(mkdtemp(c->dir));
}

static void start_all(struct cluster *c)
{
    struct ports ports = {.n_taken = 0};
    char nodes[128] = "";
    for (unsigned id = 1; id <= NODES; id++) {
        size_t len = strlen(nodes);
        c->members[id] =
            (struct member){.port = ports_choose(&ports), .fd = -1};
        snprintf(nodes + len, sizeof nodes - len, "%s%u@127.0.0.1:%u",
                 len > 0 ? "," : "", id, ports_choose(&ports));
    }
    for (unsigned id = 1; id <= NODES; id++) {
        member_start(c, id, nodes);
    }
}

/* All see all. False: a port was taken by somebody else meanwhile. */
static bool wait_serving(struct cluster *c)
{
    for (unsigned id = 1; id <= NODES; id++) {
        for (unsigned ms = 0; nodes_seen(c, id) != NODES; ms += 10) {
            assert_true(ms < WAIT_MS);
            int code = member_end(&c->members[id], false);
            if (code >= 0) {
                assert_int_equal(code, BROKER_EXIT_IN_USE);
                return false;
            }
            (void)poll(NULL, 0, 10);
        }
    }
    return true;
}

static void end_all(struct cluster *c, int signo, int code)
{
    for (unsigned id = 1; id <= NODES; id++) {
        struct member *m = &c->members[id];
        if (m->pid != 0) {
            assert_int_equal(kill(m->pid, signo), 0);
        }
    }
    for (unsigned id = 1; id <= NODES; id++) {
        struct member *m = &c->members[id];
        if (m->pid != 0) {
            assert_int_equal(member_end(m, true), code);
        }
    }
}

static void wipe(struct cluster *c)
{
    assert_int_equal(nftw(c->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    c->dir[0] = '\0';
}

void cluster_begin(struct cluster *c, const char *engine)
{
    *c = (struct cluster){.engine = engine, .mem = mem_new(0)};
    arena_init(&c->arena, c->mem, 1 << 20);
    buf_init(&c->buf, c->mem, 0);
    for (unsigned tries = 0;; tries++) {
        assert_true(tries < TRIES);
        scratch(c);
        start_all(c);
        if (wait_serving(c)) {
            break;
        }
        end_all(c, SIGKILL, 200 + SIGKILL);
        wipe(c);
    }
    create_topic(c);
}

void cluster_end(struct cluster *c)
{
    end_all(c, SIGKILL, 200 + SIGKILL);
    c->told_all = true;
}

/* The end of what a node had to say. */
static void show_log(const struct cluster *c, unsigned id)
{
    char path[320], text[4096];
    snprintf(path, sizeof path, "%s/log%u", c->dir, id);
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return;
    }
    if (fseek(f, -(long)(sizeof text - 1), SEEK_END) != 0) {
        rewind(f);
    }
    size_t n = fread(text, 1, sizeof text - 1, f);
    fprintf(stderr, "node %u:\n%.*s\n", id, (int)n, text);
    fclose(f);
}

/* Also where a test gave up in the middle. */
int cluster_clean(void **state)
{
    struct cluster *c = *state;
    for (unsigned id = 1; id <= NODES && !c->told_all; id++) {
        if (c->dir[0] != '\0') {
            show_log(c, id);
        }
    }
    end_all(c, SIGKILL, 200 + SIGKILL);
    if (c->dir[0] != '\0') {
        wipe(c);
    }
    if (c->mem != NULL) {
        buf_close(&c->buf);
        arena_close(&c->arena);
        mem_free_all(c->mem);
    }
    return 0;
}

int cluster_prepare(void **state)
{
    static struct cluster cluster;
    cluster = (struct cluster){.engine = ""};
    *state = &cluster;
    return 0;
}
