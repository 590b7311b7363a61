/* fuzz_cli.c - the doors of the tool: what people write as spans, escapes and
 * lines of records.
 *
 * The first byte says what the rest is. */
#include <string.h>

#include "base/assert.h"
#include "cli/dump.h"
#include "cli/escape.h"
#include "cli/line.h"
#include "cli/span.h"
#include "fuzz/fuzz.h"

enum door { DOOR_SPAN, DOOR_ESCAPE, DOOR_LINE, DOOR_DUMP, DOORS };

#define TEXT_MAX 4096
#define NOW_MS   1790000000000

static bool within(struct slice outer, struct slice inner)
{
    return inner.len == 0 || (inner.data >= outer.data &&
                              inner.data + inner.len <= outer.data + outer.len);
}

static void span(const char *text)
{
    struct span s;
    struct err err = {""};

    if (span_parse(text, NOW_MS, &s, &err) != 0) {
        ASSERT(err.text[0] != '\0');
        return;
    }
    ASSERT(s.from.kind <= SPAN_TIME && (!s.bounded || s.to.kind <= SPAN_TIME));
    (void)span_offset(s.from, 5, 1000, 7);
    (void)span_offset(s.from, 0, INT64_MAX, -1);
    if (s.bounded) {
        (void)span_offset(s.to, 5, 1000, 7);
        (void)span_offset(s.to, 0, INT64_MAX, -1);
    }
}

static void escape(const char *text)
{
    char out[64];
    size_t len = 0;

    if (escape_decode(text, out, sizeof out, &len) == 0) {
        ASSERT(len <= sizeof out && len <= strlen(text));
    }
}

/* One byte of flags, the separator's length, the separator, the line. */
static void line(struct slice in)
{
    struct line_format f = {.separator_len = 0};
    struct line l;
    struct err err = {""};

    if (in.len < 2) {
        return;
    }
    f.headers = in.data[0] & 1;
    f.null_values = in.data[0] & 2;
    f.separator_len = in.data[1] % (LINE_SEPARATOR_MAX + 1);
    in = slice_of(in.data + 2, in.len - 2);
    if (f.separator_len > in.len) {
        return;
    }
    memcpy(f.separator, in.data, f.separator_len);
    in = slice_of(in.data + f.separator_len, in.len - f.separator_len);
    if (line_parse(&f, in, &l, &err) != 0) {
        ASSERT(err.text[0] != '\0');
        return;
    }
    ASSERT(l.n_headers <= LINE_HEADERS_MAX);
    ASSERT(within(in, l.key) && within(in, l.value));
    for (unsigned i = 0; i < l.n_headers; i++) {
        ASSERT(within(in, l.headers[i].key));
        ASSERT(within(in, l.headers[i].value));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_MAX];

    if (size < 1 || size > TEXT_MAX) {
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % DOORS) {
    case DOOR_SPAN:
        span(text);
        break;
    case DOOR_ESCAPE:
        escape(text);
        break;
    case DOOR_LINE:
        line(slice_of((const uint8_t *)text, size - 1));
        break;
    default:
        (void)dump_kind_of(text, slice_of(data + 1, size - 1));
        break;
    }
    return 0;
}
