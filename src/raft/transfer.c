/* transfer.c - handing leadership over.
 *
 * The library tells a transferee to campaign after its first ack, caught up or
 * not, and never again (N4). So proposals are refused first, and the library
 * hears of the transfer when the member has everything; if it gives up after
 * an election timeout, it is told again until the deadline.
 */
#include "raft/consensus.h"

bool transfer_blocks(const struct group *g)
{
    return g->transfer.active || core_transferring(g->core);
}

void transfer_end(struct group *g, int status)
{
    struct transfer t = g->transfer;
    if (!t.active) {
        return;
    }
    g->transfer = (struct transfer){.active = false};
    if (t.cb != NULL) {
        t.cb(t.arg, status);
    }
}

static bool is_voter(const struct group *g, uint64_t id)
{
    const struct group_config *config = core_config(g->core);
    for (unsigned i = 0; i < config->n; i++) {
        if (config->members[i].id == id) {
            return config->members[i].role == GROUP_VOTER;
        }
    }
    return false;
}

/* The voter wanted, or the first one that has everything; 0: none. */
static uint64_t transfer_target(const struct group *g)
{
    const struct group_config *config = core_config(g->core);
    for (unsigned i = 0; i < config->n; i++) {
        uint64_t id = config->members[i].id, match = 0;
        if (id == g->self || config->members[i].role != GROUP_VOTER ||
            (g->transfer.to != 0 && id != g->transfer.to)) {
            continue;
        }
        if (core_match(g->core, id, &match) == 0 &&
            !core_damaged(g->core, id) && match == tail_last_index(&g->tail)) {
            return id;
        }
    }
    return 0;
}

void transfer_poll(struct group *g, uint64_t now_ms)
{
    if (!g->transfer.active) {
        return;
    }
    uint64_t leader = core_leader(g->core);
    if (core_role(g->core) != GROUP_LEADER && leader != 0) {
        transfer_end(g, 0);
    } else if (now_ms >= g->transfer.deadline_ms) {
        transfer_end(g, ERR_TIMEOUT);
    } else if (core_role(g->core) == GROUP_LEADER &&
               !core_transferring(g->core)) {
        uint64_t to = transfer_target(g);
        if (to != 0) {
            group_step(
                g, (struct core_event){.kind = CORE_TRANSFER, .member = to});
        }
    }
}

int group_transfer(struct group *g, uint64_t to, uint32_t timeout_ms,
                   group_transfer_cb cb, void *arg)
{
    if (core_role(g->core) != GROUP_LEADER) {
        return ERR_NOTLEADER;
    }
    if (transfer_blocks(g)) {
        return ERR_BUSY;
    }
    if (to == g->self || (to != 0 && !is_voter(g, to))) {
        return ERR_NOTFOUND;
    }
    group_wake(g);
    g->transfer =
        (struct transfer){.active = true,
                          .to = to,
                          .deadline_ms = env_now_ms(g->c->env) + timeout_ms,
                          .cb = cb,
                          .arg = arg};
    g->timeout_ms = env_now_ms(g->c->env); /* soon, not now */
    group_arm(g);
    return 0;
}
