"""Why something could not be opened or sealed: one class for each thing that the caller can do about it.

Facts are attributes. No text and no attribute holds a key, or a byte of plaintext.
"""


class FormatError(Exception):
    """The family: each subclass is something else for the caller to do."""


class NotSealed(FormatError):
    """No sealed object has this size: it is plaintext, or cut. `sealed` is the size in bytes."""

    def __init__(self, sealed: int) -> None:
        super().__init__(f"no sealed object is {sealed} bytes long")
        self.sealed = sealed


class UnknownVersion(FormatError):
    """A later version of this program wrote it. `version` is what the header says, such as `2`."""

    def __init__(self, version: str) -> None:
        super().__init__(f"format version {version} is not known here")
        self.version = version


class DamagedEnvelope(FormatError):
    """The header is not what was written for this name: an integrity violation. `fault` says where."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"the envelope is damaged or not this object's: {fault}")
        self.fault = fault


class ForeignBucket(FormatError):
    """The envelope was made for the bucket `sealed_for`: refuse it unless the rule knows that name."""

    def __init__(self, sealed_for: str) -> None:
        super().__init__(f"the object was sealed for the bucket {sealed_for}")
        self.sealed_for = sealed_for


class WrongKey(FormatError):
    """The client's own key does not open the envelope. It cannot be told from a damaged wrapped key."""

    def __init__(self) -> None:
        super().__init__("the client's key does not open this object")


class TamperedBody(FormatError):
    """The body is not what was sealed: an integrity violation.

    `segment` counts from the body's start; None where the fault is behind the last one.
    """

    def __init__(self, fault: str, *, segment: int | None = None) -> None:
        super().__init__(f"the sealed body is damaged: {fault}" + ("" if segment is None else f" {segment}"))
        self.fault = fault
        self.segment = segment


class DamagedRecord(FormatError):
    """What was kept of an upload is not what was written: an integrity violation. `fault` says where."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"the state of the upload is damaged or not its own: {fault}")
        self.fault = fault


class DamagedSettings(FormatError):
    """What was kept of a bucket's settings is not what was written: an integrity violation."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"what is kept of the bucket's settings is damaged or not its own: {fault}")
        self.fault = fault


class WrongLength(FormatError):
    """The plaintext was not as long as declared. Both are in bytes; `fed` counts at least what came."""

    def __init__(self, *, declared: int, fed: int) -> None:
        super().__init__(f"{fed} bytes came where {declared} were declared")
        self.declared = declared
        self.fed = fed


class RefusedContext(FormatError):
    """The client's encryption context cannot be used. `pair` is the key of the pair, `fault` why."""

    def __init__(self, pair: str, fault: str) -> None:
        super().__init__(f"the encryption context's {pair!r} {fault}")
        self.pair = pair
        self.fault = fault
