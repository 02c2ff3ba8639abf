"""What an S3 request names: bucket, key and query, from the head as it stood on the wire.

Path style and virtual-hosted style. The key is decoded exactly once; what goes to the store keeps the
client's own encoding. Whatever two parsers could read in two ways (repeated parameters, dot segments that
climb out of the bucket, control characters in values) is refused here, so nobody behind this line sees it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote_to_bytes

from proxy.s3.errors import S3Error

MAX_KEY_BYTES = 1024
MAX_HEAD = 65_536
"""Characters of target, names and values together: a parser bounds each line, and not how many there are."""
# Of SigV4 by query (Amazon's "Authenticating Requests: Using Query Parameters"), and the operation's name
# that SDKs add for their own logs. They never reach the store.
SIGNATURE_NAMES = frozenset(
    {
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
        "x-id",
    }
)
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]", re.ASCII)
_IPV4 = re.compile(r"\d+\.\d+\.\d+\.\d+", re.ASCII)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BAD_TARGET = re.compile(r"[^\x21-\x7e]|#")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Request:
    """One request, as far as its head tells."""

    method: str
    bucket: str
    """Empty where the service itself is meant."""
    key: str
    """Decoded once; empty where the bucket is meant."""
    raw_path: str
    raw_query: str = field(repr=False)
    query: tuple[tuple[str, str], ...]
    """Decoded, in order, no name twice; without SIGNATURE_NAMES and headers that a presigner hoisted."""
    headers: Mapping[str, str] = field(repr=False)
    """As they came, and the hoisted ones among them."""
    virtual_host: bool
    store_path: str
    """Path style, the key encoded as the client sent it, but for its slashes: stores that compute a signature
    from the decoded name would find another one where the path says `%2F`."""

    @property
    def store_query(self) -> str:
        """The query as sent, without signature, SDK's notes and hoisted headers."""
        if not self.raw_query:
            return ""
        kept = {name for name, _ in self.query}
        pairs = self.raw_query.split("&")
        return "&".join(pair for pair in pairs if _decoded_query(pair.partition("=")[0]) in kept)


def parse_request(
    *, method: str, target: str, headers: Mapping[str, str], domains: Sequence[str]
) -> S3Request:
    """Read a head. `domains` are lower-case host names below which a label is a bucket's name.

    Raises S3Error: InvalidURI, InvalidRequest, InvalidArgument, InvalidBucketName, KeyTooLongError,
    RequestHeaderSectionTooLarge, NotImplemented (access points).
    """
    raw_path, _, raw_query = target.partition("?")
    if not raw_path.startswith("/") or _BAD_TARGET.search(target):
        raise S3Error("InvalidURI")
    _check_headers(headers, len(target))
    bucket = _host_bucket(headers.get("host", ""), domains)
    virtual_host = bucket != ""
    raw_key = raw_path[1:]
    if not virtual_host:
        raw_bucket, slash, raw_key = raw_key.partition("/")
        bucket = percent_decoded(raw_bucket) if "%" in raw_bucket else raw_bucket
        if slash and not bucket:
            raise S3Error("InvalidBucketName", BucketName="")
    key = percent_decoded(raw_key) if "%" in raw_key else raw_key
    check_name(bucket, key)
    query, headers = _query(raw_query, headers) if raw_query else ((), headers)
    return S3Request(
        method=method,
        bucket=bucket,
        key=key,
        raw_path=raw_path,
        raw_query=raw_query,
        query=query,
        headers=headers,
        virtual_host=virtual_host,
        store_path=f"/{bucket}/{_plain_slashes(raw_key)}" if raw_key else f"/{bucket}",
    )


def renamed(request: S3Request, key: str) -> S3Request:
    """The same request for another key of its bucket. Raises S3Error where that cannot be one."""
    if not key:
        raise S3Error("InvalidRequest", "The store keeps nothing under this name.")
    _check_key(key)
    return replace(request, key=key, store_path=f"/{request.bucket}/{quote(key, safe='/~')}")


def is_bucket_name(name: str) -> bool:
    """Whether a bucket may have this name (Amazon's "General purpose bucket naming rules").

    The prefixes and suffixes that Amazon keeps for itself are left to the store.
    """
    return _BUCKET.fullmatch(name) is not None and _IPV4.fullmatch(name) is None


def check_name(bucket: str, key: str) -> None:
    """Refuse what names no object of this bucket, decoded; empty names nothing, which is well.

    Raises S3Error: InvalidBucketName, NotImplemented (access points), KeyTooLongError, InvalidURI.
    """
    if bucket:
        _check_bucket(bucket)
    if key:
        _check_key(key)


def _plain_slashes(raw_key: str) -> str:
    return raw_key.replace("%2F", "/").replace("%2f", "/") if "%2" in raw_key else raw_key


def _check_bucket(bucket: str) -> None:
    if bucket == "WriteGetObjectResponse":
        raise S3Error("NotImplemented", "WriteGetObjectResponse is not implemented.")
    if bucket.startswith("arn:"):
        raise S3Error("NotImplemented", "Access points are not implemented.")
    if not is_bucket_name(bucket):
        raise S3Error("InvalidBucketName", BucketName=bucket)


def _check_key(key: str) -> None:
    size = len(key) if key.isascii() else len(key.encode())
    if size > MAX_KEY_BYTES:
        raise S3Error("KeyTooLongError", Size=str(size), MaxSizeAllowed=str(MAX_KEY_BYTES))
    if ".." in key and _climbs_out(key):
        raise S3Error("InvalidURI")


def _climbs_out(key: str) -> bool:
    """Amazon's "Object key naming guidelines": read from the left, ".." never outnumber the names.

    A store that cleans its paths would else act on another bucket than the one that was authorised.
    Empty and "." segments do not count as names, since such a store drops them.
    """
    depth = 0
    for segment in key.split("/"):
        depth += -1 if segment == ".." else segment not in {"", "."}
        if depth < 0:
            return True
    return False


def _check_headers(headers: Mapping[str, str], target_length: int) -> None:
    names, values = "".join(headers), "".join(headers.values())
    if target_length + len(names) + len(values) > MAX_HEAD:
        raise S3Error("RequestHeaderSectionTooLarge", MaxSizeAllowed=str(MAX_HEAD))
    if "transfer-encoding" in headers and "content-length" in headers:
        raise S3Error("InvalidRequest", "Content-Length and Transfer-Encoding exclude each other.")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise S3Error("InvalidRequest", "Content-Length is not one number.")
    if _breaks_lines(names + values):
        raise S3Error("InvalidRequest", "A header holds a control character.")


def _breaks_lines(text: str) -> bool:
    """Whether a control character is in it that could end a header. A regular expression takes ten times as
    long over a head.
    """
    return "\n" in text or "\r" in text or "\0" in text


def _host_bucket(host: str, domains: Sequence[str]) -> str:
    """The bucket that the host names; empty in path style. The longest domain that fits decides."""
    if not domains:
        return ""
    name = host.lower().partition(":")[0]
    if name in domains:
        return ""
    fits = [domain for domain in domains if name.endswith("." + domain)]
    return name[: -len(max(fits, key=len)) - 1] if fits else ""


def _query(
    raw_query: str, headers: Mapping[str, str]
) -> tuple[tuple[tuple[str, str], ...], Mapping[str, str]]:
    query: dict[str, str] = {}
    for pair in raw_query.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        name, value = _decoded_query(name), _decoded_query(value)
        if name in query:
            raise S3Error("InvalidArgument", f"The parameter {name} is repeated.", ArgumentName=name)
        if _breaks_lines(value) and name.startswith("response-"):
            raise S3Error("InvalidArgument", "The value holds a control character.", ArgumentName=name)
        query[name] = value
    if "X-Amz-Algorithm" in query:
        headers = _hoist(query, headers)
    kept = tuple(pair for pair in query.items() if pair[0] not in SIGNATURE_NAMES)
    return kept, headers


def _hoist(query: dict[str, str], headers: Mapping[str, str]) -> Mapping[str, str]:
    """Take the headers out of a presigned URL that some SDKs put there; S3 reads them as headers."""
    hoisted: dict[str, str] = {}
    for name in [name for name in query if name not in SIGNATURE_NAMES]:
        header = name.lower()
        if header.startswith("x-amz-"):
            value = query.pop(name)
            if _breaks_lines(value) or {**headers, **hoisted}.get(header, value) != value:
                raise S3Error("InvalidArgument", "The parameter contradicts its header.", ArgumentName=name)
            hoisted[header] = value
    return {**headers, **hoisted} if hoisted else headers


def percent_decoded(raw: str) -> str:
    """Decoded once; InvalidURI where an escape is broken or the bytes are not UTF-8."""
    if _BAD_PERCENT.search(raw):
        raise S3Error("InvalidURI")
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError as error:
        raise S3Error("InvalidURI") from error


def _decoded_query(raw: str) -> str:
    if "+" in raw:
        raw = raw.replace("+", " ")
    return percent_decoded(raw) if "%" in raw else raw
