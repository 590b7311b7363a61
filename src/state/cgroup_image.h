/* cgroup_image.h - the loop's read image of one shard of consumer groups:
 * plain structs, kept up to date by change records. Who answers a client reads
 * this.
 *
 *   GROUP        id text, state u8, generation u32, round u64, protocol type
 *                text, protocol text, leader text, since u64, begun u64, due
 *                u64, initial delay u32
 *   GROUP_GONE   id text
 *   MEMBER       group text, id text, instance text, client id text, client
 *                host text, session u32, rebalance u32, flags u8 {1 pending, 2
 *                joined}, touched u64, protocols bytes, assignment bytes
 *   MEMBER_GONE  group text, id text
 *   OFFSET       group text, topic uuid, partition u32, offset u64, epoch u32,
 *                metadata bytes, time u64, expire u64
 *   OFFSET_GONE  group text, topic uuid, partition u32
 *
 * A record begins with its kind, u8. Records live in memory only, between one
 * program's threads. Text and bytes are a length, uvarint, and bytes.
 *
 * Everything returned is borrowed until the next cgroup_image_change().
 * Thread: the loop's.
 */
#ifndef STATE_CGROUP_IMAGE_H
#define STATE_CGROUP_IMAGE_H

#include "base/mem.h"
#include "state/cgroup.h"

enum cgroup_change_kind {
    CGROUP_CHANGE_GROUP = 1,
    CGROUP_CHANGE_GROUP_GONE = 2,
    CGROUP_CHANGE_MEMBER = 3,
    CGROUP_CHANGE_MEMBER_GONE = 4,
    CGROUP_CHANGE_OFFSET = 5,
    CGROUP_CHANGE_OFFSET_GONE = 6
};

struct cgroup_view_member {
    struct slice id, instance, client_id, client_host;
    uint32_t session_ms, rebalance_ms;
    bool pending, joined;
    uint64_t touched;
    struct slice protocols;  /* cgroup_view_metadata() reads them */
    struct slice assignment; /* of the generation, "" before the sync */
    void *data;              /* the owner's; kept when the member changes */
};

struct cgroup_view_offset {
    struct uuid topic;
    int32_t partition;
    int64_t offset;
    int32_t epoch;
    struct slice metadata;
    int64_t time_ms, expire_ms;
};

struct cgroup_view {
    struct slice id;
    enum cgroup_state state;
    int32_t generation;
    int64_t round;
    struct slice protocol_type, protocol, leader;
    int64_t since_ms, begun_ms, due_ms;
    uint32_t initial_ms;
    struct cgroup_view_member **members; /* by id */
    unsigned n_members, cap_members;
    struct cgroup_view_offset **offsets; /* by topic, partition */
    unsigned n_offsets, cap_offsets;
    size_t bytes;  /* of memory, all that it has included */
    void *data;    /* the owner's; kept when the group changes */
    uint8_t *text; /* private */
};
/* Bytes of memory that an offset takes, and a member whose texts have so
 * many. */
size_t cgroup_view_offset_bytes(size_t metadata_len);
size_t cgroup_view_member_bytes(size_t text_len);

struct cgroup_image;

/* Empty. NULL without memory. */
struct cgroup_image *cgroup_image_new(struct mem *mem);
/* NULL is fine. */
void cgroup_image_free(struct cgroup_image *im);

enum cgroup_event {
    CGROUP_EVENT_GROUP,       /* it, one of its members, or both */
    CGROUP_EVENT_MEMBER_GONE, /* `m` is still valid during the call */
    CGROUP_EVENT_GROUP_GONE,  /* so is `g`; it has no members left */
    CGROUP_EVENT_RESET        /* everything was replaced; no `data` is left */
};
typedef void (*cgroup_watch_cb)(void *arg, enum cgroup_event event,
                                struct cgroup_view *g,
                                struct cgroup_view_member *m);
/* One watcher, told after the image holds the change. RESET: once before all
 * is freed, with g and m NULL. */
void cgroup_image_watch(struct cgroup_image *im, cgroup_watch_cb cb, void *arg);

/* Take change records; `reset`: they are the whole state. Errors: ERR_CORRUPT,
 * ERR_NOMEM. */
int cgroup_image_change(struct cgroup_image *im, struct slice changes,
                        bool reset);

/* NULL where there is none. */
struct cgroup_view *cgroup_image_find(const struct cgroup_image *im,
                                      struct slice id);
struct cgroup_view_member *cgroup_view_member(const struct cgroup_view *g,
                                              struct slice id);
struct cgroup_view_member *cgroup_view_instance(const struct cgroup_view *g,
                                                struct slice instance);
const struct cgroup_view_offset *cgroup_view_offset(const struct cgroup_view *g,
                                                    struct uuid topic,
                                                    int32_t partition);
/* What a member said for a protocol; "" if it does not offer it. */
struct slice cgroup_view_metadata(const struct cgroup_view_member *m,
                                  struct slice protocol);
/* Which of these topics does a member subscribe to, by any protocol that it
 * offers? Of protocol type "consumer", whose members say so in a
 * ConsumerProtocolSubscription: {version u16, n u32, n * {length u16, topic},
 * more}. All of them if one of these cannot be read. What members say is read
 * once. Errors: ERR_NOMEM. */
int cgroup_view_subscriptions(const struct cgroup_view *g, struct mem *mem,
                              const struct slice topics[], bool subscribed[],
                              unsigned n);
/* Walk all groups: *it starts as NULL; NULL ends it. */
struct cgroup_view *cgroup_image_next(const struct cgroup_image *im, void **it);
unsigned cgroup_image_count(const struct cgroup_image *im);
/* Of all groups; a uint64_t for a metric, valid for the image's life. */
const uint64_t *cgroup_image_bytes(const struct cgroup_image *im);
/* Does any group hold an offset of this topic? */
bool cgroup_image_holds(const struct cgroup_image *im, struct uuid topic);
/* Walk those topics: *it starts as NULL; false ends it. */
bool cgroup_image_next_topic(const struct cgroup_image *im, void **it,
                             struct uuid *ret_topic);

/* ---- rules that need no command ------------------------------------------
 */

/* What a heartbeat is answered with: 0 22 25 27 82. */
int cgroup_view_heartbeat(const struct cgroup_view *g, struct slice member,
                          struct slice instance, int32_t generation);

#endif
