/* fake_fetch.h - Fetch requests for tests: say what is asked for, then send it.
 *
 *     fetch_ask("t", 0, 17);
 *     fetch_ask_min = 100;
 *     p = fetch_part(fetch(12), 0);
 *
 * After each fetch() everything is as before the first.
 */
#ifndef TEST_API_FAKE_FETCH_H
#define TEST_API_FAKE_FETCH_H

#include "fake_records.h"
#include "wire/gen/fetch.h"

/* Of the next request, or of all its partitions. */
extern int32_t fetch_ask_replica;              /* -1 */
extern int32_t fetch_ask_wait, fetch_ask_min;  /* 500 ms, 1 byte */
extern int32_t fetch_ask_bytes;                /* 1 MiB, */
extern int32_t fetch_ask_part_bytes;           /* and as much of each */
extern int32_t fetch_ask_epoch;                /* -1: not known */
extern int32_t fetch_ask_last_epoch;           /* -1: not known */
extern int32_t fetch_ask_id, fetch_ask_number; /* session and epoch: 0, -1 */

/* cmocka's: fake_records_open(), and defaults. */
int fetch_open(void **state);

/* One more partition; those of one topic stand together. */
void fetch_ask(const char *topic, int32_t partition, int64_t offset);
/* One more that is not wanted any more. */
void fetch_forget(const char *topic, int32_t partition);
/* The answer; NULL if there was none. */
struct fetch_response *fetch(int version);

/* The number of partitions in an answer, and the i-th of them. */
unsigned fetch_parts(const struct fetch_response *out);
const struct fetch_response_partition *
fetch_part(const struct fetch_response *out, unsigned i);
/* The number of its batches, which are whole, and the first one's offset. */
unsigned fetch_batches(const struct fetch_response_partition *p);
int64_t fetch_first(const struct fetch_response_partition *p);

#endif
