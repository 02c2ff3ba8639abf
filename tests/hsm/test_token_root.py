"""A root key that a PKCS#11 token opens: SoftHSM stands for it."""

import base64
import os
import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pkcs11
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pkcs11 import Attribute, KeyType, MechanismFlag, TokenFlag

from proxy.hsm.init import open_sqlite_store
from proxy.hsm.root import RootKeyBarred, RootKeyError
from proxy.hsm.token import TokenKey, TokenRefused, _token, check_pin_counter
from proxy.hsm.token_root import HEADER, TokenRoot
from tests.hsm.rig import root_key_made
from tests.hsm.softhsm import MODULE, PIN, SoftHsm, softhsm

SALT = bytes(16)
WRONG_PIN = "another-pin-4712"


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    """Its environment is the test's."""
    made = softhsm(tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def source(token: SoftHsm, tmp_path: Path) -> TokenRoot:
    place = TokenKey(module=Path(MODULE), token=token.label, key="root", pin=PIN)
    return TokenRoot(place=place, sealed_file=tmp_path / "root.sealed")


def at(source: TokenRoot, **changes: Any) -> TokenRoot:
    return replace(source, place=replace(source.place, **changes))


def test_a_store_opens_by_the_file_that_init_had_sealed(source: TokenRoot, token: SoftHsm) -> None:
    """Init makes the key in the token too, which shows it to nobody; nothing here holds the root key."""
    assert root_key_made(source) == source.sealed_file
    open_sqlite_store(source.sealed_file.with_name("hsm.db"), source, random=os.urandom).close()

    assert stat.S_IMODE(source.sealed_file.stat().st_mode) == 0o600
    root = source.root_key(SALT, 17)  # it wipes itself when it is dropped
    plain = bytes(root.reveal())
    for file in source.sealed_file.parent.rglob("*"):
        held = file.read_bytes() if file.is_file() else b""
        assert plain not in held
        assert base64.b64encode(plain) not in held
    with token.session() as session:
        [key] = session.get_objects({Attribute.LABEL: "root"})
        with pytest.raises(pkcs11.AttributeSensitive):
            key[Attribute.VALUE]
        for never in ("EXTRACTABLE", "WRAP", "UNWRAP", "SIGN", "DERIVE"):
            assert not key[Attribute[never]], never
        for always in ("PRIVATE", "SENSITIVE", "NEVER_EXTRACTABLE", "LOCAL"):
            assert key[Attribute[always]], always


def test_the_file_is_as_its_description_says(source: TokenRoot, token: SoftHsm) -> None:
    """Opened without the token, by a key that was put there for once."""
    known = os.urandom(32)
    token.put("root", known)
    source.make(os.urandom)

    held = base64.b64decode(source.sealed_file.read_bytes())
    assert held.startswith(HEADER)
    nonce, sealed = held[len(HEADER) :][:12], held[len(HEADER) + 12 :]
    assert AESGCM(known).decrypt(nonce, sealed, HEADER) == source.root_key(SALT, 17).reveal()


def test_a_file_that_is_there_is_never_replaced(source: TokenRoot) -> None:
    """An init that was cut off after it goes on with it, and with the key that an earlier one made."""
    source.make(os.urandom)
    made = source.sealed_file.read_bytes()
    with pytest.raises(RootKeyError, match="cannot be made: File exists"):
        source.make(os.urandom)
    assert root_key_made(source) is None
    assert source.sealed_file.read_bytes() == made

    another = replace(source, sealed_file=source.sealed_file.with_name("another"))
    another.make(os.urandom)
    assert another.root_key(SALT, 17).reveal() != source.root_key(SALT, 17).reveal()


def test_a_file_in_a_directory_that_is_not_there(source: TokenRoot, tmp_path: Path) -> None:
    with pytest.raises(RootKeyError, match="cannot be made: No such file or directory"):
        replace(source, sealed_file=tmp_path / "none" / "root.sealed").make(os.urandom)


def test_every_byte_of_the_file_counts(source: TokenRoot) -> None:
    """Of the header the description fails, of nonce, ciphertext and tag the token."""
    source.make(os.urandom)
    held = base64.b64decode(source.sealed_file.read_bytes())
    at_the_token = range(len(HEADER), len(held), 7)  # each takes a login
    for place in (*range(len(HEADER)), *at_the_token, len(held) - 1):
        damaged = bytearray(held)
        damaged[place] ^= 1
        source.sealed_file.write_bytes(base64.b64encode(damaged))
        says = "holds no root key that a token sealed" if place < len(HEADER) else "the file was altered"
        with pytest.raises(RootKeyError, match=says):
            source.root_key(SALT, 17)


def written(source: TokenRoot, content: bytes) -> TokenRoot:
    source.sealed_file.write_bytes(content)
    return source


def remade(source: TokenRoot, token: SoftHsm, **kind: Any) -> TokenRoot:
    """The key of the label is now another, of this kind."""
    with token.session() as session:
        for each in session.get_objects({Attribute.LABEL: "root"}):
            each.destroy()
    token.make("root", **kind)
    return source


def a_pair(source: TokenRoot, token: SoftHsm) -> TokenRoot:
    with token.session() as session:
        session.generate_keypair(KeyType.RSA, 1024, label="pair", store=True)
    return at(source, key="pair")


def twice(source: TokenRoot, token: SoftHsm) -> TokenRoot:
    token.make("root")
    return source


def two_tokens(source: TokenRoot, token: SoftHsm) -> TokenRoot:
    token.add(token.label)
    return source


def another_key(source: TokenRoot, token: SoftHsm) -> TokenRoot:
    token.make("another")
    return at(source, key="another")


def open_to_others(source: TokenRoot) -> TokenRoot:
    copy = source.sealed_file.with_name("module.so")
    shutil.copy(MODULE, copy)
    copy.chmod(0o775)
    return at(source, module=copy)


NO_FILE = "put the sealed_file back that `sealgate hsm init` made with this key"
ANOTHER = "name another, or let `sealgate hsm init` make one"
Fault = Callable[[TokenRoot, SoftHsm], TokenRoot]
FAULTS: dict[str, tuple[Fault, str]] = {
    "a wrong PIN": (
        lambda source, _: at(source, pin=WRONG_PIN),
        "PinIncorrect: the PIN was tried once: correct it before it is tried again",
    ),
    "no such token": (
        lambda source, _: at(source, token="none"),
        "no token has this label; the module shows keys",
    ),
    "two tokens": (two_tokens, "2 tokens have this label: give one of them another"),
    "no such key": (
        lambda source, _: at(source, key="none"),
        "the token has no such key: name the one that `sealgate hsm init` made",
    ),
    "two keys": (twice, "2 keys of the token have this label: give one of them another"),
    "another key": (another_key, f"the file was altered, or sealed under another key: {NO_FILE}"),
    "a pair of keys": (a_pair, f"the key is no AES key: {ANOTHER}"),
    "a short key": (
        lambda source, token: remade(source, token, bits=128),
        f"the key is shorter than 256 bits: {ANOTHER}",
    ),
    "a key that can be taken out": (
        lambda source, token: remade(source, token, EXTRACTABLE=True),
        rf"the key can be taken out of the token \(CKA_EXTRACTABLE\): {ANOTHER}",
    ),
    "a key that can be read": (
        lambda source, token: remade(source, token, SENSITIVE=False),
        rf"the key can be read in the token \(CKA_SENSITIVE is false\): {ANOTHER}",
    ),
    "a key for everybody": (
        lambda source, token: remade(source, token, PRIVATE=False),
        rf"the key can be used without the PIN \(CKA_PRIVATE is false\): {ANOTHER}",
    ),
    "a key that seals alone": (
        lambda source, token: remade(source, token, may=MechanismFlag.ENCRYPT),
        rf"the key may not decrypt \(CKA_DECRYPT\): {ANOTHER}",
    ),
    "no module": (
        lambda source, _: at(source, module=Path("/none.so")),
        "module /none.so cannot be read: No such file or directory",
    ),
    "another library": (
        lambda source, _: at(source, module=Path(str(sys.modules["pkcs11._pkcs11"].__file__))),
        r"is none of PKCS#11: .*C_GetFunctionList",
    ),
    "a module that others can write": (lambda source, _: open_to_others(source), "can be written by others"),
    "an empty file": (lambda source, _: written(source, b""), f"holds nothing in base64: {NO_FILE}"),
    "another file": (
        lambda source, _: written(source, base64.b64encode(os.urandom(91))),
        f"holds no root key that a token sealed: {NO_FILE}",
    ),
    "no file": (
        lambda source, _: replace(source, sealed_file=source.sealed_file.with_name("none")),
        "none cannot be read: No such file or directory",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong_is_one_line_that_says_what_to_do(
    source: TokenRoot, token: SoftHsm, fault: str
) -> None:
    root_key_made(source)
    damage, says = FAULTS[fault]
    damaged = damage(source, token)

    with pytest.raises(RootKeyError, match=says) as refused:
        open_sqlite_store(source.sealed_file.with_name("hsm.db"), damaged, random=os.urandom)
    told = f"{refused.value}{damaged!r}"
    assert "\n" not in told
    assert PIN not in told
    assert WRONG_PIN not in told


def test_a_key_that_opens_alone_seals_no_new_root_key(source: TokenRoot, token: SoftHsm) -> None:
    """It opens what was sealed before."""
    token.make("root", may=MechanismFlag.DECRYPT)

    with pytest.raises(RootKeyError, match=r"the key may not encrypt \(CKA_ENCRYPT\)"):
        source.make(os.urandom)
    assert not source.sealed_file.exists()


def test_a_module_that_does_not_start(source: TokenRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does where it finds no settings."""
    source.make(os.urandom)
    monkeypatch.setenv("SOFTHSM2_CONF", "/none")

    with pytest.raises(RootKeyError, match=r"does not start \(GeneralError\): check its own settings"):
        source.root_key(SALT, 17)


def test_without_the_package_the_line_says_so(source: TokenRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)

    with pytest.raises(RootKeyError, match=r"pip install 'sealgate\[pkcs11\]'"):
        source.make(os.urandom)


def test_after_a_wrong_pin_no_start_tries_one(source: TokenRoot) -> None:
    """A service manager starts again and again, and the token would lock itself. A person's command may try,
    and clears the way.
    """
    source.make(os.urandom)
    start = at(source, unattended=True)
    start.root_key(SALT, 17)
    with pytest.raises(RootKeyBarred, match="PinIncorrect"):
        at(start, pin=WRONG_PIN).root_key(SALT, 17)

    for pin in (WRONG_PIN, PIN):  # the right one neither: it was not tried
        with pytest.raises(RootKeyError, match="the last PIN that the token was given was wrong"):
            at(start, pin=pin).root_key(SALT, 17)
    source.root_key(SALT, 17)
    start.root_key(SALT, 17)


@pytest.mark.parametrize("unattended", [True, False])
@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (TokenFlag.USER_PIN_FINAL_TRY | TokenFlag.USER_PIN_COUNT_LOW, "one more wrong PIN locks the token"),
        (TokenFlag.USER_PIN_LOCKED, "the token has locked its PIN: have the token's security officer"),
    ],
)
def test_the_last_try_is_not_ours(flags: TokenFlag, says: str, *, unattended: bool) -> None:
    """SoftHSM counts without end; other tokens say when one try is left."""
    with pytest.raises(TokenRefused, match=says):
        check_pin_counter(flags, TokenFlag, unattended=unattended)
    check_pin_counter(TokenFlag.USER_PIN_INITIALIZED, TokenFlag, unattended=unattended)


def test_a_broken_token_beside_it_does_not_matter() -> None:
    """It stands for nobody, and the one that is named is found."""

    def broken() -> NoReturn:
        raise pkcs11.DeviceError

    whole = SimpleNamespace(label="keys")
    slots = [SimpleNamespace(get_token=broken), SimpleNamespace(get_token=lambda: whole)]
    library = SimpleNamespace(get_slots=lambda *, token_present: slots if token_present else [])

    assert _token(pkcs11, library, "keys") is whole
    with pytest.raises(TokenRefused, match="the module shows keys"):
        _token(pkcs11, library, "others")


def test_no_session_is_left(source: TokenRoot) -> None:
    """Also where the token refused: whoever starts the module next has to log in."""
    source.make(os.urandom)
    source.root_key(SALT, 17)
    for _ in range(2):
        library = pkcs11.lib(MODULE)
        with library.get_token(token_label="keys").open() as session:
            assert list(session.get_objects({Attribute.LABEL: "root"})) == []
        library.finalize()
        with pytest.raises(RootKeyError):
            at(source, key="none").root_key(SALT, 17)
