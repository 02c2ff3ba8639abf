"""Nothing secret is told: not in the trail, the log at its most talkative, an answer, or a metric."""

import base64
import os
import re
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from proxy.hsm.init import open_sqlite_store
from proxy.hsm.keyring import Keyring
from proxy.hsm.root import root_source
from tests.e2e.wire import send, send_as_is
from tests.hsm.api.service import MODEL
from tests.hsm.api.test_model import NOT_BUILT
from tests.service.clients import client, paced
from tests.service.every_call import (
    CONTEXT_VALUE,
    OWN,
    PLAIN,
    encoded,
    encodings,
    every_kms_call,
    every_way_to_an_object,
)
from tests.service.running import Launched, launched
from tests.stores.sealgate import ALICE, USERS, VISITOR, User, config_for
from tests.stores.seaweedfs import Store

VARIABLE, PASSPHRASE = "SEALGATE_TEST_PASSPHRASE", "a passphrase of seven words, or rather more"
ENVIRON = {VARIABLE: PASSPHRASE}
TOKEN = "FwoGZXIvYXdzEXAMPLE//////////wEaDCtoken"
CUSTOMER_KEY = OWN.plain
SHORT_KEY = base64.b64encode(CUSTOMER_KEY[1:]).decode()
GUESS = "a-secret-that-was-guessed-wrongly"


class Eavesdropper:
    """Keeps what a client signs with, and every refusal that it is given."""

    def __init__(self, sdk: Any) -> None:
        self.signatures: set[str] = set()
        self.answers: list[str] = []
        sdk.meta.events.register("before-send.*.*", self._sent)

    def _sent(self, request: Any, **_: Any) -> None:
        told = request.headers.get("Authorization", b"") or b""
        text = told.decode() if isinstance(told, bytes) else told
        self.signatures.update(re.findall(r"Signature=([0-9a-f]{64})", text))

    def refused(self, call: Any, **arguments: Any) -> None:
        with pytest.raises(ClientError) as refusal:
            call(**arguments)
        self.answers.append(str(refusal.value.response))


def key_service_secrets(directory: Path) -> set[bytes]:
    """The root key, and the material of every version of every key, from the store that was left."""
    source = root_source("passphrase_env", VARIABLE, ENVIRON)
    store = open_sqlite_store(directory / "hsm.sqlite", source, random=os.urandom)
    known = [store._root.reveal(), PASSPHRASE.encode()]
    ring = Keyring(store)
    known += [version.material.reveal() for version in ring._versions.values()]
    secrets = encoded(*map(bytes, known))
    ring.close()
    return secrets


def test_nothing_secret_is_told(store: Store, tmp_path: Path) -> None:
    """A busy hour with every operation of the key service, every way to an object and every kind of refusal,
    then a search for each secret in each of its encodings.
    """
    hsm = config_for(store, tmp_path)["hsm"] | {"root_key": {"passphrase_env": VARIABLE}}
    with launched(store, tmp_path, "--log-level", "debug", environ=ENVIRON, hsm=hsm) as service:
        secrets, answers, ids = busy_hour(service, store)
        pages = [service.asked(path)[1] for path in ("/metrics", "/readyz", "/livez")]
        service.process.terminate()
        assert service.ended() == 0
    secrets |= key_service_secrets(tmp_path)

    told = {
        "trail": (tmp_path / "audit.jsonl").read_text(),
        "log": service.stderr + service.stdout,
        "answers": "\n".join(answers),
        "pages": "\n".join(pages),
    }
    assert "DEBUG" in told["log"]
    assert "SignatureDoesNotMatch" in told["answers"]
    assert all(request_id in told["trail"] for request_id in ids), "the search would be blind"
    assert len(secrets) > 250
    assert MODEL.operations - NOT_BUILT <= {each["eventName"] for each in service.events()}
    raw = {place: text.encode() for place, text in told.items()}
    found = {(place, s) for place, text in raw.items() for s in secrets if s in text}
    assert not found


def busy_hour(service: Launched, store: Store) -> tuple[set[bytes], list[str], list[str]]:
    bucket = f"secrets-{uuid.uuid4()}"
    secrets = {user.secret_key.encode() for user in USERS} | {
        service.config["upstreams"][0]["secret_access_key"].encode()
    }
    secrets |= {CONTEXT_VALUE.encode(), TOKEN.encode(), PLAIN, GUESS.encode()} | encodings(CUSTOMER_KEY)
    secrets |= encoded(VISITOR.session_token.encode()) | {quote(VISITOR.session_token, safe="").encode()}
    context = base64.b64encode(f'{{"purpose":"{CONTEXT_VALUE}"}}'.encode()).decode()
    secrets.add(context.encode())
    guesser = User(name="", account="", access_key=ALICE.access_key, secret_key=GUESS)
    with (
        client("s3", service.url) as s3,
        client("kms", service.kms_url) as kms,
        client("s3", service.url, guesser) as wrong_s3,
        client("kms", service.kms_url, guesser) as wrong_kms,
    ):
        ears = [Eavesdropper(each) for each in (s3, kms, wrong_s3, wrong_kms)]
        ids = [s3.create_bucket(Bucket=bucket)["ResponseMetadata"]["RequestId"]]
        secrets |= use_keys(kms, ears[1]) | every_kms_call(kms)
        arn = kms.create_key()["KeyMetadata"]["Arn"]
        under = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": arn, "SSEKMSEncryptionContext": context}
        put = s3.put_object(Bucket=bucket, Key="k", Body=PLAIN, **under)
        ids.append(put["ResponseMetadata"]["RequestId"])
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == PLAIN
        secrets |= with_own_keys(s3, bucket, ears[0])
        ears[0].refused(s3.get_object, Bucket=bucket, Key="no-such-key")
        ears[0].refused(
            s3.put_object,
            Bucket=bucket,
            Key="k",
            Body=PLAIN,
            SSEKMSKeyId="alias/none",
            ServerSideEncryption="aws:kms",
            SSEKMSEncryptionContext=context,
        )
        ears[2].refused(wrong_s3.put_object, Bucket=bucket, Key="k", Body=PLAIN, **under)
        ears[3].refused(
            wrong_kms.encrypt, KeyId=arn, Plaintext=PLAIN, EncryptionContext={"purpose": CONTEXT_VALUE}
        )
        secrets |= every_way_to_an_object(s3, kms, store, bucket, under)
        secrets |= presigned(s3, wrong_s3, bucket, ears[0]) | visited(service, bucket)
        kms.disable_key(KeyId=arn)
        ears[0].refused(s3.put_object, Bucket=bucket, Key="k", Body=PLAIN, BucketKeyEnabled=False, **under)
    for ear in ears:
        assert ear.signatures
        secrets |= {signature.encode() for signature in ear.signatures}
    return secrets, [answer for ear in ears for answer in ear.answers], ids


def with_own_keys(s3: Any, bucket: str, ear: Eavesdropper) -> set[bytes]:
    """The client's own keys: the right one, and each wrong way to send one."""
    customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": CUSTOMER_KEY}
    secrets = encodings(base64.b64encode(CUSTOMER_KEY))
    s3.put_object(Bucket=bucket, Key="own", Body=PLAIN, **customer)
    assert s3.get_object(Bucket=bucket, Key="own", **customer)["Body"].read() == PLAIN
    other = customer | {"SSECustomerKey": CUSTOMER_KEY[::-1]}
    secrets |= encodings(CUSTOMER_KEY[::-1]) | encodings(base64.b64encode(CUSTOMER_KEY[::-1]))
    for call, key, wish in (
        (s3.get_object, "own", other),
        (s3.get_object, "k", customer),
        (s3.put_object, "own", customer | {"ServerSideEncryption": "AES256"}),
        # With an MD5 of its own, boto3 sends the key as it is: here with one byte too few.
        (s3.put_object, "own", customer | {"SSECustomerKey": SHORT_KEY, "SSECustomerKeyMD5": "AA=="}),
    ):
        ear.refused(call, Bucket=bucket, Key=key, **wish)
    secrets.add(SHORT_KEY.encode())
    return secrets


def use_keys(kms: Any, ear: Eavesdropper) -> set[bytes]:
    """Data keys and ciphertexts in the clear, good calls and bad ones, with a context."""
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    context = {"purpose": CONTEXT_VALUE}
    data_key = kms.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext=context)
    sealed = kms.encrypt(KeyId=arn, Plaintext=PLAIN, EncryptionContext=context)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext=context)["Plaintext"] == PLAIN
    ear.refused(kms.decrypt, CiphertextBlob=sealed, EncryptionContext={"purpose": CONTEXT_VALUE + "!"})
    ear.refused(kms.encrypt, KeyId="alias/none", Plaintext=PLAIN, EncryptionContext=context)
    return encodings(data_key["Plaintext"]) | encodings(PLAIN) | {base64.b64encode(sealed)}


def presigned(s3: Any, wrong_s3: Any, bucket: str, ear: Eavesdropper) -> set[bytes]:
    """URLs that carry a signature, right and wrong, and one with a security token."""
    signatures = set()
    for signer in (s3, wrong_s3):
        url = signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
        signatures.add(url.partition("X-Amz-Signature=")[2].partition("&")[0].encode())
        with paced(signer, "GET", bucket, "k") as asking:
            ear.answers.append(asking.head())
            ear.answers.append(asking.body(200).decode() if signer is wrong_s3 else "")
    refused = send("GET", f"{s3.meta.endpoint_url}/{bucket}", headers={"x-amz-security-token": TOKEN})
    assert refused.code == "InvalidToken"
    ear.answers.append(refused.body.decode())
    return signatures


def visited(service: Launched, bucket: str) -> set[bytes]:
    """By somebody with a session token, in a header and in a URL."""
    with client("s3", service.url, VISITOR) as s3:
        s3.put_object(Bucket=bucket, Key="visited", Body=PLAIN)
        url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "visited"})
    assert send_as_is("GET", url, headers={}).body == PLAIN
    return {url.partition("X-Amz-Signature=")[2].partition("&")[0].encode()}
