"""pyarrow and DuckDB read Parquet: the footer first, then the columns and row groups that a query needs.

What matters beside the right rows is that a query over little reads little: a proxy that opened whole files
would answer the same, and cost the object each time.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import duckdb_extension_httpfs
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from tests.clients.fetched import Fetched
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import REGION
from tests.stores.sealgate import ALICE, Sealgate

KEY = "tables/rows.parquet"
GROUPS, ROWS_A_GROUP = 8, 2000


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """A narrow column, and a wide one that does not compress."""
    rows = GROUPS * ROWS_A_GROUP
    wide = [plaintext(100, seed=number) for number in range(rows)]
    return pa.table({"id": pa.array(range(rows), pa.int64()), "wide": pa.array(wide, pa.binary())})


@pytest.fixture(scope="module")
def plain(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=ROWS_A_GROUP)
    return file.getvalue()


@pytest.fixture(scope="module")
def written(s3: Any, bucket: str, plain: bytes) -> str:
    """Of 1.7 MB, nearly all in the wide column."""
    s3.put_object(Bucket=bucket, Key=KEY, Body=plain)
    return KEY


@pytest.fixture
def arrow(sealgate: Sealgate) -> Any:
    return fs.S3FileSystem(
        access_key=ALICE.access_key,
        secret_key=ALICE.secret_key,
        region=REGION,
        scheme="http",
        endpoint_override=sealgate.url.removeprefix("http://"),
    )


@pytest.fixture
def duck(sealgate: Sealgate) -> Iterator[duckdb.DuckDBPyConnection]:
    """With the extension from its package: DuckDB would fetch it while a query runs."""
    root = Path(duckdb_extension_httpfs.__file__).parent / "extensions"
    (extension,) = root.rglob("httpfs.duckdb_extension")
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        connection.execute(f"LOAD '{extension}'")
        connection.execute(
            "CREATE SECRET (TYPE s3, USE_SSL false, URL_STYLE 'path', "
            f"ENDPOINT '{sealgate.url.removeprefix('http://')}', REGION '{REGION}', "
            f"KEY_ID '{ALICE.access_key}', SECRET '{ALICE.secret_key}')"
        )
        yield connection


def sent(fetched: Fetched, bucket: str, before: int) -> int:
    """Bytes of the object that went out since there were `before` GETs of it."""
    return sum(size for _, size in fetched(bucket, KEY, at_least=before + 1)[before:])


def test_pyarrow_reads_what_it_needs(  # noqa: PLR0917  # fixtures
    table: pa.Table, plain: bytes, written: str, arrow: Any, bucket: str, fetched: Fetched
) -> None:
    """One column, one row group, and all of it."""
    place = f"{bucket}/{written}"

    before = len(fetched(bucket, written, at_least=0))
    narrow = pq.read_table(place, filesystem=arrow, columns=["id"])
    for_narrow = sent(fetched, bucket, before)
    before = len(fetched(bucket, written))
    group = pq.ParquetFile(place, filesystem=arrow).read_row_group(5)
    for_group = sent(fetched, bucket, before)
    whole = pq.read_table(place, filesystem=arrow)

    assert narrow == table.select(["id"])
    assert for_narrow < len(plain) / 4
    assert group == table.slice(5 * ROWS_A_GROUP, ROWS_A_GROUP)
    assert for_group < len(plain) / 3
    assert whole == table


def test_pyarrow_writes_a_data_set_and_prunes_it(
    table: pa.Table, arrow: Any, bucket: str, sealed_on_store: AtRest
) -> None:
    """By multipart uploads, in directories of partitions, which it lists to find its files."""
    parted = table.append_column("half", pc.less(table["id"], table.num_rows // 2).cast(pa.int8()))
    root = f"{bucket}/parted"

    pq.write_to_dataset(parted.select(["id", "half"]), root, partition_cols=["half"], filesystem=arrow)
    found = pq.read_table(root, filesystem=arrow, filters=[("half", "=", 0)])

    assert sorted(found["id"].to_pylist()) == list(range(table.num_rows // 2, table.num_rows))
    names = [name for name in sealed_on_store.keys(bucket) if name.endswith(".parquet")]
    assert {name.split("/")[1] for name in names if name.startswith("parted/")} == {"half=0", "half=1"}


def test_duckdb_reads_what_it_needs(  # noqa: PLR0917  # fixtures
    table: pa.Table,
    plain: bytes,
    written: str,
    duck: duckdb.DuckDBPyConnection,
    bucket: str,
    fetched: Fetched,
) -> None:
    """A sum over one column reads that column; a row is found by the footer's statistics."""
    before = len(fetched(bucket, written, at_least=0))
    rows = duck.read_parquet(f"s3://{bucket}/{written}")
    total = rows.aggregate("sum(id), count(*)").fetchone()
    for_sum = sent(fetched, bucket, before)
    row = rows.filter("id = 12345").project("wide").fetchone()

    assert total == (sum(range(table.num_rows)), table.num_rows)
    assert for_sum < len(plain) / 4
    assert row == (table["wide"][12345].as_py(),)


def test_duckdb_writes_what_others_read(  # noqa: PLR0917  # fixtures
    table: pa.Table,
    written: str,
    duck: duckdb.DuckDBPyConnection,
    arrow: Any,
    bucket: str,
    sealed_on_store: AtRest,
    s3: Any,
) -> None:
    """A query's rows as an object, read back by pyarrow."""
    key = "tables/even.parquet"
    even = duck.read_parquet(f"s3://{bucket}/{written}").filter("id % 2 = 0").project("id")
    even.write_parquet(f"s3://{bucket}/{key}")

    assert pq.read_table(f"{bucket}/{key}", filesystem=arrow)["id"].to_pylist() == list(
        range(0, table.num_rows, 2)
    )
    sealed_on_store(bucket, key, s3.get_object(Bucket=bucket, Key=key)["Body"].read())
