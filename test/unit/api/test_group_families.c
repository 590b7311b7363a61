/* Families of consumer groups: what is refused at the door, what is submitted,
 * and how answers are told in each version. */
#include "fake_groups.h"

#include <stdlib.h>
#include <time.h>

#include <stdio.h>

#include "api/operations.h"
#include "wire/gen/delete_groups.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/list_groups.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_delete.h"
#include "wire/gen/offset_fetch.h"
#include "wire/gen/ostraka_offset_history.h"
#include "wire/gen/sync_group.h"

static const struct slice none;
static const char zero_inside[] = "a\0b";

static struct slice bad_name(void)
{
    return slice_of(zero_inside, 3);
}

/* Errors of every command: refused at once, later, not led here, no groups
 * yet; `run` gives the error. */
static void check_refused(int16_t (*run)(int), int version, int16_t loading)
{
    fake_groups.rv = ERR_FULL;
    assert_int_equal(run(version), loading);
    fake_groups.rv = ERR_NOMEM;
    assert_int_equal(run(version), KERR_COORDINATOR_NOT_AVAILABLE);
    fake_groups.rv = 0;
    fake_groups.status = ERR_CANCELED;
    assert_int_equal(run(version), KERR_NOT_COORDINATOR);
    fake_groups.status = 0;
    fake_groups.leads = false; /* as the others say, but not yet */
    assert_int_equal(run(version), loading);
    fake_groups.coordinator = 2;
    assert_int_equal(run(version), KERR_NOT_COORDINATOR);
    fake_groups.here = false;
    assert_int_equal(run(version), KERR_NOT_COORDINATOR);
    fake_groups.absent = true;
    assert_int_equal(run(version), loading);
    fake_groups.absent = false;
    fake_groups.here = fake_groups.leads = true;
    fake_groups.coordinator = 1;
    fake.serves = false;
    assert_int_equal(run(version), loading);
    fake.serves = true;
    fake_groups.rv = ERR_TOOBIG;
}

/* A client that goes while it waits: nothing is left, nothing is sent. */
static void check_gone(int16_t (*run)(int), int version)
{
    fake.hang_up = true;
    assert_int_equal(run(version), INT16_MIN);
    assert_int_equal(fake_groups.under_way, 0);
    fake.hang_up = false;
}

/* ---- FindCoordinator ------------------------------------------------------
 */

static struct find_coordinator_response_coordinator *find(int version, int type)
{
    static struct find_coordinator_response_coordinator one;
    struct slice keys[] = {slice_str("g")};
    struct find_coordinator_request in;
    struct find_coordinator_response *out;
    wire_init(&wire_find_coordinator_request, &in);
    in.key_type = (int8_t)type;
    if (version < 4) {
        in.key = keys[0];
    } else {
        in.coordinator_keys.ptr = keys;
        in.coordinator_keys.n = 1;
    }
    out = fake_run(&wire_find_coordinator_request, version, &in);
    if (version >= 4) {
        assert_int_equal(out->coordinators.n, 1);
        assert_text(out->coordinators.ptr[0].key, "g");
        return &out->coordinators.ptr[0];
    }
    one.error_code = out->error_code;
    one.error_message = out->error_message;
    one.node_id = out->node_id;
    one.host = out->host;
    one.port = out->port;
    return &one;
}

static void test_find(void **state)
{
    (void)state;
    for (int v = 0; v <= 6; v++) {
        struct find_coordinator_response_coordinator *c;
        fake_groups.coordinator = 3;
        c = find(v, 0);
        assert_int_equal(c->error_code, 0);
        assert_int_equal(c->node_id, 3);
        assert_text(c->host, "host3");
        assert_int_equal(c->port, 9093);
        fake_groups.coordinator = -1;
        c = find(v, 0);
        assert_int_equal(c->error_code, KERR_COORDINATOR_NOT_AVAILABLE);
        assert_int_equal(c->node_id, -1);
        assert_int_equal(c->port, -1);
        fake_groups.coordinator = 9; /* has told no address */
        assert_int_equal(find(v, 0)->error_code,
                         KERR_COORDINATOR_NOT_AVAILABLE);
        fake_groups.coordinator = 1;
        assert_int_equal(find(v, 0)->error_code, 0);
        fake.serves = false;
        assert_int_equal(find(v, 0)->error_code,
                         KERR_COORDINATOR_NOT_AVAILABLE);
        fake.serves = true;
        fake_groups.absent = true;
        assert_int_equal(find(v, 0)->error_code,
                         KERR_COORDINATOR_NOT_AVAILABLE);
        fake_groups.absent = false;
        if (v >= 1) { /* transactions, share groups */
            assert_int_equal(find(v, 1)->error_code,
                             KERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
            assert_int_equal(find(v, 2)->error_code, KERR_INVALID_REQUEST);
        }
    }
}

/* ---- JoinGroup ------------------------------------------------------------
 */

static struct join_group_request join_in;
static struct join_group_request_protocol join_protocols[2];
static struct join_group_response *join_out;

static void join_init(void)
{
    wire_init(&wire_join_group_request, &join_in);
    for (int i = 0; i < 2; i++) {
        wire_struct_init(&wire_join_group_request_protocol, &join_protocols[i]);
        join_protocols[i].name = slice_str(i == 0 ? "range" : "roundrobin");
        join_protocols[i].metadata = slice_str(i == 0 ? "r" : "rr");
    }
    join_in.group_id = slice_str("g");
    join_in.session_timeout_ms = 10000;
    join_in.member_id = slice_str("");
    join_in.protocol_type = slice_str("consumer");
    join_in.protocols.ptr = join_protocols;
    join_in.protocols.n = 2;
}

static int16_t join(int version)
{
    join_in.rebalance_timeout_ms = version >= 1 ? 60000 : -1;
    join_out = fake_run(&wire_join_group_request, version, &join_in);
    return join_out == NULL ? INT16_MIN : join_out->error_code;
}

static void test_join_command(void **state)
{
    const struct cgroup_join *j = &fake_groups.join;
    (void)state;
    fake.peer = "10.1.2.3:4567";
    fake_group("g", CGROUP_COMPLETING, 1, "m1");
    fake_groups.result =
        (struct cgroup_result){.generation = 1, .member = slice_str("m2")};
    join_init();
    for (int v = 0; v <= 9; v++) {
        join_in.group_instance_id = v >= 5 ? slice_str("") : none;
        assert_int_equal(join(v), 0);
        assert_text(j->member, "");
        assert_int_equal(j->new_member.len, 39); /* "me-" and a UUID */
        assert_memory_equal(j->new_member.data, "me-", 3);
        assert_int_equal(j->instance.len, 0);
        assert_text(j->client_id, "me");
        assert_text(j->client_host, "/10.1.2.3");
        assert_int_equal(j->session_ms, 10000);
        assert_int_equal(j->rebalance_ms, v == 0 ? 10000 : 60000);
        assert_int_equal(j->n_protocols, 2);
        assert_text(j->protocols[1].name, "roundrobin");
        assert_text(j->protocols[1].metadata, "rr");
        assert_int_equal(j->require_id, v >= 4);
        assert_int_equal(j->may_skip, v >= 9);
        assert_int_equal(j->initial_delay_ms, 3000);
        assert_int_equal(j->session_min_ms, 6000);
        assert_int_equal(j->session_max_ms, 1800000);
    }
    assert_int_equal(fake_groups.n_submitted, 10);
    /* An instance gives its member its name. */
    join_in.group_instance_id = slice_str("inst");
    join_in.member_id = slice_str("old");
    fake.peer = "[::1]:99";
    assert_int_equal(join(9), 0);
    assert_text(j->instance, "inst");
    assert_text(j->member, "old");
    assert_memory_equal(j->new_member.data, "inst-", 5);
    assert_text(j->client_host, "/::1");
    fake_set("group.initial.rebalance.delay.ms", "7");
    assert_int_equal(join(9), 0);
    assert_int_equal(j->initial_delay_ms, 7);
    /* A long client id leaves room for the rest. */
    char *id = mem_alloc(fake.mem, CGROUP_NAME_MAX + 1);
    memset(id, 'x', CGROUP_NAME_MAX);
    id[CGROUP_NAME_MAX] = '\0';
    fake.client_id = id;
    join_in.group_instance_id = none;
    assert_int_equal(join(9), 0);
    assert_int_equal(j->new_member.len, CGROUP_NAME_MAX);
    assert_int_equal(j->client_id.len, CGROUP_NAME_MAX);
    mem_free(fake.mem, id);
}

static void test_join_refused(void **state)
{
    (void)state;
    join_init();
    join_in.group_id = slice_str("");
    assert_int_equal(join(9), KERR_INVALID_GROUP_ID);
    join_in.group_id = bad_name();
    assert_int_equal(join(9), KERR_INVALID_GROUP_ID);
    join_init();
    join_in.session_timeout_ms = -1;
    assert_int_equal(join(9), KERR_INVALID_SESSION_TIMEOUT);
    join_init();
    join_in.member_id = bad_name();
    assert_int_equal(join(9), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(join_out->member_id.len, 3);
    join_init();
    join_in.group_instance_id = bad_name();
    assert_int_equal(join(9), KERR_INVALID_REQUEST);
    join_init();
    join_in.protocol_type = bad_name();
    assert_int_equal(join(9), KERR_INCONSISTENT_GROUP_PROTOCOL);
    join_init();
    join_protocols[1].name = bad_name();
    assert_int_equal(join(9), KERR_INCONSISTENT_GROUP_PROTOCOL);
    join_init();
    join_in.protocols.n = CGROUP_PROTOCOLS_MAX + 1;
    join_in.protocols.ptr =
        mem_calloc(fake.mem, join_in.protocols.n, sizeof join_protocols[0]);
    for (unsigned i = 0; i < join_in.protocols.n; i++) {
        join_in.protocols.ptr[i] = join_protocols[0];
    }
    assert_int_equal(join(9), KERR_INCONSISTENT_GROUP_PROTOCOL);
    mem_free(fake.mem, join_in.protocols.ptr);
    assert_int_equal(fake_groups.n_submitted, 0);
    join_init();
    join_in.member_id = slice_str("m7");
    check_refused(join, 9, KERR_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(join(9), KERR_GROUP_MAX_SIZE_REACHED); /* too big */
    assert_text(join_out->member_id, "m7");
    fake_groups.rv = 0;
    check_gone(join, 9);
}

/* A group that is as large as it may be takes nobody and nothing more; who is
 * there goes on. */
static void test_join_room(void **state)
{
    (void)state;
    join_init();
    fake_groups.room = 0;
    assert_int_equal(join(9), KERR_GROUP_MAX_SIZE_REACHED);
    assert_true(fake_groups.growth > 0);
    assert_int_equal(fake_groups.n_submitted, 0);
    /* One that says less than before. */
    fake_group("g", CGROUP_STABLE, 2, "m1");
    fake_member("g", "m1", "", false,
                slice_str("a long text that it subscribed with"), "assigned");
    join_in.member_id = slice_str("m1");
    assert_int_equal(join(9), 0);
    assert_int_equal(fake_groups.growth, 0);
    /* One that says the same as before, and then a byte more. */
    fake_member("g", "m1", "", false, slice_str("the same"), "");
    fake.client_id = "client";
    fake.peer = "host:1";
    join_in.protocols.n = 1;
    join_protocols[0].metadata = slice_str("the same");
    assert_int_equal(join(9), 0);
    assert_int_equal(fake_groups.growth, 0);
    join_protocols[0].metadata = slice_str("the same.");
    assert_int_equal(join(9), KERR_GROUP_MAX_SIZE_REACHED);
    assert_int_equal(fake_groups.growth, 1);
    join_init();
    /* One that was restarted: it comes in its own place. */
    fake_member("g", "m2", "i2", false,
                slice_str("a long text that it subscribed with, and more"),
                "what it was assigned, which is long, too, so that there is "
                "room");
    join_in.member_id = slice_str("");
    join_in.group_instance_id = slice_str("i3");
    assert_int_equal(join(9), KERR_GROUP_MAX_SIZE_REACHED);
    join_in.group_instance_id = slice_str("i2");
    assert_int_equal(join(9), 0);
    assert_int_equal(fake_groups.growth, 0);
}

static void test_join_errors(void **state)
{
    (void)state;
    join_init();
    fake_groups.result = (struct cgroup_result){
        .error = KERR_MEMBER_ID_REQUIRED, .member = slice_str("me-1")};
    for (int v = 0; v <= 9; v++) {
        assert_int_equal(join(v), KERR_MEMBER_ID_REQUIRED);
        assert_text(join_out->member_id, "me-1");
        assert_int_equal(join_out->generation_id, -1);
        assert_int_equal(join_out->members.n, 0);
        assert_int_equal(join_out->protocol_name.data == NULL, v >= 7);
    }
    fake_groups.result =
        (struct cgroup_result){.error = KERR_UNKNOWN_MEMBER_ID};
    join_in.member_id = slice_str("m7");
    assert_int_equal(join(9), KERR_UNKNOWN_MEMBER_ID);
    assert_text(join_out->member_id, "m7");
    /* Let in, and gone before the answer. */
    fake_groups.result = (struct cgroup_result){.member = slice_str("m7")};
    assert_int_equal(join(9), KERR_UNKNOWN_MEMBER_ID);
}

static void test_join_told(void **state)
{
    (void)state;
    join_init();
    fake_group("g", CGROUP_COMPLETING, 4, "m1");
    fake_member("g", "m1", "", false, slice_str("one"), "");
    fake_member("g", "m2", "i2", false, slice_str("two"), "");
    fake_member("g", "m3", "", true, slice_str(""), ""); /* a mere id */
    for (int v = 0; v <= 9; v++) {
        fake_groups.result = (struct cgroup_result){.generation = 4,
                                                    .member = slice_str("m1"),
                                                    .leader = slice_str("m1")};
        assert_int_equal(join(v), 0);
        assert_int_equal(join_out->generation_id, 4);
        assert_text(join_out->protocol_name, "range");
        assert_int_equal(join_out->protocol_type.len, v >= 7 ? 8 : 0);
        assert_text(join_out->leader, "m1");
        assert_int_equal(join_out->members.n, 2);
        assert_text(join_out->members.ptr[0].member_id, "m1");
        assert_text(join_out->members.ptr[0].metadata, "one");
        assert_null(join_out->members.ptr[0].group_instance_id.data);
        assert_text(join_out->members.ptr[1].metadata, "two");
        assert_int_equal(join_out->members.ptr[1].group_instance_id.len,
                         v >= 5 ? 2 : 0);
        assert_false(join_out->skip_assignment);
        fake_groups.result.member = slice_str("m2");
        assert_int_equal(join(v), 0);
        assert_int_equal(join_out->members.n, 0);
        assert_text(join_out->member_id, "m2");
        assert_text(join_out->leader, "m1");
    }
    fake_groups.result.skip_assignment = true;
    assert_int_equal(join(9), 0);
    assert_true(join_out->skip_assignment);
    /* The group went on before the answer: nobody leads the old generation. */
    fake_groups.result = (struct cgroup_result){
        .generation = 3, .member = slice_str("m1"), .leader = slice_str("m1")};
    assert_int_equal(join(9), 0);
    assert_int_equal(join_out->generation_id, 3);
    assert_text(join_out->leader, "");
    assert_int_equal(join_out->members.n, 0);
}

/* ---- SyncGroup ------------------------------------------------------------
 */

static struct sync_group_request sync_in;
static struct sync_group_request_assignment sync_assignments[2];
static struct sync_group_response *sync_out;

static void sync_init(void)
{
    wire_init(&wire_sync_group_request, &sync_in);
    for (int i = 0; i < 2; i++) {
        wire_struct_init(&wire_sync_group_request_assignment,
                         &sync_assignments[i]);
        sync_assignments[i].member_id = slice_str(i == 0 ? "m1" : "m2");
        sync_assignments[i].assignment = slice_str(i == 0 ? "to m1" : "to m2");
    }
    sync_in.group_id = slice_str("g");
    sync_in.generation_id = 4;
    sync_in.member_id = slice_str("m1");
    sync_in.protocol_type = slice_str("consumer");
    sync_in.protocol_name = slice_str("range");
    sync_in.assignments.ptr = sync_assignments;
    sync_in.assignments.n = 2;
}

static int16_t group_sync(int version)
{
    struct sync_group_request in = sync_in;
    if (version < 5) {
        in.protocol_type = in.protocol_name = none;
    }
    sync_out = fake_run(&wire_sync_group_request, version, &in);
    return sync_out == NULL ? INT16_MIN : sync_out->error_code;
}

static void become_stable(void)
{
    fake_group("g", CGROUP_STABLE, 4, "m1");
    fake_member("g", "m1", "", false, slice_str("one"), "to m1");
}

static void test_sync(void **state)
{
    const struct cgroup_sync *y = &fake_groups.sync;
    (void)state;
    fake_groups.before = become_stable;
    fake_groups.result =
        (struct cgroup_result){.generation = 4, .member = slice_str("m1")};
    sync_init();
    for (int v = 0; v <= 5; v++) {
        sync_in.group_instance_id = v >= 3 ? slice_str("i") : none;
        assert_int_equal(group_sync(v), 0);
        assert_text(sync_out->assignment, "to m1");
        assert_int_equal(sync_out->protocol_type.len, v >= 5 ? 8 : 0);
        assert_int_equal(sync_out->protocol_name.len, v >= 5 ? 5 : 0);
        assert_text(y->member, "m1");
        assert_int_equal(y->instance.len, v >= 3 ? 1 : 0);
        assert_int_equal(y->generation, 4);
        assert_int_equal(y->named, v >= 5);
        assert_int_equal(y->n_assignments, 2);
        assert_text(y->assignments[1].member, "m2");
        assert_text(y->assignments[1].assignment, "to m2");
    }
    fake_groups.result.error = KERR_ILLEGAL_GENERATION;
    assert_int_equal(group_sync(5), KERR_ILLEGAL_GENERATION);
    /* The group went on before the answer. */
    fake_groups.result.error = 0;
    fake_groups.result.generation = 3;
    assert_int_equal(group_sync(5), KERR_REBALANCE_IN_PROGRESS);
    sync_in.member_id = slice_str("m9");
    assert_int_equal(group_sync(5), KERR_UNKNOWN_MEMBER_ID);
}

static void test_sync_refused(void **state)
{
    (void)state;
    sync_init();
    sync_in.group_id = slice_str("");
    assert_int_equal(group_sync(5), KERR_INVALID_GROUP_ID);
    sync_init();
    sync_in.member_id = bad_name();
    assert_int_equal(group_sync(5), KERR_UNKNOWN_MEMBER_ID);
    sync_init();
    sync_in.protocol_name = none;
    assert_int_equal(group_sync(5), KERR_INCONSISTENT_GROUP_PROTOCOL);
    sync_init();
    sync_in.protocol_type = bad_name();
    assert_int_equal(group_sync(5), KERR_INCONSISTENT_GROUP_PROTOCOL);
    sync_init();
    sync_assignments[1].member_id = bad_name();
    assert_int_equal(group_sync(5), KERR_INVALID_REQUEST);
    sync_init();
    sync_in.group_instance_id = bad_name();
    assert_int_equal(group_sync(5), KERR_INVALID_REQUEST);
    assert_int_equal(fake_groups.n_submitted, 0);
    sync_init();
    check_refused(group_sync, 5, KERR_REBALANCE_IN_PROGRESS);
    assert_int_equal(group_sync(5), KERR_UNKNOWN_SERVER_ERROR); /* too big */
    fake_groups.rv = 0;
    check_gone(group_sync, 5);
}

/* ---- Heartbeat ------------------------------------------------------------
 */

static int16_t heartbeat(int version)
{
    struct heartbeat_request in;
    struct heartbeat_response *out;
    wire_init(&wire_heartbeat_request, &in);
    in.group_id = slice_str("g");
    in.member_id = slice_str("m1");
    in.generation_id = 6;
    out = fake_run(&wire_heartbeat_request, version, &in);
    return out->error_code;
}

static void test_heartbeat(void **state)
{
    struct heartbeat_request in;
    struct heartbeat_response *out;
    (void)state;
    for (int v = 0; v <= 4; v++) {
        fake_groups.heartbeat = 0;
        assert_int_equal(heartbeat(v), 0);
        assert_text(fake_groups.beat, "m1");
        assert_int_equal(fake_groups.generation, 6);
        fake_groups.heartbeat = KERR_REBALANCE_IN_PROGRESS;
        assert_int_equal(heartbeat(v), KERR_REBALANCE_IN_PROGRESS);
    }
    /* About to lead: clocks begin anew, so it is fine. */
    fake_groups.leads = false;
    assert_int_equal(heartbeat(4), 0);
    fake_groups.coordinator = 2;
    assert_int_equal(heartbeat(4), KERR_NOT_COORDINATOR);
    fake_groups.here = false;
    assert_int_equal(heartbeat(4), KERR_NOT_COORDINATOR);
    wire_init(&wire_heartbeat_request, &in);
    in.group_id = slice_str("");
    out = fake_run(&wire_heartbeat_request, 4, &in);
    assert_int_equal(out->error_code, KERR_INVALID_GROUP_ID);
}

/* ---- LeaveGroup -----------------------------------------------------------
 */

static struct leave_group_request leave_in;
static struct leave_group_request_member leave_members[2];
static struct leave_group_response *leave_out;

static void leave_init(void)
{
    wire_init(&wire_leave_group_request, &leave_in);
    for (int i = 0; i < 2; i++) {
        wire_struct_init(&wire_leave_group_request_member, &leave_members[i]);
        leave_members[i].member_id = slice_str(i == 0 ? "m1" : "");
        leave_members[i].group_instance_id = i == 0 ? none : slice_str("i2");
    }
    leave_in.group_id = slice_str("g");
    leave_in.members.ptr = leave_members;
    leave_in.members.n = 2;
    fake_errors(2, (int16_t[]){KERR_UNKNOWN_MEMBER_ID, 0});
}

static int16_t leave(int version)
{
    struct leave_group_request in = leave_in;
    if (version < 3) {
        in.member_id = slice_str("m1");
        in.members.n = 0;
    }
    leave_out = fake_run(&wire_leave_group_request, version, &in);
    return leave_out == NULL ? INT16_MIN : leave_out->error_code;
}

static void test_leave(void **state)
{
    (void)state;
    leave_init();
    for (int v = 0; v < 3; v++) {
        assert_int_equal(leave(v), KERR_UNKNOWN_MEMBER_ID);
        assert_int_equal(fake_groups.n_rows, 1);
        assert_text(fake_groups.leavers[0].member, "m1");
    }
    for (int v = 3; v <= 5; v++) {
        assert_int_equal(leave(v), 0);
        assert_int_equal(fake_groups.n_rows, 2);
        assert_text(fake_groups.leavers[1].instance, "i2");
        assert_int_equal(leave_out->members.n, 2);
        assert_int_equal(leave_out->members.ptr[0].error_code,
                         KERR_UNKNOWN_MEMBER_ID);
        assert_null(leave_out->members.ptr[0].group_instance_id.data);
        assert_text(leave_out->members.ptr[1].group_instance_id, "i2");
        assert_int_equal(leave_out->members.ptr[1].error_code, 0);
    }
    unsigned n = fake_groups.n_submitted;
    leave_in.members.n = 0;
    assert_int_equal(leave(5), 0);
    leave_init();
    leave_in.group_id = slice_str("");
    assert_int_equal(leave(5), KERR_INVALID_GROUP_ID);
    leave_init();
    leave_members[1].group_instance_id = bad_name();
    assert_int_equal(leave(5), KERR_INVALID_REQUEST);
    assert_int_equal(fake_groups.n_submitted, n);
    leave_init();
    check_refused(leave, 5, KERR_COORDINATOR_LOAD_IN_PROGRESS);
    fake_groups.rv = 0;
    check_gone(leave, 5);
}

/* ---- OffsetCommit ---------------------------------------------------------
 */

static struct offset_commit_request commit_in;
static struct offset_commit_request_topic commit_topics[2];
static struct offset_commit_request_partition commit_partitions[3];
static struct offset_commit_response *commit_out;

/* Partitions 0 and 1 of "t", and partition 0 of one that is not there. */
static void commit_init(void)
{
    wire_init(&wire_offset_commit_request, &commit_in);
    for (int i = 0; i < 3; i++) {
        struct offset_commit_request_partition *p = &commit_partitions[i];
        wire_struct_init(&wire_offset_commit_request_partition, p);
        p->partition_index = i % 2;
        p->committed_offset = 100 + i;
        p->committed_metadata = i == 0 ? none : slice_str("note");
    }
    for (int i = 0; i < 2; i++) {
        wire_struct_init(&wire_offset_commit_request_topic, &commit_topics[i]);
        commit_topics[i].name = slice_str(i == 0 ? "t" : "absent");
        commit_topics[i].topic_id =
            i == 0 ? fake.topics[0].id : (struct uuid){{0x99}};
        commit_topics[i].partitions.ptr = &commit_partitions[2 * i];
        commit_topics[i].partitions.n = i == 0 ? 2 : 1;
    }
    commit_in.group_id = slice_str("g");
    commit_in.generation_id_or_member_epoch = 3;
    commit_in.member_id = slice_str("m1");
    commit_in.topics.ptr = commit_topics;
    commit_in.topics.n = 2;
    fake_errors(2, (int16_t[]){0, KERR_OFFSET_METADATA_TOO_LARGE});
}

/* The error of partition 1 of "t". */
static int16_t commit(int version)
{
    struct offset_commit_request in = commit_in;
    in.retention_time_ms = version <= 4 ? 5000 : -1;
    for (int i = 0; i < 3; i++) {
        commit_partitions[i].committed_leader_epoch = version >= 6 ? 8 : -1;
    }
    commit_out = fake_run(&wire_offset_commit_request, version, &in);
    if (commit_out == NULL) {
        return INT16_MIN;
    }
    assert_int_equal(commit_out->topics.n, commit_in.topics.n);
    return commit_out->topics.ptr[0].partitions.ptr[1].error_code;
}

static void test_commit(void **state)
{
    const struct cgroup_commit *c = &fake_groups.commit;
    (void)state;
    fake_topic("t", 2);
    commit_init();
    for (int v = 2; v <= 10; v++) {
        commit_in.group_instance_id = v >= 7 ? slice_str("i") : none;
        fake_groups.heard = none;
        assert_int_equal(commit(v), KERR_OFFSET_METADATA_TOO_LARGE);
        assert_int_equal(commit_out->topics.ptr[0].partitions.ptr[0].error_code,
                         0);
        assert_int_equal(commit_out->topics.ptr[1].partitions.ptr[0].error_code,
                         v >= 10 ? KERR_UNKNOWN_TOPIC_ID
                                 : KERR_UNKNOWN_TOPIC_OR_PARTITION);
        assert_int_equal(c->n_rows, 2);
        assert_true(uuid_equal(c->rows[1].topic, fake.topics[0].id));
        assert_int_equal(c->rows[1].partition, 1);
        assert_int_equal(c->rows[1].offset, 101);
        assert_int_equal(c->rows[1].epoch, v >= 6 ? 8 : -1);
        assert_text(c->rows[0].metadata, "");
        assert_text(c->rows[1].metadata, "note");
        assert_int_equal(c->generation, 3);
        assert_text(c->member, "m1");
        assert_text(c->by, "m1");
        assert_int_equal(c->instance.len, v >= 7 ? 1 : 0);
        assert_int_equal(c->retention_ms, v <= 4 ? 5000 : -1);
        assert_int_equal(c->v9, v >= 9);
        assert_int_equal(c->metadata_max, 4096);
        assert_true(c->history_max > 0);
        assert_text(fake_groups.heard, "m1"); /* as good as a heartbeat */
    }
    commit_in.member_id = slice_str("");
    commit(10);
    assert_text(c->by, "me");
    fake_groups.result.error = KERR_ILLEGAL_GENERATION;
    fake_groups.heard = none;
    assert_int_equal(commit(9), KERR_ILLEGAL_GENERATION);
    assert_int_equal(commit_out->topics.ptr[0].partitions.ptr[0].error_code,
                     KERR_ILLEGAL_GENERATION);
    assert_int_equal(fake_groups.heard.len, 0);
}

/* Who commits stands in each row, and an id may be of 32 KiB: a request of 3 MB
 * would write 3 GB. */
static void test_commit_by(void **state)
{
    static char id[CGROUP_NAME_MAX + 1];
    (void)state;
    memset(id, 'x', CGROUP_NAME_MAX);
    fake_topic("t", 2);
    commit_init();
    commit_in.member_id = slice_str(id);
    commit(9);
    assert_int_equal(fake_groups.commit.member.len, CGROUP_NAME_MAX);
    assert_int_equal(fake_groups.commit.by.len, 255);
    commit_in.member_id = slice_str("");
    commit_in.generation_id_or_member_epoch = -1;
    fake.client_id = id;
    commit(9);
    assert_int_equal(fake_groups.commit.by.len, 255);
}

#define MANY_ROWS 2100

/* So does the group's id. */
static void test_commit_long_group(void **state)
{
    static char id[CGROUP_NAME_MAX + 1];
    static struct offset_commit_request_partition rows[MANY_ROWS];
    (void)state;
    memset(id, 'x', CGROUP_NAME_MAX);
    fake_topic("t", 2);
    commit_init();
    commit_in.group_id = slice_str(id);
    assert_int_equal(commit(9), KERR_OFFSET_METADATA_TOO_LARGE);
    for (unsigned i = 0; i < MANY_ROWS; i++) {
        rows[i] = commit_partitions[1];
    }
    commit_topics[0].partitions.ptr = rows;
    commit_topics[0].partitions.n = MANY_ROWS;
    fake_groups.n_submitted = 0;
    assert_int_equal(commit(9), KERR_INVALID_COMMIT_OFFSET_SIZE);
    assert_int_equal(fake_groups.n_submitted, 0);
}

static void test_commit_room(void **state)
{
    (void)state;
    fake_topic("t", 2);
    commit_init();
    fake_errors(2, (int16_t[]){0, 0});
    fake_group("g", CGROUP_STABLE, 3, "m1");
    fake_groups.room = 0;
    assert_int_equal(commit(9), KERR_INVALID_COMMIT_OFFSET_SIZE);
    assert_int_equal(fake_groups.growth,
                     cgroup_view_offset_bytes(0) + cgroup_view_offset_bytes(4));
    assert_int_equal(fake_groups.n_submitted, 0);
    fake_offset("g", "t", 0, 7, "");
    fake_offset("g", "t", 1, 7, "not");
    assert_int_equal(commit(9), KERR_INVALID_COMMIT_OFFSET_SIZE);
    assert_int_equal(fake_groups.growth, 1);
    fake_offset("g", "t", 1, 7, "longer");
    assert_int_equal(commit(9), 0); /* what takes no more goes on */
    assert_int_equal(fake_groups.growth, 0);
}

static void test_commit_refused(void **state)
{
    (void)state;
    fake_topic("t", 2);
    commit_init();
    commit_in.group_id = bad_name();
    assert_int_equal(commit(9), KERR_INVALID_GROUP_ID);
    commit_init();
    commit_in.member_id = bad_name();
    assert_int_equal(commit(9), KERR_UNKNOWN_MEMBER_ID);
    commit_init();
    commit_partitions[0].partition_index = -1;
    commit_partitions[1].partition_index = 2;
    assert_int_equal(commit(9), KERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(commit_out->topics.ptr[0].partitions.ptr[0].error_code,
                     KERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(fake_groups.n_submitted, 0);
    commit_init();
    check_refused(commit, 9, KERR_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(commit(9), KERR_INVALID_COMMIT_OFFSET_SIZE);
    fake_groups.rv = 0;
    check_gone(commit, 9);
    /* Offsets without members need no group's name. */
    commit_in.group_id = slice_str("");
    fake_groups.result.error = 0;
    assert_int_equal(commit(9), KERR_OFFSET_METADATA_TOO_LARGE);
}

/* ---- OffsetFetch ----------------------------------------------------------
 */

static struct offset_fetch_response *fetch_out;

/* One group; partitions 0 and 1 of a topic, or everything. Returns the error
 * of the whole. */
static int16_t fetch(int version, const char *group, const char *topic)
{
    int32_t partitions[] = {0, 1};
    struct offset_fetch_request in;
    struct offset_fetch_request_topic t;
    struct offset_fetch_request_group g;
    struct offset_fetch_request_group_topic gt;
    wire_init(&wire_offset_fetch_request, &in);
    wire_struct_init(&wire_offset_fetch_request_topic, &t);
    wire_struct_init(&wire_offset_fetch_request_group, &g);
    wire_struct_init(&wire_offset_fetch_request_group_topic, &gt);
    if (topic != NULL) {
        const struct image_topic *known = image_topic(NULL, slice_str(topic));
        t.name = gt.name = slice_str(topic);
        gt.topic_id = known != NULL ? known->id : (struct uuid){{0x99}};
        t.partition_indexes.ptr = gt.partition_indexes.ptr = partitions;
        t.partition_indexes.n = gt.partition_indexes.n = 2;
    }
    in.topics.ptr = topic == NULL || version >= 8 ? NULL : &t;
    in.topics.n = in.topics.ptr == NULL ? 0 : 1;
    if (version >= 8) {
        wire_init(&wire_offset_fetch_request, &in);
        g.topics.ptr = topic == NULL ? NULL : &gt;
        g.topics.n = topic == NULL ? 0 : 1;
        g.group_id = slice_str(group);
        in.groups.ptr = &g;
        in.groups.n = 1;
    } else {
        in.group_id = slice_str(group);
    }
    fetch_out = fake_run(&wire_offset_fetch_request, version, &in);
    if (fetch_out == NULL) {
        return INT16_MIN;
    }
    if (version < 8) {
        return fetch_out->error_code;
    }
    assert_int_equal(fetch_out->groups.n, 1);
    assert_text(fetch_out->groups.ptr[0].group_id, group);
    return fetch_out->groups.ptr[0].error_code;
}

/* Partition i of topic 0 of the last answer. */
static void fetched(int version, unsigned i, int64_t offset, int32_t epoch,
                    const char *metadata, int16_t error)
{
    if (version < 8) {
        struct offset_fetch_response_partition *p =
            &fetch_out->topics.ptr[0].partitions.ptr[i];
        assert_int_equal(p->committed_offset, offset);
        assert_int_equal(p->committed_leader_epoch, version >= 5 ? epoch : -1);
        assert_text(p->metadata, metadata);
        assert_int_equal(p->error_code, error);
    } else {
        struct offset_fetch_response_group_topic_partition *p =
            &fetch_out->groups.ptr[0].topics.ptr[0].partitions.ptr[i];
        assert_int_equal(p->committed_offset, offset);
        assert_int_equal(p->committed_leader_epoch, epoch);
        assert_text(p->metadata, metadata);
        assert_int_equal(p->error_code, error);
    }
}

static unsigned fetched_topics(int version)
{
    return version < 8 ? fetch_out->topics.n
                       : fetch_out->groups.ptr[0].topics.n;
}

static int16_t fetch_t(int version)
{
    return fetch(version, "g", "t");
}

static void test_fetch(void **state)
{
    (void)state;
    fake_topic("t", 2);
    fake_topic("u", 2);
    fake_group("g", CGROUP_EMPTY, 0, "");
    fake_offset("g", "t", 1, 42, "note");
    fake_offset("g", "u", 0, 43, "");
    fake_offset("g", "gone", 0, 44, "");
    for (int v = 1; v <= 10; v++) {
        assert_int_equal(fetch(v, "g", "t"), 0);
        assert_int_equal(fetched_topics(v), 1);
        fetched(v, 0, -1, -1, "", 0);
        fetched(v, 1, 42, 5, "note", 0);
        /* Nobody minds a group or a topic that is not there. */
        assert_int_equal(fetch(v, "other", "t"), 0);
        fetched(v, 1, -1, -1, "", 0);
        assert_int_equal(fetch(v, "g", "absent"), 0);
        fetched(v, 0, -1, -1, "", v >= 10 ? KERR_UNKNOWN_TOPIC_ID : 0);
        if (v >= 2) {
            assert_int_equal(fetch(v, "g", NULL), 0);
            assert_int_equal(fetched_topics(v), 2);
            fetched(v, 0, 42, 5, "note", 0);
            assert_int_equal(fetch(v, "other", NULL), 0);
            assert_int_equal(fetched_topics(v), 0);
        }
        unsigned n = fake_groups.barriers;
        fetch(v, "g", "t");
        assert_int_equal(fake_groups.barriers, n + 1);
    }
}

static void test_fetch_refused(void **state)
{
    (void)state;
    fake_topic("t", 2);
    for (int v = 1; v <= 10; v++) {
        fake_groups.barrier_rv = ERR_FULL;
        assert_int_equal(fetch(v, "g", "t"),
                         v == 1 ? 0 : KERR_COORDINATOR_LOAD_IN_PROGRESS);
        if (v == 1) { /* has no error for all */
            fetched(v, 1, -1, -1, "", KERR_COORDINATOR_LOAD_IN_PROGRESS);
        }
        fake_groups.barrier_rv = 0;
    }
    fake_groups.barrier_status = ERR_TIMEOUT;
    assert_int_equal(fetch(8, "g", "t"), KERR_COORDINATOR_NOT_AVAILABLE);
    fake_groups.barrier_status = 0;
    fake_groups.leads = false;
    assert_int_equal(fetch(8, "g", "t"), KERR_COORDINATOR_LOAD_IN_PROGRESS);
    fake_groups.coordinator = 2;
    assert_int_equal(fetch(8, "g", "t"), KERR_NOT_COORDINATOR);
    fake_groups.here = false;
    assert_int_equal(fetch(8, "g", "t"), KERR_NOT_COORDINATOR);
    fake_groups.here = fake_groups.leads = true;
    fake_groups.coordinator = 1;
    fake.serves = false;
    assert_int_equal(fetch(8, "g", "t"), KERR_COORDINATOR_LOAD_IN_PROGRESS);
    fake.serves = true;
    check_gone(fetch_t, 8);
}

/* Groups of one shard share a barrier. */
static void test_fetch_many(void **state)
{
    struct offset_fetch_request in;
    struct offset_fetch_request_group g[3];
    struct offset_fetch_response *out;
    (void)state;
    fake_topic("t", 2);
    fake_group("bb", CGROUP_EMPTY, 0, "");
    fake_offset("bb", "t", 0, 7, "");
    wire_init(&wire_offset_fetch_request, &in);
    for (int i = 0; i < 3; i++) {
        wire_struct_init(&wire_offset_fetch_request_group, &g[i]);
        g[i].group_id = slice_str(i == 0 ? "a" : i == 1 ? "bb" : "cc");
        g[i].topics.ptr = NULL;
    }
    g[0].group_id = bad_name(); /* three bytes: a shard of its own */
    in.groups.ptr = g;
    in.groups.n = 3;
    out = fake_run(&wire_offset_fetch_request, 9, &in);
    assert_int_equal(out->groups.n, 3);
    assert_int_equal(out->groups.ptr[0].error_code, KERR_INVALID_GROUP_ID);
    assert_int_equal(out->groups.ptr[1].topics.n, 1);
    assert_int_equal(out->groups.ptr[2].topics.n, 0);
    assert_int_equal(fake_groups.barriers, 2);
}

/* ---- OffsetDelete ---------------------------------------------------------
 */

static struct offset_delete_response *delete_out;

/* Partitions 0 and 1 of "t", partition 0 of `other`. */
static int16_t offset_delete(const char *group, const char *other)
{
    struct offset_delete_request in;
    struct offset_delete_request_topic t[2];
    struct offset_delete_request_partition p[2] = {{0}, {1}};
    wire_init(&wire_offset_delete_request, &in);
    for (int i = 0; i < 2; i++) {
        wire_struct_init(&wire_offset_delete_request_topic, &t[i]);
        t[i].name = slice_str(i == 0 ? "t" : other);
        t[i].partitions.ptr = p;
        t[i].partitions.n = i == 0 ? 2 : 1;
    }
    in.group_id = slice_str(group);
    in.topics.ptr = t;
    in.topics.n = 2;
    delete_out = fake_run(&wire_offset_delete_request, 0, &in);
    return delete_out == NULL ? INT16_MIN : delete_out->error_code;
}

static int16_t offset_delete_g(int version)
{
    (void)version;
    return offset_delete("g", "absent");
}

static void go_on(void)
{
    if (fake_groups.n_submitted == 3) {
        fake_groups.result.error = 0;
    }
}

static void test_offset_delete(void **state)
{
    /* Version 0, one topic "t", no user data. */
    static const uint8_t to_t[] = {0, 0, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 0};
    (void)state;
    fake_topic("t", 2);
    fake_topic("u", 1);
    fake_group("g", CGROUP_STABLE, 9, "m1");
    fake_member("g", "m1", "", false, slice_of(to_t, sizeof to_t), "");
    fake_errors(3, (int16_t[]){KERR_GROUP_SUBSCRIBED_TO_TOPIC,
                               KERR_GROUP_SUBSCRIBED_TO_TOPIC, 0});
    assert_int_equal(offset_delete("g", "u"), 0);
    assert_int_equal(fake_groups.generation, 9);
    assert_int_equal(fake_groups.n_rows, 3);
    assert_true(fake_groups.deleted[0].subscribed);
    assert_true(fake_groups.deleted[1].subscribed);
    assert_false(fake_groups.deleted[2].subscribed);
    assert_int_equal(delete_out->topics.ptr[0].partitions.ptr[1].error_code,
                     KERR_GROUP_SUBSCRIBED_TO_TOPIC);
    assert_int_equal(delete_out->topics.ptr[1].partitions.ptr[0].error_code, 0);
    /* What cannot be read may be a subscription to anything. */
    fake_member("g", "m2", "", false, slice_str("?"), "");
    offset_delete("g", "u");
    assert_true(fake_groups.deleted[2].subscribed);
    fake_errors(2, (int16_t[]){0, 0});
    assert_int_equal(offset_delete("g", "absent"), 0);
    assert_int_equal(fake_groups.n_rows, 2);
    assert_int_equal(delete_out->topics.ptr[1].partitions.ptr[0].error_code,
                     KERR_UNKNOWN_TOPIC_OR_PARTITION);
    fake_groups.result.error = KERR_NON_EMPTY_GROUP;
    assert_int_equal(offset_delete("g", "absent"), KERR_NON_EMPTY_GROUP);
    assert_int_equal(delete_out->topics.n, 0);
    assert_int_equal(offset_delete("", "absent"), KERR_INVALID_GROUP_ID);
    /* Another generation than was looked at: it looks again, a few times. */
    fake_groups.n_submitted = 0;
    fake_groups.result.error = KERR_REBALANCE_IN_PROGRESS;
    fake_groups.before = go_on;
    assert_int_equal(offset_delete("g", "absent"), 0);
    assert_int_equal(fake_groups.n_submitted, 3);
    fake_groups.before = NULL;
    fake_groups.result.error = KERR_REBALANCE_IN_PROGRESS;
    assert_int_equal(offset_delete("g", "absent"), KERR_REBALANCE_IN_PROGRESS);
    assert_int_equal(fake_groups.n_submitted, 8);
    check_refused(offset_delete_g, 0, KERR_COORDINATOR_LOAD_IN_PROGRESS);
    fake_groups.rv = 0;
    check_gone(offset_delete_g, 0);
}

#define MANY_NAMES  100000
#define MANY_TOPICS 20000

/* What members subscribe to is read once, however often a request goes from one
 * topic to another: the loop waits for it. Of its time only what the processor
 * worked is counted. */
static void test_offset_delete_many(void **state)
{
    struct offset_delete_request_partition p = {0};
    struct offset_delete_request in;
    struct offset_delete_request_topic *t = calloc(MANY_TOPICS, sizeof *t);
    struct buf said;
    (void)state;
    fake_topic("t", 1);
    fake_topic("u", 1);
    fake_group("g", CGROUP_STABLE, 9, "m1");
    buf_init(&said, fake.mem, 0);
    buf_put_u16(&said, 0);
    buf_put_u32(&said, MANY_NAMES);
    for (unsigned i = 0; i < MANY_NAMES; i++) {
        buf_put_u16(&said, 7);
        buf_printf(&said, "x%06u", i);
    }
    fake_member("g", "m1", "", false, buf_slice(&said), "");
    buf_close(&said);
    wire_init(&wire_offset_delete_request, &in);
    in.group_id = slice_str("g");
    in.topics.ptr = t;
    in.topics.n = MANY_TOPICS;
    for (unsigned i = 0; i < MANY_TOPICS; i++) {
        wire_struct_init(&wire_offset_delete_request_topic, &t[i]);
        t[i].name = slice_str(i % 2 == 0 ? "t" : "u");
        t[i].partitions.ptr = &p;
        t[i].partitions.n = 1;
    }
    fake_groups.kind = CGROUP_OFFSET_DELETE;
    fake_groups.result.error = KERR_NON_EMPTY_GROUP;
    clock_t began = clock();
    delete_out = fake_run(&wire_offset_delete_request, 0, &in);
    assert_true(clock() - began < 3 * CLOCKS_PER_SEC);
    assert_int_equal(delete_out->error_code, KERR_NON_EMPTY_GROUP);
    assert_int_equal(fake_groups.n_rows, MANY_TOPICS);
    assert_false(fake_groups.deleted[1].subscribed);
    free(t);
}

/* ---- DescribeGroups -------------------------------------------------------
 */

static bool authorized; /* ask what may be done */

static struct describe_groups_response_group *describe(int version,
                                                       const char *group)
{
    struct slice ids[] = {slice_str(group)};
    struct describe_groups_request in;
    struct describe_groups_response *out;
    wire_init(&wire_describe_groups_request, &in);
    in.groups.ptr = ids;
    in.groups.n = 1;
    in.include_authorized_operations = authorized;
    out = fake_run(&wire_describe_groups_request, version, &in);
    assert_int_equal(out->groups.n, 1);
    assert_text(out->groups.ptr[0].group_id, group);
    return &out->groups.ptr[0];
}

static void test_describe(void **state)
{
    (void)state;
    for (int v = 0; v <= 6; v++) {
        struct describe_groups_response_group *g;
        fake_group("g", CGROUP_STABLE, 2, "m1");
        fake_member("g", "m1", "i1", false, slice_str("one"), "to m1");
        fake_member("g", "m2", "", true, slice_str(""), "");
        g = describe(v, "g");
        assert_int_equal(g->error_code, 0);
        assert_text(g->group_state, "Stable");
        assert_text(g->protocol_type, "consumer");
        assert_text(g->protocol_data, "range");
        assert_int_equal(g->members.n, 1); /* a mere id is no member */
        assert_text(g->members.ptr[0].member_id, "m1");
        assert_int_equal(g->members.ptr[0].group_instance_id.len,
                         v >= 4 ? 2 : 0);
        assert_text(g->members.ptr[0].client_id, "client");
        assert_text(g->members.ptr[0].client_host, "/host");
        assert_text(g->members.ptr[0].member_metadata, "one");
        assert_text(g->members.ptr[0].member_assignment, "to m1");
        fake_group("g", CGROUP_PREPARING, 2, "m1");
        g = describe(v, "g");
        assert_text(g->group_state, "PreparingRebalance");
        assert_int_equal(g->protocol_data.len, 0);
        assert_int_equal(g->members.n, 1);
        assert_int_equal(g->members.ptr[0].member_metadata.len, 0);
        g = describe(v, "other");
        assert_text(g->group_state, "Dead");
        assert_int_equal(g->error_code, v >= 6 ? KERR_GROUP_ID_NOT_FOUND : 0);
    }
    assert_int_equal(describe(2, "g")->authorized_operations, INT32_MIN);
    authorized = true;
    assert_int_equal(describe(3, "g")->authorized_operations, OPERATIONS_GROUP);
    authorized = false;
    assert_int_equal(describe(3, "g")->authorized_operations, INT32_MIN);
    fake_groups.coordinator = 2;
    fake_groups.leads = false;
    assert_int_equal(describe(6, "g")->error_code, KERR_NOT_COORDINATOR);
}

/* ---- ListGroups -----------------------------------------------------------
 */

static struct list_groups_response *list(int version, const char *with_state,
                                         const char *with_type)
{
    struct slice states[] = {slice_str(with_state)};
    struct slice types[] = {slice_str(with_type)};
    struct list_groups_request in;
    wire_init(&wire_list_groups_request, &in);
    in.states_filter.ptr = states;
    in.states_filter.n = with_state[0] != '\0';
    in.types_filter.ptr = types;
    in.types_filter.n = with_type[0] != '\0';
    return fake_run(&wire_list_groups_request, version, &in);
}

static struct list_groups_response *
run_list(const struct list_groups_request *in)
{
    struct list_groups_response *out =
        fake_run(&wire_list_groups_request, 4, in);
    assert_non_null(out);
    return out;
}

static void test_list(void **state)
{
    struct list_groups_response *out;
    (void)state;
    fake_group("g", CGROUP_STABLE, 2, "m1");
    for (int v = 0; v <= 5; v++) {
        /* Each of the shards holds the same image here. */
        out = list(v, "", "");
        assert_int_equal(out->error_code, 0);
        assert_int_equal(out->groups.n, CGROUP_SHARDS);
        assert_text(out->groups.ptr[0].group_id, "g");
        assert_text(out->groups.ptr[0].protocol_type, "consumer");
        assert_int_equal(out->groups.ptr[0].group_state.len, v >= 4 ? 6 : 0);
        assert_int_equal(out->groups.ptr[0].group_type.len, v >= 5 ? 7 : 0);
    }
    assert_int_equal(list(4, "sTABLE", "")->groups.n, CGROUP_SHARDS);
    assert_int_equal(list(4, "Empty", "")->groups.n, 0);
    assert_int_equal(list(5, "", "Classic")->groups.n, CGROUP_SHARDS);
    assert_int_equal(list(5, "", "consumer")->groups.n, 0);
    fake_groups.barrier_status = ERR_TIMEOUT;
    assert_int_equal(list(5, "", "")->error_code,
                     KERR_COORDINATOR_LOAD_IN_PROGRESS);
    fake_groups.barrier_status = ERR_NOTLEADER; /* since a moment ago */
    out = list(5, "", "");
    assert_int_equal(out->error_code, KERR_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(out->groups.n, 0);
    fake_groups.leads = false; /* another lists them */
    out = list(5, "", "");
    assert_int_equal(out->error_code, 0);
    assert_int_equal(out->groups.n, 0);
    /* Nobody else does: what is missing is said, and asked for again. */
    fake_groups.tells = true;
    assert_int_equal(list(5, "", "")->error_code,
                     KERR_COORDINATOR_LOAD_IN_PROGRESS);
    fake_groups.here = false;
    assert_int_equal(list(5, "", "")->error_code,
                     KERR_COORDINATOR_LOAD_IN_PROGRESS);
    fake.serves = false;
    assert_int_equal(list(5, "", "")->error_code,
                     KERR_COORDINATOR_LOAD_IN_PROGRESS);
}

#define MANY_GROUPS  1000 /* in each shard */
#define MANY_FILTERS (1 << 20)

/* Filters are as many as a client likes. */
static void test_list_filters(void **state)
{
    struct list_groups_request in;
    struct slice *filters = calloc(MANY_FILTERS, sizeof *filters);
    (void)state;
    assert_non_null(filters);
    for (unsigned i = 0; i < MANY_GROUPS; i++) {
        char id[16];
        snprintf(id, sizeof id, "g%u", i);
        fake_group(id, CGROUP_STABLE, 2, "m1");
    }
    for (unsigned i = 0; i < MANY_FILTERS; i++) {
        filters[i] = slice_str("");
    }
    wire_init(&wire_list_groups_request, &in);
    in.states_filter.ptr = filters;
    in.states_filter.n = MANY_FILTERS;
    clock_t began = clock();
    assert_int_equal(run_list(&in)->groups.n, 0);
    assert_true(clock() - began < 4 * CLOCKS_PER_SEC);
    filters[MANY_FILTERS - 1] = slice_str("stable");
    assert_int_equal(run_list(&in)->groups.n, MANY_GROUPS * CGROUP_SHARDS);
    free(filters);
}

/* ---- DeleteGroups ---------------------------------------------------------
 */

static int16_t delete_group(int version)
{
    struct slice ids[] = {slice_str("g"), bad_name(), slice_str("g"),
                          bad_name()};
    struct delete_groups_request in;
    struct delete_groups_response *out;
    wire_init(&wire_delete_groups_request, &in);
    in.groups_names.ptr = ids;
    in.groups_names.n = 4;
    out = fake_run(&wire_delete_groups_request, version, &in);
    if (out == NULL) {
        return INT16_MIN;
    }
    /* Each name once: the second of two commands would find the group being
     * deleted, and have the client try again. */
    assert_int_equal(out->results.n, 2);
    assert_text(out->results.ptr[0].group_id, "g");
    assert_int_equal(out->results.ptr[1].error_code, KERR_INVALID_GROUP_ID);
    return out->results.ptr[0].error_code;
}

static unsigned pages_left;
static void one_page(void)
{
    fake_groups.result.more = pages_left > 0;
    pages_left -= pages_left > 0;
}

static void test_delete(void **state)
{
    (void)state;
    /* In three pages. */
    pages_left = 2;
    fake_groups.before = one_page;
    assert_int_equal(delete_group(2), 0);
    assert_int_equal(fake_groups.n_submitted, 3);
    fake_groups.before = NULL;
    for (int v = 0; v <= 2; v++) {
        fake_groups.n_submitted = 0;
        fake_groups.result.error = 0;
        assert_int_equal(delete_group(v), 0);
        assert_int_equal(fake_groups.n_submitted, 1);
        fake_groups.result.error = KERR_NON_EMPTY_GROUP;
        assert_int_equal(delete_group(v), KERR_NON_EMPTY_GROUP);
    }
    check_refused(delete_group, 2, KERR_COORDINATOR_LOAD_IN_PROGRESS);
    fake_groups.rv = 0;
    check_gone(delete_group, 2);
}

/* ---- OstrakaOffsetHistory -------------------------------------------------
 */

static struct ostraka_offset_history_response *history_out;
static int32_t history_rows = 10;

static int16_t history_of(const char *group)
{
    struct ostraka_offset_history_request in;
    wire_init(&wire_ostraka_offset_history_request, &in);
    in.group_id = slice_str(group);
    in.max_rows = history_rows;
    history_out = fake_run(&wire_ostraka_offset_history_request, 0, &in);
    return history_out == NULL ? INT16_MIN : history_out->error_code;
}

static int16_t history(int version)
{
    (void)version;
    return history_of("g");
}

static void test_history(void **state)
{
    (void)state;
    assert_int_equal(history(0), KERR_GROUP_ID_NOT_FOUND);
    assert_int_equal(fake_groups.reads, 0);
    fake_group("g", CGROUP_EMPTY, 0, "");
    assert_int_equal(history(0), 0);
    assert_int_equal(history_out->rows.n, 0);
    assert_false(history_out->more);
    assert_int_equal(fake_groups.reads, 1);
    assert_int_equal(fake_groups.barriers, 2); /* each behind its own */
    assert_int_equal(history_of("bb"), KERR_GROUP_ID_NOT_FOUND);
}

static void test_history_rows(void **state)
{
    (void)state;
    fake_group("g", CGROUP_EMPTY, 0, "");
    fake_topic("t", 2);
    for (unsigned i = 0; i < 3; i++) {
        fake_groups.history[i] = (struct cgroup_history_row){
            .topic = i < 2 ? image_topic(NULL, slice_str("t"))->id
                           : (struct uuid){{0x99}},
            .partition = 1,
            .number = i,
            .offset = 10 + i,
            .epoch = 4,
            .time_ms = 100 + i,
            .reset = i == 1,
            .metadata = slice_str("m"),
            .by = slice_str("me")};
    }
    fake_groups.n_history = 3;
    assert_int_equal(history(0), 0);
    assert_int_equal(history_out->rows.n, 3);
    const struct ostraka_offset_history_response_row *r =
        &history_out->rows.ptr[1];
    assert_text(r->topic, "t");
    assert_int_equal(r->partition, 1);
    assert_int_equal(r->number, 1);
    assert_int_equal(r->offset, 11);
    assert_int_equal(r->leader_epoch, 4);
    assert_int_equal(r->time_ms, 101);
    assert_true(r->reset);
    assert_text(r->metadata, "m");
    assert_text(r->by, "me");
    /* Of one that is gone there is the id only. */
    assert_null(history_out->rows.ptr[2].topic.data);
    assert_int_equal(history_out->rows.ptr[2].topic_id.b[0], 0x99);
    history_rows = 2;
    assert_int_equal(history(0), 0);
    assert_int_equal(history_out->rows.n, 2);
    assert_true(history_out->more);
    assert_int_equal(fake_groups.page.after_partition, -1);
    history_rows = 10;
}

static void test_history_refused(void **state)
{
    (void)state;
    fake_group("g", CGROUP_EMPTY, 0, "");
    history_rows = 0;
    assert_int_equal(history(0), KERR_INVALID_REQUEST);
    history_rows = -1;
    assert_int_equal(history(0), KERR_INVALID_REQUEST);
    history_rows = 10;
    fake_groups.read_rv = ERR_NOTREADY; /* it is being closed */
    assert_int_equal(history(0), KERR_COORDINATOR_LOAD_IN_PROGRESS);
    fake_groups.read_rv = ERR_NOMEM;
    assert_int_equal(history(0), KERR_COORDINATOR_NOT_AVAILABLE);
    fake_groups.read_rv = 0;
    fake_groups.barrier_rv = ERR_FULL;
    assert_int_equal(history(0), KERR_COORDINATOR_LOAD_IN_PROGRESS);
    fake_groups.barrier_rv = 0;
    fake_groups.leads = false;
    fake_groups.coordinator = 2;
    assert_int_equal(history(0), KERR_NOT_COORDINATOR);
    fake_groups.leads = true;
    assert_int_equal(fake_groups.reads, 0);
    fake_groups.read_status = ERR_CORRUPT; /* found by reading */
    assert_int_equal(history(0), KERR_COORDINATOR_NOT_AVAILABLE);
    fake_groups.read_status = 0;
    check_gone(history, 0);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fake_groups_open, fake_groups_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_find),
        TEST(test_join_command),
        TEST(test_join_refused),
        TEST(test_join_errors),
        TEST(test_join_room),
        TEST(test_join_told),
        TEST(test_sync),
        TEST(test_sync_refused),
        TEST(test_heartbeat),
        TEST(test_leave),
        TEST(test_commit),
        TEST(test_commit_refused),
        TEST(test_commit_by),
        TEST(test_commit_long_group),
        TEST(test_commit_room),
        TEST(test_fetch),
        TEST(test_fetch_refused),
        TEST(test_fetch_many),
        TEST(test_offset_delete),
        TEST(test_offset_delete_many),
        TEST(test_describe),
        TEST(test_list),
        TEST(test_list_filters),
        TEST(test_delete),
        TEST(test_history),
        TEST(test_history_rows),
        TEST(test_history_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
