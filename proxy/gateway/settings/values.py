"""What a bucket says of itself, as far as it is kept here and not by the store."""

from dataclasses import dataclass

from proxy.s3.bucket_encryption import BucketEncryption


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSettings:
    encryption: BucketEncryption | None = None
    """What PutBucketEncryption said; None: nothing, or it was taken back."""
    fault: str = ""
    """How what is kept is not what was kept; the rest is then what was known before, if anything was."""


NO_SETTINGS = BucketSettings()
