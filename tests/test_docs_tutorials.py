"""The tutorials are run as they are written, and print what they say."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from itertools import pairwise

import pytest
from docs_pages import DOCS, Block, blocks

from darkframe.cli.group import darkframe

TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_UNITS = ("s", "kB", "MB", "GB", "tokens/s,")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """One working folder and cache for all tutorials, in a terminal of 100 columns."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("tutorials")
        patch.chdir(folder)
        patch.setenv("DARKFRAME_CACHE", str(folder / "cache"))
        patch.setenv("COLUMNS", "100")
        yield folder


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
def test_a_tutorial_prints_what_it_says(place, page):
    outputs = {}
    every = blocks(page)
    for block in every:
        if block.language in ("sh", "python") and not block.left_out:
            outputs[block] = run(block)
    for block, after in pairwise(every):
        if block in outputs and after.language == "text":
            assert told(after.text, outputs[block]), f"{block.text}printed\n{outputs[block]}\nnot\n{after.text}"


def test_there_is_a_tutorial_of_each_study():
    assert {page.stem for page in TUTORIALS} >= {"dark-matter", "taxonomy", "sweep", "tracking", "doctor"}


def test_an_output_that_differs_is_noticed():
    assert told("a 0.50 b\n…\nd 100 tokens\n", "x a 0.51 b c │ d\n 101 tokens")
    assert not told("a 0.50 b\n", "a 0.70 b")
    assert not told("a b\n…\nc\n", "c a b")
    assert not told("nothing\n", "structure")
    assert told("took 3 s\n", "took 9 s")
