/* group_seek.c - FindCoordinator. See groups.h. */
#include "groups.h"
#include "wire/gen/find_coordinator.h"

#define FIND_MS       1500
#define VERSION_BATCH 4

static void on_found(void *arg, int status, const void *response)
{
    struct group_seek *f = arg;
    const struct find_coordinator_response *r = response;
    struct group_book *b = f->book;
    int32_t node = -1;

    f->under_way = false;
    if (status == 0 && f->version < VERSION_BATCH) {
        node = r->error_code == 0 ? r->node_id : -1;
    } else if (status == 0 && r->coordinators.n == 1) {
        node = r->coordinators.ptr[0].error_code == 0
                   ? r->coordinators.ptr[0].node_id
                   : -1;
    }
    if (node < 1) {
        f->cb(f->arg, 0);
        return;
    }
    if (b->coordinator != 0 && b->coordinator != (unsigned)node) {
        b->all->counts.moves++;
        b->moved = true;
    }
    b->coordinator = (unsigned)node;
    f->cb(f->arg, (unsigned)node);
}

void group_seek(struct group_seek *f, struct group_book *b,
                struct client *clients[], int version, group_seek_cb cb,
                void *arg)
{
    struct world *w = b->all->world;
    struct slice key = slice_str(b->id);
    struct find_coordinator_request r;
    unsigned n = sim_cluster_nodes(w->cluster);

    *f = (struct group_seek){.book = b,
                             .clients = clients,
                             .version = version,
                             .under_way = true,
                             .cb = cb,
                             .arg = arg};
    wire_init(&wire_find_coordinator_request, &r);
    if (version < VERSION_BATCH) {
        r.key = key;
    } else {
        r.coordinator_keys.ptr = &key;
        r.coordinator_keys.n = 1;
    }
    client_call(world_client(w, clients, 1 + (unsigned)groups_below(b->all, n)),
                &wire_find_coordinator_request, version, &r, FIND_MS, on_found,
                f);
}
