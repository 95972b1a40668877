/* How much a publisher sends in one turn of its loop. The kernel's part is the test's: it takes
 * nothing, and later everything. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/sp_publisher.h"
#include "ds/sp_stream.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_MAX 64
#define LARGE_BYTES 65536
#define HEAD_BYTES 8
/* A quarter of what waits; a turn has two slices where it begins with what had been left. */
#define PER_TURN_BYTES_MAX (1024 * 1024)

enum kernel {
    KERNEL_AS_IT_IS,
    KERNEL_TAKES_NOTHING,
    KERNEL_TAKES_EVERYTHING,
};

static _Atomic(enum kernel) kernel;
static atomic_size_t taken_bytes;
static atomic_size_t most_bytes; /* that one turn of a thread has sent */
static _Thread_local size_t turn_bytes;

int epoll_wait(int epoll, struct epoll_event *events, int events_max, int timeout_ms)
{
    static int (*real)(int, struct epoll_event *, int, int);
    real = (__typeof__(real))(uintptr_t)dlsym(RTLD_NEXT, "epoll_wait");
    turn_bytes = 0;
    return real(epoll, events, events_max, timeout_ms);
}

static ssize_t take_all(const struct msghdr *message)
{
    size_t size = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        size += message->msg_iov[i].iov_len;
    }
    turn_bytes += size;
    if (turn_bytes > atomic_load(&most_bytes)) {
        atomic_store(&most_bytes, turn_bytes);
    }
    atomic_fetch_add(&taken_bytes, size);
    return (ssize_t)size;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    static ssize_t (*real)(int, const struct msghdr *, int);
    real = (__typeof__(real))(uintptr_t)dlsym(RTLD_NEXT, "sendmsg");
    switch (atomic_load(&kernel)) {
    case KERNEL_TAKES_NOTHING:
        errno = EAGAIN;
        return -1;
    case KERNEL_TAKES_EVERYTHING:
        return take_all(message);
    default:
        return real(fd, message, flags);
    }
}

static int connect_to(const char *url)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void subscribe(struct ds_sp_publisher *publisher, int fd)
{
    uint8_t greeting[DS_SP_GREETING_BYTES];
    char bytes[64];
    ds_sp_greeting_write(DS_SP_SUB, greeting);
    assert_int_equal(send(fd, greeting, sizeof greeting, MSG_NOSIGNAL), sizeof greeting);
    assert_int_equal(recv(fd, greeting, sizeof greeting, MSG_WAITALL), sizeof greeting);
    do { /* What is published before it has greeted is not for it. */
        ds_sp_publisher_send(publisher, ds_bytes_of_text("hello"));
        usleep(1000);
    } while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) <= 0);
}

static void a_large_queue_is_sent_in_turns(void **state)
{
    (void)state;
    const char *url;
    uint8_t *body = calloc(1, LARGE_BYTES);
    assert_non_null(body);
    struct ds_sp_publisher *publisher = ds_sp_publisher_create(QUEUE_MAX);
    assert_int_equal(ds_sp_publisher_listen(publisher, "tcp://127.0.0.1:0", &url), DS_OK);
    const int fd = connect_to(url);
    subscribe(publisher, fd);
    atomic_store(&kernel, KERNEL_TAKES_NOTHING);
    for (int i = 0; i < QUEUE_MAX; i++) {
        ds_sp_publisher_send(publisher, ds_bytes_of(body, LARGE_BYTES));
    }
    atomic_store(&kernel, KERNEL_TAKES_EVERYTHING);
    while (atomic_load(&taken_bytes) < (size_t)QUEUE_MAX * (HEAD_BYTES + LARGE_BYTES)) {
        usleep(1000);
    }
    assert_true(atomic_load(&most_bytes) < PER_TURN_BYTES_MAX);
    atomic_store(&kernel, KERNEL_AS_IT_IS);
    ds_sp_publisher_close(publisher);
    close(fd);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_queue_is_sent_in_turns),
    };
    return cmocka_run_group_tests_name("sp publisher, turns", tests, NULL, NULL);
}
