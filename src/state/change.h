/* change.h - the change records of @meta: what the machine tells the read
 * image. They live in memory only, between one program's threads.
 *
 *   CLUSTER     uuid, the next group u64
 *   NODE        id i32, incarnation u32, directory uuid, peer host text, port
 *               u16, client host text, port u16, rack text, version text
 *   TOPIC       uuid, name text, created i64, internal u8, PARTITIONS part,
 *               CONFIGS part: a topic that is new
 *   PARTITIONS  uuid, then n u32, n * {group u64, k u8, k * node i32}: added
 *               behind those that are there
 *   CONFIGS     uuid, then n uvarint, n * {name text, value text}: all
 *               overrides, by name
 *   DELETED     uuid: an explicit deletion
 *   SHARDS      n u8, n * {group u64, k u8, k * node i32}: all of @groups
 *
 * A record begins with its kind, u8. Text is a length, uvarint, and bytes.
 */
#ifndef STATE_CHANGE_H
#define STATE_CHANGE_H

#include "base/buf.h"
#include "base/cursor.h"
#include "state/image.h"

enum change_kind {
    CHANGE_CLUSTER = 1,
    CHANGE_NODE = 2,
    CHANGE_TOPIC = 3,
    CHANGE_PARTITIONS = 4,
    CHANGE_CONFIGS = 5,
    CHANGE_DELETED = 6,
    CHANGE_SHARDS = 7
};

/* Parts that commands and change records share. */
void change_put_text(struct buf *b, struct slice s);
void change_put_uuid(struct buf *b, struct uuid u);
void change_put_node(struct buf *b, const struct image_node *n);
/* Node ids of one partition, as {k u8, k * i32}. */
void change_put_replicas(struct buf *b, const struct image_partition *p);

/* Longer than `max`, or with a zero byte inside: the cursor fails. */
struct slice change_take_text(struct cursor *c, size_t max);
/* The same into `out` of max + 1 bytes, terminated. */
void change_copy_text(struct cursor *c, char *out, size_t max);
struct uuid change_take_uuid(struct cursor *c);
void change_take_node(struct cursor *c, struct image_node *ret_n);
void change_take_replicas(struct cursor *c, struct image_partition *ret_p);

#endif
