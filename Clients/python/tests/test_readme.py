"""Every Python snippet of README.md runs."""
import os
import pathlib
import re
import shlex
import subprocess
import sys
import textwrap

import pytest

from conftest import WorkerProcess, until
from gkick import App, Client

TEXT = (pathlib.Path(__file__).resolve().parents[1] / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, re.S)
COMMANDS = re.findall(r"```sh\n(.*?)```", TEXT, re.S)


def the(word, found=SNIPPETS):
    """The one snippet with this word in it."""
    [one] = [one for one in found if word in one]
    return one


@pytest.fixture
def here(tmp_path, monkeypatch, gkick_server):
    """A folder with the first snippet as mail.py, and the server's address in the environment."""
    (tmp_path / "mail.py").write_text(SNIPPETS[0])
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GKICK_ADDRESS", gkick_server.address)
    monkeypatch.delitem(sys.modules, "mail", raising=False)
    return tmp_path


def worker_of(command, address):
    """The worker that a line of README starts."""
    words = [word for word in shlex.split(command) if "=" not in word]
    assert words[0] == "gkick-worker"
    return WorkerProcess(address, *words[2:], app=words[1], cwd=".")


def run(code):
    space = {"__name__": "snippet", "App": App}
    exec(compile(code, "README.md", "exec"), space)
    return space


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_snippet(number, here, gkick_server):
    code = SNIPPETS[number]
    for package in ("fastapi", "django"):
        if package in code:
            pytest.importorskip(package)
    if "handle.result" in code:
        # Somebody has to do it.
        worker = worker_of(the("gkick-worker mail:app", COMMANDS), gkick_server.address)
        try:
            run(code)
        finally:
            worker.close()
        return
    for name, value in run(code).items():
        if name == "test_double":
            value()
        elif name == "test_with_a_server":
            value(gkick_server)
        elif name == "nightly":
            value([1, 2])
        elif name == "after":
            value([])


def test_the_recipe_for_fastapi(here, gkick_server):
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    with TestClient(run(the("FastAPI()"))["api"]) as browser, Client(gkick_server.address) as client:
        answers = [browser.post("/invite", params={"to": f"{name}@example.com"}).json() for name in ("ada", "grace")]
        assert [client.get(one["job"]).payload for one in answers] == [b'{"to":"ada@example.com"}', b'{"to":"grace@example.com"}']
        for one in answers:
            client.cancel(one["job"])


def test_the_recipe_for_django(here, gkick_server):
    """A site with a user, a view's transaction, and the worker as README starts it; the mail is a file in the end."""
    pytest.importorskip("django")
    (here / "jobs.py").write_text(the("django.setup()"))
    (here / "mysite").mkdir()
    (here / "mysite/settings.py").write_text(textwrap.dedent(f"""
        SECRET_KEY = "of a test"
        INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
        DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "{here}/db"}}}}
        EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
        EMAIL_FILE_PATH = "{here}/mails"
        USE_TZ = True
        """))
    view = re.search(r"# views.py: (.*)", the("django.setup()")).group(1)
    (here / "view.py").write_text(textwrap.dedent(f"""
        import django
        django.setup()
        from django.core.management import call_command
        from django.db import transaction
        from django.contrib.auth.models import User
        from jobs import welcome
        call_command("migrate", verbosity=0)
        with transaction.atomic():
            user = User.objects.create(username="ada", email="ada@example.com")
            {view}
        """))
    command = the("DJANGO_SETTINGS_MODULE", COMMANDS)
    name, value = re.match(r"(\w+)=(\S+) ", command).groups()
    os.environ[name] = value
    try:
        done = subprocess.run([sys.executable, "view.py"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        worker = worker_of(command, gkick_server.address)
        try:
            until(lambda: list(here.glob("mails/*")))
            [mail] = here.glob("mails/*")
            until(lambda: "To: ada@example.com" in mail.read_text())
        finally:
            worker.close()
    finally:
        del os.environ[name]
