"""Let no new connection begin on a listening socket, while those that have begun are accepted.

Between the last accept and the close of a listener the kernel may complete one more connection, and
resets it. A packet filter on the socket stops connections where they begin: the kernel drops their
first packet (SYN), the client repeats it about a second later, and is refused then.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from contextlib import suppress

SO_ATTACH_FILTER = 26
"""Option of `setsockopt` on Linux; the `socket` module does not name it."""

FLAGS_OFFSET, SYN = 13, 0x02
"""Place of the flags in a TCP header, and the flag of a connection's first packet."""

_LOAD_BYTE, _JUMP_IF_SET, _RETURN = 0x30, 0x45, 0x06
_DROP, _KEEP = 0, 0xFFFFFFFF
_PROGRAM = b"".join(
    struct.pack("=HBBI", code, if_true, if_false, value)
    for code, if_true, if_false, value in (
        (_LOAD_BYTE, 0, 0, FLAGS_OFFSET),
        (_JUMP_IF_SET, 0, 1, SYN),
        (_RETURN, 0, 0, _DROP),
        (_RETURN, 0, 0, _KEEP),
    )
)
INSTRUCTION_BYTES = 8


def let_no_connection_begin(listener: socket.socket) -> None:
    """Drop the first packet of every further connection; no effect where filters are not known."""
    program = ctypes.create_string_buffer(_PROGRAM, len(_PROGRAM))
    count = len(_PROGRAM) // INSTRUCTION_BYTES
    fprog = struct.pack("@HP", count, ctypes.addressof(program))
    with suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)
