/* producer.c - InitProducerId: a producer id that nobody ever had.
 *
 * Without a transactional id an idempotent producer gets a fresh id each time,
 * also when it names an old one to raise its epoch (KIP-360): sequences then
 * begin anew under the new id.
 *
 * With a transactional id: transactions are not served, and no version of this
 * API can say so in the advertisement. The answer is INVALID_REQUEST, which
 * every client takes as fatal at once; a retriable code would let it wait for
 * ever, an authorization code would send people to look at ACLs.
 */
#include "api/handlers.h"
#include "wire/errors.h"
#include "wire/gen/init_producer_id.h"

/* How long we wait for a block of ids; clients ask again. */
#define WAIT_MS 5000

static void reply(struct request *r, int16_t error, int64_t id)
{
    struct init_producer_id_response out;
    wire_init(&wire_init_producer_id_response, &out);
    out.error_code = error;
    out.producer_id = id;
    out.producer_epoch = id >= 0 ? 0 : -1;
    request_reply(r, &out);
}

static void ask(struct request *r, struct broker_wait *w);

static void on_block(struct broker_wait *w, int status)
{
    struct request *r = w->data;
    if (r->gone) {
        request_silent(r);
    } else if (status != 0) {
        /* Clients try again on this one. */
        reply(r, KERR_COORDINATOR_NOT_AVAILABLE, -1);
    } else {
        ask(r, w);
    }
}

static void ask(struct request *r, struct broker_wait *w)
{
    int64_t id = broker_producer_id(r->broker, w, WAIT_MS, on_block, r);
    if (id >= 0) {
        reply(r, KERR_NONE, id);
    } else if (id < -1) {
        reply(r, KERR_COORDINATOR_NOT_AVAILABLE, -1);
    }
}

void api_init_producer_id(struct request *r)
{
    const struct init_producer_id_request *in = r->body;
    struct broker_wait *w;
    if (in->transactional_id.data != NULL) {
        reply(r, KERR_INVALID_REQUEST, -1);
        return;
    }
    w = request_alloc(r, sizeof *w);
    if (w != NULL) {
        ask(r, w);
    }
}
