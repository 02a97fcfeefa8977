"""More packets a second than a program can send: the kernel makes them itself, at the heard end of a wire.

`BPF_PROG_TEST_RUN` with live frames (Linux 5.18, Documentation/bpf/bpf_prog_run.rst) runs an XDP program on
copies of a frame and does with each what the program says: here it passes them on, as if the interface had
received them. No system call and no copy a packet, so one core makes millions a second.

The program gives each frame one of 65,536 sources by chance. It writes the number's complement into the IP
identification and the low half of the sequence number, so that both checksums stay as they are (RFC 1624).
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import time

from tests.live.wire import HEARD, SPOKEN, ip

_SYSTEM_CALL = {"x86_64": 321, "aarch64": 280}
_PROG_LOAD, _PROG_TEST_RUN, _LINK_CREATE = 5, 10, 28
_PROG_TYPE_XDP, _ATTACH_XDP, _LIVE_FRAMES = 6, 37, 2
_XDP_PASS = 2
_ATTRIBUTE_BYTES = 168
_AT_ONCE = 64
"""Frames that the kernel hands on together: what an interface does in one poll."""

_MTU = 1_500
"""XDP takes no frames beyond a page."""

_PIECES_A_SECOND = 200
_LIBC = ctypes.CDLL(None, use_errno=True)


def _step(code: int, registers: tuple[int, int] = (0, 0), offset: int = 0, number: int = 0) -> bytes:
    """One instruction (RFC 9669): code, destination and source register, offset, immediate number."""
    return struct.pack("<BBhi", code, registers[1] << 4 | registers[0], offset, number)


_PROGRAM = b"".join(
    (
        _step(0x61, (2, 1), 0),  # r2 = data
        _step(0x61, (3, 1), 4),  # r3 = data_end
        _step(0xBF, (4, 2)),
        _step(0x07, (4, 0), number=60),
        _step(0x2D, (4, 3), 6),  # a shorter frame is passed as it is
        _step(0xBF, (6, 2)),
        _step(0x85, number=7),  # r0 = bpf_get_prandom_u32()
        _step(0x6B, (6, 0), 28),  # the low half of the source
        _step(0xA7, (0, 0), number=-1),
        _step(0x6B, (6, 0), 18),  # the identification
        _step(0x6B, (6, 0), 40),  # the low half of the sequence number
        _step(0xB7, (0, 0), number=_XDP_PASS),
        _step(0x95),
    )
)


class Injection:
    """Frames that appear at the heard end; to be made inside a `Wire`. It takes root."""

    def __init__(self, frame: bytes) -> None:
        """Load the program and prepare the interface.

        Raises:
            OSError: The kernel refuses.
        """
        for end in (HEARD, SPOKEN):
            ip("link", "set", end, "mtu", _MTU)
        self._frame = frame
        self._interface = socket.if_nametoindex(HEARD)
        code, licence = ctypes.create_string_buffer(_PROGRAM), ctypes.create_string_buffer(b"GPL")
        steps = len(_PROGRAM) // 8
        self._program = _bpf(
            _PROG_LOAD,
            struct.pack(
                "<IIQQIIQII16sII",
                *(_PROG_TYPE_XDP, steps, ctypes.addressof(code), ctypes.addressof(licence)),
                *(0, 0, 0, 0, 0, b"injection", 0, _ATTACH_XDP),
            ),
        )
        # The interface takes frames from XDP once it has a program itself.
        self._link = _bpf(_LINK_CREATE, struct.pack("<IIII", self._program, self._interface, _ATTACH_XDP, 0))

    def send(self, count: int, rate: int = 0) -> float:
        """Have so many frames appear, at a rate or as fast as this core can; return the seconds taken."""
        began = time.monotonic()
        piece = min(count, rate // _PIECES_A_SECOND or count)
        sent = 0
        while sent < count:
            some = min(piece, count - sent)
            if rate and (early := began + sent / rate - time.monotonic()) > 0:
                time.sleep(early)
            self._run(some)
            sent += some
        return time.monotonic() - began

    def _run(self, count: int) -> None:
        frame = ctypes.create_string_buffer(self._frame, len(self._frame))
        context = ctypes.create_string_buffer(
            struct.pack("<IIIIII", 0, len(self._frame), 0, self._interface, 0, 0)
        )
        _bpf(
            _PROG_TEST_RUN,
            struct.pack(
                "<IIIIQQIIIIQQIII",
                *(self._program, 0, len(self._frame), 0, ctypes.addressof(frame), 0, count, 0),
                *(24, 0, ctypes.addressof(context), 0, _LIVE_FRAMES, 0, _AT_ONCE),
            ),
        )


def _bpf(command: int, attributes: bytes) -> int:
    content = attributes.ljust(_ATTRIBUTE_BYTES, b"\0")
    buffer = ctypes.create_string_buffer(content, len(content))
    done = int(_LIBC.syscall(_SYSTEM_CALL[os.uname().machine], command, buffer, len(content)))
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done
