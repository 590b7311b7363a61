#include "server/signals.h"

#include <signal.h>

#include "env/system.h"

static void on_term(void *arg)
{
    node_stop(arg, "SIGTERM");
}

static void on_int(void *arg)
{
    node_stop(arg, "SIGINT");
}

static void on_hup(void *arg)
{
    struct node *n = arg;
    env_system_reopen_trace(n->env);
    trace_info(env_trace(n->env), "server.reopened", "why=SIGHUP");
}

void signals_watch(struct node *n)
{
    env_system_signal(n->env, SIGTERM, on_term, n);
    env_system_signal(n->env, SIGINT, on_int, n);
    env_system_signal(n->env, SIGHUP, on_hup, n);
}
