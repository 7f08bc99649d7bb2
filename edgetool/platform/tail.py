"""The end of a stream that may have none."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

OUTPUT_LIMIT_BYTES = 4 * 1024**2
GRACE_S = 3.0


class Tail(threading.Thread):
    """Drains a stream and keeps its end, so that what prints without limit neither blocks nor fills memory.

    A stream of more than `limit_bytes` is drained no further, and `at_limit` is called.
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
        """What came last, once the stream has ended; a stream that does not end is not waited for long."""
        self.join(GRACE_S)
        return b"".join(self._chunks)[-OUTPUT_LIMIT_BYTES:]
