"""The answer to ListBuckets, read from several stores and written as one.

Pages are cut from the whole list, in the order of names; a continuation token is the last name that was
shown, which leads on whatever was created or deleted meanwhile.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from proxy.s3.errors import S3Error
from proxy.s3.markup import DECLARATION, NAMESPACE, element
from proxy.s3.xml import spliced, store_document

MOST = 10_000
"""Of Amazon's ListBuckets, "MaxBuckets"."""
_ROOTS = {"ListAllMyBucketsResult"}
_BUCKET_FIELDS = ("Name", "CreationDate", "BucketRegion", "BucketArn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    name: str
    fields: Mapping[str, str] = field(default_factory=dict)
    """Elements as the store told them, Name among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketList:
    buckets: tuple[Bucket, ...]
    owner: str = ""
    """The Owner's elements, as XML."""
    next_token: str = ""
    """As it goes into a query."""
    prefix: str = ""


def parse_bucket_list(document: bytes) -> BucketList:
    """A store's answer; S3Error InternalError where it is none."""
    root = store_document(document, _ROOTS)
    entries = [node for listed in root.all("Buckets") for node in listed.all("Bucket")]
    owners = [child for owner in root.all("Owner") for child in owner.children]
    return BucketList(
        buckets=tuple(
            Bucket(
                name=node.get("Name"),
                fields={name: value for name in _BUCKET_FIELDS if (value := node.get(name))},
            )
            for node in entries
        ),
        owner="".join(
            element(child.name, child.text) for child in owners if child.name in {"ID", "DisplayName"}
        ),
        next_token=quote(root.get("ContinuationToken"), safe=""),
    )


def without_bucket(document: bytes, name: str) -> bytes:
    """A store's answer as it wrote it, less the bucket of that name; S3Error InternalError if it is none."""
    root = store_document(document, _ROOTS)
    entries = [node for listed in root.all("Buckets") for node in listed.all("Bucket")]
    cuts = [(node.start, node.end, b"") for node in entries if node.get("Name") == name]
    return b"".join(spliced(document, cuts))


def page_of(buckets: Iterable[Bucket], query: Mapping[str, str]) -> BucketList:
    """The page that the query asks for. Raises S3Error InvalidArgument."""
    most = query.get("max-buckets", str(MOST))
    if not (most.isascii() and most.isdigit() and 1 <= int(most) <= MOST):
        raise S3Error("InvalidArgument", ArgumentName="max-buckets", ArgumentValue=most)
    after = _name_in(query["continuation-token"]) if query.get("continuation-token") else ""
    prefix = query.get("prefix", "")
    by_name = {each.name: each for each in buckets if each.name > after and each.name.startswith(prefix)}
    shown = [by_name[name] for name in sorted(by_name)]
    page, rest = shown[: int(most)], shown[int(most) :]
    return BucketList(buckets=tuple(page), prefix=prefix, next_token=_token(page[-1].name) if rest else "")


def build_bucket_list(page: BucketList, *, owner: str) -> bytes:
    entries = "".join(
        f"<Bucket>{''.join(element(name, value) for name, value in each.fields.items())}</Bucket>"
        for each in page.buckets
    )
    inner = f"<Owner>{owner}</Owner><Buckets>{entries}</Buckets>"
    inner += element("ContinuationToken", page.next_token) if page.next_token else ""
    inner += element("Prefix", page.prefix) if page.prefix else ""
    return (
        f'{DECLARATION}<ListAllMyBucketsResult xmlns="{NAMESPACE}">{inner}</ListAllMyBucketsResult>'.encode()
    )


def _token(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def _name_in(token: str) -> str:
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise S3Error("InvalidArgument", "The continuation token is not valid.") from error
