"""What a type checker knows of a program with jobs."""
import os
import pathlib
import re
import subprocess
import sys

import pytest

PROGRAM = """
from typing import List

from gkick import App, Handle

app = App()


@app.job(name="add", queue="x")
def add(a: int, b: int) -> int:
    return a + b


@app.job
async def aadd(a: int, b: int) -> int:
    return a + b


@app.recurring("r", every=3)
@app.job()
def listed() -> List[str]:
    return []


one: int = add.enqueue(1, 2).result()
two: Handle[int] = aadd.options_with(delay=3).enqueue(1, b=2)
three: List[str] = listed.enqueue().result()


async def main() -> int:
    four: str = await (await aadd.aenqueue(1, 2)).result()  # wrong
    return await (await aadd.aenqueue(1, 2)).result()


five: str = add.enqueue(1, 2).result()  # wrong
six = app.job(queu="x")  # wrong
"""


def test_a_result_has_the_function_s_type(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "typed.py").write_text(PROGRAM)
    sources = pathlib.Path(__file__).resolve().parents[1] / "src"
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", "typed.py"], cwd=tmp_path,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, env=os.environ | {"MYPYPATH": str(sources)})
    wrong = [number for number, line in enumerate(PROGRAM.splitlines(), 1) if "# wrong" in line]
    assert [int(number) for number in re.findall(r"typed.py:(\d+): error", done.stdout)] == wrong, done.stdout
