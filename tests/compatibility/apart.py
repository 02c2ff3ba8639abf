"""A pytest plugin for the Ceph suite's own interpreter: what a test could not clean up must not fail the next
one, so each gets a bucket prefix of its own. Imports nothing of ours.
"""

import importlib
import itertools
import uuid
from typing import Any


def pytest_collection_finish() -> None:
    functional: Any = importlib.import_module("s3tests.functional")
    counter, run = itertools.count(1), uuid.uuid4().hex[:10]

    def setup() -> None:
        """Instead of the suite's own, which deletes what an earlier test left: here that is never ours."""
        functional.prefix = f"compat-{run}-{next(counter)}-"

    def get_iam_client() -> None:
        """Instead of a client of IAM: the suite's clean-up goes on without one."""
        raise LookupError

    functional.setup, functional.get_iam_client = setup, get_iam_client
