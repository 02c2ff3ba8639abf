"""Documents that would make a reader do more than read: refused by every operation that takes one.

Nothing of them reaches the store, so that its reader is not asked either.
"""

import hashlib
import time
import uuid
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.forms import post, signed
from tests.faults.wire import ask
from tests.stores.sealgate import Sealgate

GROWING = "".join(
    f'<!ENTITY e{level} "{f"&e{level - 1};" * 10 if level else "x" * 100}">' for level in range(9)
)
BEFORE = {
    "a billion laughs": f"<!DOCTYPE r [{GROWING}]>",
    "a file": '<!DOCTYPE r [<!ENTITY e8 SYSTEM "file:///etc/passwd">]>',
    "a DTD elsewhere": '<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd">',
    "a parameter": '<!DOCTYPE r [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
    "an empty DTD": "<!DOCTYPE r>",
}
INSIDE = {
    "an entity that is not": "&e8;",
    "depth": "<a>" * 1000 + "</a>" * 1000,
    "a character that XML has not": "&#0;",
    "half a document": "<a>",
}
TRAPS = [*BEFORE, *INSIDE]


def document(root: str, trap: str) -> bytes:
    inner = INSIDE.get(trap, "&e8;")
    return f"{BEFORE.get(trap, '')}<{root}><Tag>{inner}</Tag></{root}>".encode()


DOORS = {
    "PUT bucket?tagging": "Tagging",
    "PUT bucket?cors": "CORSConfiguration",
    "PUT bucket?lifecycle": "LifecycleConfiguration",
    "PUT bucket?versioning": "VersioningConfiguration",
    "PUT bucket?encryption": "ServerSideEncryptionConfiguration",
    "PUT bucket?acl": "AccessControlPolicy",
    "PUT bucket?object-lock": "ObjectLockConfiguration",
    "PUT bucket/key?tagging": "Tagging",
    "PUT bucket/key?acl": "AccessControlPolicy",
    "PUT bucket/key?retention": "Retention",
    "PUT bucket/key?legal-hold": "LegalHold",
    "POST bucket/key?uploadId=UPLOAD": "CompleteMultipartUpload",
    "POST bucket?delete": "Delete",
}


@pytest.fixture(scope="module")
def upload(s3: Any, bucket: str) -> Iterator[str]:
    """One that a Complete could be about."""
    begun = s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
    yield begun
    s3.abort_multipart_upload(Bucket=bucket, Key="key", UploadId=begun)


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("door", DOORS)
def test_no_operation_reads_a_trap(
    *, sealgate: Sealgate, raw: Any, bucket: str, upload: str, door: str, trap: str
) -> None:
    raw.put_object(Bucket=bucket, Key="key", Body=b"as it was")
    method, _, target = door.partition(" ")
    place = target.replace("bucket", bucket, 1).replace("UPLOAD", upload)
    body = document(DOORS[door], trap)
    digest = b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    started = time.monotonic()

    answer = ask(method, f"{sealgate.url}/{place}", {"content-md5": digest}, body=body)

    assert answer.told == (400, "MalformedXML")
    assert time.monotonic() - started < 10, "it was read"
    assert b"root:" not in answer.body
    assert raw.get_object(Bucket=bucket, Key="key")["Body"].read() == b"as it was"


@pytest.mark.parametrize("trap", TRAPS)
def test_nor_does_a_form_s_document(*, s3: Any, raw: Any, bucket: str, trap: str) -> None:
    """The field `tagging` is one."""
    key = f"form-{uuid.uuid4()}"
    url, fields = signed(s3, bucket, key, tagging=document("Tagging", trap).decode())

    answer = post(url, fields, b"plain")

    assert (answer.status, answer.code) == (400, "MalformedXML")
    assert raw.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 0
