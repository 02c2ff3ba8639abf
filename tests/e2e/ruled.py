"""A second service in front of the same store: with rules, and with a domain of its own."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.stores.sealgate import ACCOUNT, OTHER_ACCOUNT

DOMAIN = "s3.sealgate.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """The buckets that the rules are about."""

    keyed: str = field(default_factory=lambda: f"keyed-{uuid.uuid4()}")
    """Writes that ask for nothing are under `alias/of-the-rule`, each object under a data key of its own."""
    plain: str = field(default_factory=lambda: f"plain-{uuid.uuid4()}")
    """Passthrough."""
    published: str = field(default_factory=lambda: f"published-{uuid.uuid4()}")
    """Passthrough, and sealed objects may be copied here."""
    mixed: str = field(default_factory=lambda: f"mixed-{uuid.uuid4()}")
    """`open/` is passthrough, the rest is sealed."""

    floored: str = field(default_factory=lambda: f"floored-{uuid.uuid4()}")
    """Nothing is written under less than SSE-KMS."""
    doubled: str = field(default_factory=lambda: f"doubled-{uuid.uuid4()}")
    """Nothing is written in less than two layers."""
    confined: str = field(default_factory=lambda: f"confined-{uuid.uuid4()}")
    """Only keys of the other account seal what is written."""
    replica: str = field(default_factory=lambda: f"replica-{uuid.uuid4()}")
    """Objects here may be sealed for `mixed` and `keyed`."""
    guarded: str = field(default_factory=lambda: f"guarded-{uuid.uuid4()}")
    """Envelopes here may name keys of one account alone."""

    @property
    def rules(self) -> list[dict[str, Any]]:
        account_s = f"arn:aws:kms:*:{ACCOUNT}:key/*"
        return [
            {"match": self.replica, "accept_names": [self.mixed, self.keyed]},
            {"match": self.guarded, "key": ALIAS, "keys": [account_s]},
            {"match": self.keyed, "key": ALIAS, "data_key_scope": "object"},
            {"match": self.plain, "mode": "passthrough"},
            {"match": self.published, "mode": "passthrough", "plaintext_copies": "allow"},
            {"match": f"{self.mixed}/open/*", "mode": "passthrough"},
            {"match": self.floored, "minimum": "kms"},
            {"match": self.doubled, "minimum": "dsse", "key": ALIAS},
            {"match": self.confined, "key": ALIAS, "keys_allowed": [f"arn:aws:kms:*:{OTHER_ACCOUNT}:key/*"]},
        ]

    @property
    def names(self) -> list[str]:
        sealed = [self.keyed, self.floored, self.doubled, self.confined, self.replica, self.guarded]
        return [*sealed, self.plain, self.published, self.mixed]


ALIAS = "alias/of-the-rule"
