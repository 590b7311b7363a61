/* A client that asks the wrong node is told the leader beside the error, with
 * its address where the version has room for that (KIP-951). */
#include <string.h>

#include "api/fetch_session.h"
#include "broker/partition.h"
#include "env/env.h"
#include "fake.h"
#include "replica/replica.h"
#include "wire/gen/fetch.h"
#include "wire/gen/produce.h"

/* ---- what is not reached when this node does not lead -------------------- */

#define NEVER_VOID(signature)                                                  \
    void signature                                                             \
    {                                                                          \
        fail();                                                                \
    }
#define NEVER(type, signature)                                                 \
    type signature                                                             \
    {                                                                          \
        fail();                                                                \
        return (type)0;                                                        \
    }
#define NEVER_GET(type, name)                                                  \
    NEVER(type, name(const struct replica *r __attribute__((unused))))

NEVER_GET(int64_t, replica_log_start)
NEVER_GET(int64_t, replica_high_watermark)
NEVER_GET(int64_t, replica_log_end)
NEVER_GET(int32_t, replica_epoch)
NEVER_GET(bool, replica_is_leader)
NEVER(const struct topic_config *,
      partition_config(const struct partition *p __attribute__((unused))))
NEVER(struct chunk_pool *,
      broker_pool(const struct broker *b __attribute__((unused))))
NEVER(int64_t, env_wall_ms(struct env *e __attribute__((unused))))
NEVER_VOID(partition_produce_forget(struct partition_produce *pp
                                    __attribute__((unused))))
NEVER_VOID(partition_unwatch(struct partition_watch *w __attribute__((unused))))

int replica_epoch_end(const struct replica *r, int32_t epoch,
                      int32_t *ret_epoch, int64_t *ret_end)
{
    (void)r, (void)epoch, (void)ret_epoch, (void)ret_end;
    fail();
    return 0;
}
unsigned replica_read_tail(struct replica *r, int64_t offset,
                           int64_t offset_end, uint32_t bytes_max,
                           struct bytes pieces[], unsigned max)
{
    (void)r, (void)offset, (void)offset_end, (void)bytes_max;
    (void)pieces, (void)max;
    fail();
    return 0;
}
int replica_read(struct replica *r, struct replica_read *rd, int64_t offset,
                 int64_t offset_end, uint32_t bytes_max, replica_read_cb cb,
                 void *data)
{
    (void)r, (void)rd, (void)offset, (void)offset_end, (void)bytes_max;
    (void)cb, (void)data;
    fail();
    return 0;
}
int partition_produce(struct partition *p, struct partition_produce *pp,
                      struct bytes batch, const struct batch *b,
                      partition_produce_cb cb, void *data)
{
    (void)p, (void)pp, (void)batch, (void)b, (void)cb, (void)data;
    fail();
    return 0;
}
void partition_watch(struct partition *p, struct partition_watch *w,
                     partition_watch_cb cb, void *data)
{
    (void)p, (void)w, (void)cb, (void)data;
    fail();
}
void env_timer_init(struct env_timer *t, env_timer_cb cb, void *data)
{
    *t = (struct env_timer){.cb = cb, .data = data};
}
void env_timer_start(struct env *e, struct env_timer *t, uint64_t at_ms)
{
    (void)e, (void)t, (void)at_ms;
}
void env_timer_stop(struct env *e, struct env_timer *t)
{
    (void)e, (void)t;
}

/* ---- the tests ----------------------------------------------------------- */

#define N 3

/* Partition 0 is here; 1 and 2 are led by node 2. */
static struct produce_response *produce(int version)
{
    struct produce_request in;
    struct produce_request_topic_data topic = {0};
    struct produce_request_partition_data parts[N] = {{0}};
    wire_init(&wire_produce_request, &in);
    for (int i = 1; i < N; i++) {
        parts[i].index = i;
        parts[i].records = slice_str("records");
    }
    in.acks = -1;
    in.timeout_ms = 1000;
    topic.name = slice_str("t");
    topic.partition_data.ptr = parts + 1;
    topic.partition_data.n = N - 1;
    in.topic_data.ptr = &topic;
    in.topic_data.n = 1;
    return fake_run(&wire_produce_request, version, &in);
}

static void test_produce(void **state)
{
    (void)state;
    fake_topic("t", N);
    for (int v = 3; v <= 11; v++) {
        struct produce_response *out = produce(v);
        assert_non_null(out);
        assert_int_equal(out->node_endpoints.n, v >= 10 ? 1 : 0);
        for (unsigned i = 0; i < N - 1; i++) {
            struct produce_response_partition_response *p =
                &out->responses.ptr[0].partition_responses.ptr[i];
            assert_int_equal(p->error_code, KERR_NOT_LEADER_OR_FOLLOWER);
            assert_int_equal(p->current_leader.leader_id, v >= 10 ? 2 : -1);
            assert_int_equal(p->current_leader.leader_epoch, v >= 10 ? 5 : -1);
        }
        if (v >= 10) {
            assert_int_equal(out->node_endpoints.ptr[0].node_id, 2);
            assert_int_equal(out->node_endpoints.ptr[0].port, 9092);
            assert_true(slice_equal(out->node_endpoints.ptr[0].host,
                                    slice_str("host2")));
        }
    }
}

static struct fetch_response *fetch(int version, struct uuid id)
{
    struct fetch_request in;
    struct fetch_request_topic topic = {0};
    struct fetch_request_partition parts[N] = {{0}};
    wire_init(&wire_fetch_request, &in);
    for (int i = 1; i < N; i++) {
        parts[i].current_leader_epoch = -1;
        parts[i].last_fetched_epoch = -1;
        parts[i].log_start_offset = -1;
        parts[i].high_watermark = INT64_MAX;
        parts[i].partition = i;
        parts[i].partition_max_bytes = 1000;
    }
    in.max_wait_ms = 1000;
    in.min_bytes = 1;
    in.max_bytes = 1000;
    in.session_epoch = -1;
    topic.topic = slice_str("t");
    topic.topic_id = id;
    if (version >= 13) {
        topic.topic = slice_of(NULL, 0);
    } else {
        topic.topic_id = (struct uuid){{0}};
    }
    topic.partitions.ptr = parts + 1;
    topic.partitions.n = N - 1;
    in.topics.ptr = &topic;
    in.topics.n = 1;
    return fake_run(&wire_fetch_request, version, &in);
}

static void test_fetch(void **state)
{
    const struct image_topic *t = fake_topic("t", N);
    (void)state;
    for (int v = 4; v <= 17; v++) {
        struct fetch_response *out = fetch(v, t->id);
        assert_non_null(out);
        assert_int_equal(out->node_endpoints.n, v >= 16 ? 1 : 0);
        for (unsigned i = 0; i < N - 1; i++) {
            struct fetch_response_partition *p =
                &out->responses.ptr[0].partitions.ptr[i];
            assert_int_equal(p->error_code, KERR_NOT_LEADER_OR_FOLLOWER);
            assert_int_equal(p->current_leader.leader_id, v >= 12 ? 2 : -1);
        }
        if (v >= 16) {
            assert_int_equal(out->node_endpoints.ptr[0].node_id, 2);
            assert_int_equal(out->node_endpoints.ptr[0].port, 9092);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_produce, fake_open, fake_close),
        cmocka_unit_test_setup_teardown(test_fetch, fake_open, fake_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
