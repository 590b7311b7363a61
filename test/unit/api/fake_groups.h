/* fake_groups.h - a coordinator for the tests of the group families: commands
 * are kept as they were encoded, and answered as the test says. The image is a
 * real one, filled by change records.
 *
 * All shards have the one image; group ids of different lengths lie in
 * different shards.
 */
#ifndef TEST_API_FAKE_GROUPS_H
#define TEST_API_FAKE_GROUPS_H

#include "fake.h"

#include "base/arena.h"
#include "broker/coordinator.h"
#include "broker/groups.h"
#include "state/cgroup_history.h"

struct fake_groups {
    struct arena arena; /* what was kept */
    struct cgroup_image *image;
    bool absent;         /* no groups at all yet */
    int32_t coordinator; /* who is said to lead all shards, -1: nobody */
    bool here;           /* the shards live on this node */
    bool leads;          /* ... and it leads them */
    bool tells;          /* nobody else would tell of their groups */
    /* Commands, and what they are answered. */
    unsigned n_submitted;
    unsigned under_way;
    enum cgroup_kind kind;
    struct slice group;
    struct cgroup_join join;
    struct cgroup_sync sync;
    struct cgroup_commit commit;
    struct cgroup_leaver leavers[FAKE_MAX];
    struct cgroup_delete_row deleted[FAKE_MAX];
    int32_t generation;  /* of OFFSET_DELETE */
    unsigned n_rows;     /* of the last three */
    size_t room, growth; /* of the last one */
    int rv, status;
    struct cgroup_result result;
    uint8_t errors[2 * FAKE_MAX];
    void (*before)(void); /* the answer: the image may change */
    /* What needs no command. */
    int heartbeat;
    struct slice beat, heard;
    unsigned barriers;
    int barrier_rv, barrier_status;
    unsigned reads; /* by the state thread */
    int read_rv, read_status;
    struct cgroup_history_row history[FAKE_MAX];
    unsigned n_history;
    struct cgroup_history_page page; /* as it was asked for */
};
extern struct fake_groups fake_groups;

/* cmocka's: as fake_open(), and node 1 leads all shards. */
int fake_groups_open(void **state);
int fake_groups_close(void **state);

/* The command's answer has these errors, one for each row. */
void fake_errors(unsigned n, const int16_t errors[]);
/* Put into the image: a group, a member that offers "range" with such
 * metadata, an offset. */
void fake_group(const char *id, enum cgroup_state state, int32_t generation,
                const char *leader);
void fake_member(const char *group, const char *id, const char *instance,
                 bool pending, struct slice metadata, const char *assignment);
void fake_offset(const char *group, const char *topic, int32_t partition,
                 int64_t offset, const char *metadata);

#endif
