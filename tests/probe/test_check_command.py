"""`sealgate check` against real stores, and against one that a relay makes worse than it is."""

import json
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.sdk import client
from tests.faults.relay import Relay, Way, relaying
from tests.stores.sealgate import SEALGATE, User, config_for
from tests.stores.seaweedfs import Store

PROBED_SECONDS = 120


@pytest.fixture(scope="module", params=["seaweedfs", "juicefs"])
def each_store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue({"seaweedfs": "store", "juicefs": "juicefs_store"}[request.param])
    return found


@pytest.fixture(scope="module")
def relay(store: Store) -> Iterator[Relay]:
    with relaying(store) as running:
        yield running


class Checker:
    """The command with a configuration of its own, and a look at the bare bucket."""

    def __init__(self, store: Store, raw: Any, directory: Path) -> None:
        self.store = store
        self.raw = raw
        self.path = directory / "config.yaml"
        self.bucket = f"check-{uuid.uuid4()}"
        self.configure()

    def configure(self, **changes: Any) -> None:
        """`changes` are fields of the upstream."""
        config = config_for(self.store, self.path.parent)
        config["upstreams"][0] |= changes
        self.path.write_text(yaml.safe_dump(config))

    def command(self, *arguments: str) -> list[str]:
        return [SEALGATE, "check", "--config", str(self.path), *(arguments or [f"s3://{self.bucket}"])]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, check=False, timeout=PROBED_SECONDS
        )

    def json(self) -> tuple[int, dict[str, Any]]:
        done = self.run("--output", "json", f"s3://{self.bucket}")
        return done.returncode, json.loads(done.stdout)

    def left(self) -> list[str]:
        """Everything in the bucket: objects, versions, markers, unfinished uploads."""
        listings = [self.raw.list_objects_v2(Bucket=self.bucket).get("Contents", [])]
        listings.append(self.raw.list_multipart_uploads(Bucket=self.bucket).get("Uploads", []))
        if self.store.preset == "seaweedfs":
            versions = self.raw.list_object_versions(Bucket=self.bucket)
            listings += [versions.get(name, []) for name in ("Versions", "DeleteMarkers")]
        return [each["Key"] for listing in listings for each in listing]


def checker_for(store: Store, directory: Path) -> Iterator[Checker]:
    owner = User(name="owner", account="", access_key=store.access_key, secret_key=store.secret_key)
    with client("s3", store.url, owner) as raw:
        checker = Checker(store, raw, directory)
        raw.create_bucket(Bucket=checker.bucket)
        yield checker


@pytest.fixture
def checker(store: Store, tmp_path: Path) -> Iterator[Checker]:
    yield from checker_for(store, tmp_path)


@pytest.fixture
def each_checker(each_store: Store, tmp_path: Path) -> Iterator[Checker]:
    yield from checker_for(each_store, tmp_path)


def test_a_presets_claims_are_what_the_store_does(each_checker: Checker) -> None:
    """The table of presets is tried here for two stores; nothing of the trial stays."""
    code, told = each_checker.json()

    assert told["to_write"] == {}
    assert told["problems"] == []
    assert (code, told["ok"]) == (0, True)
    assert {name for name, each in told["capabilities"].items() if each["found"] is None} == set()
    open_ones = {name for name, each in told["operations"].items() if each["found"] is None}
    # SeaweedFS takes one payer alone, the one that has paid before.
    assert open_ones <= {"PutBucketRequestPayment"}
    assert each_checker.left() == []
    made = [each["Name"] for each in each_checker.raw.list_buckets()["Buckets"]]
    assert [name for name in made if name.startswith("sealgate-check-")] == []


def test_what_the_store_lacks_is_not_believed_of_it(checker: Checker) -> None:
    """SeaweedFS takes PUT ?website for CreateBucket, and DELETE ?website would delete the bucket."""
    checker.configure(capabilities={"knows": ["PutBucketWebsite", "DeleteBucketWebsite"]})

    code, told = checker.json()

    assert (code, told["to_write"]) == (1, {})
    assert [problem.partition(":")[0] for problem in told["problems"]] == [
        f"{name}BucketWebsite is configured, and the store does not carry it out"
        for name in ("Delete", "Put")
    ]


def test_a_person_is_told_each_finding_and_that_it_fits(each_checker: Checker) -> None:
    done = each_checker.run()

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(
        r"^  obeys conditions on a copy +yes +a copy of another ETag got 412", done.stdout, re.MULTILINE
    )
    assert done.stdout.endswith("\nThe configuration fits.\n")


def test_what_differs_can_be_written_as_it_is_told(checker: Checker) -> None:
    """The generic preset claims nothing; with the lines that the command prints, it fits."""
    checker.configure(preset="generic")
    done = checker.run()
    assert done.returncode == 1
    told = re.search(
        r"^  upstreams:\n    - name: store\n      (capabilities: .*)$", done.stdout, re.MULTILINE
    )
    assert told is not None

    checker.configure(preset="generic", **yaml.safe_load(told[1]))

    assert checker.run().returncode == 0


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_a_bucket_with_versions_needs_its_state_elsewhere(checker: Checker, status: str) -> None:
    """Versions and markers of the trial are taken away too."""
    for each in ("Enabled", status):
        checker.raw.put_bucket_versioning(Bucket=checker.bucket, VersioningConfiguration={"Status": each})

    code, told = checker.json()

    assert (code, told["versioning"], told["needs_state_elsewhere"]) == (1, status, True)
    assert ["`state`" in problem for problem in told["problems"]] == [True]
    assert checker.left() == []


def test_a_bucket_that_would_keep_the_trial_is_not_tried(checker: Checker) -> None:
    """With a default retention nothing that is written can be taken away."""
    checker.bucket += "-locked"
    checker.raw.create_bucket(Bucket=checker.bucket, ObjectLockEnabledForBucket=True)
    retention = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    checker.raw.put_object_lock_configuration(
        Bucket=checker.bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": retention}
    )

    done = checker.run()

    assert done.returncode == 1
    assert "default retention" in done.stderr
    assert checker.left() == []


@pytest.mark.parametrize(
    ("bucket", "changes", "code", "words"),
    [
        ("s3://no-such-bucket-here", {}, 1, "there is no such bucket"),
        ("s3://any", {"secret_access_key": "wrong"}, 1, "credentials"),
        ("s3://any", {"url": "http://127.0.0.1:1"}, 1, "does not answer"),
        ("s3://any/key", {}, 2, "s3://BUCKET"),
        ("any", {}, 2, "s3://BUCKET"),
    ],
)
def test_what_cannot_be_tried_is_said_in_one_line(
    *, checker: Checker, bucket: str, changes: dict[str, str], code: int, words: str
) -> None:
    checker.configure(**changes)

    done = checker.run(bucket)

    assert done.returncode == code
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def replacing(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    assert len(old) == len(new)
    return lambda piece: piece.replace(old, new)


def test_metadata_that_comes_back_changed_is_a_problem(checker: Checker, relay: Relay) -> None:
    checker.configure(url=relay.url)
    with relay.trouble(to_proxy=Way(change=replacing(b": 1.0123", b": 1.9123"))):
        code, told = checker.json()

    assert (code, told["promises"]["keeps_metadata"]["found"]) == (1, False)
    assert len(told["problems"]) == 1
    assert checker.left() == []


def test_a_store_that_has_what_was_cut_is_a_problem(checker: Checker, relay: Relay) -> None:
    """Here it answers 200 where it has nothing."""
    checker.configure(url=relay.url)
    with relay.trouble(
        to_proxy=Way(change=replacing(b"HTTP/1.1 404 Not Found", b"HTTP/1.1 200 Not Missed"[:22]))
    ):
        code, told = checker.json()

    assert (code, told["promises"]["forgets_cut_uploads"]["found"]) == (1, False)
    assert checker.left() == []


def test_a_store_that_refuses_some_parts_is_told(checker: Checker, relay: Relay) -> None:
    """Here it refuses every third part, by a number that the signature does not know."""
    checker.configure(url=relay.url)
    with relay.trouble(to_store=Way(change=replacing(b"?partNumber=3", b"?partNumber=4"))):
        _, told = checker.json()

    assert told["to_write"] == {"equal_parts": True, "consecutive_parts": True}
    assert checker.left() == []


@pytest.mark.parametrize("answered_bytes", [1200, 10_000])
def test_ctrl_c_leaves_nothing_behind(checker: Checker, relay: Relay, answered_bytes: int) -> None:
    """In the first multipart upload, and among objects: there the store stands still."""
    checker.configure(url=relay.url)
    with subprocess.Popen(
        checker.command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        with relay.trouble(to_proxy=Way(stall_after=answered_bytes)):
            _until(lambda: relay.struck > 0)
            before = checker.left()
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)  # most often it is taken while the store stands still
        _, said = process.communicate(timeout=PROBED_SECONDS)

    assert before
    assert (process.returncode, checker.left()) == (130, [])
    assert said == "interrupted; what was written has been taken away\n"


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
