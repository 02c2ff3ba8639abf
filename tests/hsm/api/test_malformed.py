"""Each malformed field of each operation gets AWS's error over the wire, leaves an event, and changes
nothing.
"""

from typing import Any

import pytest

from proxy.hsm.engine import Engine
from tests.hsm.api.malformed import Malformed, malformed, sample
from tests.hsm.api.service import MODEL, Service, served
from tests.hsm.api.test_model import NOT_BUILT
from tests.hsm.api.wire import call

OPERATIONS = sorted(MODEL.operations - NOT_BUILT)


def cases(operation: str) -> list[Malformed]:
    shape = MODEL.input_of(operation)
    return [] if shape is None else list(malformed(operation, shape))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_without_the_fault_nothing_is_refused(operation: str) -> None:
    """So what is refused is refused for the one thing that is wrong in it."""
    shape = MODEL.input_of(operation)

    assert shape is None or MODEL.request(operation, sample(shape)) is not None


async def test_each_malformed_field_gets_awss_error(engine: Engine) -> None:
    """Its name, its status and its words; the trail has it as it was told; and no key comes of it."""
    wrong = []
    async with served(engine) as service:
        for operation in OPERATIONS:
            for case in cases(operation):
                wrong += await _differences(service, case)
        listed = await call(service.url, "ListKeys", {})

    assert wrong == []
    assert listed.document["Keys"] == []


async def _differences(service: Service, case: Malformed) -> list[Any]:
    answer = await call(service.url, case.operation, case.document)
    event = service.recorded.last
    got = (answer.status, answer.code, answer.document.get("message"))
    told = (event.event_name, event.error_code, event.error_message)
    wanted = (400, case.code, case.message)
    if got == wanted and told == (case.operation, case.code, case.message):
        return []
    return [(case.operation, case.what, got, wanted, told)]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_member_is_forgotten(operation: str) -> None:
    """Every member of every operation that is there is tried in some way, at each level."""
    shape = MODEL.input_of(operation)
    tried = {case.what.partition(":")[0] for case in cases(operation)}

    assert tried == (set(_places(shape, "")) if shape else set())


def _places(shape: Any, path: str) -> list[str]:
    found = [path] if path else []
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            found += _places(member, f"{path}.{name}".lstrip("."))
    elif shape.type_name == "list" and shape.member.type_name == "structure":
        found += _places(shape.member, f"{path}.0")
    return found
