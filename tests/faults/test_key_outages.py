"""The key service's process dies or hangs: what is cached goes on until its age ends, the rest may come back.

Recovery needs no restart: the supervisor brings the process back, and requests find it.
"""

import os
import signal
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.at_rest import plaintext
from tests.e2e.sdk import client
from tests.faults.evidence import Evidence
from tests.faults.outages import DOWN, child, comes_back, key_service_down
from tests.faults.wire import ask, own_address
from tests.stores.sealgate import BOB, Sealgate, serving
from tests.stores.seaweedfs import Store

PLAIN = plaintext(5000)
AGE_SECONDS = 6.0
UNDER_MANAGED_KEY = {"x-amz-server-side-encryption": "aws:kms"}


@pytest.fixture(scope="module")
def service(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealgate]:
    """Keeps data keys for some seconds."""
    cache = {"max_age_seconds": AGE_SECONDS}
    kms = {"backends": [{"type": "hsm", "write": True}], "data_key_cache": cache}
    with serving(store, Path(tmp_path_factory.mktemp("outages")), kms=kms) as running:
        yield running


@pytest.fixture(scope="module")
def witness(service: Sealgate) -> Evidence:
    return Evidence(service)


@pytest.fixture
def bucket(raw: Any) -> str:
    """Each test's own: data keys belong to a bucket, and one test's would be another's cached ones."""
    name = f"faults-{uuid.uuid4()}"
    raw.create_bucket(Bucket=name)
    return name


@pytest.fixture
def at(service: Sealgate, bucket: str, key: str) -> str:
    return f"{service.url}/{bucket}/{key}"


def test_cached_keys_bridge_an_outage_until_their_age_ends(
    *, service: Sealgate, at: str, raw: Any, bucket: str, key: str, witness: Evidence
) -> None:
    """New keys 503 with Retry-After, known ones go on, old ones end; then all is as before.

    Known is a key to whoever asked for it before, and from there: another address is another question.
    """
    here = own_address()
    worker = child(service, "worker")
    assert ask("PUT", at, body=PLAIN, source=here).status == 200
    assert ask("GET", at, source=here).body == PLAIN
    cached_at_the_latest = time.monotonic()
    with key_service_down(service):
        assert ask("GET", at, source=here).body == PLAIN
        again = ask("PUT", f"{at}-again", body=PLAIN, source=here)
        assert again.status == 200
        assert witness.of(again.request_id)["additionalEventData"]["cacheHit"] is True
        with ThreadPoolExecutor() as at_once:
            new_key = at_once.submit(ask, "PUT", f"{at}-new", UNDER_MANAGED_KEY, body=PLAIN, source=here)
            new_user = at_once.submit(ask, "GET", at, user=BOB, source=here)
            new_address = at_once.submit(ask, "GET", at)
            time.sleep(max(0.0, cached_at_the_latest + AGE_SECONDS + 0.5 - time.monotonic()))
            too_old = at_once.submit(ask, "GET", at, source=here)
            answers = [each.result() for each in (new_key, new_user, new_address, too_old)]

    for answer in answers:
        assert answer.told == DOWN
        assert answer.headers["retry-after"] == "1"
        assert witness.of(answer.request_id)["errorCode"] == DOWN[1]
    names = [each["Key"] for each in raw.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]]
    assert names == [key, f"{key}-again"]
    assert comes_back("PUT", f"{at}-new", headers=UNDER_MANAGED_KEY, body=PLAIN).status == 200
    assert comes_back("GET", at, user=BOB).body == PLAIN
    assert comes_back("GET", at).body == PLAIN
    assert child(service, "worker") == worker


def test_a_killed_key_service_is_back_before_long(*, service: Sealgate, at: str) -> None:
    """Whoever asks meanwhile waits a little, or hears that it may come back."""
    assert comes_back("PUT", at, body=PLAIN).status == 200
    dead = child(service, "hsm")

    os.kill(dead, signal.SIGKILL)

    assert comes_back("PUT", f"{at}-2", headers=UNDER_MANAGED_KEY, body=PLAIN).status == 200
    assert comes_back("GET", f"{at}-2", user=BOB).body == PLAIN
    assert child(service, "hsm") not in {0, dead}


def test_what_was_sealed_before_a_crash_opens_after_it(*, service: Sealgate, at: str) -> None:
    """A customer key outlives its process, and so does its being disabled."""
    with client("kms", service.kms_url) as keys:
        arn = str(keys.create_key()["KeyMetadata"]["Arn"])
        under = UNDER_MANAGED_KEY | {"x-amz-server-side-encryption-aws-kms-key-id": arn}
        assert comes_back("PUT", at, headers=under, body=PLAIN).status == 200
        keys.disable_key(KeyId=arn)
    os.kill(child(service, "hsm"), signal.SIGKILL)

    refused = comes_back("GET", at)

    assert refused.told == (400, "KMS.DisabledException")


def test_a_data_key_is_asked_for_once(*, at: str, witness: Evidence) -> None:
    """A bucket's objects share one while it is cached; the events say which of them cost a call."""
    cached = []
    for number in range(4):
        answer = comes_back("PUT", f"{at}-{number}", body=PLAIN)
        cached.append(witness.of(answer.request_id)["additionalEventData"]["cacheHit"])
    assert cached == [False, True, True, True]
