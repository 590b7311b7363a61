#include "cli/consume.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/escape.h"

#define PROGRESS_US    1000000
#define SEPARATOR_MAX  64
#define FORMAT_MAX     (2 * SEPARATOR_MAX + 16)
#define DEFAULT_FORMAT "%v\\n"

/* ---- what readers use ---------------------------------------------------- */

struct consume_part *consume_part(struct consume *x, int32_t number)
{
    for (unsigned i = 0; i < x->n_parts; i++) {
        if (x->parts[i].number == number) {
            return &x->parts[i];
        }
    }
    return NULL;
}

static void finish_part(struct consume *x, struct consume_part *p)
{
    if (!p->done) {
        p->done = true;
        x->n_open--;
    }
}

void consume_part_plan(struct consume *x, struct consume_part *p, int64_t low,
                       int64_t high, int64_t from_time, int64_t to_time)
{
    int64_t from = span_offset(x->span.from, low, high, from_time);
    int64_t to = span_offset(x->span.to, low, high, to_time);
    if (from < low || from > high) {
        command_fail(x->call, 0,
                     "partition %d holds offsets %" PRId64 " to %" PRId64
                     ": starting at %" PRId64,
                     p->number, low, high, from < low ? low : high);
        from = from < low ? low : high;
    }
    if (!x->span.bounded && x->follow) {
        to = INT64_MAX;
    } else if (!x->follow && to > high) {
        to = high;
    }
    p->next = from;
    p->end = to;
    if (p->next >= p->end) {
        finish_part(x, p);
    }
}

void consume_reached(struct consume *x, struct consume_part *p, int64_t offset)
{
    p->next = offset > p->next ? offset : p->next;
    if (p->next >= p->end) {
        finish_part(x, p);
    }
}

static void show_progress(struct consume *x)
{
    uint64_t now = x->progress ? env_now_us_exact(x->admin.env) : 0;
    if (x->progress && now - x->progress_us >= PROGRESS_US) {
        x->progress_us = now;
        fprintf(stderr, "\r%" PRIu64 " records, %" PRIu64 " MB ", x->records,
                x->bytes / 1000000);
    }
}

void consume_record(struct consume *x, struct consume_part *p,
                    const struct shown *r)
{
    if (r->offset < p->next || r->offset >= p->end || x->left == 0) {
        consume_reached(x, p, r->offset);
        return;
    }
    if (x->format != NULL) {
        show_text(stdout, x->format, r);
    } else {
        show_json(stdout, r);
    }
    x->records++;
    x->bytes += r->key.len + r->value.len;
    if (x->left != UINT64_MAX) {
        x->left--;
    }
    consume_reached(x, p, r->offset + 1);
    if (x->records % 256 == 0) {
        show_progress(x);
    }
}

void consume_idle(struct consume *x)
{
    fflush(stdout);
    show_progress(x);
}

bool consume_over(const struct consume *x)
{
    return x->n_open == 0 || x->left == 0 || ferror(stdout);
}

/* ---- what is asked for --------------------------------------------------- */

/* A percent sign in a separator stands for itself. */
static int join_format(struct consume *x, bool headers, const char *separator)
{
    char decoded[SEPARATOR_MAX];
    char *text = mem_alloc(x->call->mem, FORMAT_MAX), *p = text;
    size_t len;
    if (text == NULL || strlen(separator) > SEPARATOR_MAX ||
        escape_decode(separator, decoded, sizeof decoded, &len) != 0) {
        return command_fail(x->call, EXIT_USAGE,
                            "--key %s: at most %d characters; escapes are \\t "
                            "\\n \\r \\0 \\\\ \\xHH",
                            separator, SEPARATOR_MAX);
    }
    p = stpcpy(p, headers ? "%h\\t" : "");
    p = stpcpy(p, len > 0 ? "%k" : "");
    for (const char *s = separator; *s != '\0'; s++) {
        p = stpcpy(p, *s == '%' ? "%%" : (char[]){*s, '\0'});
    }
    stpcpy(p, DEFAULT_FORMAT);
    x->format = text;
    return EXIT_DONE;
}

static int get_format(struct consume *x)
{
    struct command_call *c = x->call;
    const char *format = command_option(c, "format", NULL);
    const char *separator = command_option(c, "key", "");
    bool headers = command_flag(c, "headers");
    struct err err = {""};
    if (command_json(c)) {
        x->format = NULL;
        return EXIT_DONE;
    }
    if (format == NULL) {
        return join_format(x, headers, separator);
    }
    if (headers || *separator != '\0') {
        return command_fail(c, EXIT_USAGE,
                            "--format has %%h and %%k: leave --headers and "
                            "--key out");
    }
    x->format = format;
    return show_check(format, &err) == 0
               ? EXIT_DONE
               : command_fail(c, EXIT_USAGE, "--format %s", err.text);
}

/* A member of a group does not choose what it reads. */
static int check_group(const struct command_call *c)
{
    static const char *const others[] = {"partition", "offset", "replica"};
    const char *group = command_option(c, "group", NULL);
    if (group != NULL && *group == '\0') {
        return command_fail(c, EXIT_USAGE, "--group: needs a name");
    }
    for (size_t i = 0; group != NULL && i < sizeof others / sizeof *others;
         i++) {
        if (command_option(c, others[i], NULL) != NULL) {
            return command_fail(c, EXIT_USAGE,
                                "--group and --%s: the group says what is "
                                "read; ostraka group reset-offsets moves it",
                                others[i]);
        }
    }
    return EXIT_DONE;
}

static int get_options(struct consume *x, int64_t *ret_partition,
                       int64_t *ret_replica)
{
    struct command_call *c = x->call;
    struct err err = {""};
    int64_t count;
    if (check_group(c) != EXIT_DONE) {
        return EXIT_USAGE;
    }
    if (span_parse(command_option(c, "offset", "start"),
                   (int64_t)env_wall_ms(x->admin.env), &x->span, &err) != 0) {
        return command_fail(c, EXIT_USAGE, "--offset %s", err.text);
    }
    if (command_number(c, "count", 1, INT64_MAX, -1, &count) != 0 ||
        command_number(c, "partition", 0, INT32_MAX, -1, ret_partition) != 0 ||
        command_number(c, "replica", 0, INT32_MAX, -1, ret_replica) != 0) {
        return EXIT_USAGE;
    }
    x->left = count < 0 ? UINT64_MAX : (uint64_t)count;
    x->follow = command_flag(c, "follow");
    return get_format(x);
}

static bool has_replica(const struct metadata_response_partition *p, int node)
{
    for (uint32_t i = 0; i < p->replica_nodes.n; i++) {
        if (p->replica_nodes.ptr[i] == node) {
            return true;
        }
    }
    return false;
}

/* Which partitions: all, one, those that a node holds. */
static int get_parts(struct consume *x, const struct metadata_response_topic *t,
                     int64_t partition, int64_t replica)
{
    x->parts =
        arena_calloc(&x->admin.arena, t->partitions.n + 1, sizeof *x->parts);
    for (uint32_t i = 0; x->parts != NULL && i < t->partitions.n; i++) {
        const struct metadata_response_partition *p = &t->partitions.ptr[i];
        if ((partition < 0 || p->partition_index == partition) &&
            (replica < 0 || has_replica(p, (int)replica))) {
            x->parts[x->n_parts++].number = p->partition_index;
        }
    }
    x->n_open = x->n_parts;
    if (x->n_parts == 0 && replica >= 0) {
        return command_fail(x->call, EXIT_NOTFOUND,
                            "node %d holds no replica of that; ostraka topic "
                            "describe %s shows who does",
                            (int)replica, x->topic);
    }
    return x->n_parts > 0 ? EXIT_DONE
                          : command_fail(x->call, EXIT_NOTFOUND,
                                         "topic %s has partitions 0 to %u",
                                         x->topic, t->partitions.n - 1);
}

/* ---- the command --------------------------------------------------------- */

static int consume_all(struct consume *x, int64_t partition, int64_t replica)
{
    const struct metadata_response_topic *t = NULL;
    const char *group = command_option(x->call, "group", NULL);
    int code = admin_topic(&x->admin, x->topic, &t);
    code = code == EXIT_DONE ? get_parts(x, t, partition, replica) : code;
    if (code == EXIT_DONE) {
        code = group != NULL  ? consume_group(x, group)
               : replica >= 0 ? consume_replica(x, (int)replica)
                              : consume_leader(x);
    }
    if (x->progress_us > 0) {
        fprintf(stderr, "\n");
    }
    return code;
}

static int consume_run(struct command_call *c)
{
    struct consume x = {.call = c,
                        .topic = c->arguments[0],
                        .progress = isatty(STDERR_FILENO) != 0 &&
                                    isatty(STDOUT_FILENO) == 0};
    int64_t partition = -1, replica = -1;
    if (command_option(c, "group", NULL) != NULL) {
        consume_group_prepare();
    }
    x.admin.env = command_env(c);
    if (x.admin.env == NULL) {
        return EXIT_FAILED;
    }
    int code = get_options(&x, &partition, &replica);
    code = code == EXIT_DONE ? admin_open(&x.admin, c) : code;
    if (code == EXIT_DONE) {
        code = consume_all(&x, partition, replica);
        admin_close(&x.admin);
    }
    return code;
}

static const struct command_option consume_options[] = {
    {"partition", 'p', "N", "Of this partition only."},
    {"offset", 'o', "SPAN",
     "What to read: start, end, N, +N, -N, @TIME, or FROM:TO of these; TO is "
     "not read (default start)."},
    {"count", 'n', "N", "Stop after so many records."},
    {"follow", 'f', NULL,
     "Wait for more (default: stop at the end there was at the beginning)."},
    {"key", 'K', "SEP", "Print key SEP value."},
    {"headers", 'H', NULL, "Print name=value,... and a tab first."},
    {"format", 0, "FORMAT",
     "Print this: %k key, %v value, %h headers, %t topic, %p partition, %o "
     "offset, %T ms, %d date, %e epoch, %K %S lengths; \\n, \\t (default "
     "%v\\n)."},
    {"group", 'g', "GROUP",
     "As a member of this consumer group: go on where it is, and commit what "
     "was printed."},
    {"replica", 'r', "NODE", "From this node's own replicas, leader or not."},
    {"property", 'X', "KEY=VALUE", "A librdkafka property; may be repeated."},
    {NULL, 0, NULL, NULL}};

const struct command consume_commands[] = {
    {"consume", NULL, "TOPIC", "Print records of a topic; JSON is by lines.",
     consume_options, IMPACT_READ, 1, 1, consume_run,
     "  ostraka consume orders --offset @-10m:end\n"
     "  ostraka consume orders --group billing --follow\n"},
    {NULL, NULL, NULL, NULL, NULL, IMPACT_READ, 0, 0, NULL}};
