"""gkick-worker: runs an app's jobs."""
from __future__ import annotations

import argparse
import asyncio
import math
import os
import sys
from typing import List, Optional

from ..connection import Address
from .loading import load_app
from .logs import LogFormat, set_up_logging
from .settings import WorkerSettings
from .supervisor import Supervisor


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gkick-worker", description="Runs the jobs of an app. SIGTERM finishes what runs; a second one gives it back at once.")
    parser.add_argument("app", help="module:app, where app is a gkick.App")
    parser.add_argument("--address", help="the server (default: GKICK_ADDRESS, or 127.0.0.1:7450)")
    parser.add_argument("--queue", action="append", dest="queues", type=_queue, metavar="NAME[=WEIGHT]",
                        help="a queue to take from, a trailing * for a prefix; several times (default: those of the app's jobs)")
    parser.add_argument("--concurrency", type=_positive, default=8, metavar="N", help="jobs at once in one process (default: 8)")
    parser.add_argument("--processes", type=_positive, default=1, metavar="N", help="processes that run jobs (default: 1)")
    parser.add_argument("--isolate", action="store_true",
                        help="every job in a process that runs no other beside it, which is killed when it is told to stop and does not")
    parser.add_argument("--drain-timeout", type=_seconds, default=30, metavar="SECONDS",
                        help="how long running jobs are waited for after SIGTERM (default: 30)")
    parser.add_argument("--kill-grace", type=_seconds, default=5, metavar="SECONDS",
                        help="how long an isolated job that was canceled may go on before it is killed (default: 5)")
    parser.add_argument("--resume-window", type=_seconds, default=30, metavar="SECONDS",
                        help="how long the server keeps this worker's jobs for it when the connection breaks (default: 30)")
    parser.add_argument("--log-format", choices=[one.value for one in LogFormat], default="text")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    parser.add_argument("--no-schedules", action="store_true", help="do not write the app's recurring jobs to the server")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError("not below 0")
    return value


def _queue(text: str) -> str:
    name, equals, weight = text.partition("=")
    if not name or (equals and not weight.isdecimal()):
        raise argparse.ArgumentTypeError("a queue's name, and after a = its weight, a whole number")
    return text


def main(arguments: Optional[List[str]] = None) -> None:
    given = _parser().parse_args(arguments)
    # Before Python 3.10 a process is started by fork(), in which gRPC runs handlers that now and then crash what is started. They are turned
    # off by the environment before gRPC is loaded, which it is by now: begin again.
    if sys.version_info < (3, 10) and arguments is None and "GRPC_ENABLE_FORK_SUPPORT" not in os.environ:
        os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "gkick.worker.cli", *sys.argv[1:]])
    set_up_logging(LogFormat(given.log_format), given.log_level)
    try:
        app = load_app(given.app)
    except ValueError as error:
        sys.exit(f"gkick-worker: {error}")
    if not app.jobs:
        sys.exit(f"gkick-worker: {given.app} has no jobs")
    queues = given.queues or sorted({job.options.queue or "default" for job in app.jobs.values()})
    if given.address:
        # Also for what the app itself asks of the server: its recurring jobs, and jobs that its jobs enqueue.
        app.address = Address.of(given.address)
    settings = WorkerSettings(
        target=given.app, address=app.address, given_address=given.address or "", queues=queues, concurrency=given.concurrency, processes=given.processes,
        isolate=given.isolate, drain_timeout=given.drain_timeout, kill_grace=given.kill_grace,
        resume_window=given.resume_window, log_format=LogFormat(given.log_format), log_level=given.log_level,
        puts_schedules=not given.no_schedules)
    async def serve() -> int:
        # Made where its loop runs: in Python 3.9 what waits for an event belongs to the loop that was there when the event was made.
        return await Supervisor(app, settings).run()

    sys.exit(asyncio.run(serve()))


if __name__ == "__main__":
    main()
