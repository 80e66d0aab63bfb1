/* A disk that is watched, and that fails when it is told to. Preloaded (LD_PRELOAD) into a program of the tests.
 *
 * DISK_DIR   what happens to files directly in this directory, and to itself, is watched
 * DISK_LOG   each operation that succeeded is written here, in the order in which they took effect; see `disk/mod.rs`
 * DISK_FAULT "KIND ERRNO FIRST COUNT": of the operations of a kind (write, sync, name, all) COUNT fail, from number FIRST on;
 *            of a write that fails, half is done before, unless it lies within one sector that is there
 * What is printed on standard output is written to the log, too: so it is known what was promised when.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char dir[PATH_MAX];
static ino_t dir_ino;
static char fault_kind[16];
static int fault_errno;
static long fault_first, fault_count, seen;

#define SECTOR 512
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("DISK_LOG"), *watched = getenv("DISK_DIR"), *fault = getenv("DISK_FAULT");
    struct stat about;
    if (!path || !watched || stat(watched, &about))
        return;
    snprintf(dir, sizeof dir, "%s/", watched);
    dir_ino = about.st_ino;
    if (fault)
        sscanf(fault, "%15s %d %ld %ld", fault_kind, &fault_errno, &fault_first, &fault_count);
    log_fd = REAL(open64)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* One operation: a line, and its bytes. */
static void tell(char op, ino_t ino, off_t at, const void *bytes, size_t length)
{
    static char record[1 << 23];
    int head = snprintf(record, 128, "%c %llu %lld %zu\n", op, (unsigned long long)ino, (long long)at, length);
    if (head + length > sizeof record)
        abort();
    memcpy(record + head, bytes, length);
    for (size_t done = 0; done < head + length;) {
        ssize_t count = REAL(write)(log_fd, record + done, head + length - done);
        if (count < 0)
            abort();
        done += count;
    }
}

/* Whether this operation is to fail. */
static int fails(const char *kind)
{
    if (!fault_count || (strcmp(fault_kind, "all") && strcmp(fault_kind, kind)))
        return 0;
    long number = seen++;
    return number >= fault_first && number < fault_first + fault_count;
}

/* The name of a watched file; none of others. */
static const char *watched(const char *path)
{
    size_t length = strlen(dir);
    if (log_fd < 0 || strncmp(path, dir, length) || strchr(path + length, '/') || !path[length])
        return NULL;
    return path + length;
}

/* The inode of a watched file or directory that is open; 0 of others. */
static ino_t inode(int fd)
{
    char link[64], path[PATH_MAX];
    struct stat about;
    if (log_fd < 0 || fd == log_fd || fstat(fd, &about))
        return 0;
    if (S_ISDIR(about.st_mode))
        return about.st_ino == dir_ino ? dir_ino : 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return watched(path) ? about.st_ino : 0;
}

static int open_watched(const char *path, int flags, mode_t mode)
{
    const char *name = watched(path);
    if (!name || (flags & O_ACCMODE) == O_RDONLY)
        return REAL(open64)(path, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat about;
    int is_new = stat(path, &about) != 0;
    int result = -1, error = 0;
    if (fails("name")) {
        error = fault_errno;
    } else {
        result = REAL(open64)(path, flags, mode);
        error = errno;
        if (result >= 0 && !fstat(result, &about)) {
            if (is_new)
                tell('C', about.st_ino, 0, name, strlen(name));
            else if (flags & O_TRUNC)
                tell('S', about.st_ino, 0, "", 0);
        }
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int open64(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return open_watched(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return open_watched(path, flags, mode);
}

static ssize_t put(int fd, const void *bytes, size_t length, off_t at, int positioned)
{
    ino_t ino = inode(fd);
    if (!ino)
        return positioned ? REAL(pwrite64)(fd, bytes, length, at) : REAL(write)(fd, bytes, length);
    pthread_mutex_lock(&lock);
    struct stat about;
    off_t size = fstat(fd, &about) ? 0 : about.st_size;
    if (!positioned)
        at = fcntl(fd, F_GETFL) & O_APPEND ? size : lseek(fd, 0, SEEK_CUR);
    int fail = fails("write"), in_a_sector = at / SECTOR == (at + (off_t)length - 1) / SECTOR && at + (off_t)length <= size;
    if (fail && (length < 2 || in_a_sector)) {
        pthread_mutex_unlock(&lock);
        errno = fault_errno;
        return -1;
    }
    if (fail)
        length /= 2;
    ssize_t count = positioned ? REAL(pwrite64)(fd, bytes, length, at) : REAL(write)(fd, bytes, length);
    int error = errno;
    if (count > 0)
        tell('W', ino, at, bytes, count);
    pthread_mutex_unlock(&lock);
    errno = fail ? fault_errno : error;
    return fail ? -1 : count;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    if (fd != STDOUT_FILENO || log_fd < 0)
        return put(fd, bytes, length, 0, 0);
    pthread_mutex_lock(&lock);
    tell('T', 0, 0, bytes, length);
    pthread_mutex_unlock(&lock);
    return REAL(write)(fd, bytes, length);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at)
{
    return put(fd, bytes, length, at, 1);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
    return put(fd, bytes, length, at, 1);
}

/* What could not be written back is forgotten by the system, which says so once. */
static int put_on_disk(int fd, int (*sync)(int))
{
    ino_t ino = inode(fd);
    if (!ino)
        return sync(fd);
    pthread_mutex_lock(&lock);
    int fail = fails("sync");
    int result = fail ? -1 : sync(fd);
    int error = fail ? fault_errno : errno;
    if (fail || !result)
        tell(fail ? 'L' : 'F', ino, 0, "", 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int fsync(int fd)
{
    return put_on_disk(fd, REAL(fsync));
}

int fdatasync(int fd)
{
    return put_on_disk(fd, REAL(fdatasync));
}

int ftruncate64(int fd, off_t length)
{
    ino_t ino = inode(fd);
    if (!ino)
        return REAL(ftruncate64)(fd, length);
    pthread_mutex_lock(&lock);
    int fail = fails("write");
    int result = fail ? -1 : REAL(ftruncate64)(fd, length);
    int error = fail ? fault_errno : errno;
    if (!result)
        tell('S', ino, length, "", 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int rename(const char *from, const char *to)
{
    const char *old = watched(from), *new = watched(to);
    if (!old || !new)
        return REAL(rename)(from, to);
    pthread_mutex_lock(&lock);
    int fail = fails("name");
    int result = fail ? -1 : REAL(rename)(from, to);
    int error = fail ? fault_errno : errno;
    char names[2 * NAME_MAX + 2];
    int length = snprintf(names, sizeof names, "%s/%s", old, new);
    if (!result)
        tell('R', 0, 0, names, length);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int unlink(const char *path)
{
    const char *name = watched(path);
    if (!name)
        return REAL(unlink)(path);
    pthread_mutex_lock(&lock);
    int fail = fails("name");
    int result = fail ? -1 : REAL(unlink)(path);
    int error = fail ? fault_errno : errno;
    if (!result)
        tell('U', 0, 0, name, strlen(name));
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
