"""Which bodies one worker has seen sealed, and which not, so that a listing asks the store once for each.

A body is known by bucket, key, ETag and size, and an answer about it never changes: another body has another
ETag. Fixed in memory, whatever is listed: a table in which a new answer takes the place of the one that stood
there. A keyed hash keeps clients from aiming at places, and 62 of its bits tell bodies of one place apart.
"""

import asyncio
from array import array
from hashlib import blake2b

PLACES = 1 << 19
"""Eight bytes each: 4 MiB, from the first listing in mode migrate on."""
ASKED_AT_ONCE = 32
"""Over all listings of a worker, so that they leave connections to others."""
_TAKEN, _SEALED = 2, 1


class Sightings:
    def __init__(self, *, secret: bytes, places: int = PLACES) -> None:
        """`secret`: up to 64 random bytes. `places`: 2^n."""
        self._secret = secret
        self._places = places
        self._table = array("Q")
        self.asking = asyncio.Semaphore(ASKED_AT_ONCE)

    def maybe_sealed(self, bucket: str, key: str, etag: str, size: int) -> bool | None:
        """None where nothing is known of that body."""
        if not self._table:
            return None
        place, mark = self._find(bucket, key, etag, size)
        found = self._table[place]
        return bool(found & _SEALED) if found & ~_SEALED == mark else None

    def saw(self, bucket: str, key: str, etag: str, size: int, *, sealed: bool) -> None:
        if not self._table:
            self._table = array("Q", bytes(8 * self._places))
        place, mark = self._find(bucket, key, etag, size)
        self._table[place] = mark | sealed

    def _find(self, bucket: str, key: str, etag: str, size: int) -> tuple[int, int]:
        """The body's place, and what stands there with _SEALED to be told. No key and no ETag holds a NUL."""
        name = f"{bucket}\0{key}\0{etag}\0{size}".encode(errors="surrogatepass")
        digest = blake2b(name, digest_size=16, key=self._secret).digest()
        mark = int.from_bytes(digest[:8]) & ~(_TAKEN | _SEALED) | _TAKEN
        return int.from_bytes(digest[8:]) & (self._places - 1), mark
