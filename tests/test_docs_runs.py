"""The tutorials are run as they are written, and print what they say; the store's page names every file that they leave."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from itertools import pairwise

import numpy as np
import pytest
from docs_pages import DOCS, Block, blocks, table_rows

from darkframe.cli.group import darkframe

TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))
STORE = DOCS / "store.md"
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_UNITS = ("s", "kB", "MB", "GB", "tokens/s,")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The working folder of all tutorials, in a terminal of 100 columns; its cache is ``cache``."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("tutorials")
        patch.chdir(folder)
        patch.setenv("DARKFRAME_CACHE", str(folder / "cache"))
        patch.setenv("COLUMNS", "100")
        yield folder


@pytest.fixture(scope="module")
def printed(place):
    """What the blocks of each tutorial print."""
    return {page: {block: run(block) for block in blocks(page) if block.runs} for page in TUTORIALS}


def run(block: Block) -> str:
    """What a block prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        if block.language == "python":
            exec(compile(block.text, "tutorial", "exec"), {})
        else:
            for line in block.text.splitlines():
                program, *arguments = shlex.split(line, comments=True)
                assert program == "darkframe", f"{line!r} is no command that the tests can run"
                with contextlib.suppress(SystemExit):  # doctor's way to say that something is wrong
                    darkframe.main(arguments, prog_name="darkframe")
    return printed.getvalue()


def words(text: str) -> list[str]:
    """Words of an output: without frames, rules and the place of line breaks."""
    return [word for word in re.sub(r"[│╭╮╰╯─]", " ", text).split() if word]


def told(expected: str, printed: str) -> bool:
    """Whether an output holds what a page shows of it: pieces between lines ``…``, in order, numbers about the same."""
    there, start = words(printed), 0
    for piece in re.split(r"^…$", expected, flags=re.MULTILINE):
        wanted = words(piece)
        places = range(start, len(there) - len(wanted) + 1)
        found = next((at for at in places if _same(wanted, there[at : at + len(wanted)])), None)
        if found is None:
            return False
        start = found + len(wanted)
    return True


def _same(wanted: list[str], there: list[str]) -> bool:
    following = [*wanted[1:], ""]
    return all(_alike(a, b, measured=after in _UNITS) for a, b, after in zip(wanted, there, following))


def _alike(wanted: str, there: str, *, measured: bool) -> bool:
    if _NUMBER.sub("#", wanted) != _NUMBER.sub("#", there):
        return False
    pairs = zip(_NUMBER.findall(wanted), _NUMBER.findall(there))
    return measured or all(_near(*(float(number.replace(",", "")) for number in pair)) for pair in pairs)


def _near(wanted: float, there: float) -> bool:
    """Other machines sum in another order: the last fits of an ICA differ a little, counts by a few."""
    return abs(wanted - there) <= max(0.15 * abs(wanted), 3 if wanted == int(wanted) and wanted >= 10 else 0.06)


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_prints_what_it_says(printed, page):
    for block, after in pairwise(blocks(page)):
        if block in printed[page] and after.language == "text":
            output = printed[page][block]
            assert told(after.text, output), f"{block.text}printed\n{output}\nnot\n{after.text}"


def test_there_is_a_tutorial_of_each_study():
    assert {page.stem for page in TUTORIALS} >= {"dark-matter", "taxonomy", "sweep", "tracking", "doctor"}


def test_an_output_that_differs_is_noticed():
    assert told("a 0.50 b\n…\nd 100 tokens\n", "x a 0.51 b c │ d\n 101 tokens")
    assert not told("a 0.50 b\n", "a 0.70 b")
    assert not told("a b\n…\nc\n", "c a b")
    assert not told("nothing\n", "structure")
    assert told("took 3 s\n", "took 9 s")


def _pattern(name: str) -> re.Pattern[str]:
    """A file's name on the page as a pattern: what stands for something is in angle brackets."""
    return re.compile(re.sub(r"<\w+>", r"[^/]+", re.escape(name).replace(r"\<", "<").replace(r"\>", ">")))


def _documented(section: str = "") -> dict[str, list[str]]:
    """Files that the page names in its tables, each with the rest of its row."""
    files = {}
    for header, *rows in table_rows(STORE, section):
        if header[0] == "file":
            files |= {row[0].strip("`"): row[1:] for row in rows}
    return files


def _left(folder):
    return [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]


@pytest.fixture(scope="module")
def files(place, printed):
    """Every file that the tutorials left, by the page's name of it: of runs and of the cache."""
    names = [name for run in sorted((place / "runs").iterdir()) for name in _left(run)]
    return {*names, *_left(place / "cache")}


def test_the_page_names_every_file_that_runs_write(files):
    patterns = [_pattern(name) for name in _documented()]
    unknown = sorted(name for name in files if not any(pattern.fullmatch(name) for pattern in patterns))
    assert not unknown, f"docs/store.md does not name {', '.join(unknown)}"


def test_every_file_the_page_names_is_written_but_for_those_said_to_be_elsewhere(files):
    elsewhere = set(_documented("A sweep's folder")) - {"log.txt", ".lock"}
    conditional = {name for name, row in _documented().items() if "where" in row[-1]} | {
        name
        for name in _documented()
        if "taxonomy-embedding" in name  # the tutorial leaves the scatter out
    }
    named = set(_documented()) - elsewhere - conditional
    missing = sorted(name for name in named if not any(_pattern(name).fullmatch(file) for file in files))
    assert not missing, f"docs/store.md names {', '.join(missing)}, which nothing writes"


def test_the_page_says_shapes_and_types(place, printed):
    described = {name: row for name, row in _documented().items() if len(row) == 3 and row[0].startswith("(")}
    seen = set()
    for root in (*(place / "runs").iterdir(), place / "cache"):
        for path in root.rglob("*.npy"):
            name = path.relative_to(root).as_posix()
            for known, (shape, dtype, _) in described.items():
                if _pattern(known).fullmatch(name):
                    array = np.load(path, allow_pickle=False)
                    assert (array.dtype.name, array.ndim) == (dtype, len([s for s in shape[1:-1].split(",") if s])), name
                    seen.add(known)
    assert len(seen) > 80


@pytest.mark.parametrize("run", ["first", "taxonomy", "track"])
def test_the_page_has_every_key_of_the_manifest(place, printed, run):
    manifest = json.loads((place / "runs" / run / "manifest.json").read_text(encoding="utf-8"))
    keys = {row[0].strip("`") for header, *rows in table_rows(STORE, "manifest.json") for row in rows}
    assert set(manifest) <= keys, f"docs/store.md lacks {set(manifest) - keys}"


@pytest.mark.parametrize(("run", "table"), [("taxonomy", "clusters"), ("taxonomy", "labels"), ("track", "categories")])
def test_the_page_has_every_column_of_a_table(place, printed, run, table):
    (described,) = [t for t in table_rows(STORE, "Tables") if f"`{table}.csv`" in t[0][0]]
    patterns = [_pattern(name) for row in described[1:] for name in re.findall(r"`([^`]+)`", row[0])]
    with (place / "runs" / run / f"{table}.csv").open(encoding="utf-8") as file:
        columns = file.readline().strip().split(",")
    assert all(any(pattern.fullmatch(column) for pattern in patterns) for column in columns), columns
    assert all(any(pattern.fullmatch(column) for column in columns) for pattern in patterns)


def test_the_page_has_every_key_of_a_step_and_of_a_collection(place, printed):
    text = STORE.read_text(encoding="utf-8")
    (meta,) = (place / "cache" / "collections").glob("*/meta.json")
    for path in (*(place / "runs" / "first" / "steps").glob("*/record.json"), meta):
        missing = [key for key in json.loads(path.read_text(encoding="utf-8")) if f"`{key}`" not in text]
        assert not missing, f"docs/store.md lacks {missing} of {path.name}"


def test_a_run_is_read_without_darkframe(place, printed):
    (block,) = [block for block in blocks(STORE) if block.language == "python"]
    assert "darkframe" not in re.findall(r"^(?:from|import) (\w+)", block.text, re.MULTILINE)
    assert re.search(r"\(100, 160\) component \d+ is largest on token \d+ of 50,000", run(block))
