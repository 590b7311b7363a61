/* rawload_impl.h - what the files of the load generator share.
 *
 *   rawload.c       set-up, the run     rawload_send.c  batches and requests
 *   rawload_take.c  answers and metadata; connections
 */
#ifndef CLI_RAWLOAD_IMPL_H
#define CLI_RAWLOAD_IMPL_H

#include "base/buf.h"
#include "base/queue.h"
#include "cli/rawload.h"
#include "wire/gen/metadata.h"

#define NODES_MAX        64
#define PRODUCE_VERSION  7
#define METADATA_VERSION 7
#define BATCH_BYTES_MAX  1000000
#define INFLIGHT_MAX     64
/* Of one request: three slices each. */
#define PARTS_MAX          (ENV_WRITE_SLICES_MAX / 3 - 1)
#define REQUEST_TIMEOUT_MS 30000
#define REFRESH_MS         50
#define SETUP_MS           10000
#define DRAIN_MS           5000
#define READ_BYTES         65536

/* An encoded batch of n records, whose header is patched per use. */
struct template_ {
    uint8_t *bytes;
    size_t len;
    uint32_t records_crc; /* of what follows the header */
};

struct node;

/* A batch that is not acknowledged yet: a repetition must be the same one. */
struct unacked {
    int32_t sequence;
    uint32_t records;
    uint64_t due_first; /* number of its first record */
};

struct partition {
    int32_t number;
    struct node *leader;
    int32_t sequence;   /* of the next new batch */
    uint64_t due_first; /* number of the next new record */
    unsigned inflight;
    bool hold; /* refused: wait for metadata, and for what is under way */
    uint64_t acked_us;                   /* when the last ack came */
    bool acked;                          /* ever */
    struct unacked window[INFLIGHT_MAX]; /* oldest first */
    unsigned n_window;
    unsigned n_sent; /* of them, on their way */
};

/* One batch within a request. */
struct part {
    struct partition *partition;
    int32_t sequence;
    uint32_t records;
    uint64_t due_first;
    uint8_t header[61];
};

struct flight {
    struct queue queue;
    struct node *node;
    int32_t correlation;
    bool metadata;
    uint64_t sent_us;
    struct env_write write;
    bool writing, answered;
    struct buf head; /* everything but headers of batches and records */
    struct part *parts;
    unsigned n_parts;
    struct slice *slices;
    unsigned n_slices;
};

struct node {
    struct load *load;
    int32_t id;
    char host[256];
    uint16_t port;
    struct env_stream *stream;
    bool connecting, up;
    struct queue flights; /* in order of sending */
    unsigned n_flights;
    unsigned from; /* the partition at which the next request begins */
    uint64_t retry_ms;
    uint8_t *in;
    size_t in_len, in_cap;
};

struct load {
    struct env *env;
    struct mem *mem;
    struct rawload_options o;
    struct rawload_result *r;
    struct node nodes[NODES_MAX];
    unsigned n_nodes;
    struct partition *partitions;
    unsigned n_partitions;
    unsigned n_acked;            /* partitions that ever acknowledged */
    struct template_ *templates; /* by number of records */
    uint32_t records_max;
    uint8_t *value;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t correlation;
    struct env_timer tick;
    uint64_t refresh_ms; /* ask for metadata not before; 0: not needed */
    bool refreshing;
    uint64_t start_us, measure_us, end_us;
    bool measuring;
    uint64_t report_us, report_bytes, bytes_all;
    bool done;
    bool drained; /* after `done`: nothing is under way any more */
};

/* rawload_send.c: send what may be sent, to all nodes. */
void load_pump(struct load *l);
/* Ask the first node that is up for metadata. */
void load_refresh(struct load *l);
/* True if no request is under way. */
bool load_idle(const struct load *l);
/* A request is over: free it. */
void flight_free(struct flight *f);
/* Where a batch stands among the unacknowledged, or n_window. */
unsigned window_find(const struct partition *p, int32_t sequence);
/* When the partition's k-th record was due. */
uint64_t load_due_us(const struct load *l, const struct partition *p,
                     uint64_t k);

/* rawload_take.c: connect to a node if that is due; give its connection up. */
void node_connect(struct node *n);
void node_down(struct node *n);
/* Take leaders and addresses. Errors: ERR_NOTFOUND. */
int load_take_metadata(struct load *l, const struct metadata_response *in);

#endif
