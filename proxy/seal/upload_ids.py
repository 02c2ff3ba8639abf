"""The id that a client has of its upload: the upload's tag, and the store's own id.

    sg1.<tag, base64url, 22 characters>.<the store's id>

The tag names the record, and tells a later Complete of the same upload that an earlier one has won. An id of
another form is the store's alone, as other tools list it.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from re import compile as regular

from proxy.seal.records import TAG

_OURS = regular(r"sg1\.([A-Za-z0-9_-]{22})\.(.+)")


def client_upload_id(tag: bytes, store_id: str) -> str:
    return f"sg1.{urlsafe_b64encode(tag).decode().rstrip('=')}.{store_id}"


def parse_upload_id(upload_id: str) -> tuple[bytes | None, str]:
    """Tag and store's id; no tag where the id is the store's alone."""
    ours = _OURS.fullmatch(upload_id)
    if ours is None:
        return None, upload_id
    tag, store_id = urlsafe_b64decode(ours[1] + "=="), ours[2]
    canonical = len(tag) == TAG and client_upload_id(tag, store_id) == upload_id
    return (tag, store_id) if canonical else (None, upload_id)
