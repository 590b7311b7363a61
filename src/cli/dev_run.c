#include "cli/dev_run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "env/system.h"
#include "wire/api.h"
#include "wire/gen/metadata.h"

#define START_MS_MAX 60000
#define END_MS_MAX   10000
#define ASK_MS_MAX   2000
#define LOOK_MS      20

int dev_load(struct dev *d, struct command_call *c)
{
    struct err err = {""};
    int rv = dev_files_load(d, c, &err);
    if (rv != 0) {
        return command_fail(c, rv == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED,
                            "%s", err.text);
    }
    return EXIT_DONE;
}

int dev_load_locked(struct dev *d, struct command_call *c, bool make,
                    int *ret_lock)
{
    int code = dev_load(d, c);
    *ret_lock = code == EXIT_DONE ? dev_files_lock(d, make) : -1;
    return *ret_lock >= 0 ? dev_load(d, c) : code; /* it was another's */
}

/* As dev_load(), of a cluster that must be there. */
int dev_load_cluster(struct dev *d, struct command_call *c)
{
    int code = dev_load(d, c);
    if (code == EXIT_DONE && d->n_nodes == 0) {
        const char *other = getenv("OSTRAKA_DIR"); /* of dev env */
        bool known = other != NULL && strcmp(other, d->dir) != 0;
        return command_fail(c, EXIT_NOTFOUND,
                            "%s: no cluster here: ostraka dev up makes one%s%s",
                            d->dir, known ? "; or add --dir " : "",
                            known ? other : "");
    }
    return code;
}

/* Brokers that the node knows, -1 if it does not serve (yet). */
int dev_brokers_known(struct env *e, const struct dev_node *n, unsigned ms_max)
{
    struct client *client = NULL;
    struct metadata_request q;
    struct metadata_response r;
    struct arena a;
    struct err err = {""};
    int known = -1;
    if (client_open(e, n->client.host, n->client.port, ms_max, &client, &err) !=
        0) {
        return -1;
    }
    arena_init(&a, env_mem(e), 1 << 24);
    wire_init(&wire_metadata_request, &q);
    q.topics.ptr = arena_alloc(&a, 1); /* none, which is not null: all */
    int version = client_version(client, API_METADATA, 12);
    if (version >= 9 && client_call(client, API_METADATA, version, &q, &a, &r,
                                    ms_max, &err) == 0) {
        known = (int)r.brokers.n;
    }
    arena_close(&a);
    client_close(client);
    return known;
}

static void look_again_later(struct env *e)
{
    bool never = false;
    (void)env_system_run_until(e, &never, LOOK_MS);
}

int dev_start(struct dev *d, struct dev_node *n, const char *daemon)
{
    struct err err = {""};
    pid_t pid;
    int rv = process_start(daemon, n->properties, n->dir, n->log, &pid, &err);
    if (rv == 0) {
        rv = dev_files_note_pid(n, pid, &err);
        if (rv != 0) { /* nobody would find it again */
            (void)process_signal(pid, SIGKILL);
            (void)process_wait(pid, n->properties, END_MS_MAX);
        }
    }
    return rv == 0 ? EXIT_DONE
                   : command_fail(d->call, EXIT_FAILED, "%s", err.text);
}

unsigned dev_ms(const struct dev *d, unsigned otherwise)
{
    return command_flag(d->call, "timeout") ? command_timeout_ms(d->call)
                                            : otherwise;
}

unsigned dev_start_ms_max(const struct dev *d)
{
    return dev_ms(d, START_MS_MAX);
}

/* Wait until a node serves and knows `n_brokers`, or has ended. */
int dev_wait(struct dev *d, struct env *e, struct dev_node *n, int n_brokers,
             uint64_t until_ms)
{
    for (;;) {
        n->state = process_look(n->pid, n->properties);
        if (n->state == PROCESS_GONE) {
            command_fail(d->call, EXIT_FAILED, "n%d ended instead of serving",
                         n->id);
            dev_files_tail(n);
            return EXIT_FAILED;
        }
        if (dev_brokers_known(e, n, ASK_MS_MAX) >= n_brokers) {
            return EXIT_DONE;
        }
        if (env_now_ms(e) >= until_ms) {
            command_fail(d->call, EXIT_UNHEALTHY,
                         "n%d runs but does not serve yet (--timeout waits "
                         "longer)",
                         n->id);
            dev_files_tail(n);
            return EXIT_UNHEALTHY;
        }
        look_again_later(e);
    }
}

int dev_find_daemon(struct dev *d, char *path, size_t path_max)
{
    struct err err = {""};
    return process_find_daemon(path, path_max, &err) == 0
               ? EXIT_DONE
               : command_fail(d->call, EXIT_FAILED, "%s", err.text);
}
