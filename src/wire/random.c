/* random.c - arbitrary messages for property tests, by the tables. */
#include "wire/message.h"

#include "base/assert.h"
#include "base/err.h"
#include "wire/field.h"

#define RANDOM_ELEMS_MAX  3
#define RANDOM_STRING_MAX 200
#define RANDOM_BYTES_MAX  1000

struct dice {
    struct rand *r;
    struct arena *arena;
    int version;
    int status;
};

static void roll_struct(struct dice *d, const struct wire_struct *shape,
                        uint8_t *out);

static bool one_in(struct dice *d, uint64_t n)
{
    return rand_below(d->r, n) == 0;
}

/* Numbers near the edges more often than chance would have them. */
static int64_t roll_number(struct dice *d)
{
    static const int64_t edges[] = {0,         1,         -1,        INT8_MAX,
                                    INT8_MIN,  INT16_MAX, INT16_MIN, INT32_MAX,
                                    INT32_MIN, INT64_MAX, INT64_MIN};
    if (one_in(d, 2)) {
        return (int64_t)rand_next(d->r);
    }
    return edges[rand_below(d->r, sizeof edges / sizeof *edges)];
}

/* Lengths around the places where a compact length grows by a byte too. */
static size_t roll_len(struct dice *d, size_t max)
{
    static const size_t edges[] = {0, 1, 126, 127, 128};
    if (one_in(d, 3)) {
        return edges[rand_below(d->r, sizeof edges / sizeof *edges)];
    }
    return rand_below(d->r, one_in(d, 4) ? max : 12);
}

static struct slice roll_slice(struct dice *d, const struct wire_field *f)
{
    bool string = f->type == WIRE_STRING;
    if (value_nullable(f, d->version) && one_in(d, 4)) {
        return slice_of(NULL, 0);
    }
    size_t len = roll_len(d, string ? RANDOM_STRING_MAX : RANDOM_BYTES_MAX);
    uint8_t *p = arena_alloc(d->arena, len + 1);
    if (p == NULL) {
        d->status = ERR_NOMEM;
        return slice_of(NULL, 0);
    }
    rand_fill(d->r, p, len);
    for (size_t i = 0; string && i < len; i++) {
        p[i] = (uint8_t)('a' + p[i] % 26);
    }
    return slice_of(p, len);
}

static void roll_pointer(struct dice *d, const struct wire_field *f, void *out)
{
    uint8_t *sub = NULL;
    if (!value_nullable(f, d->version) || !one_in(d, 3)) {
        sub = arena_calloc(d->arena, 1, f->sub->size);
        if (sub == NULL) {
            d->status = ERR_NOMEM;
        } else {
            roll_struct(d, f->sub, sub);
        }
    }
    memcpy(out, &sub, sizeof sub);
}

static void roll_value(struct dice *d, const struct wire_field *f, void *out)
{
    switch ((enum wire_type)f->type) {
    case WIRE_BOOL:
        *(bool *)out = one_in(d, 2);
        break;
    case WIRE_I8:
        *(int8_t *)out = (int8_t)roll_number(d);
        break;
    case WIRE_I16:
    case WIRE_U16:
        *(int16_t *)out = (int16_t)roll_number(d);
        break;
    case WIRE_I32:
        *(int32_t *)out = (int32_t)roll_number(d);
        break;
    case WIRE_I64:
        *(int64_t *)out = roll_number(d);
        break;
    case WIRE_F64:
        *(double *)out = (double)roll_number(d);
        break;
    case WIRE_UUID:
        rand_fill(d->r, out, sizeof(struct uuid));
        break;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        *(struct slice *)out = roll_slice(d, f);
        break;
    case WIRE_ROPE: {
        struct slice s = roll_slice(d, f);
        *(struct wire_rope *)out = (struct wire_rope){s.data, s.len, NULL, 0};
        break;
    }
    case WIRE_STRUCT:
        if (field_by_pointer(f)) {
            roll_pointer(d, f, out);
        } else {
            roll_struct(d, f->sub, out);
        }
        break;
    }
}

static void roll_array(struct dice *d, const struct wire_field *f, void *out)
{
    array_store(out, NULL, 0);
    if (field_nullable(f, d->version) && one_in(d, 4)) {
        return;
    }
    size_t n = rand_below(d->r, RANDOM_ELEMS_MAX + 1);
    size_t elem = field_elem_size(f);
    uint8_t *p = n == 0 ? field_nothing() : arena_calloc(d->arena, n, elem);
    if (p == NULL) {
        d->status = ERR_NOMEM;
        return;
    }
    array_store(out, p, n);
    for (size_t i = 0; i < n; i++) {
        roll_value(d, f, p + i * elem);
    }
}

static void roll_struct(struct dice *d, const struct wire_struct *shape,
                        uint8_t *out)
{
    for (unsigned i = 0; i < shape->n_fields && d->status == 0; i++) {
        const struct wire_field *f = &shape->fields[i];
        uint8_t *at = out + f->at;
        if (!field_in(f, d->version) ||
            (field_tagged(f, d->version) && one_in(d, 3))) {
            field_set_default(f, at);
        } else if (f->flags & WIRE_ARRAY) {
            roll_array(d, f, at);
        } else {
            roll_value(d, f, at);
        }
    }
}

int wire_random(const struct wire_message *m, int version, struct rand *r,
                struct arena *a, void *out)
{
    if (!wire_has_version(m, version)) {
        return ERR_VERSION;
    }
    struct dice d = {.r = r, .arena = a, .version = version};
    memset(out, 0, m->body.size);
    roll_struct(&d, &m->body, out);
    return d.status;
}
