"""What one field of a configuration may hold: the marks that the loader reads, and the types made with them.

A type carries its own rule (`Bounds`, `Shape`), with what to write instead. A `Secret`, and what `SOURCED`
marks, may also be given as NAME_env or NAME_file. Nothing here reads a file or the environment.
"""

import hmac
import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the greatest number that a field takes, both included."""

    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Shape:
    """A regular expression that the whole text must match, and what to write instead."""

    pattern: str
    hint: str


@dataclass(frozen=True, slots=True)
class Sourced:
    """The value may also come from a file or, where it is text, from an environment variable."""


@dataclass(frozen=True, slots=True)
class Place:
    """A path; a relative one starts at the configuration file's directory, and is absolute once loaded."""


SOURCED = Sourced()
PLACE = Place()


class Secret:
    """Text that no repr, log line or error shows; `reveal` is the one way to it, so its uses can be found."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True, slots=True)
class Document:
    """A value of any shape, such as a policy, kept as JSON. Who reads it knows what it must be."""

    text: str

    @property
    def value(self) -> Any:
        return json.loads(self.text)


FilePath = Annotated[str, Shape(r"[^\x00-\x1f\x7f]+", "a path without control characters"), PLACE]
ModulePath = Annotated[
    str, Shape(r"/[^\x00-\x1f\x7f]+", "a whole path, such as /usr/lib/softhsm/libsofthsm2.so")
]
"""Code that this process will run: no path that hangs on where another file lies."""
Address = Annotated[
    str, Shape(r"[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*", "an IP address, such as 127.0.0.1 or ::1")
]
Network = Annotated[
    str, Shape(r"[0-9a-fA-F:.]+(/[0-9]{1,3})?", "a network such as 10.0.0.0/8, or an address")
]
Port = Annotated[int, Bounds(0, 65535)]
"""0 takes any free port."""
Timeout = Annotated[float, Bounds(0.1, 3600)]
Name = Annotated[str, Shape(r"[A-Za-z0-9][A-Za-z0-9+=,.@_-]{0,63}", "1 to 64 letters, digits or +=,.@_-")]
Region = Annotated[str, Shape(r"[a-z]{2,}(-[a-z0-9]+)*", "a region's name, such as eu-central-1")]
Account = Annotated[str, Shape(r"(?!0{12})[0-9]{12}", 'twelve digits in quotes, such as "111122223333"')]
"""Twelve zeros are the key service's own account."""
Domain = Annotated[str, Shape(r"[a-z0-9-]+(\.[a-z0-9-]+)*", "a host name in lower case, without port or *")]
Url = Annotated[
    str, Shape(r"https?://[^/?#@\s]+/?", "http:// or https://, a host, and no path: https://s3.example.com")
]
BucketName = Annotated[
    str, Shape(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}", "a bucket's name: 3 to 63 letters, digits, dots or dashes")
]
StatePlace = Annotated[
    str,
    Shape(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._-]+)*/?", "s3://BUCKET or s3://BUCKET/PREFIX"),
]
Day = Annotated[str, Shape(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day, such as 2027-12-31")]
Moment = Annotated[
    str,
    Shape(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z",
        "a time in UTC, such as 2027-12-31T12:00:00Z",
    ),
]
Match = Annotated[
    str,
    Shape(
        r"\*|[A-Za-z0-9][A-Za-z0-9._-]{1,62}(/[^\x00-\x1f*]*\*)?",
        '"bucket", "bucket/prefix*" or "*"; a prefix ends with its only *',
    ),
]
KeyId = Annotated[
    str,
    Shape(
        r"alias/[A-Za-z0-9/_-]{1,250}|(mrk-)?[A-Za-z0-9-]{1,128}"
        r"|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+)",
        "a KMS key's id, its ARN, alias/NAME or an alias ARN",
    ),
]
KeyPattern = Annotated[
    str,
    Shape(
        r"\*|arn:aws[a-z*-]*:kms:[A-Za-z0-9:/*?_-]+",
        '"*" or a key ARN with * in it: arn:aws:kms:*:111122223333:key/*',
    ),
]
PrincipalArn = Annotated[
    str,
    Shape(
        r"(arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:\S+)?",
        "arn:aws:iam::ACCOUNT:user/NAME or another principal's ARN",
    ),
]
RoleArn = Annotated[
    str, Shape(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+", "arn:aws:iam::ACCOUNT:role/NAME")
]
ExternalId = Annotated[str, Shape(r"[A-Za-z0-9+=,.@:/_-]{2,1224}", "2 to 1224 letters, digits or +=,.@:/_-")]
AccessKeyId = Annotated[
    str, Shape(r"[A-Za-z0-9_.+=@-]{3,128}", "3 to 128 letters, digits or _.+=@-"), SOURCED
]
GrantToken = Annotated[str, Shape(r"[!-~]{1,8192}", "a grant token as CreateGrant answered it")]
Preset = Literal["generic", "aws", "minio", "ceph", "seaweedfs", "juicefs", "garage", "r2", "b2", "gcs"]
OperationName = Annotated[
    str, Shape(r"(Put|Delete|Restore)[A-Za-z]+", "an operation such as PutObjectTagging")
]
TokenLabel = Annotated[str, Shape(r"[^\x00-\x1f\x7f]{1,32}", "1 to 32 characters, none of control")]
EnvironmentName = Annotated[str, Shape(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")]
