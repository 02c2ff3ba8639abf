"""Encryption headers that ask for nothing that there is: malformed, contradictory, half of what it takes."""

from base64 import b64encode

from tests.e2e.own_keys import NAME, OTHER, OWN

SSE = "x-amz-server-side-encryption"
CONTEXT, KEY_ID, BUCKET_KEY = f"{SSE}-context", f"{SSE}-aws-kms-key-id", f"{SSE}-bucket-key-enabled"
KMS, OWNED = {SSE: "aws:kms"}, {SSE: "AES256"}
OWN_KEY = OWN.headers


def context(text: str) -> dict[str, str]:
    return KMS | {CONTEXT: b64encode(text.encode()).decode()}


NO_WISH: dict[str, tuple[dict[str, str], str]] = {
    "an algorithm that is none": ({SSE: "AES128"}, "InvalidEncryptionAlgorithmError"),
    "a key that is not there": (KMS | {KEY_ID: "no-such-key"}, "KMS.NotFoundException"),
    "a key with the owned one": (OWNED | {KEY_ID: "some-key"}, "InvalidArgument"),
    "a key without KMS": ({KEY_ID: "some-key"}, "InvalidArgument"),
    "a context without KMS": ({CONTEXT: "e30="}, "InvalidArgument"),
    "a context with the owned key": (OWNED | {CONTEXT: "e30="}, "InvalidArgument"),
    "a context that is no base64": (KMS | {CONTEXT: "no base64!"}, "InvalidArgument"),
    "a context that is no JSON": (context("{"), "InvalidArgument"),
    "a context that is a list": (context("[]"), "InvalidArgument"),
    "a context of numbers": (context('{"a": 1}'), "InvalidArgument"),
    "a context that says one thing twice": (context('{"a": "b", "a": "c"}'), "InvalidArgument"),
    "a context of brackets": (context("[" * 9000), "InvalidArgument"),
    "another object's name": (context('{"aws:s3:arn": "arn:aws:s3:::another"}'), "InvalidArgument"),
    "a bucket key that is maybe": (KMS | {BUCKET_KEY: "maybe"}, "InvalidArgument"),
    "a bucket key for two layers": ({SSE: "aws:kms:dsse", BUCKET_KEY: "true"}, "InvalidArgument"),
    "two ways": (OWN_KEY | KMS, "InvalidArgument"),
    "two ways, one of them the default": (OWN_KEY | OWNED, "InvalidArgument"),
    "no MD5": ({each: text for each, text in OWN_KEY.items() if "md5" not in each}, "InvalidArgument"),
    "no key": ({each: text for each, text in OWN_KEY.items() if each != f"{NAME}-key"}, "InvalidArgument"),
    "a key alone": ({f"{NAME}-key": OWN.in_base64}, "InvalidArgument"),
    "another key's MD5": (OWN_KEY | {f"{NAME}-key-md5": OTHER.md5}, "InvalidArgument"),
    "31 bytes": (OWN_KEY | {f"{NAME}-key": b64encode(bytes(31)).decode()}, "InvalidArgument"),
    "33 bytes": (OWN_KEY | {f"{NAME}-key": b64encode(bytes(33)).decode()}, "InvalidArgument"),
    "no bytes": (OWN_KEY | {f"{NAME}-key": ""}, "InvalidArgument"),
    "a key that is no base64": (OWN_KEY | {f"{NAME}-key": "!" * 44}, "InvalidArgument"),
    "another cipher": (OWN_KEY | {f"{NAME}-algorithm": "AES128"}, "InvalidEncryptionAlgorithmError"),
}
