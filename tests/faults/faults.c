/* Preloaded into kumolog: lets file operations below a directory fail at random.
 *
 * KUMOLOG_FAULTS names a file of two 32-bit numbers: how many of a million operations fail, which
 * may be changed at any time, and how many have failed. KUMOLOG_FAULTS_BELOW is the directory. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static volatile uint32_t *control;
static const char *below;
static unsigned seed;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("KUMOLOG_FAULTS");
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int descriptor = path ? real(path, O_RDWR | O_CLOEXEC) : -1;
    if (descriptor >= 0) {
        void *memory = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        control = memory == MAP_FAILED ? NULL : memory;
        close(descriptor);
    }
    below = getenv("KUMOLOG_FAULTS_BELOW");
    seed = (unsigned)getpid() * 2654435761u ^ (unsigned)time(NULL);
}

static const int any[] = {ENOSPC, EIO, EACCES, EDQUOT, EROFS};
static const int syncing[] = {EIO, ENOSPC, EDQUOT};

static int fails(const char *path, const int *errors, unsigned count) {
    if (!control || !below || strncmp(path, below, strlen(below)) != 0) return 0;
    if ((uint32_t)(rand_r(&seed) % 1000000) >= control[0]) return 0;
    __sync_fetch_and_add(&control[1], 1);
    errno = errors[rand_r(&seed) % count];
    return 1;
}

static int descriptor_fails(int descriptor, const int *errors, unsigned count) {
    char link[64], path[PATH_MAX];
    if (!control || !control[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(path, errors, count);
}

#define FAILS(path) fails(path, any, sizeof any / sizeof *any)
#define DESCRIPTOR_FAILS(fd) descriptor_fails(fd, any, sizeof any / sizeof *any)
#define SYNC_FAILS(fd) descriptor_fails(fd, syncing, sizeof syncing / sizeof *syncing)
#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

static int mode_of(int flags, va_list rest) { return flags & O_CREAT ? va_arg(rest, int) : 0; }

#define OPEN(name)                                                                    \
    int name(const char *path, int flags, ...) {                                      \
        va_list rest;                                                                 \
        va_start(rest, flags);                                                        \
        int mode = mode_of(flags, rest);                                              \
        va_end(rest);                                                                 \
        if (FAILS(path)) return -1;                                                   \
        return REAL(int, #name, const char *, int, ...)(path, flags, mode);           \
    }
OPEN(open)
OPEN(open64)

/* Half of the writes that fail take a part first, as a disk does that is nearly full. */
#define WRITE(name, declared, passed, ...)                                            \
    ssize_t name declared {                                                           \
        if (DESCRIPTOR_FAILS(fd)) {                                                   \
            if (size < 2 || rand_r(&seed) % 2) return -1;                             \
            size = 1 + rand_r(&seed) % (size - 1);                                    \
        }                                                                             \
        return REAL(ssize_t, #name, __VA_ARGS__) passed;                              \
    }
WRITE(write, (int fd, const void *data, size_t size), (fd, data, size), int, const void *, size_t)
WRITE(pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), int,
      const void *, size_t, off_t)
WRITE(pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at), int,
      const void *, size_t, off64_t)

int fsync(int fd) { return SYNC_FAILS(fd) ? -1 : REAL(int, "fsync", int)(fd); }
int fdatasync(int fd) { return SYNC_FAILS(fd) ? -1 : REAL(int, "fdatasync", int)(fd); }
int fchmod(int fd, mode_t mode) {
    return DESCRIPTOR_FAILS(fd) ? -1 : REAL(int, "fchmod", int, mode_t)(fd, mode);
}
int rename(const char *from, const char *to) {
    return FAILS(from) ? -1 : REAL(int, "rename", const char *, const char *)(from, to);
}
int mkdir(const char *path, mode_t mode) {
    return FAILS(path) ? -1 : REAL(int, "mkdir", const char *, mode_t)(path, mode);
}
int unlink(const char *path) {
    return FAILS(path) ? -1 : REAL(int, "unlink", const char *)(path);
}
