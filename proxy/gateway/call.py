"""What a handler is given: the rooms it may use, and the one request it serves."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from email.utils import formatdate

from proxy.auth.verify import Authenticated, Authenticator
from proxy.gateway.authorization.judged_keys import JudgedKeys
from proxy.gateway.authorization.permissions import Principal
from proxy.gateway.browser.origins import Origins
from proxy.gateway.budget import SharedBudget
from proxy.gateway.exchange import Buffer, Exchange
from proxy.gateway.failures import FailureLimit
from proxy.gateway.known_objects import KnownObjects
from proxy.gateway.listings.sightings import Sightings
from proxy.gateway.multipart.memory import UploadMemory
from proxy.gateway.rules import BucketRule, Rules
from proxy.gateway.settings.memory import SettingsMemory
from proxy.gateway.settings.values import NO_SETTINGS, BucketSettings
from proxy.gateway.state import State
from proxy.gateway.trace import Phase, Trace
from proxy.keys.provider import Caller, KeyProvider
from proxy.s3.customer_key import OverHttp
from proxy.s3.markup import without_declaration
from proxy.s3.operation_rows import Operation
from proxy.s3.request import S3Request
from proxy.upstream.capabilities import Capabilities
from proxy.upstream.messages import Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where sealed bodies go, and what is known of how it departs from others."""

    name: str
    upstream: Upstream
    """Signs as whom the call acts: with the identity's own credentials where it has some here."""
    own: Upstream
    """Signs with the proxy's credentials: for what is the proxy's to do, and no client's."""
    capabilities: Capabilities
    upload_headers: Mapping[str, str]
    """What it has to be told when an upload in parts begins, so that it checks the parts."""
    state: State
    """What the proxy itself keeps there."""


class Stores:
    """Every store, and as whom each identity acts there."""

    def __init__(
        self, stores: Sequence[Store], acting: Mapping[tuple[str, str], Store], unsigned: Sequence[Store]
    ) -> None:
        """`acting` is by a store's name and an identity's ARN: those that have credentials of their own."""
        self._by_name = {store.name: store for store in stores}
        self._unsigned = {store.name: store for store in unsigned}
        self._acting = dict(acting)

    def __iter__(self) -> Iterator[Store]:
        """As the proxy, in the order of the configuration."""
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def named(self, name: str) -> Store:
        """As the proxy."""
        return self._by_name[name]

    def as_nobody(self, name: str) -> Store:
        """To which requests go without a signature."""
        return self._unsigned[name]

    def for_identity(self, name: str, arn: str) -> Store:
        return self._acting.get((name, arn)) or self._by_name[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What outlives a request. A reload replaces it as a whole; a request keeps what it began with."""

    authenticator: Authenticator
    principals: Mapping[str, Principal]
    """Every identity by its ARN, with what its policies say."""
    keys: KeyProvider
    judged_keys: JudgedKeys
    stores: Stores
    rules: Rules
    budget: SharedBudget
    known: KnownObjects
    failures: FailureLimit
    """Of authentication, by address."""
    uploads: UploadMemory
    settings: SettingsMemory
    sightings: Sightings
    origins: Origins
    region: str
    domains: Sequence[str]
    owned_key_id: str
    """Names the service-owned key, which seals what asks for no key."""
    accepts_owned: Callable[[str], bool]
    """By ARN: whether a key is the service's own. What the proxy keeps for itself is under no other."""
    managed_key_id: str
    """Names the service-managed key: `aws:kms` without a key id."""
    sse_c_over_http: OverHttp
    silent_seconds: float
    """After so long, what takes long says that it is at work: see patience.py."""
    held_body_bytes: int
    """Bodies up to this size are held and verified before a byte goes to the store."""
    now: Callable[[], datetime]
    random: Callable[[int], bytes]
    """Cryptographically strong."""

    def as_stored(self, bucket: str, key: str) -> tuple[str, BucketRule]:
        """The key that the store keeps this one under, and the rule that holds for it."""
        rule = self.rules.for_name(bucket, key)
        stored = self.stores.named(rule.upstream).capabilities.stored_key(key)
        return stored, rule if stored == key else self.rules.for_name(bucket, stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One authenticated, classified and authorised request."""

    rooms: Rooms
    exchange: Exchange
    request: S3Request
    operation: Operation
    authenticated: Authenticated | None
    """None where nobody signed, and the rule lets that go on to the store."""
    caller: Caller
    rule: BucketRule
    trace: Trace
    settings: BucketSettings = NO_SETTINGS
    """What is kept of the bucket that is written to; nothing where it is not asked for."""

    @property
    def principal(self) -> Principal | None:
        """Whose policies decide; None where nobody signed and nobody answers for it."""
        return self.rooms.principals[self.caller.principal] if self.caller.principal else None

    @property
    def store(self) -> Store:
        """The one behind this name."""
        return self.store_of(self.rule)

    def store_of(self, rule: BucketRule) -> Store:
        """The one behind names that this rule is about, such as a copy's source."""
        if self.authenticated is None:
            return self.rooms.stores.as_nobody(rule.upstream)
        return self.rooms.stores.for_identity(rule.upstream, self.caller.principal)

    def hold(self, size_bytes: int) -> AbstractAsyncContextManager[None]:
        """Memory for this request, out of its identity's share. Entering raises OverBudget."""
        return self.rooms.budget.hold(self.caller.principal, size_bytes)

    async def reply(self, status: int, headers: Mapping[str, str], body: Buffer = b"") -> None:
        """A whole answer from memory. A HEAD's has no body, whatever is given.

        Of an answer that has begun to wait it is the end, and the headers come too late.
        """
        with self.trace.during(Phase.CLIENT):
            self.trace.status = status
            if self.exchange.waiting:
                await self.exchange.conclude(without_declaration(bytes(body)))
                return
            head_only = self.request.method == "HEAD" or status in {204, 304}
            length = None if head_only else len(body)
            await self.exchange.begin(
                status, {**self.common_headers(), **headers}, length=length, first=b"" if head_only else body
            )

    def common_headers(self) -> dict[str, str]:
        return common_headers(self.trace.request_id, self.rooms.now())


def common_headers(request_id: str, now: datetime) -> dict[str, str]:
    """What every answer carries. Clients set their clocks by Date when a signature was too old."""
    return {"x-amz-request-id": request_id, "date": http_date(int(now.timestamp()))}


_last_date = (0, "")


def http_date(epoch_seconds: int) -> str:
    """RFC 9110, section 5.6.7; the last one is kept, since a second sees many answers."""
    global _last_date  # noqa: PLW0603  # a memo of one pure value
    if _last_date[0] != epoch_seconds:
        _last_date = (epoch_seconds, formatdate(epoch_seconds, usegmt=True))
    return _last_date[1]
