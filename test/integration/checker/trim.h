/* trim.h - deleting records before an offset, and what a reader meets there. */
#ifndef CHECKER_TRIM_H
#define CHECKER_TRIM_H

/* DeleteRecords of one partition, before `offset` (-1: all that is committed):
 * print {"low_watermark": N} or {"error": "NAME"}. Ends the program if there
 * is no answer. */
void trim_before(const char *brokers, const char *topic, int partition,
                 long long offset);
/* Read one record at `offset`, without going anywhere else if there is none:
 * print {"offset": N}, {"end": N} or {"error": "NAME"}. */
void trim_read_at(const char *brokers, const char *topic, int partition,
                  long long offset);

#endif
