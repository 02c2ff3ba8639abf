"""Every action that a request needs to be allowed, and upon what: one reader of the operations table.

Actions and resources are those of Amazon's Service Authorization Reference for S3. Some headers do more than
their operation's name says, and need actions of their own; where a version is named, it is another action.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from proxy.s3.header_wishes import BYPASS_ACTION, BYPASS_HEADER, HEADER_PERMISSIONS
from proxy.s3.operation_rows import VERSIONED_ACTIONS, Operation, Scope
from proxy.s3.request import S3Request


@dataclass(frozen=True, slots=True)
class Need:
    """An action that must be allowed."""

    action: str
    resource: str
    """ARN; `*` where it is no single bucket's."""
    version_id: str = ""
    """Of the object, where one is named."""


_TELLING_HEADERS = {
    name: tuple(beginning for beginning, _ in permissions) for name, permissions in HEADER_PERMISSIONS.items()
}
# As S3 has it: a bucket is made without Object Lock whether the header says so or is not there.
_NO_WISH = ("x-amz-bucket-object-lock-enabled", "false")
_TAGGING_DIRECTIVE = "x-amz-tagging-directive"
"""Says which tags a copy has, and is none itself."""


def needs_of(operation: Operation, request: S3Request, source: tuple[str, str, str] | None) -> list[Need]:
    """`source` is a copy's: bucket, key and version (or "").

    Scope.EACH_KEY gives none: DeleteObjects is decided for each key of its body, by `delete_needs`.
    """
    target = arn_of(request.bucket, request.key)
    version_id = next((value for name, value in request.query if name == "versionId"), "")
    needs = [
        _need(action, scope, target, version_id, source)
        for action, scope in operation.actions
        if scope is not Scope.EACH_KEY
    ]
    if operation.name in _TELLING_HEADERS:
        needs += dict.fromkeys(Need(action, target) for action in _of_headers(operation, request))
    return needs


def delete_needs(request: S3Request, key: str, version_id: str) -> list[Need]:
    """Deleting one key of a DeleteObjects body."""
    target = arn_of(request.bucket, key)
    delete = Need("s3:DeleteObjectVersion" if version_id else "s3:DeleteObject", target, version_id)
    return [delete, Need(BYPASS_ACTION, target)] if BYPASS_HEADER in request.headers else [delete]


def copied_tags_needs(request: S3Request, source: tuple[str, str, str]) -> list[Need]:
    """Further ones of a copy that takes the source's tags along."""
    bucket, key, version_id = source
    action = "s3:GetObjectVersionTagging" if version_id else "s3:GetObjectTagging"
    target = arn_of(request.bucket, request.key)
    return [Need(action, arn_of(bucket, key), version_id), Need("s3:PutObjectTagging", target)]


def arn_of(bucket: str, key: str) -> str:
    return f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"


def _need(
    action: str, scope: Scope, target: str, version_id: str, source: tuple[str, str, str] | None
) -> Need:
    if scope is Scope.SERVICE:
        return Need(action, "*")
    if scope is Scope.SOURCE:
        assert source is not None, "a copy has a source"
        target, version_id = arn_of(*source[:2]), source[2]
    return Need(VERSIONED_ACTIONS.get(action, action) if version_id else action, target, version_id)


def _of_headers(operation: Operation, request: S3Request) -> Iterator[str]:
    beginnings = _TELLING_HEADERS[operation.name]
    for name, value in request.headers.items():
        if not name.startswith(beginnings) or name == _TAGGING_DIRECTIVE:
            continue
        if (name, value.lower()) != _NO_WISH:
            for beginning, action in HEADER_PERMISSIONS[operation.name]:
                if name.startswith(beginning):
                    yield action
