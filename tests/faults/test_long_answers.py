"""A store that takes its time over a Complete or a copy: the client hears that somebody is at work."""

import threading
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from botocore.exceptions import ClientError

from proxy.s3.markup import DECLARATION, NAMESPACE
from tests.e2e.at_rest import plaintext
from tests.e2e.uploads import Upload
from tests.e2e.wire import UNSIGNED, sign
from tests.faults.steps import Fate, Once, Rule, Step, Verdict
from tests.faults.workers import SILENT_SECONDS, Workers
from tests.service.clients import client

BUCKET = "long-answers"
PLAIN = plaintext(100_000)
REFUSED = (403, "AccessDenied")
NONE: Mapping[str, str] = {}
SOURCE = {"x-amz-copy-source": f"/{BUCKET}/source"}


@pytest.fixture(scope="module")
def s3(many: Workers, raw: Any) -> Iterator[Any]:
    raw.create_bucket(Bucket=BUCKET)
    with client("s3", many.service.url) as made:
        made.put_object(Bucket=BUCKET, Key="source", Body=PLAIN)
        yield made


def at(name: str, verdict: Verdict) -> Rule:
    def rule(step: Step) -> Verdict:
        return verdict if step.name == name else Fate.PASS

    return rule


class Asked:
    """A request whose answer is read as it comes."""

    def __init__(
        self, many: Workers, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] = NONE
    ) -> None:
        url = f"{many.service.url}/{BUCKET}/{target}"
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
        signed = sign(method, url, headers, payload_hash=UNSIGNED)
        place = urlsplit(url)
        self._connection.request(method, f"{place.path}?{place.query}".rstrip("?"), body, signed)
        self.answer = self._connection.getresponse()

    def blank(self) -> None:
        """Reads on until nothing but blanks can follow for now."""
        assert self.answer.read(len(DECLARATION) + 1) == DECLARATION.encode() + b" "

    def ended(self) -> ET.Element:
        """The whole answer, as one document."""
        root = ET.fromstring(DECLARATION.encode() + b" " + self.answer.read())  # noqa: S314  # our own answer
        self._connection.close()
        return root


def begun_upload(s3: Any, key: str, *, copy: bool = False) -> Upload:
    upload = Upload(s3, BUCKET, key)
    if not copy:
        upload.part(1, b"12345")
    return upload


def listed(upload: Upload) -> bytes:
    etag = upload.listed[1]["ETag"]
    part = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    return f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()


def complete(s3: Any, many: Workers, key: str) -> Callable[[], Asked]:
    upload = begun_upload(s3, key)
    return lambda: Asked(many, "POST", f"{key}?uploadId={upload.id}", listed(upload))


def copy(_s3: Any, many: Workers, key: str) -> Callable[[], Asked]:
    return lambda: Asked(many, "PUT", key, headers=SOURCE)


def copy_part(s3: Any, many: Workers, key: str) -> Callable[[], Asked]:
    upload = begun_upload(s3, key, copy=True)
    return lambda: Asked(many, "PUT", f"{key}?partNumber=1&uploadId={upload.id}", headers=SOURCE)


OPERATIONS = [
    # What is asked, the step at which the store takes its time, the document that comes in the end.
    (complete, "complete", "CompleteMultipartUploadResult"),
    (copy, "PUT", "CopyObjectResult"),
    (copy_part, "part", "CopyPartResult"),
]
NAMES = [row[2] for row in OPERATIONS]


@pytest.mark.parametrize(("operation", "step", "root"), OPERATIONS, ids=NAMES)
def test_blanks_come_while_the_store_is_at_work(
    *, many: Workers, s3: Any, key: str, operation: Callable[..., Callable[[], Asked]], step: str, root: str
) -> None:
    """Then how it ended, as one document with the answer's ETag in it."""
    asking, go_on = operation(s3, many, key), threading.Event()

    with many.relay.ruled(at(step, Once(event=go_on))):
        asked = asking()
        asked.blank()
        go_on.set()
        document = asked.ended()

    assert asked.answer.status == 200
    assert asked.answer.headers["transfer-encoding"] == "chunked"
    assert document.tag == f"{{{NAMESPACE}}}{root}"
    assert document.findtext(f"{{{NAMESPACE}}}ETag")


@pytest.mark.parametrize(("operation", "step"), [row[:2] for row in OPERATIONS], ids=NAMES)
def test_an_error_that_comes_late_is_told_in_the_body(
    *, many: Workers, s3: Any, key: str, operation: Callable[..., Callable[[], Asked]], step: str
) -> None:
    """The status is gone by then; the trail has both."""
    asking, go_on = operation(s3, many, key), threading.Event()

    with many.relay.ruled(at(step, Once(event=go_on, then=REFUSED))):
        asked = asking()
        asked.blank()
        go_on.set()
        document = asked.ended()

    assert (asked.answer.status, document.tag, document.findtext("Code")) == (200, "Error", "AccessDenied")
    event = many.service.until_event(requestID=asked.answer.headers["x-amz-request-id"])
    assert (event["errorCode"], event["additionalEventData"]["httpStatus"]) == ("AccessDenied", 200)


def test_boto3_takes_the_end_for_the_answer(many: Workers, s3: Any, key: str) -> None:
    """A result as if it had come at once, and an error as an error."""
    upload, refused = begun_upload(s3, key), begun_upload(s3, f"{key}-2")

    with many.relay.ruled(at("complete", Once(event=soon()))):
        done = upload.complete()
    with (
        many.relay.ruled(at("complete", Once(event=soon(), then=REFUSED))),
        pytest.raises(ClientError) as caught,
    ):
        refused.complete()

    assert done["ETag"] == s3.head_object(Bucket=BUCKET, Key=key)["ETag"]
    assert done["ResponseMetadata"]["HTTPHeaders"]["transfer-encoding"] == "chunked"
    assert caught.value.response["Error"]["Code"] == "AccessDenied"


def soon() -> threading.Event:
    """It comes when the client has been told to wait."""
    event = threading.Event()
    threading.Timer(5 * SILENT_SECONDS, event.set).start()
    return event
