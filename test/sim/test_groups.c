/* Consumer groups over the wire, on three whole nodes in the simulated world:
 * join, sync, commit, fall silent, and go on when the coordinator dies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "wire/errors.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/delete_groups.h"
#include "wire/gen/delete_topics.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/list_groups.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_fetch.h"
#include "wire/gen/sync_group.h"
#include "world.h"

#define NODES      3
#define MEMBERS    3
#define SESSION_MS 6000
#define ASK_MS     1000
#define WAIT_MS    30000 /* of what may wait for others */
#define STEP_US    10000
#define TRIES      3000 /* steps */

/* ---- the world ----------------------------------------------------------- */

struct fixture {
    struct sim *sim;
    struct sim_cluster *cluster;
    struct world world;
    struct arena arena; /* answers */
    struct client *clients[SIM_NODES_MAX + 1];
};

static struct fixture fx;

static void run_ms(uint64_t ms)
{
    sim_run_until(fx.sim, sim_now_us(fx.sim) + 1000 * ms, NULL);
    assert_string_equal(sim_node_death(fx.sim, WORLD_CLIENT_NODE), "");
    assert_false(world_broken(&fx.world));
}

static void serve(void)
{
    for (unsigned i = 0; i < 200 && !sim_cluster_serves(fx.cluster); i++) {
        run_ms(100);
    }
    assert_true(sim_cluster_serves(fx.cluster));
}

static void open_world(uint64_t seed)
{
    static const struct sim_setting settings[] = {
        {"journal.bytes.max", "32m"},
        {"journal.file.bytes", "2m"},
        {"group.initial.rebalance.delay.ms", "300"},
        {"group.min.session.timeout.ms", "1000"},
        {"offsets.retention.minutes", "1"},
        {"offsets.retention.check.interval.ms", "2000"},
    };
    struct sim_options o = {
        .seed = seed,
        .disk_min_us = 50,
        .disk_max_us = 400,
        .net_min_us = 50,
        .net_max_us = 500,
        .net_split_rate = 1000,
        .trace_level = getenv("SIM_TRACE") != NULL ? TRACE_DEBUG : TRACE_INFO,
        .trace_stderr = getenv("SIM_TRACE") != NULL};
    struct err err = {""};
    memset(&fx, 0, sizeof fx);
    fx.sim = sim_new(&o);
    assert_non_null(fx.sim);
    fx.cluster = sim_cluster_new(fx.sim, NODES, settings,
                                 sizeof settings / sizeof settings[0], &err);
    if (fx.cluster == NULL) {
        fail_msg("%s", err.text);
    }
    world_init(&fx.world, fx.sim, fx.cluster, seed);
    arena_init(&fx.arena, fx.world.mem, 0);
    for (unsigned id = 1; id <= NODES; id++) {
        sim_cluster_start(fx.cluster, id);
    }
    serve();
}

static void close_world(void)
{
    arena_close(&fx.arena);
    sim_free(fx.sim);
    world_close(&fx.world);
    sim_cluster_free(fx.cluster);
}

/* ---- calls --------------------------------------------------------------- */

struct call {
    const struct wire_message *out;
    int version;
    bool done;
    void *answer; /* NULL: nobody knows */
};

static void on_answer(void *arg, int status, const void *response)
{
    struct call *k = arg;
    struct buf b;
    struct cursor c;
    k->done = true;
    k->answer = NULL;
    if (status != 0) {
        return;
    }
    /* What the callback was given does not outlive it. */
    buf_init(&b, fx.world.mem, 0);
    assert_int_equal(wire_encode(k->out, k->version, response, &b), 0);
    uint8_t *copy = arena_alloc(&fx.arena, b.len);
    memcpy(copy, b.data, b.len);
    k->answer = arena_calloc(&fx.arena, 1, k->out->body.size);
    cursor_init(&c, slice_of(copy, b.len));
    assert_int_equal(wire_decode(k->out, k->version, &c, &fx.arena, k->answer),
                     0);
    buf_close(&b);
}

static void call_start(struct call *k, struct client *clients[], unsigned node,
                       const struct wire_message *m, int version,
                       const void *in, uint32_t ms)
{
    *k = (struct call){.out = wire_find(m->api_key, false), .version = version};
    client_call(world_client(&fx.world, clients, node), m, version, in, ms,
                on_answer, k);
}

static void *call_ms(struct client *clients[], unsigned node,
                     const struct wire_message *m, int version, const void *in,
                     uint32_t ms)
{
    static struct call k; /* outlives a test that fails */
    call_start(&k, clients, node, m, version, in, ms);
    for (unsigned i = 0; i < TRIES && !k.done; i++) {
        run_ms(STEP_US / 1000);
    }
    assert_true(k.done);
    return k.answer;
}

static void *call(struct client *clients[], unsigned node,
                  const struct wire_message *m, int version, const void *in)
{
    return call_ms(clients, node, m, version, in, ASK_MS);
}

/* Ask every node in turn until one coordinates, and it is up. */
static unsigned coordinator(const char *group)
{
    struct slice key = slice_str(group);
    struct find_coordinator_request in;
    wire_init(&wire_find_coordinator_request, &in);
    in.coordinator_keys.ptr = &key;
    in.coordinator_keys.n = 1;
    for (unsigned i = 0; i < TRIES; i++) {
        unsigned node = 1 + i % NODES;
        struct find_coordinator_response *out =
            sim_cluster_state(fx.cluster, node) != SIM_HOST_SERVES
                ? NULL
                : call(fx.clients, node, &wire_find_coordinator_request, 4,
                       &in);
        if (out != NULL && out->coordinators.ptr[0].error_code == 0) {
            unsigned found = (unsigned)out->coordinators.ptr[0].node_id;
            if (sim_cluster_state(fx.cluster, found) == SIM_HOST_SERVES) {
                return found;
            }
        }
        run_ms(50);
    }
    fail_msg("nobody coordinates %s", group);
    return 0;
}

static bool again(int error)
{
    return error == KERR_COORDINATOR_LOAD_IN_PROGRESS ||
           error == KERR_COORDINATOR_NOT_AVAILABLE ||
           error == KERR_NOT_COORDINATOR;
}

/* Ask the coordinator until it answers for good; `error` finds the code. */
static void *ask(const char *group, const struct wire_message *m, int version,
                 const void *in, int16_t (*error)(const void *))
{
    for (unsigned i = 0; i < TRIES; i++) {
        void *out = call(fx.clients, coordinator(group), m, version, in);
        if (out != NULL && !again(error(out))) {
            return out;
        }
        run_ms(50);
    }
    fail_msg("%s: no answer", m->name);
    abort(); /* the compiler does not know that the line above ends it */
}

/* ---- topics and offsets -------------------------------------------------- */

static void create_topic(const char *name)
{
    struct create_topics_request in;
    struct create_topics_request_topic t;
    struct create_topics_response *out;
    wire_init(&wire_create_topics_request, &in);
    wire_struct_init(&wire_create_topics_request_topic, &t);
    t.name = slice_str(name);
    t.num_partitions = 2;
    t.replication_factor = 3;
    in.timeout_ms = 10000;
    in.topics.ptr = &t;
    in.topics.n = 1;
    out = call_ms(fx.clients, 1, &wire_create_topics_request, 7, &in, WAIT_MS);
    assert_non_null(out);
    assert_int_equal(out->topics.ptr[0].error_code, 0);
}

static void delete_topic(const char *name)
{
    struct delete_topics_request in;
    struct delete_topics_request_topic t;
    struct delete_topics_response *out;
    wire_init(&wire_delete_topics_request, &in);
    wire_struct_init(&wire_delete_topics_request_topic, &t);
    t.name = slice_str(name);
    in.timeout_ms = 10000;
    in.topics.ptr = &t;
    in.topics.n = 1;
    out = call_ms(fx.clients, 1, &wire_delete_topics_request, 6, &in, WAIT_MS);
    assert_non_null(out);
    assert_int_equal(out->responses.ptr[0].error_code, 0);
}

static int16_t commit_error(const void *answer)
{
    const struct offset_commit_response *out = answer;
    return out->topics.ptr[0].partitions.ptr[0].error_code;
}

/* Partition 0 of the topic. */
static int16_t commit(const char *group, const char *topic, const char *member,
                      int32_t generation, int64_t offset)
{
    struct offset_commit_request in;
    struct offset_commit_request_topic t;
    struct offset_commit_request_partition p;
    wire_init(&wire_offset_commit_request, &in);
    wire_struct_init(&wire_offset_commit_request_topic, &t);
    wire_struct_init(&wire_offset_commit_request_partition, &p);
    p.committed_offset = offset;
    p.committed_metadata = slice_str("note");
    t.name = slice_str(topic);
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    in.group_id = slice_str(group);
    in.generation_id_or_member_epoch = generation;
    in.member_id = slice_str(member);
    in.topics.ptr = &t;
    in.topics.n = 1;
    return commit_error(
        ask(group, &wire_offset_commit_request, 8, &in, commit_error));
}

static int16_t fetch_error(const void *answer)
{
    const struct offset_fetch_response *out = answer;
    return out->groups.ptr[0].error_code;
}

/* Of the first topic there is; -1: none. */
static unsigned n_topics;

static int64_t committed(const char *group)
{
    struct offset_fetch_request in;
    struct offset_fetch_request_group g;
    struct offset_fetch_response *out;
    wire_init(&wire_offset_fetch_request, &in);
    wire_struct_init(&wire_offset_fetch_request_group, &g);
    g.group_id = slice_str(group);
    g.topics.ptr = NULL;
    in.groups.ptr = &g;
    in.groups.n = 1;
    out = ask(group, &wire_offset_fetch_request, 8, &in, fetch_error);
    assert_int_equal(out->groups.ptr[0].error_code, 0);
    n_topics = out->groups.ptr[0].topics.n;
    return n_topics == 0 ? -1
                         : out->groups.ptr[0]
                               .topics.ptr[0]
                               .partitions.ptr[0]
                               .committed_offset;
}

/* ---- members ------------------------------------------------------------- */

struct member {
    char id[64];
    int32_t generation;
    bool leads;
    struct client *clients[SIM_NODES_MAX + 1]; /* its own connections */
    struct call call;
    int16_t error;
    char assigned[32];
};

static struct member members[MEMBERS];

static void text(char *to, size_t cap, struct slice s)
{
    snprintf(to, cap, "%.*s", (int)s.len, (const char *)s.data);
}

static void join_start(struct member *m, uint32_t ms)
{
    /* Version 0, one topic, no user data. */
    static const uint8_t to_t[] = {0, 0, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 0};
    struct join_group_request in;
    struct join_group_request_protocol p;
    wire_init(&wire_join_group_request, &in);
    wire_struct_init(&wire_join_group_request_protocol, &p);
    p.name = slice_str("range");
    p.metadata = slice_of(to_t, sizeof to_t);
    in.group_id = slice_str("g");
    in.session_timeout_ms = SESSION_MS;
    in.rebalance_timeout_ms = 10000;
    in.member_id = slice_str(m->id);
    in.protocol_type = slice_str("consumer");
    in.protocols.ptr = &p;
    in.protocols.n = 1;
    call_start(&m->call, m->clients, coordinator("g"), &wire_join_group_request,
               7, &in, ms);
}

/* False: to be asked again. */
static bool join_take(struct member *m)
{
    const struct join_group_response *out = m->call.answer;
    if (out == NULL || again(out->error_code)) {
        return false;
    }
    text(m->id, sizeof m->id, out->member_id);
    m->error = out->error_code;
    m->generation = out->generation_id;
    m->leads = m->error == 0 && slice_equal(out->leader, out->member_id);
    assert_true(!m->leads || out->members.n > 0);
    return m->error != KERR_MEMBER_ID_REQUIRED;
}

/* All at once, until each has its answer for good. */
static void join_all(unsigned n)
{
    bool over[MEMBERS] = {false};
    unsigned left = n;
    for (unsigned i = 0; i < n; i++) {
        join_start(&members[i], WAIT_MS);
    }
    for (unsigned t = 0; t < TRIES && left > 0; t++) {
        run_ms(STEP_US / 1000);
        for (unsigned i = 0; i < n; i++) {
            if (!over[i] && members[i].call.done) {
                over[i] = join_take(&members[i]);
                left -= over[i];
                if (!over[i]) {
                    join_start(&members[i], WAIT_MS);
                }
            }
        }
    }
    assert_int_equal(left, 0);
}

static void sync_start(struct member *m, unsigned n)
{
    struct sync_group_request in;
    struct sync_group_request_assignment a[MEMBERS];
    wire_init(&wire_sync_group_request, &in);
    for (unsigned i = 0; i < n; i++) {
        wire_struct_init(&wire_sync_group_request_assignment, &a[i]);
        a[i].member_id = slice_str(members[i].id);
        a[i].assignment = slice_str(members[i].id);
    }
    in.group_id = slice_str("g");
    in.generation_id = m->generation;
    in.member_id = slice_str(m->id);
    in.protocol_type = slice_str("consumer");
    in.protocol_name = slice_str("range");
    in.assignments.ptr = a;
    in.assignments.n = m->leads ? n : 0;
    call_start(&m->call, m->clients, coordinator("g"), &wire_sync_group_request,
               5, &in, WAIT_MS);
}

/* The leader gives each its own id as assignment. */
static void sync_all(unsigned n)
{
    unsigned leaders = 0;
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(members[i].error, 0);
        assert_int_equal(members[i].generation, members[0].generation);
        leaders += members[i].leads;
        sync_start(&members[i], n);
    }
    assert_int_equal(leaders, 1);
    for (unsigned i = 0; i < n; i++) {
        for (unsigned t = 0; t < TRIES && !members[i].call.done; t++) {
            run_ms(STEP_US / 1000);
        }
        const struct sync_group_response *out = members[i].call.answer;
        assert_non_null(out);
        assert_int_equal(out->error_code, 0);
        assert_true(slice_equal(out->assignment, slice_str(members[i].id)));
    }
}

static int16_t heartbeat_error(const void *answer)
{
    return ((const struct heartbeat_response *)answer)->error_code;
}

static int16_t heartbeat(const struct member *m)
{
    struct heartbeat_request in;
    wire_init(&wire_heartbeat_request, &in);
    in.group_id = slice_str("g");
    in.generation_id = m->generation;
    in.member_id = slice_str(m->id);
    return heartbeat_error(
        ask("g", &wire_heartbeat_request, 4, &in, heartbeat_error));
}

static int16_t leave_error(const void *answer)
{
    return ((const struct leave_group_response *)answer)->error_code;
}

static void leave(const struct member *m)
{
    struct leave_group_request in;
    struct leave_group_request_member x;
    struct leave_group_response *out;
    wire_init(&wire_leave_group_request, &in);
    wire_struct_init(&wire_leave_group_request_member, &x);
    x.member_id = slice_str(m->id);
    in.group_id = slice_str("g");
    in.members.ptr = &x;
    in.members.n = 1;
    out = ask("g", &wire_leave_group_request, 5, &in, leave_error);
    assert_int_equal(out->error_code, 0);
    assert_int_equal(out->members.ptr[0].error_code, 0);
}

static void begin(uint64_t seed)
{
    open_world(seed);
    memset(members, 0, sizeof members);
    create_topic("t");
}

/* ---- what tools see ------------------------------------------------------ */

static int16_t describe_error(const void *answer)
{
    const struct describe_groups_response *out = answer;
    return out->groups.ptr[0].error_code;
}

static void check_state(const char *group, const char *state, unsigned n)
{
    struct slice id = slice_str(group);
    struct describe_groups_request in;
    struct describe_groups_response *out;
    wire_init(&wire_describe_groups_request, &in);
    in.groups.ptr = &id;
    in.groups.n = 1;
    out = ask(group, &wire_describe_groups_request, 5, &in, describe_error);
    assert_true(slice_equal(out->groups.ptr[0].group_state, slice_str(state)));
    assert_int_equal(out->groups.ptr[0].members.n, n);
}

/* How many groups all nodes list together. */
static unsigned listed(void)
{
    struct list_groups_request in;
    unsigned n = 0;
    wire_init(&wire_list_groups_request, &in);
    for (unsigned node = 1; node <= NODES; node++) {
        struct list_groups_response *out =
            call(fx.clients, node, &wire_list_groups_request, 5, &in);
        assert_non_null(out);
        assert_int_equal(out->error_code, 0);
        n += out->groups.n;
    }
    return n;
}

static int16_t delete_error(const void *answer)
{
    const struct delete_groups_response *out = answer;
    return out->results.ptr[0].error_code;
}

static int16_t delete_group(const char *group)
{
    struct slice id = slice_str(group);
    struct delete_groups_request in;
    wire_init(&wire_delete_groups_request, &in);
    in.groups_names.ptr = &id;
    in.groups_names.n = 1;
    return delete_error(
        ask(group, &wire_delete_groups_request, 2, &in, delete_error));
}

/* ---- stories ------------------------------------------------------------- */

static void subscribe_and_resume(void **state)
{
    (void)state;
    begin(1);
    join_all(3);
    sync_all(3);
    assert_int_equal(members[0].generation, 1);
    check_state("g", "Stable", 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(heartbeat(&members[i]), 0);
    }
    assert_int_equal(commit("g", "t", members[1].id, 1, 42), 0);
    assert_int_equal(committed("g"), 42);
    assert_int_equal(commit("g", "t", members[1].id, 2, 43),
                     KERR_ILLEGAL_GENERATION);
    assert_int_equal(commit("g", "t", "stranger", 1, 43),
                     KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(commit("g", "t", "", -1, 43), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(commit("g", "nowhere", members[1].id, 1, 43),
                     KERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(committed("g"), 42);
    /* One leaves: the others are told, and share again. */
    leave(&members[2]);
    assert_int_equal(heartbeat(&members[0]), KERR_REBALANCE_IN_PROGRESS);
    join_all(2);
    sync_all(2);
    assert_int_equal(members[0].generation, 2);
    assert_int_equal(heartbeat(&members[2]), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(delete_group("g"), KERR_NON_EMPTY_GROUP);
    leave(&members[0]);
    leave(&members[1]);
    check_state("g", "Empty", 0);
    /* Somebody begins anew where they were. */
    assert_int_equal(committed("g"), 42);
    memset(members, 0, sizeof members);
    join_all(1);
    sync_all(1);
    assert_int_equal(commit("g", "t", members[0].id, members[0].generation, 50),
                     0);
    leave(&members[0]);
    assert_int_equal(commit("other", "t", "", -1, 7), 0);
    assert_int_equal(listed(), 2);
    assert_int_equal(delete_group("g"), 0);
    assert_int_equal(delete_group("g"), KERR_GROUP_ID_NOT_FOUND);
    assert_int_equal(committed("g"), -1);
    assert_int_equal(listed(), 1);
    close_world();
}

/* One falls silent: the others go on without it. */
static void a_member_dies(void **state)
{
    (void)state;
    begin(2);
    join_all(3);
    sync_all(3);
    uint64_t from_us = sim_now_us(fx.sim);
    while (heartbeat(&members[0]) == 0) {
        heartbeat(&members[1]);
        run_ms(200);
        assert_true(sim_now_us(fx.sim) - from_us < 10000 * SESSION_MS);
    }
    /* Not before its time. */
    assert_true(sim_now_us(fx.sim) - from_us >= 900 * SESSION_MS);
    join_all(2);
    sync_all(2);
    assert_int_equal(members[0].generation, 2);
    close_world();
}

/* A connection that breaks while its join waits: nobody waits for ever. */
static void a_waiting_member_goes(void **state)
{
    (void)state;
    begin(3);
    join_all(1);
    sync_all(1);
    join_start(&members[1], WAIT_MS); /* is told its id */
    while (!members[1].call.done) {
        run_ms(STEP_US / 1000);
    }
    assert_false(join_take(&members[1]));
    join_start(&members[1], 300); /* the connection ends then */
    run_ms(600);
    assert_true(members[1].call.done);
    assert_null(members[1].call.answer);
    assert_int_equal(heartbeat(&members[0]), KERR_REBALANCE_IN_PROGRESS);
    join_all(1);
    assert_int_equal(members[0].error, 0);
    sync_all(1);
    close_world();
}

/* Another coordinator knows members, generation and offsets: nobody rejoins. */
static void the_coordinator_dies(void **state)
{
    (void)state;
    begin(4);
    join_all(2);
    sync_all(2);
    for (unsigned round = 0; round < 3; round++) {
        unsigned dead = coordinator("g");
        assert_int_equal(commit("g", "t", members[0].id, 1, 100 + round), 0);
        sim_cluster_kill(fx.cluster, dead,
                         round == 0 ? SIM_CRASH_ALL : SIM_CRASH_RANDOM);
        for (unsigned i = 0; i < 2 * SESSION_MS; i += 300) {
            assert_int_equal(heartbeat(&members[0]), 0);
            assert_int_equal(heartbeat(&members[1]), 0);
            run_ms(300);
        }
        assert_int_equal(committed("g"), 100 + round);
        assert_int_equal(commit("g", "t", members[1].id, 1, 200), 0);
        sim_cluster_start(fx.cluster, dead);
        serve();
    }
    close_world();
}

/* Offsets go with their topic, and when nobody came back for them. */
static void offsets_are_forgotten(void **state)
{
    (void)state;
    begin(5);
    create_topic("u");
    assert_int_equal(commit("a", "t", "", -1, 5), 0);
    assert_int_equal(commit("b", "u", "", -1, 6), 0);
    assert_int_equal(committed("a"), 5);
    delete_topic("t");
    for (unsigned i = 0; i < TRIES && listed() > 1; i++) {
        run_ms(STEP_US / 1000);
    }
    assert_int_equal(listed(), 1);
    /* Of a topic of the same name there is nothing. */
    create_topic("t");
    assert_int_equal(committed("a"), -1);
    /* A minute later. A group at work keeps what it uses. */
    join_all(1);
    sync_all(1);
    int32_t generation = members[0].generation;
    assert_int_equal(commit("g", "t", members[0].id, generation, 8), 0);
    assert_int_equal(commit("g", "u", members[0].id, generation, 9), 0);
    committed("g");
    assert_int_equal(n_topics, 2);
    for (unsigned s = 0; s < 70; s++) {
        assert_int_equal(heartbeat(&members[0]), 0);
        if (s == 50) {
            assert_int_equal(committed("b"), 6);
        }
        run_ms(1000);
    }
    assert_int_equal(committed("b"), -1);
    assert_int_equal(committed("g"), 8);
    assert_int_equal(n_topics, 1);
    assert_int_equal(listed(), 1);
    close_world();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscribe_and_resume),
        cmocka_unit_test(a_member_dies),
        cmocka_unit_test(a_waiting_member_goes),
        cmocka_unit_test(the_coordinator_dies),
        cmocka_unit_test(offsets_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
