/* corpus.c - a harness over its corpus without libFuzzer, for `make check`:
 * each file as it is, then seeded mutations of it.
 *
 *   corpus_NAME                    the corpus that was committed
 *   corpus_NAME FILE|DIRECTORY...  these, unchanged only (a finding again)
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/rand.h"
#include "fuzz/fuzz.h"

#define INPUT_MAX (256u << 10)
#define PATH_MAX_ 4096

static unsigned n_files, n_inputs;

static size_t damage(struct rand *r, uint8_t *p, size_t n)
{
    static const uint8_t evil[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};

    for (uint64_t k = 1 + rand_below(r, 4); k > 0 && n > 1; k--) {
        size_t at = (size_t)rand_below(r, n);
        switch (rand_below(r, 4)) {
        case 0:
            p[at] ^= (uint8_t)(1u << rand_below(r, 8));
            break;
        case 1:
            p[at] = (uint8_t)rand_next(r);
            break;
        case 2:
            p[at] = evil[rand_below(r, sizeof evil)];
            break;
        default:
            n = at + 1;
            break;
        }
    }
    return n;
}

static void judge(const uint8_t *p, size_t n)
{
    (void)LLVMFuzzerTestOneInput(p, n);
    n_inputs++;
}

static void try_file(const char *path, unsigned rounds)
{
    static uint8_t seed[INPUT_MAX], input[INPUT_MAX];
    struct rand r;
    FILE *f = fopen(path, "rb");

    if (f == NULL) {
        perror(path);
        exit(1);
    }
    size_t n = fread(seed, 1, sizeof seed, f);
    fclose(f);
    n_files++;
    judge(seed, n);
    rand_init(&r, n);
    for (unsigned i = 0; i < rounds && n > 0; i++) {
        memcpy(input, seed, n);
        judge(input, damage(&r, input, n));
    }
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void try_path(const char *path, unsigned rounds)
{
    struct dirent **names;
    struct stat st;

    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
        try_file(path, rounds);
        return;
    }
    int n = scandir(path, &names, NULL, by_name);
    if (n < 0) {
        perror(path);
        exit(1);
    }
    for (int i = 0; i < n; i++) {
        char name[PATH_MAX_];
        if (names[i]->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s", path, names[i]->d_name);
            try_file(name, rounds);
        }
        free(names[i]);
    }
    free(names);
}

int main(int argc, char *argv[])
{
    for (int i = 1; i < argc; i++) {
        try_path(argv[i], 0);
    }
    if (argc == 1) {
        try_path(FUZZ_CORPUS, FUZZ_ROUNDS);
    }
    printf("%u files, %u inputs\n", n_files, n_inputs);
    return n_files == 0;
}
