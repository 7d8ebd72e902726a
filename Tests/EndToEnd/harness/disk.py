"""A folder on a disk of its own (ext4 on a loop device) that a test can cut off from its power, or let fail: see disk_server.py."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import pytest

BYTES = 256 << 20


def _run(*words, check=True):
    made = subprocess.run(words, capture_output=True, text=True)
    if check and made.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {made.stderr.strip()}")
    return made


class Disk:
    """`folder` is there while it is mounted."""

    def __init__(self, options="defaults"):
        if os.geteuid() != 0 or not os.access("/dev/fuse", os.W_OK) or not os.access("/dev/loop-control", os.W_OK):
            pytest.skip("needs to be root, and to have /dev/fuse and loop devices")
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="gkick-disk-"))
        self.behind, self.folder = self.base / "behind", self.base / "disk"
        self.behind.mkdir()
        self.folder.mkdir()
        self.options = options
        self.server = subprocess.Popen(
            [sys.executable, pathlib.Path(__file__).with_name("disk_server.py"), str(self.behind), str(BYTES)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert self.server.stdout.readline() == "ready\n"
            _run("mkfs.ext4", "-q", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", "-J", "size=8", str(self.behind / "disk"))
            self._mount()
        except BaseException:
            self.close()
            raise

    def say(self, *words):
        print(*words, file=self.server.stdin, flush=True)
        assert self.server.stdout.readline() == "done\n"

    def _mount(self):
        # With `loop` the device goes by itself when it is unmounted.
        _run("mount", "-t", "ext4", "-o", f"loop,{self.options}", str(self.behind / "disk"), str(self.folder))

    def _detach(self):
        # What is still under way may hold it for a moment.
        end = time.monotonic() + 30
        while os.path.ismount(self.folder) and _run("umount", str(self.folder), check=False).returncode != 0:
            if time.monotonic() > end:
                raise RuntimeError("the disk is still used by somebody")
            time.sleep(0.05)

    def cut(self, share, seed):
        """No power: all fails until `restart`. Of what was written and not synced each sector survives with the probability `share`."""
        self.say("cut", share, seed)

    def has_given_up(self):
        """The file system takes no more writes until it is mounted anew."""
        mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
        (options,) = [one[3].split(",") for one in mounts if one[1] == str(self.folder)]
        return "ro" in options or "emergency_ro" in options

    def restart(self):
        """After `cut`, or a failure after which the file system wants to be mounted anew. Nobody may use it any more."""
        if os.path.ismount(self.folder):
            self._detach()
        self.say("well")
        self._mount()

    def close(self):
        try:
            if self.server.poll() is None:
                self.say("well")
            self._detach()
        finally:
            _run("umount", "-l", str(self.behind), check=False)
            self.server.kill()
            self.server.wait()
            shutil.rmtree(self.base, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
