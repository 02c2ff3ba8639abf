"""An AES key in a PKCS#11 token: it seals and opens in there, and its value never comes out.

Each use loads the token's module, logs in once, and shuts the module down again. A PIN that was refused is
not tried again where nobody would notice: a token counts the wrong ones, and locks itself at the last.
python-pkcs11 and the module are loaded only here and only then: a key service without a token needs neither.
"""

import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

_DEVICE = "check that the token is there, and what its module logs"
_UNLOCK = "have the token's security officer set the PIN anew"
WRONG_PIN = ("PinIncorrect", "PinInvalid", "PinLenRange")
_PIN = "the PIN was tried once: correct it before it is tried again"
_GCM = "the token must offer CKM_AES_KEY_GEN and CKM_AES_GCM, with the nonce that it is given"
REMEDIES: Mapping[str, str] = {
    **dict.fromkeys(WRONG_PIN, _PIN),
    **dict.fromkeys(("PinLocked", "PinExpired", "UserPinNotInitialized"), _UNLOCK),
    **dict.fromkeys(
        (
            *("DeviceError", "DeviceMemory", "DeviceRemoved", "HostMemory", "TokenNotPresent"),
            *("SessionClosed", "SessionHandleInvalid", "SessionCount", "FunctionCancelled"),
        ),
        _DEVICE,
    ),
    **dict.fromkeys(("MechanismInvalid", "MechanismParamInvalid", "FunctionNotSupported"), _GCM),
    **dict.fromkeys(
        ("TokenWriteProtected", "SessionReadOnly", "TemplateInconsistent", "AttributeValueInvalid"),
        "the token takes no new key: make one there with its own tools, AES of 256 bits, private, sensitive"
        " and not extractable",
    ),
}
"""By the names of PKCS#11's return values, as python-pkcs11 has them."""


class TokenRefused(Exception):
    """The text is one line that says why and what to do. It never holds the PIN."""


class PinRefused(TokenRefused):
    """The token has counted a wrong PIN: another try brings it nearer to locking itself."""


class NotSealedHere(Exception):
    """The key opens other things than this, or this was altered: tokens do not tell which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """Where the key is, and how to get in."""

    module: Path
    """Of the library that speaks to the token."""
    token: str
    key: str
    """Token and key by their labels."""
    pin: str = field(repr=False)
    unattended: bool = False
    """Nobody is there who would see a PIN refused: none is tried after a wrong one."""


class AesKey:
    """The key in an open session."""

    def __init__(self, theirs: ModuleType, found: Any) -> None:
        self._theirs = theirs
        self._found = found

    def seal(self, plain: bytes, nonce: bytes, header: bytes) -> bytes:
        """With its tag; the header is bound to it."""
        return bytes(self._found.encrypt(plain, **self._gcm(nonce, header)))

    def open(self, sealed: bytes, nonce: bytes, header: bytes) -> bytes:
        """Raises NotSealedHere."""
        try:
            return bytes(self._found.decrypt(sealed, **self._gcm(nonce, header)))
        except self._theirs.PKCS11Error as exc:
            if type(exc).__name__ in REMEDIES:
                raise
            raise NotSealedHere from None

    def _gcm(self, nonce: bytes, header: bytes) -> dict[str, Any]:
        return {
            "mechanism": self._theirs.Mechanism.AES_GCM,
            "mechanism_param": self._theirs.GCMParams(nonce, header),
        }


@contextmanager
def opened(place: TokenKey, *, make: bool = False) -> Iterator[AesKey]:
    """The key, until the block ends. With make, one that is not there is made, and it must seal too.

    Raises PinRefused, or another TokenRefused, also for what the token refuses inside the block.
    """
    theirs = _python_pkcs11()
    with _told(theirs), ExitStack() as open_now:
        library = _started(theirs, place.module)
        open_now.callback(_closing, theirs, library.finalize)
        token = _token(theirs, library, place.token)
        check_pin_counter(token.flags, theirs.TokenFlag, unattended=place.unattended)
        session = token.open(rw=make, user_pin=place.pin)
        open_now.callback(_closing, theirs, session.close)
        found = _maybe_key(theirs, session, place.key)
        if found is None and not make:
            raise TokenRefused("the token has no such key: name the one that `sealgate hsm init` made")
        found = found or _made(theirs, session, place.key)
        _check(theirs, found, must_seal=make)
        yield AesKey(theirs, found)


def check_pin_counter(flags: Any, names: Any, *, unattended: bool) -> None:
    """Before a login, so that none of ours is the one that locks the token. Raises TokenRefused."""
    if flags & names.USER_PIN_LOCKED:
        raise TokenRefused(f"the token has locked its PIN: {_UNLOCK}")
    if flags & names.USER_PIN_FINAL_TRY:
        raise TokenRefused(
            "one more wrong PIN locks the token: log in with the token's own tools first, which shows the PIN"
            " to be right"
        )
    if unattended and flags & names.USER_PIN_COUNT_LOW:
        raise TokenRefused(
            "the last PIN that the token was given was wrong: correct the PIN, and have `sealgate hsm backup`"
            " log in with it once; until then no start tries it"
        )


def _python_pkcs11() -> ModuleType:
    try:
        import pkcs11  # noqa: PLC0415 -- see above
    except ImportError:
        raise TokenRefused("python-pkcs11 is not installed: pip install 'sealgate[pkcs11]'") from None
    return pkcs11


def _started(theirs: ModuleType, module: Path) -> Any:
    """It will run in this process: whoever can write it could have every key."""
    try:
        mode = module.stat().st_mode
    except OSError as exc:
        raise TokenRefused(f"module {module} cannot be read: {exc.strerror}") from None
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise TokenRefused(f"module {module} can be written by others: chmod go-w it")
    try:
        return theirs.lib(str(module))
    except theirs.PKCS11Error as exc:
        if str(exc):
            raise TokenRefused(f"module {module} is none of PKCS#11: {_line(exc)}") from None
        raise TokenRefused(
            f"module {module} does not start ({type(exc).__name__}): check its own settings, and that"
            " environment names the variables that it reads"
        ) from None


def _closing(theirs: ModuleType, close: Callable[[], None]) -> None:
    """What goes wrong now spoils nothing: the key was used, or refused, before."""
    with suppress(theirs.PKCS11Error):
        close()


def _token(theirs: ModuleType, library: Any, label: str) -> Any:
    """Other slots' tokens may be broken or away."""
    there = []
    for slot in library.get_slots(token_present=True):
        with suppress(theirs.PKCS11Error):
            there.append(slot.get_token())
    named = [each for each in there if each.label == label]
    if len(named) == 1:
        return named[0]
    if named:
        raise TokenRefused(f"{len(named)} tokens have this label: give one of them another")
    others = ", ".join(sorted({each.label for each in there if each.label})) or "none"
    raise TokenRefused(f"no token has this label; the module shows {others}")


def _maybe_key(theirs: ModuleType, session: Any, label: str) -> Any:
    a = theirs.Attribute
    named = list(session.get_objects({a.LABEL: label}))
    keys = [each for each in named if _value(theirs, each, a.CLASS) == theirs.ObjectClass.SECRET_KEY]
    if len(keys) > 1:
        raise TokenRefused(f"{len(keys)} keys of the token have this label: give one of them another")
    return next(iter(keys or named), None)


def _made(theirs: ModuleType, session: Any, label: str) -> Any:
    a, may = theirs.Attribute, theirs.MechanismFlag
    return session.generate_key(
        theirs.KeyType.AES,
        256,
        label=label,
        store=True,
        capabilities=may.ENCRYPT | may.DECRYPT,
        template={a.PRIVATE: True, a.SENSITIVE: True, a.EXTRACTABLE: False},
    )


def _check(theirs: ModuleType, key: Any, *, must_seal: bool) -> None:
    """Raises TokenRefused for a key that is of another kind, or that could leave the token."""
    a = theirs.Attribute
    another = "name another, or let `sealgate hsm init` make one"
    for attribute, wanted, fault in (
        (a.CLASS, theirs.ObjectClass.SECRET_KEY, "is no AES key"),
        (a.KEY_TYPE, theirs.KeyType.AES, "is no AES key"),
        (a.VALUE_LEN, 32, "is shorter than 256 bits"),
        (a.EXTRACTABLE, False, "can be taken out of the token (CKA_EXTRACTABLE)"),
        (a.SENSITIVE, True, "can be read in the token (CKA_SENSITIVE is false)"),
        (a.PRIVATE, True, "can be used without the PIN (CKA_PRIVATE is false)"),
        (a.DECRYPT, True, "may not decrypt (CKA_DECRYPT)"),
        *([(a.ENCRYPT, True, "may not encrypt (CKA_ENCRYPT)")] if must_seal else []),
    ):
        if _value(theirs, key, attribute) != wanted:
            raise TokenRefused(f"the key {fault}: {another}")


def _value(theirs: ModuleType, key: Any, attribute: Any) -> Any:
    with suppress(theirs.PKCS11Error):  # it has none
        return key[attribute]
    return None


@contextmanager
def _told(theirs: ModuleType) -> Iterator[None]:
    """Not chained: what the frames below hold is not ours to show."""
    try:
        yield
    except theirs.PKCS11Error as exc:
        name = type(exc).__name__
        said = f"{name}: {_line(exc)}" if str(exc) else name
        kind = PinRefused if name in WRONG_PIN else TokenRefused
        raise kind(f"{said}: {REMEDIES.get(name, _DEVICE)}") from None


def _line(exc: Exception) -> str:
    return " ".join(str(exc).split())
