"""A child is wholly the old or wholly the new, whatever the supervisor orders and however it goes."""

import asyncio
from dataclasses import replace

import pytest

from proxy.cli.obey import Obedience
from proxy.supervisor import orders, report
from proxy.supervisor.orders import Change, Order, Renewal
from proxy.supervisor.report import Report
from proxy.supervisor.start import Start, StartRefused

START = Start(role="worker", config_text="old", config_path="config.yaml", drain_seconds=1)
RENEWAL = Renewal(config_text="new", drain_seconds=2)
NEW = replace(START, config_text="new", drain_seconds=2)


class Role:
    """Notes what happens to what it prepares."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    async def prepare(self, start: Start) -> Change:
        self.notes.append(f"prepare {start.config_text}")
        if start.config_text == "refused":
            raise StartRefused("that cannot be")
        if start.config_text == "broken":
            raise RuntimeError("a fault")
        return self

    async def swap(self) -> None:
        self.notes.append("swap")

    async def drop(self) -> None:
        self.notes.append("drop")


async def obeyed(*given: Order, role: Role | None = None) -> tuple[list[Report], Obedience]:
    answers: asyncio.Queue[Report] = asyncio.Queue()
    obedience = Obedience(START, answers.put_nowait)
    for order in given:
        obedience.take(order)
    obeying = asyncio.create_task(obedience.obey(role.prepare if role else None))
    told = [await answers.get() for _ in given]
    obeying.cancel()
    await asyncio.gather(obeying, return_exceptions=True)
    return told, obedience


def prepare(number: int, text: str = "new") -> Order:
    return Order(step="prepare", number=number, renewal=replace(RENEWAL, config_text=text))


@pytest.mark.parametrize(
    ("given", "states", "notes", "start"),
    [
        ([prepare(1), Order(step="swap", number=1)], "prepared swapped", "prepare new, swap", NEW),
        ([prepare(1), Order(step="drop", number=1)], "prepared dropped", "prepare new, drop", START),
        ([prepare(1)], "prepared", "prepare new, drop", START),
        ([Order(step="drop", number=1)], "dropped", "", START),
        ([Order(step="swap", number=1)], "refused", "", START),
        ([prepare(1), Order(step="swap", number=2)], "prepared refused", "prepare new, drop", START),
        (
            [prepare(1), prepare(2), Order(step="swap", number=2)],
            "prepared prepared swapped",
            "prepare new, drop, prepare new, swap",
            NEW,
        ),
        ([prepare(1, "refused")], "refused", "prepare refused", START),
        ([prepare(1, "broken")], "refused", "prepare broken", START),
        ([Order(step="prepare", number=1)], "refused", "", START),
    ],
)
async def test_each_order_is_answered_and_nothing_stays_prepared(
    given: list[Order], states: str, notes: str, start: Start
) -> None:
    role = Role()
    told, obedience = await obeyed(*given, role=role)

    assert " ".join(each.state for each in told) == states
    assert [each.number for each in told] == [order.number for order in given]
    assert ", ".join(role.notes) == notes
    assert obedience.start == start


async def test_a_role_that_cannot_be_reloaded_says_so() -> None:
    [told], _ = await obeyed(prepare(1))

    assert told == Report(state="refused", number=1, reason="this process cannot be reloaded")


@pytest.mark.parametrize("order", [prepare(3), Order(step="swap", number=3)])
def test_an_order_arrives_as_it_was_sent(order: Order) -> None:
    line = orders.encode(order)

    assert orders.decode(line) == order
    assert line.count(b"\n") == 1
    assert "config_text" not in repr(order)


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"renewal": null}', b'{"renewal": {"a": 1}}', b"\xff"])
def test_what_is_no_order_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- whatever its text: nobody is there to read it
        orders.decode(line)


def test_a_report_tells_of_which_reload_it_is() -> None:
    told = Report(state="refused", number=7, reason="why")

    assert report.maybe_decode(report.encode(told)) == told
    assert report.maybe_decode(b'{"state": "refused", "number": "7"}') == Report(state="refused")
