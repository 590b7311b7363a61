/* cgroup_change.c - what a step tells the image (cgroup_image.h). */
#include "state/cgroup_image.h"
#include "state/cgroup_impl.h"

void cgroup_change_group(struct buf *b, const struct cgroup *g)
{
    buf_put_u8(b, CGROUP_CHANGE_GROUP);
    change_put_text(b, g->id);
    buf_put_u8(b, (uint8_t)g->state);
    buf_put_u32(b, (uint32_t)g->generation);
    buf_put_u64(b, (uint64_t)g->round);
    change_put_text(b, g->protocol_type);
    change_put_text(b, g->protocol);
    change_put_text(b, g->leader);
    buf_put_u64(b, (uint64_t)g->since_ms);
    buf_put_u64(b, (uint64_t)g->begun_ms);
    buf_put_u64(b, (uint64_t)g->due_ms);
    buf_put_u32(b, g->initial_ms);
}

void cgroup_change_group_gone(struct buf *b, struct slice id)
{
    buf_put_u8(b, CGROUP_CHANGE_GROUP_GONE);
    change_put_text(b, id);
}

void cgroup_change_member(struct buf *b, struct slice group,
                          const struct cgroup_member *m)
{
    buf_put_u8(b, CGROUP_CHANGE_MEMBER);
    change_put_text(b, group);
    change_put_text(b, m->id);
    change_put_text(b, m->instance);
    change_put_text(b, m->client_id);
    change_put_text(b, m->client_host);
    buf_put_u32(b, m->session_ms);
    buf_put_u32(b, m->rebalance_ms);
    buf_put_u8(b, (uint8_t)((m->pending ? 1 : 0) | (m->joined ? 2 : 0)));
    buf_put_u64(b, m->touched);
    cgroup_put_bytes(b, m->protocols);
    cgroup_put_bytes(b, m->assignment);
}

void cgroup_change_member_gone(struct buf *b, struct slice group,
                               struct slice id)
{
    buf_put_u8(b, CGROUP_CHANGE_MEMBER_GONE);
    change_put_text(b, group);
    change_put_text(b, id);
}

void cgroup_change_offset(struct buf *b, struct slice group,
                          const struct cgroup_offset *o)
{
    buf_put_u8(b, CGROUP_CHANGE_OFFSET);
    change_put_text(b, group);
    change_put_uuid(b, o->topic);
    buf_put_u32(b, (uint32_t)o->partition);
    buf_put_u64(b, (uint64_t)o->offset);
    buf_put_u32(b, (uint32_t)o->epoch);
    cgroup_put_bytes(b, o->metadata);
    buf_put_u64(b, (uint64_t)o->time_ms);
    buf_put_u64(b, (uint64_t)o->expire_ms);
}

void cgroup_change_offset_gone(struct buf *b, struct slice group,
                               struct uuid topic, int32_t partition)
{
    buf_put_u8(b, CGROUP_CHANGE_OFFSET_GONE);
    change_put_text(b, group);
    change_put_uuid(b, topic);
    buf_put_u32(b, (uint32_t)partition);
}
