"""The Debian package in a fresh Debian: installed, upgraded, removed, purged; its service as systemd sees it."""
import os
import re
import shlex
import shutil
import subprocess

import debian
import pytest


# What a user of the service's is, whoever made it.
USER = ":gKick server:/var/lib/gkick:/usr/sbin/nologin"


@pytest.fixture(scope="module")
def needed(packages, tmp_path_factory):
    """The packages that it depends on, as apt would bring them."""
    folder = tmp_path_factory.mktemp("debs")
    [deb] = packages.glob("gkick_*.deb")
    wanted = debian.run("dpkg-deb", "-f", deb, "Depends")
    # apt works out what a Debian with nothing more than is in the folder lacks.
    simulated = debian.Folder(debian.base())
    try:
        status = simulated.path / "var/lib/dpkg/status"
        said = debian.run("apt-get", "install", "--simulate", "-o", f"Dir::State::status={status}", "--no-install-recommends", "-y",
                          *re.findall(r"(?:^|, )([a-z0-9.+-]+)", wanted))
    finally:
        simulated.close()
    names = re.findall(r"^Inst (\S+)", said, re.M)
    os.chmod(folder, 0o777)
    debian.run("apt-get", "download", "-q", *names, cwd=folder)
    return folder


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
    work = folder.path / "repacked"
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


def test_installed_upgraded_removed_purged(installed):
    assert installed.run("gkick --version").split()[-1] == (debian.ROOT / "VERSION").read_text().strip()
    assert installed.run("getent passwd gkick").strip().endswith(USER)
    assert installed.run("stat -c '%U:%G %a' /etc/gkick/server.env").strip() == "root:gkick 640"
    assert "gkick.service" in installed.run("ls /etc/systemd/system/multi-user.target.wants").split()

    # It runs, as that user, by the settings that came along, and keeps what it is given.
    settings = installed.path / "etc/gkick/server.env"
    port, http = debian.free_port(), debian.free_port()
    settings.write_text(settings.read_text() + f"GKICK_LISTEN=127.0.0.1:{port}\nGKICK_HTTP=127.0.0.1:{http}\n")
    user = installed.run("id -u gkick; id -g gkick").split()
    installed.run("install -d -o gkick -g gkick -m 700 /var/lib/gkick")

    def serve():
        unit = (installed.path / "lib/systemd/system/gkick.service").read_text()
        environment = shlex.split(re.search(r"(?m)^Environment=(.*)$", unit).group(1)) + re.findall(r"(?m)^GKICK_.*$", settings.read_text())
        start = re.search(r"(?m)^ExecStart=(.*)$", unit).group(1)
        server = installed.start(f"cd /; exec {start}", user=":".join(user), env=environment)
        server.until(lambda: debian.ready(http))
        return server

    server = serve()
    job = installed.run(f"gkick enqueue greet hello --address 127.0.0.1:{port}").strip()
    assert server.end() == 0, server.said()

    # An upgrade keeps what was changed in /etc, and the jobs.
    def changed(work):
        (work / "etc/gkick/server.env").write_text("# of a later version\n")

    later = repacked(installed, "9.0.0-1", changed)
    said = installed.run(f"dpkg --force-confdef --force-confold -i {later}")
    assert "Setting up gkick (9.0.0-1)" in said
    assert str(port) in settings.read_text()
    assert "of a later version" in (installed.path / "etc/gkick/server.env.dpkg-dist").read_text()
    assert installed.run("stat -c '%U:%G %a' /etc/gkick/server.env").strip() == "root:gkick 640"
    server = serve()
    assert job in installed.run(f"gkick jobs --address 127.0.0.1:{port}")
    assert server.end() == 0, server.said()

    # Removed, the settings and the jobs stay; purged, they go.
    installed.run("dpkg -r gkick && test ! -e /usr/bin/gkick && test -e /etc/gkick/server.env && test -d /var/lib/gkick")
    installed.run("dpkg -P gkick && test ! -e /etc/gkick && test ! -e /var/lib/gkick && test ! -e /etc/systemd/system/gkick.service")
    assert installed.run("find /etc /usr /var -name '*gkick*'") == ""
    # And comes back.
    installed.run("dpkg -i /packages/gkick_*.deb && gkick --version")


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
