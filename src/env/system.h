/* system.h - the door to the real world. Used by server/ and cli/ (and tests
 * with real files). Life: env_system_new, start everything, env_system_run
 * until env_system_stop, close everything, env_system_free. */
#ifndef ENV_SYSTEM_H
#define ENV_SYSTEM_H

#include "env/env.h"

struct env_system_options {
    const char *io_engine; /* "auto", "io_uring" or "threads" */
    enum trace_level trace_level;
    const char *trace_path; /* NULL: stderr; reopened on request */
    const char *name;       /* "n1": in every trace line; may be NULL */
    size_t mem_bytes_max;   /* 0: no limit */
    /* A busy loop leaves so much between two polls while its turns are small
     * (system_pace.h); 0: it never waits. */
    uint64_t loop_rest_us;
    /* Testing only ("unsafe."): report durable writes and syncs without
     * asking the device for a flush. Said at start, refused in production
     * configuration checks. */
    bool unsafe_no_flush;
    /* Of which files and, with `dir`, directories only; NULL: of all. Called
     * on any thread. */
    bool (*unsafe_no_flush_of)(const char *path, bool dir);
};

/* Errors: ERR_UNSUPPORTED (io_uring asked for and not available), ERR_REFUSED
 * (trace_path cannot be opened), ERR_INVALID (no such engine), ERR_NOMEM,
 * ERR_IO; `err` says what. */
int env_system_new(const struct env_system_options *o, struct env **ret_e,
                   struct err *err);
/* Run turns until env_system_stop(). */
void env_system_run(struct env *e);
/* Run turns until `*flag` becomes true or `timeout_ms` passed (0: for ever).
 * Returns 0 or ERR_TIMEOUT. For tools and tests. */
int env_system_run_until(struct env *e, const bool *flag, uint64_t timeout_ms);
/* End env_system_run() after this turn. */
void env_system_stop(struct env *e);
/* Everything else must be closed. Frees the env and all memory of the node. */
void env_system_free(struct env *e);
/* Call `cb` on the loop when the signal arrives. */
void env_system_signal(struct env *e, int signo, void (*cb)(void *), void *arg);

/* A call from another thread. */
struct env_system_call {
    struct queue queue; /* private */
    bool posted;        /* private */
    void (*cb)(struct env_system_call *c);
    void *data;
};
/* From any thread: run `c->cb` on the loop, soon, once. Borrows `c` until then;
 * what was posted and has not run may not be posted again. */
void env_system_post(struct env *e, struct env_system_call *c);
/* On the loop's thread, when nobody posts it any more: it will not run. Not
 * being posted is fine. */
void env_system_unpost(struct env *e, struct env_system_call *c);

/* Open the trace file anew (SIGHUP, logrotate). */
void env_system_reopen_trace(struct env *e);
/* Exit status that env_die() ends the process with is an abort (SIGABRT), so
 * that a core is written; the reason is the last line of the trace. */

#endif
