"""Random sequences in a bucket that keeps versions: each stays what it was until it is deleted itself.

After each sequence the raw store is read: it has the model's versions and markers and no others, each sealed,
and the independent decryptor opens it. Uploads in parts are not among them: they need a state bucket beside
one with versions.
"""

import os
import uuid
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import refused

SEQUENCES = int(os.environ.get("SEALGATE_SOAK_SEQUENCES", "8"))
STEPS = 20
KEYS = ("a", "d/b", "b+ü")
SIZES = (0, 1, 65_536, 65_537, 1_048_577)

keys = st.sampled_from(KEYS)
bodies = st.tuples(st.sampled_from(SIZES), st.integers(0, 9)).map(lambda of: plaintext(*of))
places = st.integers(0, 5)
"""Which of a key's versions, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    id: str
    plain: bytes | None
    """None: a delete marker."""


class Versions(RuleBasedStateMachine):
    s3: Any
    key_arn: str
    sealed_on_store: AtRest

    @initialize()
    def create_bucket(self) -> None:
        self.bucket = f"versions-{uuid.uuid4()}"
        self.kept: dict[str, list[Version]] = {key: [] for key in KEYS}
        """Newest first."""
        self.sealed_with = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.key_arn}
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

    @rule(key=keys, plain=bodies)
    def put(self, key: str, plain: bytes) -> None:
        made = self.s3.put_object(Bucket=self.bucket, Key=key, Body=plain, **self.sealed_with)
        self._add(key, made["VersionId"], plain)

    @rule(key=keys)
    def delete(self, key: str) -> None:
        """Nothing goes: a marker comes, also where nothing is."""
        gone = self.s3.delete_object(Bucket=self.bucket, Key=key)

        assert gone["DeleteMarker"] is True
        self._add(key, gone["VersionId"], None)

    @rule(key=keys, place=places, many=st.booleans())
    def delete_version(self, key: str, place: int, *, many: bool) -> None:
        """The version or marker itself; the one before it is the current one then."""
        version = self._version(key, place)
        if version is None:
            return
        named = {"Key": key, "VersionId": version.id}
        if many:
            answer = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": [named]})
            assert "Errors" not in answer
        else:
            self.s3.delete_object(Bucket=self.bucket, **named)
        self.kept[key].remove(version)

    @rule(key=keys)
    def get(self, key: str) -> None:
        current = self._version(key, 0)
        if current is None or current.plain is None:
            assert self._code("get_object", Key=key) == "NoSuchKey"
            return
        got = self.s3.get_object(Bucket=self.bucket, Key=key)

        assert (got["VersionId"], got["Body"].read()) == (current.id, current.plain)

    @rule(key=keys, place=places)
    def get_version(self, key: str, place: int) -> None:
        """A marker has no body to give; 405 says so on S3, SeaweedFS has 404."""
        version = self._version(key, place)
        if version is None:
            return
        named = {"Key": key, "VersionId": version.id}
        if version.plain is None:
            assert self._code("get_object", **named) in {"MethodNotAllowed", "NoSuchKey"}
            return
        got = self.s3.get_object(Bucket=self.bucket, **named)
        told = self.s3.head_object(Bucket=self.bucket, **named)

        assert got["Body"].read() == version.plain
        assert (told["VersionId"], told["ContentLength"]) == (version.id, len(version.plain))
        if version.plain:
            last = self.s3.get_object(Bucket=self.bucket, Range="bytes=-70000", **named)
            assert last["Body"].read() == version.plain[-70_000:]

    @rule(source=keys, place=places, key=keys)
    def copy_version(self, source: str, place: int, key: str) -> None:
        """Onto itself, too: an old version becomes the current one."""
        version = self._version(source, place)
        if version is None or version.plain is None:
            return
        made = self.s3.copy_object(
            Bucket=self.bucket,
            Key=key,
            CopySource={"Bucket": self.bucket, "Key": source, "VersionId": version.id},
            **self.sealed_with,
        )

        assert made["CopySourceVersionId"] == version.id
        self._add(key, made["VersionId"], version.plain)

    @rule(page=st.integers(1, 4), prefix=st.sampled_from(["", "d/", "b"]))
    def list_versions(self, page: int, prefix: str) -> None:
        """All pages together: each version with its plaintext's size, each marker, newest first."""
        pages = self.s3.get_paginator("list_object_versions").paginate(
            Bucket=self.bucket, Prefix=prefix, PaginationConfig={"PageSize": page}
        )
        told: dict[str, list[tuple[str, bool, int | None]]] = {}
        for each in pages:
            assert len(each.get("Versions", [])) + len(each.get("DeleteMarkers", [])) <= page
            shown = [*each.get("Versions", []), *each.get("DeleteMarkers", [])]
            for entry in shown:
                line = (entry["VersionId"], entry["IsLatest"], entry.get("Size"))
                told.setdefault(entry["Key"], []).append(line)

        assert {key: sorted(lines) for key, lines in told.items()} == {
            key: sorted(
                (each.id, place == 0, None if each.plain is None else len(each.plain))
                for place, each in enumerate(versions)
            )
            for key, versions in self.kept.items()
            if versions and key.startswith(prefix)
        }

    @rule()
    def list_current(self) -> None:
        told = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])

        assert {each["Key"]: each["Size"] for each in told} == {
            key: len(versions[0].plain)
            for key, versions in self.kept.items()
            if versions and versions[0].plain is not None
        }

    def teardown(self) -> None:
        if not hasattr(self, "bucket"):
            return
        raw = self.sealed_on_store.store
        lies = raw.list_object_versions(Bucket=self.bucket)
        found = {each["VersionId"] for what in ("Versions", "DeleteMarkers") for each in lies.get(what, [])}
        assert found == {each.id for versions in self.kept.values() for each in versions}
        for key, versions in self.kept.items():
            for each in versions:
                if each.plain is not None:
                    self.sealed_on_store(self.bucket, key, each.plain, version_id=each.id)
                self.s3.delete_object(Bucket=self.bucket, Key=key, VersionId=each.id)
        self.s3.delete_bucket(Bucket=self.bucket)

    def _add(self, key: str, version_id: str, plain: bytes | None) -> None:
        self.kept[key].insert(0, Version(id=version_id, plain=plain))

    def _version(self, key: str, place: int) -> Version | None:
        versions = self.kept[key]
        return versions[place % len(versions)] if versions else None

    def _code(self, operation: str, **arguments: Any) -> str:
        """Of the refusal; empty where it was none."""
        try:
            getattr(self.s3, operation)(Bucket=self.bucket, **arguments)
        except ClientError as exc:
            return refused(exc)[1]
        return ""


def test_sequences_keep_each_version_as_the_model_does(
    s3: Any, key_arn: str, sealed_on_store: AtRest
) -> None:
    """Whatever came behind it, a version answers as it did."""
    machine = type("Case", (Versions,), {"s3": s3, "key_arn": key_arn, "sealed_on_store": sealed_on_store})

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
