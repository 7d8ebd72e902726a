"""The gKick server, as an executable: `gkick server`. `gkick --help` says what it can do."""
from importlib import metadata
from pathlib import Path

__all__ = ["executable"]


def executable() -> Path:
    """Where the executable is that this package brought. - Raises FileNotFoundError if it was taken away."""
    places = [Path(str(file.locate())) for file in metadata.files("gkick-server") or [] if file.name == "gkick"]
    # pip install --target moves files after it wrote down where they are.
    places.append(Path(__file__).resolve().parents[1] / "bin" / "gkick")
    for place in places:
        if place.is_file():
            return place.resolve()
    raise FileNotFoundError("the executable gkick of the package gkick-server is not there: install the package anew")
