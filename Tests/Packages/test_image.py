"""The image as an engine would take it: every digest, then the executable as its user on a root that cannot be written."""
import gzip
import hashlib
import io
import json
import os
import pathlib
import tarfile

import debian
import pytest


class Image:
    def __init__(self, file):
        with tarfile.open(file) as archive:
            self.files = {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}
        [manifest] = json.loads(self.files["index.json"])["manifests"]
        self.manifest = json.loads(self.blob(manifest))
        self.image = json.loads(self.blob(self.manifest["config"]))
        self.config = self.image["config"]
        self.layers = [gzip.decompress(self.blob(layer)) for layer in self.manifest["layers"]]

    def blob(self, descriptor):
        data = self.files["blobs/" + descriptor["digest"].replace(":", "/")]
        assert len(data) == descriptor["size"] and hashlib.sha256(data).hexdigest() == descriptor["digest"].split(":")[1]
        return data


@pytest.fixture(scope="module")
def image(packages):
    [file] = packages.glob("*-oci.tar")
    return Image(file)


@pytest.fixture
def unpacked(image):
    folder = debian.Folder()
    for layer in image.layers:
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            archive.extractall(folder.path, numeric_owner=True)
    yield folder
    folder.close()


def test_every_digest_is_that_of_what_it_names(image):
    assert [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in image.layers] == image.image["rootfs"]["diff_ids"]
    [docker] = json.loads(image.files["manifest.json"])
    assert docker["RepoTags"] == ["gkick:" + (debian.ROOT / "VERSION").read_text().strip()]
    assert all(name in image.files for name in [docker["Config"], *docker["Layers"]])
    megabytes = sum(layer["size"] for layer in image.manifest["layers"]) / 1e6
    print(f"compressed: {megabytes:.0f} MB")
    assert megabytes < 60


def test_it_is_run_as_the_containerfile_says(image):
    text = (debian.ROOT / "Examples/deploy/Containerfile").read_text()
    assert image.config["User"] == "10001:10001" and "USER 10001" in text
    assert image.config["Entrypoint"] == ["gkick"] and image.config["Cmd"] == ["server"]
    assert "GKICK_STORE=embedded:/var/lib/gkick" in image.config["Env"]
    assert image.config["Healthcheck"]["Test"] == ["CMD", "gkick", "info"]
    assert image.config["Volumes"] == {"/var/lib/gkick": {}} and set(image.config["ExposedPorts"]) == {"7450/tcp", "7451/tcp"}


def test_it_serves_as_nobody_on_a_root_that_cannot_be_written(image, unpacked):
    port, http = debian.free_port(), debian.free_port()
    twin = pathlib.Path(f"{unpacked.path}.writable/var/lib/gkick")
    twin.mkdir(parents=True)
    twin.chmod(0o700)
    os.chown(twin, 10001, 10001)
    env = [one for one in image.config["Env"] if not one.startswith(("GKICK_LISTEN", "GKICK_HTTP"))]
    env += [f"GKICK_LISTEN=0.0.0.0:{port}", f"GKICK_HTTP=0.0.0.0:{http}", f"GKICK_ADDRESS=127.0.0.1:{port}"]

    def inside(command):
        # There is no shell and no env in it: the environment is given by who starts it.
        whole = unpacked.command(command, user=image.config["User"], read_only=["/var/lib/gkick"])
        return ["/usr/bin/env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", *env[1:], *whole]

    server = debian.Program(inside(image.config["Entrypoint"] + image.config["Cmd"]))
    server.until(lambda: debian.ready(http))
    # The health check, as the engine runs it: in the image, with its environment.
    health = image.config["Healthcheck"]["Test"][1:]
    assert "embedded" in debian.run(*inside(health))
    job = debian.run(*inside(["gkick", "enqueue", "greet", "hello"])).strip()
    assert job in debian.run(*inside(["gkick", "jobs"]))
    assert server.end() == 0, server.said()
    # Whoever checks health must see it when the server is away.
    debian.run(*inside(health), code=69)


def test_it_has_no_shell_and_knows_time_zones_and_authorities(unpacked):
    assert not (unpacked.path / "usr/bin").exists() or not list((unpacked.path / "usr/bin").iterdir())
    assert (unpacked.path / "usr/share/zoneinfo/Europe/Berlin").exists()
    assert "BEGIN CERTIFICATE" in (unpacked.path / "etc/ssl/certs/ca-certificates.crt").read_text()
    assert (unpacked.path / "usr/share/doc/gkick/libraries/README").exists()
