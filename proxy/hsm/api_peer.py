"""Who is at the other end of the HSM's Unix socket: the kernel names the peer's uid (SO_PEERCRED).

A lock beside those of the socket's file and directory, and of the signature on each call.
"""

import socket
import struct
from asyncio import BaseTransport
from typing import Final

_UCRED: Final = struct.Struct("3i")  # pid, uid, gid: unix(7), SO_PEERCRED


def maybe_peer_uid(transport: BaseTransport) -> int | None:
    """The uid of who connected over a Unix socket; None on any other connection."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.family != socket.AF_UNIX:
        return None
    _, uid, _ = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return int(uid)
