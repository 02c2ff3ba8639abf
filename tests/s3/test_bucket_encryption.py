"""A bucket's setting as XML: what S3 takes, what it refuses, and nothing read past."""

import pytest

from proxy.s3.bucket_encryption import BucketEncryption, build_bucket_encryption, parse_bucket_encryption
from proxy.s3.encryption import Algorithm
from proxy.s3.errors import S3Error

ARN = "arn:aws:kms:us-east-1:111122223333:key/1234"
ROOT = "ServerSideEncryptionConfiguration"
XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def document(rule: str) -> bytes:
    return f"<{ROOT} {XMLNS}><Rule>{rule}</Rule></{ROOT}>".encode()


def default(algorithm: str, key_id: str = "") -> str:
    key = f"<KMSMasterKeyID>{key_id}</KMSMasterKeyID>" if key_id else ""
    return (
        f"<ApplyServerSideEncryptionByDefault><SSEAlgorithm>{algorithm}</SSEAlgorithm>{key}"
        "</ApplyServerSideEncryptionByDefault>"
    )


def blocked(*types: str) -> str:
    inner = "".join(f"<EncryptionType>{each}</EncryptionType>" for each in types)
    return f"<BlockedEncryptionTypes>{inner}</BlockedEncryptionTypes>"


TAKEN = [
    (default("AES256"), BucketEncryption(algorithm=Algorithm.SSE_S3)),
    (default("aws:kms"), BucketEncryption(algorithm=Algorithm.SSE_KMS)),
    (default("aws:kms", ARN), BucketEncryption(algorithm=Algorithm.SSE_KMS, key_id=ARN)),
    (default("aws:kms", "alias/a"), BucketEncryption(algorithm=Algorithm.SSE_KMS, key_id="alias/a")),
    (default("aws:kms:dsse", ARN), BucketEncryption(algorithm=Algorithm.DSSE_KMS, key_id=ARN)),
    (
        default("aws:kms") + "<BucketKeyEnabled>true</BucketKeyEnabled>",
        BucketEncryption(algorithm=Algorithm.SSE_KMS, bucket_key_enabled=True),
    ),
    (
        "<BucketKeyEnabled> False </BucketKeyEnabled>" + default("AES256"),
        BucketEncryption(algorithm=Algorithm.SSE_S3, bucket_key_enabled=False),
    ),
    (blocked("SSE-C"), BucketEncryption(blocked=("SSE-C",))),
    (
        default("AES256") + blocked("NONE"),
        BucketEncryption(algorithm=Algorithm.SSE_S3, blocked=("NONE",)),
    ),
    (
        # As Terraform writes it.
        default("AES256").replace("</SSEAlgorithm>", "</SSEAlgorithm><KMSMasterKeyID></KMSMasterKeyID>"),
        BucketEncryption(algorithm=Algorithm.SSE_S3),
    ),
]


@pytest.mark.parametrize(("rule", "setting"), TAKEN)
def test_a_setting_is_read_and_written_back(rule: str, setting: BucketEncryption) -> None:
    assert parse_bucket_encryption(document(rule)) == setting
    assert parse_bucket_encryption(build_bucket_encryption(setting)) == setting


@pytest.mark.parametrize(("setting", "blocks"), [(("SSE-C",), True), (("NONE",), False), ((), False)])
def test_only_the_listed_type_is_blocked(setting: tuple[str, ...], *, blocks: bool) -> None:
    assert BucketEncryption(blocked=setting).blocks_customer_keys is blocks


REFUSED = [
    (b"", "MalformedXML"),
    (b"no XML", "MalformedXML"),
    (b"<Other/>", "MalformedXML"),
    (f"<{ROOT}/>".encode(), "MalformedXML"),
    (document(""), "MalformedXML"),
    (document(default("AES256")).replace(b"</Rule>", b"</Rule><Rule/>"), "MalformedXML"),
    (document(default("AES256")).replace(b"Rule", b"Rules"), "MalformedXML"),
    (document(default("AES256") * 2), "MalformedXML"),
    (document(default("AES256") + "<More/>"), "MalformedXML"),
    (document(default("AES128")), "MalformedXML"),
    (document(default("aes256")), "MalformedXML"),
    (document(default("")), "MalformedXML"),
    (document(default("aws:fsx")), "MalformedXML"),
    (document("<ApplyServerSideEncryptionByDefault/>"), "MalformedXML"),
    (document(default("aws:kms", "k" * 2049)), "MalformedXML"),
    (document(default("aws:kms").replace("SSEAlgorithm", "Algorithm")), "MalformedXML"),
    (document(default("AES256", ARN)), "InvalidArgument"),
    (document(default("aws:kms") + "<BucketKeyEnabled>1</BucketKeyEnabled>"), "MalformedXML"),
    (document(default("aws:kms:dsse") + "<BucketKeyEnabled>true</BucketKeyEnabled>"), "InvalidArgument"),
    (document(blocked()), "MalformedXML"),
    (document(blocked("SSE-KMS")), "MalformedXML"),
    (document(blocked("SSE-C", "SSE-C")), "MalformedXML"),
    (document(blocked("SSE-C", "NONE")), "InvalidArgument"),
    (
        document(blocked("SSE-C"))
        .replace(b"<EncryptionType>", b"<T>")
        .replace(b"</EncryptionType>", b"</T>"),
        "MalformedXML",
    ),
    # XML bombs and entity tricks: no document has a DTD.
    (b'<!DOCTYPE x [<!ENTITY a "AES256">]>' + document(default("&a;")), "MalformedXML"),
    (b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + document(default("&a;")), "MalformedXML"),
    (b'<!DOCTYPE x [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;">]>' + document("&b;"), "MalformedXML"),
    (b"<a>" * 40 + b"</a>" * 40, "MalformedXML"),
]


@pytest.mark.parametrize(("body", "code"), REFUSED)
def test_what_is_no_setting_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        parse_bucket_encryption(body)

    assert caught.value.code == code
