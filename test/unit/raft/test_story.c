/* test_story.c - stories of a group, told word for word.
 *
 *   test_story [--rewrite] [FILE...]
 *
 * A story is a text: lines that begin with # are for people, lines that begin
 * with a blank say what happened, the others what is done:
 *
 *   open VOTERS [STANDBYS]   nodes with a log that begins behind index 2
 *   timeout N                700 ms pass, and N's timer with them
 *   beat N                   60 ms pass: a leader's heartbeat
 *   propose N COUNT          one submit of so many entries
 *   sync N                   what N wrote is durable
 *   deliver FROM TO          all that is under way from one to the other
 *   lose [FROM TO]           ... or everything, is lost
 *   settle N...              sync and deliver among these until nothing is left
 *   compact N INDEX          N's log begins behind the index
 *   install N                N has fetched what it was offered
 *   crash N KEEP             power is cut; so many of the writes that were not
 *                            durable reached the disk
 *   start N
 *
 * What happened must be what the file says, or is written there by --rewrite:
 * what a node writes, sends, holds back until a write is durable, and what it
 * is afterwards, entries as index:term, those it knows to be committed before
 * the bar, those that are not durable in brackets. */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "cluster.h"

#define DIR_NAME   "test/unit/raft/stories"
#define STATE_MAX  600
#define STORY_MAX  (256 << 10)
#define FILES_MAX  64
#define PATH_BYTES 512

struct story {
    struct cluster cl;
    bool open;
    uint64_t seq[CLUSTER_NODES_MAX + 1]; /* the last write that was told */
    char state[CLUSTER_NODES_MAX + 1][STATE_MAX];
    char *out; /* STORY_MAX */
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void say(struct story *s,
                                                      const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(s->out + s->len, STORY_MAX - s->len, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0 && (size_t)n < STORY_MAX - s->len);
    s->len += (size_t)n;
}

/* ---- what happened ---------------------------------------------------------
 */

static void say_message(struct story *s, const struct packet *p)
{
    struct message m = cluster_read(&s->cl, *p);

    switch (m.kind) {
    case MESSAGE_VOTE:
        say(s, "%svote? term %llu, log to %llu:%llu", m.pre_vote ? "pre-" : "",
            (unsigned long long)m.term, (unsigned long long)m.index,
            (unsigned long long)m.index_term);
        break;
    case MESSAGE_VOTE_RESULT:
        say(s, "%svote %s, term %llu", m.pre_vote ? "pre-" : "",
            m.granted ? "granted" : "denied", (unsigned long long)m.term);
        break;
    case MESSAGE_APPEND:
        say(s, "append %u behind %llu:%llu, term %llu, commit %llu",
            m.n_entries, (unsigned long long)m.index,
            (unsigned long long)m.index_term, (unsigned long long)m.term,
            (unsigned long long)m.commit);
        break;
    case MESSAGE_RESULT:
        say(s, "%s %llu, term %llu",
            m.rejected != 0 ? "refused, log to" : "durable to",
            (unsigned long long)m.index, (unsigned long long)m.term);
        break;
    case MESSAGE_INSTALL:
        say(s, "install %llu:%llu, term %llu", (unsigned long long)m.index,
            (unsigned long long)m.index_term, (unsigned long long)m.term);
        break;
    case MESSAGE_TIMEOUT_NOW:
        say(s, "stand now, term %llu", (unsigned long long)m.term);
        break;
    case MESSAGE_QUIET:
        say(s, "quiet at %llu, term %llu", (unsigned long long)m.index,
            (unsigned long long)m.term);
        break;
    }
}

static void say_write(struct story *s, const struct node *nd,
                      const struct record *r)
{
    say(s, "    n%u writes #%llu: ", nd->id, (unsigned long long)r->seq);
    switch (r->kind) {
    case RECORD_HARD:
        say(s, "term %llu", (unsigned long long)r->term);
        if (r->vote != 0) {
            say(s, ", vote for n%d", (int)membership_node(r->vote));
        }
        break;
    case RECORD_APPEND:
        say(s, "entries");
        for (unsigned i = 0; i < r->n; i++) {
            say(s, " %llu:%llu", (unsigned long long)r->entries[i].index,
                (unsigned long long)r->entries[i].term);
        }
        break;
    case RECORD_BASE:
    case RECORD_INSTALL:
        say(s, "%s %llu:%llu", r->kind == RECORD_BASE ? "base" : "install",
            (unsigned long long)r->point.index,
            (unsigned long long)r->point.term);
        break;
    }
    say(s, "\n");
}

/* Packets carry a mark: 1 when it was told that they wait, 2 that they left. */
static void say_packets(struct story *s, struct packets *ps, uint64_t mark)
{
    for (unsigned i = 0; i < ps->n; i++) {
        struct packet *p = &ps->v[i];
        if (p->at_ms >= mark) {
            continue;
        }
        p->at_ms = mark;
        say(s, "    n%u -> n%u: ", p->from, p->to);
        say_message(s, p);
        if (mark == 1) {
            say(s, " (waits for #%llu)", (unsigned long long)p->gate);
        }
        say(s, "\n");
    }
}

static size_t put_log(char *out, size_t size, const struct node *nd)
{
    const struct tail *t = &nd->tail;
    size_t n = (size_t)snprintf(out, size, "log %llu:%llu",
                                (unsigned long long)t->base.index,
                                (unsigned long long)t->base.term);

    if (nd->commit == t->base.index) {
        n += (size_t)snprintf(out + n, size - n, " |");
    }
    for (uint64_t i = t->base.index + 1; i <= tail_last_index(t); i++) {
        bool durable = i <= nd->stored;
        n += (size_t)snprintf(out + n, size - n, " %s%llu:%llu%s%s",
                              durable ? "" : "[", (unsigned long long)i,
                              (unsigned long long)tail_term(t, i),
                              durable ? "" : "]", nd->commit == i ? " |" : "");
        ASSERT(n < size);
    }
    return n;
}

static void put_state(char *out, struct node *nd)
{
    static const char *const roles[] = {[GROUP_FOLLOWER] = "follower",
                                        [GROUP_CANDIDATE] = "candidate",
                                        [GROUP_LEADER] = "leader"};
    size_t n;

    if (!nd->up) {
        snprintf(out, STATE_MAX, "down");
        return;
    }
    n = (size_t)snprintf(out, STATE_MAX, "%s, term %llu, ",
                         roles[core_role(nd->core)],
                         (unsigned long long)core_term(nd->core));
    put_log(out + n, STATE_MAX - n, nd);
}

static void tell(struct story *s)
{
    struct cluster *cl = &s->cl;
    char now[STATE_MAX];

    for (unsigned id = 1; id <= cl->n; id++) {
        struct node *nd = cluster_node(cl, id);
        for (unsigned i = 0; i < nd->qn; i++) {
            if (nd->q[i].seq > s->seq[id]) {
                say_write(s, nd, &nd->q[i]);
            }
        }
        s->seq[id] = nd->seq;
        say_packets(s, &nd->gated, 1);
    }
    say_packets(s, &cl->net, 2);
    for (unsigned id = 1; id <= cl->n; id++) {
        put_state(now, cluster_node(cl, id));
        if (strcmp(now, s->state[id]) != 0) {
            memcpy(s->state[id], now, sizeof now);
            say(s, "    n%u is %s\n", id, now);
        }
    }
    if (cl->verdict[0] != '\0') {
        say(s, "    WRONG: %s\n", cl->verdict);
    }
}

/* ---- what is done ----------------------------------------------------------
 */

#define WORDS_MAX 7

struct command {
    char word[WORDS_MAX][16];
    unsigned n; /* words behind the first */
};

static unsigned number(const struct command *c, unsigned i)
{
    return (unsigned)strtoul(c->word[i], NULL, 10);
}

static bool is(const struct command *c, const char *name, unsigned n)
{
    return strcmp(c->word[0], name) == 0 && c->n == n;
}

static void do_open(struct story *s, const struct command *c)
{
    unsigned voters = number(c, 1), standbys = c->n > 1 ? number(c, 2) : 0;

    ASSERT(!s->open && voters >= 1);
    ASSERT(voters + standbys <= CLUSTER_NODES_MAX);
    cluster_open(&s->cl, voters, standbys, 2, 0);
    s->open = true;
    for (unsigned id = 1; id <= s->cl.n; id++) {
        ASSERT(cluster_start(&s->cl, id) == 0);
    }
}

static void take(struct story *s, unsigned from, unsigned to, bool deliver)
{
    struct packets *net = &s->cl.net;
    unsigned left = net->n;

    for (unsigned i = 0; left > 0; left--) { /* not what is sent now */
        if (net->v[i].from == from && net->v[i].to == to) {
            struct packet p = cluster_take(&s->cl, (int)i);
            if (deliver) {
                cluster_receive(&s->cl, to, p);
            }
        } else {
            i++;
        }
    }
}

static unsigned mask_of(const struct command *c)
{
    unsigned mask = 0;

    for (unsigned i = 1; i <= c->n; i++) {
        mask |= 1u << number(c, i);
    }
    return mask;
}

static void wait_ms(struct story *s, unsigned id, unsigned ms)
{
    s->cl.now_ms += ms;
    cluster_timeout(&s->cl, id);
}

static bool names_nodes(const struct story *s, const struct command *c)
{
    unsigned id = number(c, 1);

    return s->open && (c->n == 0 || (id >= 1 && id <= s->cl.n));
}

static bool do_node(struct story *s, const struct command *c)
{
    struct cluster *cl = &s->cl;
    unsigned id = number(c, 1);

    if (is(c, "timeout", 1)) {
        wait_ms(s, id, 700);
    } else if (is(c, "beat", 1)) {
        wait_ms(s, id, 60);
    } else if (is(c, "propose", 2)) {
        cluster_propose(cl, id, number(c, 2));
    } else if (is(c, "sync", 1)) {
        cluster_sync(cl, id);
    } else if (is(c, "compact", 2)) {
        cluster_compact(cl, id, number(c, 2));
    } else if (is(c, "install", 1)) {
        cluster_install(cl, id);
    } else if (is(c, "crash", 2)) {
        cluster_crash(cl, id, number(c, 2));
    } else if (is(c, "start", 1)) {
        cluster_start(cl, id);
    } else {
        return false;
    }
    return true;
}

static bool do_command(struct story *s, const struct command *c)
{
    if (strcmp(c->word[0], "open") == 0 && (c->n == 1 || c->n == 2)) {
        do_open(s, c);
    } else if (!names_nodes(s, c)) {
        return false;
    } else if (is(c, "deliver", 2) || is(c, "lose", 2)) {
        take(s, number(c, 1), number(c, 2), is(c, "deliver", 2));
    } else if (is(c, "lose", 0)) {
        cluster_drop_all(&s->cl);
    } else if (strcmp(c->word[0], "settle") == 0) {
        cluster_pump(&s->cl, mask_of(c));
    } else {
        return do_node(s, c);
    }
    return true;
}

static bool play_line(struct story *s, const char *line)
{
    struct command c = {.n = 0};
    int n =
        sscanf(line, "%15s %15s %15s %15s %15s %15s %15s", c.word[0], c.word[1],
               c.word[2], c.word[3], c.word[4], c.word[5], c.word[6]);

    if (n < 1) {
        return true;
    }
    c.n = (unsigned)n - 1;
    if (!do_command(s, &c)) {
        return false;
    }
    tell(s);
    return true;
}

/* ---- files -----------------------------------------------------------------
 */

static char *load(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, STORY_MAX);

    ASSERT(text != NULL);
    if (f == NULL) {
        perror(path);
        exit(1);
    }
    size_t n = fread(text, 1, STORY_MAX - 1, f);
    ASSERT(n < STORY_MAX - 1);
    fclose(f);
    return text;
}

static void save(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

/* The first line in which they differ. */
static void show(const char *path, const char *want, const char *have)
{
    unsigned line = 1;

    while (strcspn(want, "\n") == strcspn(have, "\n") &&
           strncmp(want, have, strcspn(want, "\n")) == 0 && *want != '\0') {
        want += strcspn(want, "\n");
        have += strcspn(have, "\n");
        want += *want == '\n';
        have += *have == '\n';
        line++;
    }
    printf("%s:%u:\n  told: %.*s\n  now:  %.*s\n(test_story --rewrite tells "
           "it anew)\n",
           path, line, (int)strcspn(want, "\n"), want, (int)strcspn(have, "\n"),
           have);
}

/* Play it into s->out. False: a line is not understood. */
static bool play(struct story *s, const char *path, const char *text)
{
    char line[200];
    unsigned number = 0;

    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, text);
        text += n + (text[n] == '\n');
        number++;
        if (line[0] == ' ') {
            continue;
        }
        say(s, "%s\n", line);
        if (line[0] != '#' && !play_line(s, line)) {
            printf("%s:%u: not understood: %s\n", path, number, line);
            return false;
        }
    }
    return true;
}

static bool story_run(const char *path, bool rewrite)
{
    static struct story s;
    char *text = load(path);
    bool well;

    memset(&s, 0, sizeof s);
    s.out = calloc(1, STORY_MAX);
    ASSERT(s.out != NULL);
    well = play(&s, path, text);
    if (well && s.cl.verdict[0] != '\0') {
        printf("%s: %s\n", path, s.cl.verdict);
        well = false;
    } else if (well && strcmp(text, s.out) != 0 && rewrite) {
        save(path, s.out);
        printf("%s: rewritten\n", path);
    } else if (well && strcmp(text, s.out) != 0) {
        show(path, text, s.out);
        well = false;
    }
    if (s.open) {
        cluster_close(&s.cl);
    }
    free(s.out);
    free(text);
    return well;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The stories of the source tree. */
static unsigned find(char paths[FILES_MAX][PATH_BYTES])
{
    const char *src = getenv("srcdir");
    char dir[PATH_BYTES - 128];
    struct dirent *e;
    unsigned n = 0;

    snprintf(dir, sizeof dir, "%s/" DIR_NAME, src == NULL ? "." : src);
    DIR *d = opendir(dir);
    while (d != NULL && (e = readdir(d)) != NULL) {
        size_t len = strlen(e->d_name);
        if (len > 4 && len < 100 && strcmp(e->d_name + len - 4, ".txt") == 0) {
            ASSERT(n < FILES_MAX);
            snprintf(paths[n++], PATH_BYTES, "%s/%.100s", dir, e->d_name);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
    qsort(paths, n, PATH_BYTES, by_name);
    return n;
}

int main(int argc, char *argv[])
{
    static char paths[FILES_MAX][PATH_BYTES];
    bool rewrite = argc > 1 && strcmp(argv[1], "--rewrite") == 0;
    unsigned n = 0, bad = 0;

    for (int i = 1 + rewrite; i < argc && n < FILES_MAX; i++) {
        snprintf(paths[n++], PATH_BYTES, "%s", argv[i]);
    }
    if (n == 0) {
        n = find(paths);
    }
    for (unsigned i = 0; i < n; i++) {
        bad += !story_run(paths[i], rewrite);
    }
    printf("%u stories, %u not as told\n", n, bad);
    return n > 0 && bad == 0 ? 0 : 1;
}
