"""Keep the last bytes of a possibly endless stream."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

OUTPUT_LIMIT_BYTES = 4 * 1024**2
GRACE_S = 3.0


class Tail(threading.Thread):
    """Drain a stream in a thread and keep its end, so that unlimited output neither blocks nor fills the memory.

    After more than `limit_bytes`, stop draining and call `at_limit`.
    """

    def __init__(
        self,
        receive: Callable[[], bytes],
        *,
        limit_bytes: float = float("inf"),
        at_limit: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(daemon=True)
        self._receive = receive
        self._left_bytes = limit_bytes
        self._at_limit = at_limit
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self.start()

    def run(self) -> None:
        while chunk := self._receive():
            self.keep(chunk)
            self._left_bytes -= len(chunk)
            if self._left_bytes < 0:
                self._at_limit()
                return

    def keep(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size - len(self._chunks[0]) >= OUTPUT_LIMIT_BYTES:
            self._size -= len(self._chunks.popleft())

    def text(self) -> bytes:
        """Return the last bytes of the stream, waiting at most GRACE_S for it to end."""
        self.join(GRACE_S)
        return b"".join(self._chunks)[-OUTPUT_LIMIT_BYTES:]
