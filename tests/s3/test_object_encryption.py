"""UpdateObjectEncryption's document: one type and an ARN, and Amazon's words for everything else."""

import pytest

from proxy.s3.errors import S3Error
from proxy.s3.object_encryption import ObjectEncryption, parse_object_encryption

ARN = "arn:aws:kms:us-east-1:111122223333:key/1234"


def document(inner: str) -> bytes:
    return f'<ObjectEncryption xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inner}</ObjectEncryption>'.encode()


def kms(arn: str = ARN, flag: str = "") -> bytes:
    enabled = f"<BucketKeyEnabled>{flag}</BucketKeyEnabled>" if flag else ""
    return document(f"<SSE-KMS><KMSKeyArn>{arn}</KMSKeyArn>{enabled}</SSE-KMS>")


@pytest.mark.parametrize(("flag", "shared"), [("", False), ("false", False), ("true", True), ("True", True)])
def test_a_key_is_named_by_its_arn(flag: str, *, shared: bool) -> None:
    expected = ObjectEncryption(key_arn=ARN, bucket_key_enabled=shared)

    assert parse_object_encryption(kms(flag=flag)) == expected


REFUSED = [
    (b"", "MalformedXML", ""),
    (b"<Other/>", "MalformedXML", ""),
    (b'<!DOCTYPE x [<!ENTITY a "b">]>' + kms("&a;"), "MalformedXML", ""),
    (document("<SSE-KMS/><SSE-KMS/>"), "MalformedXML", ""),
    (document("<SSE-KMS><More/></SSE-KMS>"), "MalformedXML", ""),
    (document(""), "InvalidRequest", "Valid values are SSEKMS"),
    (document("<SSE-S3/>"), "InvalidRequest", "Valid values are SSEKMS"),
    (document("<DSSE-KMS/>"), "InvalidRequest", "to DSSE-KMS or SSE-C"),
    (document("<SSE-C/>"), "InvalidRequest", "to DSSE-KMS or SSE-C"),
    (document("<SSE-KMS/>"), "InvalidRequest", "require an Amazon Web Services KMS key"),
    (kms(""), "InvalidRequest", "require an Amazon Web Services KMS key"),
    (kms("1234"), "InvalidRequest", "require a valid"),
    (kms("alias/photos"), "InvalidRequest", "require a valid"),
    (kms("arn:aws:kms:us-east-1:111122223333:alias/photos"), "InvalidRequest", "require a valid"),
    (kms(ARN + "x" * 2048), "InvalidRequest", "require a valid"),
    (kms(flag="1"), "InvalidRequest", "BucketKeyEnabled"),
]


@pytest.mark.parametrize(("body", "code", "words"), REFUSED)
def test_each_fault_has_amazons_words(body: bytes, code: str, words: str) -> None:
    with pytest.raises(S3Error) as caught:
        parse_object_encryption(body)

    assert caught.value.code == code
    assert words in caught.value.message
