#include "api/pipeline.h"

#include "api/request_impl.h"
#include "base/assert.h"

void pipeline_push(struct pipeline *p, struct request *r)
{
    queue_push(&p->requests, &r->queue);
    if (++p->n >= p->requests_max && !p->paused) {
        p->paused = true;
        p->server->pauses++;
        conn_pause(p->conn);
    }
}

static void leave(struct pipeline *p, struct request *r)
{
    queue_remove(&r->queue);
    p->n--;
    if (p->paused && p->n <= p->requests_max / 2) {
        p->paused = false;
        conn_resume(p->conn);
    }
}

/* Write the replies at the head that are ready. */
static void flush(struct pipeline *p)
{
    while (!queue_empty(&p->requests) && !p->closing) {
        struct request *r =
            QUEUE_ENTRY(p->requests.next, struct request, queue);
        if (!r->done) {
            break;
        }
        leave(p, r);
        if (r->n_pieces > 0 &&
            conn_write(p->conn, r->pieces, r->n_pieces) != 0) {
            p->closing = true;
        }
        r->n_pieces = 0;
        if (r->close_after) {
            p->closing = true;
            conn_close(p->conn, true);
        }
        request_free(r);
    }
}

void pipeline_done(struct pipeline *p, struct request *r)
{
    ASSERT(r->done);
    flush(p);
}

void pipeline_close(struct pipeline *p)
{
    struct queue *q;
    p->closing = true;
    while ((q = queue_pop(&p->requests)) != NULL) {
        struct request *r = QUEUE_ENTRY(q, struct request, queue);
        p->n--;
        r->pipeline = NULL;
        r->gone = true;
        if (r->done) {
            request_free(r);
        } else if (r->cancel != NULL) {
            void (*cancel)(struct request *) = r->cancel;
            r->cancel = NULL;
            cancel(r);
        }
    }
}
