/* image.h - a node's data directory as doc/FORMATS.md says to read it, by the
 * decoders that `ostraka dump` uses, not by recovery: newest checkpoint, the
 * frames from its tail on, the log of each group above its base, the manifest
 * below it. Everything is loaded into memory of its own. */
#ifndef SIM_IMAGE_H
#define SIM_IMAGE_H

#include "env/file.h"
#include "storage/journal_impl.h"
#include "storage/manifest.h"

#define IMAGE_GROUPS_MAX 256

struct batch;

struct image_entry {
    struct entry entry; /* payload borrowed from the image */
    uint64_t record;    /* 0: nothing here */
};

struct image_group {
    uint64_t id;
    struct uuid topic;
    int32_t partition;
    struct log_point base;
    uint64_t term, vote;
    uint64_t reset; /* entries of records before it do not count */
    struct manifest manifest;
    bool has_manifest;
    struct image_entry *entries; /* by index */
    size_t n_entries;
};

struct image_frame {
    struct frame_facts facts;
    const uint8_t *bytes;
};

struct image {
    struct env *env;
    struct mem *mem;
    struct arena arena;
    const char *dir;
    struct checkpoint_facts checkpoint;
    struct slice checkpoint_body;
    struct image_frame *frames;
    size_t n_frames;
    struct image_group groups[IMAGE_GROUPS_MAX];
    unsigned n_groups;
    char error[200]; /* "": sound */
};

/* Read it. False: im->error says what breaks the rules. */
bool image_open(struct image *im, struct env *e, const char *dir);
void image_close(struct image *im);
struct image_group *image_find(struct image *im, uint64_t group);
/* The batches of a partition, in order, first segments, then the log; each
 * with its chain after it. A non-zero return of `cb` ends the walk and is
 * returned; -1: the image breaks the rules. */
typedef int (*image_batch_cb)(void *arg, const struct batch *b, uint64_t chain);
int image_walk(struct image *im, const struct image_group *g, image_batch_cb cb,
               void *arg);
/* The first offset that is served. */
int64_t image_log_start(const struct image_group *g);

#endif
