/* image.c - see image.h. */
#include "fuzz/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "env/file.h"

#define BLOCK 4096

struct taking {
    struct image_files *im;
    struct env *env;
    const char *dir;
};

static void file_take(struct image_file *f, struct env *e)
{
    struct bfile *b;
    struct err err;
    uint64_t size;

    ASSERT(bfile_open(e, f->path, FILE_READ, &b, &err) == 0);
    ASSERT(bfile_size(b, &size) == 0);
    f->data = malloc(size + 1);
    ASSERT(f->data != NULL);
    ASSERT(bfile_read(b, f->data, size, 0, &f->len) == 0 && f->len == size);
    bfile_close(b);
}

static int on_name(void *arg, const char *name, bool dir)
{
    struct taking *t = arg;

    if (!dir) {
        ASSERT(t->im->n < IMAGE_FILES_MAX);
        struct image_file *f = &t->im->files[t->im->n++];
        snprintf(f->path, sizeof f->path, "%s/%s", t->dir, name);
        file_take(f, t->env);
    }
    return 0;
}

void image_take(struct image_files *im, struct env *e, const char *dir)
{
    struct taking t = {im, e, dir};

    ASSERT(env_list_dir(e, dir, on_name, &t) == 0);
}

/* ---- edits ----------------------------------------------------------------
 */

struct edit {
    uint8_t what;
    uint8_t file;
    uint8_t unit; /* 1 << unit % 13 bytes */
    uint8_t value;
    uint32_t where;
};

static void store_number(uint8_t *p, size_t left, const struct edit *e)
{
    size_t width = (size_t)1 << (e->what >> 6); /* 1, 2, 4, 8 */
    uint64_t now = 0;

    if (left < width) {
        return;
    }
    for (size_t i = 0; i < width; i++) {
        now |= (uint64_t)p[i] << 8 * i;
    }
    now += (uint64_t)(int64_t)(int8_t)e->value;
    for (size_t i = 0; i < width; i++) {
        p[i] = (uint8_t)(now >> 8 * i);
    }
}

static void edit_one(struct image_files *im, const struct edit *e,
                     image_seal seal)
{
    struct image_file *f = &im->files[e->file % im->n];
    struct image_file *other = &im->files[e->value % im->n];

    if (f->len == 0) {
        return;
    }
    size_t at = (size_t)(((uint64_t)e->where << e->unit % 13) % f->len);
    size_t block = at / BLOCK * BLOCK;
    size_t in_block = f->len - block < BLOCK ? f->len - block : BLOCK;
    switch (e->what % 9) {
    case 0:
        f->data[at] = e->value;
        break;
    case 1:
        store_number(f->data + at, f->len - at, e);
        break;
    case 2:
        store_number(f->data + at, f->len - at, e);
        seal(f, at);
        break;
    case 3:
        f->data[at] = e->value;
        seal(f, at);
        break;
    case 4:
        memset(f->data + block, e->value, in_block);
        break;
    case 5: /* the block of another file, misdirected or stale */
        if (other->len >= block + in_block) {
            memmove(f->data + block, other->data + block, in_block);
        }
        break;
    case 6:
        f->len = at;
        break;
    case 7:
        f->gone = true;
        break;
    default: /* a block of this file somewhere else */
        if ((size_t)e->value * BLOCK + in_block <= f->len) {
            memmove(f->data + block, f->data + (size_t)e->value * BLOCK,
                    in_block);
        }
        break;
    }
}

void image_edit(struct image_files *im, const struct image_files *from,
                struct slice input, image_seal seal)
{
    *im = *from;
    for (unsigned i = 0; i < im->n; i++) {
        im->files[i].data = malloc(im->files[i].len + 1);
        ASSERT(im->files[i].data != NULL);
        memcpy(im->files[i].data, from->files[i].data, im->files[i].len);
    }
    const uint8_t *p = input.data;
    for (unsigned n = 0; n < IMAGE_EDITS_MAX && input.len >= IMAGE_EDIT; n++) {
        struct edit e = {p[0], p[1], p[2], p[3], le32_load(p + 4)};
        edit_one(im, &e, seal);
        p += IMAGE_EDIT;
        input.len -= IMAGE_EDIT;
    }
}

void image_put(const struct image_files *im, struct env *e)
{
    for (unsigned i = 0; i < im->n; i++) {
        const struct image_file *f = &im->files[i];
        struct bfile *b;
        struct err err;
        if (f->gone) {
            continue;
        }
        ASSERT(bfile_open(e, f->path, FILE_WRITE | FILE_CREATE, &b, &err) == 0);
        ASSERT(bfile_write(b, f->data, f->len, 0) == 0);
        ASSERT(bfile_sync(b) == 0);
        bfile_close(b);
    }
}

void image_free(struct image_files *im)
{
    for (unsigned i = 0; i < im->n; i++) {
        free(im->files[i].data);
    }
    *im = (struct image_files){.n = 0};
}
