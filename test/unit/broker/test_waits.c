/* Those who wait for the cluster, when nothing more will come. Peers, leaders
 * and the image are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/leaders.h"
#include "broker/waits.h"
#include "env/sim.h"

/* ---- what is not here ---------------------------------------------------- */

void peers_receive(struct peers *p, enum peer_channel channel, peer_recv_cb cb,
                   void *arg)
{
    (void)p, (void)channel, (void)cb, (void)arg;
}
void peers_watch(struct peers *p, peer_state_cb cb, void *arg)
{
    (void)p, (void)cb, (void)arg;
}
void peers_unwatch(struct peers *p, peer_state_cb cb, void *arg)
{
    (void)p, (void)cb, (void)arg;
}
bool peers_next(const struct peers *p, int32_t *node)
{
    (void)p, (void)node;
    return false;
}
enum peer_state peers_state(const struct peers *p, int32_t node)
{
    (void)p, (void)node;
    return PEER_REFUSED;
}
int peer_send(struct peers *p, int32_t node, enum peer_lane lane,
              enum peer_channel channel, uint64_t tag, struct slice head,
              const struct bytes payload[], unsigned n)
{
    (void)p, (void)node, (void)lane, (void)channel, (void)tag, (void)head;
    (void)payload, (void)n;
    return ERR_CLOSED;
}
const struct leader *leaders_find(const struct leaders *l, uint64_t group)
{
    (void)l, (void)group;
    return NULL;
}
uint64_t image_index(const struct image *im)
{
    (void)im;
    return 1;
}
const struct image_topic *image_topic_by_id(const struct image *im,
                                            struct uuid id)
{
    (void)im, (void)id;
    return NULL;
}
bool image_deleted(const struct image *im, struct uuid id)
{
    (void)im, (void)id;
    return false;
}

/* ---- a node -------------------------------------------------------------- */

struct world {
    struct sim *sim;
    struct env *e;
};

static void started(struct env *e, void *arg)
{
    (void)e;
    (void)arg;
}

static void begin(struct world *w)
{
    struct sim_options o = {.seed = 1, .trace_level = TRACE_ERROR};
    *w = (struct world){.sim = sim_new(&o)};
    assert_non_null(w->sim);
    assert_int_equal(sim_node_start(w->sim, 1, "n1", sim_disk_new(w->sim, 1),
                                    started, NULL, &w->e),
                     0);
}

static void pass(struct world *w, uint64_t ms)
{
    sim_run_until(w->sim, sim_now_us(w->sim) + ms * 1000, NULL);
}

/* ---- waits --------------------------------------------------------------- */

struct waiter {
    struct broker_wait wait;
    struct waits *waits;
    unsigned n; /* answers */
    int status;
    int again; /* what waiting again said */
};

static void on_waited(struct broker_wait *b, int status)
{
    struct waiter *x = b->data;
    x->n++;
    x->status = status;
    x->again = waits_event(x->waits, &x->wait, 1000, on_waited, x);
}

/* Who asks again when it is told that nothing more will come is refused: it
 * would wait on what is gone. */
static void waiting_again_at_the_end(void **state)
{
    struct waits_options o = {.node = 1};
    struct waiter x[3];
    struct waits *waits;
    struct world w;
    (void)state;
    begin(&w);
    assert_int_equal(waits_open(w.e, &o, &waits), 0);
    for (unsigned i = 0; i < 3; i++) {
        x[i] = (struct waiter){.waits = waits};
        assert_int_equal(
            waits_event(waits, &x[i].wait, 60000, on_waited, &x[i]), 0);
    }
    pass(&w, 10);
    waits_close(waits);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(x[i].n, 1);
        assert_int_equal(x[i].status, ERR_CANCELED);
        assert_int_equal(x[i].again, ERR_NOTREADY);
    }
    pass(&w, 5000); /* no timer is left behind */
    sim_free(w.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_again_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
