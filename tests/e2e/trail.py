"""The audit file of a running service, read while it grows."""

import json
import time
from pathlib import Path
from typing import Any

WAIT_SECONDS = 5.0


class Trail:
    """Finds events by the id that the client was told."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._events: dict[str, list[dict[str, Any]]] = {}

    def of(self, request_id: str) -> dict[str, Any]:
        """The one event of that request; records are written a moment after the answer."""
        deadline = time.monotonic() + WAIT_SECONDS
        while request_id not in self._events and time.monotonic() < deadline:
            self._more()
            time.sleep(0.01)
        [event] = self._events[request_id]
        return event

    def all_of(self, request_id: str) -> list[dict[str, Any]]:
        self.of(request_id)
        self._more()
        return self._events[request_id]

    def seen(self) -> list[dict[str, Any]]:
        """All events so far."""
        self._more()
        return [event for events in self._events.values() for event in events]

    def _more(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            event = json.loads(line)
            self._events.setdefault(event["requestID"], []).append(event)
