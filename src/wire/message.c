/* message.c - looking at tables: finding messages, defaults, smallest sizes. */
#include "wire/message.h"

#include "base/assert.h"
#include "base/err.h"
#include "wire/field.h"
#include "wire/gen/all.h"

const struct wire_message *wire_find(int api_key, bool is_request)
{
    unsigned low = 0, high = wire_all_n;
    while (low < high) {
        unsigned mid = low + (high - low) / 2;
        int key = wire_all[mid].request->api_key;
        if (key == api_key) {
            return is_request ? wire_all[mid].request : wire_all[mid].response;
        }
        if (key < api_key) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return NULL;
}

unsigned wire_message_count(void)
{
    return 2 * wire_all_n;
}

const struct wire_message *wire_message_at(unsigned i)
{
    if (i >= wire_message_count()) {
        return NULL;
    }
    return i % 2 == 0 ? wire_all[i / 2].request : wire_all[i / 2].response;
}

bool wire_has_version(const struct wire_message *m, int version)
{
    return m->version_min <= version && version <= m->version_max;
}

bool wire_is_flexible(const struct wire_message *m, int version)
{
    return m->flexible_from != WIRE_LAST && version >= m->flexible_from;
}

void *field_nothing(void)
{
    /* Nobody writes there: it stands for zero elements. */
    static const uint64_t nothing[2] = {0, 0};
    return (void *)(uintptr_t)nothing;
}

static size_t value_size(const struct wire_field *f)
{
    switch ((enum wire_type)f->type) {
    case WIRE_BOOL:
        return sizeof(bool);
    case WIRE_I8:
        return 1;
    case WIRE_I16:
    case WIRE_U16:
        return 2;
    case WIRE_I32:
        return 4;
    case WIRE_I64:
    case WIRE_F64:
        return 8;
    case WIRE_UUID:
        return sizeof(struct uuid);
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        return sizeof(struct slice);
    case WIRE_ROPE:
        return sizeof(struct wire_rope);
    case WIRE_STRUCT:
        return f->sub->size;
    }
    ASSERT(!"a field has a type");
    return 0;
}

size_t field_elem_size(const struct wire_field *f)
{
    return value_size(f);
}

static void number_store(const struct wire_field *f, void *p)
{
    int64_t v = f->number;
    switch (value_size(f)) {
    case 1:
        *(int8_t *)p = (int8_t)v;
        break;
    case 2:
        memcpy(p, &(int16_t){(int16_t)v}, 2);
        break;
    case 4:
        memcpy(p, &(int32_t){(int32_t)v}, 4);
        break;
    default:
        memcpy(p, &v, 8);
        break;
    }
}

void field_set_default(const struct wire_field *f, void *p)
{
    bool null = f->flags & WIRE_DEFAULT_NULL;
    if (f->flags & WIRE_ARRAY) {
        array_store(p, null ? NULL : field_nothing(), 0);
        return;
    }
    switch ((enum wire_type)f->type) {
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        *(struct slice *)p = slice_of(null ? NULL : field_nothing(), 0);
        break;
    case WIRE_ROPE:
        *(struct wire_rope *)p =
            (struct wire_rope){.data = null ? NULL : field_nothing()};
        break;
    case WIRE_UUID:
        memset(p, 0, sizeof(struct uuid));
        break;
    case WIRE_STRUCT:
        if (field_by_pointer(f)) {
            memset(p, 0, sizeof(void *));
        } else {
            wire_struct_init(f->sub, p);
        }
        break;
    default:
        number_store(f, p);
        break;
    }
}

static bool struct_is_default(const struct wire_struct *s, const uint8_t *p)
{
    for (unsigned i = 0; i < s->n_fields; i++) {
        if (!field_is_default(&s->fields[i], p + s->fields[i].at)) {
            return false;
        }
    }
    return true;
}

bool field_is_default(const struct wire_field *f, const void *p)
{
    bool null = f->flags & WIRE_DEFAULT_NULL;
    if (f->flags & WIRE_ARRAY) {
        struct wire_array a = array_load(p);
        return a.n == 0 && (!null || a.ptr == NULL);
    }
    switch ((enum wire_type)f->type) {
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS: {
        const struct slice *s = p;
        return s->len == 0 && (!null || s->data == NULL);
    }
    case WIRE_ROPE: {
        const struct wire_rope *r = p;
        return r->len == 0 && (!null || r->data == NULL);
    }
    case WIRE_UUID: {
        static const struct uuid zero;
        return memcmp(p, &zero, sizeof zero) == 0;
    }
    case WIRE_STRUCT:
        if (field_by_pointer(f)) {
            void *sub;
            memcpy(&sub, p, sizeof sub);
            return sub == NULL;
        }
        return struct_is_default(f->sub, p);
    default: {
        int64_t number = 0;
        number_store(f, &number);
        return memcmp(p, &number, value_size(f)) == 0;
    }
    }
}

static size_t struct_min_size(const struct wire_struct *s, int version,
                              bool flexible)
{
    size_t size = flexible ? 1 : 0;
    for (unsigned i = 0; i < s->n_fields; i++) {
        const struct wire_field *f = &s->fields[i];
        if (!field_in(f, version) || field_tagged(f, version)) {
            continue;
        }
        if (f->flags & WIRE_ARRAY) {
            size += flexible ? 1 : 4;
        } else {
            size += field_min_size(f, version, flexible);
        }
    }
    return size > 0 ? size : 1;
}

size_t field_min_size(const struct wire_field *f, int version, bool flexible)
{
    switch ((enum wire_type)f->type) {
    case WIRE_STRING:
        return flexible ? 1 : 2;
    case WIRE_BYTES:
    case WIRE_RECORDS:
    case WIRE_ROPE:
        return flexible ? 1 : 4;
    case WIRE_STRUCT:
        return field_by_pointer(f) ? 1
                                   : struct_min_size(f->sub, version, flexible);
    default:
        return value_size(f);
    }
}

void wire_struct_init(const struct wire_struct *s, void *p)
{
    memset(p, 0, s->size);
    for (unsigned i = 0; i < s->n_fields; i++) {
        field_set_default(&s->fields[i], (uint8_t *)p + s->fields[i].at);
    }
}

void wire_init(const struct wire_message *m, void *msg)
{
    wire_struct_init(&m->body, msg);
}

void *wire_elems_new(struct arena *a, const struct wire_struct *s, size_t n)
{
    if (n == 0) {
        return field_nothing();
    }
    uint8_t *p = arena_calloc(a, n, s->size);
    for (size_t i = 0; p != NULL && i < n; i++) {
        wire_struct_init(s, p + i * s->size);
    }
    return p;
}
