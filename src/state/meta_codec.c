/* meta_codec.c - commands and results of @meta as bytes.
 *
 *   command   version u8 = 1, kind u8, command id uuid, body
 *   result    version u8 = 1, error u16, message text, topic uuid,
 *             partitions u32, replication u16, first producer id u64
 *   bootstrap version u8 = 1, cluster uuid, n u8, n * node
 *
 * Bodies are as the encoders write them; text, node and replicas are those of
 * change.h. Versions stay readable for ever: a new one gets a new number.
 */
#include "base/assert.h"
#include "state/meta_impl.h"

#define BOOTSTRAP_VERSION   1
#define BOOTSTRAP_NODES_MAX 255

/* ---- encoding -----------------------------------------------------------
 */

static void put_str(struct buf *b, const char *s)
{
    change_put_text(b, slice_str(s == NULL ? "" : s));
}

static void put_head(struct buf *b, enum meta_kind kind, struct uuid command)
{
    buf_put_u8(b, META_VERSION);
    buf_put_u8(b, (uint8_t)kind);
    change_put_uuid(b, command);
}

static void put_assigned(struct buf *b, const struct image_partition *p,
                         unsigned n)
{
    buf_put_uvarint(b, n);
    for (unsigned i = 0; i < n; i++) {
        change_put_replicas(b, &p[i]);
    }
}

void meta_encode_bootstrap(const struct meta_bootstrap *b, struct buf *out)
{
    ASSERT(b->n_nodes <= BOOTSTRAP_NODES_MAX);
    buf_put_u8(out, BOOTSTRAP_VERSION);
    change_put_uuid(out, b->cluster);
    buf_put_u8(out, (uint8_t)b->n_nodes);
    for (unsigned i = 0; i < b->n_nodes; i++) {
        change_put_node(out, &b->nodes[i]);
    }
}

void meta_encode_register(const struct meta_register *c, struct uuid command,
                          struct buf *out)
{
    put_head(out, META_REGISTER_NODE, command);
    buf_put_u32(out, (uint32_t)c->node);
    change_put_uuid(out, c->directory);
    put_str(out, c->client_host);
    buf_put_u16(out, c->client_port);
    put_str(out, c->rack);
    put_str(out, c->version);
}

void meta_encode_create_topic(const struct meta_create_topic *c,
                              struct uuid command, struct buf *out)
{
    put_head(out, META_CREATE_TOPIC, command);
    change_put_text(out, c->name);
    change_put_uuid(out, c->id);
    buf_put_u32(out, (uint32_t)c->partitions);
    buf_put_u16(out, (uint16_t)c->replication);
    buf_put_uvarint(out, c->n_configs);
    for (unsigned i = 0; i < c->n_configs; i++) {
        put_str(out, c->configs[i].name);
        put_str(out, c->configs[i].value);
    }
    put_assigned(out, c->assigned, c->n_assigned);
    buf_put_u8(out, c->validate_only);
}

void meta_encode_delete_topic(struct uuid id, struct slice name,
                              struct uuid command, struct buf *out)
{
    put_head(out, META_DELETE_TOPIC, command);
    change_put_uuid(out, id);
    change_put_text(out, name);
}

void meta_encode_create_partitions(const struct meta_create_partitions *c,
                                   struct uuid command, struct buf *out)
{
    put_head(out, META_CREATE_PARTITIONS, command);
    change_put_text(out, c->name);
    buf_put_u32(out, (uint32_t)c->count);
    put_assigned(out, c->assigned, c->n_assigned);
    buf_put_u8(out, c->validate_only);
}

void meta_encode_alter_configs(const struct meta_alter_configs *c,
                               struct uuid command, struct buf *out)
{
    put_head(out, META_ALTER_CONFIGS, command);
    change_put_text(out, c->topic);
    buf_put_u8(out, c->replace);
    buf_put_uvarint(out, c->n_ops);
    for (unsigned i = 0; i < c->n_ops; i++) {
        ASSERT(c->ops[i].value != NULL || c->ops[i].op == META_CONFIG_DELETE);
        buf_put_u8(out, (uint8_t)c->ops[i].op);
        put_str(out, c->ops[i].name);
        if (c->ops[i].op != META_CONFIG_DELETE) {
            put_str(out, c->ops[i].value);
        }
    }
}

void meta_encode_producer_ids(int32_t node, struct uuid command,
                              struct buf *out)
{
    put_head(out, META_PRODUCER_IDS, command);
    buf_put_u32(out, (uint32_t)node);
}

void meta_encode_create_shards(struct uuid command, struct buf *out)
{
    put_head(out, META_CREATE_SHARDS, command);
}

void meta_encode_result(const struct meta_result *r, struct buf *out)
{
    buf_put_u8(out, META_VERSION);
    buf_put_u16(out, (uint16_t)r->error);
    put_str(out, r->message);
    change_put_uuid(out, r->topic);
    buf_put_u32(out, (uint32_t)r->partitions);
    buf_put_u16(out, (uint16_t)r->replication);
    buf_put_u64(out, (uint64_t)r->first_producer_id);
}

/* ---- decoding -----------------------------------------------------------
 */

static bool take_bool(struct cursor *c)
{
    uint8_t v = cursor_u8(c);
    if (v > 1) {
        cursor_fail(c);
    }
    return v == 1;
}

/* No memory is not the command's fault: another replica may have some. */
static void no_memory(struct cursor *c)
{
    c->status = c->status == 0 ? ERR_NOMEM : c->status;
    cursor_fail(c);
}

static const char *take_str(struct cursor *c, struct arena *a, size_t max)
{
    struct slice s = change_take_text(c, max);
    char *copy = arena_strdup(a, s);
    if (copy == NULL) {
        no_memory(c);
        return "";
    }
    return copy;
}

/* A count of things that take at least `min_bytes` each. */
static unsigned take_count(struct cursor *c, unsigned max, size_t min_bytes)
{
    uint64_t n = cursor_uvarint(c);
    if (n > max || n > cursor_left(c) / min_bytes) {
        cursor_fail(c);
        return 0;
    }
    return (unsigned)n;
}

static void *take_array(struct cursor *c, struct arena *a, unsigned n,
                        size_t size)
{
    void *p = n == 0 ? NULL : arena_calloc(a, n, size);
    if (n > 0 && p == NULL) {
        no_memory(c);
    }
    return p;
}

static const struct image_partition *
take_assigned(struct cursor *c, struct arena *a, unsigned *ret_n)
{
    unsigned n = take_count(c, META_PARTITIONS_MAX, 1);
    struct image_partition *p = take_array(c, a, n, sizeof *p);
    *ret_n = p == NULL ? 0 : n;
    for (unsigned i = 0; i < *ret_n && c->status == 0; i++) {
        change_take_replicas(c, &p[i]);
    }
    return p;
}

static void take_end(struct cursor *c)
{
    if (c->status == 0 && cursor_left(c) > 0) {
        cursor_fail(c);
    }
}

void meta_decode_head(struct cursor *c, struct meta_head *ret_h)
{
    ret_h->version = cursor_u8(c);
    ret_h->kind = cursor_u8(c);
    ret_h->command = change_take_uuid(c);
}

void meta_decode_register(struct cursor *c, struct arena *a,
                          struct meta_register *ret_r)
{
    *ret_r = (struct meta_register){0};
    ret_r->node = (int32_t)cursor_u32(c);
    ret_r->directory = change_take_uuid(c);
    ret_r->client_host = take_str(c, a, IMAGE_HOST_MAX);
    ret_r->client_port = cursor_u16(c);
    ret_r->rack = take_str(c, a, sizeof((struct image_node *)0)->rack - 1);
    ret_r->version =
        take_str(c, a, sizeof((struct image_node *)0)->version - 1);
    take_end(c);
}

void meta_decode_create_topic(struct cursor *c, struct arena *a,
                              struct meta_create_topic *ret_c)
{
    *ret_c = (struct meta_create_topic){0};
    ret_c->name = change_take_text(c, UINT16_MAX);
    ret_c->id = change_take_uuid(c);
    ret_c->partitions = (int32_t)cursor_u32(c);
    ret_c->replication = (int16_t)cursor_u16(c);
    unsigned n = take_count(c, META_CONFIGS_MAX, 2);
    struct image_config *configs = take_array(c, a, n, sizeof *configs);
    for (unsigned i = 0; configs != NULL && i < n && c->status == 0; i++) {
        configs[i].name = take_str(c, a, META_CONFIG_NAME_MAX);
        configs[i].value = take_str(c, a, META_CONFIG_VALUE_MAX);
    }
    ret_c->configs = configs;
    ret_c->n_configs = n;
    ret_c->assigned = take_assigned(c, a, &ret_c->n_assigned);
    ret_c->validate_only = take_bool(c);
    take_end(c);
}

void meta_decode_delete_topic(struct cursor *c, struct uuid *ret_id,
                              struct slice *ret_name)
{
    *ret_id = change_take_uuid(c);
    *ret_name = change_take_text(c, UINT16_MAX);
    take_end(c);
}

void meta_decode_create_partitions(struct cursor *c, struct arena *a,
                                   struct meta_create_partitions *ret_c)
{
    *ret_c = (struct meta_create_partitions){0};
    ret_c->name = change_take_text(c, UINT16_MAX);
    ret_c->count = (int32_t)cursor_u32(c);
    ret_c->assigned = take_assigned(c, a, &ret_c->n_assigned);
    ret_c->validate_only = take_bool(c);
    take_end(c);
}

void meta_decode_alter_configs(struct cursor *c, struct arena *a,
                               struct meta_alter_configs *ret_c)
{
    *ret_c = (struct meta_alter_configs){0};
    ret_c->topic = change_take_text(c, UINT16_MAX);
    ret_c->replace = take_bool(c);
    unsigned n = take_count(c, META_CONFIGS_MAX, 2);
    struct meta_config_change *ops = take_array(c, a, n, sizeof *ops);
    for (unsigned i = 0; ops != NULL && i < n && c->status == 0; i++) {
        uint8_t op = cursor_u8(c);
        if (op > META_CONFIG_SUBTRACT) {
            cursor_fail(c);
        }
        ops[i].op = (enum meta_config_op)op;
        ops[i].name = take_str(c, a, META_CONFIG_NAME_MAX);
        if (op != META_CONFIG_DELETE) {
            ops[i].value = take_str(c, a, META_CONFIG_VALUE_MAX);
        }
    }
    ret_c->ops = ops;
    ret_c->n_ops = n;
    take_end(c);
}

void meta_decode_producer_ids(struct cursor *c, int32_t *ret_node)
{
    *ret_node = (int32_t)cursor_u32(c);
    take_end(c);
}

void meta_decode_create_shards(struct cursor *c)
{
    take_end(c);
}

int meta_decode_bootstrap(struct slice in, struct arena *a,
                          struct meta_bootstrap *ret_b)
{
    struct cursor c;
    cursor_init(&c, in);
    if (cursor_u8(&c) != BOOTSTRAP_VERSION) {
        return ERR_INVALID;
    }
    *ret_b = (struct meta_bootstrap){.cluster = change_take_uuid(&c)};
    unsigned n = cursor_u8(&c);
    struct image_node *nodes = arena_calloc(a, n + 1, sizeof *nodes);
    if (nodes == NULL) {
        return ERR_NOMEM;
    }
    for (unsigned i = 0; i < n && c.status == 0; i++) {
        change_take_node(&c, &nodes[i]);
    }
    take_end(&c);
    ret_b->nodes = nodes;
    ret_b->n_nodes = n;
    return c.status == 0 && n > 0 ? 0 : ERR_INVALID;
}

int meta_decode_result(struct slice in, struct meta_result *ret_r)
{
    struct meta_result r = {0};
    struct cursor c;
    cursor_init(&c, in);
    uint8_t version = cursor_u8(&c);
    r.error = (int16_t)cursor_u16(&c);
    change_copy_text(&c, r.message, sizeof r.message - 1);
    r.topic = change_take_uuid(&c);
    r.partitions = (int32_t)cursor_u32(&c);
    r.replication = (int16_t)cursor_u16(&c);
    r.first_producer_id = (int64_t)cursor_u64(&c);
    take_end(&c);
    if (c.status != 0 || version != META_VERSION) {
        return ERR_CORRUPT;
    }
    *ret_r = r;
    return 0;
}
