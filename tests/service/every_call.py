"""Every operation of the key service, and every way to write and read an object, made with secrets that are
then looked for: what each function returns is all that it came to know and nobody else may be told.
"""

import base64
import urllib.parse
from typing import Any

import pytest
from botocore.exceptions import ClientError

from recovery.envelope import read_header
from recovery.unlock import KeySource, unlock
from tests.e2e.own_keys import OwnKey
from tests.e2e.wire import send_as_is
from tests.service.clients import MIB, bare
from tests.stores.sealgate import ACCOUNT, BOB
from tests.stores.seaweedfs import Store

CONTEXT_VALUE = "value-of-a-private-context"
CONTEXT = {"purpose": CONTEXT_VALUE}
PLAIN = b"the plaintext of an object that nobody else may see"
PART = PLAIN * (5 * MIB // len(PLAIN) + 1)
OWN, ANOTHER = OwnKey(bytes(range(100, 132))), OwnKey(bytes(range(150, 182)))


def encodings(secret: bytes) -> set[bytes]:
    """As it is, and as programs print it."""
    coded, for_urls = base64.b64encode(secret), base64.urlsafe_b64encode(secret)
    shown = {secret, secret.hex().encode(), secret.hex().upper().encode(), repr(secret)[2:-1].encode()}
    return shown | {coded, coded.rstrip(b"="), for_urls, for_urls.rstrip(b"=")}


def encoded(*secrets: bytes) -> set[bytes]:
    return {form for secret in secrets for form in encodings(secret)}


def every_kms_call(kms: Any) -> set[bytes]:
    """All operations that are there, each once at least and each with success."""
    first, second = (str(kms.create_key()["KeyMetadata"]["Arn"]) for _ in range(2))
    return _uses(kms, first, second) | _grants(kms, first) | _management(kms, first, second)


def _uses(kms: Any, arn: str, other: str) -> set[bytes]:
    asked = {"KeyId": arn, "EncryptionContext": CONTEXT}
    data_key = kms.generate_data_key(KeySpec="AES_256", **asked)
    wrapped = kms.generate_data_key_without_plaintext(NumberOfBytes=48, **asked)["CiphertextBlob"]
    unseen = kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=CONTEXT)["Plaintext"]
    chance = kms.generate_random(NumberOfBytes=40)["Plaintext"]
    sealed = kms.encrypt(Plaintext=PLAIN, **asked)["CiphertextBlob"]
    moved = kms.re_encrypt(CiphertextBlob=sealed, SourceEncryptionContext=CONTEXT, DestinationKeyId=other)[
        "CiphertextBlob"
    ]
    assert kms.decrypt(CiphertextBlob=moved)["Plaintext"] == PLAIN
    blobs = {base64.b64encode(each) for each in (data_key["CiphertextBlob"], wrapped, sealed, moved)}
    return encoded(data_key["Plaintext"], unseen, chance, PLAIN) | blobs


def _grants(kms: Any, arn: str) -> set[bytes]:
    """Their tokens are nobody's but their holder's, and what a constraint says of a context is private."""
    wanted = {"KeyId": arn, "GranteePrincipal": BOB.arn, "Operations": ["Decrypt", "RetireGrant"]}
    constraint = {"EncryptionContextSubset": CONTEXT}
    retiring = f"arn:aws:iam::{ACCOUNT}:user/alice"
    first, second = (
        kms.create_grant(Name=name, Constraints=constraint, RetiringPrincipal=retiring, **wanted)
        for name in ("first", "second")
    )
    kms.list_grants(KeyId=arn)
    kms.list_retirable_grants(RetiringPrincipal=retiring)
    sealed = kms.encrypt(KeyId=arn, Plaintext=PLAIN, EncryptionContext=CONTEXT)["CiphertextBlob"]
    token = first["GrantToken"]
    kms.decrypt(CiphertextBlob=sealed, EncryptionContext=CONTEXT, GrantTokens=[token])
    kms.retire_grant(GrantToken=token)
    kms.revoke_grant(KeyId=arn, GrantId=second["GrantId"])
    with pytest.raises(ClientError):  # an error may not repeat it either
        kms.decrypt(CiphertextBlob=sealed, EncryptionContext=CONTEXT, GrantTokens=[token])
    return {each["GrantToken"].encode() for each in (first, second)}


def _management(kms: Any, arn: str, doomed: str) -> set[bytes]:
    """What handles no secret, but handles those who do."""
    kms.create_alias(AliasName="alias/every-call", TargetKeyId=arn)
    kms.update_alias(AliasName="alias/every-call", TargetKeyId=doomed)
    kms.list_aliases()
    kms.delete_alias(AliasName="alias/every-call")
    kms.update_key_description(KeyId=arn, Description="every call")
    kms.tag_resource(KeyId=arn, Tags=[{"TagKey": "every", "TagValue": "call"}])
    kms.list_resource_tags(KeyId=arn)
    kms.untag_resource(KeyId=arn, TagKeys=["every"])
    policy = kms.get_key_policy(KeyId=arn)["Policy"]
    kms.put_key_policy(KeyId=arn, Policy=policy)
    kms.list_key_policies(KeyId=arn)
    kms.enable_key_rotation(KeyId=arn)
    kms.get_key_rotation_status(KeyId=arn)
    kms.rotate_key_on_demand(KeyId=arn)
    kms.list_key_rotations(KeyId=arn)
    kms.disable_key_rotation(KeyId=arn)
    kms.get_key_last_usage(KeyId=arn)
    kms.disable_key(KeyId=arn)
    kms.enable_key(KeyId=arn)
    kms.schedule_key_deletion(KeyId=doomed)
    kms.cancel_key_deletion(KeyId=doomed)
    kms.describe_key(KeyId=doomed)
    kms.list_keys()
    return set()


def every_way_to_an_object(s3: Any, kms: Any, store: Store, bucket: str, wish: dict[str, Any]) -> set[bytes]:
    """Whole and in parts, copied and by URLs, under a KMS key, two layers and a client's key. `wish` is what
    a write under the KMS key asks for.
    """
    s3.put_object(Bucket=bucket, Key="whole", Body=PLAIN, **wish)
    s3.put_object(Bucket=bucket, Key="two", Body=PLAIN, **wish | {"ServerSideEncryption": "aws:kms:dsse"})
    s3.put_object(Bucket=bucket, Key="default", Body=PLAIN)
    _in_parts(s3, bucket, "parts", wish)
    _in_parts(s3, bucket, "own-parts", OWN.wish, OWN)
    source = {"Bucket": bucket, "Key": "whole"}
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, **wish)
    s3.put_object(Bucket=bucket, Key="own", Body=PLAIN, **OWN.wish)
    s3.copy_object(
        Bucket=bucket,
        Key="own-copy",
        CopySource=source | {"Key": "own"},
        **OWN.of_source,
        **ANOTHER.wish,
    )
    opens: dict[str, dict[str, Any]] = {key: {} for key in ("whole", "two", "default", "parts", "copy")} | {
        "own": OWN.wish,
        "own-parts": OWN.wish,
        "own-copy": ANOTHER.wish,
    }
    for key, how in opens.items():
        assert s3.get_object(Bucket=bucket, Key=key, **how)["Body"].read().startswith(PLAIN)
        s3.head_object(Bucket=bucket, Key=key, **how)
    s3.get_object(Bucket=bucket, Key="parts", Range="bytes=5242870-5242890")["Body"].read()
    s3.list_objects_v2(Bucket=bucket)
    secrets = _by_urls(s3, bucket)
    for key in opens:
        own = {"own": OWN, "own-parts": OWN, "own-copy": ANOTHER}.get(key)
        secrets |= _keys_of(store, kms, bucket, key, own)
    secrets |= encoded(*(form for own in (OWN, ANOTHER) for form in (own.plain, own.in_base64.encode())))
    return secrets | encoded(PLAIN)


def _in_parts(s3: Any, bucket: str, key: str, wish: dict[str, Any], own: OwnKey | None = None) -> None:
    again, spelled = (own.wish, own.spelled) if own else ({}, {})
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key, **wish)["UploadId"]
    named = {"Bucket": bucket, "Key": key, "UploadId": upload}
    first = s3.upload_part(PartNumber=1, Body=PART, **named, **again)
    last = s3.upload_part_copy(PartNumber=2, CopySource=f"{bucket}/whole", **named, **again)
    parts = [
        {"PartNumber": 1, "ETag": first["ETag"]},
        {"PartNumber": 2, "ETag": last["CopyPartResult"]["ETag"]},
    ]
    s3.list_parts(**named, **spelled)
    s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **named, **spelled)


def _by_urls(s3: Any, bucket: str) -> set[bytes]:
    """Whoever has such a URL may use it: its signature is a secret for as long."""
    found = set()
    for method, what, body in (("PUT", "put_object", PLAIN), ("GET", "get_object", b"")):
        url = s3.generate_presigned_url(what, Params={"Bucket": bucket, "Key": "by-url"})
        assert send_as_is(method, url, body, headers={}).status == 200
        found.add(urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["X-Amz-Signature"][0].encode())
    return found


def _keys_of(store: Store, kms: Any, bucket: str, key: str, own: OwnKey | None) -> set[bytes]:
    """The data keys and content keys that the object on the store is sealed under, where anybody but the
    proxy may open them.
    """
    with bare(store) as raw:
        header = raw.head_object(Bucket=bucket, Key=key)["Metadata"]["sealgate"]
    data_keys: list[bytes] = []

    def unwrap(arn: str, blob: bytes, context: dict[str, str]) -> bytes:
        answer = kms.decrypt(KeyId=arn, CiphertextBlob=blob, EncryptionContext=context)
        data_keys.append(answer["Plaintext"])
        return data_keys[-1]

    source = KeySource(unwrap=unwrap, client_key=own.plain if own else None)
    try:
        envelope = read_header(header)
        keys = unlock(envelope, bucket=bucket, key=key.encode(), former_buckets=(), source=source)
    except ClientError:
        return encoded(*data_keys)  # the service-owned key answers to the proxy alone
    return encoded(*data_keys, *(each for each in (keys.inner, keys.outer) if each))
