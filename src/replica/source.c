/* The giving end of Transfer: batches from segments or tail, images of state
 * machines. Bounded: SOURCE_READS_MAX reads at once on a node, one image per
 * group; what was not asked for in a while is let go. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "env/file.h"
#include "replica/impl.h"
#include "replica/transfer_wire.h"

#define SOURCE_READS_MAX 16
#define SOURCE_IDLE_MS   15000
#define TAIL_PIECES      256

/* Segments pinned, and perhaps an image, for one group. */
struct source {
    uint64_t group;
    struct store_lease *lease;
    uint64_t used_ms;
    /* Image. */
    bool making, made;
    char path[REPLICA_PATH_MAX];
    struct file *file;
    struct replica_image image;
    unsigned reads; /* of the file, under way */
    int32_t asker;
    uint64_t asker_req;
};

struct sources {
    struct replicas *all;
    struct map *map; /* group -> struct source */
    unsigned reads;
};

/* A read under way for somebody. */
struct give {
    struct sources *sources;
    struct replicas *all;
    uint64_t group, req;
    int32_t node;
    struct store_read read;
    struct file_io io;
    struct chunk *chunk;
};

static void reply(struct replicas *rs, int32_t node, uint64_t group,
                  uint64_t req, int status, const struct bytes pieces[],
                  unsigned n)
{
    struct buf b;
    buf_init(&b, rs->mem, 0);
    buf_put_u8(&b, TRANSFER_DATA);
    buf_put_u64(&b, group);
    buf_put_u64(&b, req);
    buf_put_u32(&b, (uint32_t)status);
    if (b.status == 0) {
        peer_send(rs->o.peers, node, PEER_LANE_BULK, PEER_TRANSFER, group,
                  buf_slice(&b), pieces, n);
    }
    buf_close(&b);
}

static struct source *source_get(struct sources *s, uint64_t group)
{
    struct source *x = map_find_u64(s->map, group);
    if (x == NULL) {
        x = mem_calloc(s->all->mem, 1, sizeof *x);
        if (x == NULL || map_put_u64(s->map, group, x) != 0) {
            mem_free(s->all->mem, x);
            return NULL;
        }
        x->group = group;
    }
    x->used_ms = env_now_ms(s->all->env);
    return x;
}

static void image_forget(struct sources *s, struct source *x)
{
    if (x->made) {
        file_close(x->file);
        x->file = NULL;
        env_unlink(s->all->env, x->path);
        x->made = false;
    }
}

static void source_free(struct sources *s, struct source *x)
{
    map_remove_u64(s->map, x->group);
    image_forget(s, x);
    if (x->lease != NULL) {
        store_lease_release(x->lease);
    }
    mem_free(s->all->mem, x);
}

static struct give *give_new(struct sources *s, int32_t node, uint64_t group,
                             uint64_t req)
{
    struct give *g = s->reads < SOURCE_READS_MAX
                         ? mem_calloc(s->all->mem, 1, sizeof *g)
                         : NULL;
    if (g != NULL) {
        g->sources = s;
        g->all = s->all;
        g->node = node;
        g->group = group;
        g->req = req;
        s->reads++;
    }
    return g;
}

/* Closing waits for reads: what they bring is told by `sources`. */
static void give_free(struct give *g)
{
    struct replicas *rs = g->all;
    g->sources->reads--;
    mem_free(rs->mem, g);
    replicas_rest(rs);
}

/* ---- batches ---------------------------------------------------------- */

static void on_read(struct store_read *rd, int status, struct bytes data,
                    int64_t first_offset)
{
    struct give *g = rd->data;
    (void)first_offset;
    if (status != ERR_CANCELED) {
        reply(g->all, g->node, g->group, g->req, status, &data,
              status == 0 ? 1 : 0);
    }
    if (status == 0) {
        bytes_release(&data);
    }
    give_free(g);
}

static int give_log(struct sources *s, struct replica *r, int32_t node,
                    uint64_t req, int64_t from, int64_t upto, uint32_t max)
{
    struct bytes pieces[TAIL_PIECES];
    struct source *x = source_get(s, r->id);
    if (max > TRANSFER_PULL_BYTES) {
        max = TRANSFER_PULL_BYTES;
    }
    if (upto > r->high_watermark) {
        upto = r->high_watermark;
    }
    if (from < store_start(r->store) || from >= upto) {
        return from >= upto ? ERR_NOTREADY : ERR_RANGE;
    }
    if (x != NULL && x->lease == NULL) {
        x->lease = store_lease(r->store);
    }
    if (from < store_end(r->store)) {
        struct give *g = give_new(s, node, r->id, req);
        if (g == NULL) {
            return ERR_BUSY;
        }
        int64_t end = upto < store_end(r->store) ? upto : store_end(r->store);
        int rv = store_read(r->store, &g->read, from, end, max, on_read, g);
        if (rv != 0) {
            give_free(g);
        }
        return rv;
    }
    unsigned n = replica_read_tail(r, from, upto, max, pieces, TAIL_PIECES);
    if (n == 0) {
        return ERR_NOTREADY;
    }
    reply(s->all, node, r->id, req, 0, pieces, n);
    for (unsigned i = 0; i < n; i++) {
        bytes_release(&pieces[i]);
    }
    return 0;
}

/* ---- images ----------------------------------------------------------- */

/* The manifest that goes with an image: our log at its index. What the database
 * holds is committed, though after a restart nobody may know that yet: it is
 * given all the same, since a majority may need it to form. */
static int image_manifest(struct replica *r, const struct replica_image *image,
                          struct buf *out)
{
    const struct tail *t = group_tail(r->group);
    struct manifest m = {.kind = MANIFEST_STATE};
    if (image->index < t->base.index || image->index > tail_last_index(t)) {
        return ERR_RANGE;
    }
    m.base = tail_point(t, image->index);
    m.config_index = r->folded_config_index;
    m.config = buf_slice(&r->folded_config);
    m.epochs = r->epochs.v;
    m.n_epochs = epochs_upto(&r->epochs, m.base.term);
    for (uint64_t i = r->folded + 1; i <= image->index; i++) {
        const struct entry *e = tail_find(t, i);
        if (e != NULL && e->kind == ENTRY_CHANGE) {
            m.config = bytes_slice(e->payload);
            m.config_index = i;
        }
    }
    manifest_encode(&m, out);
    return out->status;
}

static void reply_made(struct sources *s, struct replica *r, struct source *x,
                       int status)
{
    struct buf b, manifest;
    buf_init(&b, s->all->mem, 0);
    buf_init(&manifest, s->all->mem, 0);
    if (status == 0) {
        status = image_manifest(r, &x->image, &manifest);
    }
    buf_put_u8(&b, TRANSFER_MADE);
    buf_put_u64(&b, r->id);
    buf_put_u64(&b, x->asker_req);
    buf_put_u32(&b, (uint32_t)status);
    buf_put_u64(&b, x->image.index);
    buf_put_u64(&b, x->image.term);
    buf_put_u64(&b, x->image.hash);
    buf_put_u64(&b, x->image.bytes);
    buf_put(&b, manifest.data, manifest.len);
    if (b.status == 0) {
        peer_send(s->all->o.peers, x->asker, PEER_LANE_BULK, PEER_TRANSFER,
                  r->id, buf_slice(&b), NULL, 0);
    }
    buf_close(&manifest);
    buf_close(&b);
    if (status == ERR_RANGE) {
        image_forget(s, x); /* too old by now: the next asking makes one */
    }
}

void replica_image_made(struct replica *r, int status,
                        const struct replica_image *image)
{
    struct sources *s = r->all->sources;
    struct source *x = map_find_u64(s->map, r->id);
    struct err err = {""};
    if (x == NULL || !x->making) {
        return;
    }
    x->making = false;
    if (status == 0) {
        x->image = *image;
        x->image.path = x->path;
        status = file_open(r->env, x->path, FILE_READ, &x->file, &err);
        x->made = status == 0;
    }
    if (r->state == REPLICA_RUNNING) {
        reply_made(s, r, x, status);
    }
}

static int give_image(struct sources *s, struct replica *r, int32_t node,
                      uint64_t req, uint64_t index)
{
    if (r->fetching || r->withheld) {
        return ERR_NOTFOUND; /* nothing to give: whoever asks goes elsewhere */
    }
    struct source *x = source_get(s, r->id);
    if (x == NULL) {
        return ERR_NOMEM;
    }
    x->asker = node;
    x->asker_req = req;
    if (x->making) {
        return 0;
    }
    if (x->made && x->image.index >= index && x->reads == 0) {
        reply_made(s, r, x, 0);
        return 0;
    }
    if (x->reads > 0) {
        return ERR_BUSY;
    }
    image_forget(s, x);
    int n = snprintf(x->path, sizeof x->path, "%s/outgoing-%016" PRIx64 ".db",
                     s->all->dir, r->id);
    if (n < 0 || (size_t)n >= sizeof x->path) {
        return ERR_TOOBIG; /* a cut path would name another file */
    }
    x->making = true;
    env_unlink(r->env, x->path); /* of an earlier life; missing is fine */
    r->hooks->image_make(r->arg, x->path);
    return 0;
}

static void on_file_read(struct file_io *io, int64_t result)
{
    struct give *g = io->data;
    struct source *x = map_find_u64(g->sources->map, g->group);
    struct bytes data = {g->chunk, g->chunk->data,
                         result > 0 ? (size_t)result : 0};
    if (x == NULL || !x->made) {
        result = ERR_RANGE; /* let go meanwhile */
    }
    reply(g->all, g->node, g->group, g->req, result < 0 ? (int)result : 0,
          &data, result > 0 ? 1 : 0);
    if (x != NULL && x->reads > 0) {
        x->reads--;
    }
    bytes_release(&data);
    give_free(g);
}

static int give_file(struct sources *s, struct replica *r, int32_t node,
                     uint64_t req, uint64_t index, uint64_t offset,
                     uint32_t max)
{
    struct source *x = source_get(s, r->id);
    if (x == NULL || !x->made || x->image.index != index ||
        offset >= x->image.bytes) {
        return ERR_RANGE;
    }
    if (max > TRANSFER_PULL_BYTES) {
        max = TRANSFER_PULL_BYTES;
    }
    if (max > x->image.bytes - offset) {
        max = (uint32_t)(x->image.bytes - offset);
    }
    struct give *g = give_new(s, node, r->id, req);
    if (g == NULL) {
        return ERR_BUSY;
    }
    g->chunk = chunk_acquire(s->all->o.pool, CHUNK_STATE, max);
    int rv = g->chunk == NULL ? ERR_NOMEM
                              : file_read(x->file, &g->io, g->chunk->data, max,
                                          offset, on_file_read, g);
    if (rv != 0) {
        chunk_release(g->chunk);
        give_free(g);
        return rv;
    }
    x->reads++;
    return 0;
}

/* ---- messages --------------------------------------------------------- */

static int on_request(struct sources *s, struct replica *r, int32_t node,
                      unsigned kind, uint64_t req, struct cursor *c)
{
    uint64_t a = cursor_u64(c);
    uint64_t b = kind == TRANSFER_IMAGE ? 0 : cursor_u64(c);
    uint32_t max = kind == TRANSFER_IMAGE ? 0 : cursor_u32(c);
    bool log = r->kind == REPLICA_LOG;
    if (c->status != 0 || r->state != REPLICA_RUNNING ||
        log != (kind == TRANSFER_LOG)) {
        return ERR_PROTOCOL;
    }
    if (kind == TRANSFER_LOG) {
        return give_log(s, r, node, req, (int64_t)a, (int64_t)b, max);
    }
    return kind == TRANSFER_IMAGE ? give_image(s, r, node, req, a)
                                  : give_file(s, r, node, req, a, b, max);
}

/* From a member of the group only. */
static void on_told(struct replica *r, int32_t node, struct cursor *c)
{
    const struct group_config *config;
    if (r->state != REPLICA_RUNNING || r->hooks->told == NULL) {
        return;
    }
    config = group_config(r->group);
    for (unsigned i = 0; i < config->n; i++) {
        if (membership_node(config->members[i].id) == node) {
            r->hooks->told(r->arg, node, cursor_take(c, cursor_left(c)));
            return;
        }
    }
}

void replica_tell(struct replica *r, struct slice message)
{
    const struct group_config *config;
    struct buf b;
    if (r->state != REPLICA_RUNNING || r->group == NULL) {
        return;
    }
    config = group_config(r->group);
    buf_init(&b, r->mem, 0);
    buf_put_u8(&b, TRANSFER_TELL);
    buf_put_u64(&b, r->id);
    buf_put(&b, message.data, message.len);
    for (unsigned i = 0; b.status == 0 && i < config->n; i++) {
        int32_t node = membership_node(config->members[i].id);
        if (node != r->all->o.node) {
            peer_send(r->all->o.peers, node, PEER_LANE_MAIN, PEER_TRANSFER,
                      r->id, buf_slice(&b), NULL, 0);
        }
    }
    buf_close(&b);
}

static void on_message(void *arg, int32_t node, struct bytes message)
{
    struct sources *s = arg;
    struct cursor c;
    cursor_init(&c, bytes_slice(message));
    unsigned kind = cursor_u8(&c);
    uint64_t group = cursor_u64(&c);
    struct replica *r = replica_find(s->all, group);
    if (c.status != 0 || r == NULL) {
        return; /* an unknown group is dropped (DESIGN section 5) */
    }
    if (kind == TRANSFER_DATA || kind == TRANSFER_MADE) {
        transfer_answer(r, node, kind, message, &c);
    } else if (kind == TRANSFER_TELL) {
        on_told(r, node, &c);
    } else if (kind <= TRANSFER_FILE) {
        uint64_t req = cursor_u64(&c);
        int rv = on_request(s, r, node, kind, req, &c);
        if (rv != 0) {
            reply(s->all, node, group, req, rv, NULL, 0);
        }
    }
}

/* ---- life ------------------------------------------------------------- */

int sources_open(struct replicas *rs, struct sources **ret_s)
{
    struct sources *s = mem_calloc(rs->mem, 1, sizeof *s);
    if (s == NULL) {
        return ERR_NOMEM;
    }
    s->all = rs;
    s->map = map_new(rs->mem);
    if (s->map == NULL) {
        mem_free(rs->mem, s);
        return ERR_NOMEM;
    }
    peers_receive(rs->o.peers, PEER_TRANSFER, on_message, s);
    *ret_s = s;
    return 0;
}

void sources_forget(struct sources *s, uint64_t group)
{
    struct source *x = map_find_u64(s->map, group);
    if (x != NULL) {
        source_free(s, x);
    }
}

unsigned sources_reads(const struct sources *s)
{
    return s->reads;
}

void sources_close(struct sources *s)
{
    void *it = NULL, *v;
    ASSERT(s->reads == 0);
    peers_receive(s->all->o.peers, PEER_TRANSFER, NULL, NULL);
    while (map_next(s->map, &it, &v)) {
        source_free(s, v);
    }
    map_free(s->map);
    mem_free(s->all->mem, s);
}

void sources_tick(struct sources *s)
{
    uint64_t now = env_now_ms(s->all->env);
    void *it = NULL, *v;
    while (map_next(s->map, &it, &v)) {
        struct source *x = v;
        if (!x->making && x->reads == 0 && now - x->used_ms >= SOURCE_IDLE_MS) {
            source_free(s, x);
        }
    }
}
