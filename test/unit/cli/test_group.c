/* ostraka group against a cluster of one node that answers as the test says:
 * coordinators that move or never come, commits that are too large, refused,
 * or never answered, partitions without a leader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "fake.h"
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

#define PARTITIONS 5000

/* ---- the cluster --------------------------------------------------------- */

/* Set before it starts, looked at when it has ended. */
struct cluster {
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
    int32_t commit_error_at; /* of this one; -1 */
    bool strange; /* the group has a member whose assignment is none */
    bool wordy;   /* or one that reads a topic of a very long name */
    bool newer;   /* it is one of KIP-848's */
    bool empty;   /* DescribeGroups tells of no group */
};
static struct cluster *cluster;

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
        &fake.arena, &wire_api_versions_response_api_key, r->api_keys.n);
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
        wire_elems_new(&fake.arena, &wire_metadata_response_broker, 1);
    r->brokers.n = 1;
    r->brokers.ptr[0].node_id = 1;
    r->brokers.ptr[0].host = slice_str("127.0.0.1");
    r->brokers.ptr[0].port = (int32_t)fake.port;
    r->topics.ptr =
        wire_elems_new(&fake.arena, &wire_metadata_response_topic, 1);
    r->topics.n = 1;
    struct metadata_response_topic *t = r->topics.ptr;
    t->name = slice_str("t");
    t->partitions.n = (uint32_t)cluster->partitions;
    t->partitions.ptr = wire_elems_new(
        &fake.arena, &wire_metadata_response_partition, t->partitions.n);
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

/* What a client may have written there: 2000 bytes of a topic's name. */
static struct slice wordy(void)
{
    struct buf b;
    buf_init(&b, fake.mem, 0);
    buf_put_u16(&b, 0);
    buf_put_u32(&b, 1);
    buf_put_u16(&b, 2000);
    for (int i = 0; i < 2000; i++) {
        buf_put_u8(&b, 'a');
    }
    buf_put_u32(&b, 2);
    buf_put_u32(&b, 0);
    buf_put_u32(&b, 1);
    uint8_t *p = arena_alloc(&fake.arena, b.len);
    memcpy(p, b.data, b.len);
    struct slice s = slice_of(p, b.len);
    buf_close(&b);
    return s;
}

static void describe(struct describe_groups_response *r)
{
    if (cluster->empty) {
        return;
    }
    r->groups.ptr =
        wire_elems_new(&fake.arena, &wire_describe_groups_response_group, 1);
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
            &fake.arena, &wire_describe_groups_response_member, 1);
        g->members.n = 1;
        g->members.ptr[0].member_id = slice_str("m");
        g->members.ptr[0].client_id = slice_str("c");
        g->members.ptr[0].client_host = slice_str("/h");
        g->members.ptr[0].member_assignment =
            cluster->wordy ? wordy() : slice_str("\xff\xff garbage");
    }
}

static void describe_newer(struct consumer_group_describe_response *r)
{
    static int32_t partitions[] = {0, 1, 3};
    r->groups.ptr = wire_elems_new(
        &fake.arena, &wire_consumer_group_describe_response_group, 1);
    r->groups.n = 1;
    struct consumer_group_describe_response_group *g = r->groups.ptr;
    g->error_code = cluster->newer ? 0 : KERR_GROUP_ID_NOT_FOUND;
    g->group_id = slice_str("g");
    g->group_state = slice_str("Reconciling");
    g->assignor_name = slice_str("uniform");
    g->members.ptr = wire_elems_new(
        &fake.arena, &wire_consumer_group_describe_response_member, 1);
    g->members.n = 1;
    struct consumer_group_describe_response_member *m = g->members.ptr;
    m->member_id = slice_str("m");
    m->instance_id = slice_str("static-1");
    m->client_id = slice_str("c");
    m->client_host = slice_str("/h");
    m->assignment.topic_partitions.ptr = wire_elems_new(
        &fake.arena, &wire_consumer_group_describe_response_topic_partition, 1);
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
        wire_elems_new(&fake.arena, &wire_list_offsets_response_topic, 1);
    r->topics.n = 1;
    r->topics.ptr[0].name = t->name;
    r->topics.ptr[0].partitions.n = t->partitions.n;
    r->topics.ptr[0].partitions.ptr = wire_elems_new(
        &fake.arena, &wire_list_offsets_response_partition, t->partitions.n);
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
        wire_elems_new(&fake.arena, &wire_offset_commit_response_topic, 1);
    r->topics.n = 1;
    r->topics.ptr[0].name = t->name;
    r->topics.ptr[0].partitions.n = t->partitions.n;
    r->topics.ptr[0].partitions.ptr = wire_elems_new(
        &fake.arena, &wire_offset_commit_response_partition, t->partitions.n);
    for (uint32_t i = 0; i < t->partitions.n; i++) {
        int32_t p = t->partitions.ptr[i].partition_index;
        r->topics.ptr[0].partitions.ptr[i].partition_index = p;
        int16_t one = p == cluster->commit_error_at
                          ? KERR_OFFSET_METADATA_TOO_LARGE
                          : error;
        r->topics.ptr[0].partitions.ptr[i].error_code = one;
        cluster->committed[p] +=
            one == 0 && t->partitions.ptr[i].committed_offset == 100;
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
    r->port = (int32_t)fake.port;
}

static void fetch(struct offset_fetch_response *r)
{
    r->topics.ptr =
        wire_elems_new(&fake.arena, &wire_offset_fetch_response_topic, 1);
    r->topics.n = 1;
    r->topics.ptr[0].name = slice_str("t");
    r->topics.ptr[0].partitions.ptr =
        wire_elems_new(&fake.arena, &wire_offset_fetch_response_partition, 1);
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

/* ---- life ---------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    cluster = test_calloc(1, sizeof *cluster);
    cluster->partitions = 4;
    cluster->leaderless = cluster->commit_error_at = -1;
    cluster->rows_max = UINT32_MAX;
    fake_open(answer);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_close();
    test_free(cluster);
    return 0;
}

#define RUN(...) fake_run((const char *const[]){"group", __VA_ARGS__, NULL})
#define says     fake_says

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
    says("5000 of 5000 offsets were changed; on an Ostraka cluster, ostraka "
         "group undo g takes that back, but only the last of the 8 requests");
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

/* Nor is one whose answer cannot be read. */
static void unreadable(void **state)
{
    (void)state;
    fake.cut = API_OFFSET_COMMIT;
    assert_int_equal(
        RUN("reset-offsets", "g", "--topic", "t:1", "--to-latest", "--execute"),
        EXIT_UNKNOWN);
    says("it may have been applied");
    assert_int_equal(cluster->n_commits, 1);
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

/* An assignment is bytes from a stranger, as long as he likes. */
static void long_name(void **state)
{
    char want[300];
    (void)state;
    cluster->strange = cluster->wordy = true;
    assert_int_equal(RUN("members", "g"), EXIT_DONE);
    memset(want, 'a', 249);
    strcpy(want + 249, "/0-1");
    says(want);
    want[249] = '\0';
    strcat(want, "a");
    assert_null(strstr(fake_said, want));
}

/* Nothing is known of its members: that is no group without members. */
static void no_answer(void **state)
{
    (void)state;
    cluster->empty = true;
    assert_int_equal(RUN("describe", "g"), EXIT_FAILED);
    says("the answer is about something else");
    assert_int_equal(
        RUN("reset-offsets", "g", "--topic", "t", "--to-latest", "--execute"),
        EXIT_FAILED);
    assert_int_equal(cluster->n_commits, 0);
}

/* One is refused, and those behind it are not sent at all. */
static void not_attempted(void **state)
{
    (void)state;
    cluster->rows_max = 2;
    cluster->commit_error_at = 1;
    assert_int_equal(RUN("reset-offsets", "g", "--topic", "t", "--to-latest",
                         "--execute", "--json"),
                     EXIT_FAILED);
    says("OFFSET_METADATA_TOO_LARGE");
    says("OPERATION_NOT_ATTEMPTED");
    says("3 of 4 offsets were not changed");
    says("\"executed\": true");
    assert_int_equal(cluster->committed[0], 1);
    assert_int_equal(cluster->committed[2], 0);
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
        TEST(no_history), TEST(unreadable),    TEST(long_name),
        TEST(no_answer),  TEST(not_attempted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
