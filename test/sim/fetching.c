/* fetching.c - see fetching.h. */
#include "fetching.h"

#include <stdio.h>

#include "base/assert.h"
#include "wire/errors.h"
#include "wire/gen/fetch.h"

#define FETCH_VERSION 17
#define NO_ANSWER     (-2)

void fetching_init(struct fetching *f, struct book *b, int64_t pos,
                   fetching_cb cb, void *data)
{
    *f = (struct fetching){.cb = cb, .data = data};
    book_reader_init(&f->reader, b, pos);
}

/* A life of a node never lowers what it calls committed, nor its log's
 * beginning. */
static void watch(struct fetching *f, int64_t high_watermark, int64_t log_start)
{
    struct book *b = f->reader.book;
    struct world *w = b->world;

    if (sim_cluster_life(w->cluster, f->node) != f->life) {
        return;
    }
    if (f->seen_life[f->node] == f->life &&
        f->seen_end[f->node] > high_watermark) {
        world_violation(w, "watermark", "%s-%u: node %u said %lld after %lld",
                        w->topics[b->topic].name, b->partition, f->node,
                        (long long)high_watermark,
                        (long long)f->seen_end[f->node]);
    }
    if (f->seen_life[f->node] == f->life &&
        f->seen_start[f->node] > log_start) {
        world_violation(w, "log-start", "%s-%u: node %u said %lld after %lld",
                        w->topics[b->topic].name, b->partition, f->node,
                        (long long)log_start,
                        (long long)f->seen_start[f->node]);
    }
    f->seen_start[f->node] = log_start;
    f->seen_life[f->node] = f->life;
    f->seen_end[f->node] = high_watermark;
}

static void on_beginning(struct beginning *g, int64_t start)
{
    struct fetching *f = g->data;

    f->under_way = false;
    f->cb(f, start < 0 ? NO_ANSWER : KERR_OFFSET_OUT_OF_RANGE, -1, start);
}

static void on_fetched(void *arg, int status, const void *response)
{
    struct fetching *f = arg;
    const struct fetch_response *r = response;
    const struct fetch_response_partition *p;
    struct slice records;

    f->under_way = false;
    if (status != 0 || r->error_code != 0 || r->responses.n != 1 ||
        r->responses.ptr[0].partitions.n != 1) {
        f->cb(f, status == 0 && r->error_code != 0 ? r->error_code : NO_ANSWER,
              -1, -1);
        return;
    }
    p = &r->responses.ptr[0].partitions.ptr[0];
    if (p->error_code == 0) {
        ASSERT(p->records.n_parts == 0);
        watch(f, p->high_watermark, p->log_start_offset);
        book_start_told(f->reader.book, p->log_start_offset, f->who);
        records = slice_of(p->records.data, p->records.len);
        book_read(&f->reader, records, f->who);
    } else if (p->error_code == KERR_OFFSET_OUT_OF_RANGE &&
               f->reader.book->retained) {
        f->under_way = true;
        beginning_ask(&f->beginning, f->reader.book, f->reader.pos, f->client,
                      f->node, f->life, on_beginning, f);
        return;
    }
    f->cb(f, p->error_code, p->high_watermark, p->log_start_offset);
}

void fetching_start(struct fetching *f, struct client *c, unsigned node,
                    bool debug, unsigned wait_ms, unsigned bytes_max)
{
    struct book *b = f->reader.book;
    struct world *w = b->world;
    struct fetch_request r;
    struct fetch_request_topic t;
    struct fetch_request_partition p;

    ASSERT(!f->under_way);
    f->under_way = true;
    f->client = c;
    f->node = node;
    f->life = sim_cluster_life(w->cluster, node);
    f->debug = debug;
    snprintf(f->who, sizeof f->who, "a %s of node %u",
             debug ? "reader" : "consumer", node);
    wire_init(&wire_fetch_request, &r);
    wire_struct_init(&wire_fetch_request_topic, &t);
    wire_struct_init(&wire_fetch_request_partition, &p);
    p.partition = (int32_t)b->partition;
    p.current_leader_epoch = -1;
    p.fetch_offset = f->reader.pos;
    p.last_fetched_epoch = -1;
    p.log_start_offset = -1;
    p.partition_max_bytes = (int32_t)bytes_max;
    t.topic_id = w->topics[b->topic].id;
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    r.replica_state.replica_id = debug ? -2 : -1;
    r.max_wait_ms = (int32_t)wait_ms;
    r.min_bytes = 1;
    r.max_bytes = (int32_t)bytes_max;
    r.session_id = 0;
    r.session_epoch = -1;
    r.topics.ptr = &t;
    r.topics.n = 1;
    client_call(c, &wire_fetch_request, FETCH_VERSION, &r, wait_ms + 3000,
                on_fetched, f);
}
