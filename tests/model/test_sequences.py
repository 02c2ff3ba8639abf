"""Random sequences of operations through the proxy answer as a plain model of S3 does.

After each sequence the raw store is read: it holds the model's objects and no others, sealed, and the
independent decryptor opens each to the model's bytes. `make soak` runs many more of them.
"""

import os
import uuid
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import refused
from tests.model.plain_s3 import SMALLEST_PART, Object, Upload, cut, listed

SEQUENCES = int(os.environ.get("SEALGATE_SOAK_SEQUENCES", "12"))
STEPS = 20
KEYS = ("a", "d/b", "d/c d", "b+ü", "c")
"""None is another one's directory: to SeaweedFS a directory is there, and a condition on its name fails."""
SIZES = (0, 1, 100, 65_535, 65_536, 65_537, 200_000, 1_048_577)
PART_SIZES = (0, 1, 70_000, SMALLEST_PART, SMALLEST_PART + 1)
RANGES = (
    "bytes=0-0",
    "bytes=0-",
    "bytes=1-65536",
    "bytes=65535-65537",
    "bytes=5242879-5242881",
    "bytes=99999999-",
    "bytes=-1",
    "bytes=-70000",
)

NUMBERS = (1, 2, 3, 10_000)
NO_ETAG = f'"{"0" * 32}"'

keys = st.sampled_from(KEYS)
bodies = st.tuples(st.sampled_from(SIZES), st.integers(0, 9)).map(lambda of: plaintext(*of))
parts = st.tuples(st.sampled_from(PART_SIZES), st.integers(0, 9)).map(lambda of: plaintext(*of))
metadata = st.dictionaries(st.sampled_from(["one", "two"]), st.text("abc", min_size=1), max_size=2)


class Sequences(RuleBasedStateMachine):
    """One bucket, operated on through the proxy and in the model alike."""

    s3: Any
    key_arn: str
    sealed_on_store: AtRest

    uploads = Bundle("uploads")

    @initialize()
    def create_bucket(self) -> None:
        self.bucket = f"model-{uuid.uuid4()}"
        self.objects: dict[str, Object] = {}
        self.open: dict[str, Upload] = {}
        self.sealed_with = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.key_arn}
        self.s3.create_bucket(Bucket=self.bucket)

    @rule(key=keys, plain=bodies, metadata=metadata)
    def put(self, key: str, plain: bytes, metadata: dict[str, str]) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=plain, Metadata=metadata, **self.sealed_with)
        self.objects[key] = Object(plain=plain, metadata=metadata)

    @rule(key=keys, plain=bodies)
    def create_only(self, key: str, plain: bytes) -> None:
        """If-None-Match: only where nothing is."""
        code = self._code("put_object", Key=key, Body=plain, IfNoneMatch="*", **self.sealed_with)

        assert code == ("PreconditionFailed" if key in self.objects else "")
        self.objects.setdefault(key, Object(plain=plain))

    @rule(key=keys)
    def get(self, key: str) -> None:
        expected = self.objects.get(key)
        if expected is None:
            assert self._code("get_object", Key=key) == "NoSuchKey"
            return
        got = self.s3.get_object(Bucket=self.bucket, Key=key)

        assert got["Body"].read() == expected.plain
        assert (got["ContentLength"], got["Metadata"]) == (len(expected.plain), expected.metadata)

    @rule(key=keys, plain=bodies, current=st.booleans())
    def replace_only(self, key: str, plain: bytes, *, current: bool) -> None:
        """If-Match: only the object that was seen."""
        if key not in self.objects:
            return
        etag = self._etag(key) if current else NO_ETAG
        code = self._code("put_object", Key=key, Body=plain, IfMatch=etag, **self.sealed_with)

        assert code == ("" if current else "PreconditionFailed")
        if current:
            self.objects[key] = Object(plain=plain)

    @rule(key=keys, condition=st.sampled_from(["IfMatch", "IfNoneMatch"]), current=st.booleans())
    def get_if(self, key: str, condition: str, *, current: bool) -> None:
        if key not in self.objects:
            return
        wanted = {condition: self._etag(key) if current else NO_ETAG}

        if (condition == "IfMatch") is current:
            got = self.s3.get_object(Bucket=self.bucket, Key=key, **wanted)
            assert got["Body"].read() == self.objects[key].plain
        else:
            refusal = "304" if current else "PreconditionFailed"
            assert self._code("get_object", Key=key, **wanted) == refusal

    @rule(key=keys, asked=st.sampled_from(RANGES))
    def get_range(self, key: str, asked: str) -> None:
        expected = self.objects.get(key)
        if expected is None:
            return
        answer = cut(expected.plain, asked)
        if answer is None:
            assert self._code("get_object", Key=key, Range=asked) == "InvalidRange"
            return
        assert self.s3.get_object(Bucket=self.bucket, Key=key, Range=asked)["Body"].read() == answer

    @rule(key=keys)
    def head(self, key: str) -> None:
        expected = self.objects.get(key)
        if expected is None:
            assert self._code("head_object", Key=key) == "404"
            return
        told = self.s3.head_object(Bucket=self.bucket, Key=key)

        assert (told["ContentLength"], told["Metadata"]) == (len(expected.plain), expected.metadata)

    @rule(key=keys)
    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=key)
        self.objects.pop(key, None)

    @rule(chosen=st.sets(keys, min_size=1))
    def delete_many(self, chosen: set[str]) -> None:
        wanted = [{"Key": key} for key in sorted(chosen)]
        answer = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": wanted})

        assert "Errors" not in answer
        for key in chosen:
            self.objects.pop(key, None)

    @rule(
        prefix=st.sampled_from(["", "d", "d/", "x"]),
        delimiter=st.sampled_from(["", "/"]),
        page=st.integers(1, 4),
    )
    def list_objects(self, prefix: str, delimiter: str, page: int) -> None:
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, Delimiter=delimiter, PaginationConfig={"PageSize": page}
        )
        found: dict[str, int] = {}
        below: list[str] = []
        for each in pages:
            found |= {entry["Key"]: entry["Size"] for entry in each.get("Contents", [])}
            below += [entry["Prefix"] for entry in each.get("CommonPrefixes", [])]
        # SeaweedFS shows an empty directory for a moment after the last object in it has gone.
        below = [each for each in below if any(key.startswith(each) for key in self.objects)]

        assert (found, below) == listed(self.objects, prefix=prefix, delimiter=delimiter)

    @rule(source=keys, key=keys, replaced=st.none() | metadata)
    def copy(self, source: str, key: str, replaced: dict[str, str] | None) -> None:
        """With the source's metadata, or with its own; onto itself only with a change."""
        wanted: dict[str, Any] = {"CopySource": {"Bucket": self.bucket, "Key": source}, **self.sealed_with}
        if replaced is not None:
            wanted |= {"MetadataDirective": "REPLACE", "Metadata": replaced}
        code = self._code("copy_object", Key=key, **wanted)

        if source not in self.objects:
            assert code == "NoSuchKey"
            return
        assert code == ""
        copied = self.objects[source]
        self.objects[key] = copied if replaced is None else replace(copied, metadata=replaced)

    @rule(target=uploads, key=keys, metadata=metadata)
    def create_upload(self, key: str, metadata: dict[str, str]) -> str:
        made = self.s3.create_multipart_upload(
            Bucket=self.bucket, Key=key, Metadata=metadata, **self.sealed_with
        )
        self.open[made["UploadId"]] = Upload(key=key, metadata=metadata)
        return str(made["UploadId"])

    @rule(upload=uploads, number=st.sampled_from(NUMBERS), plain=parts)
    def upload_part(self, upload: str, number: int, plain: bytes) -> None:
        """Also once more under the same number, with other bytes."""
        if upload not in self.open:
            return
        of = self.open[upload]
        sent = self.s3.upload_part(
            Bucket=self.bucket, Key=of.key, UploadId=upload, PartNumber=number, Body=plain
        )
        of.parts[number] = plain
        of.etags[number] = sent["ETag"]

    @rule(upload=uploads, number=st.sampled_from(NUMBERS), source=keys, ranged=st.booleans())
    def upload_part_copy(self, upload: str, number: int, source: str, *, ranged: bool) -> None:
        """Of the whole source, or of all but its first byte."""
        if upload not in self.open or source not in self.objects:
            return
        of, plain = self.open[upload], self.objects[source].plain
        ranged = ranged and len(plain) > 1
        sent = self.s3.upload_part_copy(
            Bucket=self.bucket,
            Key=of.key,
            UploadId=upload,
            PartNumber=number,
            CopySource={"Bucket": self.bucket, "Key": source},
            **({"CopySourceRange": f"bytes=1-{len(plain) - 1}"} if ranged else {}),
        )
        of.parts[number] = plain[1:] if ranged else plain
        of.etags[number] = sent["CopyPartResult"]["ETag"]

    @rule(upload=uploads)
    def list_parts(self, upload: str) -> None:
        if upload not in self.open:
            return
        of = self.open[upload]
        told = self.s3.list_parts(Bucket=self.bucket, Key=of.key, UploadId=upload).get("Parts", [])

        assert {each["PartNumber"]: each["Size"] for each in told} == {
            number: len(plain) for number, plain in of.parts.items()
        }

    @rule(upload=uploads, numbers=st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=3))
    def complete_some(self, upload: str, numbers: list[int]) -> None:
        """Any list of parts: it succeeds, or is refused as S3 does, and then the upload goes on."""
        self._complete(upload, numbers)

    @rule(upload=consumes(uploads))
    def complete_all(self, upload: str) -> None:
        if upload in self.open and self.open[upload].parts:
            self._complete(upload, sorted(self.open[upload].parts))

    @rule(upload=consumes(uploads))
    def abort(self, upload: str) -> None:
        of = self.open.pop(upload, None)
        if of is not None:
            self.s3.abort_multipart_upload(Bucket=self.bucket, Key=of.key, UploadId=upload)

    @rule(key=keys, which=st.integers(0, 3))
    def get_part(self, key: str, which: int) -> None:
        """By its number, which need not be its place."""
        expected = self.objects.get(key)
        if expected is None:
            return
        parts = expected.parts or ((1, len(expected.plain)),)
        number, size = parts[which % len(parts)]
        start = sum(each for _, each in parts[: which % len(parts)])
        got = self.s3.get_object(Bucket=self.bucket, Key=key, PartNumber=number)

        assert got["Body"].read() == expected.plain[start : start + size]

    @invariant()
    def etags_agree(self) -> None:
        """One ETag for an object, whoever asks."""
        if not self.objects:
            return
        key = min(self.objects)
        shown = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1)["Contents"][0]["ETag"]

        assert self.s3.head_object(Bucket=self.bucket, Key=key)["ETag"] == shown

    def teardown(self) -> None:
        if not hasattr(self, "bucket"):
            return
        for upload in list(self.open):
            self.s3.abort_multipart_upload(Bucket=self.bucket, Key=self.open[upload].key, UploadId=upload)
        assert sorted(self.sealed_on_store.keys(self.bucket)) == sorted(self.objects)
        for key, expected in self.objects.items():
            sealed = self.sealed_on_store(self.bucket, key, expected.plain)
            assert sealed.metadata == expected.metadata
        if self.objects:
            gone = [{"Key": key} for key in self.objects]
            self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": gone})
        self.s3.delete_bucket(Bucket=self.bucket)

    def _complete(self, upload: str, numbers: list[int]) -> None:
        if upload not in self.open:
            return
        of = self.open[upload]
        named = [{"PartNumber": each, "ETag": of.etags.get(each, NO_ETAG)} for each in numbers]
        code = self._code(
            "complete_multipart_upload", Key=of.key, UploadId=upload, MultipartUpload={"Parts": named}
        )

        assert code == of.refusal_of(numbers)
        if not code:
            self.objects[of.key] = of.whole(numbers)
            del self.open[upload]

    def _etag(self, key: str) -> str:
        return str(self.s3.head_object(Bucket=self.bucket, Key=key)["ETag"])

    def _code(self, operation: str, **arguments: Any) -> str:
        """Of the refusal; empty where it was none."""
        try:
            getattr(self.s3, operation)(Bucket=self.bucket, **arguments)
        except ClientError as exc:
            return refused(exc)[1]
        return ""


def test_sequences_answer_as_the_model_does(s3: Any, key_arn: str, sealed_on_store: AtRest) -> None:
    """Whatever came before, each answer and what lies on the store is what the model says."""
    machine = type("Case", (Sequences,), {"s3": s3, "key_arn": key_arn, "sealed_on_store": sealed_on_store})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize="SEALGATE_SOAK_SEQUENCES" not in os.environ,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # each step takes real requests: shrinking them would take minutes
            database=None,
        ),
    )
