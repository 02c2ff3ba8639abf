"""docs/FORMAT.md against the vectors: others write their programs from that page, so it must not be wrong."""

import re
from pathlib import Path

from proxy.seal.checksums import SIZES
from proxy.seal.geometry import sealed_size
from tests.seal.material import BY_NAME, VECTORS, plaintext

PAGE = (Path(__file__).parents[2] / "docs" / "FORMAT.md").read_text()
UNITS = {"": 1, "GiB": 1 << 30, "TiB": 1 << 40}


def test_the_example_on_the_page_is_the_vectors() -> None:
    vector = BY_NAME["client 5 bytes"]
    example = PAGE.split("## An example")[1].split("```")[1].replace("88 zero bytes", "00" * 88)
    flat = re.sub(r"\s+", "", re.sub(r"\n([a-zA-Z])", r"\n|\1", example))

    for field, label in {
        "data_key": "client'skey",
        "salt": "salt",
        "content_key": "CK",
        "header": "header",
        "run_id": "runid",
        "body": "body",
    }.items():
        assert f"{label}{vector[field]}" in flat
    assert f"plaintext{plaintext(vector).hex()}" in flat


def test_the_sizes_on_the_page_are_right() -> None:
    table = PAGE.split("### Sizes")[1].split("###")[0]
    rows = re.findall(r"\| ([\d,]+) ?(GiB|TiB|) \| ([\d,]+) (?=\|)", table)

    found = {int(p.replace(",", "")) * UNITS[unit]: int(c.replace(",", "")) for p, unit, c in rows}

    assert len(found) == 9
    assert found == {plain: sealed_size(plain) for plain in found}


def test_the_checksums_on_the_page_are_those_of_the_code() -> None:
    cells = re.findall(r"\| (\d+) \| [\w-]+ \| (\d+) (?=\|)", PAGE)

    assert {int(code): int(size) for code, size in cells} == SIZES


def test_every_file_of_vectors_is_on_the_page() -> None:
    assert set(re.findall(r"`(\w+\.json)`", PAGE)) == {path.name for path in VECTORS.iterdir()}
