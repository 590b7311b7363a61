#include "fake_groups.h"

#include "api/pipeline.h"

struct fake_groups fake_groups;

/* ---- the broker ---------------------------------------------------------- */

struct groups *broker_groups(const struct broker *b)
{
    (void)b;
    return fake_groups.absent ? NULL : (struct groups *)(uintptr_t)&fake_groups;
}
int32_t groups_coordinator(struct groups *gs, struct slice group_id)
{
    assert_ptr_equal(gs, &fake_groups);
    (void)group_id;
    return fake_groups.coordinator;
}
bool groups_leads(struct groups *gs, struct slice group_id)
{
    return groups_coordinator(gs, group_id) == 1;
}
bool groups_tells(const struct groups *gs, unsigned number)
{
    (void)gs;
    assert_in_range(number, 0, CGROUP_SHARDS - 1);
    return fake_groups.leads || fake_groups.tells;
}
struct state_group *groups_shard(const struct groups *gs, unsigned number)
{
    (void)gs;
    assert_in_range(number, 0, CGROUP_SHARDS - 1);
    return fake_groups.here ? (struct state_group *)(uintptr_t)&fake_groups
                            : NULL;
}
struct coordinator *groups_requests(const struct groups *gs,
                                    struct slice group_id)
{
    (void)gs;
    (void)group_id;
    return fake_groups.here ? (struct coordinator *)(uintptr_t)&fake_groups
                            : NULL;
}
const struct cgroup_image *groups_image(const struct groups *gs,
                                        unsigned number)
{
    (void)gs;
    assert_in_range(number, 0, CGROUP_SHARDS - 1);
    return fake_groups.here ? fake_groups.image : NULL;
}
bool state_group_ready(const struct state_group *g)
{
    (void)g;
    return fake_groups.leads;
}

struct barrier {
    serve_done_cb cb;
    void *arg;
};
static void run_barrier(void *arg, void *what)
{
    struct barrier *b = arg;
    (void)what;
    b->cb(b->arg, fake_groups.barrier_status, 1, slice_of(NULL, 0));
}
int state_group_barrier(struct state_group *g, serve_done_cb cb, void *arg)
{
    struct barrier *b = arena_calloc(&fake_groups.arena, 1, sizeof *b);
    (void)g;
    if (!fake_groups.leads) {
        return ERR_NOTLEADER;
    }
    if (fake_groups.barrier_rv != 0) {
        return fake_groups.barrier_rv;
    }
    fake_groups.barriers++;
    b->cb = cb;
    b->arg = arg;
    fake_later(run_barrier, b, NULL);
    return 0;
}
/* The state thread, and a page of which each byte is the number of a row. */
struct read {
    machine_read_cb read;
    machine_read_done_cb done;
    void *arg;
};
static void run_read(void *arg, void *what)
{
    struct read *x = arg;
    (void)what;
    x->read(NULL, x->arg);
    x->done(x->arg, fake_groups.read_status, 7, 1);
}
void cgroup_history_read(struct machine_db *db, struct cgroup_history_page *p)
{
    assert_null(db);
    fake_groups.page = *p;
    p->more = fake_groups.n_history > p->rows_max;
    for (unsigned i = 0; i < fake_groups.n_history && i < p->rows_max; i++) {
        buf_put_u8(&p->rows, (uint8_t)i);
    }
}
bool cgroup_history_next(struct cursor *c, struct cgroup_history_row *ret_r)
{
    uint8_t i = cursor_u8(c);
    if (c->status != 0) {
        return false;
    }
    *ret_r = fake_groups.history[i];
    return true;
}
int state_group_read(struct state_group *g, machine_read_cb read,
                     machine_read_done_cb done, void *arg)
{
    struct read *x = arena_calloc(&fake_groups.arena, 1, sizeof *x);
    assert_ptr_equal(g, &fake_groups);
    assert_non_null(read);
    if (fake_groups.read_rv != 0) {
        return fake_groups.read_rv;
    }
    fake_groups.reads++;
    x->read = read;
    x->done = done;
    x->arg = arg;
    fake_later(run_read, x, NULL);
    return 0;
}
const char *conn_peer(const struct conn *c)
{
    (void)c;
    return fake.peer;
}

/* ---- the coordinator ----------------------------------------------------- */

static void run_decided(void *arg, void *what)
{
    struct coordinator_request *q = arg;
    (void)what;
    fake_groups.under_way--;
    q->owner = NULL;
    if (fake_groups.before != NULL) {
        fake_groups.before();
    }
    q->cb(q, fake_groups.status,
          fake_groups.status == 0 ? &fake_groups.result : NULL);
}
int coordinator_submit(struct coordinator *co, struct coordinator_request *q,
                       enum cgroup_kind kind, struct slice group,
                       struct slice instance, struct slice batch,
                       coordinator_cb cb, void *data)
{
    assert_true(batch.len > 0);
    assert_true(slice_equal(group, fake_groups.group));
    assert_int_equal(kind, fake_groups.kind);
    if (!fake_groups.leads) {
        return ERR_NOTLEADER;
    }
    if (fake_groups.rv != 0) {
        return fake_groups.rv;
    }
    *q = (struct coordinator_request){.owner = co,
                                      .kind = kind,
                                      .group = group,
                                      .instance = instance,
                                      .cb = cb,
                                      .data = data};
    fake_groups.n_submitted++;
    fake_groups.under_way++;
    fake_later(run_decided, q, NULL);
    return 0;
}
bool coordinator_has_room(struct coordinator *co, struct slice group,
                          size_t more)
{
    (void)co;
    assert_true(slice_equal(group, fake_groups.group));
    fake_groups.growth = more;
    return more <= fake_groups.room;
}
void coordinator_cancel(struct coordinator_request *q)
{
    if (q->owner != NULL) {
        fake_never(q);
        fake_groups.under_way--;
        q->owner = NULL;
    }
}

static struct slice keep(struct slice s)
{
    uint8_t *copy = arena_alloc(&fake_groups.arena, s.len + 1);
    if (s.len > 0) {
        memcpy(copy, s.data, s.len);
    }
    return slice_of(copy, s.len);
}

int coordinator_heartbeat(struct coordinator *co, struct slice group,
                          struct slice member, struct slice instance,
                          int32_t generation)
{
    (void)co;
    (void)group;
    (void)instance;
    fake_groups.beat = keep(member);
    fake_groups.generation = generation;
    return fake_groups.leads ? fake_groups.heartbeat : KERR_NOT_COORDINATOR;
}
void coordinator_hear(struct coordinator *co, struct slice group,
                      struct slice member)
{
    (void)co;
    (void)group;
    fake_groups.heard = keep(member);
}

/* ---- commands: kept as they are asked for -------------------------------- */

bool cgroup_name_ok(struct slice name)
{
    return name.len <= CGROUP_NAME_MAX &&
           (name.len == 0 || memchr(name.data, 0, name.len) == NULL);
}
unsigned cgroup_shard(struct slice key)
{
    return (unsigned)(key.len % CGROUP_SHARDS);
}
const char *cgroup_state_name(enum cgroup_state state)
{
    static const char *const names[] = {
        "Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"};
    return names[state];
}
void cgroup_batch_begin(struct buf *out)
{
    assert_int_equal(out->len, 0);
}

static void put(struct buf *b, struct slice s)
{
    buf_put_uvarint(b, s.len);
    buf_put(b, s.data, s.len);
}

static void note(enum cgroup_kind kind, struct slice group, struct buf *out)
{
    buf_put_u8(out, (uint8_t)kind);
    fake_groups.kind = kind;
    fake_groups.group = keep(group);
    assert_true(cgroup_name_ok(group));
}
void cgroup_encode_join(const struct cgroup_join *c, struct buf *out)
{
    struct cgroup_protocol *p =
        arena_calloc(&fake_groups.arena, c->n_protocols + 1, sizeof *p);
    note(CGROUP_JOIN, c->group, out);
    put(out, c->group); /* as long as a real one, nearly */
    put(out, c->member);
    put(out, c->new_member);
    put(out, c->client_id);
    put(out, c->client_host);
    for (unsigned i = 0; i < c->n_protocols; i++) {
        put(out, c->protocols[i].name);
        put(out, c->protocols[i].metadata);
    }
    fake_groups.join = *c;
    fake_groups.join.member = keep(c->member);
    fake_groups.join.new_member = keep(c->new_member);
    fake_groups.join.instance = keep(c->instance);
    fake_groups.join.client_id = keep(c->client_id);
    fake_groups.join.client_host = keep(c->client_host);
    fake_groups.join.protocol_type = keep(c->protocol_type);
    for (unsigned i = 0; i < c->n_protocols; i++) {
        p[i].name = keep(c->protocols[i].name);
        p[i].metadata = keep(c->protocols[i].metadata);
    }
    fake_groups.join.protocols = p;
}
void cgroup_encode_sync(const struct cgroup_sync *c, struct buf *out)
{
    struct cgroup_assignment *a =
        arena_calloc(&fake_groups.arena, c->n_assignments + 1, sizeof *a);
    note(CGROUP_SYNC, c->group, out);
    fake_groups.sync = *c;
    fake_groups.sync.member = keep(c->member);
    fake_groups.sync.instance = keep(c->instance);
    fake_groups.sync.protocol_type = keep(c->protocol_type);
    fake_groups.sync.protocol = keep(c->protocol);
    for (unsigned i = 0; i < c->n_assignments; i++) {
        a[i].member = keep(c->assignments[i].member);
        a[i].assignment = keep(c->assignments[i].assignment);
    }
    fake_groups.sync.assignments = a;
}
void cgroup_encode_leave(struct slice group, const struct cgroup_leaver l[],
                         unsigned n, struct buf *out)
{
    note(CGROUP_LEAVE, group, out);
    fake_groups.n_rows = n;
    for (unsigned i = 0; i < n && i < FAKE_MAX; i++) {
        fake_groups.leavers[i].member = keep(l[i].member);
        fake_groups.leavers[i].instance = keep(l[i].instance);
    }
}
void cgroup_encode_commit(const struct cgroup_commit *c, struct buf *out)
{
    struct cgroup_commit_row *rows =
        arena_calloc(&fake_groups.arena, c->n_rows + 1, sizeof *rows);
    note(CGROUP_COMMIT, c->group, out);
    fake_groups.commit = *c;
    fake_groups.commit.member = keep(c->member);
    fake_groups.commit.instance = keep(c->instance);
    fake_groups.commit.by = keep(c->by);
    for (unsigned i = 0; i < c->n_rows; i++) {
        rows[i] = c->rows[i];
        rows[i].metadata = keep(c->rows[i].metadata);
    }
    fake_groups.commit.rows = rows;
}
void cgroup_encode_offset_delete(struct slice group, int32_t generation,
                                 const struct cgroup_delete_row r[], unsigned n,
                                 struct buf *out)
{
    note(CGROUP_OFFSET_DELETE, group, out);
    fake_groups.generation = generation;
    fake_groups.n_rows = n;
    for (unsigned i = 0; i < n && i < FAKE_MAX; i++) {
        fake_groups.deleted[i] = r[i];
    }
}
void cgroup_encode_delete(struct slice group, uint32_t max, struct buf *out)
{
    assert_int_equal(max, CGROUP_DELETE_PAGE);
    note(CGROUP_DELETE, group, out);
}

unsigned cgroup_result_errors(const struct cgroup_result *r)
{
    return (unsigned)(r->errors.len / 2);
}
int16_t cgroup_result_error(const struct cgroup_result *r, unsigned i)
{
    assert_true(i < cgroup_result_errors(r));
    return (int16_t)(r->errors.data[2 * i] << 8 | r->errors.data[2 * i + 1]);
}
void fake_errors(unsigned n, const int16_t errors[])
{
    assert_true(n <= FAKE_MAX);
    for (unsigned i = 0; i < n; i++) {
        fake_groups.errors[2 * i] = (uint8_t)((uint16_t)errors[i] >> 8);
        fake_groups.errors[2 * i + 1] = (uint8_t)errors[i];
    }
    fake_groups.result.errors = slice_of(fake_groups.errors, 2 * (size_t)n);
}

/* ---- the image ----------------------------------------------------------- */

static void take(struct buf *b)
{
    assert_int_equal(
        cgroup_image_change(fake_groups.image, buf_slice(b), false), 0);
    buf_close(b);
}

void fake_group(const char *id, enum cgroup_state state, int32_t generation,
                const char *leader)
{
    struct buf b;
    buf_init(&b, fake.mem, 0);
    buf_put_u8(&b, CGROUP_CHANGE_GROUP);
    put(&b, slice_str(id));
    buf_put_u8(&b, (uint8_t)state);
    buf_put_u32(&b, (uint32_t)generation);
    buf_put_u64(&b, 0);
    put(&b, slice_str("consumer"));
    put(&b, slice_str("range"));
    put(&b, slice_str(leader));
    buf_put_u64(&b, 0);
    buf_put_u64(&b, 0);
    buf_put_u64(&b, 0);
    buf_put_u32(&b, 0);
    take(&b);
}

void fake_member(const char *group, const char *id, const char *instance,
                 bool pending, struct slice metadata, const char *assignment)
{
    struct buf b, offered;
    buf_init(&offered, fake.mem, 0);
    put(&offered, slice_str("range"));
    put(&offered, metadata);
    buf_init(&b, fake.mem, 0);
    buf_put_u8(&b, CGROUP_CHANGE_MEMBER);
    put(&b, slice_str(group));
    put(&b, slice_str(id));
    put(&b, slice_str(instance));
    put(&b, slice_str("client"));
    put(&b, slice_str("/host"));
    buf_put_u32(&b, 10000);
    buf_put_u32(&b, 60000);
    buf_put_u8(&b, pending ? 1 : 0);
    buf_put_u64(&b, 0);
    put(&b, buf_slice(&offered));
    put(&b, slice_str(assignment));
    take(&b);
    buf_close(&offered);
}

void fake_offset(const char *group, const char *topic, int32_t partition,
                 int64_t offset, const char *metadata)
{
    struct buf b;
    const struct image_topic *t = image_topic(NULL, slice_str(topic));
    struct uuid id = t != NULL ? t->id : (struct uuid){{0xee}};
    buf_init(&b, fake.mem, 0);
    buf_put_u8(&b, CGROUP_CHANGE_OFFSET);
    put(&b, slice_str(group));
    buf_put(&b, id.b, sizeof id.b);
    buf_put_u32(&b, (uint32_t)partition);
    buf_put_u64(&b, (uint64_t)offset);
    buf_put_u32(&b, 5);
    put(&b, slice_str(metadata));
    buf_put_u64(&b, 1);
    buf_put_u64(&b, (uint64_t)-1);
    take(&b);
}

/* ---- life ---------------------------------------------------------------- */

int fake_groups_open(void **state)
{
    fake_open(state);
    fake_groups = (struct fake_groups){
        .coordinator = 1, .here = true, .leads = true, .room = SIZE_MAX};
    arena_init(&fake_groups.arena, fake.mem, 0);
    fake_groups.image = cgroup_image_new(fake.mem);
    fake.client_id = "me";
    return fake_groups.image == NULL;
}

int fake_groups_close(void **state)
{
    assert_int_equal(fake_groups.under_way, 0);
    cgroup_image_free(fake_groups.image);
    arena_close(&fake_groups.arena);
    return fake_close(state);
}
