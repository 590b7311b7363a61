#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

/* Per thread, so that of several nodes in one process each has its own. */
static _Thread_local assert_handler thread_handler;
static _Thread_local void *thread_handler_arg;

void assert_set_handler(assert_handler handler, void *arg)
{
    thread_handler = handler;
    thread_handler_arg = arg;
}

_Noreturn void assert_fail(const char *file, int line, const char *text)
{
    assert_handler handler = thread_handler;
    if (handler != NULL) {
        /* A handler that itself fails gets the default. */
        thread_handler = NULL;
        handler(thread_handler_arg, file, line, text);
    }
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, text);
    abort();
}
