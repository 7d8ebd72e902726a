"""Where the server is and how it is reached: shared by the clients and the worker."""
from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import grpc

#: Silence ends the connection: a peer that is gone without a word is noticed within half a minute.
_OPTIONS: List[Tuple[str, Any]] = [
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
]


def _is_this_machine(target: str) -> bool:
    if target.startswith("unix:"):
        return True
    if target.startswith("dns:///"):
        target = target[len("dns:///"):]
    if target.startswith("["):
        return target.startswith("[::1]")
    host = target.split(":", 1)[0]
    return host == "localhost" or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


@dataclass(frozen=True)
class Address:
    """One server, several (`a:7450,b:7450`), or a name with several addresses (`dns:///gkick.internal:7450`). With TLS the certificates of
    several are all for the first one's name."""

    target: str = "127.0.0.1:7450"
    tls: bool = False
    ca: Optional[str] = None
    cert: Optional[str] = None
    key: Optional[str] = None
    #: Sent as `authorization: Bearer ...`. Not over plaintext to another host, unless `insecure_token`.
    token: Optional[str] = None
    #: Sends the token to other hosts without TLS, too, where it can be read on the way.
    insecure_token: bool = False

    @staticmethod
    def of(target: Optional[str] = None, environment: Mapping[str, str] = os.environ, **changes: Any) -> Address:
        """From GKICK_ADDRESS, GKICK_TLS, GKICK_TLS_CA, GKICK_TLS_CERT, GKICK_TLS_KEY, GKICK_TOKEN or GKICK_TOKEN_FILE, and
        GKICK_INSECURE_TOKEN, as the command line reads them; what is given here wins."""
        def said(name: str) -> Optional[str]:
            return environment.get(name) or None

        def is_on(name: str) -> bool:
            return environment.get(name, "").lower() in ("1", "true", "yes", "on")

        token = said("GKICK_TOKEN")
        file = said("GKICK_TOKEN_FILE")
        if not token and file:
            token = next(iter(Path(file).read_text().split()), None)
            if not token:
                raise ValueError(f"GKICK_TOKEN_FILE: there is no token in {file}")
        found = Address(
            target or said("GKICK_ADDRESS") or "127.0.0.1:7450",
            tls=is_on("GKICK_TLS") or bool(said("GKICK_TLS_CA") or said("GKICK_TLS_CERT")),
            ca=said("GKICK_TLS_CA"), cert=said("GKICK_TLS_CERT"), key=said("GKICK_TLS_KEY"),
            token=token, insecure_token=is_on("GKICK_INSECURE_TOKEN"))
        return replace(found, **changes)

    def _parts(self) -> List[Tuple[str, str]]:
        """Host and port of each of several."""
        return [(host.strip("[]"), port) for host, _, port in (one.strip().rpartition(":") for one in self.target.split(","))]

    def _target(self) -> str:
        """gRPC takes several addresses as numbers only: names are looked up whenever a connection is begun. What has no address now is left
        out, and where none has one gRPC says so."""
        if "," not in self.target:
            return self.target
        found: Dict[socket.AddressFamily, List[str]] = {socket.AF_INET: [], socket.AF_INET6: []}
        for host, port in self._parts():
            try:
                for family, _, _, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                    one = f"[{place[0]}]:{port}" if family == socket.AF_INET6 else f"{place[0]}:{port}"
                    if one not in found[family]:
                        found[family].append(one)
            except OSError:
                continue
        for family, scheme in ((socket.AF_INET, "ipv4:"), (socket.AF_INET6, "ipv6:")):
            if found[family]:
                return scheme + ",".join(found[family])
        return "dns:///" + self.target.split(",")[0].strip()

    def _names(self) -> List[Tuple[str, Any]]:
        """Of several addresses the first one's name is the one that certificates are for, since what gRPC sees are numbers."""
        if "," not in self.target or not self.tls:
            return []
        return [("grpc.ssl_target_name_override", self._parts()[0][0])]

    def _is_here(self) -> bool:
        return all(_is_this_machine(one) for one in self.target.split(","))

    def metadata(self) -> Sequence[Tuple[str, str]]:
        if not self.token:
            return ()
        if not self.tls and not self.insecure_token and not self._is_here():
            raise ValueError(f"the token would go to {self.target} in plaintext: use TLS, or insecure_token if it is to be so")
        return (("authorization", f"Bearer {self.token}"),)

    def _credentials(self) -> Any:
        def read(path: Optional[str]) -> Optional[bytes]:
            return Path(path).read_bytes() if path else None

        return grpc.ssl_channel_credentials(read(self.ca), read(self.key), read(self.cert))

    def channel(self) -> Any:
        options = [*_OPTIONS, *self._names(), ("grpc.lb_policy_name", "round_robin")]
        if self.tls:
            return grpc.secure_channel(self._target(), self._credentials(), options=options)
        return grpc.insecure_channel(self._target(), options=options)

    def aio_channel(self) -> Any:
        if self.tls:
            return grpc.aio.secure_channel(self._target(), self._credentials(), options=[*_OPTIONS, *self._names()])
        return grpc.aio.insecure_channel(self._target(), options=_OPTIONS)
