"""Whether a store's answer is about the sub-resource that was asked for.

A store that does not know a query name reads past it: asked for an object's ACL it gives the object, asked
for a bucket's website it lists the bucket. Neither may reach the client as if it were the answer.
"""

from collections.abc import Mapping

from proxy.s3.errors import S3Error
from proxy.s3.listings import LISTINGS
from proxy.s3.markup import MarkupError, maybe_root, read
from proxy.s3.operation_rows import Level, Operation

# By Amazon's API reference. An object's own bytes may be anything, so this is what they must be.
_ROOTS = {
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectLegalHold": "LegalHold",
    "GetObjectRetention": "Retention",
    "GetObjectTagging": "Tagging",
}


def check_answer(operation: Operation, headers: Mapping[str, str], beginning: bytes) -> None:
    """NotImplemented where a 200 to a read of a sub-resource is an answer to a plainer question.

    `beginning` is of its document: the root's start tag tells.
    """
    if operation.method != "GET" or not operation.markers:
        return
    root = maybe_root(beginning)
    if operation.level is Level.OBJECT:
        expected = _ROOTS.get(operation.name, root)
        plain = root != expected or any(name.startswith("x-amz-meta-") for name in headers)
    else:
        plain = root in LISTINGS
    if plain:
        raise S3Error("NotImplemented", f"This bucket's store does not have {operation.name}.")


def check_document(operation: Operation, document: bytes) -> None:
    """MalformedXML for a body that no S3 document can be. Policies are JSON, and the store's to judge."""
    if not document or operation.name == "PutBucketPolicy":
        return
    try:
        root = read(document)
    except MarkupError as error:
        raise S3Error("MalformedXML") from error
    # Such a restore writes what it selects, in the clear, to another place.
    if operation.name == "RestoreObject" and {child.name for child in root.children} & {
        "SelectParameters",
        "Type",
    }:
        raise S3Error("NotImplemented", "RestoreObject with a selection is not implemented.")
