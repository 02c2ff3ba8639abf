"""Copies while the store or another client interferes: a body never gets an envelope that is not its own."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from proxy.seal.envelope import Mode, kms_context, open_envelope, read_envelope, seal_envelope
from recovery.sizes import sealed_size
from tests.e2e.at_rest import holds_a_run_of, plaintext
from tests.e2e.sdk import client, refused
from tests.faults.evidence import Evidence
from tests.faults.relay import Relay, Way, relaying
from tests.stores.sealgate import Sealgate, serving
from tests.stores.seaweedfs import Store

GIB, MIB = 1 << 30, 1 << 20
FIRST, SECOND = plaintext(12 * MIB + 5, seed=1), plaintext(12 * MIB + 5, seed=2)
ON_THE_STORE = 64 * 1024
"""More than heads and documents of one copy, and less than any body here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Buckets that rules put behind differently capable views of one real store."""

    near: str = field(default_factory=lambda: f"near-{uuid.uuid4()}")
    parted: str = field(default_factory=lambda: f"parted-{uuid.uuid4()}")
    """One request copies 5 MiB there, and no more."""
    blunt: str = field(default_factory=lambda: f"blunt-{uuid.uuid4()}")
    """Knows no condition on a copy's source."""


@pytest.fixture(scope="module")
def relay(store: Store) -> Iterator[Relay]:
    with relaying(store) as made:
        yield made


@pytest.fixture(scope="module")
def places(raw: Any) -> Places:
    made = Places()
    for name in (made.near, made.parted, made.blunt):
        raw.create_bucket(Bucket=name)
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
    rules = [{"match": getattr(places, name), "upstream": name} for name in ("near", "parted", "blunt")]
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
    content_key, data_key = b"c" * 32, _huge_source(raw, kms, places.near, key)

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


@pytest.mark.parametrize("place", ["near", "parted", "blunt"])
def test_a_source_that_is_overwritten_meanwhile_is_copied_as_it_is_then(
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
    mark = b"GET /" if place == "blunt" else b"x-amz-copy-source:"

    with relay.trouble(to_store=Way(change=meanwhile.when(mark, times=1))):
        copied(s3, key, bucket)

    assert meanwhile.done == 1
    assert s3.get_object(Bucket=bucket, Key=f"{key}-copy")["Body"].read() == SECOND
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == SECOND
    assert "Uploads" not in raw.list_multipart_uploads(Bucket=bucket)


@pytest.mark.parametrize("place", ["near", "parted", "blunt"])
def test_a_source_that_never_stands_still_is_not_copied(
    *,
    s3: Any,
    raw: Any,
    relay: Relay,
    places: Places,
    key: str,
    place: str,
    overwriting: Callable[[str], Overwriting],
) -> None:
    bucket = getattr(places, place)
    meanwhile = overwriting(bucket)
    mark = b"GET /" if place == "blunt" else b"x-amz-copy-source:"

    with (
        relay.trouble(to_store=Way(change=meanwhile.when(mark, times=1000))),
        pytest.raises(ClientError) as caught,
    ):
        copied(s3, key, bucket)

    assert refused(caught.value) == (409, "OperationAborted")
    assert f"{key}-copy" not in names(raw, bucket)
    assert "Uploads" not in raw.list_multipart_uploads(Bucket=bucket)


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


def _huge_source(raw: Any, kms: Any, bucket: str, key: str) -> bytes:
    """An object of 1 GiB as far as name, envelope and size go; a copy has no reason to look further.

    Gives its data key. Made of copied parts, since sealing and sending that much would take long.
    """
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    context = kms_context(bucket=bucket, key=key.encode(), data_key_per_object=False)
    made = kms.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext=context)
    envelope = seal_envelope(
        bucket=bucket,
        key=key.encode(),
        mode=Mode.KMS,
        data_key=made["Plaintext"],
        content_key=b"c" * 32,
        salt=b"s" * 16,
        plain_length=GIB,
        key_arn=arn,
        wrapped_data_key=made["CiphertextBlob"],
    )
    piece = {"Bucket": bucket, "Key": f"{key}-piece"}
    raw.put_object(**piece, Body=bytes(64 * MIB))
    name = {"Bucket": bucket, "Key": key}
    upload = {
        **name,
        "UploadId": raw.create_multipart_upload(**name, Metadata={"sealgate": envelope})["UploadId"],
    }
    etags = [
        raw.upload_part_copy(**upload, PartNumber=number, CopySource=piece)["CopyPartResult"]["ETag"]
        for number in range(1, 17)
    ]
    etags.append(raw.upload_part(**upload, PartNumber=17, Body=bytes(sealed_size(GIB) - GIB))["ETag"])
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    raw.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    raw.delete_object(**piece)
    return bytes(made["Plaintext"])
