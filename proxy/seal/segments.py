"""Seals and opens the segments of one run, one at a time, between buffers that the caller owns.

Each segment's place and whether it is the last are in its nonce, so none can be moved, dropped or repeated.
The run key is derived from a random run id, so that a counter is a safe nonce. docs/FORMAT.md, section "The
body".
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from proxy.seal.errors import TamperedBody
from proxy.seal.keys import outer_run_key, run_key

RUN_ID = 12
_NO_COUNTER = bytes(16)


class Run:
    """The ciphers of one run. `part` is 0 for the run of a single-part object.

    Errors name a segment as it counts in the whole body, where this run begins at `first_segment`.

    Not for concurrent use. Sealing two plaintexts under one index, or two runs under one id, would give both
    away: the caller draws a new run id for each attempt.
    """

    __slots__ = ("_cipher", "_first_segment", "_outer", "run_id")

    def __init__(
        self,
        *,
        content_key: bytes,
        run_id: bytes,
        part: int = 0,
        first_segment: int = 0,
        outer_content_key: bytes | None = None,
    ) -> None:
        if len(run_id) != RUN_ID:
            raise ValueError(f"a run id has {RUN_ID} bytes, not {len(run_id)}")
        self.run_id = run_id
        self._first_segment = first_segment
        self._cipher = AESGCM(run_key(content_key, part, run_id))
        self._outer = None
        if outer_content_key is not None:
            # Encryption and decryption are the same stream; a new position costs 0.4 µs, a new cipher 3.2 µs.
            self._outer = Cipher(
                AES(outer_run_key(outer_content_key, part, run_id)), CTR(_NO_COUNTER)
            ).encryptor()

    def seal(self, plain: bytes | memoryview, sealed: memoryview, *, index: int, last: bool) -> None:
        """Fill `sealed`, which is 28 bytes longer than `plain`. `plain` may lie in it, from byte 12 on."""
        sealed[:RUN_ID] = self.run_id
        body = sealed[RUN_ID:]
        self._cipher.encrypt_into(_nonce(index, last=last), plain, None, body)
        self._apply_outer(index, body)

    def open(self, sealed: memoryview, plain: memoryview, *, index: int, last: bool) -> None:
        """Fill `plain`, which is 28 bytes shorter than `sealed`; they may not overlap.

        With two layers `sealed` is changed. Raises TamperedBody; then what `plain` holds must not be used.
        """
        if sealed[:RUN_ID] != self.run_id:
            raise TamperedBody("another run's segment", segment=self._first_segment + index)
        body = sealed[RUN_ID:]
        self._apply_outer(index, body)
        try:
            self._cipher.decrypt_into(_nonce(index, last=last), body, None, plain)
        except InvalidTag:
            raise TamperedBody("segment", segment=self._first_segment + index) from None

    def _apply_outer(self, index: int, body: memoryview) -> None:
        if self._outer is not None:
            self._outer.reset_nonce(index.to_bytes(8, "big") + bytes(8))
            self._outer.update_into(body, body)


def _nonce(index: int, *, last: bool) -> bytes:
    return (index << 32 | last).to_bytes(12, "big")
