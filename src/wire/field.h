/* field.h - what the codecs ask of a table; private to the room.
 *
 * The C shapes of arrays differ in the type of their pointer only; they are
 * read and written through memcpy of `struct wire_array`.
 */
#ifndef WIRE_FIELD_H
#define WIRE_FIELD_H

#include "wire/message.h"

/* What every {ptr, n} is. */
struct wire_array {
    void *ptr;
    uint32_t n;
};

/* True if the field exists in `version`. */
static inline bool field_in(const struct wire_field *f, int version)
{
    return f->from <= version && version <= f->to;
}

/* True if it may be null in `version`. */
static inline bool field_nullable(const struct wire_field *f, int version)
{
    return (f->flags & WIRE_NULLABLE) && version >= f->null_from;
}

/* True if one value may be null: of an array only the whole may, never its
 * elements. */
static inline bool value_nullable(const struct wire_field *f, int version)
{
    return !(f->flags & WIRE_ARRAY) && field_nullable(f, version);
}

/* True if it is among the tags in `version`. */
static inline bool field_tagged(const struct wire_field *f, int version)
{
    return (f->flags & WIRE_TAGGED) && version >= f->tag_from;
}

/* True if the field is kept as a pointer to its struct. */
static inline bool field_by_pointer(const struct wire_field *f)
{
    return f->type == WIRE_STRUCT && (f->flags & WIRE_NULLABLE) &&
           !(f->flags & WIRE_ARRAY);
}

/* Read and write the {ptr, n} at `p`. */
static inline struct wire_array array_load(const void *p)
{
    struct wire_array a;
    memcpy(&a, p, sizeof a);
    return a;
}

static inline void array_store(void *p, void *ptr, size_t n)
{
    struct wire_array a = {.ptr = ptr, .n = (uint32_t)n};
    memcpy(p, &a, sizeof a);
}

/* Where something empty but not null points to. */
void *field_nothing(void);
/* sizeof one element of an array of the field's type, or of the value. */
size_t field_elem_size(const struct wire_field *f);
/* Give the field at `p` its default. */
void field_set_default(const struct wire_field *f, void *p);
/* True if the value at `p` is the field's default. */
bool field_is_default(const struct wire_field *f, const void *p);
/* The fewest bytes one element (or value) can take in `version`, at least 1. */
size_t field_min_size(const struct wire_field *f, int version, bool flexible);

#endif
