/* group_config.c - configurations as bytes: u8 version (1), u8 n, then per
 * member u64 id, u8 role. In CHANGE entries, manifests and OPEN records. */
#include "base/assert.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/cursor.h"
#include "raft/group.h"

#define CONFIG_VERSION 1

void group_config_encode(const struct group_config *c, struct buf *out)
{
    ASSERT(c->n <= GROUP_MEMBERS_MAX);
    buf_put_u8(out, CONFIG_VERSION);
    buf_put_u8(out, (uint8_t)c->n);
    for (unsigned i = 0; i < c->n; i++) {
        uint8_t id[8];
        le64_store(id, c->members[i].id);
        buf_put(out, id, sizeof id);
        buf_put_u8(out, (uint8_t)c->members[i].role);
    }
}

/* The member just read is new and has a role. */
static bool config_member_valid(const struct group_config *c, unsigned last)
{
    const struct group_member *m = &c->members[last];
    if (m->id == 0 || (m->role != GROUP_VOTER && m->role != GROUP_STANDBY)) {
        return false;
    }
    for (unsigned i = 0; i < last; i++) {
        if (c->members[i].id == m->id) {
            return false;
        }
    }
    return true;
}

int group_config_decode(struct slice in, struct group_config *ret_c)
{
    struct cursor cursor;
    struct group_config c = {.n = 0};
    unsigned voters = 0;
    cursor_init(&cursor, in);
    unsigned version = cursor_u8(&cursor);
    c.n = cursor_u8(&cursor);
    if (version != CONFIG_VERSION || c.n == 0 || c.n > GROUP_MEMBERS_MAX) {
        return ERR_CORRUPT;
    }
    for (unsigned i = 0; i < c.n; i++) {
        c.members[i].id = cursor_u64le(&cursor);
        c.members[i].role = (enum group_member_role)cursor_u8(&cursor);
        if (!config_member_valid(&c, i)) {
            return ERR_CORRUPT;
        }
        voters += c.members[i].role == GROUP_VOTER;
    }
    if (cursor.status != 0 || cursor_left(&cursor) != 0 || voters == 0) {
        return ERR_CORRUPT;
    }
    *ret_c = c;
    return 0;
}
