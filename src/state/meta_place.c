/* meta_place.c - which nodes carry a new partition.
 *
 * One replica after the other: of the nodes not chosen yet, one of a rack that
 * has none of this partition's replicas, if there is such a node; among these
 * the one with the fewest replicas; among these the lowest id. Of the chosen,
 * the one that leads least comes first, the others follow by id, around the
 * end. Only counts and ids decide, so every replica of @meta places alike. */
#include "base/assert.h"
#include "state/meta_impl.h"

bool place_load(struct meta_step *s, struct place *ret_p)
{
    int64_t n = db_query_int(s->db, "SELECT count(*) FROM nodes", NULL, 0, 0);
    struct place p = {.nodes = meta_alloc(s, (size_t)n + 1, sizeof *p.nodes)};
    struct db_rows r = db_query(
        s->db,
        "SELECT n.id,n.rack,coalesce(l.replicas,0),coalesce(l.leaders,0) "
        "FROM nodes n LEFT JOIN loads l ON l.node=n.id ORDER BY n.id",
        NULL, 0);
    while (p.nodes != NULL && db_next(&r)) {
        struct place_node *x = &p.nodes[p.n++];
        struct slice rack = db_row_bytes(&r, 1);
        *x = (struct place_node){.id = (int32_t)db_row_int(&r, 0),
                                 .replicas = db_row_int(&r, 2),
                                 .leaders = db_row_int(&r, 3)};
        if (rack.len > 0 && rack.len < sizeof x->rack) {
            memcpy(x->rack, rack.data, rack.len);
        }
    }
    db_end(&r);
    *ret_p = p;
    return p.nodes != NULL && db_status(s->db) == 0;
}

struct place_node *place_find(struct place *p, int32_t id)
{
    for (unsigned i = 0; i < p->n; i++) {
        if (p->nodes[i].id == id) {
            return &p->nodes[i];
        }
    }
    return NULL;
}

/* Does a chosen node stand in the same, known, rack? */
static bool rack_taken(const struct place *p, const struct place_node *x)
{
    for (unsigned i = 0; x->rack[0] != '\0' && i < p->n; i++) {
        if (p->nodes[i].chosen && strcmp(p->nodes[i].rack, x->rack) == 0) {
            return true;
        }
    }
    return false;
}

static struct place_node *choose_one(struct place *p)
{
    struct place_node *best = NULL;
    bool best_taken = false;
    for (unsigned i = 0; i < p->n; i++) {
        struct place_node *x = &p->nodes[i];
        if (x->chosen) {
            continue;
        }
        bool taken = rack_taken(p, x);
        if (best == NULL || (best_taken && !taken) ||
            (best_taken == taken && x->replicas < best->replicas)) {
            best = x;
            best_taken = taken;
        }
    }
    return best;
}

void place_choose(struct place *p, unsigned n_replicas,
                  struct image_partition *ret_x)
{
    unsigned first = p->n;
    ASSERT(n_replicas > 0 && n_replicas <= p->n);
    ASSERT(n_replicas <= IMAGE_REPLICAS_MAX);
    for (unsigned i = 0; i < n_replicas; i++) {
        struct place_node *x = choose_one(p);
        ASSERT(x != NULL);
        x->chosen = true;
    }
    for (unsigned i = 0; i < p->n; i++) {
        if (p->nodes[i].chosen &&
            (first == p->n || p->nodes[i].leaders < p->nodes[first].leaders)) {
            first = i;
        }
    }
    ret_x->n_replicas = 0;
    for (unsigned i = 0; i < p->n; i++) {
        struct place_node *x = &p->nodes[(first + i) % p->n];
        if (x->chosen) {
            ret_x->replicas[ret_x->n_replicas++] = x->id;
            x->chosen = false;
        }
    }
    place_count(p, ret_x, 1);
}

void place_count(struct place *p, const struct image_partition *x, int by)
{
    for (unsigned i = 0; i < x->n_replicas; i++) {
        struct place_node *n = place_find(p, x->replicas[i]);
        if (n != NULL) {
            n->replicas += by;
            n->leaders += i == 0 ? by : 0;
            n->changed = true;
        }
    }
}

void place_store(struct place *p, struct machine_db *db)
{
    for (unsigned i = 0; i < p->n; i++) {
        const struct place_node *n = &p->nodes[i];
        const struct db_value row[] = {db_int(n->id), db_int(n->replicas),
                                       db_int(n->leaders)};
        if (n->changed) {
            db_put(db, "loads", row, 3);
        }
    }
}
