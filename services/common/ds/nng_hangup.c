#include "ds/nng_hangup.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Descriptors are given out from below, and all caps of connections are far beneath. */
#define DESCRIPTORS_MAX 65536
/* In which a peer over ipc that reads has made room, however full its connection was. */
#define STALLED_MS 20

static bool take_address(nng_pipe pipe, const char *option, struct sockaddr_storage *ret_address)
{
    nng_sockaddr found;
    if (nng_pipe_get_addr(pipe, option, &found) != 0) {
        return false;
    }
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    if (found.s_family == NNG_AF_INET) {
        struct sockaddr_in *four = (struct sockaddr_in *)&address;
        four->sin_family = AF_INET;
        four->sin_port = found.s_in.sa_port;
        four->sin_addr.s_addr = found.s_in.sa_addr;
    } else if (found.s_family == NNG_AF_INET6) {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
        six->sin6_family = AF_INET6;
        six->sin6_port = found.s_in6.sa_port;
        six->sin6_scope_id = found.s_in6.sa_scope;
        memcpy(&six->sin6_addr, found.s_in6.sa_addr, sizeof six->sin6_addr);
    } else if (found.s_family == NNG_AF_IPC) {
        struct sockaddr_un *path = (struct sockaddr_un *)&address;
        path->sun_family = AF_UNIX;
        memcpy(path->sun_path, found.s_ipc.sa_path,
               strnlen(found.s_ipc.sa_path, sizeof path->sun_path - 1));
    }
    *ret_address = address;
    return true;
}

bool ds_nng_ends_of(nng_pipe pipe, struct ds_nng_ends *ret_ends)
{
    struct ds_nng_ends ends = {.there.ss_family = AF_UNSPEC};
    if (!take_address(pipe, NNG_OPT_LOCADDR, &ends.here)) {
        return false;
    }
    if (ends.here.ss_family == AF_UNIX
            ? nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_PID, &ends.process) != 0
            : !take_address(pipe, NNG_OPT_REMADDR, &ends.there)) {
        return false;
    }
    *ret_ends = ends;
    return true;
}

/* An IPv4 address is the same one only where both are written as IPv6 or neither: so the kernel and
 * nng tell it of one socket. */
static bool is_same(const struct sockaddr_storage *one, const struct sockaddr_storage *other)
{
    if (one->ss_family != other->ss_family) {
        return false;
    }
    if (one->ss_family == AF_INET) {
        const struct sockaddr_in *left = (const struct sockaddr_in *)one;
        const struct sockaddr_in *right = (const struct sockaddr_in *)other;
        return left->sin_port == right->sin_port && left->sin_addr.s_addr == right->sin_addr.s_addr;
    }
    if (one->ss_family == AF_INET6) {
        const struct sockaddr_in6 *left = (const struct sockaddr_in6 *)one;
        const struct sockaddr_in6 *right = (const struct sockaddr_in6 *)other;
        return left->sin6_port == right->sin6_port && left->sin6_scope_id == right->sin6_scope_id &&
               memcmp(&left->sin6_addr, &right->sin6_addr, sizeof left->sin6_addr) == 0;
    }
    return one->ss_family == AF_UNIX && strcmp(((const struct sockaddr_un *)one)->sun_path,
                                               ((const struct sockaddr_un *)other)->sun_path) == 0;
}

static bool is_of_process(int fd, uint64_t process)
{
    struct ucred peer;
    socklen_t peer_bytes = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_bytes) == 0 &&
           (uint64_t)peer.pid == process;
}

static bool takes_no_bytes(int fd, int patience_ms)
{
    struct pollfd look = {.fd = fd, .events = POLLOUT};
    return poll(&look, 1, patience_ms) == 0;
}

static bool listens(int fd)
{
    int answer = 0;
    socklen_t answer_bytes = sizeof answer;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &answer, &answer_bytes) != 0 || answer != 0;
}

/* Both ends of a connection may be in this process: the one that is meant has its own address
 * `here`. */
static struct ds_nng_ends *find_ends(int fd, int patience_ms, struct ds_nng_ends *ends,
                                     size_t count)
{
    struct sockaddr_storage here = {.ss_family = AF_UNSPEC};
    struct sockaddr_storage there = {.ss_family = AF_UNSPEC};
    socklen_t here_bytes = sizeof here;
    socklen_t there_bytes = sizeof there;
    if (getsockname(fd, (struct sockaddr *)&here, &here_bytes) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (ends[i].is_found || !is_same(&here, &ends[i].here)) {
            continue;
        }
        if (here.ss_family == AF_UNIX) {
            if (!listens(fd) && is_of_process(fd, ends[i].process) &&
                takes_no_bytes(fd, patience_ms)) {
                return &ends[i];
            }
        } else if (getpeername(fd, (struct sockaddr *)&there, &there_bytes) == 0 &&
                   is_same(&there, &ends[i].there)) {
            return &ends[i];
        }
    }
    return NULL;
}

static bool is_socket(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* Whether nothing comes in any more, by silence_tcp(). */
static bool is_silenced(int fd)
{
    socklen_t rule_count = 0;
    return getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &rule_count) == 0 && rule_count > 0;
}

/* The kernel drops all that comes, acknowledgements too. */
static bool silence_tcp(int fd)
{
    struct sock_filter drop_all = {.code = BPF_RET | BPF_K};
    const struct sock_fprog program = {.len = 1, .filter = &drop_all};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

/*
 * nng reports an end to its two directions one after the other, and closes the connection at the
 * first report: the other direction must not be between two parts of a message then. So a
 * connection over tcp is silenced, and cut in the next look, when nng has dealt with all that came
 * before. Over ipc the end of what comes in is enough: nothing goes out there just now.
 */
static void end_step(int fd, sa_family_t family)
{
    if (family == AF_UNIX) {
        shutdown(fd, SHUT_RD);
    } else if (is_silenced(fd) || !silence_tcp(fd)) {
        shutdown(fd, SHUT_RDWR);
        setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, NULL, 0); /* for the end of the connection */
    }
}

/*
 * nng may close the number, and another thread get it anew, at any moment. So the socket is looked
 * at a second time through a descriptor of our own, which nobody else closes. What is no socket by
 * then stays open for good: closing any descriptor of a file lets go of the process's locks on it,
 * such as the store's.
 */
static bool hang_up_on(int fd, struct ds_nng_ends *ends, size_t count)
{
    if (find_ends(fd, 0, ends, count) == NULL) {
        return false;
    }
    const int pin = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (pin < 0 || !is_socket(pin)) {
        return false;
    }
    struct ds_nng_ends *found = find_ends(pin, STALLED_MS, ends, count);
    if (found != NULL) {
        found->is_found = true;
        end_step(pin, found->here.ss_family);
    }
    close(pin);
    return found != NULL;
}

static int descriptor_end(void)
{
    struct rlimit limit;
    const bool is_known = getrlimit(RLIMIT_NOFILE, &limit) == 0;
    return is_known && limit.rlim_cur < DESCRIPTORS_MAX ? (int)limit.rlim_cur : DESCRIPTORS_MAX;
}

size_t ds_nng_hang_up(struct ds_nng_ends *ends, size_t count)
{
    size_t found = 0;
    const int end = descriptor_end();
    for (int fd = 0; fd < end && found < count; fd++) {
        found += hang_up_on(fd, ends, count) ? 1 : 0;
    }
    return found;
}
