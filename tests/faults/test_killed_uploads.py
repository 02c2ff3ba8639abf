"""A worker is killed at each step of an upload: whatever it had begun, the others can end."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sweeping import swept
from tests.e2e.uploads import Upload
from tests.faults.replicas import Opens
from tests.faults.steps import Fate, Step, Verdict
from tests.faults.workers import Workers
from tests.service.clients import client
from tests.stores.seaweedfs import Store

BUCKET = "killed-uploads"
TRIES = 6
COMPLETED = [
    *(("create", 1), ("state put", 1), ("part", 1), ("state put", 2), ("parts", 1), ("part", 2)),
    *(("complete", 1), ("state list", 1), ("state delete", 1)),
]
"""What the store is asked for an upload of one short part, and which time it is."""
ABORTED = [("abort", 1), ("state list", 1), ("state delete", 1)]


class Killing:
    """A rule: whoever asks for this step is killed when the store has done it, once."""

    def __init__(self, name: str, time: int) -> None:
        self._name, self._left = name, time

    @property
    def hit(self) -> bool:
        return self._left == 0

    def __call__(self, step: Step) -> Verdict:
        if self.hit or step.name != self._name:
            return Fate.PASS
        self._left -= 1
        return Fate.PASS if self._left else Fate.KILL


def tried(step: Callable[[], Any], *, between: Callable[[], None] = lambda: None) -> Any:
    """Again, where the connection ended or the answer is that it may help."""
    for attempt in range(TRIES):
        try:
            return step()
        except BotoCoreError:
            between()
        except ClientError as exc:
            if exc.response["ResponseMetadata"]["HTTPStatusCode"] < 500 or attempt + 1 == TRIES:
                raise
            between()
    raise AssertionError


class Drill:
    """Uploads during which a worker is killed."""

    def __init__(self, many: Workers, raw: Any, opens: Opens, key_arn: str) -> None:
        self._many, self._raw, self._opens = many, raw, opens
        self._wish = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}

    def complete(self, killing: Killing, key: str) -> None:
        with self._many.client(BUCKET) as s3:
            with self._many.relay.ruled(killing):
                upload = tried(lambda: Upload(s3, BUCKET, key, **self._wish))
                tried(lambda: upload.part(1, plaintext(100)))
                tried(upload.complete, between=lambda: self._whole_or_none(upload))
            self._opens(BUCKET, key, upload.whole())

    def abort(self, killing: Killing, key: str) -> None:
        with self._many.client(BUCKET) as s3:
            upload = Upload(s3, BUCKET, key)
            upload.part(1, b"12345")
            with self._many.relay.ruled(killing), contextlib.suppress(s3.exceptions.NoSuchUpload):
                tried(upload.abort)
            with pytest.raises(ClientError, match="NoSuchUpload"):
                upload.complete()

    def abort_all(self) -> None:
        """What was begun, and of which no client has the id."""
        with self._many.client(BUCKET) as s3:
            for left in s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
                s3.abort_multipart_upload(Bucket=BUCKET, Key=left["Key"], UploadId=left["UploadId"])
        assert "Uploads" not in self._raw.list_multipart_uploads(Bucket=BUCKET)

    def left(self) -> set[str]:
        return {each["Key"] for each in self._raw.list_objects_v2(Bucket=BUCKET).get("Contents", [])}

    def _whole_or_none(self, upload: Upload) -> None:
        with contextlib.suppress(self._raw.exceptions.ClientError):
            self._raw.head_object(**upload.name)
            self._opens(BUCKET, upload.name["Key"], upload.whole())


@pytest.fixture(scope="module")
def own_kms(many: Workers) -> Iterator[Any]:
    with client("kms", many.service.kms_url) as made:
        yield made


@pytest.fixture(scope="module")
def drill(many: Workers, raw: Any, own_kms: Any) -> Drill:
    raw.create_bucket(Bucket=BUCKET)
    return Drill(
        many, raw, Opens(raw, AtRest(raw, own_kms).unwrap), own_kms.create_key()["KeyMetadata"]["Arn"]
    )


@pytest.mark.parametrize(("name", "time"), COMPLETED)
def test_a_worker_that_dies_takes_no_object_along(drill: Drill, key: str, name: str, time: int) -> None:
    """The whole object or none at any moment, and in the end the whole."""
    killing = Killing(name, time)

    drill.complete(killing, key)

    assert killing.hit


@pytest.mark.parametrize(("name", "time"), ABORTED)
def test_an_abort_whose_worker_dies_is_done_again(drill: Drill, key: str, name: str, time: int) -> None:
    killing = Killing(name, time)

    drill.abort(killing, key)

    assert killing.hit


async def test_what_the_dead_have_left_is_cleaned_up(drill: Drill, store: Store, key: str) -> None:
    """An upload of which no client has the id is listed and can be aborted; the sweep finds the rest."""
    for name, time in COMPLETED[1], ABORTED[1]:
        killing = Killing(name, time)
        (drill.complete if name == "state put" else drill.abort)(killing, f"{key}-{name[-1]}")
        assert killing.hit

    drill.abort_all()
    done = await swept(store, BUCKET, days=2)

    assert done.troubles == []
    assert [name for name in drill.left() if name.startswith(".sealgate/")] == []
