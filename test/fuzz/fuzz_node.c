/* fuzz_node.c - the doors of a whole node, in a simulated world: what a client
 * says to one that serves a topic.
 *
 * The input is a list of requests, each {u16 length, little-endian, and the
 * frame that follows it}; they are sent one after the other on one connection.
 * Whatever they are, the node lives; a client that comes afterwards is
 * answered; and stopped and started again, the node serves as before. If a
 * request is about consumer groups, they have a coordinator before it comes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "sim/client.h"
#include "sim/cluster.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/metadata.h"

#define STRANGER  100
#define FRAMES    16
#define SECOND_US UINT64_C(1000000)
#define OUT_MAX   ((size_t)256 << 10)

struct world {
    struct sim *sim;
    struct sim_cluster *cluster;
    struct env *env; /* the stranger's */
    struct client *client;
    struct env_stream *stream;
    struct env_write write;
    struct slice in;
    uint8_t out[OUT_MAX];
    size_t out_len;
    bool connected, closed, answered;
    int16_t error; /* of the coordinator that was asked for */
    uint8_t read[4096];
};

static void run(struct world *w, uint64_t us, const bool *flag)
{
    sim_run_until(w->sim, sim_now_us(w->sim) + us, flag);
    if (sim_cluster_state(w->cluster, 1) == SIM_HOST_DOWN) {
        fprintf(stderr, "the node died: %s\n", sim_cluster_why(w->cluster, 1));
        ASSERT(sim_cluster_state(w->cluster, 1) != SIM_HOST_DOWN);
    }
    ASSERT(sim_node_death(w->sim, STRANGER)[0] == '\0');
}

static void serve(struct world *w)
{
    for (int i = 0; i < 200 && !sim_cluster_serves(w->cluster); i++) {
        run(w, SECOND_US / 10, NULL);
    }
    ASSERT(sim_cluster_serves(w->cluster));
}

/* ---- a client that behaves
 * --------------------------------------------------- */

static void on_answer(void *arg, int status, const void *response)
{
    struct world *w = arg;

    (void)response;
    ASSERT(status == 0);
    w->answered = true;
}

static void create_topic(void *arg)
{
    struct world *w = arg;
    struct create_topics_request r;
    struct create_topics_request_topic t;

    wire_init(&wire_create_topics_request, &r);
    wire_struct_init(&wire_create_topics_request_topic, &t);
    t.name = slice_str("t");
    t.num_partitions = 2;
    t.replication_factor = 1;
    r.topics.ptr = &t;
    r.topics.n = 1;
    r.timeout_ms = 5000;
    w->client = client_new(w->env, env_mem(w->env), "n1", SIM_CLIENT_PORT);
    client_call(w->client, &wire_create_topics_request, 5, &r, 10000, on_answer,
                w);
}

static void on_coordinator(void *arg, int status, const void *response)
{
    struct world *w = arg;
    const struct find_coordinator_response *r = response;

    w->error = status == 0 && r != NULL ? r->error_code : -1;
    w->answered = true;
}

static void ask_coordinator(void *arg)
{
    struct world *w = arg;
    struct find_coordinator_request r;

    wire_init(&wire_find_coordinator_request, &r);
    r.key = slice_str("g");
    w->client = client_new(w->env, env_mem(w->env), "n1", SIM_CLIENT_PORT);
    client_call(w->client, &wire_find_coordinator_request, 3, &r, 10000,
                on_coordinator, w);
}

static void ask_metadata(void *arg)
{
    struct world *w = arg;
    struct metadata_request r;

    wire_init(&wire_metadata_request, &r);
    w->client = client_new(w->env, env_mem(w->env), "n1", SIM_CLIENT_PORT);
    client_call(w->client, &wire_metadata_request, 9, &r, 10000, on_answer, w);
}

static void ask(struct world *w, void (*what)(void *))
{
    w->answered = false;
    ASSERT(sim_node_call(w->sim, STRANGER, what, w) == 0);
    run(w, 12 * SECOND_US, &w->answered);
    ASSERT(w->answered);
}

/* ---- and one that does not
 * ---------------------------------------------------- */

static void on_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                     size_t *ret_len)
{
    struct world *w = data;

    (void)s;
    *ret_p = w->read;
    *ret_len = sizeof w->read;
}

static void on_read(struct env_stream *s, void *data, int status, size_t n)
{
    struct world *w = data;

    (void)s, (void)n;
    w->closed = w->closed || status != 0;
}

static void on_connected(struct env_stream *s, int status, void *data)
{
    struct world *w = data;

    ASSERT(status == 0);
    w->connected = true;
    env_stream_read_start(s, on_alloc, on_read, w);
}

static void on_written(struct env_write *write, int status)
{
    (void)write, (void)status;
}

static void stranger_connect(void *arg)
{
    struct world *w = arg;

    ASSERT(env_connect(w->env, "n1", SIM_CLIENT_PORT, 1000, on_connected, w,
                       &w->stream) == 0);
}

/* All frames in one write: the node sees a pipeline. */
static void stranger_say(void *arg)
{
    struct world *w = arg;

    for (unsigned n = 0; n < FRAMES && w->in.len >= 2; n++) {
        size_t len = le16_load(w->in.data);
        w->in = slice_of(w->in.data + 2, w->in.len - 2);
        len = len < w->in.len ? len : w->in.len;
        if (OUT_MAX - w->out_len < len + 4) {
            break;
        }
        be32_store(w->out + w->out_len, (uint32_t)len);
        memcpy(w->out + w->out_len + 4, w->in.data, len);
        w->out_len += len + 4;
        w->in = slice_of(w->in.data + len, w->in.len - len);
    }
    if (w->out_len > 0) {
        struct slice all = slice_of(w->out, w->out_len);
        (void)env_stream_write(w->stream, &w->write, &all, 1, on_written, w);
    }
}

static void stranger_start(struct env *e, void *arg)
{
    struct world *w = arg;

    w->env = e;
}

static void stranger_gone(void *arg)
{
    struct world *w = arg;

    env_stream_close(w->stream, NULL, NULL);
}

/* OffsetCommit to ListGroups, DeleteGroups, OffsetDelete. */
static bool about_groups(struct slice in)
{
    while (in.len >= 4) {
        size_t len = le16_load(in.data);
        int key = be16_load(in.data + 2);
        if ((key >= 8 && key <= 16) || key == 42 || key == 47) {
            return true;
        }
        in = slice_of(in.data + 2, in.len - 2);
        len = len < in.len ? len : in.len;
        in = slice_of(in.data + len, in.len - len);
    }
    return false;
}

static void place_groups(struct world *w)
{
    w->error = -1;
    for (int i = 0; i < 100 && w->error != 0; i++) {
        ask(w, ask_coordinator);
        run(w, SECOND_US / 20, NULL);
    }
    ASSERT(w->error == 0);
}

static void talk(struct world *w)
{
    ASSERT(sim_node_call(w->sim, STRANGER, stranger_connect, w) == 0);
    run(w, SECOND_US, &w->connected);
    ASSERT(w->connected);
    ASSERT(sim_node_call(w->sim, STRANGER, stranger_say, w) == 0);
    run(w, SECOND_US, NULL);
    ASSERT(sim_node_call(w->sim, STRANGER, stranger_gone, w) == 0);
    run(w, SECOND_US / 10, NULL);
}

static void restart(struct world *w)
{
    sim_cluster_kill(w->cluster, 1, SIM_CRASH_RANDOM);
    sim_cluster_start(w->cluster, 1);
    serve(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sim_setting settings[] = {
        {"journal.bytes.max", "32m"},
        {"journal.file.bytes", "2m"},
        {"log.segment.bytes", "65536"},
    };
    struct sim_options o = {.seed = 1,
                            .disk_min_us = 10,
                            .disk_max_us = 50,
                            .net_max_us = 50,
                            .trace_level = TRACE_ERROR};
    struct err err;
    struct world *w = calloc(1, sizeof *w);

    ASSERT(w != NULL);
    w->sim = sim_new(&o);
    w->in = slice_of(data, size);
    w->cluster = sim_cluster_new(w->sim, 1, settings,
                                 sizeof settings / sizeof settings[0], &err);
    if (w->cluster == NULL) {
        fprintf(stderr, "%s\n", err.text);
    }
    ASSERT(w->cluster != NULL);
    sim_cluster_start(w->cluster, 1);
    ASSERT(sim_node_start(w->sim, STRANGER, "stranger",
                          sim_disk_new(w->sim, STRANGER), stranger_start, w,
                          NULL) == 0);
    serve(w);
    ask(w, create_topic);
    if (about_groups(w->in)) {
        place_groups(w);
    }
    talk(w);
    ask(w, ask_metadata);
    restart(w);
    ask(w, ask_metadata);
    sim_free(w->sim);
    sim_cluster_free(w->cluster);
    free(w);
    return 0;
}
