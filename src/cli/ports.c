#include "cli/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT_LOW       10000
#define EPHEMERAL_LOW  32768 /* where the kernel does not say */
#define EPHEMERAL_FILE "/proc/sys/net/ipv4/ip_local_port_range"

bool ports_free(const struct ports *p, unsigned port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    for (unsigned i = 0; i < p->n_taken; i++) {
        if (p->taken[i] == port) {
            return false;
        }
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    /* As the daemon does; connections that linger do not count. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool ok = bind(fd, (const struct sockaddr *)&a, sizeof a) == 0 &&
              listen(fd, 1) == 0;
    close(fd);
    return ok;
}

void ports_take(struct ports *p, unsigned port)
{
    if (p->n_taken < sizeof p->taken / sizeof p->taken[0]) {
        p->taken[p->n_taken++] = (uint16_t)port;
    }
}

static unsigned ephemeral_low(void)
{
    unsigned low = EPHEMERAL_LOW;
    FILE *f = fopen(EPHEMERAL_FILE, "re");
    if (f != NULL) {
        if (fscanf(f, "%u", &low) != 1 || low <= PORT_LOW + 1000) {
            low = EPHEMERAL_LOW;
        }
        fclose(f);
    }
    return low < EPHEMERAL_LOW ? low : EPHEMERAL_LOW;
}

unsigned ports_choose(struct ports *p)
{
    unsigned n = ephemeral_low() - PORT_LOW;
    if (p->next == 0) {
        /* Not where another one, started at this moment, looks first. */
        p->next = (unsigned)getpid() * 37u + 1;
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned port = PORT_LOW + p->next++ % n;
        if (ports_free(p, port)) {
            ports_take(p, port);
            return port;
        }
    }
    return 0;
}
