#include "ds/tls_internal.h"
#include "ds/tls_session.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int connect_to(const struct addrinfo *address, int timeout_ms)
{
    const struct timeval timeout = {.tv_sec = timeout_ms / 1000,
                                    .tv_usec = timeout_ms % 1000 * 1000};
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int reach(const struct ds_tls_trust *trust, int timeout_ms)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int fd = -1;
    if (getaddrinfo(trust->host, trust->port, &hints, &found) != 0) {
        return -1;
    }
    for (const struct addrinfo *one = found; one != NULL && fd < 0; one = one->ai_next) {
        fd = connect_to(one, timeout_ms);
    }
    freeaddrinfo(found);
    return fd;
}

void ds_tls_probe(const struct ds_tls_trust *trust, int timeout_ms,
                  struct ds_tls_finding *ret_finding)
{
    const int fd = reach(trust, timeout_ms);
    if (fd < 0) {
        *ret_finding = (struct ds_tls_finding){.verdict = DS_TLS_UNREACHED};
        return;
    }
    struct ds_tls_session *session = ds_tls_session_look(trust, fd, timeout_ms);
    /* On this descriptor a wait has blocked for as long as it may. */
    (void)ds_tls_session_shake_hands(session);
    ds_tls_session_judge(session, ret_finding);
    ds_tls_session_destroy(session);
    close(fd);
}
