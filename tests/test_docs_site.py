"""The documentation's site: it builds without a warning, holds every page, needs nothing from elsewhere; links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from docs_pages import DOCS, blocks

ROOT = DOCS.parent
PAGES = sorted(DOCS.rglob("*.md"))
LINKING = [*PAGES, ROOT / "README.md"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as ``make docs`` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, f"mkdocs build --strict found:\n{done.stdout}{done.stderr}"
    return folder


def _settings():
    return yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def _nav(entries):
    for entry in entries:
        for target in entry.values():
            yield from [target] if isinstance(target, str) else _nav(target)


def test_the_navigation_has_every_page_once():
    named = list(_nav(_settings()["nav"]))
    assert sorted(named) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES)


def test_it_builds_without_a_warning(site):
    assert (site / "index.html").is_file()
    assert len(list(site.rglob("*.html"))) == len(PAGES) + 1, "a page each, and 404.html"


def test_nothing_comes_from_elsewhere(site):
    """No script, style, font or picture: the site works without a network, and opened from disk."""
    loads = re.compile(
        r"<(?:script|img|iframe)\b[^>]*\bsrc=\"?(https?:)?//|<link\b[^>]*\bhref=\"?(https?:)?//|@import|url\((?:https?:)?//"
    )
    for page in [*site.rglob("*.html"), *site.rglob("*.css")]:
        found = loads.search(page.read_text(encoding="utf-8"))
        assert found is None, f"{page.relative_to(site)} loads something from elsewhere: {found[0]}"
    assert _settings()["theme"]["font"] is False


def test_it_can_be_searched_from_disk(site):
    index = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    assert index.startswith("var __index = ") and "vigilance" in index
    page = (site / "reference" / "hooks.html").read_text(encoding="utf-8")
    assert '<script src="../assets/iframe-worker.js">' in page and (site / "assets" / "iframe-worker.js").is_file()


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as a git host makes them; those that the page writes itself, too."""
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", heading).strip().lower() for heading in headings)
    made = {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}
    return made | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings_of_the_repository(page):
    """On a plain git host too; the site's own links are checked as it is built."""
    text = re.sub(r"^```.*?^```$|`[^`\n]+`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"(https?|mailto):", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name} leads to {target}, which is not there"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{page.name} leads to {target}, but there is no such heading"


def test_the_readme_leads_into_the_documentation():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(r"\]\(docs/[\w/-]+\.md\)", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_blocks_that_are_not_run_say_why(page):
    comments = re.findall(r"<!-- not run.*?-->", page.read_text(encoding="utf-8"), re.DOTALL)
    assert all(re.fullmatch(r"<!-- not run: \S.+ -->", comment) for comment in comments)
    assert sum(block.left_out for block in blocks(page)) == len(comments), "such a comment stands right above its block"
