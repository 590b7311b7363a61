#include "cli/bench_report.h"

#include <stdio.h>

#include "wire/errors.h"

/* Per 10^9 bytes of values; 0 where nothing was measured. */
static double per_gb(uint64_t bytes, double v)
{
    return bytes > 0 ? v / ((double)bytes / 1e9) : 0;
}

static void put_real(json_t *o, const char *name, double v)
{
    json_object_set_new(o, name, json_real(v));
}

static void put_servers(json_t *o, uint64_t bytes, const struct watch *w)
{
    const struct watch_sample *a = &w->first, *b = &w->last;
    json_t *s = json_object();
    double user = b->user_s - a->user_s, sys = b->system_s - a->system_s;
    put_real(s, "user_s", user);
    put_real(s, "system_s", sys);
    put_real(s, "cpu_s_per_gb", per_gb(bytes, user + sys));
    put_real(s, "cores", (user + sys) / (b->at_s - a->at_s));
    put_real(s, "written_per_byte",
             per_gb(bytes, (double)(b->written - a->written)) / 1e9);
    json_object_set_new(s, "rss_max_bytes",
                        json_integer((json_int_t)b->rss_max));
    json_object_set_new(o, "servers", s);
}

void bench_put_watch(json_t *o, uint64_t bytes, const struct watch *w)
{
    const struct watch_sample *a = &w->first, *b = &w->last;
    double all = (b->at_s - a->at_s) * w->n_cores;
    if (!w->ended || all <= 0) {
        return;
    }
    if (w->n_servers > 0) {
        put_servers(o, bytes, w);
    }
    put_real(o, "client_cpu_s_per_gb", per_gb(bytes, b->self_s - a->self_s));
    put_real(o, "client_cores", (b->self_s - a->self_s) / (b->at_s - a->at_s));
    put_real(o, "disk_written_per_byte",
             per_gb(bytes, (double)(b->sectors - a->sectors) * 512) / 1e9);
    put_real(o, "kernel_share", (b->kernel_s - a->kernel_s) / all);
    put_real(o, "interrupt_share", (b->interrupt_s - a->interrupt_s) / all);
    put_real(o, "steal_share", (b->steal_s - a->steal_s) / all);
    put_real(o, "foreign_share", watch_foreign_share(w));
}

void bench_print_watch(uint64_t bytes, const struct watch *w)
{
    const struct watch_sample *a = &w->first, *b = &w->last;
    if (!w->ended || b->at_s <= a->at_s) {
        return;
    }
    if (w->n_servers > 0) {
        double cpu = b->user_s + b->system_s - a->user_s - a->system_s;
        printf("servers: ");
        if (bytes > 0) {
            printf("%.2f CPU-s/GB, ", per_gb(bytes, cpu));
        }
        printf("%.3f cores, largest %.0f MB\n", cpu / (b->at_s - a->at_s),
               (double)b->rss_max / 1e6);
    }
    printf("this tool: ");
    if (bytes > 0) {
        printf("%.2f CPU-s/GB; ", per_gb(bytes, b->self_s - a->self_s));
    } else {
        printf("%.3f cores; ", (b->self_s - a->self_s) / (b->at_s - a->at_s));
    }
    printf("other processes %.1f %% of the machine\n",
           watch_foreign_share(w) * 100);
}

static double quantile_ms(const struct metric_histogram *h, double q)
{
    return (double)histogram_quantile(h, q) / 1e3;
}

void bench_put_latency(json_t *o, const char *name,
                       const struct metric_histogram *h)
{
    json_t *l;
    if (h->count == 0) {
        return;
    }
    l = json_object();
    put_real(l, "p50", quantile_ms(h, 0.5));
    put_real(l, "p99", quantile_ms(h, 0.99));
    put_real(l, "p999", quantile_ms(h, 0.999));
    put_real(l, "max", (double)h->max / 1e3);
    json_object_set_new(o, name, l);
}

void bench_report_json(const char *name, const char *backend,
                       const struct rawload_result *r, const struct watch *w)
{
    json_t *o = json_object();
    json_object_set_new(o, "schema", json_string(name));
    json_object_set_new(o, "backend", json_string(backend));
    json_object_set_new(o, "seconds", json_real(r->seconds));
    json_object_set_new(o, "records", json_integer((json_int_t)r->records));
    json_object_set_new(o, "bytes", json_integer((json_int_t)r->bytes));
    json_object_set_new(
        o, "mb_per_s",
        json_real(r->seconds > 0 ? (double)r->bytes / 1e6 / r->seconds : 0));
    json_object_set_new(
        o, "records_per_s",
        json_real(r->seconds > 0 ? (double)r->records / r->seconds : 0));
    json_object_set_new(o, "records_all",
                        json_integer((json_int_t)r->records_all));
    json_object_set_new(o, "errors", json_integer((json_int_t)r->errors));
    json_object_set_new(o, "reconnects",
                        json_integer((json_int_t)r->reconnects));
    json_object_set_new(o, "gap_max_s", json_real(r->gap_max_s));
    bench_put_latency(o, "latency_ms", &r->latency);
    bench_put_watch(o, r->bytes, w);
    json_dumpf(o, stdout, JSON_REAL_PRECISION(6) | JSON_COMPACT);
    putchar('\n');
    json_decref(o);
}

void bench_report_text(const struct rawload_result *r, const struct watch *w)
{
    double s = r->seconds > 0 ? r->seconds : 1;
    printf("%.1f MB/s  %.0f records/s  (%.1f s)\n", (double)r->bytes / 1e6 / s,
           (double)r->records / s, r->seconds);
    if (r->latency.count > 0) {
        printf("latency ms  p50 %.2f  p99 %.2f  p99.9 %.2f  max %.2f\n",
               quantile_ms(&r->latency, 0.5), quantile_ms(&r->latency, 0.99),
               quantile_ms(&r->latency, 0.999), (double)r->latency.max / 1e3);
    }
    if (r->error_last != 0) {
        printf("last error %d: %s\n", r->error_last, kerr_text(r->error_last));
    }
    printf("errors %llu  reconnects %llu  longest time without acks %.2f s\n",
           (unsigned long long)r->errors, (unsigned long long)r->reconnects,
           r->gap_max_s);
    bench_print_watch(r->bytes, w);
}

void bench_report_wait(uint64_t first_ms, uint64_t all_ms, bool json)
{
    if (json) {
        json_t *o = json_object();
        json_object_set_new(o, "schema", json_string("ostraka.bench.wait/1"));
        json_object_set_new(o, "first_ack_unix_ms",
                            json_integer((json_int_t)first_ms));
        json_object_set_new(o, "all_acked_unix_ms",
                            json_integer((json_int_t)all_ms));
        json_dumpf(o, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(o);
    } else {
        printf("first acknowledgement %.3f, all partitions %.3f (seconds "
               "since 1970)\n",
               (double)first_ms / 1e3, (double)all_ms / 1e3);
    }
}
