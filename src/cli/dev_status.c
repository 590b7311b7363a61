#include "cli/dev_status.h"

#include <stdio.h>

#include "cli/dev_run.h"
#include "cli/output.h"

#define ASK_MS_MAX 2000

static const struct output_column columns[] = {
    {"NODE", "node", OUTPUT_NUMBER},   {"STATE", "state", OUTPUT_TEXT},
    {"PID", "pid", OUTPUT_NUMBER},     {"CLIENTS", "client", OUTPUT_TEXT},
    {"PEERS", "peer", OUTPUT_TEXT},    {"ADMIN", "admin", OUTPUT_TEXT},
    {"RSS_MIB", NULL, OUTPUT_NUMBER},  {NULL, "rss_bytes", OUTPUT_NUMBER},
    {"DIRECTORY", "dir", OUTPUT_TEXT},
};
#define COLUMNS (sizeof columns / sizeof columns[0])

/* 127.0.0.1:19092,127.0.0.1:29092 */
static void bootstrap(const struct dev *d, char *out, size_t max)
{
    size_t len = 0;
    *out = '\0';
    for (unsigned i = 0; i < d->n_nodes && len < max; i++) {
        len +=
            (size_t)snprintf(out + len, max - len, "%s%s:%u", i > 0 ? "," : "",
                             d->nodes[i].client.host, d->nodes[i].client.port);
    }
}

void dev_status_bootstrap(const struct dev *d)
{
    char text[DEV_NODES_MAX * (CONFIG_HOST_MAX + 8)];
    bootstrap(d, text, sizeof text);
    printf("%s", text);
}

static const char *state_of(const struct dev *d, struct env *e,
                            const struct dev_node *n)
{
    if (n->state == PROCESS_GONE) {
        return "down";
    }
    if (n->state == PROCESS_STOPPED) {
        return "stopped";
    }
    return dev_brokers_known(e, n, dev_ms(d, ASK_MS_MAX)) >= 0 ? "serving"
                                                               : "starting";
}

static void print_node(const struct dev *d, struct env *e, struct dev_node *n,
                       struct output *o)
{
    n->state = process_look(n->pid, n->properties);
    n->pid = n->state != PROCESS_GONE ? n->pid : 0;
    output_number(o, n->id);
    output_text(o, "%s", state_of(d, e, n));
    if (n->pid != 0) {
        output_number(o, n->pid);
    } else {
        output_null(o);
    }
    output_text(o, "%s:%u", n->client.host, n->client.port);
    output_text(o, "%s:%u", n->peer.host, n->peer.port);
    if (n->admin.port != 0) {
        output_text(o, "%s:%u", n->admin.host, n->admin.port);
    } else {
        output_null(o);
    }
    long kib = n->pid != 0 ? process_rss_kib(n->pid) : 0;
    output_number(o, (kib + 1023) / 1024);
    output_number(o, (int64_t)kib * 1024);
    output_text(o, "%s", n->dir);
}

int dev_status_print(struct dev *d)
{
    char text[DEV_NODES_MAX * (CONFIG_HOST_MAX + 8)];
    struct output o;
    struct env *e = command_env(d->call);
    if (e == NULL) {
        return EXIT_FAILED;
    }
    bootstrap(d, text, sizeof text);
    output_init(&o, "dev.status", columns, COLUMNS);
    for (unsigned i = 0; i < d->n_nodes; i++) {
        print_node(d, e, &d->nodes[i], &o);
    }
    output_head(&o, "dir", json_string(d->dir));
    output_head(&o, "bootstrap", json_string(text));
    output_print(&o, command_json(d->call));
    return EXIT_DONE;
}
