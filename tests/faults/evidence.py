"""What a running service tells of an incident: its audit file and its metrics."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

from tests.stores.sealgate import Sealgate

WAIT_SECONDS = 5.0
Event = dict[str, Any]


class Evidence:
    """Reads the audit file as it grows, and the metrics."""

    def __init__(self, service: Sealgate) -> None:
        self._service = service
        self._path = service.directory / "audit.jsonl"
        self._read = 0
        self._events: list[Event] = []

    def of(self, request_id: str) -> Event:
        """The S3 event of the request that a client was told this id of."""
        return self._found(
            lambda event: event["requestID"] == request_id and event["eventSource"] == "s3.amazonaws.com"
        )

    def about(self, key: str) -> Event:
        """The last event about an object of this name."""
        return self._found(lambda event: (event["requestParameters"] or {}).get("key") == key)

    def violation(self, request_id: str) -> str:
        """What the request's event says was found wrong; empty where it says nothing."""
        return str(self.of(request_id)["additionalEventData"].get("integrityViolation", ""))

    def count(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = re.findall(rf"^{name}(?:{{(.*)}})? ([0-9.e+]+)$", self._service.metrics(), flags=re.MULTILINE)
        return sum(float(value) for told, value in lines if all(each in told for each in wanted))

    def violations(self) -> float:
        return self.count("sealgate_integrity_violations_total")

    def violations_reach(self, wanted: float) -> bool:
        """A scrape gives a worker 50 ms to answer, and takes its last numbers where that is not enough."""
        deadline = time.monotonic() + WAIT_SECONDS
        while (seen := self.violations()) != wanted:
            if time.monotonic() > deadline:
                raise AssertionError(f"{seen:g} violations are counted, and not {wanted:g}")
            time.sleep(0.05)
        return True

    def _found(self, fits: Callable[[Event], bool]) -> Event:
        """Events are written a moment after the answer."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            self._more()
            found = [event for event in self._events if fits(event)]
            if found:
                return found[-1]
            assert time.monotonic() < deadline, "the audit file has no such event"
            time.sleep(0.01)

    def _more(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        self._events += [json.loads(line) for line in whole.splitlines()]
