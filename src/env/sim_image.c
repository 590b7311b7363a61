/* sim_image.c - sparse bytes of one image of a file: pages that are all zero
 * take no memory. */
#include <string.h>

#include "env/sim_impl.h"

#define SIM_PAGE 4096

bool sim_all_zero(const uint8_t *p, size_t len)
{
    return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

static void image_pages(struct sim *s, struct sim_image *im, size_t n)
{
    size_t cap = im->n_pages;

    if (n <= cap) {
        return;
    }
    if (n < cap * 2) {
        n = cap * 2;
    }
    im->pages = sim_realloc(s, im->pages, n * sizeof(uint8_t *));
    memset(im->pages + cap, 0, (n - cap) * sizeof(uint8_t *));
    im->n_pages = n;
}

/* Does not change the size. `data` NULL: zeros. */
void sim_image_write(struct sim *s, struct sim_image *im, const uint8_t *data,
                     size_t len, uint64_t offset)
{
    while (len > 0) {
        size_t page = (size_t)(offset / SIM_PAGE);
        size_t at = (size_t)(offset % SIM_PAGE);
        size_t n = SIM_PAGE - at < len ? SIM_PAGE - at : len;
        bool zero = data == NULL || sim_all_zero(data, n);
        image_pages(s, im, page + 1);
        if (im->pages[page] == NULL && !zero) {
            im->pages[page] = n == SIM_PAGE ? sim_alloc_raw(s, SIM_PAGE)
                                            : sim_alloc(s, 1, SIM_PAGE);
        }
        if (im->pages[page] != NULL && zero) {
            memset(im->pages[page] + at, 0, n);
        } else if (!zero) {
            memcpy(im->pages[page] + at, data, n);
        }
        data = data == NULL ? NULL : data + n;
        offset += n;
        len -= n;
    }
}

/* Zeros where nothing is; does not look at the size. */
void sim_image_read(const struct sim_image *im, uint8_t *data, size_t len,
                    uint64_t offset)
{
    while (len > 0) {
        size_t page = (size_t)(offset / SIM_PAGE);
        size_t at = (size_t)(offset % SIM_PAGE);
        size_t n = SIM_PAGE - at < len ? SIM_PAGE - at : len;
        if (page < im->n_pages && im->pages[page] != NULL) {
            memcpy(data, im->pages[page] + at, n);
        } else {
            memset(data, 0, n);
        }
        data += n;
        offset += n;
        len -= n;
    }
}

/* What lies beyond the new size is zero if it grows again. */
void sim_image_resize(struct sim *s, struct sim_image *im, uint64_t size)
{
    size_t at = (size_t)(size % SIM_PAGE);
    size_t page = (size_t)(size / SIM_PAGE);

    im->size = size;
    if (at != 0 && page < im->n_pages && im->pages[page] != NULL) {
        memset(im->pages[page] + at, 0, SIM_PAGE - at);
    }
    for (page += at != 0; page < im->n_pages; page++) {
        sim_release(s, im->pages[page]);
        im->pages[page] = NULL;
    }
}

void sim_image_free(struct sim *s, struct sim_image *im)
{
    sim_image_resize(s, im, 0);
    sim_release(s, im->pages);
    *im = (struct sim_image){0};
}

void sim_image_copy(struct sim *s, const struct sim_image *from,
                    struct sim_image *to)
{
    sim_image_free(s, to);
    for (size_t i = 0; i < from->n_pages; i++) {
        if (from->pages[i] != NULL) {
            sim_image_write(s, to, from->pages[i], SIM_PAGE, i * SIM_PAGE);
        }
    }
    to->size = from->size;
}
