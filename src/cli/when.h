/* when.h - moments and durations as kafka-consumer-groups takes them.
 *
 *   a moment     2026-07-31, 2026-07-31T12:00, 2026-07-31T12:00:30,
 *                2026-07-31T12:00:30.250; then nothing or Z (UTC), or +02:00,
 *                +0200, +02; or seconds (10 digits) or milliseconds (13)
 *                since 1970
 *   a duration   ISO 8601: PnDTnHnMnS, parts of which may be missing, seconds
 *                with a fraction: P7D, PT1H30M, PT0.5S
 */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include <stdint.h>

#include "base/err.h"

/* "2026-07-31T12:00:30.250Z" */
#define WHEN_TEXT_LEN 24

/* Milliseconds since 1970, not negative. Errors: ERR_INVALID, with what was
 * expected. */
int when_moment(const char *text, int64_t *ret_ms, struct err *err);
/* Milliseconds, not negative. Errors: as above. */
int when_duration(const char *text, int64_t *ret_ms, struct err *err);
/* Write a moment in UTC; "-" if it lies outside of the years 1970 to 9999.
 * Returns `out`. */
const char *when_format(int64_t ms, char out[WHEN_TEXT_LEN + 1]);

#endif
