"""Every Python snippet of README.md runs, as far as it goes without packages that are not ours."""
import importlib.util
import pathlib
import re
import sys

import pytest

TEXT = (pathlib.Path(__file__).resolve().parents[1] / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, re.S)


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_snippet(number, tmp_path, monkeypatch, gkick_server):
    code = SNIPPETS[number]
    for package in ("fastapi", "django"):
        if package in code and importlib.util.find_spec(package) is None:
            compile(code, "README.md", "exec")
            return
    (tmp_path / "mail.py").write_text(SNIPPETS[0])
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("GKICK_ADDRESS", gkick_server.address)
    sys.modules.pop("mail", None)
    if "handle.result" in code:
        # Somebody has to do it.
        from conftest import WorkerProcess  # noqa: F401
        import subprocess

        worker = subprocess.Popen([sys.executable, "-m", "gkick.worker.cli", "mail:app"], cwd=tmp_path, stdin=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        try:
            exec(compile(code, "README.md", "exec"), {"__name__": "snippet"})
        finally:
            worker.kill()
            worker.wait()
        return
    space = {"__name__": "snippet", "App": __import__("gkick").App}
    exec(compile(code, "README.md", "exec"), space)
    for name, value in list(space.items()):
        if name == "test_double":
            value()
        elif name == "test_with_a_server":
            value(gkick_server)
