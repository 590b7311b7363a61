#include "judge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "memory.h"

#define NOTES_MAX 20

enum judge_kind {
    KIND_NOTHING, /* no record at this offset */
    KIND_DAMAGED, /* bytes that nobody sent */
    KIND_PHANTOM, /* a value that nobody sent */
    KIND_FIRST,   /* the first copy of a record */
    KIND_AGAIN    /* a further copy */
};

__attribute__((format(printf, 2, 3))) static void note(struct judge *j,
                                                       const char *fmt, ...)
{
    if (j->notes == NULL || j->n_notes++ >= NOTES_MAX) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    fputs("check-load: ", j->notes);
    vfprintf(j->notes, fmt, args);
    fputc('\n', j->notes);
    va_end(args);
}

void judge_init(struct judge *j, const struct books *b, FILE *notes)
{
    *j = (struct judge){.books = b, .notes = notes};
    j->logs = memory_zeroed(b->partitions, sizeof j->logs[0]);
}

void judge_close(struct judge *j)
{
    for (uint32_t i = 0; i < j->books->partitions; i++) {
        free(j->logs[i].seen);
    }
    free(j->logs);
    free(j->copies);
    *j = (struct judge){0};
}

void judge_partition(struct judge *j, uint32_t partition, int64_t start)
{
    struct judge_log *log = &j->logs[partition];
    log->start = start;
    log->end = start;
}

/* What stands at an offset, NULL outside of what was read. */
static struct judge_seen *seen_find(const struct judge_log *log, int64_t offset)
{
    if (offset < log->start || offset >= log->end) {
        return NULL;
    }
    return &log->seen[offset - log->start];
}

static void seen_grow(struct judge_log *log, uint64_t n)
{
    if (n > log->cap) {
        log->cap = n < 512 ? 1024 : n * 2;
        log->seen = memory_resize(log->seen, log->cap, sizeof log->seen[0]);
    }
    memset(log->seen + log->n, 0, (n - log->n) * sizeof log->seen[0]);
    log->n = n;
}

void judge_record(struct judge *j, uint32_t partition, int64_t offset,
                  struct slice value)
{
    struct judge_log *log = &j->logs[partition];
    if (offset < log->end) {
        die("partition %u: offset %" PRId64 " read after %" PRId64, partition,
            offset, log->end - 1);
    }
    seen_grow(log, (uint64_t)(offset - log->start) + 1);
    log->end = offset + 1;
    j->found.read++;
    struct judge_seen *seen = seen_find(log, offset);
    if (seen == NULL) {
        die("partition %u: offset %" PRId64 " has no place", partition, offset);
    }
    struct value v;
    seen->hash = hash_bytes(value.data, value.len);
    seen->epoch = -1;
    if (!value_decode(value, &v)) {
        seen->kind = KIND_DAMAGED;
        return;
    }
    const struct books_stream *s = books_find(j->books, v.producer, partition);
    seen->kind = KIND_FIRST;
    if (v.run != j->books->run || v.partition != partition || s == NULL ||
        v.seq >= s->n || s->at[v.seq] == BOOKS_FAILED) {
        seen->kind = KIND_PHANTOM;
    }
    seen->seq = v.seq;
    seen->producer = v.producer;
}

/* ---- one stream -----------------------------------------------------------*/

/* Where each record of a stream was first seen, -1: nowhere. */
struct track {
    int64_t *first;
    int64_t seq_max;
    bool reordered;
};

static void copy_add(struct judge *j, uint32_t partition, int64_t first,
                     int64_t again)
{
    j->copies = memory_resize(j->copies, j->n_copies + 1, sizeof j->copies[0]);
    j->copies[j->n_copies++] = (struct judge_copy){
        .partition = partition, .first = first, .again = again};
    j->found.duplicated++;
}

/* Follow one partition's log: copies, order, bytes and values of nobody. */
static void log_follow(struct judge *j, uint32_t partition, struct track *t)
{
    struct judge_log *log = &j->logs[partition];
    for (int64_t at = log->start; at < log->end; at++) {
        struct judge_seen *seen = seen_find(log, at);
        if (seen == NULL) {
            break;
        }
        if (seen->kind == KIND_DAMAGED) {
            j->found.changed++;
            note(j, "partition %u offset %" PRId64 ": bytes nobody sent",
                 partition, at);
            continue;
        }
        if (seen->kind == KIND_PHANTOM) {
            j->found.phantom++;
            note(j, "partition %u offset %" PRId64 ": a value nobody sent",
                 partition, at);
            continue;
        }
        if (seen->kind == KIND_NOTHING) {
            continue;
        }
        struct track *track = &t[seen->producer];
        if (track->first[seen->seq] >= 0) {
            seen->kind = KIND_AGAIN;
            copy_add(j, partition, track->first[seen->seq], at);
            note(j,
                 "partition %u producer %u record %" PRIu64 ": at %" PRId64
                 " and again at %" PRId64,
                 partition, seen->producer, seen->seq, track->first[seen->seq],
                 at);
            continue;
        }
        track->first[seen->seq] = at;
        if ((int64_t)seen->seq < track->seq_max) {
            track->reordered = true;
            j->found.reordered++;
            note(j,
                 "partition %u producer %u record %" PRIu64 " at %" PRId64
                 ": behind record %" PRId64,
                 partition, seen->producer, seen->seq, at, track->seq_max);
        } else {
            track->seq_max = (int64_t)seen->seq;
        }
    }
}

/* An acknowledged record that was not seen anywhere. */
static void record_absent(struct judge *j, uint32_t producer,
                          uint32_t partition, uint64_t seq, int64_t at)
{
    const struct judge_log *log = &j->logs[partition];
    const struct judge_seen *seen = seen_find(log, at);
    if (at >= 0 && at < log->start) {
        j->found.trimmed++;
        return;
    }
    if (seen != NULL && seen->kind == KIND_DAMAGED) {
        return; /* counted as changed */
    }
    j->found.lost++;
    note(j,
         "partition %u producer %u record %" PRIu64 ": acknowledged at %" PRId64
         ", not there",
         partition, producer, seq, at);
}

/* Compare the records of one stream with where they were seen. */
static void stream_compare(struct judge *j, uint32_t producer,
                           uint32_t partition, const struct track *t)
{
    const struct books_stream *s = books_find(j->books, producer, partition);
    for (uint64_t seq = 0; seq < s->n; seq++) {
        int64_t at = s->at[seq];
        int64_t first = t->first[seq];
        if (at == BOOKS_UNKNOWN) {
            j->found.unknown_there += first >= 0;
        } else if (at == BOOKS_FAILED) {
            continue;
        } else if (first < 0) {
            record_absent(j, producer, partition, seq, at);
        } else if (at >= 0 && first != at && !t->reordered) {
            const struct judge_seen *seen = seen_find(&j->logs[partition], at);
            if (seen == NULL || seen->kind != KIND_AGAIN || seen->seq != seq ||
                seen->producer != producer) {
                j->found.changed++;
                note(j,
                     "partition %u producer %u record %" PRIu64
                     ": acknowledged at %" PRId64 ", stands at %" PRId64,
                     partition, producer, seq, at, first);
            }
        }
    }
}

void judge_leader(struct judge *j)
{
    const struct books *b = j->books;
    struct track *tracks = memory_zeroed(b->producers, sizeof tracks[0]);
    for (uint32_t p = 0; p < b->partitions; p++) {
        for (uint32_t i = 0; i < b->producers; i++) {
            uint64_t n = books_find(b, i, p)->n;
            tracks[i] = (struct track){
                .first = memory_resize(NULL, n, sizeof tracks[i].first[0]),
                .seq_max = -1};
            memset(tracks[i].first, -1, n * sizeof tracks[i].first[0]);
        }
        log_follow(j, p, tracks);
        for (uint32_t i = 0; i < b->producers; i++) {
            stream_compare(j, i, p, &tracks[i]);
            free(tracks[i].first);
        }
    }
    free(tracks);
}

/* ---- replicas -------------------------------------------------------------*/

/* Offsets that the replica stepped over though the leader has them. */
static void replica_gap(struct judge *j, int node, uint32_t partition,
                        int64_t from, int64_t to)
{
    const struct judge_log *log = &j->logs[partition];
    uint64_t n = 0;
    for (int64_t at = from; at < to; at++) {
        const struct judge_seen *seen = seen_find(log, at);
        n += seen != NULL && seen->kind != KIND_NOTHING;
    }
    if (n > 0) {
        j->found.missing += n;
        note(j,
             "partition %u node %d: %" PRIu64 " records missing from %" PRId64
             " to %" PRId64,
             partition, node, n, from, to - 1);
    }
}

void judge_replica_begin(struct judge *j, int node, uint32_t partition,
                         int64_t start)
{
    struct judge_log *log = &j->logs[partition];
    log->replica_next = start > log->start ? start : log->start;
    if (!j->may_trim) {
        replica_gap(j, node, partition, log->start, log->replica_next);
    }
}

/* A replica told the epoch of the copy at `again`, and so of the first. */
static void copy_judge(struct judge *j, uint32_t partition, int64_t again)
{
    const struct judge_log *log = &j->logs[partition];
    for (uint64_t i = 0; i < j->n_copies; i++) {
        struct judge_copy *c = &j->copies[i];
        if (c->partition != partition || c->again != again || c->resent) {
            continue;
        }
        const struct judge_seen *first = seen_find(log, c->first);
        const struct judge_seen *copy = seen_find(log, again);
        if (first->epoch >= 0 && copy->epoch > first->epoch) {
            c->resent = true;
            j->found.duplicated--;
            j->found.resent++;
        }
    }
}

void judge_replica_record(struct judge *j, int node, uint32_t partition,
                          int64_t offset, int16_t epoch, struct slice value)
{
    struct judge_log *log = &j->logs[partition];
    if (offset < log->start) {
        return; /* the leader has trimmed it, this one not yet */
    }
    replica_gap(j, node, partition, log->replica_next, offset);
    j->found.replica_read++;
    log->replica_next = offset + 1;
    struct judge_seen *seen = seen_find(log, offset);
    if (seen == NULL || seen->kind == KIND_NOTHING ||
        seen->hash != hash_bytes(value.data, value.len)) {
        j->found.diverged++;
        note(j, "partition %u node %d offset %" PRId64 ": not the leader's",
             partition, node, offset);
        return;
    }
    seen->epoch = epoch;
    if (seen->kind == KIND_AGAIN) {
        copy_judge(j, partition, offset);
    }
}

void judge_replica_end(struct judge *j, int node, uint32_t partition)
{
    replica_gap(j, node, partition, j->logs[partition].replica_next,
                j->logs[partition].end);
}

bool judge_violated(const struct judge *j)
{
    const struct judge_counts *c = &j->found;
    bool always = c->lost + c->changed + c->phantom + c->missing + c->diverged;
    bool idempotent = c->duplicated + c->reordered;
    return always || (idempotent && j->books->idempotent) ||
           (c->trimmed && !j->may_trim) || (c->resent && !j->may_resend);
}
