"""Access control lists: which of them say more than that the owner owns."""

import pytest

from proxy.s3.acl import grants_more
from proxy.s3.errors import S3Error

ALL_USERS = "<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI>"


def acl(*grants: tuple[str, str]) -> bytes:
    told = "".join(
        f"<Grant><Grantee>{grantee}</Grantee><Permission>{permission}</Permission></Grant>"
        for grantee, permission in grants
    )
    owner = "<Owner><ID>me</ID></Owner>"
    return (
        f"<AccessControlPolicy>{owner}<AccessControlList>{told}</AccessControlList></AccessControlPolicy>"
    ).encode()


MINE = ("<ID>me</ID>", "FULL_CONTROL")


@pytest.mark.parametrize(
    ("grants", "more"),
    [
        ([MINE], False),
        ([MINE, (ALL_USERS, "READ")], True),
        ([(ALL_USERS, "FULL_CONTROL")], True),
        ([("<ID>other</ID>", "FULL_CONTROL")], True),
        ([("<ID>me</ID>", "READ")], True),
        ([], True),
    ],
)
def test_an_owners_own_grant_is_what_every_new_object_has(
    grants: list[tuple[str, str]], *, more: bool
) -> None:
    assert grants_more(acl(*grants)) is more


@pytest.mark.parametrize("document", [b"", b"<Error/>", b"no"])
def test_another_document_is_no_acl(document: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        grants_more(document)

    assert caught.value.code == "InternalError"
