#include "fake_fetch.h"

#include <string.h>

int32_t fetch_ask_replica, fetch_ask_wait, fetch_ask_min, fetch_ask_bytes;
int32_t fetch_ask_part_bytes, fetch_ask_epoch, fetch_ask_last_epoch;
int32_t fetch_ask_id, fetch_ask_number;

struct wanted {
    const char *topic;
    int32_t partition;
    int64_t offset;
};
static struct wanted asks[FAKE_MAX], forgets[FAKE_MAX];
static unsigned n_asks, n_forgets;

static void reset(void)
{
    fetch_ask_replica = -1;
    fetch_ask_wait = 500;
    fetch_ask_min = 1;
    fetch_ask_bytes = fetch_ask_part_bytes = 1 << 20;
    fetch_ask_epoch = fetch_ask_last_epoch = -1;
    fetch_ask_id = 0;
    fetch_ask_number = -1;
    n_asks = n_forgets = 0;
}

int fetch_open(void **state)
{
    reset();
    return fake_records_open(state);
}

void fetch_ask(const char *topic, int32_t partition, int64_t offset)
{
    assert_true(n_asks < FAKE_MAX);
    asks[n_asks++] = (struct wanted){topic, partition, offset};
}

void fetch_forget(const char *topic, int32_t partition)
{
    assert_true(n_forgets < FAKE_MAX);
    forgets[n_forgets++] = (struct wanted){topic, partition, -1};
}

/* What a version calls a topic; of one that is not here, anything. */
static struct slice name_of(int version, const char *topic)
{
    return version >= 13 ? slice_of(NULL, 0) : slice_str(topic);
}
static struct uuid id_of(int version, const char *topic)
{
    const struct image_topic *t = image_topic(NULL, slice_str(topic));
    return version < 13 ? uuid_zero : t != NULL ? t->id : (struct uuid){{0xee}};
}

static unsigned make_topics(int version, struct fetch_request_topic topics[],
                            struct fetch_request_partition parts[])
{
    unsigned n = 0;
    for (unsigned i = 0; i < n_asks; i++) {
        const struct wanted *a = &asks[i];
        if (i == 0 || strcmp(a->topic, a[-1].topic) != 0) {
            topics[n++] = (struct fetch_request_topic){
                .topic = name_of(version, a->topic),
                .topic_id = id_of(version, a->topic),
                .partitions = {.ptr = &parts[i]}};
        }
        topics[n - 1].partitions.n++;
        wire_struct_init(&wire_fetch_request_partition, &parts[i]);
        parts[i].partition = a->partition;
        parts[i].fetch_offset = a->offset;
        parts[i].partition_max_bytes = fetch_ask_part_bytes;
        if (version >= 9) {
            parts[i].current_leader_epoch = fetch_ask_epoch;
        }
        if (version >= 12) {
            parts[i].last_fetched_epoch = fetch_ask_last_epoch;
        }
    }
    return n;
}

struct fetch_response *fetch(int version)
{
    struct fetch_request in;
    struct fetch_request_topic topics[FAKE_MAX];
    struct fetch_request_partition parts[FAKE_MAX];
    struct fetch_request_forgotten_topic forgotten[FAKE_MAX];
    struct fetch_response *out;
    wire_init(&wire_fetch_request, &in);
    if (version >= 15) {
        in.replica_state.replica_id = fetch_ask_replica;
    } else {
        in.replica_id = fetch_ask_replica;
    }
    in.max_wait_ms = fetch_ask_wait;
    in.min_bytes = fetch_ask_min;
    in.max_bytes = fetch_ask_bytes;
    if (version >= 7) {
        in.session_id = fetch_ask_id;
        in.session_epoch = fetch_ask_number;
    }
    in.topics.ptr = topics;
    in.topics.n = make_topics(version, topics, parts);
    for (unsigned i = 0; i < n_forgets; i++) {
        forgotten[i] = (struct fetch_request_forgotten_topic){
            .topic = name_of(version, forgets[i].topic),
            .topic_id = id_of(version, forgets[i].topic),
            .partitions = {.ptr = &forgets[i].partition, .n = 1}};
    }
    in.forgotten_topics_data.ptr = forgotten;
    in.forgotten_topics_data.n = n_forgets;
    out = fake_run(&wire_fetch_request, version, &in);
    reset();
    return out;
}

unsigned fetch_parts(const struct fetch_response *out)
{
    unsigned n = 0;
    assert_non_null(out);
    for (uint32_t i = 0; i < out->responses.n; i++) {
        n += out->responses.ptr[i].partitions.n;
    }
    return n;
}

const struct fetch_response_partition *
fetch_part(const struct fetch_response *out, unsigned i)
{
    assert_true(i < fetch_parts(out));
    for (uint32_t t = 0; t < out->responses.n; t++) {
        if (i < out->responses.ptr[t].partitions.n) {
            return &out->responses.ptr[t].partitions.ptr[i];
        }
        i -= out->responses.ptr[t].partitions.n;
    }
    return NULL;
}

unsigned fetch_batches(const struct fetch_response_partition *p)
{
    struct batch b;
    unsigned n = 0;
    for (size_t at = 0; at < p->records.len; at += b.length) {
        struct slice rest = slice_of(p->records.data + at, p->records.len - at);
        assert_int_equal(batch_view(rest, &b), 0);
        assert_int_equal(batch_check_crc(&b), 0);
        n++;
    }
    return n;
}

int64_t fetch_first(const struct fetch_response_partition *p)
{
    struct batch b;
    assert_int_equal(batch_view(slice_of(p->records.data, p->records.len), &b),
                     0);
    return b.base_offset;
}
