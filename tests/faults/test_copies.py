"""Copies while the store or another client interferes: a body never gets an envelope that is not its own."""

import itertools
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from proxy.seal.envelope import open_envelope, read_envelope
from recovery.sizes import sealed_size
from tests.e2e.at_rest import holds_a_run_of, plaintext
from tests.e2e.sdk import client, refused
from tests.e2e.wire import UNSIGNED, sign
from tests.faults.evidence import Evidence
from tests.faults.huge import GIB, huge_source
from tests.faults.relay import Relay, Way, relaying
from tests.faults.wire import talking, target_of
from tests.stores.sealgate import Sealgate, serving
from tests.stores.seaweedfs import Store

MIB = 1 << 20
FIRST, SECOND = plaintext(12 * MIB + 5, seed=1), plaintext(12 * MIB + 5, seed=2)
ON_THE_STORE = 64 * 1024
"""More than heads and documents of one copy, and less than any body here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Buckets that rules put behind differently capable views of one real store."""

    near: str = field(default_factory=lambda: f"near-{uuid.uuid4()}")
    parted: str = field(default_factory=lambda: f"parted-{uuid.uuid4()}")
    """One request copies 5 MiB there, and no more."""
    nowhere: str = field(default_factory=lambda: f"nowhere-{uuid.uuid4()}")
    """As parted, and not there."""
    held: str = field(default_factory=lambda: f"held-{uuid.uuid4()}")
    """As parted, with Object Lock."""
    blunt: str = field(default_factory=lambda: f"blunt-{uuid.uuid4()}")
    """Knows no condition on a copy's source."""
    dated: str = field(default_factory=lambda: f"dated-{uuid.uuid4()}")
    """As blunt, with versions."""


@pytest.fixture(scope="module")
def relay(store: Store) -> Iterator[Relay]:
    with relaying(store) as made:
        yield made


@pytest.fixture(scope="module")
def places(raw: Any) -> Places:
    made = Places()
    for name in (made.near, made.parted, made.blunt, made.dated):
        raw.create_bucket(Bucket=name)
    raw.create_bucket(Bucket=made.held, ObjectLockEnabledForBucket=True)
    raw.put_bucket_versioning(Bucket=made.dated, VersioningConfiguration={"Status": "Enabled"})
    return made


@pytest.fixture(scope="module")
def service(
    store: Store, relay: Relay, places: Places, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sealgate]:
    upstream = {
        "name": "near",
        "url": relay.url,
        "access_key_id": store.access_key,
        "secret_access_key": store.secret_key,
        "preset": "seaweedfs",
    }
    upstreams = [
        upstream,
        upstream | {"name": "parted", "capabilities": {"largest_copy_bytes": 5 * MIB}},
        upstream | {"name": "blunt", "capabilities": {"conditional_copies": False}},
    ]
    behind = {
        "near": "near",
        "parted": "parted",
        "nowhere": "parted",
        "held": "parted",
        "blunt": "blunt",
        "dated": "blunt",
    }
    rules = [{"match": getattr(places, name), "upstream": upstream} for name, upstream in behind.items()]
    directory = Path(tmp_path_factory.mktemp("copying"))
    with serving(replace(store, url=relay.url), directory, upstreams=upstreams, buckets=rules) as running:
        yield running


@pytest.fixture(scope="module")
def s3(service: Sealgate) -> Iterator[Any]:
    with client("s3", service.url, read_timeout=120) as made:
        yield made


@pytest.fixture(scope="module")
def kms(service: Sealgate) -> Iterator[Any]:
    with client("kms", service.kms_url) as made:
        yield made


@pytest.fixture(scope="module")
def witness(service: Sealgate) -> Evidence:
    return Evidence(service)


class Overwriting:
    """Puts the other of two bodies, with its envelope, under the source's name when a request goes by."""

    def __init__(self, s3: Any, raw: Any, bucket: str, key: str) -> None:
        self._raw = raw
        self._name = {"Bucket": bucket, "Key": key}
        self._bodies = []
        for plain in (SECOND, FIRST):
            s3.put_object(**self._name, Body=plain)
            stored = raw.get_object(**self._name)
            self._bodies.append({"Body": stored["Body"].read(), "Metadata": stored["Metadata"]})
        self.done = 0

    @property
    def plain(self) -> bytes:
        """What lies there now."""
        return (FIRST, SECOND)[self.done % 2]

    def when(self, mark: bytes, *, times: int) -> Callable[[bytes], bytes]:
        """A relay's change, which leaves the bytes as they are."""

        def change(piece: bytes) -> bytes:
            if mark in piece and self.done < times:
                self._raw.put_object(**self._name, **self._bodies[self.done % 2])
                self.done += 1
            return piece

        return change


@pytest.fixture
def overwriting(s3: Any, raw: Any, key: str) -> Callable[[str], Overwriting]:
    return lambda bucket: Overwriting(s3, raw, bucket, key)


def copied(s3: Any, key: str, bucket: str, target: str = "") -> Any:
    source = {"Bucket": bucket, "Key": key}
    return s3.copy_object(Bucket=target or bucket, Key=f"{key}-copy", CopySource=source)


def names(raw: Any, bucket: str) -> set[str]:
    return {each["Key"] for each in raw.list_objects_v2(Bucket=bucket).get("Contents", [])}


def test_no_body_passes_the_proxy(
    *, s3: Any, raw: Any, kms: Any, relay: Relay, places: Places, key: str
) -> None:
    """1 GiB is copied, and less than 64 KiB go between proxy and store."""
    content_key, data_key = b"c" * 32, huge_source(raw, kms, places.near, key)

    with relay.trouble():
        copied(s3, key, places.near)
        moved = relay.moved_bytes

    assert moved < ON_THE_STORE
    assert s3.head_object(Bucket=places.near, Key=f"{key}-copy")["ContentLength"] == GIB
    old = raw.head_object(Bucket=places.near, Key=key)
    new = raw.head_object(Bucket=places.near, Key=f"{key}-copy")
    assert new["ContentLength"] == old["ContentLength"] == sealed_size(GIB)
    opened = open_envelope(
        read_envelope(old["Metadata"]["sealgate"]), bucket=places.near, key=key.encode(), data_key=data_key
    )
    assert opened.content_key == content_key
    assert read_envelope(new["Metadata"]["sealgate"]).wrapped_data_key != opened.sealed.wrapped_data_key
    for name in (key, f"{key}-copy"):
        raw.delete_object(Bucket=places.near, Key=name)


# Place -> what is in the request that takes the body, and in no other.
TAKES_THE_BODY = {"near": b"x-amz-copy-source:", "parted": b"x-amz-copy-source:", "blunt": b"GET /"}


@pytest.mark.parametrize("place", TAKES_THE_BODY)
def test_a_source_that_is_overwritten_meanwhile_is_copied_as_it_is_then_or_not_at_all(
    *,
    s3: Any,
    raw: Any,
    relay: Relay,
    places: Places,
    key: str,
    place: str,
    overwriting: Callable[[str], Overwriting],
) -> None:
    """After the envelope was read and before the body is copied: the new body comes with the new envelope."""
    bucket = getattr(places, place)
    meanwhile = overwriting(bucket)
    change = partial(meanwhile.when, TAKES_THE_BODY[place])

    with relay.trouble(to_store=Way(change=change(times=1000))), pytest.raises(ClientError) as caught:
        copied(s3, key, bucket)
    assert refused(caught.value) == (409, "OperationAborted")
    assert f"{key}-copy" not in names(raw, bucket)

    last = meanwhile.done
    with relay.trouble(to_store=Way(change=change(times=last + 1))):
        copied(s3, key, bucket)
    assert meanwhile.done == last + 1
    for name in (key, f"{key}-copy"):
        assert s3.get_object(Bucket=bucket, Key=name)["Body"].read() == meanwhile.plain
    assert "Uploads" not in raw.list_multipart_uploads(Bucket=bucket)


def test_a_store_without_conditions_copies_the_version_that_was_looked_at(
    *, s3: Any, relay: Relay, places: Places, key: str, overwriting: Callable[[str], Overwriting]
) -> None:
    """Where it has versions: what comes after it is no reason to begin anew."""
    meanwhile = overwriting(places.dated)
    before = meanwhile.plain

    with relay.trouble(to_store=Way(change=meanwhile.when(b"x-amz-copy-source:", times=1))):
        copied(s3, key, places.dated)
        moved = relay.moved_bytes

    assert meanwhile.done == 1
    assert moved < ON_THE_STORE
    assert s3.get_object(Bucket=places.dated, Key=f"{key}-copy")["Body"].read() == before
    assert s3.get_object(Bucket=places.dated, Key=key)["Body"].read() == meanwhile.plain != before


class Swallowing:
    """Lets so much of the requests with this mark through, and nothing behind it: they never end."""

    def __init__(self, mark: bytes, *, through: int) -> None:
        self._mark, self._left = mark, through
        self._begun = False
        self.stuck = threading.Event()

    def change(self, piece: bytes) -> bytes:
        self._begun = self._begun or self._mark in piece
        if not self._begun or piece.startswith(b"DELETE "):
            return piece
        kept = piece[: self._left]
        self._left -= len(kept)
        if not self._left:
            self.stuck.set()
        return kept


@pytest.mark.parametrize(
    ("place", "mark", "through"), [("parted", b"x-amz-copy-source-range:", 0), ("blunt", b"PUT /", 6 * MIB)]
)
def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(
    *,
    s3: Any,
    raw: Any,
    service: Sealgate,
    relay: Relay,
    places: Places,
    key: str,
    witness: Evidence,
    place: str,
    mark: bytes,
    through: int,
) -> None:
    """No object, and no upload whose parts take room."""
    bucket = getattr(places, place)
    s3.put_object(Bucket=bucket, Key=key, Body=FIRST)
    url = f"{service.url}/{bucket}/{key}-copy"
    signed = sign("PUT", url, {"x-amz-copy-source": f"{bucket}/{key}"}, payload_hash=UNSIGNED)
    swallowing = Swallowing(mark, through=through)

    with relay.trouble(to_store=Way(change=swallowing.change)), talking(url) as talk:
        talk.head("PUT", target_of(url), signed)
        assert swallowing.stuck.wait(30)
        talk.reset()
        event = witness.about(f"{key}-copy")

    assert event["additionalEventData"]["outcome"] == "cancelled"
    assert f"{key}-copy" not in names(raw, bucket)
    assert "Uploads" not in raw.list_multipart_uploads(Bucket=bucket)


@pytest.mark.parametrize("plain", [b"x", FIRST], ids=["whole", "by parts"])
def test_another_key_in_place_carries_all_that_the_object_has(
    *, s3: Any, raw: Any, kms: Any, relay: Relay, places: Places, key: str, plain: bytes
) -> None:
    """Also a lock that is put on it meanwhile, and an ACL, which no copy in parts takes along."""
    name, arn = {"Bucket": places.held, "Key": key}, kms.create_key()["KeyMetadata"]["Arn"]
    described = {"Metadata": {"a": "b"}, "CacheControl": "no-store", "StorageClass": "STANDARD_IA"}
    s3.put_object(**name, **described, Body=plain, Tagging="team=a")
    raw.put_object_acl(**name, ACL="public-read")
    until = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    looks = itertools.count(1)

    def hold(piece: bytes) -> bytes:
        if b"HEAD /" in piece and next(looks) == 2:  # the first one refuses what is held
            raw.put_object_legal_hold(**name, LegalHold={"Status": "ON"})
            raw.put_object_retention(**name, Retention=retention)
        return piece

    with relay.trouble(to_store=Way(change=hold)):
        s3.update_object_encryption(**name, ObjectEncryption={"SSEKMS": {"KMSKeyArn": arn}})

    got = s3.get_object(**name)
    assert got["Body"].read() == plain
    assert got["SSEKMSKeyId"] == arn
    assert {each: got[each] for each in described} == described
    assert (got["ObjectLockLegalHoldStatus"], got["ObjectLockMode"]) == ("ON", "GOVERNANCE")
    assert got["ObjectLockRetainUntilDate"] == until
    assert s3.get_object_tagging(**name)["TagSet"] == [{"Key": "team", "Value": "a"}]
    assert "READ" in {grant["Permission"] for grant in s3.get_object_acl(**name)["Grants"]}
    assert len(raw.list_object_versions(Bucket=places.held, Prefix=key)["Versions"]) == 2
    assert "Uploads" not in raw.list_multipart_uploads(Bucket=places.held)


def test_a_store_without_conditions_gets_a_body_of_its_own(
    s3: Any, raw: Any, places: Places, key: str
) -> None:
    """Nothing would bind its copy to the envelope that was read: so the body is sealed anew."""
    plain = plaintext(2 * MIB)
    s3.put_object(Bucket=places.blunt, Key=key, Body=plain, Metadata={"a": "b"}, ChecksumAlgorithm="CRC32")

    answer = copied(s3, key, places.blunt)

    got = s3.get_object(Bucket=places.blunt, Key=f"{key}-copy", ChecksumMode="ENABLED")
    assert got["Body"].read() == plain
    assert (got["Metadata"], got["ETag"]) == ({"a": "b"}, answer["CopyObjectResult"]["ETag"])
    assert "ChecksumCRC32" in got
    bodies = [raw.get_object(Bucket=places.blunt, Key=name)["Body"].read() for name in (key, f"{key}-copy")]
    assert bodies[0] != bodies[1]
    assert not holds_a_run_of(plain, bodies[1])


def test_a_copy_to_another_store_passes_through(s3: Any, raw: Any, places: Places, key: str) -> None:
    """With all that describes it."""
    s3.put_object(Bucket=places.near, Key=key, Body=FIRST, Metadata={"a": "b"}, ContentType="text/x")
    raw.put_object_tagging(Bucket=places.near, Key=key, Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})

    copied(s3, key, places.near, places.parted)

    got = s3.get_object(Bucket=places.parted, Key=f"{key}-copy")
    assert got["Body"].read() == FIRST
    assert (got["Metadata"], got["ContentType"]) == ({"a": "b"}, "text/x")
    tags = raw.get_object_tagging(Bucket=places.parted, Key=f"{key}-copy")["TagSet"]
    assert tags == [{"Key": "k", "Value": "v"}]


@pytest.mark.parametrize("size", [1, 6 * MIB])
def test_a_copy_into_no_bucket_says_so(s3: Any, places: Places, key: str, size: int) -> None:
    """By one request and by parts."""
    s3.put_object(Bucket=places.parted, Key=key, Body=plaintext(size))

    with pytest.raises(ClientError) as caught:
        copied(s3, key, places.parted, places.nowhere)

    assert refused(caught.value) == (404, "NoSuchBucket")


def test_a_damaged_source_leaves_nothing_where_it_is_read(
    s3: Any, raw: Any, places: Places, key: str, witness: Evidence
) -> None:
    """The target's end is held back until the whole source has proven itself."""
    s3.put_object(Bucket=places.blunt, Key=key, Body=FIRST)
    stored = raw.get_object(Bucket=places.blunt, Key=key)
    body = bytearray(stored["Body"].read())
    body[-2000 - 96 * 3] ^= 1
    raw.put_object(Bucket=places.blunt, Key=key, Body=bytes(body), Metadata=stored["Metadata"])

    with pytest.raises(ClientError) as caught:
        copied(s3, key, places.blunt)

    assert refused(caught.value) == (403, "InvalidObjectState")
    assert f"{key}-copy" not in names(raw, places.blunt)
    assert witness.violation(caught.value.response["ResponseMetadata"]["RequestId"])


def test_a_success_that_holds_an_error_is_one(s3: Any, relay: Relay, places: Places, key: str) -> None:
    """A store begins its answer before it has copied."""
    s3.put_object(Bucket=places.near, Key=key, Body=b"x")

    def failed(piece: bytes) -> bytes:
        at = piece.find(b"<CopyObjectResult")
        error = b"<Error><Code>InternalError</Code></Error>"
        return piece if at < 0 else piece[:at] + error.ljust(len(piece) - at)

    with relay.trouble(to_proxy=Way(change=failed)), pytest.raises(ClientError) as caught:
        copied(s3, key, places.near)

    assert refused(caught.value) == (503, "ServiceUnavailable")
