"""The taxonomy's pages: one file each, nothing fetched, foreign text literal, every number beside its null."""

import dataclasses
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_taxonomy import fake_taxonomy, finished_taxonomy
from support.html_reader import read_html

from darkframe.report.taxonomy.cards import quality_table
from darkframe.report.taxonomy.data import gather_taxonomy
from darkframe.report.taxonomy.page import taxonomy_page
from darkframe.report.taxonomy.sunburst_page import MOST_NODES, inert, sunburst_page, sunburst_trace
from darkframe.store.run import RunDir
from darkframe.store.taxonomy import Taxonomy

NASTY = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)//",
    '<a href="javascript:alert(3)">x</a>',
    "<b>bold</b>",
    "$x_$",
    "\\frac{\\n",
    "&lt;i&gt;",
    "%{label}",
    "nul\x00\x1b[31m",
    "\u202eevil",
    "\ud800",
    "🙂",
    "\u2028",
]


@pytest.fixture(scope="module")
def run():
    return RunDir.open(finished_taxonomy())


@pytest.fixture(scope="module")
def written(run):
    return (run.path / "taxonomy.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def read(written):
    return read_html(written)


@pytest.fixture(scope="module")
def nasty(run):
    return dataclasses.replace(gather_taxonomy(Taxonomy(run)), text=lambda token: NASTY[token % len(NASTY)])


def test_page_is_well_formed_runs_nothing_and_fetches_nothing(read, written):
    assert not read.open
    assert not {"script", "iframe", "object", "link", "base", "form"} & set(read.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    for name, value in read.attributes:
        assert name != "src" or value.startswith("data:image/")
        assert name != "href" or not re.match(r"[a-z]+:|//", value, re.IGNORECASE)
    assert "default-src 'none'" in written and "url(" not in written


def test_hostile_tokens_are_shown_and_do_nothing(read, written):
    text = "".join(read.text)
    assert "<script>alert(1)</script>" in text and "=1+1" in text and "␛[31mred␛[0m" in text and "⟨U+D800⟩" in text
    assert "<script" not in written and not set(written) & {"\x00", "\x1b", "\u202e", "\u2066", "\x9b"}


def test_page_goes_from_the_verdict_to_the_settings(written):
    headings = ("Key numbers", "The hierarchy", "Levels against chance", "Clusters", "Files", "Settings and environment")
    places = [written.index("2 of 3 levels hold"), *(written.index(f"{heading}</h2>") for heading in headings)]
    assert places == sorted(places)
    assert 'href="figures/sunburst.html"' in written and 'href="labels.csv"' in written and 'href="report.html"' not in written


def test_page_links_to_the_other_study_where_it_is(run, tmp_path):
    assert 'href="report.html"' not in taxonomy_page(run.taxonomy(), tmp_path)
    (tmp_path / "report.html").write_text("x")
    page = taxonomy_page(run.taxonomy(), tmp_path)
    assert 'href="report.html"' in page and "sunburst.html" not in page and "<img" not in page


def test_every_card_has_its_numbers_beside_the_nulls(run, read):
    results = run.taxonomy()
    table = quality_table(results.clusters[0], results.levels[0])
    row = next(row for row in table.rows if row[0].startswith("cohesion"))
    level = results.levels[0]
    nulls = [sum(draw.cohesion for draw in null.draws) / len(null.draws) for null in level.nulls]
    assert list(row[1:]) == pytest.approx([results.clusters[0].cohesion, level.quality.cohesion, *nulls])
    assert read.tags.count("mark") == sum(len(record.tokens) for record in results.clusters)


def test_page_of_a_bare_run_says_what_is_missing(tmp_path):
    bare = fake_taxonomy(curve=False, nulls=False)
    silent = tuple(dataclasses.replace(record, tokens=(), logits=(), votes=()) for record in bare.clusters)
    page = taxonomy_page(dataclasses.replace(bare, clusters=silent, drill=()), tmp_path)
    assert not read_html(page).open
    assert "not read by the logit lens" in page and "no nulls drawn" in page


def trace_of(page):
    """The trace as the page's script holds it."""
    start = page.index("Plotly.newPlot(") + len("Plotly.newPlot(")
    decoder = json.JSONDecoder()
    name, end = decoder.raw_decode(page[start:].lstrip())
    rest = page[start:].lstrip()[end:].lstrip(", \n")
    data, _ = decoder.raw_decode(rest)
    assert name == "sunburst"
    return data[0]


def test_sunburst_page_fetches_nothing_and_ends_no_script_early(run, nasty):
    page = sunburst_page(run.taxonomy(), nasty)
    head, _, tail = page.partition("<body>")
    assert "default-src 'none'" in head and "connect-src" not in head  # nothing may be fetched, whatever plotly would like to
    script = tail[tail.rindex("<script") :]
    assert script.count("</script>") == 1 and "alert(2)" in script and "<b>bold" not in script
    assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="', page)
    assert "showSendToCloud" in script and '"showSendToCloud": true' not in script
    assert len(page) < 7_000_000
    page.encode("utf-8")


def test_sunburst_shows_tags_and_entities_literally(run, nasty):
    trace = trace_of(sunburst_page(run.taxonomy(), nasty))
    for text in [*trace["labels"], *trace["hovertext"]]:
        assert not re.search(r"<(?!br>|/?b>)", text)
        assert not set(text) & {"\x00", "\x1b", "\u202e", "\u2028", "\ud800"}
        assert not re.search(r"&(?!amp;|lt;|gt;)", text)
    together = " ".join(trace["hovertext"])
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in together and "&amp;lt;i&amp;gt;" in together
    assert "&lt;b&gt;bold&lt;/b&gt;" in together and "$x_$" in together and "⟨U+202E⟩evil" in together


@given(st.text())
def test_inert_text_has_nothing_plotly_acts_on(text):
    import html

    written = inert(text)
    assert "<" not in written and ">" not in written and html.unescape(written) == html.unescape(html.escape(text, quote=False))


@pytest.mark.parametrize("most", [0, 1, 7, MOST_NODES])
def test_sunburst_is_a_tree_whose_parts_add_up(run, most):
    results, data = run.taxonomy(), gather_taxonomy(Taxonomy(run))
    trace = sunburst_trace(results, data, most)
    ids, parents = trace["ids"], trace["parents"]
    size = dict(zip(ids, trace["values"]))
    assert len(set(ids)) == len(ids) and set(parents) <= {"", *ids}
    assert size["all"] == results.order.n
    for parent in {p for p in parents if p}:
        below = sum(value for value, p in zip(trace["values"], parents) if p == parent)
        assert below == size[parent]
    named = [name for name in ids if re.fullmatch(r"L\d+:\d+", name)]
    assert len(named) == min(most, len(data.clusters.size))
    assert len(ids) == len(trace["labels"]) == len(trace["hovertext"]) == len(trace["marker"]["colors"])


def test_hover_says_tokens_size_cohesion_and_match(run):
    results, data = run.taxonomy(), gather_taxonomy(Taxonomy(run))
    trace = sunburst_trace(results, data)
    record = results.clusters[2]
    said = trace["hovertext"][trace["ids"].index(f"L0:{record.cluster}")]
    assert f"<b>L0:{record.cluster}</b>" in said and f"{record.size} features" in said
    assert f"cohesion {record.cohesion:.3f}, match {record.match:.3f}" in said and record.tokens[0].strip() in said
