#include "raw.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "memory.h"
#include "wire/header.h"

#define RESPONSE_MAX (256u << 20)
#define CONNECT_S    5
#define ANSWER_S     15

void raw_init(struct raw *r)
{
    *r = (struct raw){.fd = -1, .mem = mem_new(0)};
    if (r->mem == NULL) {
        die("out of memory");
    }
    buf_init(&r->buf, r->mem, 0);
    arena_init(&r->arena, r->mem, 0);
}

static void hang_up(struct raw *r)
{
    if (r->fd >= 0) {
        close(r->fd);
        r->fd = -1;
    }
}

void raw_close(struct raw *r)
{
    hang_up(r);
    arena_close(&r->arena);
    buf_close(&r->buf);
    mem_free_all(r->mem);
}

static void timeouts(int fd, int seconds)
{
    struct timeval t = {.tv_sec = seconds};
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

bool raw_connect(struct raw *r, const char *host, int port)
{
    hang_up(r);
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    if (getaddrinfo(host, service, &hints, &list) != 0) {
        return false;
    }
    for (struct addrinfo *a = list; a != NULL && r->fd < 0; a = a->ai_next) {
        r->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
        if (r->fd < 0) {
            continue;
        }
        timeouts(r->fd, CONNECT_S);
        if (connect(r->fd, a->ai_addr, a->ai_addrlen) != 0) {
            hang_up(r);
        }
    }
    freeaddrinfo(list);
    if (r->fd >= 0) {
        timeouts(r->fd, ANSWER_S);
    }
    return r->fd >= 0;
}

static bool send_all(int fd, struct slice s)
{
    while (s.len > 0) {
        ssize_t n = send(fd, s.data, s.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        s = slice_of(s.data + n, s.len - (size_t)n);
    }
    return true;
}

static bool recv_all(int fd, uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = recv(fd, p, len, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        p += n;
        len -= (size_t)n;
    }
    return true;
}

/* The response's bytes into `buf`. */
static bool receive(struct raw *r)
{
    uint8_t head[4];
    if (!recv_all(r->fd, head, sizeof head)) {
        return false;
    }
    uint32_t len = be32_load(head);
    buf_reset(&r->buf);
    if (len > RESPONSE_MAX || buf_reserve(&r->buf, len) == NULL ||
        !recv_all(r->fd, r->buf.data, len)) {
        return false;
    }
    r->buf.len = len;
    return true;
}

bool raw_call(struct raw *r, int api_key, int version, const void *request,
              void *response)
{
    const struct wire_message *ask = wire_find(api_key, true);
    const struct wire_message *answer = wire_find(api_key, false);
    struct wire_request_header header = {.api_key = (int16_t)api_key,
                                         .api_version = (int16_t)version,
                                         .correlation_id = ++r->correlation_id,
                                         .client_id = slice_str("check-load")};
    buf_reset(&r->buf);
    if (wire_frame_request(ask, &header, request, &r->buf) != 0) {
        die("%s v%d: cannot be encoded", ask->name, version);
    }
    arena_reset(&r->arena);
    struct cursor c;
    int32_t id = 0;
    if (r->fd >= 0 && send_all(r->fd, buf_slice(&r->buf)) && receive(r)) {
        cursor_init(&c, buf_slice(&r->buf));
        if (wire_response_header_decode(answer, version, &c, &id) == 0 &&
            id == r->correlation_id &&
            wire_decode(answer, version, &c, &r->arena, response) == 0) {
            return true;
        }
        fprintf(stderr, "check-load: %s v%d: the answer is malformed\n",
                ask->name, version);
    }
    hang_up(r);
    return false;
}
