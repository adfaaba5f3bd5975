/* Preloaded into a child: writes down every change it makes to files below RECORD_DIR, in order, to RECORD_LOG.
   One line each: operation, inode, offset, path, second path, content in hex; fields are parted by tabs.
   After disk_full_from(n) the n-th write or new file from then on, and all later ones, find the disk full. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static FILE *out;
static char root[4096];
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void start(void) {
  const char *log = getenv("RECORD_LOG"), *dir = getenv("RECORD_DIR");
  if (log && dir && strlen(dir) < sizeof root) { strcpy(root, dir); out = fopen(log, "a"); }
}
static int ours(const char *path) { return out && path && strncmp(path, root, strlen(root)) == 0; }
static int path_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, 4095);
  if (n < 0) return 0;
  path[n] = 0;
  return ours(path);
}
static void note(const char *op, ino_t ino, long long at, const char *a, const char *b, const void *data, size_t size) {
  pthread_mutex_lock(&one);
  fprintf(out, "%s\t%llu\t%lld\t%s\t%s\t", op, (unsigned long long)ino, at, a, b);
  for (size_t i = 0; i < size; i++) fprintf(out, "%02x", ((const unsigned char *)data)[i]);
  fputc('\n', out);
  fflush(out);
  pthread_mutex_unlock(&one);
}
static long left = -1;
void disk_full_from(long n) { left = n; }
long writes_left(void) { return left; }
static int full(void) {
  if (left < 0) return 0;
  if (left > 1) { left--; return 0; }
  left = 1;
  errno = ENOSPC;
  return 1;
}
static int full_for(int fd) { char path[4096]; return left >= 0 && path_of(fd, path) && full(); }
static ino_t inode(int fd) { struct stat s; return fstat(fd, &s) ? 0 : s.st_ino; }

static void opened(int fd, const char *path, int flags, int existed) {
  char full[4096];
  if (fd < 0 || !path_of(fd, full)) return;
  if (!existed && (flags & O_CREAT)) note("create", inode(fd), 0, full, "", "", 0);
  else if (flags & O_TRUNC) note("truncate", inode(fd), 0, full, "", "", 0);
}
#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); va_list more; va_start(more, flags); int mode = va_arg(more, int); va_end(more); \
    int existed = access(path, F_OK) == 0; \
    if (left >= 0 && !existed && (flags & O_CREAT) && ours(path) && full()) return -1; \
    int fd = real(path, flags, mode); opened(fd, path, flags, existed); return fd; }
OPEN(open)
OPEN(open64)
#define OPENAT(name) \
  int name(int dir, const char *path, int flags, ...) { \
    REAL(name); va_list more; va_start(more, flags); int mode = va_arg(more, int); va_end(more); \
    int existed = faccessat(dir, path, F_OK, 0) == 0; int fd = real(dir, path, flags, mode); \
    opened(fd, path, flags, existed); return fd; }
OPENAT(openat)
OPENAT(openat64)

static void wrote(int fd, const void *data, ssize_t n, long long at) {
  char full[4096];
  if (n > 0 && path_of(fd, full)) note("write", inode(fd), at, full, "", data, n);
}
ssize_t write(int fd, const void *data, size_t size) {
  REAL(write);
  if (full_for(fd)) return -1;
  ssize_t n = real(fd, data, size);
  if (out && n > 0) wrote(fd, data, n, (long long)lseek(fd, 0, SEEK_CUR) - n);
  return n;
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  REAL(pwrite);
  if (full_for(fd)) return -1;
  ssize_t n = real(fd, data, size, at);
  wrote(fd, data, n, at);
  return n;
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  REAL(pwrite64);
  if (full_for(fd)) return -1;
  ssize_t n = real(fd, data, size, at);
  wrote(fd, data, n, at);
  return n;
}
static void sent(int to, ssize_t n) {
  char full[4096];
  if (n <= 0 || !path_of(to, full)) return;
  int again = open(full, O_RDONLY);
  char *data = malloc(n);
  long long at = (long long)lseek(to, 0, SEEK_CUR) - n;
  if (pread(again, data, n, at) == n) wrote(to, data, n, at);
  free(data);
  close(again);
}
ssize_t sendfile(int to, int from, off_t *at, size_t size) {
  REAL(sendfile);
  if (full_for(to)) return -1;
  ssize_t n = real(to, from, at, size);
  sent(to, n);
  return n;
}
ssize_t sendfile64(int to, int from, off64_t *at, size_t size) {
  REAL(sendfile64);
  if (full_for(to)) return -1;
  ssize_t n = real(to, from, at, size);
  sent(to, n);
  return n;
}
#define ON_FD(name, op, args, call, at) \
  int name args { REAL(name); int r = real call; char full[4096]; \
    if (r == 0 && path_of(fd, full)) note(op, inode(fd), at, full, "", "", 0); return r; }
ON_FD(fsync, "sync", (int fd), (fd), 0)
ON_FD(fdatasync, "sync", (int fd), (fd), 0)
ON_FD(ftruncate, "truncate", (int fd, off_t size), (fd, size), size)
ON_FD(ftruncate64, "truncate", (int fd, off64_t size), (fd, size), size)
#define ON_PATH(name, op, args, call, a, b) \
  int name args { REAL(name); int r = real call; if (r == 0 && ours(a)) note(op, 0, 0, a, b, "", 0); return r; }
ON_PATH(rename, "rename", (const char *a, const char *b), (a, b), a, b)
ON_PATH(link, "link", (const char *a, const char *b), (a, b), a, b)
ON_PATH(unlink, "unlink", (const char *a), (a), a, "")
ON_PATH(mkdir, "mkdir", (const char *a, mode_t mode), (a, mode), a, "")
