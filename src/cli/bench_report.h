/* bench_report.h - what `ostraka bench` says at the end. */
#ifndef CLI_BENCH_REPORT_H
#define CLI_BENCH_REPORT_H

#include "cli/rawload.h"
#include "cli/watch.h"

/* One line of JSON on stdout: schema `name`, what was acknowledged, latencies
 * and, where `w` was sampled, what servers, tool and others used. */
void bench_report_json(const char *name, const char *backend,
                       const struct rawload_result *r, const struct watch *w);
/* The same for people. */
void bench_report_text(const struct rawload_result *r, const struct watch *w);
/* When the first partition and when the last one acknowledged, wall clock. */
void bench_report_wait(uint64_t first_ms, uint64_t all_ms, bool json);

#endif
