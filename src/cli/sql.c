#include "cli/sql.h"

#include <stdio.h>
#include <string.h>

#include "wire/api.h"
#include "wire/errors.h"

/* What an error of the statement means for a script. */
static int exit_of(int16_t code)
{
    switch (code) {
    case KERR_NONE:
        return EXIT_DONE;
    case KERR_INVALID_REQUEST:
        return EXIT_USAGE;
    case KERR_POLICY_VIOLATION:
        return EXIT_REFUSED;
    case KERR_THROTTLING_QUOTA_EXCEEDED:
    case KERR_COORDINATOR_NOT_AVAILABLE:
    case KERR_REQUEST_TIMED_OUT:
        return EXIT_UNREACHABLE;
    default:
        return EXIT_FAILED;
    }
}

/* ---- the connection ------------------------------------------------------ */

/* Talk to a node by its number instead of the first that answers. */
static int move_to_node(struct sql *s)
{
    struct client *client = NULL;
    struct err err = {""};
    int code = admin_metadata(&s->admin, "");
    if (code != EXIT_DONE) {
        return code;
    }
    int rv = admin_node(&s->admin, s->node, &client, &err);
    if (rv != 0) {
        return command_fail(s->admin.call,
                            rv == ERR_NOTFOUND ? EXIT_NOTFOUND
                                               : EXIT_UNREACHABLE,
                            "%s", err.text);
    }
    client_close(s->admin.client);
    s->admin.client = client;
    return EXIT_DONE;
}

static void link_down(struct sql *s)
{
    if (s->open) {
        admin_close(&s->admin);
    }
    s->open = s->proved = false;
}

static int link_up(struct sql *s, struct command_call *c)
{
    int code = admin_open(&s->admin, c);
    s->open = code == EXIT_DONE;
    if (s->open && s->node >= 0) {
        code = move_to_node(s);
    }
    if (code != EXIT_DONE) {
        link_down(s);
    }
    return code;
}

/* ---- a statement --------------------------------------------------------- */

static int no_such_request(const struct sql *s, int rv, const struct err *err)
{
    if (rv == ERR_TIMEOUT) {
        return command_fail(s->admin.call, EXIT_UNREACHABLE, "%s", err->text);
    }
    return command_fail(s->admin.call, EXIT_UNREACHABLE,
                        "%s does not answer OstrakaSql (%s): is it an ostrakad "
                        "of this version?",
                        client_peer(s->admin.client), err->text);
}

static int call(struct sql *s, const struct ostraka_sql_request *q,
                struct ostraka_sql_response *r, struct err *err)
{
    struct admin *a = &s->admin;
    arena_reset(&a->arena);
    int rv = client_call(a->client, API_OSTRAKA_SQL,
                         admin_version(a, API_OSTRAKA_SQL, -1), q, &a->arena, r,
                         command_timeout_ms(a->call), err);
    s->proved = s->proved || rv == 0;
    return rv;
}

/* Ask, once more if the connection has ended since the last time. */
static int ask(struct sql *s, const struct ostraka_sql_request *q,
               struct ostraka_sql_response *r)
{
    struct command_call *c = s->admin.call;
    struct err err = {""};
    int code = s->open ? EXIT_DONE : link_up(s, c);
    if (code != EXIT_DONE) {
        return code;
    }
    bool proved = s->proved;
    int rv = call(s, q, r, &err);
    if (proved && (rv == ERR_EOF || rv == ERR_IO || rv == ERR_CLOSED)) {
        link_down(s);
        code = link_up(s, c);
        rv = code == EXIT_DONE ? call(s, q, r, &err) : rv;
    }
    if (code == EXIT_DONE && rv != 0) {
        code = no_such_request(s, rv, &err);
        link_down(s);
    }
    return code;
}

int sql_statement(struct sql *s, const char *text)
{
    struct admin *a = &s->admin;
    struct ostraka_sql_request q;
    struct ostraka_sql_response r;
    wire_init(&wire_ostraka_sql_request, &q);
    if (strlen(text) > WIRE_STRING_MAX) {
        return command_fail(a->call, EXIT_USAGE,
                            "a statement has at most %d bytes",
                            WIRE_STRING_MAX);
    }
    q.statement = slice_str(text);
    q.stale = s->stale;
    q.time_ms = admin_timeout_ms(a);
    int code = ask(s, &q, &r);
    if (code != EXIT_DONE) {
        return code;
    }
    if (r.error_code != 0) {
        return command_fail(a->call, exit_of(r.error_code), "%.*s",
                            (int)r.error_message.len,
                            (const char *)r.error_message.data);
    }
    if (!sql_print(&r, s->mode)) {
        return command_fail(a->call, EXIT_FAILED, "a malformed answer of %s",
                            client_peer(a->client));
    }
    if (!s->quiet) {
        sql_print_seen(&r);
    }
    return EXIT_DONE;
}

/* ---- the command --------------------------------------------------------- */

static int run(struct command_call *c)
{
    struct sql s = {.mode = command_json(c)          ? SQL_MODE_JSON
                            : command_flag(c, "csv") ? SQL_MODE_CSV
                                                     : SQL_MODE_TABLE,
                    .stale = command_flag(c, "stale")};
    int64_t node;
    if (command_number(c, "node", 1, INT32_MAX, -1, &node) != 0) {
        return EXIT_USAGE;
    }
    if (command_json(c) && command_flag(c, "csv")) {
        return command_fail(c, EXIT_USAGE, "--json or --csv, not both");
    }
    s.quiet = s.mode != SQL_MODE_TABLE;
    s.node = (int)node;
    int code = link_up(&s, c);
    if (code == EXIT_DONE) {
        code = c->n_arguments > 0 ? sql_statement(&s, c->arguments[0])
                                  : sql_shell(&s);
    }
    link_down(&s);
    return code;
}

static const struct command_option options[] = {
    {"csv", 0, NULL, "Print comma-separated values, with a line of names."},
    {"stale", 0, NULL,
     "Read what the node has, without asking leaders whether it is the "
     "latest."},
    {"node", 'n', "N",
     "The node that runs the statement (else the first that answers)."},
    {NULL}};

const struct command sql_commands[] = {
    {"sql", NULL, "[STATEMENT]",
     "Run a read-only SQL statement over the cluster's state; without one, a "
     "shell.",
     options, IMPACT_READ, 0, 1, run,
     "  ostraka sql \"SELECT group_id, state, members FROM groups\"\n"
     "  ostraka sql \"SELECT topic, sum(lag) AS lag FROM lag\n"
     "               WHERE group_id='billing' GROUP BY topic\"\n"
     "  ostraka sql --csv \"SELECT * FROM offset_history\n"
     "               WHERE group_id='billing' AND topic='orders'\"\n"
     "  ostraka sql --json --stale --node 2 \"SELECT * FROM partitions\n"
     "               WHERE leader IS NULL\"\n"
     "  ostraka sql    (a shell: .tables, .schema VIEW, .mode csv, .help)\n"
     "\n"
     "Views: groups, members, offsets, lag, offset_history, topics,\n"
     "partitions, nodes, configs. Times are milliseconds since 1970:\n"
     "datetime(committed_ms/1000,'unixepoch'). Lists are JSON: json_each().\n"},
    {NULL, NULL, NULL, NULL, NULL, IMPACT_READ, 0, 0, NULL, NULL}};
