/* core_probe.c - is this the library that we were written for?
 *
 * Debian 12 has another one under the same pkg-config name, and unreleased
 * versions call themselves 0.22.1 while owning memory differently, with the
 * same soname: neither the version nor the linker can tell. So it is tried out
 * (raft.md 2.4): a struct of ours with a canary behind it, a group of one, an
 * entry submitted.
 */
#include "raft/core_impl.h"

_Static_assert(RAFT_VERSION_NUMBER == 2201, "libraft 0.22.1 is needed");

#define CANARY_BYTES 512
#define CANARY       0xa5

struct probe {
    struct raft r;
    uint8_t canary[CANARY_BYTES];
};

static bool canary_alive(const struct probe *p)
{
    for (unsigned i = 0; i < CANARY_BYTES; i++) {
        if (p->canary[i] != CANARY) {
            return false;
        }
    }
    return true;
}

/* Start a group of one at a snapshot, which leads at once. */
static int probe_start(struct raft *r)
{
    struct raft_snapshot_metadata meta = {
        .index = 2, .term = 1, .configuration_index = 2};
    struct group_config config = {.n = 1, .members = {{1, GROUP_VOTER}}};
    struct raft_event ev = {.type = RAFT_START, .time = 1};
    struct raft_update u = {.flags = 0};
    int rv = core_config_make(&config, &meta.configuration);
    if (rv != 0) {
        return rv;
    }
    ev.start.term = 1;
    ev.start.start_index = 3;
    ev.start.metadata = &meta;
    rv = raft_step(r, &ev, &u);
    return rv == 0 && raft_state(r) == RAFT_LEADER ? 0 : ERR_VERSION;
}

/* 0.22.1 hands back our array; later versions a copy that we would leak. */
static int probe_submit(struct raft *r)
{
    struct raft_entry entry = {.type = RAFT_COMMAND,
                               .batch = core_sentinel(),
                               .buf = {.base = core_sentinel(), .len = 0}};
    struct raft_event ev = {.type = RAFT_SUBMIT, .time = 2};
    struct raft_update u = {.flags = 0};
    entry.term = raft_current_term(r);
    ev.submit.entries = &entry;
    ev.submit.n = 1;
    if (raft_step(r, &ev, &u) != 0 || !(u.flags & (RAFT_UPDATE_ENTRIES)) ||
        u.entries.index != 3 || u.entries.n != 1) {
        return ERR_VERSION;
    }
    return u.entries.batch == &entry ? 0 : ERR_VERSION;
}

static int probe_run(struct probe *p)
{
    memset(p->canary, CANARY, CANARY_BYTES);
    if (raft_init(&p->r, NULL, NULL, 1, "1") != 0) {
        return ERR_NOMEM;
    }
    p->r.tracer = NULL;
    raft_seed(&p->r, 1);
    int rv = probe_start(&p->r);
    if (rv == 0) {
        rv = probe_submit(&p->r);
    }
    if (rv == 0 && !canary_alive(p)) {
        rv = ERR_VERSION;
    }
    raft_close(&p->r, NULL);
    return rv;
}

int core_probe(struct err *err)
{
    int rv = ERR_NOMEM;
    struct mem *mem = mem_new(0);
    struct probe *p = mem == NULL ? NULL : mem_calloc(mem, 1, sizeof *p);
    core_heap_install();
    if (p != NULL) {
        struct mem *before = core_heap_enter(mem);
        rv = probe_run(p);
        core_heap_leave(before);
    }
    mem_free_all(mem);
    if (rv == ERR_VERSION) {
        return err_set(err, rv,
                       "libraft does not behave like 0.22.1, the only version "
                       "this program works with: run ./setup-deps and build "
                       "again");
    }
    return rv == 0 ? 0 : err_set(err, rv, "libraft: %s", err_text(rv));
}
