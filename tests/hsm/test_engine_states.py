"""Every operation that there is, on a key in every state: the engine answers by the key-state table's row."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.states import REFUSED, KeyState
from tests.hsm.asking import CALLS, NO_KEY, Target, new_target
from tests.hsm.rig import NOW, Rig, running

CONSUMING = {"CreateAlias", "DeleteAlias", "RetireGrant", "RevokeGrant"}
"""Operations whose call succeeds once."""


def in_state(rig: Rig, target: Target, state: KeyState) -> None:
    """Some states come about by operations that are still to come: it is written down by itself."""
    ring = rig.engine._desk.ring
    key = ring.key("eu-central-1", target.key_id)
    assert key is not None
    pending = state in {KeyState.PENDING_DELETION, KeyState.PENDING_REPLICA_DELETION}
    window, asked, end = (7, NOW, NOW + 7 * 86400) if pending else (None, None, None)
    ring.put_key(
        replace(
            key,
            state=state,
            deletion_window_days=window,
            deletion_asked_epoch=asked,
            deletion_epoch=end,
        )
    )


def forget_aliases(rig: Rig) -> None:
    for alias in rig.ask("ListAliases")["Aliases"]:
        rig.ask("DeleteAlias", AliasName=alias["AliasName"])


def answers(rig: Rig, action: str) -> Iterator[str]:
    """The operation's answer in each state."""
    target = new_target(rig)
    for state in KeyState:
        in_state(rig, target, state)
        try:
            rig.ask(action, **CALLS[action](target))
        except KmsError as exc:
            yield f"{exc.code}: {exc.message.replace(target.arn, 'it')}"
            continue
        yield ""
        if action in CONSUMING:
            forget_aliases(rig)
            target = new_target(rig)
    forget_aliases(rig)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("states")) as started:
        yield started


def test_every_operation_is_tried(held: Rig) -> None:
    assert set(held.engine.actions) == CALLS.keys() | NO_KEY
    assert CALLS.keys() <= REFUSED.keys()


@pytest.mark.parametrize("action", sorted(CALLS))
def test_each_operation_answers_in_each_state_as_its_row_says(held: Rig, action: str) -> None:
    """tests/hsm/core/test_states.py has the rows as AWS's page prints them."""
    rows = (REFUSED[action].get(state) for state in KeyState)

    assert list(answers(held, action)) == [f"{row[0]}: it {row[1]}" if row else "" for row in rows]
