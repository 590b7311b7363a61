/* group_member.h - the inside of a seat. Private to test/sim/group_member.c,
 * group_join.c and group_offsets.c. */
#ifndef SIM_GROUP_MEMBER_H
#define SIM_GROUP_MEMBER_H

#include "groups.h"

#define MEMBER_ASK_MS     2000
#define MEMBER_OWNED_MAX  (GROUP_TOPICS_MAX * WORLD_PARTITIONS_MAX)
#define MEMBER_OTHERS_MAX 160 /* also of those that died */

enum state { DOWN, JOIN, SYNC, READ, RUN };

struct owned {
    struct group_cell *cell;
    int64_t pos;
};

struct version {
    int find, join, sync, heartbeat, leave, commit, read;
};

struct group_member {
    struct groups *all;
    struct group_book *book;
    unsigned slot;
    unsigned number; /* of its instance */
    bool is_static, turned_away;
    char instance[24];
    struct env_timer timer;
    struct client *clients[SIM_NODES_MAX + 1];
    struct group_seek find;
    unsigned coordinator; /* 0: not known */
    enum state state;
    uint64_t ticket; /* of this life: what was asked before is no longer his */
    struct version version;
    char id[GROUP_TEXT_MAX];
    struct group_life *life;
    int32_t generation;
    bool leads, asking, beating, reset;
    char protocol[16];
    struct group_share shares[MEMBER_OTHERS_MAX]; /* the leader's */
    char others[MEMBER_OTHERS_MAX][GROUP_TEXT_MAX];
    unsigned n_others;
    unsigned shared;                      /* partitions that there were then */
    uint64_t wait_ms, beat_ms, commit_ms; /* not before */
    bool stalled;
    unsigned n_flying;
    struct owned owned[MEMBER_OWNED_MAX];
    unsigned n_owned;
    uint64_t n_settled;
};

/* One request of a life. */
struct ask {
    struct group_member *member;
    uint64_t ticket, begin_us;
    int32_t generation;
    bool anew; /* a join without an id */
    int version;
    int64_t keep_ms; /* OffsetCommit: -1 as by default */
    struct group_life *life;
    struct group_cell *cells[MEMBER_OWNED_MAX];
    struct group_write *writes[MEMBER_OWNED_MAX];
    unsigned n;
};

uint64_t member_below(struct group_member *m, uint64_t n);
uint64_t member_now_ms(const struct group_member *m);
/* A request of the life that is, from now on. */
struct ask *member_ask(struct group_member *m);
void member_ask_free(struct ask *a);
/* Is it still the life that asked? */
bool member_asked(const struct ask *a);
struct client *member_coordinator(struct group_member *m);
/* An answer that its past does not allow. */
void member_refused(struct group_member *m, const char *what, int error);
/* The process ends; another comes later. Its connections are closed, or hang.
 */
void member_fall(struct group_member *m, uint64_t after_ms);
void member_rejoin(struct group_member *m);
/* What a code says of the member, whatever was asked. True: nothing to do with
 * the answer itself. */
bool member_moved_on(struct group_member *m, const char *what, int error);
/* A string, or null. */
struct slice member_text(bool is, const char *text);
/* How many partitions there are to share. */
unsigned member_partitions(const struct group_member *m);

/* JoinGroup, SyncGroup (group_join.c), OffsetFetch and OffsetCommit of what it
 * holds (group_offsets.c). */
void member_join(struct group_member *m);
void member_sync(struct group_member *m);
void member_read(struct group_member *m);
void member_commit(struct group_member *m);

#endif
