/* ostraka.h - for programs that run Ostraka's two programs: what it means how
 * they ended. The manuals, ostrakad(8) and ostraka(1), say more.
 *
 * A node is a process; to have one in a test, start ostrakad, or let
 * "ostraka dev up --json" start several.
 */
#ifndef OSTRAKA_H
#define OSTRAKA_H

/* Exit codes of ostrakad. An end by SIGABRT is a mistake of its own: nothing
 * acknowledged is lost, the next start recovers. */
enum ostrakad_exit {
    OSTRAKAD_EXIT_OK = 0,        /* stopped as told */
    OSTRAKAD_EXIT_FAILED = 1,    /* for a reason that no other code names */
    OSTRAKAD_EXIT_CONFIG = 2,    /* bad configuration or usage, no permission */
    OSTRAKAD_EXIT_IDENTITY = 4,  /* wrong directory, cluster or node */
    OSTRAKAD_EXIT_IN_USE = 5,    /* another has the directory or the port */
    OSTRAKAD_EXIT_DAMAGE = 6,    /* damaged data: nothing was cut */
    OSTRAKAD_EXIT_CUT_SHORT = 7, /* stopping took too long, or told twice */
    OSTRAKAD_EXIT_STORAGE = 8,  /* a write or flush failed, or a disk is full */
    OSTRAKAD_EXIT_RESOURCES = 9 /* no memory, or too few open files */
};

/* Exit codes of ostraka. */
enum ostraka_exit {
    OSTRAKA_EXIT_DONE = 0,
    OSTRAKA_EXIT_FAILED = 1,      /* it failed, or some rows did */
    OSTRAKA_EXIT_USAGE = 2,       /* bad options or configuration */
    OSTRAKA_EXIT_NOTFOUND = 3,    /* no such object */
    OSTRAKA_EXIT_REFUSED = 4,     /* a safety interlock; the reason is named */
    OSTRAKA_EXIT_UNREACHABLE = 6, /* no answer in time, and nothing was sent */
    OSTRAKA_EXIT_UNKNOWN = 7,     /* sent, no answer: it may be applied */
    OSTRAKA_EXIT_UNHEALTHY = 10,  /* the cluster is not well */
    OSTRAKA_EXIT_VIOLATION = 12   /* acknowledged data is lost or changed */
};

#endif
