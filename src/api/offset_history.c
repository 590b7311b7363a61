/* offset_history.c - OstrakaOffsetHistory: what a group has committed before,
 * a page at a time, read by the state thread behind a barrier. Not
 * advertised. */
#include "api/consumers.h"
#include "api/handlers.h"
#include "state/cgroup_history.h"
#include "wire/errors.h"
#include "wire/gen/ostraka_offset_history.h"

struct job {
    struct request *request;
    struct consumers_read read;
    struct cgroup_history_page page;
};

static void answer(struct request *r, struct ostraka_offset_history_response *o,
                   int16_t error)
{
    o->error_code = error;
    if (error != 0) {
        o->error_message = slice_str(kerr_text(error));
    }
    request_reply(r, o);
}

static void refuse(struct request *r, int16_t error)
{
    struct ostraka_offset_history_response out;
    wire_init(&wire_ostraka_offset_history_response, &out);
    answer(r, &out, error);
}

static unsigned count(const struct cgroup_history_page *p)
{
    struct cursor c;
    struct cgroup_history_row row;
    unsigned n = 0;
    cursor_init(&c, buf_slice(&p->rows));
    while (cgroup_history_next(&c, &row)) {
        n++;
    }
    return n;
}

static void fill(struct request *r, const struct cgroup_history_row *from,
                 struct ostraka_offset_history_response_row *to)
{
    const struct image_topic *t =
        image_topic_by_id(broker_image(r->broker), from->topic);
    to->topic_id = from->topic;
    if (t != NULL) {
        to->topic = slice_str(t->name);
    }
    to->partition = from->partition;
    to->number = from->number;
    to->offset = from->offset;
    to->leader_epoch = from->epoch;
    to->metadata = consumers_text(from->metadata);
    to->time_ms = from->time_ms;
    to->by = consumers_text(from->by);
    to->reset = from->reset;
}

static void reply(struct request *r, const struct cgroup_history_page *p)
{
    struct ostraka_offset_history_response out;
    struct cgroup_history_row row;
    struct cursor c;
    unsigned n = count(p);
    wire_init(&wire_ostraka_offset_history_response, &out);
    out.rows.ptr =
        request_elems(r, &wire_ostraka_offset_history_response_row, n);
    if (out.rows.ptr == NULL) {
        return;
    }
    cursor_init(&c, buf_slice(&p->rows));
    while (out.rows.n < n && cgroup_history_next(&c, &row)) {
        fill(r, &row, &out.rows.ptr[out.rows.n++]);
    }
    out.more = p->more;
    answer(r, &out, 0);
}

/* ---- the state thread, and back ------------------------------------------ */

static void on_thread(struct machine_db *db, void *arg)
{
    struct job *j = arg;
    cgroup_history_read(db, &j->page);
}

static void on_read(void *arg, int status, uint64_t index, uint64_t term)
{
    struct job *j = arg;
    struct request *r = j->request;
    struct buf rows = j->page.rows; /* the job ends with the request */
    (void)index;
    (void)term;
    if (r->gone) {
        request_silent(r);
    } else if (status != 0) {
        refuse(r, consumers_error(r, j->page.group, status));
    } else if (rows.status != 0) {
        refuse(r, KERR_COORDINATOR_NOT_AVAILABLE);
    } else {
        reply(r, &j->page);
    }
    buf_close(&rows);
}

static void on_confirmed(struct consumers_read *gr)
{
    struct job *j = gr->data;
    struct request *r = gr->request;
    int16_t error = 0;
    const struct cgroup_view *g =
        consumers_read_view(gr, j->page.group, &error);
    if (error == 0 && g == NULL) {
        error = KERR_GROUP_ID_NOT_FOUND;
    }
    if (error == 0) {
        struct state_group *shard =
            groups_shard(broker_groups(r->broker), cgroup_shard(j->page.group));
        buf_init(&j->page.rows, env_mem(r->env), 0);
        error = consumers_error(
            r, j->page.group,
            shard == NULL ? ERR_NOTLEADER
                          : state_group_read(shard, on_thread, on_read, j));
    }
    if (error != 0) {
        refuse(r, error);
    }
}

void api_ostraka_offset_history(struct request *r)
{
    const struct ostraka_offset_history_request *in = r->body;
    struct job *j = request_alloc(r, sizeof *j);
    if (j == NULL) {
        return;
    }
    if (!consumers_id_ok(in->group_id, true)) {
        refuse(r, KERR_INVALID_GROUP_ID);
        return;
    }
    if (in->max_rows < 1) {
        refuse(r, KERR_INVALID_REQUEST);
        return;
    }
    j->request = r;
    j->page =
        (struct cgroup_history_page){.group = in->group_id,
                                     .after_topic = in->after_topic_id,
                                     .after_partition = in->after_partition,
                                     .after_number = in->after_number,
                                     .rows_max = (unsigned)in->max_rows};
    consumers_read_init(&j->read, r, j);
    consumers_read_want(&j->read, in->group_id);
    consumers_read_start(&j->read, on_confirmed);
}
