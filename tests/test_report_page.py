"""The page: one file, nothing fetched, nothing run, hostile text inert, the conclusion first."""

import re

import pytest
from support.fake_results import HOSTILE, fake_results, fake_run, finished_run
from support.html_reader import read_html

from darkframe.report.page import page


@pytest.fixture(scope="module")
def written():
    return (finished_run() / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def read(written):
    return read_html(written)


def test_page_is_well_formed_and_runs_nothing(read):
    assert not read.open
    assert not {"script", "iframe", "object", "link", "base", "form"} & set(read.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on")]


def test_page_fetches_nothing(read, written):
    for name, value in read.attributes:
        if name == "src":
            assert value.startswith("data:image/")
        if name == "href":
            assert not re.match(r"[a-z]+:|//", value, re.IGNORECASE)
    assert "url(" not in written and "@import" not in written
    assert "default-src 'none'" in written


def test_hostile_text_is_shown_and_does_nothing(read, written):
    text = "".join(read.text)
    assert "<script>alert(1)</script>" in text and "&amp;\"'" in text and "[bold red]x[/]" in text
    assert "<script" not in written
    assert "␛[31mred␛[0m" in text and "nul␀" in text and "⟨U+202E⟩" in text and "⟨U+D800⟩" in text
    assert not set(written) & {"\x00", "\x1b", "\u202e", "\u2066", "\x9b"}


def test_conclusion_comes_first_then_ledger_then_components(written):
    results = fake_results()
    assert written.index(results.conclusion.headline) < written.index("Key numbers</h2>") < written.index("Metric ledger")
    assert written.index("1 − Σ‖e‖² / Σ‖x − x̄‖²") < written.index('id="components"') < written.index('id="files"')
    assert "did not converge" in written and "prefers-color-scheme: dark" in written


def test_every_example_has_its_token_marked(read):
    shown = sum(len(c.examples) for c in fake_results().interpret.components)
    assert read.tags.count("mark") == shown
    assert ("class", "minus") in read.attributes


def test_page_without_figures_is_still_a_page(tmp_path):
    run = fake_run(tmp_path / "run")
    text = page(run.results(), run.path)
    assert "<img" not in text and "Key numbers" in text


def test_hostile_file_names_and_settings_are_escaped(tmp_path):
    import dataclasses

    run = fake_run(tmp_path / "run")
    (run.path / "<b>&x'.npy").write_bytes(b"1")
    results = dataclasses.replace(
        run.results(), settings={"seed": HOSTILE[0]}, source={**run.results().source, "model": HOSTILE[0]}
    )
    text = page(results, run.path)
    assert "<script" not in text and "<b>&x" not in text and "&lt;b&gt;&amp;x&#x27;.npy" in text
