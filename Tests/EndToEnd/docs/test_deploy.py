"""Examples/deploy, as far as it can be looked at without the machinery that runs it."""
import json
import re
import shlex
import shutil
import subprocess

import pytest

from harness.server import Server, binary, free_port
from harness.stubs import ROOT

DEPLOY = ROOT / "Examples/deploy"


def documents(name):
    """The documents of a YAML file; Ruby's standard library reads YAML, Python's does not."""
    if not shutil.which("ruby"):
        pytest.skip("ruby is not installed: Scripts/setup test installs it on Debian")
    program = "puts JSON.generate(YAML.load_stream(File.read(ARGV[0])))"
    # Aliases (<<: *gkick) are merged by the parser.
    done = subprocess.run(["ruby", "-ryaml", "-rjson", "-e", program, DEPLOY / name], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def settings():
    """What `gkick server --help` says can be set by the environment."""
    told = subprocess.run([binary(), "server", "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30).stdout
    return set(re.findall(r"GKICK_[A-Z_]+", re.sub(r"-\s*\n\s*", "-", told)))


def refusal(environment, *arguments):
    """What a server says that is started with these settings and one that is wrong: all are read before anything is opened."""
    done = subprocess.run([binary(), "server", *arguments, "--loops", "none"], env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 64, done
    return done.stderr


def seconds(text):
    return int(re.fullmatch(r"(\d+)s", text).group(1))


def test_kubernetes():
    stateful, service, budget, policy = documents("kubernetes.yaml")
    assert [one["kind"] for one in (stateful, service, budget, policy)] == [
        "StatefulSet", "Service", "PodDisruptionBudget", "NetworkPolicy"]
    pod = stateful["spec"]["template"]["spec"]
    [container] = pod["containers"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    assert set(environment) <= settings()
    assert stateful["spec"]["replicas"] == 1, "an embedded store belongs to one server"
    assert pod["terminationGracePeriodSeconds"] > seconds(environment["GKICK_DRAIN_TIMEOUT"])
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert environment["GKICK_LISTEN"].endswith(f":{ports['grpc']}") and environment["GKICK_HTTP"].endswith(f":{ports['http']}")
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == ports
    labels = stateful["spec"]["template"]["metadata"]["labels"]
    assert stateful["spec"]["selector"]["matchLabels"] == labels == service["spec"]["selector"]
    assert service["spec"]["clusterIP"] == "None" and stateful["spec"]["serviceName"] == service["metadata"]["name"]
    # The probes ask for pages that there are, and the settings are taken by a server that then answers them.
    port, http = free_port(), free_port()
    local = environment | {"GKICK_LISTEN": f"127.0.0.1:{port}", "GKICK_HTTP": f"127.0.0.1:{http}"}
    with Server(environment=local) as server:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            page = container[probe]["httpGet"]
            assert page["port"] == "http" and server.get(page["path"])[0] == 200
    volumes = {claim["metadata"]["name"] for claim in stateful["spec"]["volumeClaimTemplates"]}
    [mount] = container["volumeMounts"]
    assert mount["name"] in volumes and f"embedded:{mount['mountPath']}" in (DEPLOY / "Containerfile").read_text()
    assert container["securityContext"]["readOnlyRootFilesystem"], "the store is the only place that is written to"
    assert budget["spec"]["selector"]["matchLabels"] == policy["spec"]["podSelector"]["matchLabels"] == labels
    assert {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]} == set(ports)
    # What the restricted pod security standard asks for, and an image that does not change by itself.
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
    assert container["image"].split(":")[1] == (ROOT / "VERSION").read_text().strip()


def test_compose():
    [compose] = documents("compose.yaml")
    services = compose["services"]
    assert set(services) == {"redis", "gkick-1", "gkick-2"}
    # What gKick needs to call a job SYNCED.
    command = shlex.split(services["redis"]["command"])
    assert command[0] == "redis-server"
    options = dict(zip(command[1::2], command[2::2]))
    assert options["--appendonly"] == "yes" and options["--appendfsync"] == "always" and options["--maxmemory-policy"] == "noeviction"
    for name in ("gkick-1", "gkick-2"):
        one = services["gkick-1"] | services[name]
        assert set(one["environment"]) <= settings()
        assert one["environment"]["GKICK_STORE"].startswith("redis://redis:")
        assert (DEPLOY / one["build"]["context"]).resolve() == ROOT and (ROOT / one["build"]["dockerfile"]).is_file()
        assert seconds(one["stop_grace_period"]) > 30, "longer than a drain"
        assert one["depends_on"]["redis"]["condition"] == "service_healthy" and "healthcheck" in services["redis"]
        assert one["restart"] == "unless-stopped" and one["healthcheck"]["test"][:2] == ["CMD", "gkick"]
        assert all(port.startswith("127.0.0.1:") for port in one["ports"]), "nothing here asks who is there"
    assert set(services["gkick-1"]["ports"]).isdisjoint(services["gkick-2"]["ports"])
    assert {volume.split(":")[0] for volume in services["redis"]["volumes"]} == set(compose["volumes"])


def test_what_an_image_is_not_built_from():
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    assert {".git", ".build*", "gkick-data"} <= set(ignored)
    # What the build reads stays.
    for needed in ("Package.swift", "Sources", "Generated", "Scripts", "Protos", "Tests", "Benchmarks", "Examples"):
        assert needed not in ignored


def test_container_file():
    text = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")
    [variables] = re.findall(r"^ENV (.*)$", text, re.M)
    environment = dict(pair.split("=", 1) for pair in variables.split())
    assert set(environment) <= settings()
    assert re.search(r'^ENTRYPOINT \["gkick"\]\nCMD \["server"\]$', text, re.M) and "STOPSIGNAL SIGTERM" in text
    exposed = re.search(r"^EXPOSE (.*)$", text, re.M).group(1).split()
    assert [environment[name].rsplit(":", 1)[1] for name in ("GKICK_LISTEN", "GKICK_HTTP")] == exposed
    # The build takes libraries and flags from where they are said once; the image has what the executable is linked with.
    assert "Scripts/setup" in text and "Scripts/build release gkick" in text and "swift build" not in text
    [image] = re.findall(r"--no-install-recommends\s+(.*?)&&", text)
    assert re.search(r'^HEALTHCHECK .*CMD \["gkick", "info"\]$', text, re.M)
    # What the executable itself names; those libraries' packages bring what they need.
    linked = subprocess.run(["readelf", "-d", binary()], capture_output=True, text=True, timeout=60).stdout
    libraries = {"libnghttp2": "libnghttp2-14", "libprotobuf-c": "libprotobuf-c1", "libhiredis": "libhiredis0.14",
                 "libsqlite3": "libsqlite3-0", "libz": "zlib1g", "libpq": "libpq5", "libmariadb": "libmariadb3"}
    basic = {"libc", "libm", "libstdc++", "libgcc_s", "ld-linux-x86-64", "ld-linux-aarch64", "linux-vdso", "libdl", "libpthread"}
    needed = {name for name in re.findall(r"NEEDED.*\[([a-z][\w+-]*?)\.so", linked)} - basic
    assert needed <= set(libraries), "a library that the image does not have"
    assert {libraries[name] for name in needed} <= set(image.split())
    assert "libstdc++" not in linked or "libstdc++6" in image.split()


def test_systemd_unit(tmp_path):
    unit = DEPLOY / "gkick.service"
    values = dict(line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line and not line.startswith("#"))
    assert values["ExecReload"] == "/bin/kill -HUP $MAINPID" and values["StartLimitIntervalSec"] == "0"
    program, *arguments = shlex.split(values["ExecStart"])
    assert [program, *arguments] == ["/usr/local/bin/gkick", "server", "--config", "/etc/gkick/server.yaml"]
    assert values["EnvironmentFile"] == "-/etc/gkick/server.env"
    # The settings that go with it, as they are and with all that they show as a comment.
    given = (DEPLOY / "server.yaml").read_text()
    shown = re.sub(r"(?m)^#(?=[a-z-]+: )", "", given)
    assert f"\nstore: embedded:/var/lib/{values['StateDirectory']}\n" in given and shown != given
    for text in (given, shown):
        (tmp_path / "server.yaml").write_text(text)
        assert re.match(r"Error: --loops: 'none'", refusal({}, "--config", str(tmp_path / "server.yaml"))), "the others are right"
    assert int(values["TimeoutStopSec"]) > 30, "longer than a drain"
    if shutil.which("systemd-analyze"):
        # As installed, but with a program that is there.
        copy = tmp_path / "gkick.service"
        copy.write_text(unit.read_text().replace(program, binary()))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60)
        said = [line for line in done.stderr.splitlines() if "gkick.service" in line]
        assert not said, said
        done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=20", unit], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, "an exposure of more than 2.0:\n" + done.stdout[-300:]


def test_the_unit_s_process_drains_in_time():
    """What systemd, the container and Kubernetes do at the end: SIGTERM, and exit code 0 well within the time they allow."""
    with Server() as server:
        server.enqueue("q")
        assert server.terminate() == 0
