"""Messages between the supervisor and a child: lists of small tuples, pickled, each list with its length in front. Both ends are this package
on the same machine, so pickle is as good as anything."""
from __future__ import annotations

import pickle
import struct
from typing import Any, List

_HEAD = struct.Struct("<I")


def pack(messages: List[Any]) -> bytes:
    body = pickle.dumps(messages, protocol=5)
    return _HEAD.pack(len(body)) + body


class Unpacker:
    """Bytes as they come, lists as they are whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> List[Any]:
        self._buffer += data
        found: List[Any] = []
        at = 0
        while len(self._buffer) - at >= _HEAD.size:
            (size,) = _HEAD.unpack_from(self._buffer, at)
            end = at + _HEAD.size + size
            if len(self._buffer) < end:
                break
            found += pickle.loads(memoryview(self._buffer)[at + _HEAD.size:end])
            at = end
        if at:
            del self._buffer[:at]
        return found
