"""`fips: required`: whether OpenSSL's FIPS provider does the cryptography of this process.

Two OpenSSLs are at work: the one that `cryptography` was built with (keys, seals), and Python's (TLS, hashes,
signatures). Of each two things are asked. That it takes approved implementations alone: there is a flag, but
nobody has to have a provider for it. And that it computes something: only a provider that is there does, and
Python would otherwise compute hashes by itself, in silence.
"""

import _hashlib  # type: ignore[import-not-found,unused-ignore]  # no public module tells this flag
import hashlib
from collections.abc import Callable, Mapping

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.bindings._rust import openssl  # no public module tells this flag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.config.schema import Config
from proxy.supervisor.start import StartRefused


def _in_cryptography() -> bool:
    try:
        AESGCM(bytes(32)).encrypt(bytes(12), b"", None)
    except (InternalError, UnsupportedAlgorithm):
        return False
    return openssl.is_fips_enabled()


def _in_python() -> bool:
    try:
        by_openssl = type(hashlib.sha256()).__module__ == "_hashlib"
    except ValueError:
        return False
    return by_openssl and bool(_hashlib.get_fips_mode())


LIBRARIES: Mapping[str, Callable[[], bool]] = {
    "the Python package cryptography": _in_cryptography,
    "Python itself": _in_python,
}


def demand_fips(config: Config, libraries: Mapping[str, Callable[[], bool]] = LIBRARIES) -> None:
    """Raises StartRefused where the configuration requires what is not active."""
    if config.fips == "off":
        return
    without = [library for library, active in libraries.items() if not active()]
    if without:
        raise StartRefused(
            f"fips: OpenSSL's FIPS provider is not active in {' and '.join(without)}:"
            " activate it (OPENSSL_CONF; docs/operations.md says how), or write fips: off"
        )
