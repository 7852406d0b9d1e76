"""Whether the address that the site shall have is free."""

from __future__ import annotations

import errno
import socket

from modeling.errors import ConfigError


def require_free_port(host: str, port: int) -> None:
    """Raises ConfigError, with what to do, when the site cannot listen there."""
    if not 1 <= port <= 65535:
        raise ConfigError(f"PORT is {port}", allowed="It must be 1 to 65535", remedy="For example: make run PORT=8080")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        raise ConfigError(
            f"HOST is {host!r}, which is no address of this machine",
            remedy="127.0.0.1 serves this machine only, 0.0.0.0 the network too",
        ) from None
    except OSError as fault:
        raise ConfigError(_found(host, port, fault), remedy=f"Choose another: make run PORT={port + 1}") from None


def _found(host: str, port: int, fault: OSError) -> str:
    if fault.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is busy: another program listens there, perhaps another Parley"
    if fault.errno == errno.EACCES:
        return f"Port {port} needs more rights than this account has"
    return f"Nothing can listen at {host} port {port}: {fault.strerror}"
