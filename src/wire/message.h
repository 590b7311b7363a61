/* message.h - Kafka's messages as tables, and the one codec that reads them.
 *
 *   schema/fetch.txt --gen.py--> gen/fetch.h  plain structs
 *                                gen/fetch.c  tables of fields
 *                                     |
 *   bytes --wire_decode--> struct fetch_request --wire_encode--> bytes
 *
 * A table says of each field where it lies in its struct, its type, in which
 * versions it exists, may be null or is tagged (KIP-482), and its default.
 * Nothing here knows a single API: version rules are data.
 *
 * C shapes: integers as themselves; strings, bytes and records as `struct
 * slice` (NULL data means null); arrays as {ptr, n} (NULL ptr means null);
 * structs embedded, or a pointer where they may be null; a rope as `struct
 * wire_rope`.
 *
 * Life: a struct to encode starts with wire_init() (or wire_elems_new() for
 * the elements of an array), so that what is not set has its default; a
 * struct to decode into needs nothing.
 * Ownership: decoded strings and records borrow the bytes of the cursor,
 * arrays and nullable structs live in the arena. Encoding borrows all until it
 * returns, wire_encode_pieces() until its pieces are sent.
 * Thread: any; the tables are constant.
 * Limits: WIRE_COUNT_MAX elements an array, WIRE_STRING_MAX bytes a string,
 * WIRE_DEPTH_MAX structs inside one another, the arena's own limit.
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "base/rand.h"
#include "base/slice.h"
#include "base/uuid.h"

#define WIRE_COUNT_MAX  (1u << 20)
#define WIRE_STRING_MAX 32767
#define WIRE_DEPTH_MAX  8
#define WIRE_LAST       INT8_MAX /* `to` of a field that is there to stay */

enum wire_type {
    WIRE_BOOL,
    WIRE_I8,
    WIRE_I16,
    WIRE_U16,
    WIRE_I32,
    WIRE_I64,
    WIRE_F64,
    WIRE_UUID,
    WIRE_STRING,
    WIRE_BYTES,
    WIRE_RECORDS, /* bytes that hold record batches */
    WIRE_ROPE,    /* records gathered from several places */
    WIRE_STRUCT,
};

enum wire_flag {
    WIRE_ARRAY = 1,
    WIRE_NULLABLE = 2,  /* from `null_from` on */
    WIRE_TAGGED = 4,    /* from `tag_from` on */
    WIRE_IGNORABLE = 8, /* silently dropped by versions without it */
    WIRE_DEFAULT_NULL = 16,
};

struct wire_struct;

/* One field of a struct. */
struct wire_field {
    const char *name; /* Kafka's spelling */
    const struct wire_struct *sub;
    int64_t number; /* default of an integer */
    uint16_t at;    /* offset in its struct */
    uint8_t type;   /* enum wire_type */
    uint8_t flags;  /* enum wire_flag */
    int8_t from, to;
    int8_t null_from;
    int8_t tag_from;
    uint8_t tag;
};

/* The fields of a struct, tagged ones in the order of their tags. */
struct wire_struct {
    const struct wire_field *fields;
    uint16_t n_fields;
    uint16_t size; /* sizeof the C struct */
};

/* One request or response. */
struct wire_message {
    const char *name; /* "Fetch" */
    struct wire_struct body;
    int16_t api_key;
    bool is_request;
    int8_t version_min, version_max;
    int8_t flexible_from; /* WIRE_LAST: never */
};

/* Records gathered from several places: the bytes are `data` (NULL: null)
 * when n_parts is 0, else the parts, one after the other; `len` counts them
 * all. Decoding makes one of a single piece. */
struct wire_rope {
    const uint8_t *data;
    size_t len;
    const struct slice *parts;
    uint32_t n_parts;
};

/* A part of an encoded message, in the order of sending. */
struct wire_piece {
    struct slice bytes;
    bool borrowed; /* lies in the message's records, not in `small` */
};

/* The table of a message, or NULL for one that is not known. */
const struct wire_message *wire_find(int api_key, bool is_request);
/* The number of all messages, and each by its number (NULL beyond). */
unsigned wire_message_count(void);
const struct wire_message *wire_message_at(unsigned i);
/* True if the message exists in `version`. */
bool wire_has_version(const struct wire_message *m, int version);
/* True if `version` is flexible: compact lengths and tags (KIP-482). */
bool wire_is_flexible(const struct wire_message *m, int version);

/* Give every field of the message's struct its default. */
void wire_init(const struct wire_message *m, void *msg);
/* The same for any struct with a table. */
void wire_struct_init(const struct wire_struct *s, void *p);
/* `n` elements of an array of structs in the arena, each with its defaults.
 * Never NULL for n 0. NULL: no memory, or the arena's limit. */
void *wire_elems_new(struct arena *a, const struct wire_struct *s, size_t n);

/* Read one message from the cursor into `out` (the message's struct), fields
 * the version does not have getting their defaults. Bytes behind the message
 * stay in the cursor: the caller decides whether they are an error. Unknown
 * tags are skipped. `out` is only good if 0 is returned.
 *
 * Errors:
 *   ERR_VERSION   the message has no such version
 *   ERR_PROTOCOL  malformed: a length beyond the bytes or a limit, null where
 *                 it may not be, a tag that is not as long as it says
 *   ERR_NOMEM     no memory, or the arena's limit
 */
int wire_decode(const struct wire_message *m, int version, struct cursor *c,
                struct arena *a, void *out);

/* Append the message. A null string, bytes or array where the version does
 * not allow null is written empty.
 *
 * On an error the buffer may hold a part of the message.
 *
 * Errors:
 *   ERR_VERSION  no such version, or a field that may not be ignored has a
 *                value and the version has no such field
 *   ERR_TOOBIG   a length does not fit its format, or the buffer's limit
 *   ERR_NOMEM
 */
int wire_encode(const struct wire_message *m, int version, const void *msg,
                struct buf *b);

/* The bytes wire_encode() would write. Errors: as there; `ret_size` is
 * untouched then. */
int wire_size(const struct wire_message *m, int version, const void *msg,
              size_t *ret_size);

/* Append the message to `small`, all but runs of records of at least
 * `borrow_min` bytes, which are not copied: `pieces` gets, in order, what to
 * send, everything that was in `small` before included. At most `pieces_max`
 * (>= 1); when they run out, records are copied after all.
 *
 * The pieces borrow `small` until it is next changed in length (changing
 * bytes in place, a length in front say, is fine) and the message's records.
 * Errors: as wire_encode().
 */
int wire_encode_pieces(const struct wire_message *m, int version,
                       const void *msg, struct buf *small, size_t borrow_min,
                       struct wire_piece *pieces, unsigned pieces_max,
                       unsigned *ret_n);

/* Append one line for a person: `Fetch request v12 {MaxWaitMs: 500, ...}`,
 * only fields the version has, tagged ones only if they are not the default;
 * long strings and arrays are cut. Errors are the buffer's (sticky). */
void wire_print(const struct wire_message *m, int version, const void *msg,
                struct buf *b);

/* Fill `out` with random values that the version can carry, edge values often;
 * arrays stay short. Memory is the arena's. Errors: ERR_VERSION, ERR_NOMEM. */
int wire_random(const struct wire_message *m, int version, struct rand *r,
                struct arena *a, void *out);

#endif
