/* fuzz_cli.c - the doors of the tool: what people write as spans, escapes,
 * lines of records, moments, durations, scopes and files of offsets, and what
 * the leader of a group wrote as an assignment.
 *
 * The first byte says what the rest is. */
#include <string.h>

#include "base/assert.h"
#include "cli/assignment.h"
#include "cli/dump.h"
#include "cli/escape.h"
#include "cli/group_scope.h"
#include "cli/line.h"
#include "cli/offsets_file.h"
#include "cli/span.h"
#include "cli/when.h"
#include "fuzz/fuzz.h"

enum door {
    DOOR_SPAN,
    DOOR_ESCAPE,
    DOOR_LINE,
    DOOR_DUMP,
    DOOR_WHEN,
    DOOR_SCOPE,
    DOOR_OFFSETS,
    DOOR_ASSIGNMENT,
    DOORS
};

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

/* Moments are what they print as, to the millisecond. */
static void when(const char *text)
{
    char printed[WHEN_TEXT_LEN + 1];
    struct err err = {""};
    int64_t ms = -1, again = -1;

    if (when_moment(text, &ms, &err) != 0) {
        ASSERT(err.text[0] != '\0');
    } else {
        ASSERT(ms >= 0);
        when_format(ms, printed);
        ASSERT(strcmp(printed, "-") == 0 ||
               (when_moment(printed, &again, &err) == 0 && again == ms));
    }
    if (when_duration(text, &ms, &err) == 0) {
        ASSERT(ms >= 0);
    }
}

static void scope(const char *text, struct arena *a)
{
    struct group_scope_topic t;
    struct err err = {""};

    if (group_scope_parse(text, a, &t, &err) != 0) {
        ASSERT(err.text[0] != '\0');
        return;
    }
    ASSERT(t.topic.len > 0 && t.n_partitions <= GROUP_SCOPE_PARTITIONS_MAX);
    for (unsigned i = 0; i < t.n_partitions; i++) {
        ASSERT(t.partitions[i] >= 0);
        ASSERT(i > 100 || group_scope_has(&t, t.topic, t.partitions[i]));
    }
}

/* What is read lies in order, each partition once. */
static void offsets(struct slice in, struct arena *a)
{
    struct offsets_line *l;
    unsigned n = 0;
    struct err err = {""};

    if (offsets_file_parse("F", in, slice_str("g"), a, &l, &n, &err) != 0) {
        ASSERT(err.text[0] != '\0');
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        ASSERT(within(in, l[i].topic) && l[i].topic.len > 0);
        ASSERT(l[i].partition >= 0 && l[i].offset >= 0 && l[i].line > 0);
        ASSERT(i == 0 || slice_compare(l[i - 1].topic, l[i].topic) < 0 ||
               (slice_equal(l[i - 1].topic, l[i].topic) &&
                l[i - 1].partition < l[i].partition));
    }
}

static void assignment(struct slice in, struct arena *a)
{
    struct assignment_part *p;
    unsigned n = 0;

    if (assignment_decode(in, a, &p, &n) != 0) {
        return;
    }
    ASSERT(n <= in.len / 4);
    for (unsigned i = 0; i < n; i++) {
        ASSERT(within(in, p[i].topic) && p[i].partition >= 0);
    }
}

/* Those that need memory. */
static void with_memory(enum door door, const char *text, struct slice in)
{
    struct mem *mem = mem_new(0);
    struct arena a;

    ASSERT(mem != NULL);
    arena_init(&a, mem, 16u << 20);
    switch (door) {
    case DOOR_SCOPE:
        scope(text, &a);
        break;
    case DOOR_OFFSETS:
        offsets(in, &a);
        break;
    default:
        assignment(in, &a);
        break;
    }
    arena_close(&a);
    ASSERT(mem_bytes(mem) == 0);
    mem_free_all(mem);
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
    case DOOR_DUMP:
        (void)dump_kind_of(text, slice_of(data + 1, size - 1));
        break;
    case DOOR_WHEN:
        when(text);
        break;
    default:
        with_memory(data[0] % DOORS, text,
                    slice_of((const uint8_t *)text, size - 1));
        break;
    }
    return 0;
}
