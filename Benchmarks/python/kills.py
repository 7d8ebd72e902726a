"""kill -9 of the process that runs a job, 20 times: how long until the job runs again. See run."""
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


def until_written(file):
    while not file.exists() or not file.read_text():
        time.sleep(0.005)
    return file.read_text()


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    from gkick.testing import Server

    with Server() as server, tempfile.TemporaryDirectory() as folder:
        os.environ["GKICK_ADDRESS"] = server.address
        import jobs

        worker = subprocess.Popen([str(pathlib.Path(sys.executable).parent / "gkick-worker"), "jobs:app", "--processes", "2"], cwd=HERE,
                                  stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        waits = []
        for number in range(20):
            file = pathlib.Path(folder, str(number))
            handle = jobs.held.enqueue(file=str(file))
            victim = int(until_written(file))
            killed = time.time()
            os.kill(victim, signal.SIGKILL)
            waits.append(handle.result(60) - killed)
        worker.terminate()
        worker.wait()
    print(f"a killed process's job runs again after {statistics.median(waits):.2f} s (at most {max(waits):.2f} s), 1 s of it the usual back-off")
