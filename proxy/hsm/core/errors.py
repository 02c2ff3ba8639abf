"""What a KMS call is refused with: AWS's own error names, and the HTTP status that AWS answers each with.

One class, because every caller of the engine does the same with it: answer it. The facts are attributes; the
message is for people and shows nothing that the caller may not see. `key_arn` and `manager` are for the audit
record alone and never reach the caller.
"""

STATUS: dict[str, int] = {
    "AccessDeniedException": 400,
    "AlreadyExistsException": 400,
    "ConflictException": 400,
    "CustomKeyStoreNotFoundException": 400,
    "DependencyTimeoutException": 503,
    "DisabledException": 400,
    "DryRunOperationException": 400,
    "IncorrectKeyException": 400,
    "InvalidAliasNameException": 400,
    "InvalidArnException": 400,
    "InvalidCiphertextException": 400,
    "InvalidGrantIdException": 400,
    "InvalidGrantTokenException": 400,
    "InvalidKeyUsageException": 400,
    "InvalidMarkerException": 400,
    "InvalidSignatureException": 400,
    "KMSInternalException": 500,
    "KMSInvalidStateException": 400,
    "KeyUnavailableException": 500,
    "LimitExceededException": 400,
    "MalformedPolicyDocumentException": 400,
    "NotAuthorizedException": 400,
    "NotFoundException": 400,
    "TagException": 400,
    "ThrottlingException": 400,
    "UnknownOperationException": 400,
    "UnsupportedOperationException": 400,
    "ValidationException": 400,
}
"""AWS's KMS answers 400 to nearly everything a caller can cause, also where its reference pages print 409."""


class KmsError(Exception):
    """A call was refused. `code` is AWS's error name, `status` the HTTP status it goes out with."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = STATUS[code]
        self.key_arn = ""
        """The key that the call had resolved before it failed; empty where none was."""
        self.manager = ""
