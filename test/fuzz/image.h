/* image.h - files that a harness's input damages: real ones, made once by the
 * code that writes them, then edited as the input says, checksums made right
 * again where it says so.
 *
 * The input is a list of edits of IMAGE_EDIT bytes: what, which file, where
 * (in units of what the edit is about, modulo the file's size) and a value.
 */
#ifndef TEST_FUZZ_IMAGE_H
#define TEST_FUZZ_IMAGE_H

#include "base/slice.h"
#include "env/env.h"

#define IMAGE_FILES_MAX 16
#define IMAGE_EDIT      8
#define IMAGE_EDITS_MAX 64

struct image_file {
    char path[64];
    uint8_t *data; /* malloc */
    size_t len;
    bool gone;
};

struct image_files {
    struct image_file files[IMAGE_FILES_MAX];
    unsigned n;
};

/* Make the checksums of `f` right that cover byte `at`. */
typedef void (*image_seal)(struct image_file *f, size_t at);

/* Read all files of a directory of a node's disk, adding to `im`. */
void image_take(struct image_files *im, struct env *e, const char *dir);
/* A copy of `from`, edited by the input. */
void image_edit(struct image_files *im, const struct image_files *from,
                struct slice input, image_seal seal);
/* Write the files; their directories must be there. */
void image_put(const struct image_files *im, struct env *e);
void image_free(struct image_files *im);

#endif
