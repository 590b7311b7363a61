/* clean.h - what strangers chose (client ids, groups, metadata, what a server
 * says), on a person's terminal: nothing in it may speak to the terminal, move
 * its cursor or begin a line. Not for what programs read.
 */
#ifndef CLI_CLEAN_H
#define CLI_CLEAN_H

#include <stdio.h>

#include "base/slice.h"

/* How many of the `n` > 0 bytes at `p` are one character that may be shown: of
 * UTF-8, and no control character. 0: the first byte is not to be shown. */
size_t clean_char(const uint8_t *p, size_t n);
/* Replace each byte that is not to be shown by '?', in place. */
void clean_text(char *text);
/* Print with the same replacements. */
void clean_put(FILE *out, struct slice s);

#endif
