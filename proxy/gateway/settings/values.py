"""What a bucket says of itself, as far as it is kept here and not by the store."""

from dataclasses import dataclass, field

from proxy.policy.documents import Policy
from proxy.s3.bucket_encryption import BucketEncryption


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSettings:
    encryption: BucketEncryption | None = None
    """What PutBucketEncryption said; None: nothing, or it was taken back."""
    policy: bytes = b""
    """The bucket policy as it was put, where some of its statements are judged here."""
    statements: Policy | None = field(default=None, compare=False)
    """Those, compiled."""
    fault: str = ""
    """How what is kept is not what was kept; the rest is then what was known before, if anything was."""


NO_SETTINGS = BucketSettings()
