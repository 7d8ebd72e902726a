"""A fresh Debian in a folder, in which programs run as on a machine of its own: no Swift, none of this machine's libraries."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]

sys.path.insert(0, str(ROOT / "Tests" / "EndToEnd"))

from harness.ports import free_port  # noqa: E402, F401 - others take it from here


def ready(http):
    """Whether the server with this port for HTTP serves."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/readyz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def run(*command, code=0, **more):
    """What it prints, of both kinds; it must end with `code`."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=300, **more)
    assert done.returncode == code, f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def base():
    """Debian 12 with python3 as a tar, made once a day."""
    tar = ROOT / ".build" / "debian-python.tar"
    if not tar.exists() or time.time() - tar.stat().st_mtime > 86400:
        tar.parent.mkdir(exist_ok=True)
        made = tar.with_suffix(".new")
        run("mmdebstrap", "--quiet", "--format=tar", "--variant=minbase", "--include=python3,python3-venv", "bookworm", made)
        made.replace(tar)
    return tar


class Folder:
    """A folder that is the root of what runs in it."""

    def __init__(self, tar=None):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="gkick-debian-", dir="/var/tmp"))
        self.path.chmod(0o755)
        if tar:
            run("tar", "-C", self.path, "-xf", tar)

    def command(self, script, user="0:0", read_only=None, env=()):
        """In namespaces of its own, where /proc and a few devices are seen. `read_only`: with the folders named there as the only ones that can
        be written."""
        setup = ['mount --bind "$0" "$0"', 'mount -t proc proc "$0/proc"']
        for device in ("null", "zero", "random", "urandom"):
            setup.append(f'touch "$0/dev/{device}"; mount --bind /dev/{device} "$0/dev/{device}"')
        if read_only is not None:
            # What is written stays in the folder's twin, so that it is there at the next start.
            for folder in read_only:
                twin = pathlib.Path(f"{self.path}.writable", folder.lstrip("/"))
                setup.append(f'mount --bind "{twin}" "$0{folder}"')
            setup.append('mount -o remount,bind,ro "$0"')
        for name in ("proc", "dev"):
            (self.path / name).mkdir(exist_ok=True)
        setup.append(f'exec chroot --userspec={user} "$0" "$@"')
        environment = ["/usr/bin/env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", *env]
        inside = script if isinstance(script, list) else [*environment, "sh", "-ec", script]
        return ["unshare", "-m", "-p", "-f", "--kill-child", "bash", "-ec", "\n".join(setup), str(self.path), *inside]

    def run(self, script, code=0, **how):
        return run(*self.command(script, **how), code=code)

    def start(self, script, **how):
        return Program(self.command(script, **how))

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.rmtree(f"{self.path}.writable", ignore_errors=True)


class Program:
    """Something that goes on. Its signals go to the program inside, which is the first of its own numbering."""

    def __init__(self, command, environment=None):
        self.log = tempfile.NamedTemporaryFile("r", prefix="gkick-log-")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=open(self.log.name, "w"), stderr=subprocess.STDOUT,
                                        env=environment)

    def said(self):
        return pathlib.Path(self.log.name).read_text()

    def until(self, question, seconds=60):
        """Asks until the answer is something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.said()
            answer = question()
            if answer:
                return answer
            time.sleep(0.05)
        raise AssertionError(f"nothing in {seconds} s:\n{self.said()}")

    def end(self):
        """SIGTERM to what runs inside; its exit code."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGTERM)
        return self.process.wait(timeout=60)
