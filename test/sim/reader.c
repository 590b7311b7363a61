/* reader.c - reads one replica of a partition up to a given end: the proof
 * that this node has it all. */
#include <stdio.h>

#include "base/assert.h"
#include "fetching.h"
#include "wire/errors.h"

#define RETRY_MS  50
#define WAIT_MS   100
#define BYTES_MAX 1000000

struct reader {
    struct world *world;
    unsigned node;
    int64_t end;
    int64_t high_watermark, log_start;
    int error;
    struct fetching fetching;
    struct env_timer timer;
    struct client *clients[SIM_NODES_MAX + 1];
    char text[160];
};

bool reader_done(const struct reader *r)
{
    return r->fetching.reader.pos >= r->end;
}

const char *reader_state(struct reader *r)
{
    const struct book *b = r->fetching.reader.book;

    snprintf(r->text, sizeof r->text,
             "%s-%u of node %u: at %lld of %lld, high watermark %lld, %s",
             r->world->topics[b->topic].name, b->partition, r->node,
             (long long)r->fetching.reader.pos, (long long)r->end,
             (long long)r->high_watermark,
             r->error == -2 ? "no answer" : kerr_name(r->error));
    return r->text;
}

static void on_fetched(struct fetching *f, int error, int64_t high_watermark,
                       int64_t log_start)
{
    struct reader *r = f->data;
    const struct book *b = f->reader.book;

    r->error = error;
    if (error == 0) {
        r->high_watermark = high_watermark;
        r->log_start = log_start;
    } else if (error == KERR_OFFSET_OUT_OF_RANGE && b->retained &&
               log_start > f->reader.pos) {
        book_reader_init(&f->reader, f->reader.book, log_start);
    }
    env_timer_start(r->world->env, &r->timer,
                    env_now_ms(r->world->env) + (error == 0 ? 1 : RETRY_MS));
}

static void on_tick(struct env_timer *t)
{
    struct reader *r = t->data;

    if (!reader_done(r) && !world_broken(r->world)) {
        fetching_start(&r->fetching,
                       world_client(r->world, r->clients, r->node), r->node,
                       true, WAIT_MS, BYTES_MAX);
    }
}

struct reader *reader_start(struct world *w, struct book *b, unsigned node,
                            int64_t end)
{
    struct reader *r = mem_calloc(w->mem, 1, sizeof *r);

    ASSERT(r != NULL);
    *r = (struct reader){.world = w, .node = node, .end = end, .error = -2};
    fetching_init(&r->fetching, b, b->cut, on_fetched, r);
    env_timer_init(&r->timer, on_tick, r);
    env_timer_start(w->env, &r->timer, env_now_ms(w->env) + 1);
    return r;
}
