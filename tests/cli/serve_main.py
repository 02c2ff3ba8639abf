"""`sealgate` as it is, but that its children are those of `told_roles.py`: the command line and its plan are
what the tests with it are about.
"""

import dataclasses
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from proxy.cli import main, plan, serve
from proxy.config.schema import Config
from proxy.supervisor.plan import Plan

ROLES = Path(__file__).with_name("told_roles.py")


def with_roles(config: Config, config_path: Path, environ: Mapping[str, str], *, log_level: str) -> Plan:
    made = plan.plan_of(config, config_path, environ, log_level=log_level)
    return dataclasses.replace(made, command=(sys.executable, "-P", str(ROLES)))


if __name__ == "__main__":
    assert os.environ.get("PYTHONPATH")
    serve.plan_of = with_roles  # type: ignore[attr-defined]  # the one thing that is another
    main.main()
