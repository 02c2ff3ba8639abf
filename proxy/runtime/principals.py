"""The configuration's identities as the S3 side's policies see them."""

from collections.abc import Mapping

from proxy.config import schema
from proxy.config.policies import policies_of
from proxy.gateway.authorization.permissions import Permissions, Principal


def principals_of(config: schema.Config) -> Mapping[str, Principal]:
    """By ARN."""
    policies = policies_of(config)
    return {
        who.arn: Principal(
            name=who.name,
            arn=who.arn,
            account=who.account,
            tags={name.lower(): value for name, value in who.tags.items()},
            permissions=Permissions(who.arn, who.account, policies[who.arn]),
        )
        for who in config.identities
    }
