/* assert.h - assertions that stay on in release builds.
 *
 * Assert your own state, callers and constants; never bytes from disk, peers
 * or clients (those are ERR_CORRUPT and ERR_PROTOCOL). A failed assertion ends
 * the node: the handler that `env` installs dumps the flight recorder and
 * aborts, the simulator's takes down that node only. The handler is per
 * thread, so that a test can catch one.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

/* Called with the place and text of a failed assertion; must not return. */
typedef void (*assert_handler)(void *arg, const char *file, int line,
                               const char *text);

/* Install the calling thread's handler; NULL restores the default, which
 * prints one line to stderr and aborts. Borrows `arg` until replaced. */
void assert_set_handler(assert_handler handler, void *arg);

/* Run the handler; does not return. Used by ASSERT only. */
_Noreturn void assert_fail(const char *file, int line, const char *text);

#define ASSERT(cond) ((cond) ? (void)0 : assert_fail(__FILE__, __LINE__, #cond))

/* Assertions that cost more than the work they guard: compiled in by
 * --enable-slow-asserts, always type-checked. */
#ifdef SLOW_ASSERTS
#define SLOW_ASSERT(cond) ASSERT(cond)
#else
#define SLOW_ASSERT(cond) ((void)sizeof((cond) ? 1 : 0))
#endif

#endif
