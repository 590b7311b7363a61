/* state_faults.c - see state_faults.h. */
#include "state_faults.h"

#include "broker/broker_impl.h"
#include "broker/groups.h"
#include "broker/metadata_impl.h"
#include "broker/state_group_impl.h"
#include "state/cgroup.h"
#include "state/db.h"
#include "state/machine_impl.h"

#define WRONG_ID "simulated fault."

struct ask {
    struct broker *broker;
    bool yes;
};

static struct state_group *meta_of(const struct broker *b)
{
    return b->metadata == NULL ? NULL : b->metadata->group;
}

/* Nothing of it runs now, and it can be read. */
static bool is_idle(const struct state_group *g)
{
    return g != NULL && g->machine != NULL && !g->machine->busy &&
           !g->machine->closing && !g->machine->broken &&
           g->machine->db != NULL && state_group_fit(g);
}

static void decide(void *arg)
{
    struct ask *a = arg;
    struct state_group *g = meta_of(a->broker);
    const struct db_value row[] = {db_blob(WRONG_ID, 16), db_str("nobody's"),
                                   db_int(7), db_int(7)};

    if (is_idle(g)) {
        db_begin(g->machine->db);
        db_put(g->machine->db, "deleted", row, 4);
        db_commit(g->machine->db);
        a->yes = db_status(g->machine->db) == 0;
    }
}

static bool ask(struct sim_cluster *c, unsigned id, void (*what)(void *))
{
    struct ask a = {.broker = sim_cluster_broker(c, id)};

    return a.broker != NULL &&
           sim_node_call(sim_cluster_sim(c), id, what, &a) == 0 && a.yes;
}

bool state_fault_decision(struct sim_cluster *c, unsigned id)
{
    return sim_cluster_state(c, id) == SIM_HOST_SERVES && ask(c, id, decide);
}

bool state_fault_damage(struct sim_cluster *c, unsigned id, bool groups,
                        char *text, size_t size)
{
    return sim_disk_damage(sim_cluster_disk(c, id), SIM_DAMAGE_FLIP,
                           groups ? "/groups/" : "meta.db", text, size);
}

static int64_t count_wrong(struct state_group *g)
{
    const struct db_value id = db_blob(WRONG_ID, 16);

    return db_query_int(g->machine->db,
                        "SELECT count(*) FROM deleted WHERE uuid=?", &id, 1, 1);
}

static void look_wrong(void *arg)
{
    struct ask *a = arg;
    struct state_group *g = meta_of(a->broker);

    a->yes = is_idle(g) && count_wrong(g) > 0;
}

bool state_fault_spread(struct sim_cluster *c)
{
    unsigned n = 0;

    for (unsigned id = 1; id <= sim_cluster_nodes(c); id++) {
        n += sim_cluster_state(c, id) == SIM_HOST_SERVES &&
             ask(c, id, look_wrong);
    }
    return n > sim_cluster_nodes(c) / 2;
}

static void look_split(void *arg)
{
    struct ask *a = arg;
    struct state_group *g = meta_of(a->broker);

    a->yes = g != NULL && g->repair.differed;
}

bool state_fault_split(struct sim_cluster *c)
{
    bool split = false;

    for (unsigned id = 1; id <= sim_cluster_nodes(c); id++) {
        split = split || (sim_cluster_state(c, id) == SIM_HOST_SERVES &&
                          ask(c, id, look_split));
    }
    return split;
}

static void look(void *arg)
{
    struct ask *a = arg;
    struct state_group *g = meta_of(a->broker);

    a->yes = is_idle(g) && count_wrong(g) == 0;
    for (unsigned i = 0; i < CGROUP_SHARDS; i++) {
        g = groups_shard(a->broker->groups, i);
        a->yes = a->yes && (g == NULL || state_group_fit(g));
    }
}

bool state_fault_mended(struct sim_cluster *c, unsigned id)
{
    return sim_cluster_state(c, id) == SIM_HOST_SERVES && ask(c, id, look);
}
