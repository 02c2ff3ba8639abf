"""A PKCS#11 token of SoftHSM: Debian's package, with a directory of its own for each test."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, MechanismFlag, ObjectClass

from tests.tools import debian

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN, OFFICERS_PIN = "pin-4711-of-the-token", "pin-of-the-officer"
BOTH = MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftHsm:
    """Whoever reads `environment` finds its tokens."""

    environment: dict[str, str]
    label: str = "keys"

    def add(self, label: str) -> None:
        command = [debian("softhsm2-util", package="softhsm2"), "--init-token", "--free", "--label", label]
        command += ["--pin", PIN, "--so-pin", OFFICERS_PIN]
        subprocess.run(command, env=self.environment, check=True, capture_output=True, timeout=60)

    def put(self, label: str, plain: bytes) -> None:
        """A key that is known outside, for once."""
        kind = {"TOKEN": True, "PRIVATE": True, "SENSITIVE": True, "EXTRACTABLE": False}
        may = {"ENCRYPT": True, "DECRYPT": True}
        whole = {"CLASS": ObjectClass.SECRET_KEY, "KEY_TYPE": KeyType.AES, "LABEL": label, "VALUE": plain}
        with self.session() as session:
            session.create_object({Attribute[name]: value for name, value in (whole | kind | may).items()})

    def change_pin(self, pin: str) -> None:
        with self.session() as session:
            session.set_pin(PIN, pin)

    @contextmanager
    def session(self) -> Iterator[Any]:
        """For the test itself, where `environment` is the test's too."""
        library = pkcs11.lib(MODULE)
        try:
            with library.get_token(token_label=self.label).open(rw=True, user_pin=PIN) as session:
                yield session
        finally:
            library.finalize()

    def make(self, label: str, *, bits: int = 256, may: MechanismFlag = BOTH, **changes: bool) -> None:
        """A key as Sealgate makes it, but for the changes."""
        kind = {"PRIVATE": True, "SENSITIVE": True, "EXTRACTABLE": False} | changes
        template = {Attribute[name]: value for name, value in kind.items()}
        with self.session() as session:
            session.generate_key(
                KeyType.AES, bits, label=label, store=True, capabilities=may, template=template
            )


def softhsm(directory: Path) -> SoftHsm:
    tokens = directory / "tokens"
    tokens.mkdir()
    conf = directory / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\n")
    made = SoftHsm(environment={"SOFTHSM2_CONF": str(conf)})
    made.add(made.label)
    return made
