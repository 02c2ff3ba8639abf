"""Has another evaluator answer the rows that policies alone decide, and writes its answers down.

    npm install @cloud-copilot/iam-simulate@0.1.173     # in some other directory
    python -m tests.hsm.judged.another DIRECTORY        # with its node_modules

It shares no code with this project and was written by others. Node and its licence (AGPL) have no place in
the suite, so its answers are kept, beside what they answer: a row that changes must be asked for again. It
knows no kms:EncryptionContext:NAME, and is asked of a tag of the caller with that name instead: to it, one is
as good as the other.
"""

import json
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from proxy.hsm.core.conditions import conditions_of
from tests.hsm.judged.table import OWNER, Row, document, key_policy_text, rows

ANSWERS = Path(__file__).with_name("other_answers.json")
_ASK = """
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
const { runSimulation } = createRequire(process.cwd() + "/")("@cloud-copilot/iam-simulate");
const answers = [];
for (const asked of JSON.parse(readFileSync(0))) {
  const told = await runSimulation(asked, {});
  answers.push(told.overallResult ?? JSON.stringify(told.errors));
}
console.log(JSON.stringify(answers));
"""


def question(row: Row) -> dict[str, Any]:
    """A row as the other evaluator takes it, with the condition keys that its policies name. A proxy's call
    is its client's, whom policies are about.
    """
    who = row.asked.principal
    identity = [{"name": "own", "policy": json.loads(document(row.identity))}] if row.identity else []
    about_key = row.asked.key is not None
    named = json.dumps([row.identity, row.key_policy]).lower()
    conditions = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in conditions_of(row.asked).items()
        if name in named
    }
    return {
        "request": {
            "principal": who.client_arn,
            "action": f"kms:{row.asks}",
            "resource": {"resource": row.resource, "accountId": OWNER if about_key else who.client_account},
            "contextVariables": conditions,
        },
        "identityPolicies": identity,
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
        **({"resourcePolicy": json.loads(key_policy_text(row.key_policy))} if about_key else {}),
    }


def asked_of(row: Row) -> str:
    text = json.dumps(question(row), sort_keys=True)
    return re.sub("kms:EncryptionContext:", "aws:PrincipalTag/", text, flags=re.IGNORECASE)


def fingerprint(row: Row) -> str:
    return sha256(asked_of(row).encode()).hexdigest()[:16]


def main(directory: Path) -> None:
    asked = [row for row in rows() if row.by_policies_alone]
    told = subprocess.run(
        ["node", "--input-type=module", "-e", _ASK],
        cwd=directory,
        input=f"[{','.join(map(asked_of, asked))}]",
        capture_output=True,
        text=True,
        check=True,
    )
    package = json.loads((directory / "node_modules/@cloud-copilot/iam-simulate/package.json").read_text())
    answers = {fingerprint(row): answer for row, answer in zip(asked, json.loads(told.stdout), strict=True)}
    kept = {"evaluator": f"{package['name']} {package['version']}", "answers": answers}
    ANSWERS.write_text(json.dumps(kept, indent=0, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
