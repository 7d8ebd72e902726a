"""A disk that loses its power, or fails, when it is told to: serves one file over /dev/fuse, on which harness/disk.py lays a loop device.

What is written to it is sure only when a sync that came later was answered, as on a disk with a cache. Works off lines on standard input and answers
each with one: `cut SHARE SEED` (no power: from here on all fails; of what was not synced each sector survives with this probability), `fail
writes|syncs`, `slow SECONDS` each, `hang`, `well`. As a program of its own, so that who waits for the disk does not wait for itself.
"""
import ctypes
import errno
import os
import random
import select
import struct
import sys
import time

LOOKUP, FORGET, GETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC = 1, 2, 3, 14, 15, 16, 17, 18, 20
FLUSH, INIT, INTERRUPT, DESTROY, BATCH_FORGET = 25, 26, 36, 38, 42
FOLDER, FILE, SECTOR, LARGEST = 1, 2, 512, 128 << 10


class Disk:
    def __init__(self, folder, size):
        self.now, self.sure, self.unsure = bytearray(size), bytearray(size), []
        self.has_power, self.failing, self.pause, self.hangs = True, None, 0.0, False
        self.descriptor = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.descriptor},rootmode=40000,user_id=0,group_id=0"
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"disk", folder.encode(), b"fuse", 0, options.encode()) != 0:
            sys.exit(f"cannot mount: {os.strerror(ctypes.get_errno())}")
        # What is mounted on the disk is not to be mounted here too: whoever ends last would unmount it, and this process waits for itself then.
        newns, private = 0x20000, 1 << 14 | 1 << 18
        if libc.unshare(newns) != 0 or libc.mount(b"none", b"/", None, private, None) != 0:
            sys.exit(f"cannot go apart: {os.strerror(ctypes.get_errno())}")

    def attributes(self, node):
        mode, size = (0o40700, 0) if node == FOLDER else (0o100600, len(self.now))
        return struct.pack("<6Q10I", node, size, size // SECTOR, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def answer(self, unique, data=b"", error=0):
        data = b"" if error else data
        try:
            os.write(self.descriptor, struct.pack("<IiQ", 16 + len(data), -error, unique) + data)
        except OSError as failure:
            # Whoever asked has gone meanwhile.
            if failure.errno != errno.ENOENT:
                raise

    def serve(self):
        """One request of the kernel's."""
        message = os.read(self.descriptor, LARGEST + 4096)
        _, kind, unique, node = struct.unpack_from("<IIQQ", message)
        body = memoryview(message)[40:]
        if kind == INIT:
            # Large writes, up to 128 KiB.
            self.answer(unique, struct.pack("<4I2H4I7I", 7, 31, LARGEST, 1 | 1 << 5, 16, 12, LARGEST, 1, 0, 0, *[0] * 7))
        elif kind == LOOKUP and bytes(body) == b"disk\0":
            self.answer(unique, struct.pack("<4Q2I", FILE, 0, 3600, 3600, 0, 0) + self.attributes(FILE))
        elif kind == LOOKUP:
            self.answer(unique, error=errno.ENOENT)
        elif kind == GETATTR:
            self.answer(unique, struct.pack("<Q2I", 3600, 0, 0) + self.attributes(node))
        elif kind == OPEN:
            self.answer(unique, bytes(16))
        elif kind == READ:
            _, place, count = struct.unpack_from("<QQI", body)
            self.answer(unique, bytes(self.now[place:place + count]), 0 if self.has_power else errno.EIO)
        elif kind == WRITE:
            _, place, count = struct.unpack_from("<QQI", body)
            self.write(unique, place, bytes(body[40:40 + count]))
        elif kind == FSYNC:
            self.sync(unique)
        elif kind in (RELEASE, FLUSH, DESTROY):
            self.answer(unique)
        elif kind == STATFS:
            self.answer(unique, struct.pack("<5Q10I", 0, 0, 0, 0, 0, 4096, 255, 4096, *[0] * 7))
        elif kind not in (FORGET, BATCH_FORGET, INTERRUPT):
            self.answer(unique, error=errno.ENOSYS)

    def write(self, unique, place, data):
        time.sleep(self.pause)
        if not self.has_power or self.failing == "writes":
            return self.answer(unique, error=errno.EIO)
        self.now[place:place + len(data)] = data
        self.unsure.append((place, data))
        self.answer(unique, struct.pack("<2I", len(data), 0))

    def sync(self, unique):
        time.sleep(self.pause)
        if not self.has_power or self.failing:
            return self.answer(unique, error=errno.EIO)
        for place, data in self.unsure:
            self.sure[place:place + len(data)] = data
        self.unsure = []
        self.answer(unique)

    def cut(self, share, seed):
        chance = random.Random(seed)
        for place, data in self.unsure:
            for start in range(0, len(data), SECTOR):
                if chance.random() < share:
                    self.sure[place + start:place + start + SECTOR] = data[start:start + SECTOR]
        self.has_power, self.unsure = False, []

    def obey(self, line):
        word, *rest = line.split()
        if word == "cut":
            self.cut(float(rest[0]), rest[1])
        elif word == "fail":
            self.failing = rest[0]
        elif word == "slow":
            self.pause = float(rest[0])
        elif word == "hang":
            self.hangs = True
        else:
            if not self.has_power:
                self.now = bytearray(self.sure)
            self.has_power, self.failing, self.pause, self.hangs = True, None, 0.0, False

    def run(self):
        print("ready", flush=True)
        commands = b""
        while True:
            waited = ([] if commands is None else [sys.stdin.fileno()]) + ([] if self.hangs else [self.descriptor])
            ready = select.select(waited, [], [])[0]
            if self.descriptor in ready:
                try:
                    self.serve()
                except OSError as error:
                    # Unmounted.
                    if error.errno == errno.ENODEV:
                        return
                    if error.errno not in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                        raise
            if commands is not None and sys.stdin.fileno() in ready:
                found = os.read(sys.stdin.fileno(), 4096)
                if not found:
                    # Whoever made it is gone: all fails until it is unmounted.
                    self.has_power, self.hangs, self.pause, commands = False, False, 0, None
                    continue
                commands += found
                while b"\n" in commands:
                    line, commands = commands.split(b"\n", 1)
                    self.obey(line.decode())
                    print("done", flush=True)


Disk(sys.argv[1], int(sys.argv[2])).run()
