/* sim_image.c - sparse bytes of one image of a file: pages that are all zero
 * take no memory. */
#include <string.h>

#include "env/sim_impl.h"

/* Pages of the first slab and of the last ones. */
#define SLAB_FIRST 16
#define SLAB_LAST  2048

bool sim_all_zero(const uint8_t *p, size_t len)
{
    return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* ---- pages -------------------------------------------------------------- */

static void slab_new(struct sim *s)
{
    struct sim_pages *p = &s->pages;
    struct sim_page *slab;

    p->slab = p->slab == 0          ? SLAB_FIRST
              : p->slab < SLAB_LAST ? p->slab * 2
                                    : p->slab;
    slab = sim_alloc_raw(s, p->slab * sizeof *slab);
    for (size_t i = p->slab; i > 0; i--) {
        slab[i - 1].next = p->free;
        p->free = &slab[i - 1];
    }
}

static struct sim_page *page_new(struct sim *s)
{
    struct sim_page *p;

    if (s->pages.free == NULL) {
        slab_new(s);
    }
    p = s->pages.free;
    s->pages.free = p->next;
    p->refs = 1;
    return p;
}

static struct sim_page *page_ref(struct sim_page *p)
{
    if (p != NULL) {
        p->refs++;
    }
    return p;
}

static void page_unref(struct sim *s, struct sim_page *p)
{
    if (p != NULL && --p->refs == 0) {
        p->next = s->pages.free;
        s->pages.free = p;
    }
}

/* A page of an image's own, for bytes [at, at + len) of it to be written: what
 * is around them is as it was. */
static uint8_t *page_own(struct sim *s, struct sim_page **page, size_t at,
                         size_t len)
{
    struct sim_page *old = *page;

    if (old != NULL && old->refs == 1) {
        return old->data;
    }
    *page = page_new(s);
    if (len < SIM_PAGE && old != NULL) {
        memcpy((*page)->data, old->data, SIM_PAGE);
    } else if (len < SIM_PAGE) {
        memset((*page)->data, 0, at);
        memset((*page)->data + at + len, 0, SIM_PAGE - at - len);
    }
    page_unref(s, old);
    return (*page)->data;
}

/* ---- images ------------------------------------------------------------- */

static void image_pages(struct sim *s, struct sim_image *im, size_t n)
{
    size_t cap = im->n_pages;

    if (n <= cap) {
        return;
    }
    if (n < cap * 2) {
        n = cap * 2;
    }
    im->pages = sim_realloc(s, im->pages, n * sizeof(struct sim_page *));
    memset(im->pages + cap, 0, (n - cap) * sizeof(struct sim_page *));
    im->n_pages = n;
}

static void page_zero(struct sim *s, struct sim_page **page, size_t at,
                      size_t len)
{
    if (len == SIM_PAGE) {
        page_unref(s, *page);
        *page = NULL;
    } else if (*page != NULL) {
        memset(page_own(s, page, at, len) + at, 0, len);
    }
}

/* Does not change the size. `data` NULL: zeros. */
void sim_image_write(struct sim *s, struct sim_image *im, const uint8_t *data,
                     size_t len, uint64_t offset)
{
    while (len > 0) {
        size_t page = (size_t)(offset / SIM_PAGE);
        size_t at = (size_t)(offset % SIM_PAGE);
        size_t n = SIM_PAGE - at < len ? SIM_PAGE - at : len;
        image_pages(s, im, page + 1);
        if (data == NULL || sim_all_zero(data, n)) {
            page_zero(s, &im->pages[page], at, n);
        } else {
            memcpy(page_own(s, &im->pages[page], at, n) + at, data, n);
        }
        data = data == NULL ? NULL : data + n;
        offset += n;
        len -= n;
    }
}

/* Whole pages are shared. */
void sim_image_share(struct sim *s, const struct sim_image *from,
                     struct sim_image *to, size_t len, uint64_t offset)
{
    while (len > 0) {
        size_t page = (size_t)(offset / SIM_PAGE);
        size_t at = (size_t)(offset % SIM_PAGE);
        size_t n = SIM_PAGE - at < len ? SIM_PAGE - at : len;
        struct sim_page *p = page < from->n_pages ? from->pages[page] : NULL;
        if (p != NULL && n < SIM_PAGE) {
            sim_image_write(s, to, p->data + at, n, offset);
        } else {
            image_pages(s, to, page + 1);
            if (p == NULL) {
                page_zero(s, &to->pages[page], at, n);
            } else if (to->pages[page] != p) {
                page_unref(s, to->pages[page]);
                to->pages[page] = page_ref(p);
            }
        }
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
            memcpy(data, im->pages[page]->data + at, n);
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
    if (at != 0 && page < im->n_pages) {
        page_zero(s, &im->pages[page], at, SIM_PAGE - at);
    }
    for (page += at != 0; page < im->n_pages; page++) {
        page_unref(s, im->pages[page]);
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
    image_pages(s, to, from->n_pages);
    for (size_t i = 0; i < from->n_pages; i++) {
        to->pages[i] = page_ref(from->pages[i]);
    }
    to->size = from->size;
}
