"""Raw request heads, signed as an SDK signs them, one file each, so that the generator needs to know nothing.

Signed by botocore, not by the code under test, in headers: rclone takes no presigned URL that leaves
x-amz-content-sha256 open. Good for 15 minutes.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "us-east-1"
request_of: Any = AWSRequest
credentials_of: Any = Credentials
kms_auth: Any = SigV4Auth
"""botocore has no annotations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    access_key: str
    secret_key: str


class _Unsigned(S3SigV4Auth):
    """A body's bytes stay out of the signature, as SDKs have it over TLS."""

    def payload(self, request: AWSRequest) -> str:
        return "UNSIGNED-PAYLOAD" if request.method == "PUT" else sha256(b"").hexdigest()


s3_auth: Any = _Unsigned


def ask(
    path: Path, method: str, url: str, account: Account, *, body_bytes: int = 0, byte_range: str = ""
) -> Path:
    """Writes one S3 request's head to `path`."""
    request = request_of(method=method, url=url)
    if method == "PUT":
        request.headers["content-type"] = "application/octet-stream"
        request.headers["content-length"] = str(body_bytes)
    s3_auth(credentials_of(account.access_key, account.secret_key), "s3", REGION).add_auth(request)
    if byte_range:
        request.headers["range"] = byte_range
    path.write_bytes(_wire(request))
    return path


def ask_kms(path: Path, url: str, account: Account, action: str, document: bytes) -> Path:
    """The same for one call of the KMS, with its body."""
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": f"TrentService.{action}",
        "content-length": str(len(document)),
    }
    request = request_of(method="POST", url=url, headers=headers, data=document)
    kms_auth(credentials_of(account.access_key, account.secret_key), "kms", REGION).add_auth(request)
    path.write_bytes(_wire(request) + document)
    return path


def _wire(request: AWSRequest) -> bytes:
    url = urlsplit(request.url)
    headers = {"host": url.netloc, **{name.lower(): value for name, value in request.headers.items()}}
    lines = [
        f"{request.method} {url.path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
