"""UpdateObjectEncryption: which key an object that is there is to be under.

Amazon's "UpdateObjectEncryption". It takes SSE-KMS and a key's ARN alone, and each refusal has its own words.
"""

import re
from dataclasses import dataclass

from proxy.s3.errors import S3Error
from proxy.s3.markup import MarkupError, Node, read

_ARN = re.compile(r"arn:aws[a-zA-Z0-9-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9-]+", re.ASCII)
_LONGEST_ARN = 2048
_BOOLEANS = {"true": True, "false": False}
PLAIN_SOURCE = (
    "The UpdateObjectEncryption operation doesn't support unencrypted source objects. Only source objects"
    " encrypted with SSE-S3 or SSE-KMS are supported."
)
OTHER_SOURCE = (
    "The UpdateObjectEncryption operation doesn't support source objects with the encryption type DSSE-KMS or"
    " SSE-C. Only source objects encrypted with SSE-S3 or SSE-KMS are supported."
)
LOCKED = (
    "The encryption type for the specified object can't be updated because that object is protected by S3"
    " Object Lock."
)
_OTHER_TARGET = (
    "The UpdateObjectEncryption operation doesn't support updating the encryption type to DSSE-KMS or SSE-C."
    " Modify the request to specify SSE-KMS for the updated encryption type, and then try again."
)
_NO_TARGET = (
    "Requests that modify an object encryption configuration require a valid new encryption type. Valid"
    " values are SSEKMS. Modify the request to specify SSE-KMS for the updated encryption type, and"
    " then try again."
)
_NO_ARN = (
    "Requests that modify an object's encryption type to SSE-KMS require an Amazon Web Services KMS key"
    " Amazon Resource Name (ARN). Modify the request to specify a KMS key ARN, and then try again."
)
_BAD_ARN = (
    "Requests that modify an object's encryption type to SSE-KMS require a valid Amazon Web Services KMS key"
    " Amazon Resource Name (ARN). Confirm that you have a correctly formatted KMS key ARN in your request,"
    " and then try again."
)
_BAD_FLAG = (
    "The BucketKeyEnabled value isn't valid. Valid values are true or false. Modify the request to specify a"
    " valid value, and then try again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectEncryption:
    key_arn: str
    bucket_key_enabled: bool


def parse_object_encryption(document: bytes) -> ObjectEncryption:
    """Raises S3Error MalformedXML or InvalidRequest."""
    try:
        root = read(document)
    except MarkupError as error:
        raise S3Error("MalformedXML") from error
    if root.name != "ObjectEncryption" or len(root.children) > 1:
        raise S3Error("MalformedXML")
    named = root.children[0].name if root.children else ""
    if named != "SSE-KMS":
        raise S3Error("InvalidRequest", _OTHER_TARGET if named in {"DSSE-KMS", "SSE-C"} else _NO_TARGET)
    return _kms(root.children[0])


def _kms(node: Node) -> ObjectEncryption:
    names = [child.name for child in node.children]
    if len({*names}) != len(names) or not {*names} <= {"KMSKeyArn", "BucketKeyEnabled"}:
        raise S3Error("MalformedXML")
    arn = node.get("KMSKeyArn").strip()
    if not arn:
        raise S3Error("InvalidRequest", _NO_ARN)
    if len(arn) > _LONGEST_ARN or not _ARN.fullmatch(arn):
        raise S3Error("InvalidRequest", _BAD_ARN)
    flag = node.get("BucketKeyEnabled").strip().lower() if "BucketKeyEnabled" in names else "false"
    if flag not in _BOOLEANS:
        raise S3Error("InvalidRequest", _BAD_FLAG)
    return ObjectEncryption(key_arn=arn, bucket_key_enabled=_BOOLEANS[flag])
