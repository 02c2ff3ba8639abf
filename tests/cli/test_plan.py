"""From a configuration to processes, where it cannot be done."""

import os
import socket
from pathlib import Path

import pytest

from proxy.cli.options import loaded
from proxy.cli.plan import plan_of, renewals_of
from proxy.supervisor.sockets import AddressRefused
from tests.cli.configs import STORE_SECRET, whole, written


def test_a_plan_that_fails_leaves_no_address_bound(tmp_path: Path) -> None:
    """Whoever calls may try again."""
    with socket.create_server(("127.0.0.1", 0)) as held, socket.create_server(("127.0.0.1", 0)) as free:
        taken, port = held.getsockname()[1], free.getsockname()[1]
        free.close()
        path = written(tmp_path, listen={"port": port}, admin={"port": taken})

        with pytest.raises(AddressRefused) as refused:
            plan_of(loaded(path), path, os.environ, log_level="info")

        # The error is still held, and with it the frames in which the sockets were bound.
        assert str(taken) in str(refused.value)
        socket.create_server(("127.0.0.1", port)).close()


def test_the_key_service_is_not_told_what_opens_the_store(tmp_path: Path) -> None:
    """Neither the proxy's credentials there nor an identity's own, nor its own at AWS."""
    theirs = {"name": "store", "access_key_id": "ALICETHERE", "secret_access_key": "alice-there"}
    [alice] = whole()["identities"]
    at_aws = {"access_key_id": "ALICEATAWS", "secret_access_key": "alice-at-aws"}
    backends = [{"type": "hsm", "write": True, "arns": ["arn:aws:kms:*:111122223333:*"]}]
    backends.append({"type": "aws", "arns": ["arn:aws:kms:*:444455556666:*"]})
    path = written(
        tmp_path,
        identities=[alice | {"upstreams": [theirs], "aws_credentials": at_aws}],
        kms={"backends": backends},
    )

    told = renewals_of(loaded(path))

    for secret in (STORE_SECRET, "alice-there", "alice-at-aws"):
        assert secret in told["worker"].config_text
        assert secret not in told["hsm"].config_text
