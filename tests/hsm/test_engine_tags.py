"""Tags on keys."""

from typing import Any

import pytest

from tests.hsm.rig import Rig


def tag(name: str, value: str = "v") -> dict[str, str]:
    return {"TagKey": name, "TagValue": value}


def tags_of(rig: Rig, key_id: str, **request: Any) -> list[dict[str, str]]:
    tags: list[dict[str, str]] = rig.ask("ListResourceTags", KeyId=key_id, **request)["Tags"]
    return tags


def test_a_tag_is_added_replaced_and_taken_away(rig: Rig) -> None:
    key_id = rig.key(Tags=[tag("b"), tag("a")])["KeyId"]
    rig.ask("TagResource", KeyId=key_id, Tags=[tag("b", "2"), tag("c", "")])
    rig.restart()

    assert tags_of(rig, key_id) == [tag("a"), tag("b", "2"), tag("c", "")]
    rig.ask("UntagResource", KeyId=key_id, TagKeys=["a", "c", "never-there"])
    assert tags_of(rig, key_id) == [tag("b", "2")]


def test_a_key_has_50_tags_whenever_they_came(rig: Rig) -> None:
    key_id = rig.key(Tags=[tag(f"t{number}") for number in range(49)])["KeyId"]
    rig.ask("TagResource", KeyId=key_id, Tags=[tag("t0", "new"), tag("t49")])

    assert rig.refused("TagResource", KeyId=key_id, Tags=[tag("t50")]).code == "LimitExceededException"
    assert len(tags_of(rig, key_id)) == 50


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ("TagResource", {"Tags": [tag("aws:a")]}),
        ("TagResource", {"Tags": [tag("a"), tag("a", "2")]}),
        ("TagResource", {"Tags": [tag("a!")]}),
        ("TagResource", {"Tags": [tag("a", "<b>")]}),
        ("CreateKey", {"Tags": [tag("a", "?")]}),
        ("UntagResource", {"TagKeys": ["AWS:a"]}),
    ],
)
def test_what_no_tag_may_be_called(rig: Rig, action: str, asked: dict[str, Any]) -> None:
    key_id = rig.key()["KeyId"]

    assert rig.refused(action, KeyId=key_id, **asked).code == "TagException"
    assert tags_of(rig, key_id) == []


def test_letters_of_any_script_and_the_listed_signs_are_allowed(rig: Rig) -> None:
    allowed = tag("Größe 1_.:/=+-@", "ключ")

    assert tags_of(rig, rig.key(Tags=[allowed])["KeyId"]) == [allowed]


def test_tags_come_in_pages(rig: Rig) -> None:
    key_id = rig.key(Tags=[tag(name) for name in "abc"])["KeyId"]
    first = rig.ask("ListResourceTags", KeyId=key_id, Limit=2)

    assert first["Truncated"] is True
    assert tags_of(rig, key_id, Marker=first["NextMarker"]) == [tag("c")]
    assert rig.refused("ListResourceTags", KeyId=key_id, Limit=51).code == "ValidationException"
