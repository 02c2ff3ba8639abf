"""What a key's id or alias stands for, remembered for a moment: else each write would ask the KMS for it."""

from collections.abc import Callable

from cachetools import TTLCache

from proxy.keys.provider import Caller, KeyProvider

MAX_REMEMBERED = 4096


class KeyNames:
    """Safe for concurrent use; two that ask for a name at once may both ask the KMS."""

    def __init__(
        self, keys: KeyProvider, caller: Caller, *, remembered_seconds: float, clock: Callable[[], float]
    ) -> None:
        """Asks as `caller`. `clock` is monotonic."""
        self._keys = keys
        self._caller = caller
        self._arns: TTLCache[str, str] = TTLCache(MAX_REMEMBERED, remembered_seconds, timer=clock)

    async def arn_of(self, key_id: str) -> str:
        """Raises KeyServiceError."""
        found = self._arns.get(key_id)
        if found is None:
            found = (await self._keys.describe(key_id, self._caller)).key_arn
            self._arns[key_id] = found
        return found
