"""The clients that people have, against the real service."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.session import get_session
from botocore.exceptions import ClientError

from tests.hsm.api.service import ADMIN, REGION, STRANGER, Service

CONTEXT = {"aws:s3:arn": "arn:aws:s3:::bucket/key", "ünïcode": "värde"}


async def test_boto3_makes_a_key_and_uses_it(service: Service) -> None:
    """What boto3 asks is answered in shapes that boto3 reads back."""

    def work(kms: Any) -> None:
        key = kms.create_key(Description="of a test", Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]
        kms.create_alias(AliasName="alias/of-a-test", TargetKeyId=key["KeyId"])
        made = kms.generate_data_key(KeyId="alias/of-a-test", KeySpec="AES_256", EncryptionContext=CONTEXT)
        opened = kms.decrypt(
            CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT, KeyId=key["Arn"]
        )

        assert opened["Plaintext"] == made["Plaintext"]
        assert len(made["Plaintext"]) == 32
        assert opened["KeyId"] == made["KeyId"] == key["Arn"]
        assert key["CreationDate"].year >= 2024

    await asyncio.to_thread(work, service.client())


async def test_aiobotocore_encrypts_and_re_encrypts(service: Service) -> None:
    session = get_session()  # type: ignore[no-untyped-call]  # aiobotocore is not annotated
    keys = ADMIN.access_keys[0]
    async with session.create_client(
        "kms",
        region_name=REGION,
        endpoint_url=service.url,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret,
    ) as kms:
        old = (await kms.create_key())["KeyMetadata"]["Arn"]
        new = (await kms.create_key())["KeyMetadata"]["Arn"]
        sealed = await kms.encrypt(KeyId=old, Plaintext=b"\0plain\xff", EncryptionContext=CONTEXT)
        moved = await kms.re_encrypt(
            CiphertextBlob=sealed["CiphertextBlob"], SourceEncryptionContext=CONTEXT, DestinationKeyId=new
        )
        opened = await kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])

    assert opened["Plaintext"] == b"\0plain\xff"
    assert {r.arn for r in service.recorded.events[3].resources} == {old, new}


async def test_the_aws_command_line_drives_it(service: Service) -> None:
    """The tool's own parser reads our answers, refusals too."""
    key = json.loads(await _aws(service, "create-key"))["KeyMetadata"]
    listed = json.loads(await _aws(service, "list-keys"))["Keys"]
    refused = await _aws(service, "describe-key", "--key-id", "alias/nobody", status=255)

    assert [k["KeyArn"] for k in listed] == [key["Arn"]]
    assert "NotFoundException" in refused


@pytest.mark.parametrize(
    ("operation", "request_", "code"),
    [
        ("describe_custom_key_stores", {}, "UnsupportedOperationException"),
        ("enable_key_rotation", {"KeyId": "alias/x"}, "NotFoundException"),
        ("describe_key", {"KeyId": "alias/nobody"}, "NotFoundException"),
        ("describe_key", {"KeyId": "arn:aws:kms:eu-central-1:111122223333:nonsense"}, "InvalidArnException"),
        ("generate_data_key", {"KeyId": "x", "KeySpec": "AES_512"}, "ValidationException"),
        ("decrypt", {"CiphertextBlob": b"nonsense"}, "InvalidCiphertextException"),
    ],
)
async def test_a_refusal_is_the_error_that_boto3_knows(
    service: Service, operation: str, request_: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        await asyncio.to_thread(getattr(service.client(), operation), **request_)

    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["RequestId"] == service.recorded.last.request_id
    assert service.recorded.last.error_code == code


async def test_a_key_of_another_account_is_not_even_there(service: Service) -> None:
    """Whether a foreign key exists cannot be told from the answer."""
    arn = (await asyncio.to_thread(service.client().create_key))["KeyMetadata"]["Arn"]
    stranger = service.client(STRANGER)

    for asked in (arn, arn[:-1] + ("0" if arn[-1] != "0" else "1")):
        with pytest.raises(ClientError, match="AccessDeniedException"):
            await asyncio.to_thread(stranger.describe_key, KeyId=asked)


async def _aws(service: Service, *arguments: str, status: int = 0) -> str:
    """Standard output, or standard error where a failure is expected."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "aws"),
        "kms",
        *arguments,
        "--endpoint-url",
        service.url,
        env={
            "PATH": os.environ["PATH"],
            "AWS_ACCESS_KEY_ID": ADMIN.access_keys[0].access_key,
            "AWS_SECRET_ACCESS_KEY": ADMIN.access_keys[0].secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == status, err
    return (err if status else out).decode()
