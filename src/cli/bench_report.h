/* bench_report.h - what `ostraka bench` says at the end. */
#ifndef CLI_BENCH_REPORT_H
#define CLI_BENCH_REPORT_H

#include <jansson.h>

#include "cli/rawload.h"
#include "cli/watch.h"

/* One line of JSON on stdout: schema `name`, what was acknowledged, latencies
 * and, where `w` was sampled, what servers, tool and others used. */
void bench_report_json(const char *name, const char *backend,
                       const struct rawload_result *r, const struct watch *w);
/* The same for people. */
void bench_report_text(const struct rawload_result *r, const struct watch *w);
/* Add to `o`, and print, what servers, tool and others used; per gigabyte where
 * `bytes` of values were moved. Nothing if the measured time never began. */
void bench_put_watch(json_t *o, uint64_t bytes, const struct watch *w);
void bench_print_watch(uint64_t bytes, const struct watch *w);
/* {"p50":...,"p99":...,"p999":...,"max":...} in milliseconds, of microseconds,
 * as `name`. Nothing if there are none. */
void bench_put_latency(json_t *o, const char *name,
                       const struct metric_histogram *h);
/* When the first partition and when the last one acknowledged, wall clock. */
void bench_report_wait(uint64_t first_ms, uint64_t all_ms, bool json);

#endif
