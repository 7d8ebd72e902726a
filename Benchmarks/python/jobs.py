import os
import pathlib
import time

from gkick import App, JobContext

app = App()


@app.job(name="noop")
def noop() -> None:
    pass


@app.job(name="held")
def held(file: str, context: JobContext) -> float:
    """Says who runs it, and waits to be killed; the second time, when that was."""
    if context.attempt == 1:
        pathlib.Path(file).write_text(str(os.getpid()))
        time.sleep(60)
    return time.time()
