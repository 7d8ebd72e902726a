// The kernel's asynchronous file I/O (io_setup(2), io_submit(2), io_getevents(2)), for which the C library has no functions.
#ifndef GKICK_ASYNC_IO_H
#define GKICK_ASYNC_IO_H

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/// For writing past the page cache. The flag's own name is there only where more than POSIX is asked for.
static inline int async_io_open_direct(const char *path) { return open(path, O_RDWR | O_CLOEXEC | __O_DIRECT); }

/// A descriptor that can be read once something was done: an eventfd(2). Below zero: none, see errno.
static inline int async_io_notice(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

static inline int async_io_setup(unsigned int most, aio_context_t *context) {
  *context = 0;
  return (int)syscall(SYS_io_setup, most, context);
}

/// Waits for what is under way.
static inline void async_io_destroy(aio_context_t context) { syscall(SYS_io_destroy, context); }

/// Begins to write bytes and to sync them; nothing of it is waited for, not even a place in the disk's queue.
/// `notified` is what `async_io_notice` made, told at the end. 0: begun; -1: not, see errno.
///
/// The kernel is asked for three requests, of which it takes only the first: in the others a field is set that must not be. With more than two
/// (AIO_PLUG_THRESHOLD in its fs/aio.c) it gives the disk nothing before it has gone through all of them. Else a write that a fast disk has done
/// before io_submit returns would be synced there, by the caller, who would wait for it.
static inline int async_io_write_synced(
    aio_context_t context, int descriptor, const void *bytes, size_t count, int64_t place, int notified) {
  struct iocb request;
  struct iocb none = {.aio_reserved2 = 1};
  struct iocb *requests[3] = {&request, &none, &none};
  memset(&request, 0, sizeof request);
  request.aio_lio_opcode = IOCB_CMD_PWRITE;
  request.aio_fildes = (uint32_t)descriptor;
  request.aio_buf = (uint64_t)(uintptr_t)bytes;
  request.aio_nbytes = count;
  request.aio_offset = place;
  request.aio_rw_flags = RWF_DSYNC | RWF_NOWAIT;
  if (notified >= 0) {
    request.aio_flags = IOCB_FLAG_RESFD;
    request.aio_resfd = (uint32_t)notified;
  }
  return syscall(SYS_io_submit, context, 3, requests) == 1 ? 0 : -1;
}

/// What became of the request that is under way: the number of bytes written, or an errno below zero.
/// 1: `outcome` says it; 0: it is under way; -1: see errno.
static inline int async_io_outcome(aio_context_t context, int waits, int64_t *outcome) {
  struct io_event event;
  struct timespec none = {0, 0};
  long count;
  do {
    count = syscall(SYS_io_getevents, context, waits ? 1L : 0L, 1L, &event, waits ? NULL : &none);
  } while (count < 0 && errno == EINTR);
  if (count == 1) *outcome = event.res;
  return (int)count;
}

#endif
