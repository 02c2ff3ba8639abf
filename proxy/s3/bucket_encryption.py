"""A bucket's default encryption, as the XML of Put- and GetBucketEncryption has it.

Amazon's "PutBucketEncryption". A document is held to its schema: a word that were read past could be the one
that the client relies on.
"""

from dataclasses import dataclass

from proxy.s3.encryption import Algorithm
from proxy.s3.errors import S3Error
from proxy.s3.markup import MarkupError, Node, element, read
from proxy.s3.xml import document_of

ROOT = "ServerSideEncryptionConfiguration"
SSE_C, NONE = "SSE-C", "NONE"
MAX_KEY_ID = 2048
_DEFAULT, _BUCKET_KEY, _BLOCKED = (
    "ApplyServerSideEncryptionByDefault",
    "BucketKeyEnabled",
    "BlockedEncryptionTypes",
)
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketEncryption:
    algorithm: Algorithm | None = None
    """None: the setting says nothing of it."""
    key_id: str = ""
    """Id, ARN or alias as sent; empty: as for a request that names none."""
    bucket_key_enabled: bool | None = None
    blocked: tuple[str, ...] = ()
    """Encryption types as listed, NONE or SSE-C."""

    @property
    def blocks_customer_keys(self) -> bool:
        return SSE_C in self.blocked


def parse_bucket_encryption(document: bytes) -> BucketEncryption:
    """Raises S3Error: MalformedXML, or InvalidArgument for what contradicts itself."""
    try:
        root = read(document)
    except MarkupError as error:
        raise S3Error("MalformedXML") from error
    if root.name != ROOT or [child.name for child in root.children] != ["Rule"]:
        raise S3Error("MalformedXML")
    rule = _children(root.children[0], {_DEFAULT, _BUCKET_KEY, _BLOCKED})
    if not rule:
        raise S3Error("MalformedXML")
    algorithm, key_id = _default(rule[_DEFAULT]) if _DEFAULT in rule else (None, "")
    enabled = _boolean(rule[_BUCKET_KEY].text) if _BUCKET_KEY in rule else None
    if algorithm is Algorithm.DSSE_KMS and enabled:
        raise S3Error("InvalidArgument", "S3 Bucket Keys are not supported with aws:kms:dsse.")
    blocked = _blocked(rule[_BLOCKED]) if _BLOCKED in rule else ()
    return BucketEncryption(algorithm=algorithm, key_id=key_id, bucket_key_enabled=enabled, blocked=blocked)


def build_bucket_encryption(setting: BucketEncryption) -> bytes:
    """The inverse."""
    inner = ""
    if setting.algorithm is not None:
        inner += element("SSEAlgorithm", setting.algorithm.value)
        inner += element("KMSMasterKeyID", setting.key_id) if setting.key_id else ""
        inner = f"<{_DEFAULT}>{inner}</{_DEFAULT}>"
    if setting.bucket_key_enabled is not None:
        inner += element(_BUCKET_KEY, "true" if setting.bucket_key_enabled else "false")
    if setting.blocked:
        types = "".join(element("EncryptionType", each) for each in setting.blocked)
        inner += f"<{_BLOCKED}>{types}</{_BLOCKED}>"
    return document_of(ROOT, f"<Rule>{inner}</Rule>")


def _default(node: Node) -> tuple[Algorithm, str]:
    named = _children(node, {"SSEAlgorithm", "KMSMasterKeyID"})
    algorithm = named["SSEAlgorithm"].text.strip() if "SSEAlgorithm" in named else ""
    key_id = named["KMSMasterKeyID"].text.strip() if "KMSMasterKeyID" in named else ""
    if algorithm not in {each.value for each in Algorithm} or len(key_id) > MAX_KEY_ID:
        raise S3Error("MalformedXML")
    if key_id and algorithm == Algorithm.SSE_S3.value:
        raise S3Error(
            "InvalidArgument",
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
            ArgumentName="ApplyServerSideEncryptionByDefault",
        )
    return Algorithm(algorithm), key_id


def _blocked(node: Node) -> tuple[str, ...]:
    types = tuple(child.text.strip() for child in node.children)
    known = all(child.name == "EncryptionType" for child in node.children)
    if not types or not known or not {*types} <= {SSE_C, NONE} or len({*types}) != len(types):
        raise S3Error("MalformedXML")
    if {*types} == {SSE_C, NONE}:
        raise S3Error("InvalidArgument", "NONE stands alone among BlockedEncryptionTypes.")
    return types


def _boolean(text: str) -> bool:
    if text.strip().lower() not in _BOOLEANS:
        raise S3Error("MalformedXML")
    return _BOOLEANS[text.strip().lower()]


def _children(node: Node, names: set[str]) -> dict[str, Node]:
    """Each at most once, and no other."""
    found = {child.name: child for child in node.children}
    if len(found) != len(node.children) or not found.keys() <= names:
        raise S3Error("MalformedXML")
    return found
