"""The encryption context as one byte string."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.hsm.core.context import CONTEXT_LIMIT, context_bytes
from proxy.hsm.core.errors import KmsError

CONTEXTS = st.dictionaries(st.text(max_size=6), st.text(max_size=6), max_size=4)


@given(CONTEXTS, CONTEXTS)
def test_two_contexts_give_the_same_bytes_only_when_they_are_equal(
    one: dict[str, str], two: dict[str, str]
) -> None:
    """Whatever the lengths of names and values, none can pose as another."""
    assert (context_bytes(one) == context_bytes(two)) == (one == two)


@given(CONTEXTS)
def test_the_order_of_pairs_does_not_count(context: dict[str, str]) -> None:
    assert context_bytes(dict(reversed(context.items()))) == context_bytes(context)


def test_no_context_and_an_empty_one_are_the_same() -> None:
    """As in AWS."""
    assert context_bytes(None) == context_bytes({})


@pytest.mark.parametrize(("size", "fits"), [(CONTEXT_LIMIT, True), (CONTEXT_LIMIT + 1, False)])
def test_a_context_has_8_kib_at_most(size: int, *, fits: bool) -> None:
    context = {"k": "v" * (size - 1)}

    if fits:
        assert context_bytes(context)
    else:
        with pytest.raises(KmsError) as caught:
            context_bytes(context)
        assert caught.value.code == "ValidationException"


def test_text_that_is_not_unicode_is_refused() -> None:
    """JSON can spell half a surrogate pair."""
    with pytest.raises(KmsError) as caught:
        context_bytes({"k": "\ud800"})

    assert caught.value.code == "ValidationException"
