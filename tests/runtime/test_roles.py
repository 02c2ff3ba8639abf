"""What each process loads: an import is a way in, and what is not loaded cannot be turned against it."""

import subprocess
import sys

import pytest

ROLES = {
    # The key material is here: nothing that takes clients' bytes or speaks to stores comes along.
    # AWS's client, or a token's, comes where it opens the root key.
    "proxy.runtime.hsm": (
        *("proxy.gateway", "proxy.upstream", "proxy.seal", "proxy.keys", "aiobotocore"),
        *("botocore.session", "botocore.client", "botocore.credentials", "pkcs11"),
    ),
    # No secret at all is here, and no code that works with one.
    "proxy.runtime.observer": ("proxy.gateway", "proxy.hsm", "proxy.keys", "proxy.auth", "cryptography"),
    # Keys of the HSM are asked for over its socket. AWS's client comes where a backend asks for it.
    "proxy.runtime.worker": (
        *("proxy.hsm.engine", "proxy.hsm.keyring", "proxy.hsm.sqlite"),
        *("proxy.keys.aws", "aiobotocore", "botocore", "pkcs11"),
    ),
}


@pytest.mark.parametrize(("role", "foreign"), ROLES.items())
def test_a_process_loads_nothing_of_the_others(role: str, foreign: tuple[str, ...]) -> None:
    listing = f"import sys, {role}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    ).stdout.split()

    assert role in loaded
    assert [name for name in loaded if name.startswith(foreign)] == []
