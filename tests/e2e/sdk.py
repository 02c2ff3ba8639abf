"""boto3 as people use it: one client for each user and service, no retries, so that an error is seen once."""

import contextlib
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.stores.sealgate import ALICE, User

REGION = "us-east-1"
SESSION: Any = boto3.session.Session  # neither has annotations
CONFIG: Any = Config


@contextlib.contextmanager
def client(service: str, url: str, user: User = ALICE, **settings: Any) -> Iterator[Any]:
    """A boto3 client with its own defaults; `settings` go to its Config."""
    made = SESSION().client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=user.access_key,
        aws_secret_access_key=user.secret_key,
        aws_session_token=user.session_token or None,
        config=CONFIG(retries={"total_max_attempts": 1}, **settings),
    )
    with contextlib.closing(made):
        yield made


def refused(error: ClientError) -> tuple[int, str]:
    """Status and code of a refusal. A HEAD has no document, so its code is the status."""
    return error.response["ResponseMetadata"]["HTTPStatusCode"], str(error.response["Error"]["Code"])


def request_id(answer: dict[str, Any]) -> str:
    return str(answer["ResponseMetadata"]["RequestId"])
