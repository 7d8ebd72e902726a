"""Makes the Python stubs from the .proto files alone, as any user would, and gathers their names in `pb`."""
import atexit
import importlib
import pathlib
import shutil
import sys
import tempfile
from types import SimpleNamespace

from grpc_tools import protoc

ROOT = pathlib.Path(__file__).resolve().parents[3]


def _make():
    out = tempfile.mkdtemp(prefix="gkick-stubs-")
    atexit.register(shutil.rmtree, out, ignore_errors=True)
    protos = ROOT / "Protos"
    files = [str(path.relative_to(protos)) for path in sorted((protos / "gkick").rglob("*.proto"))]
    include = str(pathlib.Path(protoc.__file__).parent / "_proto")
    code = protoc.main(
        ["protoc", f"-I{protos}", f"-I{include}", f"--python_out={out}", f"--grpc_python_out={out}", *files])
    if code != 0:
        raise RuntimeError(f"protoc ended with {code}")
    sys.path.insert(0, out)
    names = {}
    for file in files:
        module = file.removesuffix(".proto").replace("/", ".")
        for suffix in ("_pb2", "_pb2_grpc"):
            loaded = importlib.import_module(module + suffix)
            names |= {name: value for name, value in vars(loaded).items() if not name.startswith("_")}
    return SimpleNamespace(**names)


pb = _make()
