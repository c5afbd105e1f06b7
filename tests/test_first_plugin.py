"""The page "A clusterer plugin in ten minutes", followed to the letter; and README's shorter version of it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from support.venvs import Venv

import darkframe

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "first-plugin.md"
PACKAGE = "darkframe-my-kmeans"
MARKER = re.compile(r"<!-- /?plugin-in-ten-minutes -->")
BLOCK = re.compile(r"^(?:<!-- (?P<note>[^\n]*) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = {"the tests run with the darkframe that they test", "it publishes"}


def blocks(text):
    """(language, what the comment above it says, text) of every block of code."""
    return [(found["language"], found["note"] or "", found["text"]) for found in BLOCK.finditer(text)]


def commands(text):
    """Lines of shell that are meant to be run."""
    shell = [body for language, note, body in blocks(text) if language in ("sh", "console") and not note.startswith("not run: ")]
    lines = (re.sub(r"\s+# .*", "", line) for body in shell for line in body.splitlines())  # without what is said of them
    return [line.removeprefix("$ ") for line in lines if line.strip()]


def apply(diff, file):
    """Make the change that a diff shows at the one place where it fits."""
    before = "".join(f"{line[1:]}\n" for line in diff.splitlines() if line[:1] != "+")
    after = "".join(f"{line[1:]}\n" for line in diff.splitlines() if line[:1] != "-")
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{file.name} holds this {text.count(before)} times:\n{before}"
    file.write_text(text.replace(before, after), encoding="utf-8")


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """A folder in which the page was followed from its first block to its last, and what each command printed."""
    folder = tmp_path_factory.mktemp("ten minutes")
    venv = Venv(tmp_path_factory.mktemp("venv") / "it", darkframe=True)
    printed = []
    for language, note, body in blocks(PAGE.read_text(encoding="utf-8")):
        what, _, where = note.partition(": ")
        if language == "diff":
            assert what == "change"
            apply(body, folder / PACKAGE / where)
        elif language == "sh" and what != "not run":
            for line in body.splitlines():
                told = venv.run("bash", "-c", line, cwd=folder, OMP_NUM_THREADS="1", DARKFRAME_CACHE=str(folder / "cache"))
                printed.append((line, told.stdout))
    return folder, venv, printed


def test_every_command_of_the_page_works(followed):
    _, _, printed = followed
    assert [line for line, _ in printed] == commands(PAGE.read_text(encoding="utf-8"))
    tests = [int(n) for line, told in printed if line.startswith("pytest") for n in re.findall(r"=+ (\d+) passed in ", told)]
    assert len(tests) == 2 and tests[0] > 30 and tests[1] == tests[0] + 1
    checked = [told for line, told in printed if line.startswith("darkframe check")]
    assert checked and all("none failed" in told for told in checked)


def test_the_page_shows_the_package_as_it_is_written(followed):
    _, _, printed = followed
    [made] = [told for line, told in printed if line.startswith("darkframe new-plugin")]
    [shown] = [body for language, _, body in blocks(PAGE.read_text(encoding="utf-8")) if language == "text"]
    plain = [re.sub(r"(?<=[\w/.])  +\S.*$", "", line) for line in shown.splitlines()]  # without what is said of the files
    assert "\n".join(f"  {line}" for line in plain) in made


def test_what_the_page_quotes_is_there(followed):
    folder, _, _ = followed
    quoted = [(note, body) for language, note, body in blocks(PAGE.read_text(encoding="utf-8")) if language == "python"]
    assert quoted
    for note, body in quoted:
        assert body in (folder / PACKAGE / note.removeprefix("quoted from: ")).read_text(encoding="utf-8")


def test_the_runs_it_makes_are_what_it_says(followed):
    folder, _, _ = followed
    first, second = (darkframe.load(path) for path in sorted((folder / "runs").iterdir(), key=lambda path: path.stat().st_ctime))
    assert np.unique(first.arrays["taxonomy_labels"]).tolist() == list(range(20))
    assert (second.arrays["taxonomy_labels"] == -1).any()
    settings = json.loads((sorted((folder / "runs").iterdir())[1] / "manifest.json").read_text())["config"]["clusterer"]["params"]
    assert settings["max_distance"] == 0.95


def test_only_what_cannot_be_run_is_left_out():
    text = PAGE.read_text(encoding="utf-8")
    notes = [note for language, note, _ in blocks(text) if language == "sh" and note]
    assert {note.removeprefix("not run: ") for note in notes} == NOT_RUN
    assert {language for language, _, _ in blocks(text)} == {"sh", "text", "python", "diff"}


def test_the_readme_says_nothing_that_the_page_does_not_do():
    parts = MARKER.split((ROOT / "README.md").read_text(encoding="utf-8"))
    if len(parts) == 1:
        return  # README leaves it to the page
    assert len(parts) == 3, "the section stands between two markers"
    page = PAGE.read_text(encoding="utf-8")
    left = iter(commands(page))
    assert commands(parts[1]), "there is no command between the markers"
    assert all(line in left for line in commands(parts[1])), "these are not the page's commands, in its order"
    unrun = {body for language, note, body in blocks(page) if note.startswith("not run: ")}
    assert all(body in unrun for language, note, body in blocks(parts[1]) if note.startswith("not run: "))
