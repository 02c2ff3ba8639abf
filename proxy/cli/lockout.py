"""What `sealgate hsm reset-policy` says before it acts, and the audit event of what it did."""

import json
import os
import pwd
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from proxy.audit.event import line
from proxy.cli.keys.facts import fact_lines
from proxy.cli.keys.tables import moment
from proxy.cli.keys.used import uses_of
from proxy.config.schema import Config
from proxy.hsm.api_audit import event_of_reset
from proxy.hsm.core.model import Key
from proxy.hsm.lockout import Locked
from proxy.runtime.inputs import sinks_of

WARNING = """\
Reset, its policy is the one that keys are made with: whoever in account {account} has an identity policy that
allows it may use and manage the key. What the policy above forbids, it forbids no more."""


def told(config: Config, locked: Locked) -> str:
    """The key, what uses it, and what will be another."""
    key, use = locked.key, locked.last_use
    facts = {
        "key": key.arn,
        "aliases": list(locked.aliases),
        "description": key.description,
        "state": key.state.value,
        "last used": f"{moment(use.epoch)} ({use.operation})" if use else "never, as far as is known",
        "used by": list(uses_of(config, key.arn, locked.names)) or "no rule of the configuration",
        "grants": f"{locked.grants}, which stay",
    }
    policy = json.dumps(json.loads(locked.policy), indent=2)
    return "\n".join([*fact_lines(facts), "policy", policy, WARNING.format(account=key.account)])


@contextmanager
def noting(config: Config) -> Iterator[Callable[[Key], None]]:
    """Writes the event of a reset to every sink. They are open before anything is changed: raises
    StartRefused where one cannot be.
    """
    sinks = sinks_of(config)

    def note(key: Key) -> None:
        event = event_of_reset(key, operator=_operator(), now=datetime.now(UTC), event_id=str(uuid.uuid4()))
        for sink in sinks:
            lines = line(event)
            try:
                while lines:
                    lines = lines[sink.write(lines) :]
            except OSError as exc:
                fails = f"audit sink {sink.name} fails ({exc.strerror or exc})"
                kept = f"keep this event: {line(event).decode()}"
                raise click.ClickException(f"the policy is reset, but {fails}: {kept}") from None

    try:
        yield note
    finally:
        for sink in sinks:
            sink.close()


def _operator() -> str:
    """Who is at the machine: the user of this process, whatever the environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
