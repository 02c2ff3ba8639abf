"""A browser's form as boto3 prepares it and as a browser sends it."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from urllib3.filepost import encode_multipart_formdata

from tests.e2e.sdk import client
from tests.stores.sealgate import ALICE, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return self.body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


def post(
    url: str,
    fields: Mapping[str, str],
    file: bytes,
    *,
    behind: Mapping[str, str] | None = None,
    origin: str = "",
    connect_to: str = "",
) -> Posted:
    """As a browser sends it: the file after the fields, a button after the file.

    A page of another origin than the URL's tells its own. connect_to is the URL of the server, where the
    host's name leads elsewhere.
    """
    parts: list[Any] = [
        *fields.items(),
        ("file", ("photo.png", file)),
        *(behind or {"submit": "Upload"}).items(),
    ]
    body, content_type = encode_multipart_formdata(parts)
    place, server = urlsplit(url), urlsplit(connect_to or url)
    headers = {"Host": place.netloc, "Content-Type": content_type} | ({"Origin": origin} if origin else {})
    connection = http.client.HTTPConnection(server.hostname or "", server.port, timeout=30)
    try:
        connection.request("POST", place.path or "/", body, headers)
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Posted(status=answer.status, headers=told, body=answer.read())
    finally:
        connection.close()


def signed(s3: Any, bucket: str, key: str, *conditions: Any, **fields: str) -> tuple[str, dict[str, str]]:
    """What boto3 hands to a page: the URL and the fields of its form."""
    return signed_by(ALICE, s3, bucket, key, *conditions, **fields)


def signed_by(
    user: User, s3: Any, bucket: str, key: str, *conditions: Any, **fields: str
) -> tuple[str, dict[str, str]]:
    with client("s3", s3.meta.endpoint_url, user, signature_version="s3v4") as signing:
        made = signing.generate_presigned_post(
            bucket,
            key,
            Fields=fields,
            Conditions=[*({name: value} for name, value in fields.items()), *conditions],
        )
    return made["url"], dict(made["fields"])
