#include "fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/command.h"
#include "wire/header.h"

#define FRAME_MAX (1u << 20)
#define OUT_MAX   (1u << 20)

struct fake fake;
char fake_said[OUT_MAX];

/* ---- its connections ----------------------------------------------------- */

static bool read_whole(int fd, uint8_t *p, size_t len)
{
    return len == 0 || recv(fd, p, len, MSG_WAITALL) == (ssize_t)len;
}

static bool serve_one(int fd)
{
    uint8_t prefix[4];
    struct cursor c;
    struct wire_request_header h;
    const struct wire_message *in;
    if (!read_whole(fd, prefix, sizeof prefix)) {
        return false;
    }
    cursor_init(&c, slice_of(prefix, sizeof prefix));
    uint32_t len = cursor_u32(&c);
    uint8_t *frame = len <= FRAME_MAX ? arena_alloc(&fake.arena, len) : NULL;
    if (frame == NULL || !read_whole(fd, frame, len)) {
        return false;
    }
    cursor_init(&c, slice_of(frame, len));
    if (wire_request_header_decode(&c, &h, &in) != 0) {
        return false;
    }
    const struct wire_message *out = wire_find(h.api_key, false);
    void *q = arena_calloc(&fake.arena, 1, in->body.size);
    void *r = arena_calloc(&fake.arena, 1, out->body.size);
    wire_init(out, r);
    buf_reset(&fake.out);
    if (h.api_key == fake.deaf ||
        wire_decode(in, h.api_version, &c, &fake.arena, q) != 0 ||
        !fake.answer(h.api_key, q, r) ||
        wire_frame_response(out, h.api_version, h.correlation_id, r,
                            &fake.out) != 0) {
        return false;
    }
    if (h.api_key == fake.cut) {
        fake.out.len = 8;
        be32_store(fake.out.data, 4);
    }
    return send(fd, fake.out.data, fake.out.len, MSG_NOSIGNAL) ==
           (ssize_t)fake.out.len;
}

static void *serve(void *arg)
{
    struct pollfd p[FAKE_CONNECTIONS_MAX + 2];
    (void)arg;
    for (;;) {
        p[0] = (struct pollfd){.fd = fake.stop[0], .events = POLLIN};
        p[1] = (struct pollfd){.fd = fake.fd, .events = POLLIN};
        for (unsigned i = 0; i < fake.n_fds; i++) {
            p[i + 2] = (struct pollfd){.fd = fake.fds[i], .events = POLLIN};
        }
        unsigned n = fake.n_fds;
        if (poll(p, n + 2, -1) < 0 || p[0].revents != 0) {
            return NULL;
        }
        for (unsigned i = n; i > 0; i--) {
            arena_reset(&fake.arena);
            if (p[i + 1].revents != 0 && !serve_one(p[i + 1].fd)) {
                close(p[i + 1].fd);
                fake.fds[i - 1] = fake.fds[--fake.n_fds];
            }
        }
        if (p[1].revents != 0 && fake.n_fds < FAKE_CONNECTIONS_MAX) {
            fake.fds[fake.n_fds++] = accept(fake.fd, NULL, NULL);
        }
    }
}

void fake_open(fake_answer_cb answer)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    fake = (struct fake){
        .mem = mem_new(0), .answer = answer, .deaf = -1, .cut = -1};
    arena_init(&fake.arena, fake.mem, 0);
    buf_init(&fake.out, fake.mem, 0);
    fake.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fake.fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fake.fd, 8), 0);
    assert_int_equal(getsockname(fake.fd, (struct sockaddr *)&a, &len), 0);
    fake.port = ntohs(a.sin_port);
    assert_int_equal(pipe2(fake.stop, O_CLOEXEC), 0);
}

void fake_close(void)
{
    for (unsigned i = 0; i < fake.n_fds; i++) {
        close(fake.fds[i]);
    }
    close(fake.fd);
    close(fake.stop[0]);
    close(fake.stop[1]);
    buf_close(&fake.out);
    arena_close(&fake.arena);
    assert_int_equal(mem_bytes(fake.mem), 0);
    mem_free_all(fake.mem);
}

/* ---- the tool ------------------------------------------------------------ */

int fake_run(const char *const args[])
{
    char *argv[24] = {(char[]){"ostraka"}};
    char bootstrap[40], byte;
    int argc = 1;
    FILE *to = tmpfile();
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    assert_non_null(to);
    snprintf(bootstrap, sizeof bootstrap, "127.0.0.1:%u", fake.port);
    for (; *args != NULL; args++) {
        assert_true(argc < 20);
        argv[argc++] = (char *)(uintptr_t)*args;
    }
    argv[argc++] = (char[]){"--bootstrap"};
    argv[argc++] = bootstrap;
    assert_int_equal(pthread_create(&fake.thread, NULL, serve, NULL), 0);
    fflush(stdout);
    dup2(fileno(to), STDOUT_FILENO);
    dup2(fileno(to), STDERR_FILENO);
    int code = command_main(argc, argv);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    (void)!write(fake.stop[1], "", 1);
    pthread_join(fake.thread, NULL);
    (void)!read(fake.stop[0], &byte, 1);
    rewind(to);
    fake_said[fread(fake_said, 1, OUT_MAX - 1, to)] = '\0';
    fclose(to);
    return code;
}

void fake_says(const char *words)
{
    if (strstr(fake_said, words) == NULL) {
        fail_msg("nothing like \"%s\" in: %s", words, fake_said);
    }
}
