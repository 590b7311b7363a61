/* fuzz_identity.c - the door that a data directory says its name through: the
 * file `identity`.
 *
 * The first byte, if odd, has the checksum made right. What is accepted is
 * written and read back as the same.
 */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "broker/identity.h"
#include "env/file.h"
#include "env/sim.h"
#include "fuzz/fuzz.h"

#define TEXT_MAX 16384
#define CRC_LINE "crc32c="

struct world {
    struct slice text;
    struct identity first, again;
};

static void life(struct env *e, void *arg)
{
    struct world *w = arg;
    struct err err = {""};

    ASSERT(env_mkdir(e, "/d") == 0);
    ASSERT(env_write_file(e, "/d/identity", w->text, &err) == 0);
    int rv = identity_load(e, "/d", &w->first, &err);
    if (rv != 0) {
        ASSERT(rv == ERR_CORRUPT || rv == ERR_VERSION || rv == ERR_TOOBIG);
        ASSERT(err.text[0] != '\0');
        return;
    }
    ASSERT(w->first.n_members <= PEERS_MAX);
    for (unsigned i = 0; i < w->first.n_members; i++) {
        const struct identity_member *m = &w->first.members[i];
        ASSERT(memchr(m->host, '\0', sizeof m->host) != NULL);
        ASSERT(identity_member(&w->first, m->node) != NULL);
    }
    ASSERT(identity_store(e, "/d", &w->first, &err) == 0);
    ASSERT(identity_load(e, "/d", &w->again, &err) == 0);
    ASSERT(w->again.node == w->first.node);
    ASSERT(uuid_equal(w->again.directory, w->first.directory));
    ASSERT(uuid_equal(w->again.cluster, w->first.cluster));
    ASSERT(w->again.incarnation == w->first.incarnation);
    ASSERT(w->again.n_members == w->first.n_members);
}

/* Put a right checksum behind `len` bytes. */
static size_t seal(char *text, size_t len)
{
    return len + (size_t)snprintf(text + len, 32, CRC_LINE "%08x\n",
                                  crc32c(text, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    static char text[TEXT_MAX + 32];
    struct sim_options o = {.seed = 1, .trace_level = TRACE_ERROR};

    if (size < 1 || size > TEXT_MAX) {
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    size_t len = data[0] % 2 == 0 ? size - 1 : seal(text, size - 1);
    struct sim *sim = sim_new(&o);
    ASSERT(sim != NULL);
    w.text = slice_of((const uint8_t *)text, len);
    (void)sim_node_start(sim, 1, "n1", sim_disk_new(sim, 1), life, &w, NULL);
    if (sim_node_death(sim, 1)[0] != '\0') {
        fprintf(stderr, "the node died: %s\n", sim_node_death(sim, 1));
        ASSERT(sim_node_death(sim, 1)[0] == '\0');
    }
    sim_free(sim);
    return 0;
}
