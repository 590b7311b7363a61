/* offsets_file.h - a file of offsets, as kafka-consumer-groups --export makes
 * it and --from-file takes it: a line for each partition,
 *
 *     TOPIC,PARTITION,OFFSET
 *     GROUP,TOPIC,PARTITION,OFFSET     of which only one group's are taken
 *
 * Fields may be quoted, blank lines are nothing.
 */
#ifndef CLI_OFFSETS_FILE_H
#define CLI_OFFSETS_FILE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

/* Lines, and bytes, that a file may have. */
#define OFFSETS_FILE_LINES_MAX 100000
#define OFFSETS_FILE_BYTES_MAX (32u << 20)

struct offsets_line {
    struct slice topic; /* in the arena */
    int32_t partition;
    int64_t offset;
    unsigned line; /* from 1 */
};

/* Read what such a file holds of `group`, ordered by topic and partition.
 * `name` is for errors. Errors: ERR_INVALID (with the number of the line, and
 * what was expected; a partition that is there twice), ERR_TOOBIG, ERR_NOMEM.
 */
int offsets_file_parse(const char *name, struct slice text, struct slice group,
                       struct arena *a, struct offsets_line **ret_l,
                       unsigned *ret_n, struct err *err);
/* The same from a file ("-": standard input). Errors also: ERR_IO. */
int offsets_file_load(const char *name, struct slice group, struct arena *a,
                      struct offsets_line **ret_l, unsigned *ret_n,
                      struct err *err);
/* Write such a file ("-": standard output) whole or not at all; what is there
 * and no file (a pipe, /dev/stderr) is written to. Errors: ERR_IO, ERR_TOOBIG
 * (its name). */
int offsets_file_store(const char *name, const struct offsets_line l[],
                       unsigned n, struct err *err);

#endif
