/* fetch_session.h - incremental fetch sessions (KIP-227).
 *
 *   (id, epoch) of a request
 *   (0, -1)      no session
 *   (0, 0)       full; create one
 *   (id, -1)     close it; full without a session
 *   (id, 0)      drop it; full; create one
 *   (id, n)      incremental: changes to what the session holds
 *
 * Sessions belong to the node, at most SESSIONS_MAX of them; the one unused
 * longest, if for two minutes, makes room, otherwise the answer is session 0:
 * sessionless, always legal.
 */
#ifndef API_FETCH_SESSION_H
#define API_FETCH_SESSION_H

#include "base/map.h"
#include "base/queue.h"
#include "base/uuid.h"
#include "env/env.h"
#include "wire/gen/fetch.h"

#define SESSIONS_MAX    1000
#define SESSION_IDLE_MS 120000
/* Partitions of all sessions of a node; one of a topic with a name that is
 * longer than any is in none. */
#define SESSION_PARTITIONS_MAX 200000
#define SESSION_METRICS        4

/* A partition somebody fetches. In a session it is kept between requests. */
struct fetch_partition {
    struct queue queue;
    struct uuid topic_id; /* zero in versions with names */
    struct slice topic;   /* name; session: its own copy */
    int32_t partition;
    int32_t leader_epoch;
    int64_t fetch_offset;
    int32_t last_epoch;
    int32_t max_bytes;
    /* What was answered last, for incremental responses. */
    int64_t sent_high_watermark;
    int64_t sent_log_start;
    bool sent;       /* in a full response, or since added: always told once */
    struct mem *mem; /* owner of a session's copy */
};

struct fetch_session {
    struct queue queue; /* in order of use */
    int32_t id;
    int32_t epoch; /* the next one expected */
    bool by_id;    /* topics by id (v13+) */
    bool busy;     /* a request uses it */
    uint64_t used_ms;
    struct queue partitions; /* struct fetch_partition, in order of serving */
    struct map *known;       /* the same, each once, by topic and number */
    unsigned n;
};

struct fetch_sessions;

/* No sessions yet. NULL without memory. */
struct fetch_sessions *fetch_sessions_new(struct env *e);
/* Free all; none may be in use. NULL is fine. */
void fetch_sessions_free(struct fetch_sessions *s);

/* What a request asks for, resolved. */
struct fetch_plan {
    int16_t error;                 /* top-level: 70, 71, 106; else 0 */
    struct fetch_session *session; /* NULL: sessionless */
    bool incremental;
    struct queue *partitions; /* what to fetch, in order */
    struct queue own;         /* sessionless: they live in the arena */
};
/* Resolve; allocates in the arena. Errors: ERR_NOMEM. */
int fetch_plan(struct fetch_sessions *s, const struct fetch_request *in,
               int version, struct arena *arena, struct fetch_plan *ret_p);
/* The request that uses the session has been answered. */
void fetch_session_done(struct fetch_sessions *s, struct fetch_session *x);

#endif
