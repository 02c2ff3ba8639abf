"""How often an account may call: AWS's request quotas, and the token bucket that holds one.

Rates are requests a second of an account in a region (AWS KMS, "Request quotas"). Uses of keys share one;
every other operation has its own. A bucket holds a second's worth, and at least one.
"""

from dataclasses import dataclass

CRYPTOGRAPHIC = "CryptographicOperationsSymmetric"
SHARED = frozenset(
    {"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"}
    | {"GenerateMac", "GenerateRandom", "ReEncrypt", "VerifyMac"}
)

RATES: dict[str, float] = {
    CRYPTOGRAPHIC: 10_000,
    "CancelKeyDeletion": 5,
    "ConnectCustomKeyStore": 5,
    "CreateAlias": 5,
    "CreateCustomKeyStore": 5,
    "CreateGrant": 50,
    "CreateKey": 5,
    "DeleteAlias": 15,
    "DeleteCustomKeyStore": 5,
    "DeleteImportedKeyMaterial": 15,
    "DescribeCustomKeyStores": 5,
    "DescribeKey": 2000,
    "DisableKey": 5,
    "DisableKeyRotation": 5,
    "DisconnectCustomKeyStore": 5,
    "EnableKey": 5,
    "EnableKeyRotation": 15,
    "GetKeyLastUsage": 5,
    "GetKeyPolicy": 1000,
    "GetKeyRotationStatus": 1000,
    "GetParametersForImport": 1,
    "GetPublicKey": 2000,
    "ImportKeyMaterial": 15,
    "ListAliases": 500,
    "ListGrants": 100,
    "ListKeyPolicies": 100,
    "ListKeyRotations": 100,
    "ListKeys": 500,
    "ListResourceTags": 2000,
    "ListRetirableGrants": 100,
    "PutKeyPolicy": 15,
    "ReplicateKey": 5,
    "RetireGrant": 50,
    "RevokeGrant": 50,
    "RotateKeyOnDemand": 5,
    "ScheduleKeyDeletion": 15,
    "TagResource": 10,
    "UntagResource": 5,
    "UpdateAlias": 5,
    "UpdateCustomKeyStore": 5,
    "UpdateKeyDescription": 5,
    "UpdatePrimaryRegion": 5,
}
OTHER_RATE = 5.0
"""Of operations that AWS does not have."""


def group_of(action: str) -> str:
    """The name of the quota that an operation counts against."""
    return CRYPTOGRAPHIC if action in SHARED else action


@dataclass(slots=True)
class Bucket:
    """A quota of one account in one region. Times come from a clock that never goes back."""

    rate: float
    tokens: float = 0.0
    filled_at: float = 0.0
    lowest: tuple[float, float] = (0.0, 0.0)
    """The fewest tokens in this minute, and in the one before."""
    minute: int = 0

    def __post_init__(self) -> None:
        self.tokens = self.size
        self.lowest = self.size, self.size

    @property
    def size(self) -> float:
        return max(1.0, self.rate)

    def take(self, now: float) -> bool:
        """False where the quota is used up."""
        self._fill(now)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        self.lowest = min(self.lowest[0], self.tokens), self.lowest[1]
        return True

    def used_ratio(self, now: float) -> float:
        """How near to being used up it came in the last minute or two: 0 to 1."""
        self._fill(now)
        return 1 - min(self.lowest) / self.size

    def _fill(self, now: float) -> None:
        self.tokens = min(self.size, self.tokens + max(0.0, now - self.filled_at) * self.rate)
        self.filled_at = now
        passed = int(now // 60) - self.minute
        if passed:
            self.lowest = self.tokens, self.lowest[0] if passed == 1 else self.tokens
            self.minute += passed
