"""Documents streamed from Parquet files."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from darkframe.errors import DataError, UserError
from darkframe.lm.text import Document
from darkframe.lm.text_parquet import ParquetText

LONG = "a document of more than twenty characters"


def write(path, columns, **options):
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path, **options)
    return path


def read(*paths, **options):
    *documents, skipped = ParquetText(paths, **options).documents()
    assert all(isinstance(document, Document) for document in documents)
    return documents, skipped


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_rows_are_documents_in_order_over_row_groups(tmp_path, kind):
    texts = [f"{LONG} {i} é" for i in range(25)]
    column = pa.array(texts, pa.string()).cast(kind)
    path = write(tmp_path / "t.parquet", {"id": list(range(25)), "text": column}, row_group_size=4)
    documents, skipped = read(path)
    assert [d.text for d in documents] == texts
    assert ([d.id for d in documents][:2], skipped) == (["t.parquet:0", "t.parquet:1"], 0)


def test_missing_and_short_values_are_skipped_and_counted_over_files(tmp_path):
    one = write(tmp_path / "1.parquet", {"body": [LONG, None, "short", LONG + " 2"]})
    two = write(tmp_path / "2.parquet", {"body": [None, LONG + " 3", " " * 30]})
    documents, skipped = read(one, two, column="body")
    assert [(d.text, d.skipped, d.id) for d in documents] == [
        (LONG, 0, "1.parquet:0"),
        (LONG + " 2", 2, "1.parquet:3"),
        (LONG + " 3", 3, "2.parquet:1"),
    ]
    assert skipped == 4


def test_a_file_without_rows(tmp_path):
    path = write(tmp_path / "t.parquet", {"text": pa.array([], pa.string())})
    assert read(path) == ([], 0)
    assert ParquetText([path]).countable()


def test_columns_are_named_where_the_one_asked_for_is_wrong(tmp_path):
    path = write(tmp_path / "t.parquet", {"body": [LONG], "score": [0.5], "tags": [["a"]]})
    with pytest.raises(DataError, match=r"t\.parquet has no column 'text' \(its columns: 'body' \(string\), 'score' \(double\)"):
        read(path)
    with pytest.raises(DataError, match=r"Column 'score' of .*t\.parquet holds no text but double \(columns of text: 'body'\)"):
        read(path, column="score")
    with pytest.raises(DataError, match=r"Column 'tags' .* holds no text but list"):
        read(path, column="tags")


def test_damaged_files_are_named(tmp_path):
    path = write(tmp_path / "t.parquet", {"text": [f"{LONG} {i}" for i in range(4000)]}, row_group_size=500, compression="gzip")
    whole = path.read_bytes()
    for data in (b"", b"no such thing" * 9, whole[: len(whole) // 2], whole[:3000] + b"\0" * 2000 + whole[5000:]):
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"t\.parquet is damaged or no Parquet file"):
            read(path)
    with pytest.raises(UserError, match=r"none\.parquet does not exist"):
        ParquetText([tmp_path / "none.parquet"])


def test_bytes_that_are_no_text(tmp_path):
    column = pa.array([LONG.encode(), b"\xff\xfe" * 20]).view(pa.string())
    path = write(tmp_path / "t.parquet", {"text": column})
    with pytest.raises(DataError, match=r"Column 'text' of the text file .*t\.parquet is not UTF-8"):
        read(path)


def test_memory_does_not_grow_with_the_row_group(tmp_path):
    texts = [f"{i:09d} {LONG} " * 20 for i in range(60_000)]
    path = write(tmp_path / "t.parquet", {"text": texts}, use_dictionary=False, data_page_size=1 << 18)
    assert pq.ParquetFile(path).metadata.num_row_groups == 1
    pool = pa.system_memory_pool()
    before, default = pool.max_memory(), pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        assert sum(1 for _ in ParquetText([path]).documents()) == len(texts) + 1
    finally:
        pa.set_memory_pool(default)
    assert sum(map(len, texts)) > 60e6
    assert 0 < pool.max_memory() - before < 16e6


def test_the_identity_is_of_bytes_and_column(tmp_path):
    one = write(tmp_path / "1.parquet", {"text": [LONG], "body": [LONG]})
    two = write(tmp_path / "2.parquet", {"text": [LONG + " 2"], "body": [LONG]})
    texts = [ParquetText([one]), ParquetText([two]), ParquetText([one, two]), ParquetText([one], "body")]
    assert len({str(text.identity()) for text in texts}) == 4
    assert ParquetText([one]).identity() == ParquetText([one.rename(tmp_path / "3.parquet")]).identity()
