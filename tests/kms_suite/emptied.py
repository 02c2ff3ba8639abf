"""A pytest plugin for the suite's own interpreter: empties the key service by its own, signed call.

moto's tests would POST to its server's reset, which asks for no signature. Imports nothing of ours.
"""

import importlib
import os
from typing import Any

import pytest
import requests

auth: Any = importlib.import_module("botocore.auth")  # as for moto, there are no types
request: Any = importlib.import_module("botocore.awsrequest")
credentials: Any = importlib.import_module("botocore.credentials")


def _reset(_mock: Any) -> None:
    url = os.environ["TEST_SERVER_MODE_ENDPOINT"]
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "Sealgate.Reset"}
    asked = request.AWSRequest(method="POST", url=f"{url}/", data=b"{}", headers=headers)
    keys = credentials.Credentials("FOOBARKEY", "FOOBARSECRET")
    auth.SigV4Auth(keys, "kms", "us-east-1").add_auth(asked)
    answer = requests.post(f"{url}/", data=b"{}", headers=dict(asked.headers), timeout=30)
    if answer.status_code != requests.codes.ok:
        pytest.exit(f"the service cannot be emptied: {answer.text}", returncode=2)


def pytest_configure() -> None:
    models: Any = importlib.import_module("moto.core.models")
    models.ServerModeMockAWS.reset = _reset
