"""The same clients as in tests/e2e."""

from tests.e2e.conftest import key_arn, kms, raw, s3, sealed_on_store

__all__ = ["key_arn", "kms", "raw", "s3", "sealed_on_store"]
