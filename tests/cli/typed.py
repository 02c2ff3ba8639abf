"""What a person types after `sealgate keys`, and a configuration that it reads."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from proxy.cli.main import cli
from tests.cli.configs import written
from tests.hsm.api.service import ACCOUNT, REGION

KEYS = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"


def identity(who: Any) -> dict[str, Any]:
    key = who.access_keys[0]
    keys = [{"access_key_id": key.access_key, "secret_access_key": key.secret}]
    return {"name": who.name, "account": who.account, "access_keys": keys}


class Typed:
    """What is typed after `sealgate keys`."""

    def __init__(self, config: Path) -> None:
        self.config = config

    def run(self, *words: str, stdin: str = "", env: dict[str, str] | None = None) -> Result:
        return CliRunner(env=env).invoke(cli, ["keys", *words, "--config", str(self.config)], input=stdin)

    def json(self, *words: str) -> Any:
        result = self.run(*words, "--output", "json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def made(self, *words: str) -> str:
        return str(self.json("create", *words)["KeyId"])

    def state(self, key: str) -> str:
        return str(self.json("describe", key)["KeyState"])


def config(directory: Path, socket: Path, *who: Any) -> Path:
    rules = [
        {"match": "photos/*", "key": "alias/photos"},
        {"match": "other/*", "keys": [KEYS]},
        {"match": "*"},
    ]
    hsm = {"store": "hsm.db", "root_key": {"file": "root.key"}, "socket": str(socket), "regions": [REGION]}
    return written(
        directory,
        region=REGION,
        hsm=hsm,
        identities=[identity(each) for each in who],
        accounts=[each.account for each in who],
        buckets=rules,
    )
