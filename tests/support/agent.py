"""An SSH agent in the test process: it holds software tokens, and ssh-keygen signs with them as with real ones."""

from __future__ import annotations

import socketserver
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.sshkeys import TestKey
from tests.support.world import ssh_string

# Message numbers of the SSH agent protocol (RFC 9987).
FAILURE, LIST, LISTED, SIGN, SIGNED = 5, 11, 12, 13, 14


@contextmanager
def serving(keys: Mapping[str, TestKey]) -> Iterator[Path]:
    """Answer for `keys`, by their comment; the path of the socket, which is short enough for every system."""
    with tempfile.TemporaryDirectory(prefix="agent-") as directory:
        path = Path(directory) / "socket"
        with _Server(str(path), _Conversation) as server:
            server.keys = keys
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield path
            finally:
                server.shutdown()
                thread.join()


class _Server(socketserver.ThreadingUnixStreamServer):
    keys: Mapping[str, TestKey]


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        while size := self.rfile.read(4):
            answer = self._answer(self.rfile.read(int.from_bytes(size, "big")))
            self.wfile.write(ssh_string(answer))

    def _answer(self, message: bytes) -> bytes:
        keys = self.server.keys
        if message[0] == LIST:
            listed = b"".join(ssh_string(key.blob) + ssh_string(name.encode()) for name, key in keys.items())
            return bytes([LISTED]) + len(keys).to_bytes(4, "big") + listed
        if message[0] == SIGN:
            blob, rest = _string(message[1:])
            data, _ = _string(rest)
            for key in keys.values():
                if key.blob == blob:
                    return bytes([SIGNED]) + ssh_string(key.sign(data))
        return bytes([FAILURE])


def _string(data: bytes) -> tuple[bytes, bytes]:
    """A string and what follows it."""
    end = 4 + int.from_bytes(data[:4], "big")
    return data[4:end], data[end:]
