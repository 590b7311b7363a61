/* decode.c - bytes from strangers into structs, by the tables.
 *
 * Every length is checked by the cursor against the bytes left; the count of
 * an array is checked against the fewest bytes its elements can take before
 * memory is asked for, so that what is allocated stays a small multiple of
 * what was received. Depth is the schema's, not the input's.
 */
#include "wire/message.h"

#include "base/assert.h"
#include "base/err.h"
#include "wire/field.h"

/* One call of wire_decode(). Malformed input is the cursor's sticky status,
 * `status` is what is not the input's fault. */
struct source {
    struct cursor *c;
    struct arena *arena;
    int version;
    bool flexible;
    int status;
    int depth;
};

static void get_struct(struct source *s, const struct wire_struct *shape,
                       uint8_t *out);

static void out_of_memory(struct source *s)
{
    s->status = ERR_NOMEM;
    cursor_fail(s->c);
}

/* A length or count: -1 is null. Classic ones are `width` bytes wide. */
static int64_t get_len(struct source *s, int width)
{
    if (s->flexible) {
        return (int64_t)cursor_uvarint32(s->c) - 1;
    }
    int64_t len =
        width == 2 ? (int16_t)cursor_u16(s->c) : (int32_t)cursor_u32(s->c);
    if (len < -1) {
        cursor_fail(s->c);
    }
    return len;
}

static struct slice get_slice(struct source *s, const struct wire_field *f)
{
    bool string = f->type == WIRE_STRING;
    int64_t len = get_len(s, string ? 2 : 4);
    if (s->c->status == 0 && len < 0 && !value_nullable(f, s->version)) {
        cursor_fail(s->c);
    }
    if (string && len > WIRE_STRING_MAX) {
        cursor_fail(s->c);
    }
    if (s->c->status != 0 || len < 0) {
        return slice_of(NULL, 0);
    }
    struct slice bytes = cursor_take(s->c, (size_t)len);
    if (bytes.len == 0) {
        bytes.data = field_nothing();
    }
    return bytes;
}

static void get_pointer(struct source *s, const struct wire_field *f, void *out)
{
    uint8_t *sub = NULL;
    int8_t there = (int8_t)cursor_u8(s->c);
    if (s->c->status == 0 && there >= 0) {
        sub = arena_calloc(s->arena, 1, f->sub->size);
        if (sub == NULL) {
            out_of_memory(s);
        } else {
            get_struct(s, f->sub, sub);
        }
    } else if (!value_nullable(f, s->version)) {
        cursor_fail(s->c);
    }
    memcpy(out, &sub, sizeof sub);
}

static void get_value(struct source *s, const struct wire_field *f, void *out)
{
    struct cursor *c = s->c;
    switch ((enum wire_type)f->type) {
    case WIRE_BOOL:
        *(bool *)out = cursor_u8(c) != 0;
        break;
    case WIRE_I8:
        *(uint8_t *)out = cursor_u8(c);
        break;
    case WIRE_I16:
    case WIRE_U16:
        *(uint16_t *)out = cursor_u16(c);
        break;
    case WIRE_I32:
        *(uint32_t *)out = cursor_u32(c);
        break;
    case WIRE_I64:
        *(uint64_t *)out = cursor_u64(c);
        break;
    case WIRE_F64: {
        uint64_t bits = cursor_u64(c);
        memcpy(out, &bits, sizeof bits);
        break;
    }
    case WIRE_UUID: {
        struct slice b = cursor_take(c, sizeof(struct uuid));
        *(struct uuid *)out = (struct uuid){{0}};
        if (b.len == sizeof(struct uuid)) {
            memcpy(out, b.data, b.len);
        }
        break;
    }
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        *(struct slice *)out = get_slice(s, f);
        break;
    case WIRE_ROPE: {
        struct slice b = get_slice(s, f);
        *(struct wire_rope *)out = (struct wire_rope){b.data, b.len, NULL, 0};
        break;
    }
    case WIRE_STRUCT:
        if (field_by_pointer(f)) {
            get_pointer(s, f, out);
        } else {
            get_struct(s, f->sub, out);
        }
        break;
    }
}

static void get_array(struct source *s, const struct wire_field *f, void *out)
{
    array_store(out, NULL, 0);
    int64_t n = get_len(s, 4);
    if (s->c->status == 0 && n < 0 && !field_nullable(f, s->version)) {
        cursor_fail(s->c);
    }
    if (n > WIRE_COUNT_MAX ||
        (n > 0 && (size_t)n > cursor_left(s->c) /
                                  field_min_size(f, s->version, s->flexible))) {
        cursor_fail(s->c);
    }
    if (s->c->status != 0 || n < 0) {
        return;
    }
    size_t elem = field_elem_size(f);
    uint8_t *p =
        n == 0 ? field_nothing() : arena_calloc(s->arena, (size_t)n, elem);
    if (p == NULL) {
        out_of_memory(s);
        return;
    }
    array_store(out, p, (size_t)n);
    for (int64_t i = 0; i < n && s->c->status == 0; i++) {
        get_value(s, f, p + (size_t)i * elem);
    }
}

static void get_field(struct source *s, const struct wire_field *f, void *out)
{
    if (f->flags & WIRE_ARRAY) {
        get_array(s, f, out);
    } else {
        get_value(s, f, out);
    }
}

static const struct wire_field *find_tag(const struct wire_struct *shape,
                                         int version, uint32_t tag)
{
    for (unsigned i = 0; i < shape->n_fields; i++) {
        const struct wire_field *f = &shape->fields[i];
        if (field_in(f, version) && field_tagged(f, version) && f->tag == tag) {
            return f;
        }
    }
    return NULL;
}

/* KIP-482: count, then {tag, size, bytes}. What is known must be exactly as
 * long as it says. A tag that comes twice is an attack on the arena. */
static void get_tags(struct source *s, const struct wire_struct *shape,
                     uint8_t *out)
{
    uint32_t n = cursor_uvarint32(s->c);
    int64_t last = -1;
    for (uint32_t i = 0; i < n && s->c->status == 0; i++) {
        uint32_t tag = cursor_uvarint32(s->c);
        size_t len = cursor_uvarint32(s->c);
        struct slice bytes = cursor_take(s->c, len);
        if (s->c->status != 0 || (int64_t)tag <= last) {
            cursor_fail(s->c);
            return;
        }
        last = tag;
        const struct wire_field *f = find_tag(shape, s->version, tag);
        if (f == NULL) {
            continue;
        }
        struct cursor inside;
        cursor_init(&inside, bytes);
        struct source sub = *s;
        sub.c = &inside;
        get_field(&sub, f, out + f->at);
        s->status = sub.status;
        if (inside.status != 0 || cursor_left(&inside) != 0) {
            cursor_fail(s->c);
        }
    }
}

static void get_struct(struct source *s, const struct wire_struct *shape,
                       uint8_t *out)
{
    s->depth++;
    ASSERT(s->depth <= WIRE_DEPTH_MAX);
    for (unsigned i = 0; i < shape->n_fields; i++) {
        const struct wire_field *f = &shape->fields[i];
        if (field_in(f, s->version) && !field_tagged(f, s->version)) {
            get_field(s, f, out + f->at);
        } else {
            field_set_default(f, out + f->at);
        }
    }
    if (s->flexible) {
        get_tags(s, shape, out);
    }
    s->depth--;
}

int wire_decode(const struct wire_message *m, int version, struct cursor *c,
                struct arena *a, void *out)
{
    if (!wire_has_version(m, version)) {
        return ERR_VERSION;
    }
    struct source s = {.c = c,
                       .arena = a,
                       .version = version,
                       .flexible = wire_is_flexible(m, version)};
    memset(out, 0, m->body.size);
    get_struct(&s, &m->body, out);
    return s.status != 0 ? s.status : c->status;
}
