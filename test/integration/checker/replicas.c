/* replicas.c - every replica's own copy, by Fetch with replica id -2. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "load.h"
#include "memory.h"
#include "raw.h"
#include "readback.h"
#include "record/iterate.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/fetch.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/metadata.h"

#define METADATA_VERSION 9
#define FETCH_VERSION    12
#define OFFSETS_VERSION  7
#define EARLIEST         (-2)
#define FETCH_BYTES      (8 << 20)
#define NODES_MAX        64
#define REPLICAS_MAX     16
#define RECORDS_MAX      (256u << 20)
#define DEBUG_CONSUMER   (-2)

struct node {
    int id;
    char host[256];
    int port;
    struct raw raw;
};

struct cluster {
    struct node nodes[NODES_MAX];
    unsigned n_nodes;
    int32_t (*replicas)[REPLICAS_MAX]; /* per partition, -1 behind the last */
};

/* One replica of one partition under work. */
struct copy {
    const struct readback *options;
    struct judge *judge;
    struct node *node;
    uint32_t partition;
    int64_t next;
    int64_t end;
    bool begun;
    int error; /* of the last answer; -1: there was none */
};

/* ---- which nodes, which replicas ------------------------------------------*/

/* Take one "host:port" off a list. */
static bool broker_next(const char **list, char *host, size_t size, int *port)
{
    *list += strspn(*list, ", ");
    size_t len = strcspn(*list, ", ");
    if (len == 0 || len >= size) {
        return false;
    }
    memcpy(host, *list, len);
    host[len] = '\0';
    *list += len;
    char *colon = strrchr(host, ':');
    if (colon == NULL) {
        die("%s: write host:port", host);
    }
    *colon = '\0';
    *port = atoi(colon + 1);
    return true;
}

static bool metadata_take(struct cluster *c, const struct metadata_response *m,
                          uint32_t partitions)
{
    if (m->topics.n != 1 || m->topics.ptr[0].error_code != 0 ||
        m->topics.ptr[0].partitions.n != partitions ||
        m->brokers.n > NODES_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < m->brokers.n; i++) {
        const struct metadata_response_broker *b = &m->brokers.ptr[i];
        struct node *node = &c->nodes[c->n_nodes++];
        *node = (struct node){.id = b->node_id, .port = b->port};
        if (b->host.len >= sizeof node->host) {
            return false;
        }
        memcpy(node->host, b->host.data, b->host.len);
        raw_init(&node->raw);
    }
    memset(c->replicas, -1, partitions * sizeof c->replicas[0]);
    for (uint32_t i = 0; i < partitions; i++) {
        const struct metadata_response_partition *p =
            &m->topics.ptr[0].partitions.ptr[i];
        uint32_t at = (uint32_t)p->partition_index;
        if (at >= partitions || p->replica_nodes.n > REPLICAS_MAX) {
            return false;
        }
        memcpy(c->replicas[at], p->replica_nodes.ptr,
               p->replica_nodes.n * sizeof(int32_t));
    }
    return true;
}

static void cluster_close(struct cluster *c)
{
    for (unsigned i = 0; i < c->n_nodes; i++) {
        raw_close(&c->nodes[i].raw);
    }
    c->n_nodes = 0;
}

static bool cluster_ask(struct cluster *c, const struct readback *r,
                        uint32_t partitions)
{
    struct metadata_request_topic topic;
    wire_struct_init(&wire_metadata_request_topic, &topic);
    topic.name = slice_str(r->topic);
    struct metadata_request request;
    wire_init(&wire_metadata_request, &request);
    request.topics.ptr = &topic;
    request.topics.n = 1;
    request.allow_auto_topic_creation = false;
    const char *list = r->brokers;
    char host[256];
    int port;
    struct raw raw;
    raw_init(&raw);
    bool done = false;
    while (!done && broker_next(&list, host, sizeof host, &port)) {
        struct metadata_response response;
        done = raw_connect(&raw, host, port) &&
               raw_call(&raw, API_METADATA, METADATA_VERSION, &request,
                        &response) &&
               metadata_take(c, &response, partitions);
        if (!done) {
            cluster_close(c);
        }
    }
    raw_close(&raw);
    return done;
}

/* ---- one replica ----------------------------------------------------------*/

static void begin(struct copy *c, int64_t start)
{
    if (!c->begun) {
        judge_replica_begin(c->judge, c->node->id, c->partition, start);
        c->begun = true;
    }
}

static void batch_take(struct copy *c, const struct batch *b, struct mem *mem)
{
    struct records it;
    struct record record;
    if (batch_is_control(b)) {
        return;
    }
    if (batch_check_crc(b) != 0 || records_open(&it, b, mem, RECORDS_MAX)) {
        c->judge->found.changed++;
        fprintf(stderr,
                "check-load: partition %u node %d: damaged batch at %" PRId64
                "\n",
                c->partition, c->node->id, b->base_offset);
        return;
    }
    while (records_next(&it, &record) == 0) {
        if (record.offset >= c->next) {
            judge_replica_record(c->judge, c->node->id, c->partition,
                                 record.offset, b->producer_epoch,
                                 record.value);
        }
    }
    if (it.status != ERR_EOF) {
        c->judge->found.changed++;
    }
    records_close(&it);
}

static void records_take(struct copy *c, struct slice rest)
{
    struct batch b;
    while (batches_next(&rest, &b) == 0) {
        if (batch_next_offset(&b) > c->next) {
            batch_take(c, &b, c->node->raw.mem);
            c->next = batch_next_offset(&b);
        }
    }
}

/* Where the node's copy begins by now (retention goes on while we read);
 * false if the node gave no usable answer. */
static bool start_ask(struct copy *c, int64_t *ret_start)
{
    struct list_offsets_request_partition partition;
    wire_struct_init(&wire_list_offsets_request_partition, &partition);
    partition.partition_index = (int32_t)c->partition;
    partition.current_leader_epoch = -1;
    partition.timestamp = EARLIEST;
    struct list_offsets_request_topic topic;
    wire_struct_init(&wire_list_offsets_request_topic, &topic);
    topic.name = slice_str(c->options->topic);
    topic.partitions.ptr = &partition;
    topic.partitions.n = 1;
    struct list_offsets_request request;
    wire_init(&wire_list_offsets_request, &request);
    request.replica_id = DEBUG_CONSUMER;
    request.topics.ptr = &topic;
    request.topics.n = 1;
    struct list_offsets_response response;
    if (!raw_call(&c->node->raw, API_LIST_OFFSETS, OFFSETS_VERSION, &request,
                  &response) ||
        response.topics.n != 1 || response.topics.ptr[0].partitions.n != 1 ||
        response.topics.ptr[0].partitions.ptr[0].error_code != 0) {
        return false;
    }
    *ret_start = response.topics.ptr[0].partitions.ptr[0].offset;
    return true;
}

/* One Fetch; false if the node gave no usable answer. */
static bool fetch_once(struct copy *c)
{
    c->error = -1;
    struct fetch_request_partition partition;
    wire_struct_init(&wire_fetch_request_partition, &partition);
    partition.partition = (int32_t)c->partition;
    partition.fetch_offset = c->next;
    partition.partition_max_bytes = FETCH_BYTES;
    struct fetch_request_topic topic;
    wire_struct_init(&wire_fetch_request_topic, &topic);
    topic.topic = slice_str(c->options->topic);
    topic.partitions.ptr = &partition;
    topic.partitions.n = 1;
    struct fetch_request request;
    wire_init(&wire_fetch_request, &request);
    request.replica_id = DEBUG_CONSUMER;
    request.max_wait_ms = 200;
    request.min_bytes = 1;
    request.max_bytes = FETCH_BYTES;
    request.session_epoch = -1;
    request.topics.ptr = &topic;
    request.topics.n = 1;
    struct fetch_response response;
    struct raw *raw = &c->node->raw;
    if ((raw->fd < 0 && !raw_connect(raw, c->node->host, c->node->port)) ||
        !raw_call(raw, API_FETCH, FETCH_VERSION, &request, &response) ||
        response.error_code != 0 || response.responses.n != 1 ||
        response.responses.ptr[0].partitions.n != 1) {
        return false;
    }
    const struct fetch_response_partition *p =
        &response.responses.ptr[0].partitions.ptr[0];
    c->error = p->error_code;
    int64_t start;
    if (c->error == KERR_OFFSET_OUT_OF_RANGE && start_ask(c, &start) &&
        start > c->next) {
        begin(c, start);
        c->next = start;
        return true;
    }
    if (c->error != 0 || p->records.n_parts != 0) {
        return false;
    }
    begin(c, p->log_start_offset);
    records_take(c, slice_of(p->records.data, p->records.len));
    return true;
}

/* Read a replica up to the leader's end, for as long as it makes progress. */
static void copy_read(struct copy *c)
{
    uint64_t settle = (uint64_t)c->options->settle_seconds * 1000;
    uint64_t until = clock_ms() + settle;
    while (c->next < c->end && clock_ms() < until) {
        int64_t before = c->next;
        if (!fetch_once(c)) {
            usleep(100000);
        } else if (c->next > before) {
            until = clock_ms() + settle;
        }
    }
    if (!c->begun && c->next < c->end) {
        die("%s-%u: node %d cannot be read from %lld on: error %d",
            c->options->topic, c->partition, c->node->id, (long long)c->next,
            c->error);
    }
    if (!c->begun) {
        begin(c, c->next);
    }
    judge_replica_end(c->judge, c->node->id, c->partition);
}

static bool wanted(const char *list, int id)
{
    if (strcmp(list, "all") == 0) {
        return true;
    }
    while (*list != '\0') {
        char *end;
        if (strtol(list, &end, 10) == id && end != list) {
            return true;
        }
        list = end + strcspn(end, ",");
        list += *list == ',';
    }
    return false;
}

static struct node *node_get(struct cluster *c, int32_t id)
{
    for (unsigned i = 0; i < c->n_nodes; i++) {
        if (c->nodes[i].id == id) {
            return &c->nodes[i];
        }
    }
    die("node %d has a replica and is not in the cluster's list", id);
}

unsigned readback_replicas(const struct readback *r, struct judge *j)
{
    if (strcmp(r->replicas, "none") == 0) {
        return 0;
    }
    uint32_t partitions = j->books->partitions;
    struct cluster cluster = {0};
    cluster.replicas = memory_zeroed(partitions, sizeof cluster.replicas[0]);
    uint64_t until = clock_ms() + (uint64_t)r->settle_seconds * 1000;
    while (!cluster_ask(&cluster, r, partitions)) {
        if (clock_ms() > until) {
            die("%s: no node tells its replicas", r->topic);
        }
        usleep(200000);
    }
    unsigned n = 0;
    for (uint32_t p = 0; p < partitions; p++) {
        for (unsigned i = 0; i < REPLICAS_MAX; i++) {
            int32_t id = cluster.replicas[p][i];
            if (id < 0 || !wanted(r->replicas, id)) {
                continue;
            }
            struct copy copy = {.options = r,
                                .judge = j,
                                .node = node_get(&cluster, id),
                                .partition = p,
                                .next = j->logs[p].start,
                                .end = j->logs[p].end};
            copy_read(&copy);
            n++;
        }
    }
    cluster_close(&cluster);
    free(cluster.replicas);
    return n;
}
