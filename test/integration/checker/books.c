#include "books.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define BOOKS_MAGIC 0x314B4F4F42544F53u

struct books_head {
    uint64_t magic;
    uint32_t run;
    uint32_t producers;
    uint32_t partitions;
    uint32_t idempotent;
    char topic[BOOKS_TOPIC_LEN + 6];
};

void books_init(struct books *b, uint32_t producers, uint32_t partitions)
{
    *b = (struct books){
        .producers = producers, .partitions = partitions, .idempotent = true};
    b->streams =
        memory_zeroed((size_t)producers * partitions, sizeof b->streams[0]);
}

void books_close(struct books *b)
{
    for (uint64_t i = 0; i < (uint64_t)b->producers * b->partitions; i++) {
        free(b->streams[i].at);
    }
    free(b->streams);
    *b = (struct books){0};
}

struct books_stream *books_find(const struct books *b, uint32_t producer,
                                uint32_t partition)
{
    if (producer >= b->producers || partition >= b->partitions) {
        return NULL;
    }
    return &b->streams[(uint64_t)producer * b->partitions + partition];
}

static struct books_stream *books_get(const struct books *b, uint32_t producer,
                                      uint32_t partition)
{
    struct books_stream *s = books_find(b, producer, partition);
    if (s == NULL) {
        die("the books have no producer %u, partition %u", producer, partition);
    }
    return s;
}

uint64_t books_send(struct books *b, uint32_t producer, uint32_t partition)
{
    struct books_stream *s = books_get(b, producer, partition);
    if (s->n == s->cap) {
        s->cap = s->cap == 0 ? 1024 : s->cap * 2;
        s->at = memory_resize(s->at, s->cap, sizeof s->at[0]);
    }
    s->at[s->n] = BOOKS_UNKNOWN;
    return s->n++;
}

void books_set(struct books *b, uint32_t producer, uint32_t partition,
               uint64_t seq, int64_t at)
{
    struct books_stream *s = books_get(b, producer, partition);
    if (seq >= s->n) {
        die("an answer to record %llu, which was never sent",
            (unsigned long long)seq);
    }
    s->at[seq] = at;
}

struct books_totals books_count(const struct books *b)
{
    struct books_totals t = {0};
    for (uint64_t i = 0; i < (uint64_t)b->producers * b->partitions; i++) {
        const struct books_stream *s = &b->streams[i];
        t.sent += s->n;
        for (uint64_t seq = 0; seq < s->n; seq++) {
            t.unknown += s->at[seq] == BOOKS_UNKNOWN;
            t.failed += s->at[seq] == BOOKS_FAILED;
        }
    }
    t.acked = t.sent - t.unknown - t.failed;
    return t;
}

static void file_put(FILE *f, const char *path, const void *data, size_t len)
{
    if (len > 0 && fwrite(data, len, 1, f) != 1) {
        die("%s: cannot write", path);
    }
}

static void file_take(FILE *f, const char *path, void *data, size_t len)
{
    if (len > 0 && fread(data, len, 1, f) != 1) {
        die("%s: ends too early", path);
    }
}

void books_store(const struct books *b, const char *path)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL) {
        die("%s: cannot create", path);
    }
    struct books_head head = {.magic = BOOKS_MAGIC,
                              .run = b->run,
                              .producers = b->producers,
                              .partitions = b->partitions,
                              .idempotent = b->idempotent};
    memcpy(head.topic, b->topic, sizeof b->topic);
    file_put(f, path, &head, sizeof head);
    for (uint64_t i = 0; i < (uint64_t)b->producers * b->partitions; i++) {
        const struct books_stream *s = &b->streams[i];
        file_put(f, path, &s->n, sizeof s->n);
        file_put(f, path, s->at, s->n * sizeof s->at[0]);
    }
    if (fclose(f) != 0) {
        die("%s: cannot write", path);
    }
}

void books_load(struct books *b, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        die("%s: cannot open", path);
    }
    struct books_head head;
    file_take(f, path, &head, sizeof head);
    if (head.magic != BOOKS_MAGIC || head.producers == 0 ||
        head.partitions == 0 ||
        (uint64_t)head.producers * head.partitions > BOOKS_STREAMS_MAX ||
        memchr(head.topic, 0, BOOKS_TOPIC_LEN) == NULL) {
        die("%s: these are no books", path);
    }
    books_init(b, head.producers, head.partitions);
    b->run = head.run;
    b->idempotent = head.idempotent != 0;
    memcpy(b->topic, head.topic, sizeof b->topic);
    for (uint64_t i = 0; i < (uint64_t)b->producers * b->partitions; i++) {
        struct books_stream *s = &b->streams[i];
        file_take(f, path, &s->n, sizeof s->n);
        if (s->n > UINT32_MAX) {
            die("%s: these are no books", path);
        }
        s->cap = s->n;
        s->at = memory_resize(NULL, s->n, sizeof s->at[0]);
        file_take(f, path, s->at, s->n * sizeof s->at[0]);
    }
    fclose(f);
}
