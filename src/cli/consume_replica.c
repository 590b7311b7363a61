/* consume_replica.c - reading one node's own replicas, leader or not: Fetch
 * and ListOffsets with replica id -2, Kafka's debugging consumer, which any
 * replica answers up to the high watermark it knows. */
#include <inttypes.h>

#include "cli/consume.h"
#include "record/iterate.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/fetch.h"
#include "wire/gen/list_offsets.h"

#define DEBUG_CONSUMER           (-2)
#define FETCH_VERSION_MAX        12 /* the last one with topic names */
#define LIST_OFFSETS_VERSION_MAX 6
#define FETCH_BYTES              (8 << 20)
#define PLAIN_BYTES_MAX          (256u << 20)
#define WAIT_MS                  500
#define HEADERS_MAX              256
#define AT_LATEST                (-1)
#define AT_EARLIEST              (-2)

struct replica {
    struct consume *x;
    struct client *client;
    struct arena fetched; /* the last answer to a Fetch */
    struct arena listed;  /* to a ListOffsets, maybe while the other is read */
    struct fetch_request_partition *asked; /* room for all parts */
    int node;
};

static int call(struct replica *r, int api_key, int version_max,
                const void *request, struct arena *a, void *response)
{
    struct err err = {""};
    unsigned timeout_ms = command_timeout_ms(r->x->call);
    arena_reset(a);
    int rv = client_call(r->client, api_key,
                         client_version(r->client, api_key, version_max),
                         request, a, response, timeout_ms, &err);
    return rv == 0 ? EXIT_DONE
                   : command_fail(r->x->call, EXIT_UNREACHABLE, "node %d: %s",
                                  r->node, err.text);
}

static int refused(struct replica *r, int32_t partition, int16_t code)
{
    return command_fail(r->x->call, admin_exit_of(code),
                        "node %d: partition %d: %s: %s", r->node, partition,
                        kerr_name(code), kerr_text(code));
}

/* ---- where partitions begin and end -------------------------------------- */

static int ask_offset(struct replica *r, int32_t partition, int64_t timestamp,
                      int64_t *ret_offset)
{
    struct list_offsets_request q;
    struct list_offsets_response s;
    struct list_offsets_request_topic t;
    struct list_offsets_request_partition p;
    wire_init(&wire_list_offsets_request, &q);
    wire_struct_init(&wire_list_offsets_request_topic, &t);
    wire_struct_init(&wire_list_offsets_request_partition, &p);
    p.partition_index = partition;
    p.timestamp = timestamp;
    t.name = slice_str(r->x->topic);
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    q.replica_id = DEBUG_CONSUMER;
    q.topics.ptr = &t;
    q.topics.n = 1;
    int code =
        call(r, API_LIST_OFFSETS, LIST_OFFSETS_VERSION_MAX, &q, &r->listed, &s);
    if (code != EXIT_DONE) {
        return code;
    }
    if (s.topics.n != 1 || s.topics.ptr[0].partitions.n != 1) {
        return command_fail(r->x->call, EXIT_FAILED,
                            "node %d: answered about something else", r->node);
    }
    int16_t error = s.topics.ptr[0].partitions.ptr[0].error_code;
    if (error != 0) {
        return refused(r, partition, error);
    }
    *ret_offset = s.topics.ptr[0].partitions.ptr[0].offset;
    return EXIT_DONE;
}

static int ask_time(struct replica *r, int32_t partition, struct span_point at,
                    int64_t *ret_offset)
{
    *ret_offset = -1;
    return at.kind != SPAN_TIME ? EXIT_DONE
                                : ask_offset(r, partition, at.n, ret_offset);
}

static int plan_part(struct replica *r, struct consume_part *p)
{
    int64_t low = 0, high = 0, from = -1, to = -1;
    int code = ask_offset(r, p->number, AT_EARLIEST, &low);
    code =
        code == EXIT_DONE ? ask_offset(r, p->number, AT_LATEST, &high) : code;
    code = code == EXIT_DONE ? ask_time(r, p->number, r->x->span.from, &from)
                             : code;
    code =
        code == EXIT_DONE ? ask_time(r, p->number, r->x->span.to, &to) : code;
    if (code == EXIT_DONE) {
        consume_part_plan(r->x, p, low, high, from, to);
    }
    return code;
}

/* ---- records ------------------------------------------------------------- */

static void take_record(struct replica *r, struct consume_part *p,
                        const struct batch *b, const struct record *record)
{
    struct record_header headers[HEADERS_MAX];
    struct slice rest = record->headers;
    struct shown s = {.topic = r->x->topic,
                      .partition = p->number,
                      .epoch = b->leader_epoch,
                      .offset = record->offset,
                      .timestamp = record->timestamp,
                      .key_null = record->key_null,
                      .value_null = record->value_null,
                      .key = record->key,
                      .value = record->value,
                      .headers = headers};
    while (s.n_headers < HEADERS_MAX &&
           record_header_next(&rest, &headers[s.n_headers])) {
        s.n_headers++;
    }
    consume_record(r->x, p, &s);
}

static int damaged(struct replica *r, const struct consume_part *p,
                   const struct batch *b, const char *what)
{
    return command_fail(r->x->call, EXIT_VIOLATION,
                        "node %d: partition %d: batch at offset %" PRId64
                        ": %s; ostraka dump of its segment shows more",
                        r->node, p->number, b->base_offset, what);
}

static int take_batch(struct replica *r, struct consume_part *p,
                      const struct batch *b)
{
    struct records it;
    struct record record;
    if (batch_check_crc(b) != 0) {
        return damaged(r, p, b, "the checksum is wrong");
    }
    if (batch_is_control(b)) {
        return EXIT_DONE;
    }
    int rv = records_open(&it, b, env_mem(r->x->admin.env), PLAIN_BYTES_MAX);
    if (rv != 0) {
        return damaged(r, p, b, err_text(rv));
    }
    while (!consume_over(r->x) && records_next(&it, &record) == 0) {
        take_record(r, p, b, &record);
    }
    rv = it.status;
    records_close(&it);
    return rv == 0 || rv == ERR_EOF ? EXIT_DONE
                                    : damaged(r, p, b, err_text(rv));
}

static int take_batches(struct replica *r, struct consume_part *p,
                        struct slice bytes)
{
    struct batch b;
    int code = EXIT_DONE, rv = 0;
    while (code == EXIT_DONE && !consume_over(r->x) &&
           (rv = batches_next(&bytes, &b)) == 0) {
        if (batch_next_offset(&b) > p->next) {
            code = take_batch(r, p, &b);
        }
        if (code == EXIT_DONE && !consume_over(r->x)) {
            consume_reached(r->x, p, batch_next_offset(&b));
        }
    }
    if (code == EXIT_DONE && rv != 0 && rv != ERR_EOF) {
        code = command_fail(r->x->call, EXIT_VIOLATION,
                            "node %d: partition %d: at offset %" PRId64 ": %s",
                            r->node, p->number, p->next, err_text(rv));
    }
    return code;
}

/* ---- fetching ------------------------------------------------------------ */

/* The node lost what we were reading: its start moved on (retention). */
static int out_of_range(struct replica *r, struct consume_part *p)
{
    int64_t low = 0;
    int code = ask_offset(r, p->number, AT_EARLIEST, &low);
    if (code == EXIT_DONE && low > p->next) {
        command_fail(r->x->call, 0,
                     "partition %d: offsets %" PRId64 " to %" PRId64
                     " are no longer there",
                     p->number, p->next, low - 1);
        consume_reached(r->x, p, low);
        return EXIT_DONE;
    }
    return code == EXIT_DONE ? refused(r, p->number, KERR_OFFSET_OUT_OF_RANGE)
                             : code;
}

static int on_partition(struct replica *r,
                        const struct fetch_response_partition *in)
{
    struct consume_part *p = consume_part(r->x, in->partition_index);
    if (p == NULL || p->done) {
        return EXIT_DONE;
    }
    if (in->error_code == KERR_OFFSET_OUT_OF_RANGE) {
        return out_of_range(r, p);
    }
    if (in->error_code == KERR_OFFSET_NOT_AVAILABLE) {
        return EXIT_DONE; /* a follower that is behind: it will come */
    }
    if (in->error_code != 0) {
        return refused(r, p->number, in->error_code);
    }
    return take_batches(r, p, slice_of(in->records.data, in->records.len));
}

static int fetch_once(struct replica *r, uint64_t *ret_bytes)
{
    struct fetch_request q;
    struct fetch_response s;
    struct fetch_request_topic t;
    struct consume *x = r->x;
    *ret_bytes = 0;
    wire_init(&wire_fetch_request, &q);
    wire_struct_init(&wire_fetch_request_topic, &t);
    t.topic = slice_str(x->topic);
    t.partitions.ptr = r->asked;
    for (unsigned i = 0; i < x->n_parts; i++) {
        if (!x->parts[i].done) {
            struct fetch_request_partition *p = &r->asked[t.partitions.n++];
            wire_struct_init(&wire_fetch_request_partition, p);
            p->partition = x->parts[i].number;
            p->fetch_offset = x->parts[i].next;
            p->partition_max_bytes = FETCH_BYTES;
        }
    }
    q.replica_id = DEBUG_CONSUMER;
    q.max_wait_ms = WAIT_MS;
    q.min_bytes = 1;
    q.max_bytes = FETCH_BYTES;
    q.topics.ptr = &t;
    q.topics.n = 1;
    int code = call(r, API_FETCH, FETCH_VERSION_MAX, &q, &r->fetched, &s);
    if (code == EXIT_DONE && s.error_code != 0) {
        code = refused(r, -1, s.error_code);
    }
    for (uint32_t i = 0; code == EXIT_DONE && i < s.responses.n; i++) {
        const struct fetch_response_response *in = &s.responses.ptr[i];
        for (uint32_t k = 0; code == EXIT_DONE && k < in->partitions.n; k++) {
            *ret_bytes += in->partitions.ptr[k].records.len;
            code = on_partition(r, &in->partitions.ptr[k]);
        }
    }
    return code;
}

static int read_all(struct replica *r)
{
    struct consume *x = r->x;
    uint64_t heard_us = env_now_us_exact(x->admin.env), bytes;
    uint64_t patience_us = (uint64_t)command_timeout_ms(x->call) * 1000;
    int code = EXIT_DONE;
    while (code == EXIT_DONE && !consume_over(x)) {
        code = fetch_once(r, &bytes);
        uint64_t now = env_now_us_exact(x->admin.env);
        heard_us = bytes > 0 ? now : heard_us;
        if (bytes == 0) {
            consume_idle(x);
        }
        if (code == EXIT_DONE && !consume_over(x) && !x->follow &&
            now - heard_us > patience_us) {
            code = command_fail(x->call, EXIT_UNREACHABLE,
                                "node %d: no more records came, and the end "
                                "is not reached",
                                r->node);
        }
    }
    return code;
}

int consume_replica(struct consume *x, int node)
{
    struct replica r = {.x = x, .node = node};
    struct err err = {""};
    int code = EXIT_DONE;
    r.asked = arena_calloc(&x->admin.arena, x->n_parts, sizeof *r.asked);
    if (r.asked == NULL) {
        return command_fail(x->call, EXIT_FAILED, "out of memory");
    }
    if (admin_node(&x->admin, node, &r.client, &err) != 0) {
        return command_fail(x->call, EXIT_UNREACHABLE, "node %d: %s", node,
                            err.text);
    }
    arena_init(&r.fetched, env_mem(x->admin.env), 0);
    arena_init(&r.listed, env_mem(x->admin.env), 0);
    for (unsigned i = 0; i < x->n_parts && code == EXIT_DONE; i++) {
        code = plan_part(&r, &x->parts[i]);
    }
    code = code == EXIT_DONE ? read_all(&r) : code;
    arena_close(&r.fetched);
    arena_close(&r.listed);
    client_close(r.client);
    return code;
}
