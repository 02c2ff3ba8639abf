"""A worker's way to AWS KMS: whom it speaks as, where, and for how long it waits."""

from collections.abc import Iterable

from proxy.config import schema
from proxy.keys.aws import AwsKeys, AwsKmsSettings, AwsRegion, open_aws_keys
from proxy.keys.aws_sessions import AwsIdentity
from proxy.metrics import KMS_REGION_REQUESTS, Metrics


async def open_backend(
    backend: schema.AwsBackend, identities: Iterable[schema.Identity], metrics: Metrics
) -> AwsKeys:
    """No call is made yet. `identities`: those who are somebody to AWS. Raises KeyUnavailable."""
    return await open_aws_keys(
        aws_settings(backend),
        [_aws_identity(who) for who in identities],
        lambda region, outcome: metrics.count(KMS_REGION_REQUESTS, backend.name, region, outcome),
    )


def aws_settings(backend: schema.AwsBackend) -> AwsKmsSettings:
    secret = backend.secret_access_key
    return AwsKmsSettings(
        region=backend.region,
        endpoint_url=backend.endpoint_url,
        sts_endpoint_url=backend.sts_endpoint_url,
        failover_regions=tuple(
            AwsRegion(
                region=each.region,
                endpoint_url=each.endpoint_url,
                sts_endpoint_url=each.sts_endpoint_url,
                grant_tokens=each.grant_tokens,
            )
            for each in backend.failover_regions
        ),
        access_key_id=backend.access_key_id,
        secret_access_key=secret.reveal() if secret else None,
        grant_tokens=backend.grant_tokens,
        connect_timeout_seconds=backend.connect_timeout_seconds,
        read_timeout_seconds=backend.read_timeout_seconds,
    )


def _aws_identity(who: schema.Identity) -> AwsIdentity:
    if who.assume_role:
        return AwsIdentity(
            name=who.name,
            arn=who.arn,
            role_arn=who.assume_role.role_arn,
            external_id=who.assume_role.external_id or "",
        )
    assert who.aws_credentials, "it has one of the two"
    return AwsIdentity(
        name=who.name,
        arn=who.arn,
        access_key_id=who.aws_credentials.access_key_id,
        secret_access_key=who.aws_credentials.secret_access_key.reveal(),
    )
