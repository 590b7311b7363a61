/* properties.c - reading and writing .properties text. */
#include "config/properties.h"

#include <string.h>

#define END (-1)

void properties_init(struct properties *p, const char *text, size_t len)
{
    *p = (struct properties){.text = text, .len = len, .line = 1};
    /* A byte order mark is not part of the first key. */
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        p->pos = 3;
    }
}

static int peek(const struct properties *p)
{
    return p->pos < p->len ? (unsigned char)p->text[p->pos] : END;
}

static bool is_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static bool is_end(int c)
{
    return c == '\n' || c == '\r' || c == END;
}

static void take_blanks(struct properties *p)
{
    while (is_blank(peek(p))) {
        p->pos++;
    }
}

/* Take one line end: \n, \r or \r\n. */
static void take_newline(struct properties *p)
{
    if (peek(p) == '\r') {
        p->pos++;
        if (peek(p) == '\n') {
            p->pos++;
        }
    } else {
        p->pos++;
    }
    p->line++;
}

/* Take "\<newline><blanks>" as often as it stands here. */
static void take_continuations(struct properties *p)
{
    while (peek(p) == '\\' && p->pos + 1 < p->len &&
           (p->text[p->pos + 1] == '\n' || p->text[p->pos + 1] == '\r')) {
        p->pos++;
        take_newline(p);
        take_blanks(p);
    }
}

/* The character here, continuations taken. */
static int look(struct properties *p)
{
    take_continuations(p);
    return peek(p);
}

/* Skip blank lines and comments. False at the end of the text. */
static bool take_gap(struct properties *p)
{
    for (;;) {
        take_blanks(p);
        if (peek(p) == END) {
            return false;
        }
        if (peek(p) == '#' || peek(p) == '!') {
            while (!is_end(peek(p))) {
                p->pos++;
            }
        } else if (!is_end(peek(p))) {
            return true;
        }
        if (peek(p) != END) {
            take_newline(p);
        }
    }
}

static void put_utf8(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_put_u8(out, (uint8_t)c);
    } else if (c < 0x800) {
        buf_put_u8(out, (uint8_t)(0xc0 | c >> 6));
        buf_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buf_put_u8(out, (uint8_t)(0xe0 | c >> 12));
        buf_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        buf_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        buf_put_u8(out, (uint8_t)(0xf0 | c >> 18));
        buf_put_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        buf_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        buf_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Take four hexadecimal digits. */
static bool take_hex(struct properties *p, uint32_t *ret_c)
{
    uint32_t c = 0;

    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(peek(p));
        if (digit < 0) {
            return false;
        }
        c = c << 4 | (uint32_t)digit;
        p->pos++;
    }
    *ret_c = c;
    return true;
}

/* Take what follows "\u": one code unit, or a pair of surrogates. */
static int take_unicode(struct properties *p, struct buf *out, struct err *err)
{
    uint32_t c;
    uint32_t low;

    if (!take_hex(p, &c) || c == 0) {
        return err_set(err, ERR_INVALID, "\\u needs four hexadecimal digits");
    }
    if (c >= 0xd800 && c < 0xe000) {
        if (c >= 0xdc00 || p->len - p->pos < 6 || p->text[p->pos] != '\\' ||
            p->text[p->pos + 1] != 'u') {
            return err_set(err, ERR_INVALID, "\\u: half a surrogate pair");
        }
        p->pos += 2;
        if (!take_hex(p, &low) || low < 0xdc00 || low >= 0xe000) {
            return err_set(err, ERR_INVALID, "\\u: half a surrogate pair");
        }
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8(out, c);
    return 0;
}

/* Take one escape; the backslash stands here. */
static int take_escape(struct properties *p, struct buf *out, struct err *err)
{
    static const char from[] = "tnrf";
    static const char to[] = "\t\n\r\f";
    const char *at;
    int c;

    p->pos++;
    c = peek(p);
    if (c == END) {
        return 0;
    }
    p->pos++;
    if (c == 'u') {
        return take_unicode(p, out, err);
    }
    at = c == '\0' ? NULL : strchr(from, c);
    buf_put_u8(out, (uint8_t)(at == NULL ? c : to[at - from]));
    return 0;
}

/* Take text into `out` up to the line's end, for a key also up to an
 * unescaped separator. */
static int take_text(struct properties *p, bool key, struct buf *out,
                     struct err *err)
{
    for (;;) {
        int c = look(p);
        int rc = 0;
        if (is_end(c) || (key && (c == '=' || c == ':' || is_blank(c)))) {
            return 0;
        }
        if (c == '\\') {
            rc = take_escape(p, out, err);
        } else {
            buf_put_u8(out, (uint8_t)c);
            p->pos++;
        }
        if (rc != 0) {
            return rc;
        }
    }
}

static void take_separator(struct properties *p)
{
    while (is_blank(look(p))) {
        p->pos++;
    }
    if (look(p) == '=' || look(p) == ':') {
        p->pos++;
    }
    while (is_blank(look(p))) {
        p->pos++;
    }
}

/* Bytes of the well-formed UTF-8 character at `s`, or 0. */
static size_t utf8_len(const uint8_t *s, size_t len)
{
    size_t n = s[0] < 0x80             ? 1
               : (s[0] & 0xe0) == 0xc0 ? 2
               : (s[0] & 0xf0) == 0xe0 ? 3
               : (s[0] & 0xf8) == 0xf0 ? 4
                                       : 0;

    if (n == 0 || n > len || s[0] == 0xc0 || s[0] == 0xc1 || s[0] > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return n;
}

static bool is_utf8(struct slice s)
{
    size_t n;

    for (size_t i = 0; i < s.len; i += n) {
        n = utf8_len(s.data + i, s.len - i);
        if (n == 0) {
            return false;
        }
    }
    return true;
}

bool properties_valid(const char *text)
{
    return is_utf8(slice_str(text));
}

/* Check what was taken and terminate it. */
static int text_finish(struct buf *b, const char *what, struct err *err)
{
    if (b->status == 0 && b->len > 0 &&
        (memchr(b->data, '\0', b->len) != NULL || !is_utf8(buf_slice(b)))) {
        return err_set(err, ERR_INVALID, "the %s is not UTF-8 text", what);
    }
    buf_put_u8(b, 0);
    if (b->status == ERR_TOOBIG) {
        return err_set(err, ERR_INVALID, "the %s is longer than %zu bytes",
                       what, b->len_max - 1);
    }
    if (b->status != 0) {
        return err_set(err, b->status, "out of memory");
    }
    b->len--;
    return 0;
}

static void cut_blanks(struct buf *b)
{
    while (b->status == 0 && b->len > 0 && is_blank(b->data[b->len - 1])) {
        b->len--;
    }
}

int properties_next(struct properties *p, struct buf *key, struct buf *value,
                    unsigned *ret_line, struct err *err)
{
    int rc;

    buf_reset(key);
    buf_reset(value);
    *ret_line = p->line;
    if (!take_gap(p)) {
        return 0;
    }
    *ret_line = p->line;
    rc = take_text(p, true, key, err);
    if (rc == 0) {
        take_separator(p);
        rc = take_text(p, false, value, err);
    }
    if (rc != 0) {
        return rc;
    }
    cut_blanks(value);
    rc = text_finish(key, "key", err);
    if (rc == 0) {
        rc = text_finish(value, "value", err);
    }
    if (rc == 0 && key->len == 0) {
        rc = err_set(err, ERR_INVALID, "the key is empty");
    }
    return rc == 0 ? 1 : rc;
}

void properties_escape(const char *text, struct buf *out)
{
    static const char from[] = "\t\n\r\f\\";
    static const char to[] = "tnrf\\";
    const char *first = text;

    for (; *text != '\0'; text++) {
        const char *at = strchr(from, *text);
        if (at != NULL) {
            buf_put_u8(out, '\\');
            buf_put_u8(out, (uint8_t)to[at - from]);
        } else {
            if (*text == ' ' && text == first) {
                buf_put_u8(out, '\\');
            }
            buf_put_u8(out, (uint8_t)*text);
        }
    }
}
