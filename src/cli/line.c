#include "cli/line.h"

#include <string.h>

static int parse_header(struct slice item, struct line *l, struct err *err)
{
    const uint8_t *equals =
        item.len > 0 ? memchr(item.data, '=', item.len) : NULL;
    if (equals == NULL || equals == item.data) {
        return err_set(err, ERR_INVALID, "header \"%.*s\": expected name=value",
                       (int)(item.len < 64 ? item.len : 64),
                       (const char *)item.data);
    }
    if (l->n_headers == LINE_HEADERS_MAX) {
        return err_set(err, ERR_FULL, "more than %d headers", LINE_HEADERS_MAX);
    }
    size_t name_len = (size_t)(equals - item.data);
    l->headers[l->n_headers++] = (struct record_header){
        .key = slice_of(item.data, name_len),
        .value = slice_of(equals + 1, item.len - name_len - 1)};
    return 0;
}

static int parse_headers(struct slice list, struct line *l, struct err *err)
{
    int rv = 0;
    while (rv == 0 && list.len > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.len);
        size_t len = comma != NULL ? (size_t)(comma - list.data) : list.len;
        size_t step = comma != NULL ? len + 1 : len;
        rv = parse_header(slice_of(list.data, len), l, err);
        list = slice_of(list.data + step, list.len - step);
    }
    return rv;
}

int line_parse(const struct line_format *f, struct slice text,
               struct line *ret_l, struct err *err)
{
    struct line l = {.key_null = true};
    if (f->headers) {
        const uint8_t *tab =
            text.len > 0 ? memchr(text.data, '\t', text.len) : NULL;
        if (tab == NULL) {
            return err_set(err, ERR_INVALID, "no tab behind the headers");
        }
        size_t len = (size_t)(tab - text.data);
        int rv = parse_headers(slice_of(text.data, len), &l, err);
        if (rv != 0) {
            return rv;
        }
        text = slice_of(tab + 1, text.len - len - 1);
    }
    if (f->separator_len > 0) {
        const uint8_t *at =
            text.len > 0
                ? memmem(text.data, text.len, f->separator, f->separator_len)
                : NULL;
        if (at == NULL) {
            return err_set(err, ERR_INVALID,
                           "no separator between key and value");
        }
        l.key = slice_of(text.data, (size_t)(at - text.data));
        l.key_null = false;
        text = slice_of(at + f->separator_len,
                        text.len - l.key.len - f->separator_len);
    }
    l.value = text;
    l.value_null = text.len == 0 && f->null_values;
    *ret_l = l;
    return 0;
}
