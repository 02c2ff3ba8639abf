"""Access control lists, as S3's documents have them."""

from proxy.s3.errors import S3Error
from proxy.s3.markup import MarkupError, Node, read


def grants_more(document: bytes) -> bool:
    """Whether an ACL says more than that its owner may do everything, which every new object's does.

    Raises S3Error InternalError where the answer is another document.
    """
    try:
        root = read(document)
    except MarkupError as error:
        raise S3Error("InternalError", "The store's answer is not XML.") from error
    if root.name != "AccessControlPolicy":
        raise S3Error("InternalError", "The store's answer is another document than expected.")
    owners = [owner.get("ID") for owner in root.all("Owner")]
    grants = [grant for each in root.all("AccessControlList") for grant in each.all("Grant")]
    return [_told(grant) for grant in grants] != [(owner, "FULL_CONTROL") for owner in owners]


def _told(grant: Node) -> tuple[str, str]:
    """Whom it is for, by account, and what it allows."""
    grantees = [grantee.get("ID") for grantee in grant.all("Grantee")]
    return "".join(grantees), grant.get("Permission")
