"""``darkframe show`` and ``darkframe export``, and what the terminal gets of hostile text."""

import io
import json
import re

import pytest
from click.testing import CliRunner
from rich.console import Console
from support.fake_results import HOSTILE, copied_run, fake_run, finished_run

from darkframe.cli import render
from darkframe.cli.group import darkframe
from darkframe.report.table import Column, Table
from darkframe.result import load

ESCAPE = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")  # what rich itself may write: styles


@pytest.fixture(scope="module")
def run():
    return finished_run()


def invoke(*arguments, **env):
    outcome = CliRunner().invoke(darkframe, [str(a) for a in arguments], env={"COLUMNS": "80", **env}, standalone_mode=True)
    return outcome.exit_code, outcome.stdout, outcome.stderr


def terminal(width, colour="truecolor"):
    return Console(
        file=io.StringIO(), width=width, force_terminal=True, color_system=colour, markup=False, emoji=False, highlight=False
    )


def test_show_prints_the_finding_first_and_the_run_last(run):
    code, out, err = invoke("show", run)
    assert code == 0 and not err
    lines = [line for line in out.splitlines() if line.strip()]
    headline = load(run).results.conclusion.headline
    assert headline in lines[1] and lines[-1] == f"Run directory: {run}"
    assert out.index("beat the elliptical null") < out.index("max |cos|") and "overview.png" in out


@pytest.mark.parametrize("width", [40, 56, 80, 100])
def test_summary_fits_the_terminal(run, width):
    out = terminal(width, None)
    render.print_summaries([render_summary(run)], out)
    lines = ESCAPE.sub("", out.file.getvalue()).splitlines()
    assert max(len(line.rstrip()) for line in lines if str(run.parent) not in line) <= width


def render_summary(run):
    from darkframe.report.summary import summarise

    result = load(run)
    return summarise(result.results, result.path)


def test_hostile_text_does_not_act_on_the_terminal(run):
    out = terminal(250)
    render.print_summaries([render_summary(run)], out)
    text = ESCAPE.sub("", out.file.getvalue())
    assert not set(text) & {"\x1b", "\x00", "\r", "\x9b", "\u202e", "\u2066"}
    assert "[bold red]x[/]" in text and "<script>" in text and "␛[31mred␛[0m" in text


def test_tables_show_markup_as_text():
    out = terminal(60)
    table = Table(
        "t", "[red]T", (Column("a", "[b]A"), Column("b", "B", "token")), tuple((text, text) for text in HOSTILE), "[/] c"
    )
    render.print_table(table, out=out)
    text = ESCAPE.sub("", out.file.getvalue())
    assert "[red]T" in text and "[b]A" in text and "[/] c" in text and not set(text) & {"\x1b", "\x00", "\r"}


def test_show_json_is_the_whole_result(run):
    code, out, _ = invoke("show", run, "--json")
    assert code == 0 and json.loads(out)["study"] == "dark-matter"


def test_show_one_table(run):
    code, out, _ = invoke("show", run, "--table", "ledger", COLUMNS="140")
    assert code == 0 and "1 − Σ‖e‖² / Σ‖x − x̄‖²" in out and "0.827" in out
    code, out, _ = invoke("show", run, "--table", "match", "--json")
    assert code == 0 and [row["label"] for row in json.loads(out)] == ["novel", "partial", "known"]


def test_show_an_unknown_table_names_the_nearest(run):
    code, out, err = invoke("show", run, "--table", "ledgr")
    assert code == 2 and not out and "Did you mean 'ledger'" in err


def test_show_what_is_no_finished_run(tmp_path):
    code, _, err = invoke("show", tmp_path)
    assert code == 2 and "is not a run" in err
    fake_run(tmp_path / "half", status="running")
    code, _, err = invoke("show", tmp_path / "half")
    assert code == 2 and "--resume" in err and "Traceback" not in err


def test_no_colour_where_nobody_sees_it(run):
    _, out, _ = invoke("show", run)
    assert "\x1b" not in out


def test_export_lists_its_files_and_warns_of_the_missing(tmp_path):
    run = copied_run(tmp_path / "run", collection={"path": str(tmp_path / "gone")})
    code, out, err = invoke("export", run, "--out", tmp_path / "out")
    assert code == 0 and "ica_dark_matter_results.json" in out and (tmp_path / "out" / "ica_directions.npy").exists()
    assert "residuals.npy, activations.npy, tokens.npy were not written" in err
    code, _, err = invoke("export", run, "--out", tmp_path / "out")
    assert code == 2 and "--force" in err
    assert invoke("export", run, "--out", tmp_path / "out", "--force")[0] == 0


def test_progress_on_a_terminal_shows_rate_and_note_as_plain_text():
    out = terminal(120)
    with render.RichProgress(out) as progress:
        with progress.task("[red]collect", 100, "[b]tokens") as task:
            task.advance(40)
            task.note("[bold]batch\x1b[2J\n1")
            progress._bars.refresh()
        progress.step("collect", "[red]done\x1b")
    text = ESCAPE.sub("", out.file.getvalue())
    assert "[red]collect" in text and "40%" in text and "[bold]batch␛[2J↵1" in text and "✓ collect    [red]done␛" in text


def test_progress_without_a_terminal_is_only_the_steps():
    out = Console(file=io.StringIO(), width=80)
    with render.RichProgress(out) as progress, progress.task("collect", None, "tokens") as task:
        task.advance(3)
        progress.step("collect", "a" * 100)
    assert out.file.getvalue() == f"✓ collect    {'a' * 100}\n"


@pytest.mark.parametrize(("speed", "written"), [(0.4213, "0.42"), (8.06, "8.1"), (12345.6, "12,346")])
def test_rates_stay_short(speed, written):
    assert render.rate(speed) == written
