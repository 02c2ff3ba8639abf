"""A body as botocore reads it."""

from functools import cache
from typing import Any

from botocore.parsers import RestXMLParser
from botocore.session import get_session


def as_boto_reads_it(operation: str, body: bytes) -> dict[str, object]:
    parser = RestXMLParser()  # type: ignore[no-untyped-call]  # botocore has no annotations
    answer = {"status_code": 200, "headers": {}, "body": body}
    parsed = parser.parse(answer, _shape(operation))  # type: ignore[no-untyped-call]  # the same
    assert isinstance(parsed, dict)
    return parsed


@cache
def _shape(operation: str) -> Any:
    session = get_session()  # type: ignore[no-untyped-call]  # the same
    return session.get_service_model("s3").operation_model(operation).output_shape
