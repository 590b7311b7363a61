/* What the door for clients counts: requests by API, those that wait, those
 * that were turned away. */
#include "api/handlers.h"
#include "api/request_impl.h"
#include "base/assert.h"
#include "wire/api.h"

static uint64_t read_under_way(const void *arg)
{
    return ((const struct api_server *)arg)->under_way;
}

static uint64_t read_memory(const void *arg)
{
    return ((const struct api_server *)arg)->arenas.used;
}

static uint64_t read_waiting(const void *arg)
{
    return ((const struct api_server *)arg)->fetches_waiting;
}

static void requests_start(struct api_server *s)
{
    ASSERT(api_table_n <= API_ROWS_MAX);
    for (unsigned i = 0; i < api_table_n; i++) {
        char labels[METRIC_LABELS_MAX] = "";
        metric_label(labels, "api", slice_str(api_name(api_table[i].key)));
        metric_add(env_metrics(s->env), &s->metric_requests[i], METRIC_COUNTER,
                   "ostraka_requests_total", "Requests of clients begun.",
                   labels, &s->requests[i]);
    }
}

void server_metrics_start(struct api_server *s)
{
    struct metrics *ms = env_metrics(s->env);
    struct metric *m = s->metrics;

    requests_start(s);
    metric_add(ms, m++, METRIC_COUNTER, "ostraka_requests_refused_total",
               "Requests of an unknown API or version, or malformed.", "",
               &s->refused);
    metric_add_read(ms, m++, METRIC_GAUGE, "ostraka_requests_under_way",
                    "Requests of clients that are not answered yet.", "",
                    read_under_way, s);
    metric_add_read(ms, m++, METRIC_GAUGE, "ostraka_fetches_waiting",
                    "Those that are a Fetch waiting for records.", "",
                    read_waiting, s);
    metric_add_read(ms, m++, METRIC_GAUGE, "ostraka_request_memory_bytes",
                    "What large requests hold besides their frames.", "",
                    read_memory, s);
    metric_add(ms, m++, METRIC_COUNTER, "ostraka_request_memory_refused_total",
               "Times a large request found no memory: its connection was "
               "closed.",
               "", &s->arenas.refused);
    metric_add(ms, m++, METRIC_COUNTER, "ostraka_client_pauses_total",
               "Times a connection was not read from for a while: it had "
               "queued.max.requests under way.",
               "", &s->pauses);
    metric_add(ms, m++, METRIC_HISTOGRAM, "ostraka_produce_seconds",
               "From a Produce request until its answer, which says that the "
               "records are durable.",
               "", &s->produce_us);
    ASSERT(m == s->metrics + SERVER_METRICS);
}

void server_metrics_stop(struct api_server *s)
{
    for (unsigned i = 0; i < api_table_n; i++) {
        metric_remove(&s->metric_requests[i]);
    }
    for (unsigned i = 0; i < SERVER_METRICS; i++) {
        metric_remove(&s->metrics[i]);
    }
}
