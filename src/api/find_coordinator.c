/* find_coordinator.c - FindCoordinator: which node leads the shard of a group.
 * The first one who asks has the shards placed.
 *
 * Share groups are not served: who asks for their coordinator gets
 * INVALID_REQUEST. Transactions are not either, and there some clients take
 * only an authorization error as final; with any other they ask for ever.
 */
#include "wire/gen/find_coordinator.h"
#include "api/consumers.h"
#include "api/find.h"
#include "api/handlers.h"
#include "wire/errors.h"

#define VERSION_BATCH 4

enum { KEY_GROUP = 0, KEY_TRANSACTION = 1 };

static void fail(struct find_coordinator_response_coordinator *out,
                 int16_t error, const char *why)
{
    out->error_code = error;
    out->error_message = slice_str(why);
    out->node_id = -1;
    out->host = slice_str("");
    out->port = -1;
}

static void find(struct request *r, struct slice key,
                 struct find_coordinator_response_coordinator *out)
{
    const struct find_coordinator_request *in = r->body;
    struct groups *gs = broker_groups(r->broker);
    out->key = key;
    if (in->key_type == KEY_TRANSACTION) {
        fail(out, KERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
             "transactions are not supported by this broker");
        return;
    }
    if (in->key_type != KEY_GROUP) {
        fail(out, KERR_INVALID_REQUEST,
             "only consumer groups have a coordinator here");
        return;
    }
    int32_t node = gs == NULL || !broker_serves(r->broker)
                       ? -1
                       : groups_coordinator(gs, key);
    const struct image_node *n = image_node(broker_image(r->broker), node);
    if (node < 0 || !find_listed(n)) {
        fail(out, KERR_COORDINATOR_NOT_AVAILABLE,
             "no node leads this group's shard at the moment");
        return;
    }
    out->node_id = node;
    out->host = slice_str(n->client_host);
    out->port = n->client_port;
}

static void reply_one(struct request *r)
{
    const struct find_coordinator_request *in = r->body;
    struct find_coordinator_response_coordinator row;
    struct find_coordinator_response out;
    wire_struct_init(&wire_find_coordinator_response_coordinator, &row);
    wire_init(&wire_find_coordinator_response, &out);
    find(r, in->key, &row);
    out.error_code = row.error_code;
    out.error_message = row.error_message;
    out.node_id = row.node_id;
    out.host = row.host;
    out.port = row.port;
    request_reply(r, &out);
}

void api_find_coordinator(struct request *r)
{
    const struct find_coordinator_request *in = r->body;
    struct find_coordinator_response out;
    uint32_t n = in->coordinator_keys.n;
    if (r->version < VERSION_BATCH) {
        reply_one(r);
        return;
    }
    wire_init(&wire_find_coordinator_response, &out);
    out.coordinators.ptr =
        request_elems(r, &wire_find_coordinator_response_coordinator, n);
    if (out.coordinators.ptr == NULL) {
        return;
    }
    out.coordinators.n = n;
    for (uint32_t i = 0; i < n; i++) {
        find(r, in->coordinator_keys.ptr[i], &out.coordinators.ptr[i]);
    }
    request_reply(r, &out);
}
