/* ostraka group against a cluster of one node that answers as the test says:
 * coordinators that move or never come, commits that are too large, refused,
 * or never answered, partitions without a leader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "cli/command.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/consumer_group_describe.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/list_groups.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/metadata.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_fetch.h"
#include "wire/header.h"

#define PARTITIONS      5000
#define CONNECTIONS_MAX 8
#define FRAME_MAX       (1u << 20)

/* ---- the cluster --------------------------------------------------------- */

/* Set before it starts, looked at when it has ended. */
struct cluster {
    struct mem *mem;
    int fd, stop[2];
    unsigned port;
    pthread_t thread;
    int fds[CONNECTIONS_MAX];
    unsigned n_fds;
    struct arena arena; /* of one request */
    struct buf out;

    int32_t partitions;
    int32_t leaderless;   /* this partition has none; -1 */
    unsigned not_here;    /* so often a group's request is answered 16 */
    bool loading;         /* always 14 */
    unsigned n_finds;     /* FindCoordinator */
    uint32_t rows_max;    /* a commit of more is answered 28 */
    int16_t commit_error; /* of all rows */
    bool commit_unheard;  /* the connection ends instead */
    unsigned n_commits;
    uint32_t largest; /* commit that was taken */
    unsigned committed[PARTITIONS];
    bool strange; /* the group has a member whose assignment is none */
    bool newer;   /* it is one of KIP-848's */
};
static struct cluster *cluster;

static const struct wire_message *answer_of(int key)
{
    return wire_find(key, false);
}

static void versions(struct api_versions_response *r)
{
    static const struct {
        int16_t key, max;
    } keys[] = {{API_LIST_OFFSETS, 7},
                {API_METADATA, 9},
                {API_OFFSET_COMMIT, 9},
                {API_OFFSET_FETCH, 8},
                {API_FIND_COORDINATOR, 4},
                {API_DESCRIBE_GROUPS, 5},
                {API_CONSUMER_GROUP_DESCRIBE, 1},
                {API_LIST_GROUPS, 4},
                {API_API_VERSIONS, 3}};
    r->api_keys.n = sizeof keys / sizeof *keys;
    r->api_keys.ptr = wire_elems_new(
        &cluster->arena, &wire_api_versions_response_api_key, r->api_keys.n);
    for (uint32_t i = 0; i < r->api_keys.n; i++) {
        r->api_keys.ptr[i].api_key = keys[i].key;
        r->api_keys.ptr[i].min_version =
            keys[i].key == API_OFFSET_COMMIT || keys[i].key == API_OFFSET_FETCH
                ? 2
            : keys[i].key == API_LIST_OFFSETS ? 1
                                              : 0;
        r->api_keys.ptr[i].max_version = keys[i].max;
    }
}

static void metadata(struct metadata_response *r)
{
    r->brokers.ptr =
        wire_elems_new(&cluster->arena, &wire_metadata_response_broker, 1);
    r->brokers.n = 1;
    r->brokers.ptr[0].node_id = 1;
    r->brokers.ptr[0].host = slice_str("127.0.0.1");
    r->brokers.ptr[0].port = (int32_t)cluster->port;
    r->topics.ptr =
        wire_elems_new(&cluster->arena, &wire_metadata_response_topic, 1);
    r->topics.n = 1;
    struct metadata_response_topic *t = r->topics.ptr;
    t->name = slice_str("t");
    t->partitions.n = (uint32_t)cluster->partitions;
    t->partitions.ptr = wire_elems_new(
        &cluster->arena, &wire_metadata_response_partition, t->partitions.n);
    for (int32_t i = 0; i < cluster->partitions; i++) {
        t->partitions.ptr[i].partition_index = i;
        t->partitions.ptr[i].leader_id = i == cluster->leaderless ? -1 : 1;
    }
}

/* The code of a request to a coordinator. */
static int16_t coordinator(void)
{
    if (cluster->loading) {
        return KERR_COORDINATOR_LOAD_IN_PROGRESS;
    }
    if (cluster->not_here > 0) {
        cluster->not_here--;
        return KERR_NOT_COORDINATOR;
    }
    return 0;
}

static void describe(struct describe_groups_response *r)
{
    r->groups.ptr = wire_elems_new(&cluster->arena,
                                   &wire_describe_groups_response_group, 1);
    r->groups.n = 1;
    struct describe_groups_response_group *g = r->groups.ptr;
    g->error_code = coordinator();
    g->group_id = slice_str("g");
    g->group_state = slice_str(cluster->newer     ? "Dead"
                               : cluster->strange ? "Stable"
                                                  : "Empty");
    g->protocol_type = slice_str("consumer");
    if (cluster->strange) {
        g->members.ptr = wire_elems_new(
            &cluster->arena, &wire_describe_groups_response_member, 1);
        g->members.n = 1;
        g->members.ptr[0].member_id = slice_str("m");
        g->members.ptr[0].client_id = slice_str("c");
        g->members.ptr[0].client_host = slice_str("/h");
        g->members.ptr[0].member_assignment = slice_str("\xff\xff garbage");
    }
}

static void describe_newer(struct consumer_group_describe_response *r)
{
    static int32_t partitions[] = {0, 1, 3};
    r->groups.ptr = wire_elems_new(
        &cluster->arena, &wire_consumer_group_describe_response_group, 1);
    r->groups.n = 1;
    struct consumer_group_describe_response_group *g = r->groups.ptr;
    g->error_code = cluster->newer ? 0 : KERR_GROUP_ID_NOT_FOUND;
    g->group_id = slice_str("g");
    g->group_state = slice_str("Reconciling");
    g->assignor_name = slice_str("uniform");
    g->members.ptr = wire_elems_new(
        &cluster->arena, &wire_consumer_group_describe_response_member, 1);
    g->members.n = 1;
    struct consumer_group_describe_response_member *m = g->members.ptr;
    m->member_id = slice_str("m");
    m->instance_id = slice_str("static-1");
    m->client_id = slice_str("c");
    m->client_host = slice_str("/h");
    m->assignment.topic_partitions.ptr = wire_elems_new(
        &cluster->arena, &wire_consumer_group_describe_response_topic_partition,
        1);
    m->assignment.topic_partitions.n = 1;
    m->assignment.topic_partitions.ptr[0].topic_name = slice_str("t");
    m->assignment.topic_partitions.ptr[0].partitions.ptr = partitions;
    m->assignment.topic_partitions.ptr[0].partitions.n = 3;
}

static void list_offsets(const struct list_offsets_request *q,
                         struct list_offsets_response *r)
{
    const struct list_offsets_request_topic *t = q->topics.ptr;
    r->topics.ptr =
        wire_elems_new(&cluster->arena, &wire_list_offsets_response_topic, 1);
    r->topics.n = 1;
    r->topics.ptr[0].name = t->name;
    r->topics.ptr[0].partitions.n = t->partitions.n;
    r->topics.ptr[0].partitions.ptr =
        wire_elems_new(&cluster->arena, &wire_list_offsets_response_partition,
                       t->partitions.n);
    for (uint32_t i = 0; i < t->partitions.n; i++) {
        struct list_offsets_response_partition *p =
            &r->topics.ptr[0].partitions.ptr[i];
        p->partition_index = t->partitions.ptr[i].partition_index;
        p->offset = t->partitions.ptr[i].timestamp == -2 ? 10 : 100;
    }
}

static int16_t commit_code(uint32_t n)
{
    int16_t error = coordinator();
    error = error == 0 ? cluster->commit_error : error;
    return error == 0 && n > cluster->rows_max ? KERR_INVALID_COMMIT_OFFSET_SIZE
                                               : error;
}

static void commit(const struct offset_commit_request *q,
                   struct offset_commit_response *r)
{
    const struct offset_commit_request_topic *t = q->topics.ptr;
    int16_t error = commit_code(t->partitions.n);
    cluster->n_commits++;
    r->topics.ptr =
        wire_elems_new(&cluster->arena, &wire_offset_commit_response_topic, 1);
    r->topics.n = 1;
    r->topics.ptr[0].name = t->name;
    r->topics.ptr[0].partitions.n = t->partitions.n;
    r->topics.ptr[0].partitions.ptr =
        wire_elems_new(&cluster->arena, &wire_offset_commit_response_partition,
                       t->partitions.n);
    for (uint32_t i = 0; i < t->partitions.n; i++) {
        int32_t p = t->partitions.ptr[i].partition_index;
        r->topics.ptr[0].partitions.ptr[i].partition_index = p;
        r->topics.ptr[0].partitions.ptr[i].error_code = error;
        cluster->committed[p] +=
            error == 0 && t->partitions.ptr[i].committed_offset == 100;
    }
    if (error == 0 && t->partitions.n > cluster->largest) {
        cluster->largest = t->partitions.n;
    }
}

static void find(struct find_coordinator_response *r)
{
    cluster->n_finds++;
    r->node_id = 1;
    r->host = slice_str("127.0.0.1");
    r->port = (int32_t)cluster->port;
}

static void fetch(struct offset_fetch_response *r)
{
    r->topics.ptr =
        wire_elems_new(&cluster->arena, &wire_offset_fetch_response_topic, 1);
    r->topics.n = 1;
    r->topics.ptr[0].name = slice_str("t");
    r->topics.ptr[0].partitions.ptr = wire_elems_new(
        &cluster->arena, &wire_offset_fetch_response_partition, 1);
    r->topics.ptr[0].partitions.n = 1;
    r->topics.ptr[0].partitions.ptr[0].committed_offset = 60;
}

/* False: the connection ends. */
static bool answer(int key, const void *q, void *r)
{
    switch (key) {
    case API_API_VERSIONS:
        versions(r);
        break;
    case API_METADATA:
        metadata(r);
        break;
    case API_FIND_COORDINATOR:
        find(r);
        break;
    case API_DESCRIBE_GROUPS:
        describe(r);
        break;
    case API_CONSUMER_GROUP_DESCRIBE:
        describe_newer(r);
        break;
    case API_OFFSET_FETCH:
        fetch(r);
        break;
    case API_LIST_OFFSETS:
        list_offsets(q, r);
        break;
    case API_OFFSET_COMMIT:
        if (cluster->commit_unheard) {
            return false;
        }
        commit(q, r);
        break;
    case API_LIST_GROUPS:
        break;
    default:
        return false;
    }
    return true;
}

/* ---- its connections ----------------------------------------------------- */

static bool read_whole(int fd, uint8_t *p, size_t len)
{
    return len == 0 || recv(fd, p, len, MSG_WAITALL) == (ssize_t)len;
}

static bool serve_one(int fd)
{
    uint8_t prefix[4];
    struct cursor c;
    struct wire_request_header h;
    const struct wire_message *in;
    if (!read_whole(fd, prefix, sizeof prefix)) {
        return false;
    }
    cursor_init(&c, slice_of(prefix, sizeof prefix));
    uint32_t len = cursor_u32(&c);
    uint8_t *frame =
        len <= FRAME_MAX ? arena_alloc(&cluster->arena, len) : NULL;
    if (frame == NULL || !read_whole(fd, frame, len)) {
        return false;
    }
    cursor_init(&c, slice_of(frame, len));
    if (wire_request_header_decode(&c, &h, &in) != 0) {
        return false;
    }
    const struct wire_message *out = answer_of(h.api_key);
    void *q = arena_calloc(&cluster->arena, 1, in->body.size);
    void *r = arena_calloc(&cluster->arena, 1, out->body.size);
    wire_init(out, r);
    buf_reset(&cluster->out);
    return wire_decode(in, h.api_version, &c, &cluster->arena, q) == 0 &&
           answer(h.api_key, q, r) &&
           wire_frame_response(out, h.api_version, h.correlation_id, r,
                               &cluster->out) == 0 &&
           send(fd, cluster->out.data, cluster->out.len, MSG_NOSIGNAL) ==
               (ssize_t)cluster->out.len;
}

static void *serve(void *arg)
{
    struct pollfd p[CONNECTIONS_MAX + 2];
    (void)arg;
    for (;;) {
        p[0] = (struct pollfd){.fd = cluster->stop[0], .events = POLLIN};
        p[1] = (struct pollfd){.fd = cluster->fd, .events = POLLIN};
        for (unsigned i = 0; i < cluster->n_fds; i++) {
            p[i + 2] = (struct pollfd){.fd = cluster->fds[i], .events = POLLIN};
        }
        unsigned n = cluster->n_fds;
        if (poll(p, n + 2, -1) < 0 || p[0].revents != 0) {
            return NULL;
        }
        for (unsigned i = n; i > 0; i--) {
            arena_reset(&cluster->arena);
            if (p[i + 1].revents != 0 && !serve_one(p[i + 1].fd)) {
                close(p[i + 1].fd);
                cluster->fds[i - 1] = cluster->fds[--cluster->n_fds];
            }
        }
        if (p[1].revents != 0 && cluster->n_fds < CONNECTIONS_MAX) {
            cluster->fds[cluster->n_fds++] = accept(cluster->fd, NULL, NULL);
        }
    }
}

static int set_up(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    (void)state;
    cluster = test_calloc(1, sizeof *cluster);
    cluster->mem = mem_new(0);
    arena_init(&cluster->arena, cluster->mem, 0);
    buf_init(&cluster->out, cluster->mem, 0);
    cluster->partitions = 4;
    cluster->leaderless = -1;
    cluster->rows_max = UINT32_MAX;
    cluster->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(cluster->fd, (const struct sockaddr *)&a, sizeof a),
                     0);
    assert_int_equal(listen(cluster->fd, 8), 0);
    assert_int_equal(getsockname(cluster->fd, (struct sockaddr *)&a, &len), 0);
    cluster->port = ntohs(a.sin_port);
    assert_int_equal(pipe2(cluster->stop, O_CLOEXEC), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < cluster->n_fds; i++) {
        close(cluster->fds[i]);
    }
    close(cluster->fd);
    close(cluster->stop[0]);
    close(cluster->stop[1]);
    buf_close(&cluster->out);
    arena_close(&cluster->arena);
    assert_int_equal(mem_bytes(cluster->mem), 0);
    mem_free_all(cluster->mem);
    test_free(cluster);
    return 0;
}

/* ---- the tool ------------------------------------------------------------ */

#define OUT_MAX (1u << 20)
static char said[OUT_MAX]; /* on stdout, then on stderr */

/* Run "ostraka group ..." with its output into `said`. */
static int run(const char *const args[])
{
    char *argv[24] = {(char[]){"ostraka"}, (char[]){"group"}};
    char bootstrap[40], byte;
    int argc = 2;
    FILE *to = tmpfile();
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    assert_non_null(to);
    snprintf(bootstrap, sizeof bootstrap, "127.0.0.1:%u", cluster->port);
    for (; *args != NULL; args++) {
        argv[argc++] = (char *)(uintptr_t)*args;
    }
    argv[argc++] = (char[]){"--bootstrap"};
    argv[argc++] = bootstrap;
    assert_int_equal(pthread_create(&cluster->thread, NULL, serve, NULL), 0);
    fflush(stdout);
    dup2(fileno(to), STDOUT_FILENO);
    dup2(fileno(to), STDERR_FILENO);
    int code = command_main(argc, argv);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    (void)!write(cluster->stop[1], "", 1);
    pthread_join(cluster->thread, NULL);
    (void)!read(cluster->stop[0], &byte, 1);
    rewind(to);
    said[fread(said, 1, sizeof said - 1, to)] = '\0';
    fclose(to);
    return code;
}
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static void says(const char *words)
{
    if (strstr(said, words) == NULL) {
        fail_msg("nothing like \"%s\" in: %s", words, said);
    }
}

/* ---- stories ------------------------------------------------------------- */

static void described(void **state)
{
    (void)state;
    assert_int_equal(RUN("describe", "g"), EXIT_DONE);
    says("LAG          40");
    assert_int_equal(cluster->n_finds, 1);
}

/* The coordinator moves twice while it is asked. */
static void moves(void **state)
{
    (void)state;
    cluster->not_here = 2;
    assert_int_equal(RUN("describe", "g"), EXIT_DONE);
    says("LAG          40");
    assert_int_equal(cluster->n_finds, 3);
}

/* It never comes up: nothing was sent, and the time is kept. */
static void loads_for_ever(void **state)
{
    (void)state;
    cluster->loading = true;
    assert_int_equal(RUN("describe", "g", "--timeout", "300"),
                     EXIT_UNREACHABLE);
    says("COORDINATOR_LOAD_IN_PROGRESS");
}

/* What is too large is halved until it goes; every offset is committed once. */
static void too_large(void **state)
{
    (void)state;
    cluster->partitions = PARTITIONS;
    cluster->rows_max = 700;
    assert_int_equal(
        RUN("reset-offsets", "g", "--topic", "t", "--to-latest", "--execute"),
        EXIT_DONE);
    assert_true(cluster->largest <= 700 && cluster->largest > 350);
    for (int i = 0; i < PARTITIONS; i++) {
        assert_int_equal(cluster->committed[i], 1);
    }
    says("5000 of 5000 offsets were changed");
}

/* One that is too large by itself is an error, not a loop. */
static void one_too_large(void **state)
{
    (void)state;
    cluster->rows_max = 0;
    assert_int_equal(
        RUN("reset-offsets", "g", "--topic", "t", "--to-latest", "--execute"),
        EXIT_FAILED);
    says("INVALID_COMMIT_OFFSET_SIZE");
    assert_int_equal(cluster->committed[0], 0);
}

/* A member came between the look and the commit. */
static void taken(void **state)
{
    (void)state;
    cluster->commit_error = KERR_UNKNOWN_MEMBER_ID;
    assert_int_equal(
        RUN("reset-offsets", "g", "--topic", "t:1", "--to-latest", "--execute"),
        EXIT_REFUSED);
    says("the group has members now");
    assert_int_equal(cluster->n_commits, 1);
}

/* A commit may have been applied though nobody said so: it is not sent
 * again. */
static void unheard(void **state)
{
    (void)state;
    cluster->commit_unheard = true;
    assert_int_equal(
        RUN("reset-offsets", "g", "--topic", "t:1", "--to-latest", "--execute"),
        EXIT_UNKNOWN);
    says("it may have been applied");
    assert_int_equal(cluster->n_commits, 0);
}

/* Without a leader nothing of it is known, and nothing is reset. */
static void leaderless(void **state)
{
    (void)state;
    cluster->leaderless = 0;
    assert_int_equal(RUN("describe", "g"), EXIT_FAILED);
    says("LEADER_NOT_AVAILABLE");
    says("ostraka topic describe t");
}

static void leaderless_reset(void **state)
{
    (void)state;
    cluster->leaderless = 2;
    assert_int_equal(
        RUN("reset-offsets", "g", "--topic", "t", "--to-latest", "--execute"),
        EXIT_FAILED);
    says("1 of 4 partitions cannot be reset");
    assert_int_equal(cluster->n_commits, 0);
}

static void garbage(void **state)
{
    (void)state;
    cluster->strange = true;
    assert_int_equal(RUN("members", "g"), EXIT_DONE);
    says("unreadable, 10 bytes");
}

static void active(void **state)
{
    (void)state;
    cluster->strange = true;
    assert_int_equal(
        RUN("reset-offsets", "g", "--topic", "t", "--to-latest", "--execute"),
        EXIT_REFUSED);
    says("is Stable and has 1 member, as c at /h");
    assert_int_equal(cluster->n_commits, 0);
}

/* DescribeGroups says "Dead" of it. */
static void newer(void **state)
{
    (void)state;
    cluster->newer = true;
    assert_int_equal(RUN("describe", "g"), EXIT_DONE);
    says("STATE        Reconciling");
    says("TYPE         consumer");
    says("ASSIGNOR     uniform");
    assert_int_equal(RUN("members", "g"), EXIT_DONE);
    says("static-1");
    says("t/0-1 t/3");
    assert_int_equal(
        RUN("reset-offsets", "g", "--topic", "t", "--to-latest", "--execute"),
        EXIT_REFUSED);
    assert_int_equal(cluster->n_commits, 0);
}

/* A cluster that is none of ours hangs up. */
static void no_history(void **state)
{
    (void)state;
    assert_int_equal(RUN("history", "g"), EXIT_FAILED);
    says("only an ostrakad of this version");
    says("OstrakaOffsetHistory");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(described),  TEST(moves),         TEST(loads_for_ever),
        TEST(too_large),  TEST(one_too_large), TEST(taken),
        TEST(unheard),    TEST(leaderless),    TEST(leaderless_reset),
        TEST(garbage),    TEST(active),        TEST(newer),
        TEST(no_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
