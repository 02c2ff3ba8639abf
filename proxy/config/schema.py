"""What a configuration is: frozen values, units in the names, each field with a default or required.

Rules of one field stand in its type (config/terms), so that the loader is one reader over these classes and
the example file can be compared with them. Rules between fields are in config/check. A field that the program
does not act on is not here: an unknown field is refused, which is honest. Nothing here reads a file or the
environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from proxy.config.failover import FailoverRegion
from proxy.config.quotas import HsmPrices, HsmQuotas
from proxy.config.root_key import RootKey
from proxy.config.terms import (
    MIB,
    SOURCED,
    AccessKeyId,
    Account,
    Address,
    Bounds,
    BucketName,
    Day,
    Document,
    Domain,
    ExternalId,
    FilePath,
    GrantToken,
    KeyId,
    KeyPattern,
    Match,
    Moment,
    Name,
    Network,
    OperationName,
    Port,
    Preset,
    PrincipalArn,
    Region,
    RoleArn,
    Secret,
    StatePlace,
    Timeout,
    Url,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files in PEM; TLS 1.2 at least. With client_ca_file a client must show a certificate that it signed."""

    certificate_file: FilePath
    key_file: FilePath
    client_ca_file: FilePath | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where S3 clients connect."""

    address: Address = "127.0.0.1"
    port: Port = 8080
    tls: Tls | None = None
    head_timeout_seconds: Timeout = 20.0
    """A request's head must have arrived this long after its first byte: the bound on slow senders."""
    idle_timeout_seconds: Timeout = 60.0
    """A connection on which nothing moves, between requests or inside a body, is closed."""
    max_connections: Annotated[int, Bounds(1, 1_000_000)] = 10_000
    trusted_proxies: tuple[Network, ...] = ()
    """Whose X-Forwarded-For and X-Forwarded-Proto are believed; those of anybody else mean nothing."""
    sse_c_over_http: Literal["refuse", "loopback", "allow"] = "loopback"
    """From whom a client's own key (SSE-C) is taken without TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """Where health and metrics are asked for. No TLS and no login: loopback or a private network alone."""

    address: Address = "127.0.0.1"
    port: Port = 9090


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What this store does differently from its preset; None leaves the preset's word.

    `sealgate check` tries a store and says what to write here.
    """

    equal_parts: bool | None = None
    consecutive_parts: bool | None = None
    checksum_trailers: bool | None = None
    checksum_headers: bool | None = None
    checksum_parts: bool | None = None
    md5_etags: bool | None = None
    unsigned_payload: bool | None = None
    conditional_writes: bool | None = None
    conditional_copies: bool | None = None
    largest_copy_bytes: Annotated[int, Bounds(5 * MIB, 1 << 50)] | None = None
    collapses_slashes: bool | None = None
    turns_backslashes: bool | None = None
    drops_folder_bodies: bool | None = None
    conditional_deletes: bool | None = None
    knows: tuple[OperationName, ...] | None = None
    """Operations that it carries out beside those that its preset says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A store, and the credentials that the proxy uses there."""

    name: Name
    url: Url
    region: Region = "us-east-1"
    access_key_id: AccessKeyId
    secret_access_key: Secret
    preset: Preset = "generic"
    capabilities: Capabilities = Capabilities()
    integrity: Literal["none", "checksum", "md5"] | None = None
    """How the store is made to check what it receives; None: by what it is capable of."""
    ca_file: FilePath | None = None
    """CAs in PEM that sign the store's certificate; None takes the system's."""
    connect_timeout_seconds: Timeout = 5.0
    idle_timeout_seconds: Timeout = 60.0
    connections: Annotated[int, Bounds(1, 100_000)] = 256
    state: StatePlace | None = None
    """Where uploads in progress are kept track of; None: below `.sealgate/` in each bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What happens to names that `match`; the first rule that matches is the one."""

    match: Match
    mode: Literal["encrypt", "migrate", "passthrough"] = "encrypt"
    until: Day | None = None
    """The last day, in UTC, on which `migrate` serves what is not sealed; None: no such day."""
    key: KeyId | None = None
    """The key of writes that name none (SSE-KMS); None: the service-owned key (SSE-S3)."""
    data_key_scope: Literal["bucket", "object"] = "bucket"
    keys: tuple[KeyPattern, ...] = ()
    """Key ARNs that envelopes here may name; empty: any key of the accounts, and the keys configured."""
    minimum: Literal["kms", "dsse"] | None = None
    """Below which no write goes, whatever its headers or the bucket's setting say: SSE-KMS, or two layers."""
    keys_allowed: tuple[KeyPattern, ...] = ()
    """The only keys that seal what is written here; empty: any that `keys` takes. Reads are not asked."""
    accept_names: tuple[BucketName, ...] = ()
    """Names under which a restored or replicated bucket was sealed."""
    plaintext_copies: Literal["refuse", "allow"] = "refuse"
    """Whether a sealed object may be copied to a passthrough name, where it lies in the clear."""
    anonymous: Literal["refuse", "forward"] = "refuse"
    """Requests that nobody signed: refused, or passed on unsigned, so that the store's own ACLs decide."""
    anonymous_as: PrincipalArn | None = None
    """Whose keys open and seal for them; None: what is sealed stays closed to them."""
    upstream: Name | None = None
    """None: the first of `upstreams`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    access_key_id: AccessKeyId
    secret_access_key: Secret
    session_token: Secret | None = None
    """Must come with each request that this key signs; None: none may."""
    expires: Moment | None = None
    """From then on the session token is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCredentials:
    """What an identity's requests are signed with on one store, instead of the proxy's credentials."""

    name: Name
    """Of one of `upstreams`."""
    access_key_id: AccessKeyId
    secret_access_key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumedRole:
    """What the proxy becomes at AWS KMS for an identity: a session that names it."""

    role_arn: RoleArn
    external_id: ExternalId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsCredentials:
    """As whom AWS KMS is called for an identity."""

    access_key_id: AccessKeyId
    secret_access_key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody who may sign requests; with two access keys, the old and the new, while they are rolled."""

    name: Name
    account: Account
    arn: PrincipalArn = ""
    """Empty is filled in with arn:aws:iam::ACCOUNT:user/NAME."""
    access_keys: Annotated[tuple[AccessKey, ...], Bounds(1, 2)]
    kind: Literal["user", "proxy"] = "user"
    """A proxy speaks to the key service here for clients of its own; it has no other right."""
    disabled: bool = False
    """Its signatures are refused and it has no rights; its name and ARN stay taken."""
    policies: tuple[Document, ...] = ()
    """IAM policies, or names of those in `policies`. Without any it may do nothing."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """What policies see as aws:PrincipalTag/NAME."""
    upstreams: tuple[StoreCredentials, ...] = ()
    """So that ownership and ACLs on the store are this identity's own. Where none is named: the proxy's."""
    assume_role: AssumedRole | None = None
    """With it AWS's own key policies and grants decide about this identity, and not its `policies` here."""
    aws_credentials: AwsCredentials | None = None
    """In the place of a role."""

    def __post_init__(self) -> None:
        if not self.arn:
            object.__setattr__(self, "arn", f"arn:aws:iam::{self.account}:user/{self.name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HsmBackend:
    """The built-in key service: this one's, as the `hsm` section has it, or another one's at endpoint_url."""

    type: Literal["hsm"]
    name: Name = "hsm"
    write: bool = False
    arns: tuple[KeyPattern, ...] = ("*",)
    endpoint_url: Url | None = None
    """Of the Sealgate that runs the key service of a fleet; None: the one here."""
    access_key_id: AccessKeyId | None = None
    """With endpoint_url: of an identity there whose kind is proxy."""
    secret_access_key: Secret | None = None
    ca_file: FilePath | None = None
    """CAs in PEM that sign the certificate at endpoint_url; None takes the system's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsBackend:
    """AWS KMS, or what speaks its protocol at endpoint_url. Without credentials: botocore's chain."""

    type: Literal["aws"]
    name: Name = "aws"
    write: bool = False
    arns: tuple[KeyPattern, ...] = ("*",)
    """The key ARNs that this backend answers for. Two backends must not claim the same one."""
    region: Region = "us-east-1"
    endpoint_url: Url | None = None
    sts_endpoint_url: Url | None = None
    """Where the roles of identities are assumed; None: at AWS's STS in the region."""
    failover_regions: Annotated[tuple[FailoverRegion, ...], Bounds(0, 8)] = ()
    """Where multi-Region keys are asked for while their own region is away, in this order."""
    access_key_id: AccessKeyId | None = None
    secret_access_key: Secret | None = None
    owned_key: KeyId = "alias/sealgate/owned"
    """Stands for the service-owned key of SSE-S3."""
    managed_key: KeyId = "alias/sealgate/s3"
    """Stands for aws/s3, which AWS lets no third party use."""
    grant_tokens: Annotated[tuple[GrantToken, ...], Bounds(0, 10)] = ()
    """Of grants that AWS may not know everywhere yet; they are no secrets."""
    connect_timeout_seconds: Timeout = 3.0
    read_timeout_seconds: Timeout = 5.0


Backend = HsmBackend | AwsBackend


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKeyCache:
    max_age_seconds: Annotated[float, Bounds(0, 3600)] = 300.0
    """0 turns the cache off: each object then costs a KMS call."""
    max_uses: Annotated[int, Bounds(1, 1 << 20)] = 1 << 16
    """Objects sealed under one data key; docs/FORMAT.md sets 2^20 as the limit."""
    max_entries: Annotated[int, Bounds(1, 1_000_000)] = 10_000
    decision_max_age_seconds: Annotated[float, Bounds(0, 300)] = 30.0
    """How long the KMS's yes for one caller holds before it is asked again; news of a change ends it."""
    max_stale_seconds: Annotated[float, Bounds(0, 3600)] = 300.0
    """While the KMS cannot be asked, how long an earlier yes serves on; 0: no longer than it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kms:
    backends: Annotated[tuple[Backend, ...], Bounds(1, 16)]
    data_key_cache: DataKeyCache = DataKeyCache()


@dataclass(frozen=True, slots=True, kw_only=True)
class HsmListen:
    """TCP beside the socket; without TLS on loopback alone."""

    address: Address = "127.0.0.1"
    port: Port = 8081
    tls: Tls | None = None


HSM_SOCKET = "run/hsm.sock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hsm:
    """The built-in key service. Its accounts and callers are the configuration's."""

    store: FilePath
    """The SQLite file."""
    witness: FilePath | None = None
    """Remembers how far the store had come; best on another disk. None: beside the store, as NAME.witness."""
    root_key: RootKey
    regions: Annotated[tuple[Region, ...], Bounds(1, 64)] = ("us-east-1",)
    socket: FilePath = HSM_SOCKET
    """100 bytes at most: every system takes that. Its directory must be the service's own."""
    listen: HsmListen | None = None
    quotas: HsmQuotas = field(default_factory=HsmQuotas)
    prices: HsmPrices = field(default_factory=HsmPrices)
    test_reset: bool = False
    """Never in earnest: whoever may `kms:Reset` can empty the store. Only one made for tests takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    held_body_bytes: Annotated[int, Bounds(0, 64 * MIB)] = MIB
    """Bodies up to this size are held and verified whole before the store sees any of it."""
    memory_budget_bytes: Annotated[int, Bounds(8 * MIB, 1 << 40)] = 256 * MIB
    """All bodies and buffers of a worker together."""
    memory_share_percent: Annotated[int, Bounds(1, 100)] = 50
    """Of the budget, what the requests of one identity may hold together."""
    memory_wait_seconds: Annotated[float, Bounds(0, 60)] = 1.0
    """How long a request waits for its share of the budget before 503 SlowDown."""
    drain_seconds: Annotated[float, Bounds(0, 3600)] = 30.0
    """How long SIGTERM lets requests in progress go on."""
    silent_seconds: Annotated[float, Bounds(0.1, 60)] = 10.0
    """How long a Complete or a copy is at work in silence; then its answer of 200 begins, with blanks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StdoutSink:
    type: Literal["stdout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSink:
    type: Literal["file"]
    path: FilePath


Sink = StdoutSink | FileSink


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    sinks: Annotated[tuple[Sink, ...], Bounds(1, 16)] = (StdoutSink(type="stdout"),)
    queue_events: Annotated[int, Bounds(100, 1_000_000)] = 10_000
    """Events that may wait to be written; above it new requests wait, then get 503."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """When the configuration is taken up anew, beside SIGHUP and `sealgate reload`."""

    watch: bool = False
    """When a file that it was read from has changed; looked at every two seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    listen: Listen = Listen()
    admin: Admin = Admin()
    fips: Literal["off", "required"] = "off"
    """Required: no process that does cryptography starts unless OpenSSL's FIPS provider does it."""
    region: Region = "us-east-1"
    """The region that clients sign for."""
    domains: tuple[Domain, ...] = ()
    """Under which BUCKET.DOMAIN is a virtual-hosted bucket."""
    upstreams: Annotated[tuple[Upstream, ...], Bounds(1, 16)]
    buckets: tuple[Rule, ...] = ()
    """What no rule matches is encrypted under the service-owned key."""
    accounts: Annotated[tuple[Account, ...], Bounds(1, 10_000)]
    policies: Mapping[str, Document] = field(default_factory=dict)
    """IAM policies by name, for identities to share."""
    identities: Annotated[tuple[Identity, ...], Bounds(1, 100_000), SOURCED]
    kms: Kms
    hsm: Hsm | None = None
    limits: Limits = Limits()
    audit: Audit = Audit()
    reload: Reload = Reload()
    workers: Annotated[int, Bounds(1, 1024)] | None = None
    """Processes that serve S3 clients; None: one for each core that the service may use."""
    run_directory: FilePath | None = None
    """Of the sockets between the service's processes, and its own; None: that of hsm.socket, else `run`."""
    inventory_file: FilePath | None = None
    """What `sealgate inventory` counted; None: `inventory.json` beside hsm.store, and none without hsm."""
