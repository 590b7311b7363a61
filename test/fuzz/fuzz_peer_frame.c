/* fuzz_peer_frame.c - the doors that bytes of nodes and clients come through.
 *
 * A stranger in a simulated world connects to a node and says the input, cut
 * into pieces. Whatever it is, the node lives on, gives all memory back, and a
 * message that arrives is one whose bytes were sent. Built with libFuzzer by
 * --enable-fuzz; test_net_fuzz drives it with damaged talk in every
 * `make check`.
 */
#include "fuzz/fuzz_peer_frame.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "env/sim.h"
#include "net/hello.h"
#include "net/listener.h"
#include "net/peers.h"

#define PEER_PORT   1
#define CLIENT_PORT 2
#define POOL        ((size_t)32 << 20)
#define OUT_MAX     ((size_t)1 << 20)
#define SECOND_US   UINT64_C(1000000)

struct world {
    struct sim *sim;
    struct env *env;
    struct chunk_pool *pool;
    struct peers *peers;
    struct listener *listener;
    enum fuzz_net_mode mode;
    bool peers_closed, listener_closed;
    uint64_t taken; /* bytes of messages and frames */
    uint8_t *out;
    size_t out_len;
    struct env_write write;
    uint8_t in[4096];
};

static uint64_t touch(struct bytes b)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < b.len; i++) {
        sum += b.data[i];
    }
    return sum;
}

static void on_message(void *arg, int32_t node, struct bytes m)
{
    struct world *w = arg;

    ASSERT(node == 2 && m.len <= PEERS_MESSAGE_MAX);
    ASSERT(touch(m) != UINT64_MAX);
    w->taken += m.len + PEER_HEAD_BYTES;
    ASSERT(w->taken <= w->out_len);
}

static void *on_open(void *arg, struct conn *c)
{
    (void)c;
    return arg;
}

static void on_frame(void *data, struct conn *c, struct bytes frame)
{
    struct world *w = data;
    struct bytes copy = bytes_dup(frame);

    ASSERT(touch(frame) != UINT64_MAX);
    w->taken += frame.len + 4;
    ASSERT(w->taken <= w->out_len);
    (void)conn_write(c, &copy, 1);
}

static void on_close(void *data, struct conn *c, int why)
{
    (void)data, (void)c;
    ASSERT(why < 0);
}

static void node_start(struct env *e, void *arg)
{
    struct world *w = arg;
    struct peers_identity self = {.cluster = {{1}}, .node = 1};
    struct listener_hooks hooks = {on_open, on_frame, on_close};
    struct err err;

    w->env = e;
    ASSERT(chunk_pool_new(&w->pool, env_mem(e), POOL) == 0);
    struct peers_options po = {.pool = w->pool, .host = "", .port = PEER_PORT};
    ASSERT(peers_open(e, &po, self, &w->peers, &err) == 0);
    ASSERT(peers_add(w->peers, 2, "two", 1, uuid_zero) == 0);
    for (unsigned c = 0; c < PEER_CHANNELS - 1; c++) {
        peers_receive(w->peers, c, on_message, w);
    }
    struct listener_options lo = {.pool = w->pool,
                                  .host = "",
                                  .port = CLIENT_PORT,
                                  .frame_bytes_max = 8 << 20,
                                  .connections_max = 10,
                                  .idle_ms_max = 2000};
    ASSERT(listener_open(e, &lo, &hooks, w, &w->listener, &err) == 0);
}

/* ---- the stranger ------------------------------------------------------- */

static void stranger_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                           size_t *ret_len)
{
    struct world *w = data;

    (void)s;
    *ret_p = w->in;
    *ret_len = sizeof w->in;
}

static void stranger_read(struct env_stream *s, void *data, int status,
                          size_t n)
{
    (void)s, (void)data, (void)status, (void)n;
}

static void stranger_written(struct env_write *write, int status)
{
    (void)write, (void)status;
}

static void stranger_connected(struct env_stream *s, int status, void *data)
{
    struct world *w = data;
    struct slice out = slice_of(w->out, w->out_len);

    ASSERT(status == 0);
    env_stream_read_start(s, stranger_alloc, stranger_read, w);
    (void)env_stream_write(s, &w->write, &out, 1, stranger_written, w);
}

static void stranger_start(struct env *e, void *arg)
{
    struct world *w = arg;
    struct env_stream *s;

    ASSERT(env_connect(e, "one",
                       w->mode == FUZZ_NET_CLIENT ? CLIENT_PORT : PEER_PORT,
                       1000, stranger_connected, w, &s) == 0);
}

/* ---- what it says ------------------------------------------------------- */

static void say_hello(struct world *w, uint8_t lane)
{
    struct hello h = {.version_min = 1,
                      .version_max = 1,
                      .lane = lane % PEER_LANES,
                      .node = 2,
                      .cluster = {{1}}};

    hello_encode(&h, w->out);
    w->out_len = HELLO_BYTES;
}

static void say_messages(struct world *w, const uint8_t *data, size_t size)
{
    for (; size >= 4; data += 4, size -= 4) {
        struct peer_head h = {.len = le32_load(data) & 0xffffff,
                              .channel = data[3] % PEER_CHANNELS};
        if (OUT_MAX - w->out_len < PEER_HEAD_BYTES + (size_t)h.len) {
            return;
        }
        peer_head_encode(&h, w->out + w->out_len);
        memset(w->out + w->out_len + PEER_HEAD_BYTES, data[0], h.len);
        w->out_len += PEER_HEAD_BYTES + h.len;
    }
}

static void say(struct world *w, uint8_t lane, const uint8_t *data, size_t size)
{
    if (w->mode == FUZZ_NET_BYTES || w->mode == FUZZ_NET_MESSAGES) {
        say_hello(w, lane);
    }
    if (w->mode == FUZZ_NET_MESSAGES) {
        say_messages(w, data, size);
    } else if (size > 0) {
        size = size < OUT_MAX - w->out_len ? size : OUT_MAX - w->out_len;
        memcpy(w->out + w->out_len, data, size);
        w->out_len += size;
    }
}

static void set_flag(void *arg)
{
    *(bool *)arg = true;
}

static void world_close(struct world *w)
{
    peers_close(w->peers, set_flag, &w->peers_closed);
    listener_close(w->listener, set_flag, &w->listener_closed);
    sim_run_until(w->sim, sim_now_us(w->sim) + 20 * SECOND_US, NULL);
    ASSERT(w->peers_closed && w->listener_closed);
    ASSERT(chunk_pool_used_all(w->pool) == 0);
    chunk_pool_free(w->pool);
    sim_free(w->sim);
    free(w->out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct sim_options o = {.seed = data[0],
                            .net_max_us = 50,
                            .net_split_rate = data[0] >> 2 << 7,
                            .trace_level = TRACE_ERROR};
    struct world w = {.sim = sim_new(&o), .mode = data[0] % 4};
    w.out = malloc(OUT_MAX);
    ASSERT(w.out != NULL);
    say(&w, data[1], data + 2, size - 2);
    ASSERT(sim_node_start(w.sim, 1, "one", sim_disk_new(w.sim, 1), node_start,
                          &w, NULL) == 0);
    ASSERT(sim_node_start(w.sim, 2, "two", sim_disk_new(w.sim, 2),
                          stranger_start, &w, NULL) == 0);
    sim_run_until(w.sim, 4 * SECOND_US, NULL);
    ASSERT(sim_node_env(w.sim, 1) != NULL);
    world_close(&w);
    return 0;
}
