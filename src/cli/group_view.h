/* group_view.h - what a cluster says of its consumer groups: which there are,
 * and of one its state, its members with what they read, and its committed
 * offsets with what lies behind them.
 *
 * Everything lies in the arena of the group_client.
 */
#ifndef CLI_GROUP_VIEW_H
#define CLI_GROUP_VIEW_H

#include "cli/assignment.h"
#include "cli/group_client.h"

/* ---- all groups ---------------------------------------------------------- */

struct group_listed {
    struct slice id, protocol_type;
    struct slice state; /* "" if the cluster is too old to say */
    struct slice type;  /* the same */
    int32_t node;       /* who coordinates it */
};
struct group_listing {
    struct group_listed *groups; /* by id, each once */
    size_t n;
    unsigned n_silent; /* nodes that did not answer; said on stderr */
};
/* Ask every node. */
int group_view_list(struct group_client *g, struct group_listing *ret_l);
/* Equal but for the case of letters. */
bool group_view_same_word(struct slice a, struct slice b);

/* ---- one group ----------------------------------------------------------- */

struct group_member {
    struct slice id, instance, client_id, host;
    struct assignment_part *parts; /* NULL: see `garbage` */
    unsigned n_parts;
    size_t bytes; /* of the assignment */
    bool garbage; /* it is no list of partitions */
};

struct group_position {
    struct slice topic;
    int32_t partition;
    int64_t committed; /* -1: none */
    int32_t epoch;     /* of the commit; -1: unknown */
    struct slice metadata;
    int64_t end; /* after group_view_ends(); -1: not known */
    int16_t end_code;
    const struct group_member *member; /* who reads it, or NULL */
};

struct group_view {
    struct slice id;
    bool exists;
    bool described;     /* false: of a kind that nobody here can ask for */
    struct slice type;  /* "classic", "consumer" */
    struct slice state; /* "Dead": there is none */
    struct slice protocol_type;
    struct slice assignor; /* "" while there is none */
    int32_t coordinator;
    struct group_member *members;
    unsigned n_members;
    struct group_position *positions; /* by topic and partition */
    size_t n_positions, n_committed;
};

/* Ask the group's coordinator (`node`, or -1: it is looked for). A group that
 * there is not is no failure: `exists` says so. */
int group_view_take(struct group_client *g, struct slice id, int32_t node,
                    struct group_view *ret_v);
/* Of a group that DescribeGroups does not know: one of the newer protocol? Part
 * of the above. */
int group_view_take_newer(struct group_client *g, struct group_view *v);
/* Fill the ends of all positions of these groups. */
int group_view_ends(struct group_client *g, struct group_view v[], size_t n);
/* There is no such group: say so, with the name that is nearest. Returns
 * EXIT_NOTFOUND. */
int group_view_absent(struct group_client *g, struct slice id);
/* How far behind; -1: not known. */
int64_t group_view_lag(const struct group_position *p);

#endif
