"""How a worker listens, made from the configuration's `listen` section."""

from proxy.config import schema
from proxy.gateway.client.connection import FrontLimits


def front_limits(config: schema.Config) -> FrontLimits:
    listen = config.listen
    return FrontLimits(
        head_timeout_seconds=listen.head_timeout_seconds,
        idle_timeout_seconds=listen.idle_timeout_seconds,
        keep_alive_seconds=listen.idle_timeout_seconds,
        connections=listen.max_connections,
    )
