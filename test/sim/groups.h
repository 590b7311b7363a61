/* groups.h - consumer groups in the simulated world: members that join, commit,
 * fall silent and come again, committers without membership, admins; and the
 * books by which they are judged.
 *
 * Every commit says in its metadata which one it is, so that a value that is
 * read names its writer. For each (group, topic, partition) the book knows when
 * each commit was asked for, and when it was acknowledged, or seen at the
 * latest; deletions count as commits of nothing. A commit of a member cannot
 * have happened after the book heard of a newer generation, nor after the
 * member was replaced, or had left.
 *
 * What is judged:
 *   commit-lost      a read misses a commit that was acknowledged (or seen)
 *                    before: it found nothing, or one that is older for sure
 *   commit-changed   a value that nobody committed, or that was refused
 *   old-commit       a commit counted though its generation or its member was
 *                    over before it was asked for
 *   generation-back  a join or a sync was answered with a generation that was
 *                    over before it was asked for
 *   two-leaders      two members were told to lead one generation
 *   two-assignments  members of one generation hold shares of two assignments
 *   no-assignment    a member was given nothing, or what nobody made
 *   shared           two members of one generation hold one partition
 *   refused          an answer that the member's past does not allow
 *   group-stuck      after healing a group does not become Stable, or cannot
 *                    commit, in bounded time
 *   state-differs    two nodes hold other rows at one applied index, or others
 *                    than a replay of the whole log gives
 *   state-behind     a durable database is behind what its log still has
 *   offset-left      offsets of a topic that was deleted
 *
 * Offsets that expire are commits, too, that nothing may come of from a moment
 * on: not before the time that they asked to be kept, where clocks agree.
 *
 * A group that was deleted begins at generation 1 again: from the moment that
 * it may be gone, rules of generations are not judged for it (`lawless`).
 */
#ifndef SIM_GROUPS_H
#define SIM_GROUPS_H

#include "coverage.h"
#include "image.h"
#include "world.h"

#define GROUPS_MAX       6
#define GROUP_SLOTS_MAX  50
#define GROUP_BIG        20 /* members, and more: drawn rarely */
#define GROUP_TEXT_MAX   160
#define GROUP_NEVER      UINT64_MAX
#define GROUP_NO_ANSWER  (-2)
#define GROUP_PAD_MAX    4000
#define GROUP_TOPICS_MAX WORLD_TOPICS_MAX

struct groups;
struct group_book;
struct group_member;

/* ---- what is drawn (group_swarm.c) --------------------------------------- */

struct group_options {
    unsigned n_slots; /* members at most; 0: committers without membership */
    unsigned n_static;
    bool twins; /* two seats with one instance: they fence each other */
    uint32_t session_ms, rebalance_ms;
    unsigned commit_ms; /* between commits of a member */
    unsigned pad;       /* bytes of metadata beyond its number */
    unsigned restless;  /* of 10,000 looks, how many end in leaving and so on */
    bool mortal;        /* DeleteGroups, OffsetDelete */
    bool brisk;         /* static members are often started anew, at once */
    /* Commits that can say so want to be kept that long; 0: they do not. */
    uint32_t retention_ms;
};

struct group_plan {
    bool on;
    unsigned n_groups;
    struct group_options groups[GROUPS_MAX];
    /* Of the nodes. */
    uint64_t initial_delay_ms, size_max;
    uint64_t retention_check_ms; /* 0: as by default, nothing gets so old */
    /* offsets.retention.minutes is 1: what a jump of the wall clock makes so
     * old goes, whatever the commits said. */
    bool minute;
    bool wild; /* wall clocks of nodes differ, or jump */
};

/* The same for a seed for ever, whatever else is drawn from it. */
void group_plan_draw(struct group_plan *p, uint64_t seed);

/* Begin. Copies the plan. */
void groups_start(struct world *w, const struct group_plan *p, uint64_t seed);
/* A topic is asked to be deleted: before anybody is asked. NULL is fine. */
void groups_topic_deleted(struct groups *gs, unsigned topic);
/* After healing: everybody comes, each group becomes Stable and commits within
 * `limit_us`; then nothing but heartbeats goes on. NULL is fine. */
void groups_judge(struct groups *gs, uint64_t limit_us);
/* What went on, for people, to stderr. */
void groups_say(const struct groups *gs);
void groups_coverage(const struct groups *gs, struct coverage *c);

/* ---- durable images (group_audit.c) --------------------------------------
 *
 * To be called for each node that is up at the end, all of them cut at one
 * moment; then once for the judgement. */
void groups_audit_read(struct groups *gs, unsigned node, struct env *e,
                       struct image *im);
void groups_audit_judge(struct groups *gs);

/* ---- books (group_books.c) ----------------------------------------------- */

enum group_write_state { WRITE_OPEN, WRITE_ACKED, WRITE_REFUSED };

/* A member as one process with one id. */
struct group_life {
    struct group_life *next;
    char id[GROUP_TEXT_MAX];
    int instance;      /* -1: not static */
    unsigned number;   /* counts */
    uint64_t heard_us; /* of its first answer */
    uint64_t gone_us;  /* replaced, or left, by then; GROUP_NEVER */
};

struct group_write {
    uint64_t number; /* 0: nothing is there */
    int64_t offset;
    int32_t generation;            /* -1: no member's */
    const struct group_life *life; /* NULL: no member's */
    uint64_t begin_us, end_us;     /* GROUP_NEVER: nobody knows */
    enum group_write_state state;
    bool seen;       /* by a read */
    bool aged;       /* it was missed since, as it may be */
    uint64_t old_us; /* it may be too old from then on; GROUP_NEVER */
    bool oversized;  /* must be refused */
};

struct group_cell {
    struct group_book *group;
    unsigned topic, partition;
    struct group_write **writes;
    unsigned n, cap;
    bool deleted; /* somebody was asked to */
};

struct group_share {
    unsigned key; /* who */
    uint8_t partitions[GROUP_TOPICS_MAX];
};

struct group_generation {
    uint64_t heard_us; /* this one or a later one */
    unsigned leader;   /* key; 0: not known */
    uint64_t edition;  /* of its assignment; 0: not known */
    struct group_share shares[2 * GROUP_SLOTS_MAX];
    unsigned n_shares;
};

struct group_book {
    struct groups *all;
    struct group_options o;
    unsigned number;
    char id[32];
    struct group_cell cells[WORLD_TOPICS_MAX][WORLD_PARTITIONS_MAX];
    struct group_generation *generations; /* by number */
    int32_t last;                         /* generation that was heard of */
    bool lawless;
    struct group_life *lives;
    unsigned coordinator; /* as somebody was told last */
    bool moved;           /* since the last commit */
};

struct group_counts {
    uint64_t rebalances, moves, fenced, after_move, expired, rejoined, removed,
        commits, reads, assignments, deletions, unknown, aged, offsets_deleted,
        big;
};

void group_book_init(struct group_book *b, struct groups *gs, unsigned number,
                     const struct group_options *o);
const char *group_topic_name(const struct group_book *b, unsigned topic);
/* A commit that begins now; `number` 0: nothing shall be there. */
struct group_write *group_write_begin(struct group_cell *c, uint64_t number,
                                      int64_t offset, int32_t generation,
                                      const struct group_life *life);
/* It asks to be kept as long as the group's options say. Returns that, in ms;
 * -1: it does not. */
int64_t group_write_keep(struct group_cell *c, struct group_write *w,
                         int version);
/* It was answered: what does the code say of it? */
void group_write_end(struct group_cell *c, struct group_write *w, int error);
/* A read that began at `begin_us` found this, or nothing (-1). */
void group_read(struct group_cell *c, uint64_t begin_us, int64_t offset,
                struct slice metadata, const char *who);
/* Could this be there now, if a read began at `begin_us`? NULL, or why not. */
const char *group_read_wrong(struct group_cell *c, uint64_t begin_us,
                             int64_t offset, struct slice metadata, char *text,
                             size_t size);
/* Had it an offset at `since_us` already that nobody may have deleted? Then it
 * is not gone; else it goes with its last member, and its generations begin
 * anew. */
bool group_held(const struct group_book *b, uint64_t since_us);
/* A join or a sync that was asked for at `begin_us` was answered so. */
void group_heard(struct group_book *b, int32_t generation, uint64_t begin_us,
                 const char *who);
void group_led(struct group_book *b, int32_t generation, unsigned key);
/* A share as group_share_encode() made it, maybe of another member. */
void group_assigned(struct group_book *b, int32_t generation, unsigned key,
                    struct slice assignment);
/* The life of this id; made when it is new, and then those before it of the
 * same instance are over if they were heard of before `begin_us`. */
struct group_life *group_life_find(struct group_book *b, struct slice id,
                                   int instance, uint64_t begin_us);
/* Who it is for generations: an instance is one whatever its ids. */
unsigned group_life_key(const struct group_life *l);
/* As ConsumerProtocolAssignment has it, with the edition as user data. */
void group_share_encode(const struct group_book *b, const struct group_share *s,
                        uint64_t edition, struct buf *out);
bool group_share_decode(const struct group_book *b, struct slice in,
                        struct group_share *ret_s, uint64_t *ret_edition);
/* Is this topic theirs? Those of names that come again are not. */
bool group_uses(const struct group_book *b, unsigned topic);

/* ---- who acts ------------------------------------------------------------ */

/* True if the code leaves open what became of a command. */
bool group_error_open(int error);

/* group_member.c: one seat of a group, in which members follow each other. */
struct group_member *group_member_start(struct group_book *b, unsigned slot);
/* In the generation that the book heard of last, with its share read. */
bool group_member_runs(const struct group_member *m);
/* Is there anything that it commits? */
bool group_member_holds(const struct group_member *m);
/* Turned away: the group is full. */
bool group_member_waits(const struct group_member *m);
/* For people. */
void group_member_describe(const struct group_member *m, char *text,
                           size_t size);
/* Its commits since healing that were acknowledged. */
uint64_t group_member_commits(const struct group_member *m);

/* group_watch.c: reads what is committed, commits without membership, deletes,
 * describes. */
struct group_watch;
struct group_watch *group_watch_start(struct groups *gs);
/* Read everything of all groups once more, from now on. */
void group_watch_again(struct group_watch *v);
bool group_watch_done(const struct group_watch *v);

/* group_seek.c: ask some node who coordinates; 0: not known yet. */
typedef void (*group_seek_cb)(void *arg, unsigned node);
struct group_seek {
    struct group_book *book;
    struct client **clients;
    int version;
    bool under_way;
    group_seek_cb cb;
    void *arg;
};
void group_seek(struct group_seek *f, struct group_book *b,
                struct client *clients[], int version, group_seek_cb cb,
                void *arg);

enum group_phase {
    GROUPS_ACT,
    GROUPS_SETTLE, /* everybody comes */
    GROUPS_QUIET   /* heartbeats only */
};

struct groups {
    struct world *world;
    struct rand rand;
    enum group_phase phase;
    struct group_plan plan;
    struct group_book *books[GROUPS_MAX];
    struct group_member *members[GROUPS_MAX][GROUP_SLOTS_MAX];
    struct group_watch *watch;
    uint64_t commit_number, edition;
    struct group_counts counts;
    struct group_audit *audit;
};

uint64_t groups_below(struct groups *gs, uint64_t n);

#endif
