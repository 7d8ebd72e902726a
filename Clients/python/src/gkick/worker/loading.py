"""Finds the app that `module:name` stands for."""
from __future__ import annotations

import importlib
import os
import sys

from ..app import App


def load_app(target: str) -> App:
    """- Raises ValueError with what is wrong, in words for whoever typed it."""
    module_name, _, name = target.partition(":")
    if not module_name:
        raise ValueError(f"{target!r} is no module:app")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(error.name + ".")):
            raise ValueError(f"there is no module {error.name!r} here or on PYTHONPATH") from None
        raise
    name = name or "app"
    found = getattr(module, name, None)
    if not isinstance(found, App):
        raise ValueError(f"{module_name} has no App called {name!r}" if found is None else f"{target} is no gkick.App")
    return found
