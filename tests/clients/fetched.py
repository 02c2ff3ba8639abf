"""How a client read an object, as the audit file has it: which ranges it asked for, and how much came."""

import time
from typing import Any

from tests.e2e.sdk import request_id
from tests.e2e.trail import WAIT_SECONDS, Trail


class Fetched:
    """A call gives (range, bytes that went out) for each GET of an object so far; "" asks for all of it."""

    def __init__(self, trail: Trail, s3: Any) -> None:
        self._trail = trail
        self._s3 = s3

    def __call__(self, bucket: str, key: str, *, at_least: int = 1) -> list[tuple[str, int]]:
        """Waits for `at_least` of them: records are written a moment after the answer."""
        self._trail.of(request_id(self._s3.head_object(Bucket=bucket, Key=key)))
        deadline = time.monotonic() + WAIT_SECONDS
        while len(gets := self._gets(bucket, key)) < at_least and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(gets) >= at_least
        return gets

    def _gets(self, bucket: str, key: str) -> list[tuple[str, int]]:
        events = [event for event in self._trail.seen() if event["eventName"] == "GetObject"]
        asked = [(event["requestParameters"], event["additionalEventData"]) for event in events]
        return [
            (str(what.get("range", "")), int(more["bytesTransferredOut"]))
            for what, more in asked
            if (what["bucketName"], what["key"]) == (bucket, key)
        ]
