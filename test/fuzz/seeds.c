/* seeds.c - makes the corpora that every harness begins with, out of what the
 * encoders write. Small on purpose: libFuzzer finds the rest.
 *
 *   seeds DIRECTORY   writes DIRECTORY/HARNESS/NAME
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "net/hello.h"
#include "net/peers.h"
#include "raft/message.h"
#include "record/build.h"
#include "state/cgroup_impl.h"
#include "state/sql.h"
#include "storage/manifest.h"
#include "storage/segment_format.h"
#include "wire/gen/create_partitions.h"
#include "wire/gen/delete_records.h"
#include "wire/gen/delete_topics.h"
#include "wire/gen/describe_configs.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/fetch.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/incremental_alter_configs.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/metadata.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_delete.h"
#include "wire/gen/offset_fetch.h"
#include "wire/gen/produce.h"
#include "wire/gen/sync_group.h"
#include "wire/header.h"

static const char *root;

static void put(const char *harness, const char *name, struct slice bytes)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/%s", root, harness);
    (void)mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%s/%s", root, harness, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(bytes.data, 1, bytes.len, f) != bytes.len ||
        fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

/* ---- wire: every message in its lowest and highest version -----------------
 */

static void wire_one(struct mem *mem, unsigned i, int version)
{
    const struct wire_message *m = wire_message_at(i);
    struct rand r;
    struct arena a;
    struct buf b;
    char name[64];

    rand_init(&r, i * 100 + (unsigned)version);
    arena_init(&a, mem, 0);
    buf_init(&b, mem, 0);
    void *msg = arena_alloc(&a, m->body.size);
    ASSERT(msg != NULL && wire_random(m, version, &r, &a, msg) == 0);
    buf_put_u8(&b, (uint8_t)(m->is_request ? 0 : i / 2 + 1));
    if (m->is_request) {
        struct wire_request_header h = {.api_key = m->api_key,
                                        .api_version = (int16_t)version,
                                        .client_id = slice_str("me")};
        ASSERT(wire_request_header_encode(m, &h, &b) == 0);
    } else {
        buf_put_u8(&b, (uint8_t)version);
        ASSERT(wire_response_header_encode(m, version, 1, &b) == 0);
    }
    ASSERT(wire_encode(m, version, msg, &b) == 0);
    snprintf(name, sizeof name, "%s%d-v%d", m->is_request ? "q" : "r",
             m->api_key, version);
    if (b.len <= 2048) {
        put("wire", name, buf_slice(&b));
    }
    buf_close(&b);
    arena_close(&a);
}

static void wire_messages(struct mem *mem)
{
    for (unsigned i = 0; i < wire_message_count(); i++) {
        const struct wire_message *m = wire_message_at(i);
        wire_one(mem, i, m->version_max);
        if (m->is_request && m->version_min != m->version_max) {
            wire_one(mem, i, m->version_min);
        }
    }
}

/* ---- net: talk of a client and of a peer ------------------------------------
 */

static void net_all(struct mem *mem)
{
    struct hello h = {
        .version_min = 1, .version_max = 1, .node = 2, .cluster = {{1}}};
    uint8_t hello[HELLO_BYTES], head[PEER_HEAD_BYTES];
    struct buf b;

    hello_encode(&h, hello);
    for (uint8_t mode = 0; mode < 4; mode++) {
        char name[16];
        buf_init(&b, mem, 0);
        buf_put_u8(&b, (uint8_t)(12 << 2 | mode));
        buf_put_u8(&b, 0);
        if (mode == 0) {
            buf_put(&b, hello, sizeof hello);
        }
        for (uint8_t i = 0; i < 5; i++) {
            struct peer_head p = {.len = 16, .channel = i};
            uint8_t len[4];
            be32_store(len, 16);
            peer_head_encode(&p, head);
            buf_put(&b, head, sizeof head);
            buf_put(&b, "sixteen letters.", 16);
            buf_put(&b, len, 4);
            buf_put(&b, "sixteen letters.", 16);
        }
        snprintf(name, sizeof name, "talk-%u", mode);
        put("peer_frame", name, buf_slice(&b));
        buf_close(&b);
    }
}

/* ---- raft: one message of each kind
 * ------------------------------------------ */

static void raft_one(struct mem *mem, const struct message *m, const char *name)
{
    struct buf frame, b;
    uint64_t group = 0;

    buf_init(&frame, mem, 0);
    buf_init(&b, mem, 0);
    message_frame_begin(&frame);
    message_encode(m, NULL, &group, &frame);
    message_frame_end(&frame);
    ASSERT(frame.status == 0 && frame.len > 9);
    buf_put_u8(&b, (uint8_t)(frame.len - 9));
    buf_put_u8(&b, (uint8_t)((frame.len - 9) >> 8));
    buf_put(&b, frame.data + 9, frame.len - 9);
    put("raft", name, buf_slice(&b));
    buf_close(&frame);
    buf_close(&b);
}

static void raft_all(struct mem *mem)
{
    static const char *const names[] = {"",      "append",  "result",  "vote",
                                        "voted", "install", "timeout", "quiet"};

    for (int kind = MESSAGE_APPEND; kind <= MESSAGE_QUIET; kind++) {
        struct message m = {.kind = (enum message_kind)kind,
                            .group = 1003,
                            .from = membership_id(3, 1),
                            .to = membership_id(4, 1),
                            .term = 7,
                            .index = 100,
                            .index_term = 6,
                            .commit = 99,
                            .echo = 7};
        if (kind == MESSAGE_INSTALL) {
            m.config_index = 2;
            m.manifest = slice_str("manifest");
        }
        raft_one(mem, &m, names[kind]);
    }
}

/* ---- manifest
 * ------------------------------------------------------------------ */

static void manifest_all(struct mem *mem)
{
    static const struct manifest_epoch epochs[] = {{1, 0}, {3, 250}};
    static const struct manifest_segment segments[] = {
        {0, 4000, 1, 900, 200}, {200, 4096, 77, 1000, 300}};
    struct manifest m = {.kind = MANIFEST_LOG,
                         .base = {.index = 310, .term = 3, .offset = 300},
                         .config_index = 2,
                         .config = slice_str("config"),
                         .epochs = epochs,
                         .n_epochs = 2,
                         .segments = segments,
                         .n_segments = 2,
                         .state = slice_str("producers")};
    struct buf b;

    buf_init(&b, mem, 0);
    buf_put_u8(&b, 0);
    manifest_encode(&m, &b);
    ASSERT(b.status == 0);
    put("manifest", "log", buf_slice(&b));
    buf_reset(&b);
    m.kind = MANIFEST_STATE;
    m.n_segments = m.n_epochs = 0;
    buf_put_u8(&b, 0);
    manifest_encode(&m, &b);
    put("manifest", "state", buf_slice(&b));
    buf_reset(&b);
    buf_put_u8(&b, 1);
    buf_put_u32(&b, INDEX_MAGIC);
    buf_put_u16(&b, 1);
    buf_put_u16(&b, 0);
    buf_put_u64(&b, 417);
    buf_put_u64(&b, 77);
    buf_put_u64(&b, 1000);
    for (size_t i = 32; i < INDEX_HEAD_BYTES + 2 * BLOCK_BYTES; i++) {
        buf_put_u8(&b, (uint8_t)(i < INDEX_HEAD_BYTES ? 0 : i % 7));
    }
    put("manifest", "index", buf_slice(&b));
    buf_close(&b);
}

/* ---- node: requests for the topic that the harness makes --------------------
 */

static void node_add(struct buf *out, struct mem *mem,
                     const struct wire_message *m, int version, const void *msg)
{
    struct wire_request_header h = {.api_key = m->api_key,
                                    .api_version = (int16_t)version,
                                    .correlation_id = 7,
                                    .client_id = slice_str("me")};
    struct buf b;

    buf_init(&b, mem, 0);
    ASSERT(wire_request_header_encode(m, &h, &b) == 0);
    ASSERT(wire_encode(m, version, msg, &b) == 0 && b.len < 65536);
    buf_put_u8(out, (uint8_t)b.len);
    buf_put_u8(out, (uint8_t)(b.len >> 8));
    buf_put(out, b.data, b.len);
    buf_close(&b);
}

static void node_produce(struct buf *out, struct mem *mem, int64_t producer,
                         int32_t sequence)
{
    struct produce_request r;
    struct produce_request_topic_data t;
    struct produce_request_partition_data d;
    struct build_options o = BUILD_OPTIONS_DEFAULT;
    struct build_record record = {.timestamp = 1700000000000,
                                  .key = slice_str("key"),
                                  .value = slice_str("value")};
    struct build batch;
    struct buf bytes;

    o.producer_id = producer;
    o.producer_epoch = producer < 0 ? -1 : 0;
    o.base_sequence = sequence;
    buf_init(&bytes, mem, 0);
    build_init(&batch, mem, &o);
    ASSERT(build_append(&batch, &record) == 0);
    ASSERT(build_append(&batch, &record) == 0);
    ASSERT(build_finish(&batch, &bytes) == 0);
    wire_init(&wire_produce_request, &r);
    wire_struct_init(&wire_produce_request_topic_data, &t);
    wire_struct_init(&wire_produce_request_partition_data, &d);
    d.records = buf_slice(&bytes);
    t.name = slice_str("t");
    t.partition_data.ptr = &d;
    t.partition_data.n = 1;
    r.topic_data.ptr = &t;
    r.topic_data.n = 1;
    r.acks = -1;
    r.timeout_ms = 1000;
    node_add(out, mem, &wire_produce_request, 9, &r);
    build_close(&batch);
    buf_close(&bytes);
}

static void node_fetch(struct buf *out, struct mem *mem, int32_t epoch)
{
    struct fetch_request r;
    struct fetch_request_topic t;
    struct fetch_request_partition p;

    wire_init(&wire_fetch_request, &r);
    wire_struct_init(&wire_fetch_request_topic, &t);
    wire_struct_init(&wire_fetch_request_partition, &p);
    p.current_leader_epoch = -1;
    p.last_fetched_epoch = -1;
    p.log_start_offset = -1;
    p.partition_max_bytes = 1 << 20;
    t.topic = slice_str("t");
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    r.replica_id = -1;
    r.max_wait_ms = 200;
    r.min_bytes = 1;
    r.max_bytes = 1 << 20;
    r.session_epoch = epoch;
    r.topics.ptr = &t;
    r.topics.n = 1;
    node_add(out, mem, &wire_fetch_request, 12, &r);
}

static void node_configs(struct buf *out, struct mem *mem)
{
    struct incremental_alter_configs_request r;
    struct incremental_alter_configs_request_resource e;
    struct incremental_alter_configs_request_config c;
    struct describe_configs_request d;
    struct describe_configs_request_resource w;

    wire_init(&wire_incremental_alter_configs_request, &r);
    wire_struct_init(&wire_incremental_alter_configs_request_resource, &e);
    wire_struct_init(&wire_incremental_alter_configs_request_config, &c);
    c.name = slice_str("retention.ms");
    c.value = slice_str("60000");
    e.resource_type = 2;
    e.resource_name = slice_str("t");
    e.configs.ptr = &c;
    e.configs.n = 1;
    r.resources.ptr = &e;
    r.resources.n = 1;
    node_add(out, mem, &wire_incremental_alter_configs_request, 1, &r);
    wire_init(&wire_describe_configs_request, &d);
    wire_struct_init(&wire_describe_configs_request_resource, &w);
    w.resource_type = 2;
    w.resource_name = slice_str("t");
    d.resources.ptr = &w;
    d.resources.n = 1;
    node_add(out, mem, &wire_describe_configs_request, 4, &d);
}

static void node_offsets(struct buf *out, struct mem *mem)
{
    struct list_offsets_request r;
    struct list_offsets_request_topic t;
    struct list_offsets_request_partition p;
    struct delete_records_request d;
    struct delete_records_request_topic dt;
    struct delete_records_request_partition dp;

    wire_init(&wire_list_offsets_request, &r);
    wire_struct_init(&wire_list_offsets_request_topic, &t);
    wire_struct_init(&wire_list_offsets_request_partition, &p);
    p.current_leader_epoch = -1;
    p.timestamp = -1;
    t.name = slice_str("t");
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    r.replica_id = -1;
    r.topics.ptr = &t;
    r.topics.n = 1;
    node_add(out, mem, &wire_list_offsets_request, 7, &r);
    wire_init(&wire_delete_records_request, &d);
    wire_struct_init(&wire_delete_records_request_topic, &dt);
    wire_struct_init(&wire_delete_records_request_partition, &dp);
    dp.offset = 1;
    dt.name = slice_str("t");
    dt.partitions.ptr = &dp;
    dt.partitions.n = 1;
    d.topics.ptr = &dt;
    d.topics.n = 1;
    d.timeout_ms = 1000;
    node_add(out, mem, &wire_delete_records_request, 2, &d);
}

static void node_topics(struct buf *out, struct mem *mem)
{
    struct create_partitions_request g;
    struct create_partitions_request_topic gt;
    struct delete_topics_request d;
    struct metadata_request m;
    struct slice name = slice_str("t");

    wire_init(&wire_create_partitions_request, &g);
    wire_struct_init(&wire_create_partitions_request_topic, &gt);
    gt.name = name;
    gt.count = 3;
    g.topics.ptr = &gt;
    g.topics.n = 1;
    g.timeout_ms = 1000;
    node_add(out, mem, &wire_create_partitions_request, 3, &g);
    wire_init(&wire_delete_topics_request, &d);
    d.topic_names.ptr = &name;
    d.topic_names.n = 1;
    d.timeout_ms = 1000;
    node_add(out, mem, &wire_delete_topics_request, 5, &d);
    wire_init(&wire_metadata_request, &m);
    node_add(out, mem, &wire_metadata_request, 9, &m);
}

/* What the other requests look like, names and all by chance. */
static void node_random(struct mem *mem, unsigned i)
{
    const struct wire_message *m = wire_message_at(i);
    struct rand r;
    struct arena a;
    struct buf b;
    char name[32];

    if (!m->is_request) {
        return;
    }
    rand_init(&r, i);
    arena_init(&a, mem, 0);
    buf_init(&b, mem, 0);
    void *msg = arena_alloc(&a, m->body.size);
    ASSERT(msg != NULL && wire_random(m, m->version_max, &r, &a, msg) == 0);
    node_add(&b, mem, m, m->version_max, msg);
    snprintf(name, sizeof name, "any-%d", m->api_key);
    if (b.len <= 1024) {
        put("node", name, buf_slice(&b));
    }
    buf_close(&b);
    arena_close(&a);
}

static void node_commit(struct buf *out, struct mem *mem, const char *group)
{
    struct offset_commit_request r;
    struct offset_commit_request_topic t;
    struct offset_commit_request_partition p;
    struct offset_fetch_request f;
    struct offset_fetch_request_group g;
    struct offset_delete_request d;
    struct offset_delete_request_topic dt;
    struct offset_delete_request_partition dp;

    wire_init(&wire_offset_commit_request, &r);
    wire_struct_init(&wire_offset_commit_request_topic, &t);
    wire_struct_init(&wire_offset_commit_request_partition, &p);
    p.committed_offset = 17;
    p.committed_metadata = slice_str("seventeen");
    t.name = slice_str("t");
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    r.group_id = slice_str(group);
    r.generation_id_or_member_epoch = -1;
    r.topics.ptr = &t;
    r.topics.n = 1;
    node_add(out, mem, &wire_offset_commit_request, 8, &r);
    wire_init(&wire_offset_fetch_request, &f);
    wire_struct_init(&wire_offset_fetch_request_group, &g);
    g.group_id = slice_str(group);
    f.groups.ptr = &g;
    f.groups.n = 1;
    f.require_stable = true;
    node_add(out, mem, &wire_offset_fetch_request, 8, &f);
    wire_init(&wire_offset_delete_request, &d);
    wire_struct_init(&wire_offset_delete_request_topic, &dt);
    wire_struct_init(&wire_offset_delete_request_partition, &dp);
    dt.name = slice_str("t");
    dt.partitions.ptr = &dp;
    dt.partitions.n = 1;
    d.group_id = slice_str(group);
    d.topics.ptr = &dt;
    d.topics.n = 1;
    node_add(out, mem, &wire_offset_delete_request, 0, &d);
}

/* What a ConsumerProtocolSubscription to "t" is. */
#define SUBSCRIPTION slice_of("\0\0\0\0\0\1\0\1t\0\0\0\0", 13)

static void node_member(struct buf *out, struct mem *mem, int version,
                        const char *instance)
{
    struct join_group_request j;
    struct join_group_request_protocol p;
    struct sync_group_request s;
    struct sync_group_request_assignment a;
    struct heartbeat_request h;
    struct leave_group_request l;
    struct leave_group_request_member m;
    struct describe_groups_request d;
    struct slice group = slice_str("g"), member = slice_str("m-1");

    wire_init(&wire_join_group_request, &j);
    wire_struct_init(&wire_join_group_request_protocol, &p);
    p.name = slice_str("range");
    p.metadata = SUBSCRIPTION;
    j.group_id = group;
    j.session_timeout_ms = 10000;
    j.rebalance_timeout_ms = 10000;
    j.group_instance_id =
        instance == NULL ? slice_of(NULL, 0) : slice_str(instance);
    j.protocol_type = slice_str("consumer");
    j.protocols.ptr = &p;
    j.protocols.n = 1;
    node_add(out, mem, &wire_join_group_request, version, &j);
    wire_init(&wire_sync_group_request, &s);
    wire_struct_init(&wire_sync_group_request_assignment, &a);
    a.member_id = member;
    a.assignment = slice_str("all of it");
    s.group_id = group;
    s.generation_id = 1;
    s.member_id = member;
    s.assignments.ptr = &a;
    s.assignments.n = 1;
    node_add(out, mem, &wire_sync_group_request, 3, &s);
    wire_init(&wire_heartbeat_request, &h);
    h.group_id = group;
    h.generation_id = 1;
    h.member_id = member;
    node_add(out, mem, &wire_heartbeat_request, 4, &h);
    wire_init(&wire_describe_groups_request, &d);
    d.groups.ptr = &group;
    d.groups.n = 1;
    node_add(out, mem, &wire_describe_groups_request, 5, &d);
    wire_init(&wire_leave_group_request, &l);
    wire_struct_init(&wire_leave_group_request_member, &m);
    m.member_id = member;
    l.group_id = group;
    l.members.ptr = &m;
    l.members.n = 1;
    node_add(out, mem, &wire_leave_group_request, 4, &l);
}

static void node_groups(struct mem *mem)
{
    struct buf b;

    buf_init(&b, mem, 0);
    node_commit(&b, mem, "g");
    node_commit(&b, mem, "");
    put("node", "groups-commit", buf_slice(&b));
    buf_reset(&b);
    node_member(&b, mem, 3, NULL);
    node_member(&b, mem, 9, NULL);
    put("node", "groups-member", buf_slice(&b));
    buf_reset(&b);
    node_member(&b, mem, 5, "static-1");
    node_commit(&b, mem, "g");
    put("node", "groups-static", buf_slice(&b));
    buf_close(&b);
}

static void node_all(struct mem *mem)
{
    struct buf b;

    buf_init(&b, mem, 0);
    node_produce(&b, mem, -1, -1);
    node_fetch(&b, mem, -1);
    put("node", "produce-fetch", buf_slice(&b));
    buf_reset(&b);
    node_produce(&b, mem, 1000, 0);
    node_produce(&b, mem, 1000, 2);
    node_produce(&b, mem, 1000, 2);
    put("node", "idempotent", buf_slice(&b));
    buf_reset(&b);
    node_fetch(&b, mem, 0);
    node_fetch(&b, mem, 1);
    put("node", "session", buf_slice(&b));
    buf_reset(&b);
    node_configs(&b, mem);
    put("node", "configs", buf_slice(&b));
    buf_reset(&b);
    node_produce(&b, mem, -1, -1);
    node_offsets(&b, mem);
    put("node", "offsets", buf_slice(&b));
    buf_reset(&b);
    node_topics(&b, mem);
    node_produce(&b, mem, -1, -1);
    put("node", "topics", buf_slice(&b));
    buf_close(&b);
    for (unsigned i = 0; i < wire_message_count(); i++) {
        node_random(mem, i);
    }
}

/* ---- cgroup: entries, image, members, results -------------------------------
 */

/* {u16 length, bytes}: an entry behind those in `out`. */
static void cgroup_entry(struct buf *out, struct buf *entry)
{
    ASSERT(entry->status == 0 && entry->len < 65536);
    buf_put_u8(out, (uint8_t)entry->len);
    buf_put_u8(out, (uint8_t)(entry->len >> 8));
    buf_put(out, entry->data, entry->len);
    buf_reset(entry);
    cgroup_batch_begin(entry);
}

static void cgroup_member_story(struct buf *out, struct buf *e, bool fixed)
{
    struct cgroup_protocol p = {slice_str("range"), SUBSCRIPTION};
    struct cgroup_join j = {.group = slice_str("g"),
                            .new_member = slice_str("m-1"),
                            .instance = slice_str(fixed ? "one" : ""),
                            .client_id = slice_str("me"),
                            .client_host = slice_str("/1.2.3.4"),
                            .session_ms = 10000,
                            .rebalance_ms = 60000,
                            .protocol_type = slice_str("consumer"),
                            .protocols = &p,
                            .n_protocols = 1,
                            .session_min_ms = 6000,
                            .session_max_ms = 1800000,
                            .size_max = 100};
    struct cgroup_assignment a = {slice_str("m-1"), slice_str("all")};
    struct cgroup_sync s = {.group = j.group,
                            .member = slice_str("m-1"),
                            .instance = j.instance,
                            .generation = 1,
                            .assignments = &a,
                            .n_assignments = 1};
    struct cgroup_leaver l = {slice_str("m-1"), j.instance};
    struct cgroup_expired x = {slice_str("m-2"), 4};
    cgroup_encode_join(&j, e);
    cgroup_entry(out, e);
    cgroup_encode_sync(&s, e);
    cgroup_entry(out, e);
    j.new_member = slice_str("m-2");
    j.instance = slice_str("");
    cgroup_encode_join(&j, e);
    cgroup_encode_due(j.group, 2, e);
    cgroup_entry(out, e);
    cgroup_encode_expire(j.group, &x, 1, e);
    cgroup_encode_leave(j.group, &l, 1, e);
    cgroup_entry(out, e);
    cgroup_encode_delete(j.group, 0, e);
    cgroup_entry(out, e);
}

static void cgroup_offset_story(struct buf *out, struct buf *e)
{
    struct uuid topic = {{7}};
    struct cgroup_commit_row rows[] = {
        {topic, 0, 17, 3, slice_str("seventeen")}, {topic, 1, 18, -1, {0}}};
    struct cgroup_commit c = {.group = slice_str("g"),
                              .generation = -1,
                              .retention_ms = -1,
                              .by = slice_str("me"),
                              .rows = rows,
                              .n_rows = 2,
                              .metadata_max = 4096,
                              .history_max = 2};
    struct cgroup_delete_row d = {topic, 1, false};
    struct cgroup_offsets_expire x = {.retention_ms = 1};
    for (int64_t i = 0; i < 4; i++) {
        rows[0].offset += i;
        cgroup_encode_commit(&c, e);
        cgroup_entry(out, e);
    }
    cgroup_encode_offset_delete(c.group, 0, &d, 1, e);
    cgroup_entry(out, e);
    cgroup_encode_topic_deleted((struct uuid){{8}}, e);
    cgroup_encode_offsets_expire(&x, e);
    cgroup_entry(out, e);
    cgroup_encode_commit(&c, e);
    cgroup_encode_topic_deleted(topic, e);
    cgroup_entry(out, e);
}

static void cgroup_changes(struct buf *b)
{
    struct cgroup g = {.id = slice_str("g"),
                       .state = CGROUP_STABLE,
                       .generation = 3,
                       .leader = slice_str("m")};
    struct cgroup_member m = {.id = slice_str("m"),
                              .assignment = slice_str("all")};
    struct cgroup_offset o = {.topic = {{7}}, .offset = 17, .expire_ms = -1};
    buf_put_u8(b, 1);
    cgroup_change_group(b, &g);
    cgroup_change_member(b, g.id, &m);
    cgroup_change_offset(b, g.id, &o);
    put("cgroup", "changes", buf_slice(b));
    cgroup_change_offset_gone(b, g.id, o.topic, 0);
    cgroup_change_member_gone(b, g.id, m.id);
    cgroup_change_group_gone(b, g.id);
    put("cgroup", "changes-gone", buf_slice(b));
    buf_reset(b);
    /* Refused: it has a member. */
    buf_put_u8(b, 1);
    cgroup_change_group(b, &g);
    cgroup_change_member(b, g.id, &m);
    cgroup_change_group_gone(b, g.id);
    put("cgroup", "changes-gone-early", buf_slice(b));
    buf_reset(b);
}

static void cgroup_all(struct mem *mem)
{
    struct buf b, e;
    buf_init(&b, mem, 0);
    buf_init(&e, mem, 0);
    cgroup_batch_begin(&e);
    for (unsigned fixed = 0; fixed < 2; fixed++) {
        buf_put_u8(&b, 0);
        cgroup_member_story(&b, &e, fixed);
        put("cgroup", fixed ? "static" : "member", buf_slice(&b));
        buf_reset(&b);
    }
    buf_put_u8(&b, 0);
    cgroup_offset_story(&b, &e);
    put("cgroup", "offsets", buf_slice(&b));
    buf_reset(&b);
    cgroup_changes(&b);
    buf_put_u8(&b, 2);
    cgroup_put_bytes(&b, slice_str("range"));
    cgroup_put_bytes(&b, SUBSCRIPTION);
    put("cgroup", "protocols", buf_slice(&b));
    buf_reset(&b);
    buf_put_u8(&b, 2);
    buf_put(&b, SUBSCRIPTION.data, SUBSCRIPTION.len);
    put("cgroup", "subscription", buf_slice(&b));
    buf_reset(&b);
    buf_put_u8(&b, 3);
    cgroup_encode_bootstrap((struct uuid){{1}}, 15, &b);
    put("cgroup", "bootstrap", buf_slice(&b));
    buf_close(&e);
    buf_close(&b);
}

/* ---- what damages images
 * ------------------------------------------------------- */

static void edits(const char *harness, uint8_t first, bool has_first)
{
    for (uint8_t what = 0; what < 9; what++) {
        uint8_t in[1 + 16] = {
            first, what, 0,   3, 1, 17, 0, 0, 0, (uint8_t)(what + 9),
            4,     2,    255, 3, 1, 0,  0};
        char name[32];
        snprintf(name, sizeof name, "edit-%u-%u", first, what);
        put(harness, name,
            has_first ? slice_of(in, sizeof in)
                      : slice_of(in + 1, sizeof in - 1));
    }
}

/* ---- texts
 * ----------------------------------------------------------------------- */

static void text(const char *harness, const char *name, char first,
                 const char *s, size_t len)
{
    char all[4096];

    ASSERT(len < sizeof all);
    all[0] = first;
    memcpy(all + 1, s, len);
    put(harness, name, slice_of((uint8_t *)all, len + 1));
}

#define TEXT(harness, name, first, s)                                          \
    text(harness, name, first, s, sizeof(s) - 1)

static void texts(void)
{
    TEXT("config", "node", 0,
         "# three hosts\nnode.id=2\nlisteners=PLAINTEXT://127.0.0.1:9092\n"
         "data.dir=/data\ncluster.nodes=1@a:9192,2@b:9192,3@[::1]:9192\n"
         "log.retention.hours = 12\nlog.segment.bytes: 64m\n"
         "message.max.bytes=1048588\nmin.insync.replicas=2\n");
    TEXT("config", "default", 0, "");
    TEXT("config", "include", 0, "include other.properties\n");
    TEXT("config", "set", 1,
         "retention.ms\0"
         "7d");
    TEXT("config", "set-nodes", 1,
         "cluster.nodes\0"
         "1@a:1,2@b:2,3@c:3");
    TEXT("config", "set-listener", 1,
         "advertised.listeners\0"
         "PLAINTEXT://[fe80::1]:9092");
    TEXT("config", "topic", 2,
         "cleanup.policy=delete\nretention.ms=1000\nsegment.bytes=1048576\n");
    TEXT("config", "pairs", 3,
         "a = b\\u00e4\\\n   c\n! comment\nkey\\=with : \\t value\\\\\n");
    TEXT("cli", "span", 0, "@2026-11-21T10:00:00Z:@-1h30m");
    TEXT("cli", "span-ends", 0, "+5:-7");
    TEXT("cli", "span-to", 0, ":@1790000000");
    TEXT("cli", "escape", 1, "\\t\\n\\x41\\0\\\\end");
    TEXT("cli", "line", 2, "\3\1:a=b,c=d\tkey:value");
    TEXT("cli", "line-plain", 2, "\2\0value");
    TEXT("cli", "dump", 3, "00000000000000000417.seg");
    TEXT("cli", "moment", 4, "2026-07-31T12:00:30.250+02:00");
    TEXT("cli", "moment-ms", 4, "1785499200000");
    TEXT("cli", "duration", 4, "P7DT1H30M0.5S");
    TEXT("cli", "scope", 5, "orders:0,3-5,7");
    TEXT("cli", "offsets", 6,
         "orders,1,20\r\n\n\"orders\",0,\"10\"\ng,pay,0,7\nh,pay,1,7\n");
    TEXT("cli", "assignment", 7,
         "\0\1\0\0\0\2\0\6orders\0\0\0\2\0\0\0\0\0\0\0\2"
         "\0\3pay\0\0\0\1\0\0\0\1\377\377\377\377");
    TEXT("identity", "formed", 1,
         "ostraka-identity 1\ndirectory=WHdvbmRlcmZ1bERpcmVjdG\nnode=1\n"
         "cluster=Q2x1c3RlckNsdXN0ZXJDbA\nincarnation=1\n"
         "member=1 WHdvbmRlcmZ1bERpcmVjdA host 9192\n");
    TEXT("identity", "new", 1,
         "ostraka-identity 1\ndirectory=WHdvbmRlcmZ1bERpcmVjdA\nnode=1\n");
}

/* ---- sql: statements, rows, questions and answers between nodes -----------
 */

static void sql_statements(void)
{
    static const char *const texts[] = {
        "SELECT * FROM groups",
        "SELECT * FROM groups WHERE group_id='a'",
        "SELECT topic,sum(lag) AS lag FROM lag WHERE group_id='a' GROUP BY 1",
        "SELECT * FROM offsets WHERE topic='t' AND group_id='b' ORDER BY 1,2,3",
        "SELECT m.member_id,t.key,p.value FROM members m,json_each(m.assignment"
        ") t,json_each(t.value) p",
        "SELECT g.group_id,count(*) FROM groups g LEFT JOIN offsets o ON "
        "o.group_id=g.group_id AND o.topic='t' GROUP BY 1 HAVING count(*)>1",
        "SELECT * FROM groups WHERE group_id='a' UNION SELECT * FROM groups "
        "WHERE group_id='b' EXCEPT SELECT * FROM groups WHERE state='Empty'",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) "
        "SELECT x,hex(zeroblob(x)) FROM n LIMIT 9",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) "
        "SELECT count(*) FROM n",
        "SELECT seq,lag(offset,1,0) OVER w,row_number() OVER w FROM "
        "offset_history WINDOW w AS (PARTITION BY group_id ORDER BY seq)",
        "SELECT group_concat(topic||':'||end_offset,',') FILTER (WHERE "
        "leader IS NOT NULL) FROM partitions WHERE topic IN ('t','u')",
        "SELECT (SELECT count(*) FROM members WHERE group_id='a'),CASE WHEN "
        "up THEN 'up' ELSE 'down' END FROM nodes WHERE node BETWEEN 1 AND 2",
        "SELECT json_group_object(name,value) FROM configs WHERE topic GLOB "
        "'[a-z]*' AND name LIKE '%.ms' ESCAPE '\\'",
        "SELECT json_set('{\"a\":[1,2]}','$.a[#]',json('[3]'))->>'$.a[2]'",
        "SELECT instr(replace(hex(zeroblob(999)),'0','ab'),'ba'),"
        "round(1.25e3,1),quote(x'41'),abs(-9),typeof(1%0),unicode('a')",
        "SELECT DISTINCT o.topic FROM offsets o JOIN topics t USING(topic) "
        "WHERE EXISTS(SELECT 1 FROM configs c WHERE c.topic=t.topic) AND "
        "(o.group_id,o.partition)=('a',0)",
        "EXPLAIN QUERY PLAN SELECT * FROM lag NATURAL JOIN groups",
        "SELECT datetime(committed_ms/1000,'unixepoch') FROM offsets "
        "COLLATE NOCASE",
        "ATTACH 'x' AS x; PRAGMA writable_schema=ON",
        "SELECT printf('%99999999d',1),load_extension('x'),json_patch('{}','')",
        "VALUES(1,'a'),(2,NULL) -- x",
        "SELECT * FROM sqlite_schema,pragma_table_info('groups'),sql_names"};
    char name[32];
    char text[1024];
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        int n = snprintf(text, sizeof text, "0%s", texts[i]);
        snprintf(name, sizeof name, "statement-%02u", i);
        put("sql", name, slice_of(text, (size_t)n));
    }
}

static void sql_rows(struct buf *b)
{
    static const int32_t nodes[] = {1, 2};
    static const uint8_t assigned[] = {0, 1, 0, 0, 0, 1, 0, 1, 't',
                                       0, 0, 0, 1, 0, 0, 0, 0};
    struct uuid id = {{1, 2, 3}};
    sql_put_view(b, SQL_NAMES);
    sql_put_uuid(b, id);
    sql_put_text(b, slice_str("t"));
    sql_put_view(b, SQL_OFFSETS);
    sql_put_text(b, slice_str("g"));
    sql_put_uuid(b, id);
    for (int i = 0; i < 3; i++) {
        sql_put_int(b, i);
    }
    sql_put_text(b, slice_str("metadata"));
    sql_put_int(b, 1000);
    sql_put_text(b, slice_str("client"));
    sql_put_view(b, SQL_PARTITIONS);
    sql_put_text(b, slice_str("t"));
    for (int i = 0; i < 3; i++) {
        sql_put_int(b, i);
    }
    sql_put_list(b, nodes, 2);
    sql_put_list(b, nodes, 1);
    sql_put_int(b, 99);
    sql_put_view(b, SQL_ENDS);
    sql_put_int(b, 99);
    sql_put_int(b, 0);
    sql_put_int(b, 50);
    sql_put_view(b, SQL_MEMBERS);
    for (int i = 0; i < 5; i++) {
        sql_put_name(b, slice_str(i == 2 ? "" : "m"));
    }
    sql_put_int(b, 1);
    sql_put_int(b, 2);
    buf_put_u8(b, SQL_BLOB);
    buf_put_u32(b, sizeof assigned);
    buf_put(b, assigned, sizeof assigned);
}

/* As src/broker/query_serve.c has it. */
static void sql_want(struct buf *b, uint8_t what, bool pinned)
{
    buf_put_u8(b, what);
    buf_put_u8(b, pinned ? 0 : 6);
    buf_put_u32(b, 1000);
    buf_put_u32(b, 100);
    buf_put_u16(b, 0xffff);
    buf_put_u32(b, SQL_OF_SHARDS);
    buf_put_u8(b, pinned);
    if (pinned) {
        buf_put_u32(b, 1);
        buf_put_u8(b, 'g');
    }
    buf_put_u8(b, pinned);
    for (int i = 0; i < 16 && pinned; i++) {
        buf_put_u8(b, (uint8_t)i);
    }
}

/* {u8 what, u8 who, u16 length, little-endian, bytes}, see fuzz_sql.c. */
static void sql_message(struct buf *b, uint8_t what, uint8_t who,
                        const struct buf *bytes)
{
    buf_put_u8(b, what);
    buf_put_u8(b, who);
    buf_put_u8(b, (uint8_t)bytes->len);
    buf_put_u8(b, (uint8_t)(bytes->len >> 8));
    buf_put(b, bytes->data, bytes->len);
}

/* The body of an answer about one shard. */
static void sql_body(struct buf *b, uint32_t status, uint8_t shard)
{
    buf_put_u32(b, status);
    buf_put_u32(b, 4);
    buf_put_u8(b, 1);
    buf_put_u8(b, shard);
    buf_put_u32(b, 0);
    buf_put_u64(b, 3);
    buf_put_u64(b, 40);
    if (status == 0) {
        sql_rows(b);
    }
}

static void sql_all(struct mem *mem)
{
    struct buf b, part;
    char name[32];
    sql_statements();
    buf_init(&b, mem, 0);
    buf_init(&part, mem, 0);
    for (uint8_t i = 0; i < 9; i++) {
        buf_reset(&b);
        buf_put_u8(&b, '1');
        buf_put_u8(&b, i);
        sql_rows(&b);
        snprintf(name, sizeof name, "rows-%u", i);
        put("sql", name, buf_slice(&b));
    }
    for (uint8_t i = 0; i < 4; i++) {
        buf_reset(&b);
        buf_put_u8(&b, '2');
        sql_want(&b, 1 + i / 2, i % 2 == 1);
        snprintf(name, sizeof name, "want-%u", i);
        put("sql", name, buf_slice(&b));
    }
    /* Questions and answers: whole, in parts, refused. */
    for (uint8_t i = 0; i < 5; i++) {
        buf_reset(&b);
        buf_put_u8(&b, '3');
        buf_put_u8(&b, i);
        for (uint8_t k = 0; k < 4; k++) {
            buf_reset(&part);
            sql_want(&part, 1 + k / 2, k % 2 == 1);
            sql_message(&b, (uint8_t)(1 + 4 * (k * 9)), k, &part);
            buf_reset(&part);
            sql_body(&part, k == i ? (uint32_t)-3 : 0, (uint8_t)(4 * k + i));
            sql_message(&b, k % 2 == 0 ? 2 : 3, k, &part);
        }
        snprintf(name, sizeof name, "messages-%u", i);
        put("sql", name, buf_slice(&b));
    }
    buf_close(&b);
    buf_close(&part);
}

int main(int argc, char *argv[])
{
    struct mem *mem = mem_new(0);

    if (argc != 2 || mem == NULL) {
        fprintf(stderr, "usage: seeds DIRECTORY\n");
        return 2;
    }
    root = argv[1];
    wire_messages(mem);
    net_all(mem);
    raft_all(mem);
    manifest_all(mem);
    node_all(mem);
    node_groups(mem);
    cgroup_all(mem);
    for (uint8_t ring = 0; ring < 3; ring++) {
        edits("journal", ring, true);
    }
    edits("store", 0, false);
    texts();
    sql_all(mem);
    mem_free_all(mem);
    return 0;
}
