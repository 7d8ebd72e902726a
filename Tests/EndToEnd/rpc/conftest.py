import os
import pathlib
import ssl
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE))


def pytest_configure(config):
    """Python code for the test service, made anew in each run, before any test imports it."""
    config.generated = tempfile.TemporaryDirectory()
    out = pathlib.Path(config.generated.name)
    protos = ROOT / "Tests/InteropServer/Protos"
    files = [str(p.relative_to(protos)) for p in sorted((protos / "grpc/testing").glob("*.proto"))]
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{protos}", f"--python_out={out}", f"--grpc_python_out={out}"]
    subprocess.run(command + files, check=True, cwd=protos)
    sys.path.insert(0, str(out))
    # grpc.testing would be looked for in the grpc package: the generated folder becomes part of it.
    import grpc

    grpc.__path__.append(str(out / "grpc"))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A CA, and certificates for the server and a client, as PEM files."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA")
    for name in ("server", "client"):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "2", "-out", f"{name}.pem", "-extfile", "extensions")
    return folder


@pytest.fixture(scope="session")
def binary():
    """RPC_SERVER in the environment, or the one of the debug build."""
    given = os.environ.get("RPC_SERVER")
    if given:
        return given
    build = ["swift", "build", "--product", "rpc-interop-server"]
    subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    path = subprocess.run([*build, "--show-bin-path"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return f"{path.strip()}/rpc-interop-server"


@pytest.fixture(scope="session")
def launch(binary):
    """Starts servers with the given options and ends them with the session."""
    from server import Server

    servers = []

    def start(*options):
        server = Server(binary, *options)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(launch):
    return launch()


@pytest.fixture(scope="session")
def tls_server(launch, certificates):
    return launch("--tls-cert", str(certificates / "server.pem"), "--tls-key", str(certificates / "server.key"))


@pytest.fixture(scope="session")
def mtls_server(launch, certificates):
    return launch("--tls-cert", str(certificates / "server.pem"), "--tls-key", str(certificates / "server.key"),
                  "--tls-client-ca", str(certificates / "ca.pem"))


@pytest.fixture(scope="session")
def tls_context(certificates):
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    context.set_alpn_protocols(["h2"])
    return context


@pytest.fixture
def wire(server):
    """A raw connection to the server."""
    from wire import Wire

    with Wire(server.port) as connection:
        yield connection
