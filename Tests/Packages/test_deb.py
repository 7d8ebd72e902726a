"""The Debian package in a fresh Debian: installed, upgraded, removed, purged; its service as systemd sees it."""
import os
import re
import shlex
import shutil
import subprocess
import time

import debian
import pytest


# What a user of the service's is, whoever made it.
USER = ":gKick server:/var/lib/gkick:/usr/sbin/nologin"
# What the settings that come along set, as the server sees it.
SHOW = "gkick server --config /etc/gkick/server.yaml --print-config"
DEFAULTS = {"store": "embedded:/var/lib/gkick", "log-format": "json", "listen": "127.0.0.1:7450", "http": "127.0.0.1:7451"}


@pytest.fixture(scope="module")
def installed(packages, needed):
    """A fresh Debian with the package in it, for all tests here."""
    folder = debian.Folder(debian.base())
    for name, files in (("debs", needed.iterdir()), ("packages", packages.glob("gkick_*.deb"))):
        (folder.path / name).mkdir()
        for file in files:
            shutil.copy(file, folder.path / name)
    folder.run("dpkg -i /debs/*.deb && dpkg -i /packages/gkick_*.deb")
    yield folder
    folder.close()


def repacked(folder, version, change):
    """The package again, with another version and a change to its files."""
    work = folder.path / f"repacked-{version}-{time.monotonic_ns()}"
    [deb] = (folder.path / "packages").glob("gkick_*.deb")
    debian.run("dpkg-deb", "-R", deb, work)
    control = work / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*", f"Version: {version}", control.read_text()))
    change(work)
    debian.run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", work, folder.path / f"gkick-{version}.deb")
    return f"/gkick-{version}.deb"


def test_the_service_is_whole_and_confined(installed):
    # The units that it names, which a folder without systemd lacks, are this machine's.
    units = installed.path / "usr/lib/systemd/system"
    for name in os.listdir("/usr/lib/systemd/system"):
        if name.endswith((".target", ".slice", ".mount", ".socket")) and not (units / name).exists():
            (units / name).write_text("[Unit]\nDescription=there\n")
    said = debian.run("systemd-analyze", "verify", f"--root={installed.path}", "--man=no", "gkick.service")
    assert "gkick" not in said, said
    said = debian.run("systemd-analyze", "security", "--offline=yes", "--no-pager", installed.path / "lib/systemd/system/gkick.service")
    exposure = float(re.search(r"Overall exposure level for gkick.service: ([\d.]+)", said).group(1))
    print(f"exposure: {exposure}")
    assert exposure <= 2.0


class Service:
    """The unit as systemd would run it, in the folder: its command and its variables, as its user."""

    def __init__(self, installed):
        self.installed = installed
        self.port, self.http = debian.free_port(), debian.free_port()
        user = installed.run("id -u gkick; id -g gkick").split()
        installed.run("install -d -o gkick -g gkick -m 700 /var/lib/gkick")
        unit = (installed.path / "lib/systemd/system/gkick.service").read_text()
        environment = [word for line in re.findall(r"(?m)^Environment=(.*)$", unit) for word in shlex.split(line)]
        for name in re.findall(r"(?m)^EnvironmentFile=-(.*)$", unit):
            file = installed.path / name.lstrip("/")
            environment += re.findall(r"(?m)^GKICK_.*$", file.read_text()) if file.exists() else []
        start = re.search(r"(?m)^ExecStart=(.*)$", unit).group(1)
        self.how = {"script": f"cd /; exec {start}", "user": ":".join(user), "env": environment}

    def __enter__(self):
        self.server = self.installed.start(**self.how)
        self.server.until(lambda: debian.ready(self.http))
        return self

    def __exit__(self, *_):
        assert self.server.end() == 0, self.server.said()

    def gkick(self, command):
        return self.installed.run(f"gkick {command} --address 127.0.0.1:{self.port}").strip()


def test_installed_upgraded_removed_purged(installed):
    assert installed.run("gkick --version").split()[-1] == (debian.ROOT / "VERSION").read_text().strip()
    assert installed.run("getent passwd gkick").strip().endswith(USER)
    assert installed.run("stat -c '%U:%G %a' /etc/gkick/server.yaml").strip() == "root:gkick 640"
    assert "gkick.service" in installed.run("ls /etc/systemd/system/multi-user.target.wants").split()

    # It runs, as that user, by the settings that came along, and keeps what it is given.
    settings = installed.path / "etc/gkick/server.yaml"

    def set_up(**changes):
        text = settings.read_text()
        for name, value in changes.items():
            text, count = re.subn(rf"(?m)^#?{name}: .*$", f"{name}: {value}", text)
            assert count == 1, f"{name} is not in server.yaml"
        settings.write_text(text)

    assert dict(re.findall(r"(?m)^([a-z-]+): '?([^'\s]+)'?", installed.run(SHOW))) == DEFAULTS
    service = Service(installed)
    set_up(listen=f"127.0.0.1:{service.port}", http=f"127.0.0.1:{service.http}")
    with service:
        job = service.gkick("enqueue greet hello")
        assert '"level"' in service.server.said(), "its log is JSON"

    # A change to the file and a restart, and it holds; a mistake is refused with its name.
    settings.write_text(settings.read_text() + "max-payload: 2KiB\n")
    with service:
        said = installed.run(f"head -c 3000 /dev/zero | gkick enqueue big --address 127.0.0.1:{service.port}", code=4)
        assert "at most 2048 bytes" in said
        assert job in service.gkick("jobs")
    settings.write_text(settings.read_text().replace("max-payload: 2KiB", "max-payloads: 2KiB"))
    refused = debian.run(*installed.command(**service.how), code=64)
    assert "max-payloads" in refused and "/etc/gkick/server.yaml" in refused
    settings.write_text(settings.read_text().replace("max-payloads: 2KiB", "max-payload: 4KiB"))

    # An upgrade keeps what was changed in /etc, and the jobs.
    def changed(work):
        (work / "etc/gkick/server.yaml").write_text("# of a later version\n")

    later = repacked(installed, "9.0.0-1", changed)
    said = installed.run(f"dpkg --force-confdef --force-confold -i {later}")
    assert "Setting up gkick (9.0.0-1)" in said
    assert str(service.port) in settings.read_text() and "max-payload: 4KiB" in settings.read_text()
    assert "of a later version" in (installed.path / "etc/gkick/server.yaml.dpkg-dist").read_text()
    assert installed.run("stat -c '%U:%G %a' /etc/gkick/server.yaml").strip() == "root:gkick 640"
    with service:
        assert job in service.gkick("jobs")

    # Removed, the settings and the jobs stay; purged, they go.
    installed.run("dpkg -r gkick && test ! -e /usr/bin/gkick && test -e /etc/gkick/server.yaml && test -d /var/lib/gkick")
    installed.run("dpkg -P gkick && test ! -e /etc/gkick && test ! -e /var/lib/gkick && test ! -e /etc/systemd/system/gkick.service")
    assert installed.run("find /etc /usr /var -name '*gkick*'") == ""
    # And comes back.
    installed.run("dpkg -i /packages/gkick_*.deb && gkick --version")


@pytest.mark.parametrize("is_edited", [True, False])
def test_an_upgrade_from_settings_that_were_variables(installed, is_edited):
    def older(work):
        (work / "etc/gkick/server.yaml").rename(work / "etc/gkick/server.env")
        (work / "etc/gkick/server.env").write_text("# The settings, one variable a line.\n#GKICK_LISTEN=0.0.0.0:7450\n")
        (work / "DEBIAN/conffiles").write_text("/etc/gkick/server.env\n")
        script = work / "DEBIAN/postinst"
        text = script.read_text()
        # What this package's does with the settings, that one's did not.
        start, end = text.index("  # What is in it may be a secret"), text.index("\nfi\n\ncase")
        script.write_text(text[:start] + "  chown root:gkick /etc/gkick/server.env\n  chmod 640 /etc/gkick/server.env" + text[end:])

    installed.run("dpkg -P gkick")
    installed.run(f"dpkg -i {repacked(installed, '0.0.1-1', older)} && test ! -e /etc/gkick/server.yaml")
    old = installed.path / "etc/gkick/server.env"
    port, http = debian.free_port(), debian.free_port()
    if is_edited:
        old.write_text(old.read_text() + f"GKICK_LISTEN=127.0.0.1:{port}\nGKICK_HTTP=127.0.0.1:{http}\n")
    said = installed.run("dpkg -i /packages/gkick_*.deb")
    assert installed.run("stat -c '%U:%G %a' /etc/gkick/server.yaml").strip() == "root:gkick 640"
    assert old.exists() == is_edited and ("still holds" in said) == is_edited
    if is_edited:
        service = Service(installed)
        service.port, service.http = port, http
        with service:
            assert service.gkick("enqueue greet hello")
    installed.run("dpkg -P gkick && test ! -e /etc/gkick && test ! -e /var/lib/gkick")
    installed.run("dpkg -i /packages/gkick_*.deb")


def test_lintian_finds_nothing(packages):
    [deb] = packages.glob("gkick_*.deb")
    said = subprocess.run(["lintian", "--allow-root", "--no-tag-display-limit", str(deb)], capture_output=True, text=True)
    assert said.returncode == 0 and not re.search(r"^[EW]:", said.stdout, re.M), said.stdout + said.stderr


def test_every_manual_page_is_in_order_and_every_completion_can_be_read(packages, tmp_path):
    [deb] = packages.glob("gkick_*.deb")
    debian.run("dpkg-deb", "-x", deb, tmp_path)
    # Where systemd runs, it makes the user, the same.
    (tmp_path / "etc/passwd").write_text("")
    debian.run("systemd-sysusers", f"--root={tmp_path}", "gkick.conf")
    assert (tmp_path / "etc/passwd").read_text().strip().endswith(USER)

    pages = sorted((tmp_path / "usr/share/man/man1").iterdir())
    help_text = debian.run(tmp_path / "usr/bin/gkick", "--help")
    commands = re.findall(r"(?m)^  ([a-z-]+)  ", help_text.split("SUBCOMMANDS:")[1])
    assert {page.name for page in pages} >= {f"gkick-{command}.1.gz" for command in commands} | {"gkick.1.gz"}
    for page in pages:
        said = debian.run("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page, env=os.environ | {"MANROFFSEQ": "", "LC_ALL": "C.UTF-8"})
        assert ": warning:" not in said, (page.name, said)
    text = debian.run("man", "-l", tmp_path / "usr/share/man/man1/gkick-server.1.gz", env=os.environ | {"MANWIDTH": "100", "MANPAGER": "cat"})
    for word in ("--store URL", "GKICK_LISTEN", "gkick(1)"):
        assert word in re.sub(r".\x08", "", text)
    bash = tmp_path / "usr/share/bash-completion/completions/gkick"
    said = debian.run("bash", "-ec", f'. "{bash}"; COMP_WORDS=(gkick enq) COMP_CWORD=1 COMP_LINE="gkick enq" COMP_POINT=9; '
                      '$(complete -p gkick | sed "s/.*-F \\([^ ]*\\).*/\\1/") gkick enq gkick; echo "${COMPREPLY[@]}"')
    assert said.split() == ["enqueue"]
