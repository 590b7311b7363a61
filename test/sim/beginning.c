/* beginning.c - see beginning.h. */
#include "beginning.h"

#include "base/assert.h"
#include "wire/gen/list_offsets.h"

#define LIST_VERSION 6
#define ASK_MS       3000
#define EARLIEST     (-2)
#define ANY_REPLICA  (-2)

static int64_t told(const struct beginning *g, int status,
                    const struct list_offsets_response *r)
{
    const struct list_offsets_response_partition *p;
    struct world *w = g->book->world;

    if (status != 0 || w->topics[g->book->topic].state != TOPIC_IS ||
        sim_cluster_life(w->cluster, g->node) != g->life) {
        return -1;
    }
    ASSERT(r->topics.n == 1 && r->topics.ptr[0].partitions.n == 1);
    p = &r->topics.ptr[0].partitions.ptr[0];
    return p->error_code == 0 ? p->offset : -1;
}

static void on_told(void *arg, int status, const void *response)
{
    struct beginning *g = arg;
    int64_t start = told(g, status, response);

    g->under_way = false;
    if (start >= 0) {
        book_start_told(g->book, start, "ListOffsets");
    }
    g->cb(g, start);
}

void beginning_ask(struct beginning *g, struct book *b, int64_t pos,
                   struct client *c, unsigned node, unsigned life,
                   beginning_cb cb, void *data)
{
    struct list_offsets_request r;
    struct list_offsets_request_topic t;
    struct list_offsets_request_partition p;

    ASSERT(!g->under_way);
    *g = (struct beginning){.book = b,
                            .pos = pos,
                            .node = node,
                            .life = life,
                            .under_way = true,
                            .cb = cb,
                            .data = data};
    wire_init(&wire_list_offsets_request, &r);
    wire_struct_init(&wire_list_offsets_request_topic, &t);
    wire_struct_init(&wire_list_offsets_request_partition, &p);
    p.partition_index = (int32_t)b->partition;
    p.current_leader_epoch = -1;
    p.timestamp = EARLIEST;
    t.name = slice_str(b->world->topics[b->topic].name);
    t.partitions.ptr = &p;
    t.partitions.n = 1;
    r.replica_id = ANY_REPLICA;
    r.topics.ptr = &t;
    r.topics.n = 1;
    client_call(c, &wire_list_offsets_request, LIST_VERSION, &r, ASK_MS,
                on_told, g);
}
