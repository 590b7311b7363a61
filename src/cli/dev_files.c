#include "cli/dev_files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ports.h"
#include "config/properties.h"

#define DIR_DEFAULT  "var/dev"
#define HOST         "127.0.0.1"
#define SETTINGS_MAX 64
#define TAIL_BYTES   4096
#define TAIL_LINES   15

/* ---- paths --------------------------------------------------------------- */

/* mkdir -p. */
static int make_dirs(const char *path)
{
    char part[DEV_PATH_MAX];
    size_t len = strlen(path);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST) {
            return ERR_IO;
        }
    }
    return 0;
}

static int set_dir(struct dev *d, struct err *err)
{
    const char *given = command_option(d->call, "dir", DIR_DEFAULT);
    char cwd[DEV_PATH_MAX];
    int n;
    if (*given == '/') {
        n = snprintf(d->dir, sizeof d->dir, "%s", given);
    } else if (getcwd(cwd, sizeof cwd) == NULL) {
        return err_set(err, ERR_IO, "working directory: %s", strerror(errno));
    } else {
        n = snprintf(d->dir, sizeof d->dir, "%s/%s", cwd, given);
    }
    if (n <= 0 || (size_t)n + 64 > sizeof d->dir) {
        return err_set(err, ERR_INVALID, "--dir %.100s: too long", given);
    }
    while (n > 1 && d->dir[n - 1] == '/') {
        d->dir[--n] = '\0';
    }
    return 0;
}

/* Of what stands in n->dir. */
static void set_files(struct dev_node *n)
{
    snprintf(n->properties, sizeof n->properties, "%s/ostrakad.properties",
             n->dir);
    snprintf(n->pid_file, sizeof n->pid_file, "%s/ostrakad.pid", n->dir);
    snprintf(n->log, sizeof n->log, "%s/ostrakad.log", n->dir);
}

static void set_paths(const struct dev *d, struct dev_node *n, int id)
{
    *n = (struct dev_node){.id = id};
    snprintf(n->dir, sizeof n->dir, "%.*s/n%d", DEV_PATH_MAX - 16, d->dir, id);
    set_files(n);
}

struct dev_node *dev_files_find(struct dev *d, int64_t id)
{
    for (unsigned i = 0; i < d->n_nodes; i++) {
        if (d->nodes[i].id == id) {
            return &d->nodes[i];
        }
    }
    return NULL;
}

/* ---- properties ---------------------------------------------------------- */

static int read_text(void *arg, const char *path, size_t len_max,
                     char **ret_text, size_t *ret_len, struct err *err)
{
    struct mem *mem = arg;
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return err_set(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s: %s",
                       path, strerror(errno));
    }
    char *text = mem_alloc(mem, len_max + 1);
    size_t n = text != NULL ? fread(text, 1, len_max, f) : 0;
    bool bad = text == NULL || ferror(f) || (n == len_max && fgetc(f) != EOF);
    fclose(f);
    if (bad) {
        mem_free(mem, text);
        return err_set(err, ERR_IO, "%s: cannot be read, or too large", path);
    }
    text[n] = '\0';
    *ret_text = text;
    *ret_len = n;
    return 0;
}

/* A directory has more than one name: ./D, D, through a link. Its daemon goes
 * by the one in data.dir. */
static bool take_dir(struct dev_node *n, const char *dir)
{
    struct stat a, b;
    if (strcmp(dir, n->dir) == 0) {
        return true;
    }
    if (*dir != '/' || strlen(dir) >= sizeof n->dir || stat(dir, &a) != 0 ||
        stat(n->dir, &b) != 0 || a.st_dev != b.st_dev || a.st_ino != b.st_ino) {
        return false;
    }
    snprintf(n->dir, sizeof n->dir, "%s", dir);
    set_files(n);
    return true;
}

/* Those that should have a directory beside it. */
static unsigned count_named(const struct config *c)
{
    unsigned n, named = 0;
    const struct config_node *nodes = config_nodes(c, &n);
    for (unsigned i = 0; i < n; i++) {
        named += strcmp(nodes[i].peer.host, HOST) == 0;
    }
    return named;
}

/* Take over what matters to us. */
static int node_take(struct dev_node *n, const struct config *c,
                     struct err *err)
{
    unsigned n_listeners;
    const struct config_listener *l = config_listeners(c, &n_listeners);
    const struct config_node *self = config_node_find(c, n->id);
    const struct config_endpoint *admin = config_admin(c);
    if (config_long(c, NODE_ID) != n->id || n_listeners == 0) {
        return err_set(err, ERR_INVALID, "%s: node.id must be %d",
                       n->properties, n->id);
    }
    if (!take_dir(n, config_text(c, NODE_DATA_DIR))) {
        return err_set(err, ERR_INVALID,
                       "%s: data.dir is %s, but this is %s: was it moved? "
                       "Correct data.dir",
                       n->properties, config_text(c, NODE_DATA_DIR), n->dir);
    }
    n->n_named = count_named(c);
    n->client = l[0].at;
    n->admin = admin != NULL ? *admin : (struct config_endpoint){.port = 0};
    if (self != NULL) {
        n->peer = self->peer;
    }
    return 0;
}

/* Judge a properties text as ostrakad would. */
static int node_judge(const struct dev *d, struct dev_node *n,
                      struct slice text, struct err *err)
{
    struct config *c = config_new(d->call->mem);
    int rv = c == NULL ? ERR_NOMEM : 0;
    if (rv == 0) {
        rv = config_load_text(c, n->properties, (const char *)text.data,
                              text.len, read_text, d->call->mem, err);
    }
    if (rv == 0) {
        rv = config_finish(c, err);
    }
    if (rv == 0) {
        rv = node_take(n, c, err);
    }
    config_free(c);
    return rv;
}

static void read_pid(struct dev_node *n)
{
    FILE *f = fopen(n->pid_file, "re");
    long pid = 0;
    if (f != NULL) {
        if (fscanf(f, "%ld", &pid) != 1 || pid <= 1) {
            pid = 0;
        }
        fclose(f);
    }
    n->state = process_look((pid_t)pid, n->properties);
    n->pid = n->state != PROCESS_GONE ? (pid_t)pid : 0;
}

static int node_load(struct dev *d, int id, struct err *err)
{
    struct dev_node *n = &d->nodes[d->n_nodes];
    char *text = NULL;
    size_t len = 0;
    set_paths(d, n, id);
    if (access(n->properties, F_OK) != 0) {
        return 0;
    }
    int rv = read_text(d->call->mem, n->properties, CONFIG_FILE_BYTES_MAX,
                       &text, &len, err);
    if (rv == 0) {
        rv = node_judge(d, n, slice_of(text, len), err);
    }
    mem_free(d->call->mem, text);
    if (rv == 0) {
        read_pid(n);
        d->n_nodes++;
    }
    return rv;
}

int dev_files_load(struct dev *d, struct command_call *c, struct err *err)
{
    *d = (struct dev){.call = c};
    int rv = set_dir(d, err);
    for (int id = 1; id <= DEV_NODES_MAX && rv == 0; id++) {
        rv = node_load(d, id, err);
    }
    return rv;
}

int dev_files_lock(const struct dev *d, bool make)
{
    int rv;
    if (make) {
        (void)make_dirs(d->dir); /* what is made in it says why not */
    }
    int fd = open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return fd;
    }
    do {
        rv = flock(fd, LOCK_EX);
    } while (rv != 0 && errno == EINTR);
    return fd;
}

void dev_files_unlock(int lock)
{
    if (lock >= 0) {
        close(lock);
    }
}

static int write_file(const char *path, struct slice text, struct err *err)
{
    char temporary[DEV_PATH_MAX + 64];
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    FILE *f = fopen(temporary, "we");
    bool ok = f != NULL && fwrite(text.data, 1, text.len, f) == text.len;
    ok = f != NULL && fclose(f) == 0 && ok;
    if (!ok || rename(temporary, path) != 0) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    return 0;
}

/* ---- settings ------------------------------------------------------------ */

/* The lines of a file in order; a key stands once. */
struct settings {
    struct mem *mem;
    char *key[SETTINGS_MAX];
    char *value[SETTINGS_MAX];
    unsigned n;
};

static int settings_put(struct settings *s, struct slice key,
                        struct slice value)
{
    unsigned i = 0;
    while (i < s->n && !slice_equal(slice_str(s->key[i]), key)) {
        i++;
    }
    if (i == SETTINGS_MAX) {
        return ERR_FULL;
    }
    if (i == s->n) {
        s->key[i] = mem_strndup(s->mem, (const char *)key.data, key.len);
        s->n++;
    }
    s->value[i] = mem_strndup(s->mem, (const char *)value.data, value.len);
    return s->key[i] == NULL || s->value[i] == NULL ? ERR_NOMEM : 0;
}

static int settings_put_text(struct settings *s, const char *key,
                             const char *value)
{
    return settings_put(s, slice_str(key), slice_str(value));
}

/* Those of --set. */
static int settings_put_given(struct settings *s, const struct dev *d,
                              struct err *err)
{
    unsigned pos = 0;
    const char *given;
    int rv = 0;
    while (rv == 0 &&
           (given = command_option_next(d->call, "set", &pos)) != NULL) {
        const char *equals = strchr(given, '=');
        if (equals == NULL || equals == given) {
            return err_set(err, ERR_INVALID, "--set %.100s: give KEY=VALUE",
                           given);
        }
        rv = settings_put(s, slice_of(given, (size_t)(equals - given)),
                          slice_str(equals + 1));
    }
    return rv == 0 ? 0 : err_set(err, rv, "--set: %s", err_text(rv));
}

/* Judge, then write. */
static int settings_store(struct settings *s, const struct dev *d,
                          struct dev_node *n, bool dry, struct err *err)
{
    struct buf out;
    buf_init(&out, d->call->mem, 0);
    buf_printf(&out,
               "# Node %d. ostrakad --explain KEY says what a setting "
               "means.\n",
               n->id);
    for (unsigned i = 0; i < s->n; i++) {
        buf_printf(&out, "%s=", s->key[i]);
        properties_escape(s->value[i], &out);
        buf_printf(&out, "\n");
    }
    int rv =
        out.status != 0 ? out.status : node_judge(d, n, buf_slice(&out), err);
    if (rv == 0 && !dry) {
        rv = make_dirs(n->dir);
        rv = rv != 0 ? err_set(err, rv, "%s: %s", n->dir, strerror(errno))
                     : write_file(n->properties, buf_slice(&out), err);
    }
    buf_close(&out);
    return rv;
}

static int settings_load(struct settings *s, const struct dev_node *n,
                         struct err *err)
{
    struct properties p;
    struct buf key, value;
    unsigned line;
    char *text = NULL;
    size_t len = 0;
    int rv = read_text(s->mem, n->properties, CONFIG_FILE_BYTES_MAX, &text,
                       &len, err);
    if (rv != 0) {
        return rv;
    }
    buf_init(&key, s->mem, 1024);
    buf_init(&value, s->mem, CONFIG_VALUE_MAX);
    properties_init(&p, text, len);
    int more;
    while ((more = properties_next(&p, &key, &value, &line, err)) > 0 &&
           rv == 0) {
        rv = settings_put(s, buf_slice(&key), buf_slice(&value));
    }
    buf_close(&key);
    buf_close(&value);
    mem_free(s->mem, text);
    return rv != 0 ? err_set(err, rv, "%s: %s", n->properties, err_text(rv))
                   : more;
}

int dev_files_set(struct dev *d, struct err *err)
{
    int rv = 0;
    if (!command_flag(d->call, "set")) {
        return 0;
    }
    for (int dry = 1; dry >= 0 && rv == 0; dry--) {
        for (unsigned i = 0; i < d->n_nodes && rv == 0; i++) {
            struct settings s = {.mem = d->call->mem};
            rv = settings_load(&s, &d->nodes[i], err);
            rv = rv == 0 ? settings_put_given(&s, d, err) : rv;
            rv = rv == 0 ? settings_store(&s, d, &d->nodes[i], dry, err) : rv;
        }
    }
    return rv;
}

/* ---- a new cluster ------------------------------------------------------- */

static int choose_ports(struct dev *d, unsigned base_port, struct err *err)
{
    static const uint16_t preferred[] = {19092, 29092, 39092};
    struct ports p = {.n_taken = 0};
    for (unsigned i = 0; i < d->n_nodes; i++) {
        unsigned port = base_port != 0 ? base_port + i
                        : i < 3        ? preferred[i]
                                       : 0;
        if (port != 0 && ports_free(&p, port)) {
            ports_take(&p, port);
        } else if (base_port != 0) {
            return err_set(err, ERR_EXISTS,
                           "port %u is in use: choose another --base-port",
                           port);
        } else {
            port = ports_choose(&p);
        }
        d->nodes[i].client.port = (uint16_t)port;
    }
    for (unsigned i = 0; i < d->n_nodes; i++) {
        struct dev_node *n = &d->nodes[i];
        n->peer.port = (uint16_t)ports_choose(&p);
        n->admin.port = (uint16_t)ports_choose(&p);
        if (n->peer.port == 0 || n->admin.port == 0 || n->client.port == 0) {
            return err_set(err, ERR_FULL, "no free port on " HOST);
        }
    }
    return 0;
}

static int node_create(const struct dev *d, struct dev_node *n,
                       const char *cluster, bool dry, struct err *err)
{
    struct settings s = {.mem = d->call->mem};
    char text[64];
    int rv;
    snprintf(text, sizeof text, "%d", n->id);
    rv = settings_put_text(&s, "node.id", text);
    rv = rv == 0 ? settings_put_text(&s, "cluster.nodes", cluster) : rv;
    snprintf(text, sizeof text, "PLAINTEXT://" HOST ":%u", n->client.port);
    rv = rv == 0 ? settings_put_text(&s, "listeners", text) : rv;
    snprintf(text, sizeof text, HOST ":%u", n->admin.port);
    rv = rv == 0 ? settings_put_text(&s, "admin.listener", text) : rv;
    rv = rv == 0 ? settings_put_text(&s, "data.dir", n->dir) : rv;
    rv = rv == 0 ? settings_put_text(&s, "journal.bytes.max", "256MiB") : rv;
    if (rv != 0) {
        return err_set(err, rv, "%s", err_text(rv));
    }
    rv = settings_put_given(&s, d, err);
    return rv == 0 ? settings_store(&s, d, n, dry, err) : rv;
}

int dev_files_create(struct dev *d, unsigned n, unsigned base_port,
                     struct err *err)
{
    char cluster[DEV_NODES_MAX * 32] = "";
    size_t len = 0;
    for (unsigned i = 0; i < n; i++) {
        set_paths(d, &d->nodes[i], (int)i + 1);
    }
    d->n_nodes = n;
    int rv = choose_ports(d, base_port, err);
    for (unsigned i = 0; i < n; i++) {
        len += (size_t)snprintf(cluster + len, sizeof cluster - len,
                                "%s%d@" HOST ":%u", i > 0 ? "," : "",
                                d->nodes[i].id, d->nodes[i].peer.port);
    }
    for (int dry = 1; dry >= 0 && rv == 0; dry--) {
        for (unsigned i = 0; i < n && rv == 0; i++) {
            rv = node_create(d, &d->nodes[i], cluster, dry, err);
        }
    }
    return rv;
}

int dev_files_note_pid(struct dev_node *n, pid_t pid, struct err *err)
{
    char text[32];
    snprintf(text, sizeof text, "%ld\n", (long)pid);
    n->pid = pid;
    n->state = PROCESS_RUNS;
    return write_file(n->pid_file, slice_str(text), err);
}

/* ---- the end ------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *walk)
{
    (void)st;
    (void)kind;
    if (walk->level == 0) {
        return 0; /* a mount cannot be removed; rmdir() is tried below */
    }
    if (walk->level == 1 && strcmp(path + walk->base, "lost+found") == 0) {
        return 0; /* a file system's own */
    }
    return remove(path) != 0 && errno != ENOENT ? -1 : 0;
}

int dev_files_wipe(struct dev *d, struct err *err)
{
    for (unsigned i = 0; i < d->n_nodes; i++) {
        const char *dir = d->nodes[i].dir;
        if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0) {
            return err_set(err, ERR_IO, "%s: %s", dir, strerror(errno));
        }
        (void)rmdir(dir);
    }
    (void)rmdir(d->dir);
    return 0;
}

void dev_files_tail(const struct dev_node *n)
{
    char text[TAIL_BYTES + 1];
    FILE *f = fopen(n->log, "re");
    if (f == NULL) {
        return;
    }
    if (fseek(f, -TAIL_BYTES, SEEK_END) != 0) {
        rewind(f);
    }
    size_t len = fread(text, 1, TAIL_BYTES, f);
    fclose(f);
    text[len] = '\0';
    size_t from = len;
    unsigned lines = 0;
    while (from > 0 && lines <= TAIL_LINES) {
        from--;
        lines += text[from] == '\n';
    }
    fprintf(stderr, "%s ends with:\n", n->log);
    fwrite(text + from, 1, len - from, stderr);
}
