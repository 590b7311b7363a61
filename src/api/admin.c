#include "api/admin.h"

#include "api/find.h"
#include "base/map.h"
#include "wire/errors.h"

struct admin_name *admin_names(struct request *r, uint32_t n,
                               struct slice (*name)(const struct request *r,
                                                    uint32_t i),
                               unsigned *ret_n)
{
    struct admin_name *names = request_alloc(r, n * sizeof *names);
    struct map *seen = names != NULL ? map_new(env_mem(r->env)) : NULL;
    unsigned n_names = 0;
    int rv = seen == NULL ? ERR_NOMEM : 0;
    if (names == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < n && rv == 0; i++) {
        rv = map_put(seen, name(r, i), &names[n_names]);
        if (rv == ERR_EXISTS) {
            struct admin_name *first = map_find(seen, name(r, i));
            first->repeats++;
            rv = 0;
        } else if (rv == 0) {
            names[n_names++] = (struct admin_name){.at = i};
        }
    }
    map_free(seen);
    if (rv != 0) {
        request_close(r, "out of memory");
        return NULL;
    }
    *ret_n = n_names;
    return names;
}

/* ---- what this node knows is up to date -----------------------------------
 */

static void on_confirmed(struct broker_wait *w, int status)
{
    struct admin_confirm *c = w->data;
    c->cb(c->request,
          status == 0             ? KERR_NONE
          : status == ERR_TIMEOUT ? KERR_REQUEST_TIMED_OUT
                                  : KERR_NOT_CONTROLLER,
          c->data);
}

void admin_confirm(struct admin_confirm *c, struct request *r,
                   uint32_t timeout_ms, admin_confirm_cb cb, void *data)
{
    *c = (struct admin_confirm){.request = r, .cb = cb, .data = data};
    if (!broker_serves(r->broker)) {
        cb(r, KERR_NONE, data);
    } else if (broker_meta_barrier(r->broker, &c->wait, timeout_ms,
                                   on_confirmed, c) != 0) {
        cb(r, KERR_NOT_CONTROLLER, data);
    }
}

struct reading {
    struct admin_confirm confirm;
    void (*go)(struct request *r, int16_t error);
};

static void on_read(struct request *r, int16_t error, void *data)
{
    struct reading *reading = data;
    reading->go(r, error);
}

void admin_confirm_read(struct request *r,
                        void (*go)(struct request *r, int16_t error))
{
    struct reading *reading = request_alloc(r, sizeof *reading);
    if (reading != NULL) {
        reading->go = go;
        admin_confirm(&reading->confirm, r, ADMIN_READ_MS, on_read, reading);
    }
}

/* ---- commands
 * --------------------------------------------------------------*/

bool admin_init(struct admin *a, struct request *r, unsigned n,
                const struct admin_hooks *hooks, void *data)
{
    *a = (struct admin){.request = r, .hooks = hooks, .n = n, .data = data};
    a->items = request_alloc(r, n * sizeof *a->items);
    for (unsigned i = 0; a->items != NULL && i < n; i++) {
        a->items[i].admin = a;
    }
    return a->items != NULL;
}

static void step(struct admin *a);

static unsigned item_number(const struct admin_item *it)
{
    return (unsigned)(it - it->admin->items);
}

/* Tell the outcome. A message that finds no memory is left out: the request
 * must not be closed under the others that run. */
static void item_end(struct admin_item *it, int16_t error, const char *message)
{
    struct admin *a = it->admin;
    struct slice text = slice_of(NULL, 0);
    if (message != NULL && message[0] != '\0') {
        const char *copy = arena_strdup(&a->request->arena, slice_str(message));
        text = copy != NULL ? slice_str(copy) : text;
    }
    a->hooks->outcome(a, item_number(it), error, text, &it->result);
}

static void item_done(struct admin_item *it, int16_t error, const char *message)
{
    struct admin *a = it->admin;
    item_end(it, error, message);
    a->under_way--;
    step(a);
}

static uint32_t left_ms(const struct admin *a)
{
    uint64_t now = env_now_ms(a->request->env);
    return now < a->deadline_ms ? (uint32_t)(a->deadline_ms - now) : 1;
}

static void on_waited(struct broker_wait *w, int status)
{
    struct admin_item *it = w->data;
    if (status != 0) {
        item_done(it, KERR_REQUEST_TIMED_OUT,
                  "done, but not all of the cluster had followed in time");
    } else {
        item_done(it, KERR_NONE, NULL);
    }
}

static void on_command(struct broker_command *c, int status,
                       const struct meta_result *result)
{
    struct admin_item *it = c->data;
    struct admin *a = it->admin;
    if (status == ERR_TIMEOUT) {
        item_done(it, KERR_REQUEST_TIMED_OUT,
                  "not done in time; it still may be");
        return;
    }
    if (status != 0) {
        item_done(it, KERR_NOT_CONTROLLER, "no controller at the moment");
        return;
    }
    it->result = *result;
    if (result->error != 0) {
        item_done(it, result->error, result->message);
        return;
    }
    if (a->wait == ADMIN_WAIT_NOTHING) {
        item_done(it, KERR_NONE, NULL);
        return;
    }
    struct uuid topic =
        a->wait == ADMIN_WAIT_LEADERS ? result->topic : uuid_zero;
    if (broker_wait_topic(a->request->broker, &it->wait, topic, left_ms(a),
                          on_waited, it) != 0) {
        item_done(it, KERR_REQUEST_TIMED_OUT,
                  "done; too many requests wait to see it everywhere");
    }
}

/* Start one; false: it ended at once. */
static bool item_start(struct admin_item *it)
{
    struct admin *a = it->admin;
    struct request *r = a->request;
    struct buf b;
    int rv = ERR_NOTREADY;
    if (broker_serves(r->broker)) {
        buf_init(&b, env_mem(r->env), 0);
        a->hooks->encode(a, item_number(it), find_uuid(r), &b);
        rv = b.status;
        if (rv == 0) {
            rv = broker_command(r->broker, &it->command, buf_slice(&b),
                                left_ms(a), on_command, it);
        }
        buf_close(&b);
    }
    if (rv == ERR_TOOBIG) {
        item_end(it, KERR_INVALID_REQUEST, "the request is too large");
    } else if (rv != 0) {
        /* Clients ask for the controller and try again. */
        item_end(it, KERR_NOT_CONTROLLER, "this node cannot do it now");
    }
    return rv == 0;
}

static void step(struct admin *a)
{
    while (a->next < a->n && a->under_way < ADMIN_WINDOW) {
        struct admin_item *it = &a->items[a->next++];
        if (!it->skip && item_start(it)) {
            a->under_way++;
        }
    }
    if (a->under_way == 0) {
        a->hooks->done(a);
    }
}

static void on_judge(struct request *r, int16_t error, void *data)
{
    struct admin *a = data;
    (void)r;
    if (error == 0) {
        if (a->hooks->judge(a)) {
            step(a);
        }
        return;
    }
    for (unsigned i = 0; i < a->n; i++) {
        item_end(&a->items[i], error, "the controller did not answer");
    }
    a->hooks->done(a);
}

void admin_start(struct admin *a, int32_t timeout_ms, enum admin_wait wait)
{
    int32_t ms = timeout_ms < ADMIN_MS_MIN   ? ADMIN_MS_MIN
                 : timeout_ms > ADMIN_MS_MAX ? ADMIN_MS_MAX
                                             : timeout_ms;
    a->deadline_ms = env_now_ms(a->request->env) + (uint64_t)ms;
    a->wait = wait;
    if (a->hooks->judge == NULL) {
        step(a);
    } else {
        admin_confirm(&a->confirm, a->request, (uint32_t)ms, on_judge, a);
    }
}
