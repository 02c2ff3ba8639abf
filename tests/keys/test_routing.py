"""Routing: the ARN's claimant opens, the writer makes, and overlaps are found before they hurt."""

import fnmatch
from dataclasses import dataclass, field
from typing import Any

import pytest

from proxy.keys.provider import Caller, DataKey, KeyContext, KeyDescription, KeyRefused, Standing
from proxy.keys.routing import Backend, RoutedKeys
from tests.keys.conftest import CALLER

HERE = "arn:aws:kms:eu-central-1:111122223333:key/a"
THERE = "arn:aws:kms:us-east-1:444455556666:key/b"
NOWHERE = "arn:aws:kms:mars-1:777788889999:key/c"


@dataclass
class Named:
    """A provider that answers with its own name, under the ARN it is told to use."""

    name: str
    makes: str
    calls: list[str] = field(default_factory=list)
    closes_with: Exception | None = None

    async def generate(self, key_id: str, context: KeyContext, caller: Caller, *, fresh: bool) -> DataKey:
        self.calls.append(f"generate {key_id} {fresh} {len(context)} {caller.request_id}")
        return DataKey(key_arn=self.makes, wrapped=self.name.encode(), plain=b"")

    async def unwrap(self, key_arn: str, wrapped: bytes, context: KeyContext, caller: Caller) -> DataKey:
        self.calls.append(f"unwrap {key_arn} {len(context)} {caller.request_id}")
        return DataKey(key_arn=key_arn, wrapped=wrapped, plain=self.name.encode())

    async def re_encrypt(self, key_arn: str, wrapped: bytes, *_: Any, **to: Any) -> tuple[str, bytes]:
        self.calls.append(f"re_encrypt {key_arn} {to['to_key_id']}")
        return self.makes, wrapped + self.name.encode()

    async def may_generate(self, key_id: str, context: KeyContext, caller: Caller) -> None:
        self.calls.append(f"may generate {key_id} {len(context)} {caller.request_id}")

    async def may_unwrap(self, key_arn: str, wrapped: bytes, context: KeyContext, caller: Caller) -> None:
        self.calls.append(f"may unwrap {key_arn} {len(wrapped)} {len(context)} {caller.request_id}")

    def standing(self, key_id: str, caller: Caller) -> Standing:
        return Standing((), (key_id, caller.principal))

    async def describe(self, key_id: str, caller: Caller) -> KeyDescription:
        self.calls.append(f"describe {key_id} {caller.request_id}")
        return KeyDescription(key_arn=self.makes, state="Enabled", manager=self.name)

    async def aclose(self) -> None:
        self.calls.append("aclose")
        if self.closes_with:
            raise self.closes_with


def backend(keys: Named, pattern: str, *, writes: bool) -> Backend:
    return Backend(
        name=keys.name, keys=keys, claims=lambda arn: fnmatch.fnmatchcase(arn, pattern), writes=writes
    )


@pytest.fixture
def new() -> Named:
    return Named("new", HERE)


@pytest.fixture
def old() -> Named:
    return Named("old", THERE)


@pytest.fixture
def routed(new: Named, old: Named) -> RoutedKeys:
    return RoutedKeys(
        [
            backend(old, "arn:aws:kms:us-*:key/*", writes=False),
            backend(new, "arn:aws:kms:eu-central-1:111122223333:key/*", writes=True),
        ]
    )


async def test_the_writer_makes_and_the_claimant_opens(routed: RoutedKeys, new: Named, old: Named) -> None:
    made = await routed.generate("alias/x", {}, CALLER, fresh=True)
    opened = await routed.unwrap(THERE, b"w", {"a": "b"}, CALLER)

    assert (made.wrapped, opened.plain) == (b"new", b"old")
    assert (new.calls, old.calls) == (
        ["generate alias/x True 0 REQUEST"],
        [f"unwrap {THERE} 1 REQUEST"],
    )


async def test_an_arn_that_nobody_claims_is_refused_by_name(
    routed: RoutedKeys, new: Named, old: Named
) -> None:
    """Before any call: an envelope must not choose whom we ask."""
    for refused in (
        routed.unwrap(NOWHERE, b"w", {}, CALLER),
        routed.re_encrypt(NOWHERE, b"w", {}, CALLER, to_key_id="k", to_context={}),
        routed.describe(NOWHERE, CALLER),
    ):
        with pytest.raises(KeyRefused, match=NOWHERE):
            await refused
    assert new.calls == old.calls == []


async def test_a_key_that_its_maker_does_not_claim_is_refused(routed: RoutedKeys, new: Named) -> None:
    """Sealed under it, an object could never be opened."""
    new.makes = NOWHERE
    with pytest.raises(KeyRefused, match=NOWHERE):
        await routed.generate("k", {}, CALLER, fresh=False)
    new.makes = THERE
    with pytest.raises(KeyRefused, match="another"):
        await routed.generate("k", {}, CALLER, fresh=False)


async def test_re_encryption_stays_in_the_claimants_kms(routed: RoutedKeys, old: Named) -> None:
    moved = await routed.re_encrypt(THERE, b"w", {}, CALLER, to_key_id="alias/next", to_context={})

    assert moved == (THERE, b"wold")
    assert old.calls == [f"re_encrypt {THERE} alias/next"]
    old.makes = HERE
    with pytest.raises(KeyRefused):
        await routed.re_encrypt(THERE, b"w", {}, CALLER, to_key_id="k", to_context={})


@pytest.mark.parametrize(
    ("key_id", "who"), [(THERE, "old"), (HERE, "new"), ("alias/x", "new"), ("a-b-c", "new")]
)
async def test_names_that_are_no_key_arns_are_the_writers(routed: RoutedKeys, key_id: str, who: str) -> None:
    assert (await routed.describe(key_id, CALLER)).manager == who


async def test_closing_closes_all_and_then_tells(routed: RoutedKeys, new: Named, old: Named) -> None:
    old.closes_with = OSError("stuck")
    with pytest.raises(OSError, match="stuck"):
        await routed.aclose()

    assert new.calls == old.calls == ["aclose"]


@pytest.mark.parametrize("writers", [(False, False), (True, True)])
def test_exactly_one_writes(new: Named, old: Named, writers: tuple[bool, bool]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        RoutedKeys([backend(new, "a", writes=writers[0]), backend(old, "b", writes=writers[1])])


async def test_a_backend_that_claims_nothing_is_asked_nothing(new: Named, old: Named) -> None:
    nothing = Backend(name="old", keys=old, claims=lambda _: False, writes=False)
    routed = RoutedKeys([nothing, backend(new, HERE, writes=True)])

    with pytest.raises(KeyRefused):
        await routed.unwrap("", b"w", {}, CALLER)
