"""Numbers and foreign text as people read them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_results import HOSTILE

from darkframe.report.plain import cell_width, shorten_cells, table_lines
from darkframe.report.table import Column, Table
from darkframe.report.text import FORMATS, format_value, token_text, visible

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=40)  # surrogates too


@given(ANYTHING)
def test_visible_text_acts_on_nothing(text):
    shown = visible(text)
    assert all(unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in shown)
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")


@given(ANYTHING)
def test_visible_text_is_visible_once(text):
    assert visible(visible(text)) == visible(text)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126)))
def test_ordinary_text_stays_as_it_is(text):
    assert visible(text) == text


def test_tokens_show_the_spaces_at_their_ends():
    assert token_text(" the") == "␣the"
    assert token_text(" a b  ") == "␣a b␣␣"
    assert token_text("   ") == "␣␣␣"
    assert token_text("") == "∅"
    assert token_text("\x1b[31m\n") == "␛[31m↵"


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("count", 1234567, "1,234,567"),
        ("number", 50256, "50256"),
        ("decimal", 0.1234567890123, "0.123"),
        ("decimal", -12.3456, "−12.3"),
        ("decimal", 12345.6, "12,346"),
        ("decimal", 0.0, "0"),
        ("decimal", 0.00012, "1.20e−04"),
        ("decimal", float("nan"), "–"),
        ("decimal", float("inf"), "∞"),
        ("tenths", 35.26, "35.3"),
        ("signed", 3.14159, "+3.14"),
        ("signed", -3.14159, "−3.14"),
        ("cosine", 0.28499, "0.285"),
        ("share", 0.17349, "17.3 %"),
        ("share", 1.0, "100.0 %"),
        ("share", 0.0001, "< 0.1 %"),
        ("size", 0, "0 B"),
        ("size", 999, "999 B"),
        ("size", 1_500_000, "1.5 MB"),
        ("size", 3_070_000_000, "3.1 GB"),
        ("seconds", 0.44, "0.4 s"),
        ("seconds", 185, "3 min 05 s"),
        ("seconds", 7800, "2 h 10 min"),
        ("yes-no", True, "yes"),
        ("text", None, "–"),
    ],
)
def test_numbers_are_written_for_people(kind, value, written):
    assert format_value(kind, value) == written


@given(st.sampled_from(sorted(set(FORMATS) - {"text", "token", "yes-no", "count", "number"})), st.floats())
def test_any_number_can_be_written_in_any_format(kind, value):
    if kind in {"size", "seconds"}:
        value = abs(value) if abs(value) < 1e15 else 1.0
    assert len(format_value(kind, value)) < 25


@given(ANYTHING.map(visible), st.integers(1, 30))
def test_shortened_text_fits_its_cells(text, width):
    short = shorten_cells(text, width)
    assert cell_width(short) <= width
    assert cell_width(text) > width or short == text


@given(st.lists(st.tuples(ANYTHING, st.integers(0, 10**6), ANYTHING), max_size=5), st.integers(30, 120))
def test_plain_tables_fit_the_width_and_keep_one_line_a_row(rows, width):
    columns = (Column("a", "first"), Column("n", "number", "count"), Column("b", "second", "token", priority=1))
    lines = table_lines(Table("t", "T", columns, tuple(rows)), width)
    assert len(lines) == 2 + len(rows)
    assert max(map(cell_width, lines)) <= width


def test_narrow_tables_lose_the_least_important_columns_first():
    columns = (
        Column("a", "kept", "count"),
        Column("b", "also", "count", priority=1),
        Column("c", "dropped", "count", priority=2),
    )
    table = Table("t", "T", columns, ((1, 2, 3),))
    assert table_lines(table, 40)[0].split() == ["kept", "also", "dropped"]
    assert table_lines(table, 14)[0].split() == ["kept", "also"]
    assert table_lines(table, 5)[0].split() == ["kept"]


def test_a_column_of_an_unknown_format_and_a_ragged_row_are_refused():
    with pytest.raises(ValueError, match="unknown format"):
        Column("a", "A", "roman")
    with pytest.raises(ValueError, match="2 columns"):
        Table("t", "T", (Column("a", "A"), Column("b", "B")), ((1,),))


def test_hostile_examples_become_one_inert_line_each():
    for text in HOSTILE:
        assert "\x1b" not in visible(text) and "\n" not in visible(text) and "\u202e" not in visible(text)
