"""From a configuration to processes, where it cannot be done."""

import contextlib
import os
import socket
from pathlib import Path

import pytest

from proxy.cli.options import loaded
from proxy.cli.plan import SecretMissing, plan_of, renewals_of
from proxy.supervisor.plan import Place
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


AT_AWS = {"key_id": "k", "sealed_file": "f", "access_key_id": "ROOT", "secret_access_key": "root-secret"}
IN_TOKEN = {"module": "/m.so", "token": "t", "key": "k", "pin": "root-secret", "sealed_file": "f"}


@pytest.mark.parametrize("root_key", [{"aws_kms": AT_AWS}, {"pkcs11": IN_TOKEN}])
def test_workers_are_not_told_what_opens_the_root_key(
    tmp_path: Path, root_key: dict[str, dict[str, str]]
) -> None:
    path = written(tmp_path, hsm={"store": "keys.sqlite", "root_key": root_key})

    told = renewals_of(loaded(path))

    assert "root-secret" in told["hsm"].config_text
    assert "root-secret" not in told["worker"].config_text


@pytest.mark.parametrize(
    ("own", "roles"),
    [({}, {"hsm"}), ({"access_key_id": "ROOT", "secret_access_key": "root-at-aws"}, set())],
)
def test_the_key_service_finds_aws_credentials_where_the_root_key_needs_them(
    tmp_path: Path, own: dict[str, str], roles: set[str]
) -> None:
    """And the workers do not: their key service is the HSM."""
    root_key = {"aws_kms": {"key_id": "k", "sealed_file": "f", **own}}
    path = written(tmp_path, hsm={"store": "keys.sqlite", "root_key": root_key})

    assert {
        place.role
        for place in places(path, {"AWS_PROFILE": "somebody"})
        if "AWS_PROFILE" in place.environment
    } == roles


def test_the_key_service_alone_gets_what_a_tokens_module_reads(tmp_path: Path) -> None:
    """And of the environment no more than that is named."""
    in_token = {**IN_TOKEN, "environment": ["TOKEN_SETTINGS"]}
    path = written(tmp_path, hsm={"store": "keys.sqlite", "root_key": {"pkcs11": in_token}})
    found = places(path, {"TOKEN_SETTINGS": "here", "TOKEN_OTHERS": "there"})

    assert {place.role for place in found if "TOKEN_SETTINGS" in place.environment} == {"hsm"}
    assert not [place for place in found if "TOKEN_OTHERS" in place.environment]
    with pytest.raises(SecretMissing, match=r"pkcs11\.environment: the environment has no TOKEN_SETTINGS"):
        places(path, {})


def places(path: Path, environ: dict[str, str]) -> list[Place]:
    """Of a plan whose sockets are closed again."""
    plan = plan_of(loaded(path), path, environ, log_level="info")
    found = [place for stage in plan.stages for place in stage]
    with contextlib.ExitStack() as closing:
        for held in (plan.control, *(each for place in found for each in place.sockets.values())):
            if held:
                closing.callback(held.close)
    return found
