"""Signals and deaths: what is in progress ends well, what is too slow is cut, and nobody is left behind."""

import os
import signal
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.service.clients import MIB, bare, client, paced
from tests.service.running import alive, launched, until
from tests.stores.seaweedfs import Store

SIZE = 20 * MIB
PLAIN = bytes(range(256)) * (SIZE // 256)
PIECES = 20


@pytest.fixture(scope="module")
def bucket(store: Store) -> Iterator[str]:
    """On the store; the first write makes it ready for all tests."""
    name = f"stopping-{uuid.uuid4()}"
    with bare(store) as raw:
        raw.create_bucket(Bucket=name)
        raw.put_object(Bucket=name, Key="first", Body=b"")
        yield name


def refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def serves(s3: Any, bucket: str, key: str = "object", **settings: Any) -> bool:
    """An object goes in and comes back. False where the service answers 503."""
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=b"plain", **settings)
        return bool(s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"plain")
    except ClientError as refused:
        if refused.response["ResponseMetadata"]["HTTPStatusCode"] != 503:
            raise
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_slow_transfers_end_well_while_the_service_drains(
    store: Store, tmp_path: Path, bucket: str, number: signal.Signals
) -> None:
    """A download and an upload of 20 MiB go on to their ends; nobody else comes in; all processes end."""
    limits = {"drain_seconds": 20}
    with launched(store, tmp_path, limits=limits) as service, client("s3", service.url) as s3:
        s3.put_object(Bucket=bucket, Key="down", Body=PLAIN)
        children = service.children()
        with (
            paced(s3, "GET", bucket, "down") as down,
            paced(s3, "PUT", bucket, "up", length=SIZE) as up,
        ):
            assert down.head().startswith("HTTP/1.1 200")
            received = down.body(SIZE // PIECES)
            up.send(PLAIN[: SIZE // PIECES])
            until(lambda: service.number("sealgate_s3_requests_in_flight") == 2)

            service.process.send_signal(number)

            until(lambda: refuses(service.config["listen"]["port"]))
            status, told = service.ready()
            assert status == 503
            assert "draining" in str(told["reasons"])
            assert service.asked("/livez")[0] == 200
            for piece in range(1, PIECES):
                up.send(PLAIN[piece * SIZE // PIECES : (piece + 1) * SIZE // PIECES])
                received += down.body(SIZE // PIECES)
                time.sleep(0.03)
            assert up.head().startswith("HTTP/1.1 200")
            assert received == PLAIN

        assert service.ended() == 0
        assert len(children) >= 2
        assert service.left() == []
        for name in ("GetObject", "PutObject"):
            service.until_event(eventName=name, additionalEventData__outcome="completed")

    again = tmp_path / "again"
    again.mkdir()
    for name in ("hsm.sqlite", "hsm.sqlite.witness", "root.key"):
        (tmp_path / name).rename(again / name)
    with launched(store, again) as service, client("s3", service.url) as s3:
        assert s3.get_object(Bucket=bucket, Key="up")["Body"].read() == PLAIN


def test_what_is_slower_than_the_drain_is_cut_and_recorded(store: Store, tmp_path: Path, bucket: str) -> None:
    """The client sees a torn body, the upload leaves nothing on the store, and both have their events."""
    limits = {"drain_seconds": 1}
    with launched(store, tmp_path, limits=limits) as service, client("s3", service.url) as s3:
        s3.put_object(Bucket=bucket, Key="down", Body=PLAIN)
        with (
            paced(s3, "GET", bucket, "down") as down,
            paced(s3, "PUT", bucket, "cut-off", length=SIZE) as up,
        ):
            down.head()
            up.send(PLAIN[: 4 * MIB])
            until(lambda: service.number("sealgate_s3_requests_in_flight") == 2)
            began = time.monotonic()
            service.process.terminate()

            assert service.ended() == 0
            assert 0.9 < time.monotonic() - began < 8
            assert len(down.body(SIZE)) < SIZE
            assert up.body(1) == b""

        assert service.left() == []
        service.until_event(eventName="GetObject", additionalEventData__outcome="cancelled")
        service.until_event(
            eventName="PutObject",
            requestParameters__key="cut-off",
            additionalEventData__outcome="cancelled",
        )
    with bare(store) as raw, pytest.raises(ClientError) as missing:
        raw.head_object(Bucket=bucket, Key="cut-off")
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_second_ctrl_c_ends_it_at_once(store: Store, tmp_path: Path, bucket: str) -> None:
    with launched(store, tmp_path, limits={"drain_seconds": 60}) as service:
        with client("s3", service.url) as s3, paced(s3, "PUT", bucket, "cut-off", length=SIZE) as up:
            up.send(PLAIN[:MIB])
            until(lambda: service.number("sealgate_s3_requests_in_flight") == 1)
            service.process.send_signal(signal.SIGINT)
            until(lambda: refuses(service.config["listen"]["port"]))
            began = time.monotonic()
            service.process.send_signal(signal.SIGINT)

            assert service.ended() == 1
            assert time.monotonic() - began < 3
        assert service.last_line == "Error: stopped at once: requests in progress were cut"
        assert service.left() == []


def test_a_killed_child_is_replaced_and_the_service_goes_on(
    store: Store, tmp_path: Path, bucket: str
) -> None:
    """While the HSM is away, cached data keys open objects; then it serves again, and so does the worker."""
    with launched(store, tmp_path) as service, client("s3", service.url) as s3:
        assert serves(s3, bucket)

        hsm, worker = service.child("hsm-0"), service.child("worker-0")
        os.kill(hsm, signal.SIGKILL)
        until(lambda: not alive(hsm))
        assert s3.get_object(Bucket=bucket, Key="object")["Body"].read() == b"plain"
        until(lambda: service.child("hsm-0") != hsm)
        until(lambda: serves(s3, bucket, ServerSideEncryption="aws:kms"))
        assert service.child("worker-0") == worker
        assert service.ready()[0] == 200

        os.kill(worker, signal.SIGKILL)
        until(lambda: service.child("worker-0") != worker)
        assert serves(s3, bucket)

        assert "hsm-0 died: it was ended by SIGKILL; another starts in 0.1 s" in service.stderr
        assert "worker-0 died: it was ended by SIGKILL; another starts in 0.1 s" in service.stderr
        service.process.terminate()
        assert service.ended() == 0
        assert service.left() == []


def test_connections_wait_while_the_worker_is_replaced(store: Store, tmp_path: Path, bucket: str) -> None:
    """None is refused or reset: the supervisor holds the socket."""
    with launched(store, tmp_path) as service, client("s3", service.url) as s3:
        worker = service.child("worker-0")
        os.kill(worker, signal.SIGKILL)
        until(lambda: not alive(worker))

        assert serves(s3, bucket)


def test_a_killed_supervisor_takes_everything_along(store: Store, tmp_path: Path) -> None:
    with launched(store, tmp_path, limits={"drain_seconds": 1}) as service:
        children = service.left()
        service.process.kill()

        assert len(children) >= 2
        until(lambda: service.left() == [])
        assert refuses(service.config["listen"]["port"])
