/* What the journal counts of its own work. */
#include "base/assert.h"
#include "storage/journal_impl.h"

void journal_metrics_start(struct journal *j)
{
    struct metrics *ms = env_metrics(j->env);
    struct metric *m = j->metrics;

    metric_add(ms, m++, METRIC_COUNTER, "ostraka_journal_frames_total",
               "Frames written to the journal: one durable write each.", "",
               &j->m_frames);
    metric_add(ms, m++, METRIC_COUNTER, "ostraka_journal_written_bytes_total",
               "Bytes of these frames.", "", &j->m_bytes);
    metric_add(ms, m++, METRIC_COUNTER, "ostraka_journal_refused_total",
               "Appends of entries that found no room in the journal.", "",
               &j->m_refused);
    metric_add(ms, m++, METRIC_HISTOGRAM, "ostraka_journal_write_seconds",
               "From the submission of a frame until it is durable.", "",
               &j->m_write_us);
    ASSERT(m == j->metrics + JOURNAL_METRICS);
}

void journal_metrics_stop(struct journal *j)
{
    for (unsigned i = 0; i < JOURNAL_METRICS; i++) {
        metric_remove(&j->metrics[i]);
    }
}
