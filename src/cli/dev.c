#include "cli/dev.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/dev_proof.h"
#include "cli/dev_run.h"
#include "cli/dev_status.h"

#define STOP_MS_MAX 20000

/* With --json every verb ends with what all nodes do then. */
static int done(struct dev *d)
{
    return command_json(d->call) ? dev_status_print(d) : EXIT_DONE;
}

/* ---- starting ------------------------------------------------------------ */

static int up_files(struct dev *d)
{
    struct command_call *c = d->call;
    struct err err = {""};
    int64_t nodes, base_port;
    int rv;
    if (command_number(c, "nodes", 1, DEV_NODES_MAX, 3, &nodes) != 0 ||
        command_number(c, "base-port", 1, 65536 - nodes, 0, &base_port) != 0) {
        return EXIT_USAGE;
    }
    if (d->n_nodes == 0) {
        rv = dev_files_create(d, (unsigned)nodes, (unsigned)base_port, &err);
    } else if (command_flag(c, "nodes") && nodes != d->n_nodes) {
        return command_fail(c, EXIT_REFUSED,
                            "%s holds a cluster of %u nodes: leave --nodes "
                            "out, or begin anew after dev down --wipe",
                            d->dir, d->n_nodes);
    } else if (base_port != 0 && base_port != d->nodes[0].client.port) {
        return command_fail(c, EXIT_REFUSED,
                            "%s holds a cluster on port %u: leave --base-port "
                            "out, or begin anew after dev down --wipe",
                            d->dir, d->nodes[0].client.port);
    } else if (d->nodes[0].n_named > d->n_nodes) {
        return command_fail(c, EXIT_REFUSED,
                            "%s has directories of %u of the cluster's %u "
                            "nodes: bring the others back (is one not "
                            "mounted?), or begin anew after dev down --wipe",
                            d->dir, d->n_nodes, d->nodes[0].n_named);
    } else {
        rv = dev_files_set(d, &err);
    }
    return rv == 0
               ? EXIT_DONE
               : command_fail(c, rv == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED,
                              "%s", err.text);
}

static int up_start(struct dev *d)
{
    char daemon[DEV_PATH_MAX];
    int code = dev_find_daemon(d, daemon, sizeof daemon);
    bool running = false;
    for (unsigned i = 0; i < d->n_nodes; i++) {
        running = running || d->nodes[i].state != PROCESS_GONE;
    }
    if (running && command_flag(d->call, "set")) {
        fprintf(stderr, "Nodes that run take the new settings when they are "
                        "started again: dev down, dev up\n");
    }
    for (unsigned i = 0; i < d->n_nodes && code == EXIT_DONE; i++) {
        struct dev_node *n = &d->nodes[i];
        if (n->state == PROCESS_STOPPED) {
            (void)process_signal(n->pid, SIGCONT);
        } else if (n->state == PROCESS_GONE) {
            code = dev_start(d, n, daemon);
        }
    }
    return code;
}

static int run_up(struct command_call *c)
{
    struct dev d;
    int lock;
    int code = dev_load_locked(&d, c, true, &lock);
    code = code == EXIT_DONE ? up_files(&d) : code;
    code = code == EXIT_DONE ? up_start(&d) : code;
    dev_files_unlock(lock);
    struct env *e = code == EXIT_DONE ? command_env(c) : NULL;
    if (e == NULL) {
        return code == EXIT_DONE ? EXIT_FAILED : code;
    }
    uint64_t until_ms = env_now_ms(e) + dev_start_ms_max(&d);
    for (unsigned i = 0; i < d.n_nodes && code == EXIT_DONE; i++) {
        code = dev_wait(&d, e, &d.nodes[i], (int)d.n_nodes, until_ms);
    }
    if (code == EXIT_DONE && !command_json(c)) {
        dev_status_bootstrap(&d);
        printf("\n");
    }
    return code == EXIT_DONE ? done(&d) : code;
}

/* The node that the first argument names. */
static int load_node(struct dev *d, struct command_call *c,
                     struct dev_node **ret_n)
{
    const char *text = c->arguments[0];
    char *end;
    int code = dev_load_cluster(d, c);
    if (code != EXIT_DONE) {
        return code;
    }
    long id = strtol(text + (*text == 'n'), &end, 10);
    *ret_n = *end == '\0' ? dev_files_find(d, id) : NULL;
    return *ret_n != NULL
               ? EXIT_DONE
               : command_fail(c, EXIT_NOTFOUND, "%s: no such node: 1 to %u",
                              text, d->n_nodes);
}

static int run_start(struct command_call *c)
{
    struct dev d;
    struct dev_node *n;
    char daemon[DEV_PATH_MAX];
    int lock;
    int code = dev_load_locked(&d, c, false, &lock);
    code = code == EXIT_DONE ? load_node(&d, c, &n) : code;
    if (code == EXIT_DONE && n->state == PROCESS_GONE) {
        code = dev_find_daemon(&d, daemon, sizeof daemon);
        code = code == EXIT_DONE ? dev_start(&d, n, daemon) : code;
    } else if (code == EXIT_DONE && n->state == PROCESS_STOPPED) {
        (void)process_signal(n->pid, SIGCONT); /* it would never serve */
    }
    dev_files_unlock(lock);
    struct env *e = code == EXIT_DONE ? command_env(c) : NULL;
    if (e == NULL) {
        return code == EXIT_DONE ? EXIT_FAILED : code;
    }
    code = dev_wait(&d, e, n, 1, env_now_ms(e) + dev_start_ms_max(&d));
    return code == EXIT_DONE ? done(&d) : code;
}

/* ---- stopping ------------------------------------------------------------ */

/* True if the process will be gone. A stopped one sleeps through all but
 * SIGKILL until it is continued. */
static bool ends(const struct dev_node *n, int signo)
{
    return signo == SIGKILL ||
           (n->state == PROCESS_RUNS && (signo == SIGTERM || signo == SIGINT ||
                                         signo == SIGQUIT || signo == SIGABRT));
}

static int run_kill(struct command_call *c)
{
    struct dev d;
    struct dev_node *n;
    const char *text = command_option(c, "signal", "9");
    int signo = process_signal_parse(text);
    int code = load_node(&d, c, &n);
    if (code != EXIT_DONE) {
        return code;
    }
    if (signo < 0) {
        return command_fail(c, EXIT_USAGE,
                            "--signal %s: no such signal: 9, TERM, STOP, CONT",
                            text);
    }
    if (n->state == PROCESS_GONE) {
        return command_fail(c, EXIT_NOTFOUND, "n%d does not run", n->id);
    }
    if (process_signal(n->pid, signo) != 0) {
        return command_fail(c, EXIT_FAILED, "n%d: cannot signal process %ld",
                            n->id, (long)n->pid);
    }
    if (ends(n, signo) &&
        process_wait(n->pid, n->properties, dev_ms(&d, STOP_MS_MAX)) != 0) {
        return command_fail(c, EXIT_FAILED, "n%d still runs", n->id);
    }
    return done(&d);
}

static int stop_all(struct dev *d)
{
    int code = EXIT_DONE;
    for (unsigned i = 0; i < d->n_nodes; i++) {
        struct dev_node *n = &d->nodes[i];
        if (n->state != PROCESS_GONE) {
            (void)process_signal(n->pid, SIGTERM);
            (void)process_signal(n->pid, SIGCONT);
        }
    }
    for (unsigned i = 0; i < d->n_nodes; i++) {
        struct dev_node *n = &d->nodes[i];
        if (n->state == PROCESS_GONE ||
            process_wait(n->pid, n->properties, dev_ms(d, STOP_MS_MAX)) == 0) {
            continue;
        }
        fprintf(stderr, "n%d does not stop: killed\n", n->id);
        (void)process_signal(n->pid, SIGKILL);
        if (process_wait(n->pid, n->properties, STOP_MS_MAX) != 0) {
            code = command_fail(d->call, EXIT_FAILED, "n%d still runs", n->id);
        }
    }
    return code;
}

static int run_down(struct command_call *c)
{
    struct dev d;
    struct err err = {""};
    int lock;
    int code = dev_load_locked(&d, c, false, &lock);
    code = code == EXIT_DONE ? stop_all(&d) : code;
    for (unsigned i = 0; i < d.n_nodes && code == EXIT_DONE; i++) {
        (void)remove(d.nodes[i].pid_file);
    }
    if (code == EXIT_DONE && command_flag(c, "wipe") &&
        dev_files_wipe(&d, &err) != 0) {
        code = command_fail(c, EXIT_FAILED, "%s", err.text);
    }
    dev_files_unlock(lock);
    return code == EXIT_DONE ? done(&d) : code;
}

/* ---- telling ------------------------------------------------------------- */

static void print_quoted(const char *text)
{
    putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs("'\\''", stdout);
        } else {
            putchar(*text);
        }
    }
    putchar('\'');
}

static int run_env(struct command_call *c)
{
    struct dev d;
    const char *space = "";
    int code = dev_load_cluster(&d, c);
    if (code != EXIT_DONE || command_json(c)) {
        return code == EXIT_DONE ? done(&d) : code;
    }
    printf("OSTRAKA_BOOTSTRAP=");
    dev_status_bootstrap(&d);
    printf("\nOSTRAKA_PIDS=\"");
    for (unsigned i = 0; i < d.n_nodes; i++) {
        if (d.nodes[i].state != PROCESS_GONE) {
            printf("%s%ld", space, (long)d.nodes[i].pid);
            space = " ";
        }
    }
    printf("\"\nOSTRAKA_DIR=");
    if (strspn(d.dir, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                      "0123456789/._-") == strlen(d.dir)) {
        fputs(d.dir, stdout);
    } else {
        print_quoted(d.dir);
    }
    printf("\nexport OSTRAKA_BOOTSTRAP OSTRAKA_PIDS OSTRAKA_DIR\n");
    return EXIT_DONE;
}

static int run_status(struct command_call *c)
{
    struct dev d;
    int code = dev_load_cluster(&d, c);
    return code == EXIT_DONE ? dev_status_print(&d) : code;
}

/* ---- the table ----------------------------------------------------------- */

#define DIR_OPTION                                                             \
    {                                                                          \
        "dir", 'd', "D", "Where the cluster is (default var/dev)."             \
    }

static const struct command_option look_options[] = {
    DIR_OPTION,
    {"timeout", 0, "MS",
     "How long to wait for each node's answer (default 2000)."},
    {NULL}};
static const struct command_option start_options[] = {
    DIR_OPTION,
    {"timeout", 0, "MS", "How long to wait until it serves (default 60000)."},
    {NULL}};
static const struct command_option up_options[] = {
    {"nodes", 'n', "N", "How many nodes a new cluster has (default 3)."},
    {"base-port", 'p', "P",
     "Node N serves clients on P+N-1 (default 19092, 29092, 39092)."},
    {"set", 's', "KEY=VALUE", "A setting of all nodes; may be repeated."},
    DIR_OPTION,
    {"timeout", 0, "MS", "How long to wait until all serve (default 60000)."},
    {NULL}};
static const struct command_option kill_options[] = {
    {"signal", 's', "SIGNAL", "9 (the default), TERM, STOP, CONT, ..."},
    DIR_OPTION,
    {"timeout", 0, "MS", "How long to wait for its end (default 20000)."},
    {NULL}};
static const struct command_option proof_options[] = {
    {"records", 'n', "N", "How many (default 1000)."},
    {"topic", 't', "TOPIC", "Where; made if it is not there (default proof)."},
    DIR_OPTION,
    {NULL}};
static const struct command_option down_options[] = {
    {"wipe", 0, NULL, "Remove the data too."},
    DIR_OPTION,
    {"timeout", 0, "MS",
     "How long to wait for each node's end before it is killed (default "
     "20000)."},
    {NULL}};

const struct command dev_commands[] = {
    {"dev", "up", NULL, "Start a cluster on this machine; print its addresses.",
     up_options, IMPACT_WRITE, 0, 0, run_up},
    {"dev", "env", NULL, "Print shell lines that say where it is.",
     look_options, IMPACT_READ, 0, 0, run_env},
    {"dev", "kill", "N", "Send a signal to node N.", kill_options, IMPACT_WRITE,
     1, 1, run_kill},
    {"dev", "start", "N", "Start node N again; return when it serves.",
     start_options, IMPACT_WRITE, 1, 1, run_start},
    {"dev", "status", NULL, "Show the nodes.", look_options, IMPACT_READ, 0, 0,
     run_status},
    {"dev", "proof", NULL,
     "Produce, kill the leader in the middle, read back, judge.", proof_options,
     IMPACT_WRITE, 0, 0, dev_proof},
    {"dev", "down", NULL, "Stop the cluster; its data stays.", down_options,
     IMPACT_WRITE, 0, 0, run_down},
    {NULL}};
