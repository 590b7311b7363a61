/* escape.h - "\t" and its like in options. */
#ifndef CLI_ESCAPE_H
#define CLI_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

/* Read one character of `*p`, which may be one of the escapes \t \n \r \0 \\
 * \xHH, and move on. False for an escape that is none; `*p` stays there. */
bool escape_next(const char **p, char *ret_c);
/* Read a whole option into at most `size` bytes; it may hold zeros. Errors:
 * ERR_INVALID (an escape that is none), ERR_TOOBIG. */
int escape_decode(const char *text, char *out, size_t size, size_t *ret_len);

#endif
