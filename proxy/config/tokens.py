"""Access keys with session tokens: whether their times are times, and whether they are over."""

from collections.abc import Iterator
from datetime import UTC, datetime

from proxy.config.errors import Problem
from proxy.config.schema import AccessKey, Config


def tokens(config: Config) -> Iterator[Problem]:
    for path, key in _access_keys(config):
        if key.expires is None:
            continue
        if key.session_token is None:
            yield Problem(f"{path}.expires", "is of a session_token alone: write one, or leave it out")
        if _maybe_moment(key.expires) is None:
            yield Problem(f"{path}.expires", f"{key.expires} is in no calendar: write a time that is")


def tokens_over(config: Config) -> Iterator[Problem]:
    for path, key in _access_keys(config):
        moment = _maybe_moment(key.expires or "")
        if moment is not None and moment <= datetime.now(UTC):
            yield Problem(f"{path}.expires", f"{key.expires} is past: this access key is refused")


def _access_keys(config: Config) -> Iterator[tuple[str, AccessKey]]:
    for i, who in enumerate(config.identities):
        yield from ((f"identities[{i}].access_keys[{k}]", key) for k, key in enumerate(who.access_keys))


def _maybe_moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
