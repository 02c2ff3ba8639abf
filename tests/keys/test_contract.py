"""What every KeyProvider promises, on each that there is."""

import asyncio

import pytest

from proxy.keys.provider import KeyRefused, KeyUnusable, WrappedKeyDamaged
from tests.keys.conftest import CALLER, Backed

CONTEXT = {"aws:s3:arn": "arn:aws:s3:::bucket", "ünïcode": "värde"}


async def test_a_data_key_opens_again_under_its_context(backed: Backed) -> None:
    arn = await backed.new_key()

    made = await backed.keys.generate(arn, CONTEXT, CALLER, fresh=True)
    opened = await backed.keys.unwrap(made.key_arn, made.wrapped, CONTEXT, CALLER)

    assert (made.key_arn, len(made.plain)) == (arn, 32)
    assert (opened.plain, opened.key_arn, opened.wrapped) == (made.plain, arn, made.wrapped)
    assert repr(made.plain) not in repr(made)


async def test_fresh_keys_are_unlike(backed: Backed) -> None:
    arn = await backed.new_key()

    made = [await backed.keys.generate(arn, CONTEXT, CALLER, fresh=True) for _ in range(3)]

    assert len({m.plain for m in made} | {m.wrapped for m in made}) == 6


@pytest.mark.parametrize("context", [{}, {"aws:s3:arn": "arn:aws:s3:::other"}, CONTEXT | {"more": "1"}])
async def test_another_context_opens_nothing(backed: Backed, context: dict[str, str]) -> None:
    """An object moved to another name is an integrity violation, not a missing key."""
    arn = await backed.new_key()
    made = await backed.keys.generate(arn, CONTEXT, CALLER, fresh=True)

    with pytest.raises(WrappedKeyDamaged):
        await backed.keys.unwrap(arn, made.wrapped, context, CALLER)


async def test_a_damaged_blob_opens_nothing(backed: Backed) -> None:
    arn = await backed.new_key()
    wrapped = (await backed.keys.generate(arn, CONTEXT, CALLER, fresh=True)).wrapped

    for damaged in (wrapped[:-1] + bytes([wrapped[-1] ^ 1]), wrapped[:-1], b"x", b"", b"x" * 6145):
        with pytest.raises(WrappedKeyDamaged):
            await backed.keys.unwrap(arn, damaged, CONTEXT, CALLER)


async def test_a_blob_under_another_key_opens_nothing(backed: Backed) -> None:
    """The envelope names the key; a store that puts in another's blob is found out."""
    arn, other = await backed.new_key(), await backed.new_key()
    made = await backed.keys.generate(arn, CONTEXT, CALLER, fresh=True)

    expected = (
        KeyRefused if backed.is_moto else WrappedKeyDamaged
    )  # AWS: IncorrectKeyException; moto: access denied
    with pytest.raises(expected):
        await backed.keys.unwrap(other, made.wrapped, CONTEXT, CALLER)


async def test_re_encryption_keeps_the_data_key(backed: Backed) -> None:
    arn, other = await backed.new_key(), await backed.new_key()
    made = await backed.keys.generate(arn, CONTEXT, CALLER, fresh=True)

    to_arn, rewrapped = await backed.keys.re_encrypt(
        arn, made.wrapped, CONTEXT, CALLER, to_key_id=other, to_context={"new": "context"}
    )

    assert to_arn == other
    assert (await backed.keys.unwrap(other, rewrapped, {"new": "context"}, CALLER)).plain == made.plain


async def test_an_alias_is_resolved(backed: Backed) -> None:
    arn = await backed.new_key(alias=f"alias/of-{id(backed)}")

    described = await backed.keys.describe(f"alias/of-{id(backed)}", CALLER)

    assert (described.key_arn, described.state, described.manager) == (arn, "Enabled", "CUSTOMER")
    assert (await backed.keys.generate(f"alias/of-{id(backed)}", {}, CALLER, fresh=True)).key_arn == arn


async def test_a_disabled_key_is_unusable_and_says_so(backed: Backed) -> None:
    if backed.is_moto:
        pytest.skip("moto lets a disabled key be used")
    arn = await backed.new_key()
    made = await backed.keys.generate(arn, CONTEXT, CALLER, fresh=True)
    await asyncio.to_thread(backed.admin.disable_key, KeyId=arn)

    with pytest.raises(KeyUnusable) as caught:
        await backed.keys.generate(arn, CONTEXT, CALLER, fresh=True)
    assert caught.value.code == "DisabledException"
    with pytest.raises(KeyUnusable):
        await backed.keys.unwrap(arn, made.wrapped, CONTEXT, CALLER)
    assert (await backed.keys.describe(arn, CALLER)).state == "Disabled"


@pytest.mark.parametrize("key_id", ["alias/nobody", "", "k" * 2049, "arn:aws:kms:nonsense"])
async def test_a_name_for_no_key_is_unusable(backed: Backed, key_id: str) -> None:
    with pytest.raises(KeyUnusable):
        await backed.keys.generate(key_id, CONTEXT, CALLER, fresh=True)


async def test_closing_twice_is_closing(backed: Backed) -> None:
    await backed.keys.aclose()
    await backed.keys.aclose()
