/* coverage.c - see coverage.h. */
#include "coverage.h"

#include <string.h>

/* A line reads "time LEVEL room event ...". NULL: counted by clients. `has`:
 * and somewhere this. */
static const struct {
    const char *name, *event, *has;
    bool rare; /* may be 0 */
} table[COVERAGES] = {
    [COVERAGE_ELECTIONS] = {"elections", "replica leader "},
    [COVERAGE_TRUNCATIONS] = {"truncations", "raft truncated "},
    [COVERAGE_BASES] = {"log bases raised", "raft base "},
    [COVERAGE_TRANSFERS] = {"transfers", "transfer done "},
    [COVERAGE_INSTALLS] = {"installs held", "raft installed "},
    [COVERAGE_TORN] = {"torn tails", "journal torn "},
    [COVERAGE_DAMAGE] = {"damage seen", "journal damage "},
    [COVERAGE_DUPLICATES] = {"dedupe hits", "partition duplicate "},
    [COVERAGE_BARRIERS] = {"barriers refused", "raft barrier_refused "},
    [COVERAGE_RECYCLED] = {"journal ring recycled", "journal recycled "},
    [COVERAGE_QUIET] = {"groups that went quiet", "raft quiet "},
    [COVERAGE_WOKEN] = {"quiet groups woken", "raft woken "},
    [COVERAGE_BEHIND] = {"database behind its log", "state behind "},
    [COVERAGE_GROUP_IMAGES_ASKED] = {"images of @groups asked for",
                                     "transfer start name=@groups"},
    [COVERAGE_GROUP_IMAGES] = {"images of @groups installed",
                               "transfer done name=@groups"},
    [COVERAGE_STATES_DAMAGED] = {"databases put aside", "state quarantined "},
    [COVERAGE_STATES_ASTRAY] = {"databases astray by their hash",
                                "state quarantined ",
                                "but that of most replicas"},
    [COVERAGE_STATES_FETCHED] = {"databases fetched", "transfer fetch "},
    [COVERAGE_STATES_RESTORED] = {"databases restored", "state restored "},
    [COVERAGE_ELSEWHERE] = {"transfers from another giver",
                            "transfer elsewhere ", NULL, true},
    [COVERAGE_REBALANCES] = {"rebalances", NULL},
    [COVERAGE_COORDINATOR_MOVES] = {"coordinator moves", NULL},
    [COVERAGE_GENERATIONS_FENCED] = {"generations fenced", NULL},
    [COVERAGE_COMMITS_AFTER_MOVE] = {"commits after failover", NULL},
    [COVERAGE_SESSIONS_EXPIRED] = {"sessions expired", NULL},
    [COVERAGE_STATIC_REJOINS] = {"static rejoins", NULL},
    [COVERAGE_OFFSETS_REMOVED] = {"offsets removed with topics", NULL},
    [COVERAGE_OFFSETS_EXPIRED] = {"offsets expired", NULL},
    [COVERAGE_OFFSETS_DELETED] = {"offsets deleted", NULL},
    [COVERAGE_GROUPS_DELETED] = {"groups deleted", NULL},
    [COVERAGE_BIG_GENERATIONS] = {"generations of many", NULL},
};

/* What follows the n-th space. */
static struct slice after_spaces(struct slice line, unsigned n)
{
    while (n > 0 && line.len > 0) {
        n -= line.data[0] == ' ';
        line.data++;
        line.len--;
    }
    return line;
}

void coverage_hear(void *arg, unsigned node, struct slice line)
{
    struct coverage *c = arg;
    struct slice event = after_spaces(line, 2);

    (void)node;
    for (unsigned i = 0; i < COVERAGES; i++) {
        size_t len = table[i].event == NULL ? 0 : strlen(table[i].event);
        if (len > 0 && event.len >= len &&
            memcmp(event.data, table[i].event, len) == 0 &&
            (table[i].has == NULL || memmem(event.data, event.len, table[i].has,
                                            strlen(table[i].has)) != NULL)) {
            c->n[i]++;
        }
    }
}

void coverage_add(struct coverage *to, const struct coverage *from)
{
    for (unsigned i = 0; i < COVERAGES; i++) {
        to->n[i] += from->n[i];
    }
    for (unsigned i = 0; i < COVERAGE_FAULTS; i++) {
        to->faults[i] += from->faults[i];
    }
    to->beyond += from->beyond;
}

const char *coverage_name(enum coverage_kind kind)
{
    return table[kind].name;
}

bool coverage_required(enum coverage_kind kind)
{
    return !table[kind].rare;
}
