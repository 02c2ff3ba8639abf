"""The regions of one AWS KMS backend: where a key is asked for, and where else if that region is away.

A key is asked for in the region of its ARN, anything else in the first one. If that region cannot be reached,
a multi-Region key is asked for in the next, by its related ARN there. A region's answer is an answer, a
refusal too: nobody looks for a milder region. Above here a key has one name, the ARN of its own region: what
another region says of its related key is translated, and is taken of no other key.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Final

from cachetools import LRUCache

from proxy.keys.breaker import Breaker
from proxy.keys.kms import ANSWERED_IN, WOULD_SUCCEED, KmsDocument
from proxy.keys.kms_errors import NOT_OF_THE_REGION
from proxy.keys.multi_region import (
    in_region,
    is_key_arn,
    is_multi_region,
    maybe_related,
    region_of,
)
from proxy.keys.provider import OUTCOMES, SINGLE_REGION, KeyServiceError, KeyUnavailable, KeyUnusable

MAX_REMEMBERED: Final = 4096
_NO_SUCH_KEY: Final = frozenset({"NotFoundException", "InvalidArnException"})
_KEYS: Final = ("KeyId", "SourceKeyId", "DestinationKeyId")
_OUTCOMES_BY_CODE: Final = {"CircuitOpen": "left_alone", WOULD_SUCCEED: "ok"}

Make = Callable[[str, KmsDocument], Any]
"""Carries one call to one region: an awaitable of its answer. Raises KeyServiceError."""
Observe = Callable[[str, str], None]
"""Told of each call to a region and its outcome."""


class Region:
    """One region, left alone by itself while it fails."""

    def __init__(self, name: str, make: Make, breaker: Breaker, observe: Observe) -> None:
        self.name = name
        self._make = make
        self._breaker = breaker
        self._observe = observe

    @property
    def is_away(self) -> bool:
        return self._breaker.is_open

    async def call(self, action: str, request: KmsDocument) -> KmsDocument:
        outcome = "failed"
        try:
            with self._breaker.guard():
                answer: KmsDocument = await self._make(action, request)
            outcome = "ok"
        except KeyServiceError as exc:
            outcome = _OUTCOMES_BY_CODE.get(exc.code) or OUTCOMES[type(exc)]
            raise
        finally:
            self._observe(self.name, outcome)
        return answer


class Regions:
    """In the order in which they are asked. Safe for concurrent use."""

    def __init__(self, regions: Sequence[Region]) -> None:
        self._regions = tuple(regions)
        self._known: LRUCache[Hashable, str] = LRUCache(MAX_REMEMBERED)
        """What a name stood for when its own region last said so, for whoever asked."""

    @property
    def away(self) -> tuple[str, ...]:
        return tuple(region.name for region in self._regions if region.is_away)

    async def call(self, action: str, request: KmsDocument, whose: str) -> KmsDocument:
        """As a Transport's; `whose`: names mean the same for all who are alike in it."""
        named = str(request.get("KeyId") or request.get("SourceKeyId"))
        own = self._own(named)
        try:
            answer = await own.call(action, request)
        except KeyUnavailable as exc:
            if len(self._regions) == 1 or exc.code in NOT_OF_THE_REGION:
                raise
            return await self._elsewhere(own, action, request, whose, exc)
        if not is_key_arn(named) and (key_arn := _told_arn(answer)):
            self._known[whose, named] = key_arn
        return answer

    async def _elsewhere(
        self, own: Region, action: str, request: KmsDocument, whose: str, away: KeyUnavailable
    ) -> KmsDocument:
        """From the first region that answers for a related key. Raises `away` where there is none."""
        names = {member: str(request[member]) for member in _KEYS if member in request}
        for region in self._others(own):
            try:
                own_arns = {
                    member: await self._own_arn(name, whose, own, region) for member, name in names.items()
                }
                asked = {member: in_region(arn, region.name) for member, arn in own_arns.items()}
                answer = await region.call(action, {**request, **asked})
            except _NotHere:
                continue
            except KeyUnavailable as exc:
                if exc.code in {SINGLE_REGION, *NOT_OF_THE_REGION}:
                    raise
                continue
            except KeyUnusable as exc:
                if exc.code not in _NO_SUCH_KEY:
                    raise
                continue  # no related key there, which says nothing of the one asked for
            return _translated(answer, dict(zip(asked.values(), own_arns.values(), strict=True)), region.name)
        raise away

    async def _own_arn(self, name: str, whose: str, own: Region, region: Region) -> str:
        """The ARN in its own region of what is named, a multi-Region key. Raises _NotHere, KeyUnavailable.

        A name that its own region never explained is looked up in the other one, and believed if the key
        that it names there says that the own region has it too.
        """
        key_arn = name if is_key_arn(name) else self._known.get((whose, name))
        if key_arn is None:
            try:
                told = await region.call("DescribeKey", {"KeyId": in_region(name, region.name)})
            except KeyUnavailable:
                raise
            except KeyServiceError:
                raise _NotHere from None
            key_arn = maybe_related(told.get("KeyMetadata") or {}, own.name)
            if key_arn is None:
                raise _NotHere
        if not is_multi_region(key_arn):
            raise KeyUnavailable(
                f"{own.name} does not answer, and {key_arn} is a single-Region key: no other region has it",
                code=SINGLE_REGION,
            )
        return key_arn

    def _own(self, name: str) -> Region:
        wanted = region_of(name)
        return next((each for each in self._regions if each.name == wanted), self._regions[0])

    def _others(self, own: Region) -> Iterator[Region]:
        return (each for each in self._regions if each is not own)


class _NotHere(Exception):
    """This region does not know the key under this name."""


def _told_arn(answer: KmsDocument) -> str:
    metadata = answer.get("KeyMetadata")
    found = metadata.get("Arn") if isinstance(metadata, Mapping) else answer.get("KeyId")
    return str(found or "")


def _translated(answer: KmsDocument, own_arns: Mapping[str, str], region: str) -> KmsDocument:
    """With each key under the name of its own region. Raises KeyUnavailable for a key not asked for."""
    translated: dict[str, Any] = {**answer, ANSWERED_IN: region}
    try:
        for member in ("KeyId", "SourceKeyId"):
            if member in answer:
                translated[member] = own_arns[answer[member]]
        if "KeyMetadata" in answer:
            metadata = answer["KeyMetadata"]
            translated["KeyMetadata"] = {**metadata, "Arn": own_arns[metadata["Arn"]]}
    except (KeyError, TypeError):
        raise KeyUnavailable(
            f"the KMS answered nonsense: {region} used another key than the one asked for",
            code="MalformedResponse",
        ) from None
    return translated
