"""Clients that read and write small objects all the time, each request over a connection of its own."""

import http.client
import itertools
import threading
import urllib.parse
from typing import Self

from tests.service.clients import client
from tests.service.running import Launched
from tests.stores.sealgate import Sealgate

PLAIN = b"x" * 2000


class Load:
    """Runs while inside. `failures` holds what requests ended with that were not answered 200."""

    def __init__(self, service: Launched | Sealgate, bucket: str, *, clients: int) -> None:
        self.done = 0
        self.failures: list[Exception] = []
        self._address = urllib.parse.urlsplit(service.url).netloc
        self._stop = threading.Event()
        with client("s3", service.url) as s3:
            s3.put_object(Bucket=bucket, Key="load", Body=PLAIN)
            self._targets = [
                (
                    method,
                    _target(s3.generate_presigned_url(operation, Params={"Bucket": bucket, "Key": "load"})),
                )
                for method, operation in (("GET", "get_object"), ("PUT", "put_object"))
            ]
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        for method, target in itertools.cycle(self._targets):
            if self._stop.is_set():
                return
            try:
                self._one(method, target)
                self.done += 1
            except (OSError, http.client.HTTPException, AssertionError) as exc:
                self.failures.append(exc)

    def _one(self, method: str, target: str) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        try:
            connection.request(method, target, body=PLAIN if method == "PUT" else None)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, (method, answer.status, body)
            assert method == "PUT" or body == PLAIN
        finally:
            connection.close()


def _target(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return f"{parts.path}?{parts.query}"
