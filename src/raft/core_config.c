/* core_config.c - configurations between our form and the library's. */
#include <stdio.h>

#include "raft/core_impl.h"

/* The library wants an address, and each its own; ours hold none, so that a
 * move of host or port is no membership change (DESIGN section 5). */
void core_address(uint64_t id, char out[20])
{
    snprintf(out, 20, "%llx", (unsigned long long)id);
}

int core_config_make(const struct group_config *config,
                     struct raft_configuration *ret_conf)
{
    struct raft_configuration conf;
    raft_configuration_init(&conf);
    for (unsigned i = 0; i < config->n; i++) {
        char address[20];
        const struct group_member *m = &config->members[i];
        core_address(m->id, address);
        int rv = raft_configuration_add(&conf, m->id, address,
                                        m->role == GROUP_VOTER ? RAFT_VOTER
                                                               : RAFT_STANDBY);
        if (rv != 0) {
            raft_configuration_close(&conf);
            return ERR_NOMEM;
        }
    }
    *ret_conf = conf;
    return 0;
}

int core_config_buffer(const struct group_config *config,
                       struct raft_buffer *ret_buf)
{
    struct raft_configuration conf;
    int rv = core_config_make(config, &conf);
    if (rv != 0) {
        return rv;
    }
    rv = raft_configuration_encode(&conf, ret_buf);
    raft_configuration_close(&conf);
    return rv != 0 ? ERR_NOMEM : 0;
}

void core_config_refresh(struct core *c)
{
    c->config = c->base_config;
    c->config_index = c->base_config_index;
    for (uint64_t i = tail_last_index(c->tail); i > c->tail->base.index; i--) {
        const struct entry *e = tail_find(c->tail, i);
        if (e->kind == ENTRY_CHANGE) {
            int rv = group_config_decode(bytes_slice(e->payload), &c->config);
            ASSERT(rv == 0); /* checked when it came in */
            c->config_index = i;
            return;
        }
    }
}
