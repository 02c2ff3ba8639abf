"""A pytest plugin for the suite's own interpreter: writes down how each test ended, one JSON line each.

Loaded beside the suite's tests, which stay as they are, and imports nothing of ours. What a test could not
clean up must not fail the next one, so each gets a bucket prefix of its own.
"""

import importlib
import itertools
import json
import os
import uuid
from pathlib import Path
from typing import Any

import pytest

OUTCOMES = "SUITE_OUTCOMES"
"""Names the file to append to."""
MESSAGE_LENGTH = 300


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


class Recorder:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._ended: dict[str, dict[str, object]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid.rpartition("/")[2]
        entry = self._ended.setdefault(test, {"test": test, "outcome": "passed", "message": "", "seconds": 0})
        entry["seconds"] = round(float(str(entry["seconds"])) + report.duration, 2)
        if report.outcome != "passed" and entry["outcome"] == "passed":
            entry["outcome"] = (
                report.outcome if report.when == "call" else f"{report.outcome} in {report.when}"
            )
            entry["message"] = _message(report)
        if report.when == "teardown":
            with self._path.open("a") as out:
                out.write(json.dumps(self._ended.pop(test)) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    # Of the processes of a parallel run only the first has all reports.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(os.environ[OUTCOMES])))


def _message(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr)[:MESSAGE_LENGTH]
