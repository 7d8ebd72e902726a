"""The app whose jobs the tests' workers run."""
import asyncio
import ctypes
import os
import signal
import time
from dataclasses import dataclass
from datetime import datetime
from typing import List, Optional

from gkick import App, BytesCodec, Fail, JobContext, Release, Retry, current_job

app = App(queue="tests")


@dataclass
class Point:
    x: int
    y: int


@app.job(name="add")
def add(a: int, b: int = 2) -> int:
    return a + b


@app.job(name="aadd")
async def aadd(a: int, b: int) -> int:
    await asyncio.sleep(0.01)
    return a + b


@app.job(name="move")
def move(points: List[Point], by: Point, at: Optional[datetime] = None) -> List[Point]:
    assert at is None or isinstance(at, datetime)
    return [Point(one.x + by.x, one.y + by.y) for one in points]


@app.job(name="upper", codec=BytesCodec())
def upper(data: bytes) -> bytes:
    return data.upper()


@app.job(name="who")
def who(context: JobContext) -> dict:
    assert current_job() is context
    return {"id": context.job_id, "attempt": context.attempt, "metadata": context.metadata}


@app.job(name="flaky", retry=Retry(max_attempts=3, initial_backoff=0.05))
def flaky(context: JobContext, until: int) -> int:
    if context.attempt < until:
        raise ValueError(f"attempt {context.attempt}")
    return context.attempt


@app.job(name="hopeless")
def hopeless() -> None:
    raise Fail("no use")


@app.job(name="later")
def later(context: JobContext) -> None:
    marker = f"/tmp/gkick-later-{context.job_id}"
    if not os.path.exists(marker):
        open(marker, "w").close()
        raise Release(0.2)
    os.unlink(marker)


@app.job(name="slow")
def slow(context: JobContext, seconds: float) -> str:
    context.progress(50, "half")
    context.sleep(seconds)
    return "done"


@app.job(name="aslow")
async def aslow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


@app.job(name="deaf", isolate=True, timeout=1, retry=Retry(max_attempts=1))
def deaf() -> None:
    while True:
        time.sleep(0.1)


@app.job(name="hog")
def hog(seconds: float) -> str:
    # A call into C that keeps the interpreter's lock: no other thread of this process runs meanwhile.
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))
    return "done"


@app.job(name="crash", retry=Retry(max_attempts=2, initial_backoff=0.05))
def crash(context: JobContext, how: str) -> str:
    if context.attempt == 1:
        if how == "segfault":
            ctypes.string_at(0)
        elif how == "exit":
            os._exit(3)
        elif how == "sys.exit":
            raise SystemExit(3)
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


@app.job(name="pid")
def pid(seconds: float = 0) -> int:
    time.sleep(seconds)
    return os.getpid()


@app.job(name="noop")
def noop() -> None:
    pass
