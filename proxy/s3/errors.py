"""Every error that an S3 client can get from us: code, status and words, as a table.

The codes and statuses are those of Amazon's page "Error responses" (API reference); where it is silent,
what the service answers. A store's own error may carry a code that is not here: then its status is given.
Never put a secret into a message or a field: both go to the client and into the audit trail.
"""

from collections.abc import Mapping

from proxy.s3 import markup

WRONG_DIGEST = frozenset(
    {"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}
)
"""What stores say of a body that is not what its checksum says; the last two are MinIO's."""
TABLE: dict[str, tuple[int, str]] = {
    "AccessDenied": (403, "Access Denied"),
    "AccessForbidden": (403, "CORSResponse: This CORS request is not allowed."),
    "AuthorizationHeaderMalformed": (400, "The authorization header is malformed."),
    "AuthorizationQueryParametersError": (400, "The authorization query parameters are not valid."),
    "BadDigest": (
        400,
        "The Content-MD5 or checksum value that you specified did not match what was received.",
    ),
    "BadRequest": (400, "The request is not valid."),
    "BucketAlreadyExists": (409, "The requested bucket name is not available."),
    "BucketAlreadyOwnedByYou": (409, "The bucket exists already, and you own it."),
    "BucketNotEmpty": (409, "The bucket that you tried to delete is not empty."),
    "ConditionalRequestConflict": (409, "Another request changed the object meanwhile. Try again."),
    "CredentialsNotSupported": (400, "This request does not support credentials."),
    "EntityTooLarge": (400, "The upload is larger than the maximum allowed object size."),
    "EntityTooSmall": (400, "The upload is smaller than the minimum allowed object size."),
    "ExpiredToken": (400, "The provided token has expired."),
    "IllegalLocationConstraintException": (400, "The location constraint is not valid for this region."),
    "IncompleteBody": (400, "The number of bytes received is not the number that the request declared."),
    "InternalError": (500, "An internal error occurred. Try again."),
    "InvalidAccessKeyId": (403, "The access key ID that you provided does not exist in our records."),
    "InvalidArgument": (400, "An argument of the request is not valid."),
    "InvalidBucketName": (400, "The specified bucket is not valid."),
    "InvalidBucketState": (409, "The request is not valid for the current state of the bucket."),
    "InvalidChunkSizeError": (403, "A chunk of the body has a size that is not valid."),
    "InvalidDigest": (400, "The Content-MD5 that you specified is not valid."),
    "InvalidEncryptionAlgorithmError": (400, "The encryption algorithm is not one that is supported."),
    "InvalidLocationConstraint": (400, "The specified location constraint is not valid."),
    "InvalidObjectState": (403, "The operation is not valid for the current state of the object."),
    "InvalidPart": (400, "One or more of the specified parts could not be found."),
    "InvalidPartNumber": (416, "The requested partnumber is not satisfiable"),
    "InvalidPartOrder": (400, "The list of parts was not in ascending order."),
    "InvalidPolicyDocument": (400, "The policy document of the form is not valid."),
    "InvalidRange": (416, "The requested range is not satisfiable"),
    "InvalidRequest": (400, "The request is not valid."),
    "InvalidSecurity": (403, "The provided security credentials are not valid."),
    "InvalidStorageClass": (400, "The storage class that you specified is not valid."),
    "InvalidTag": (400, "The tag is not valid."),
    "InvalidToken": (400, "The provided token is malformed or otherwise not valid."),
    "InvalidURI": (400, "Couldn't parse the specified URI."),
    "KeyTooLongError": (400, "Your key is too long"),
    "KMS.DisabledException": (400, "The KMS key is disabled."),
    "KMS.InvalidKeyUsageException": (400, "The KMS key cannot be used for this."),
    "KMS.KMSInvalidStateException": (400, "The state of the KMS key is not valid for this request."),
    "KMS.NotFoundException": (400, "The KMS key does not exist."),
    "MalformedPOSTRequest": (400, "The body of the POST request is not well-formed multipart/form-data."),
    "MalformedPolicy": (400, "The policy is not well-formed."),
    "MalformedTrailerError": (400, "The request contained trailing data that was not well-formed."),
    "MalformedXML": (400, "The XML that you provided was not well-formed or did not validate."),
    "MaxMessageLengthExceeded": (400, "Your request was too large."),
    "MaxPostPreDataLengthExceededError": (
        400,
        "Your POST request fields preceding the upload file were too large.",
    ),
    "MetadataTooLarge": (400, "Your metadata headers exceed the maximum allowed metadata size"),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "MissingRequestBodyError": (400, "Request body is empty."),
    "MissingSecurityHeader": (400, "The request is missing a required header."),
    "NoSuchBucket": (404, "The specified bucket does not exist"),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchUpload": (404, "The specified multipart upload does not exist."),
    "NoSuchVersion": (404, "The specified version does not exist."),
    "NotImplemented": (
        501,
        "A header or operation you provided implies functionality that is not implemented.",
    ),
    "NotModified": (304, "Not Modified"),
    "OperationAborted": (409, "A conflicting operation is in progress on this resource. Try again."),
    "PreconditionFailed": (412, "At least one of the preconditions that you specified did not hold."),
    "RequestHeaderSectionTooLarge": (400, "The request header exceeds the maximum allowed size."),
    "RequestTimeout": (400, "Nothing was read from or written to your connection within the timeout period."),
    "RequestTimeTooSkewed": (
        403,
        "The difference between the request time and the server's time is too large.",
    ),
    "ServerSideEncryptionConfigurationNotFoundError": (404, "No encryption configuration was found."),
    "ServiceUnavailable": (503, "Service is unable to handle request."),
    "SignatureDoesNotMatch": (
        403,
        "The request signature that we calculated does not match the one provided.",
    ),
    "SlowDown": (503, "Please reduce your request rate."),
    "UnexpectedContent": (400, "This request contains unsupported content."),
    "UnsupportedSignature": (400, "The request is signed with a version that is not supported."),
    "XAmzContentSHA256Mismatch": (400, "The provided 'x-amz-content-sha256' header does not match the body."),
}


class S3Error(Exception):
    """A refusal as S3 words it. `fields` are the further elements of its document, in order.

    A code that is not in TABLE needs its status; without one that is a mistake of ours, a KeyError.
    """

    headers: Mapping[str, str] = {}
    """Further ones of the answer, where the store gave some."""

    def __init__(self, code: str, message: str = "", *, status: int = 0, **fields: str) -> None:
        status = status or TABLE[code][0]
        message = message or TABLE.get(code, (status, ""))[1]
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields


def error_document(error: S3Error, resource: str, request_id: str, host_id: str = "") -> bytes:
    """The body of an error answer; `resource` is the path as it came. HEAD and 304 send none."""
    elements = {
        "Code": error.code,
        "Message": error.message,
        **error.fields,
        "Resource": resource,
        "RequestId": request_id,
        "HostId": host_id,
    }
    inner = "".join(markup.element(name, value) for name, value in elements.items())
    return f"{markup.DECLARATION}<Error>{inner}</Error>".encode()
