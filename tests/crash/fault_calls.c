#include "fault_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

const char *const fault_kind_names[FAULT_KIND_COUNT] = {
    [FAULT_EIO] = "EIO", [FAULT_ENOSPC] = "ENOSPC", [FAULT_SHORT] = "short write"};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all that follows */
static bool is_armed;
static enum fault_kind armed_kind;
static size_t armed_n;
static struct fault_report report;

void fault_arm(enum fault_kind kind, size_t n)
{
    pthread_mutex_lock(&lock);
    is_armed = true;
    armed_kind = kind;
    armed_n = n;
    report = (struct fault_report){.call_count = 0};
    pthread_mutex_unlock(&lock);
}

struct fault_report fault_look(void)
{
    pthread_mutex_lock(&lock);
    const struct fault_report copy = report;
    pthread_mutex_unlock(&lock);
    return copy;
}

struct fault_report fault_disarm(void)
{
    pthread_mutex_lock(&lock);
    is_armed = false;
    const struct fault_report copy = report;
    pthread_mutex_unlock(&lock);
    return copy;
}

static bool fd_is_counted(int fd)
{
    struct stat file;
    return fd > STDERR_FILENO && fstat(fd, &file) == 0 &&
           (S_ISREG(file.st_mode) || S_ISDIR(file.st_mode) || S_ISFIFO(file.st_mode));
}

static bool fd_is_pipe(int fd)
{
    struct stat file;
    return fstat(fd, &file) == 0 && S_ISFIFO(file.st_mode);
}

/* Counts a call; true where it is the one that fails. */
static bool call_fails(const char *name, int fd, bool is_sync)
{
    bool fails = false;
    pthread_mutex_lock(&lock);
    if (is_armed && fd_is_counted(fd) && (!is_sync || armed_kind != FAULT_SHORT)) {
        report.call_count++;
        fails = report.call_count == armed_n;
        if (fails) {
            report.is_hit = true;
            report.call_name = name;
            report.is_sync = is_sync || (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
            report.is_pipe = fd_is_pipe(fd);
        }
    }
    pthread_mutex_unlock(&lock);
    return fails;
}

static ssize_t fail(void)
{
    errno = armed_kind == FAULT_ENOSPC ? ENOSPC : EIO;
    return -1;
}

/* How much of it is written by a call that fails; SIZE_MAX: nothing, it returns -1. */
static size_t share_of(size_t size)
{
    return armed_kind == FAULT_SHORT ? size / 2 : SIZE_MAX;
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (call_fails("write", fd, false)) {
        size = share_of(size);
        if (size == SIZE_MAX) {
            return fail();
        }
    }
    return syscall(SYS_write, fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    if (call_fails("pwrite", fd, false)) {
        size = share_of(size);
        if (size == SIZE_MAX) {
            return fail();
        }
    }
    return syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int part_count)
{
    if (call_fails("writev", fd, false)) {
        if (armed_kind != FAULT_SHORT) {
            return fail();
        }
        /* The first part alone, or half of the only one. */
        const size_t size = part_count > 1 ? parts[0].iov_len : parts[0].iov_len / 2;
        return syscall(SYS_write, fd, parts[0].iov_base, size);
    }
    return syscall(SYS_writev, fd, parts, part_count);
}

int fdatasync(int fd)
{
    return call_fails("fdatasync", fd, true) ? (int)fail() : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return call_fails("fsync", fd, true) ? (int)fail() : (int)syscall(SYS_fsync, fd);
}

int ftruncate(int fd, off_t size)
{
    return call_fails("ftruncate", fd, true) ? (int)fail() : (int)syscall(SYS_ftruncate, fd, size);
}

/* LMDB syncs its map only where it writes through it, which the store never does: a call shows in
 * the sweep as one that succeeded. */
int msync(void *address, size_t size, int flags)
{
    return (int)syscall(SYS_msync, address, size, flags);
}
