"""Every operation that needs a KMS key for an object: what each is told when the key says no."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.at_rest import plaintext
from tests.faults.wire import Got, ask

PLAIN = plaintext(5000)
KMS = "x-amz-server-side-encryption"
KEY_ID = "x-amz-server-side-encryption-aws-kms-key-id"
UPDATE = "<ObjectEncryption><SSE-KMS><KMSKeyArn>{}</KMSKeyArn></SSE-KMS></ObjectEncryption>"


def under(key_id: str) -> dict[str, str]:
    return {KMS: "aws:kms", KEY_ID: key_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was there while the key still served: an object and an upload under it, and one that is not."""

    url: str
    """Of the bucket."""
    arn: str
    key: str
    upload: str
    other: str

    @property
    def at(self) -> str:
        return f"{self.url}/{self.key}"

    @property
    def path(self) -> str:
        """As a copy's source."""
        return self.at.split("/", 3)[3]


def made(s3: Any, url: str, bucket: str, key: str, arn: str) -> Made:
    wish = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": arn}
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, **wish)
    s3.put_object(Bucket=bucket, Key=f"{key}-other", Body=PLAIN)
    upload = s3.create_multipart_upload(Bucket=bucket, Key=f"{key}-upload", **wish)["UploadId"]
    return Made(url=f"{url}/{bucket}", arn=arn, key=key, upload=upload, other=f"{key}-other")


def _into_upload(there: Made, headers: Mapping[str, str], body: bytes = b"") -> Got:
    return ask("PUT", f"{there.at}-upload?partNumber=1&uploadId={there.upload}", headers, body=body)


def _copied(there: Made, source: str, headers: Mapping[str, str]) -> Got:
    return ask("PUT", f"{there.at}-new", {"x-amz-copy-source": source, **headers})


READS: dict[str, Callable[[Made], Got]] = {
    "GetObject": lambda there: ask("GET", there.at),
    "GetObject of a range": lambda there: ask("GET", there.at, {"range": "bytes=10-19"}),
    "HeadObject": lambda there: ask("HEAD", there.at, {"x-amz-checksum-mode": "ENABLED"}),
    "GetObjectAttributes": lambda there: ask(
        "GET", f"{there.at}?attributes", {"x-amz-object-attributes": "Checksum"}
    ),
    "CopyObject from it": lambda there: _copied(there, there.path, {}),
    "UploadPart": lambda there: _into_upload(there, {}, PLAIN),
    "UploadPartCopy into its upload": lambda there: _into_upload(
        there, {"x-amz-copy-source": f"{there.path}-other"}
    ),
}
"""What was sealed under it is opened, or goes on. A HEAD needs the key for the checksum alone, as on S3."""
WRITES: dict[str, Callable[[Made], Got]] = {
    "PutObject": lambda there: ask("PUT", f"{there.at}-new", under(there.arn), body=PLAIN),
    "PutObject, streamed": lambda there: ask(
        "PUT", f"{there.at}-new", under(there.arn), body=plaintext(2 * 1024 * 1024)
    ),
    "CreateMultipartUpload": lambda there: ask("POST", f"{there.at}-new?uploads", under(there.arn)),
    "CopyObject to it": lambda there: _copied(there, f"{there.path}-other", under(there.arn)),
    "UpdateObjectEncryption": lambda there: ask(
        "PUT", f"{there.at}-other?encryption", body=UPDATE.format(there.arn).encode()
    ),
}
"""What names it is sealed under it."""


def told(operation: str, answer: Got) -> tuple[int, str]:
    """Of a HEAD only the status: it has no document."""
    return answer.status, "" if operation == "HeadObject" else answer.code


def expected(operation: str, answer: tuple[int, str]) -> tuple[int, str]:
    return answer[0], "" if operation == "HeadObject" else answer[1]
