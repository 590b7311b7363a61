/* print.c - a message as one line for a person, by the tables. */
#include "wire/message.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/err.h"
#include "wire/field.h"

/* What is shown of strings and arrays before "..." */
#define SHOWN_BYTES 64
#define SHOWN_ELEMS 16

static void print_struct(struct buf *b, const struct wire_struct *shape,
                         int version, const uint8_t *p);

static void print_string(struct buf *b, struct slice s)
{
    size_t n = s.len < SHOWN_BYTES ? s.len : SHOWN_BYTES;
    buf_put_u8(b, '"');
    for (size_t i = 0; i < n; i++) {
        uint8_t c = s.data[i];
        if (c < 0x20 || c == 0x7f) {
            buf_printf(b, "\\x%02x", c);
        } else {
            if (c == '"' || c == '\\') {
                buf_put_u8(b, '\\');
            }
            buf_put_u8(b, c);
        }
    }
    buf_printf(b, "\"%s", n < s.len ? "..." : "");
}

static void print_slice(struct buf *b, const struct wire_field *f,
                        struct slice s)
{
    if (s.data == NULL) {
        buf_printf(b, "null");
    } else if (f->type == WIRE_STRING) {
        print_string(b, s);
    } else {
        buf_printf(b, "<%zu bytes>", s.len);
    }
}

static void print_pointer(struct buf *b, const struct wire_field *f,
                          int version, const void *p)
{
    const uint8_t *sub;
    memcpy(&sub, p, sizeof sub);
    if (sub == NULL) {
        buf_printf(b, "null");
    } else {
        print_struct(b, f->sub, version, sub);
    }
}

static void print_value(struct buf *b, const struct wire_field *f, int version,
                        const void *p)
{
    char text[UUID_TEXT_LEN + 1];
    switch ((enum wire_type)f->type) {
    case WIRE_BOOL:
        buf_printf(b, "%s", *(const bool *)p ? "true" : "false");
        break;
    case WIRE_I8:
        buf_printf(b, "%d", *(const int8_t *)p);
        break;
    case WIRE_I16:
        buf_printf(b, "%d", *(const int16_t *)p);
        break;
    case WIRE_U16:
        buf_printf(b, "%u", *(const uint16_t *)p);
        break;
    case WIRE_I32:
        buf_printf(b, "%" PRId32, *(const int32_t *)p);
        break;
    case WIRE_I64:
        buf_printf(b, "%" PRId64, *(const int64_t *)p);
        break;
    case WIRE_F64:
        buf_printf(b, "%g", *(const double *)p);
        break;
    case WIRE_UUID:
        buf_printf(b, "%s", uuid_format(*(const struct uuid *)p, text));
        break;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        print_slice(b, f, *(const struct slice *)p);
        break;
    case WIRE_ROPE: {
        const struct wire_rope *r = p;
        const void *there = r->n_parts > 0 ? r->parts : (const void *)r->data;
        print_slice(b, f, slice_of(there, r->len));
        break;
    }
    case WIRE_STRUCT:
        if (field_by_pointer(f)) {
            print_pointer(b, f, version, p);
        } else {
            print_struct(b, f->sub, version, p);
        }
        break;
    }
}

static void print_array(struct buf *b, const struct wire_field *f, int version,
                        const void *p)
{
    struct wire_array a = array_load(p);
    if (a.ptr == NULL) {
        buf_printf(b, "null");
        return;
    }
    size_t elem = field_elem_size(f);
    buf_put_u8(b, '[');
    for (uint32_t i = 0; i < a.n; i++) {
        if (i == SHOWN_ELEMS) {
            buf_printf(b, ", ... %" PRIu32 " more", a.n - i);
            break;
        }
        buf_printf(b, "%s", i > 0 ? ", " : "");
        print_value(b, f, version, (const uint8_t *)a.ptr + i * elem);
    }
    buf_put_u8(b, ']');
}

static void print_struct(struct buf *b, const struct wire_struct *shape,
                         int version, const uint8_t *p)
{
    const char *between = "";
    buf_put_u8(b, '{');
    for (unsigned i = 0; i < shape->n_fields && b->status == 0; i++) {
        const struct wire_field *f = &shape->fields[i];
        if (!field_in(f, version) ||
            (field_tagged(f, version) && field_is_default(f, p + f->at))) {
            continue;
        }
        buf_printf(b, "%s%s: ", between, f->name);
        if (f->flags & WIRE_ARRAY) {
            print_array(b, f, version, p + f->at);
        } else {
            print_value(b, f, version, p + f->at);
        }
        between = ", ";
    }
    buf_put_u8(b, '}');
}

void wire_print(const struct wire_message *m, int version, const void *msg,
                struct buf *b)
{
    buf_printf(b, "%s %s v%d ", m->name, m->is_request ? "request" : "response",
               version);
    print_struct(b, &m->body, version, msg);
}
