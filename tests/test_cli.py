from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from fake_distributions import Site, decomposer_plugin

import darkframe
from darkframe.cli.group import COMMANDS
from darkframe.cli.group import darkframe as command
from darkframe.errors import DataError, OutputError, UserError

DARKFRAME = Path(sys.executable).with_name("darkframe")


def invoke(*arguments):
    return CliRunner().invoke(command, list(arguments), prog_name="darkframe")


@pytest.fixture
def api_run(monkeypatch):
    """Stands in for ``api.run``; takes what to raise."""
    from darkframe import api

    calls = []

    def answer(raised):
        def run(**options):
            calls.append(options)
            raise raised

        monkeypatch.setattr(api, "run", run)
        return calls

    return answer


def test_help_names_every_command():
    told = invoke("--help")
    assert told.exit_code == 0
    assert all(name in told.output for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_the_summary_shown_for_it_is_short(name):
    told = invoke(name, "--help")
    assert told.exit_code == 0, told.output
    assert told.output.startswith(f"Usage: darkframe {name}")
    assert len(COMMANDS[name].summary) < 70


def test_version():
    told = invoke("--version")
    assert told.output == f"darkframe {darkframe.__version__}\n"


def test_the_installed_command_runs():
    told = subprocess.run([DARKFRAME, "--version"], capture_output=True, text=True, check=True)
    assert told.stdout == f"darkframe {darkframe.__version__}\n"


HEAVY = ("numpy", "torch", "sklearn", "scipy", "pandas", "matplotlib", "numba", "transformers", "rich")
HEAVY += ("huggingface_hub", "datasets", "pyarrow", "sae_lens", "transformer_lens", "sparsify", "gguf")


@pytest.mark.parametrize("arguments", [["--help"], ["list-plugins"], ["list-plugins", "--json"], ["describe", "taxonomy"]])
def test_start_up_imports_nothing_heavy(arguments):
    script = (
        "import sys\nfrom darkframe.cli.group import darkframe\n"
        f"try:\n    darkframe({arguments!r}, prog_name='darkframe')\n"
        "finally:\n"
        f"    heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "    print('HEAVY', heavy, file=sys.stderr)\n"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stderr.strip() == "HEAVY []"


def test_importing_darkframe_imports_nothing_heavy():
    script = (
        f"import sys, darkframe, darkframe.cli, darkframe.adapters; print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--source", "tny"], "Unknown source 'tny'. Did you mean 'tiny'?"),
        (["--decomposer", "fastcia"], "See 'darkframe list-plugins --kind decomposer'"),
        (["--clusterer", "smarty"], "Did you mean 'smart'"),
        (["--clusterer", "smart", "--tokens", "100"], "--tokens is given, but the taxonomy study reads no text"),
        (["--clusterer", "smart", "--set", "study.nulls=2"], "study.nulls is set, but the run has no decomposer"),
        (["--set", "pca_dims=32"], "taxonomy.pca_dims is set, but the run has no clusterer"),
        (["--set", "clusterer.rho=0.2"], "clusterer.rho is set, but the run has no clusterer"),
        (["--set", "decomposer.n_componets=3"], "has no parameter 'n_componets'. Did you mean 'n_components'"),
        (["--set", "decomposer.n_components=many"], "decomposer.n_components must be an integer ≥ 1 or none"),
        (["--set", "nonsense"], "--set takes KIND.KEY=VALUE"),
        (["--tokens", "0"], "tokens must be an integer ≥ 1"),
        (["--tokens", "-5"], "tokens must be an integer ≥ 1"),
        (["--tokens", "many"], "(default: none)"),
        (["--seed", "-1"], "seed must be an integer ≥ 0"),
        (["--seed", "1.5"], "seed must be an integer"),
        (["--device", "gpu"], "use auto, cpu, cuda or cuda:N"),
        (["--config", "no/such/file.toml"], "cannot be read: No such file or directory"),
        (["--resume", "no/such/run"], "does not exist"),
        (["--set", "study.novel_cut=0.9"], "is above study.known_cut"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_code_2(arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = invoke("run", *arguments)
    assert told.exit_code == 2
    assert told.stdout == ""
    assert told.stderr.startswith("Error: ")
    assert sentence in told.stderr
    assert "Traceback" not in told.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_config_file_is_read_and_overridden(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("run.toml").write_text('[run]\nsource = "of-the-file"\ndecomposer = "pca"\n')
    assert "Unknown source 'of-the-file'" in invoke("run", "--config", "run.toml").stderr
    assert "Unknown source 'of-set'" in invoke("run", "--config", "run.toml", "--set", "run.source=of-set").stderr
    assert (
        "Unknown source 'option'"
        in invoke("run", "--config", "run.toml", "--set", "run.source=of-set", "--source", "option").stderr
    )


def test_an_output_folder_in_use_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("full").mkdir()
    Path("full/thesis.tex").write_text("years of work")
    told = invoke("run", "--out", "full")
    assert told.exit_code == 2
    assert "exists already and is not empty" in told.stderr
    assert [path.name for path in Path("full").iterdir()] == ["thesis.tex"]


def test_usage_errors_exit_with_2_and_near_names():
    told = invoke("rnu")
    assert (told.exit_code, "Did you mean 'run'" in told.stderr) == (2, True)
    assert invoke("run", "--sorce", "x").exit_code == 2
    assert invoke("describe", "planet", "x").exit_code == 2
    assert invoke("describe", "source").exit_code == 2


def test_an_unexpected_exception_is_one_sentence_and_how_to_see_more(api_run):
    api_run(ZeroDivisionError("division by\nzero \x1b[31m"))
    told = invoke("run")
    assert told.exit_code == 1
    first, second = told.stderr.splitlines()
    assert first == "Error: darkframe failed unexpectedly: ZeroDivisionError: division by zero ␛[31m"
    assert second.startswith("Run again with --debug")


@pytest.mark.parametrize("arguments", [["--debug", "run"], ["run", "--debug"]])
def test_debug_shows_the_traceback(api_run, arguments):
    api_run(ZeroDivisionError("oh"))
    told = invoke(*arguments)
    assert "Traceback (most recent call last)" in told.stderr
    assert "Error: darkframe failed unexpectedly" in told.stderr


def test_errors_of_a_run_name_its_log_and_how_to_go_on(api_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = DataError("Activations hold NaN.", hint="Look at batch 3.")
    error._darkframe_run = tmp_path / "runs" / "my run-1"
    api_run(error)
    told = invoke("run")
    assert told.exit_code == 1
    assert told.stderr.splitlines()[0] == "Error: Activations hold NaN. Look at batch 3."
    assert "log.txt" in told.stderr
    assert "darkframe run --resume 'runs/my run-1'" in told.stderr


def test_ctrl_c_says_how_to_go_on(api_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = KeyboardInterrupt()
    error._darkframe_run = tmp_path / "runs" / "r-1"
    api_run(error)
    told = invoke("run")
    assert told.exit_code == 130
    assert told.stderr.strip() == "Interrupted. What was computed is kept; go on with: darkframe run --resume runs/r-1"


def test_user_errors_have_no_talk_of_debugging(api_run):
    api_run(OutputError("The folder is in use."))
    assert invoke("run").stderr == "Error: The folder is in use.\n"
    api_run(UserError("No."))
    assert invoke("run").exit_code == 2


def test_options_reach_the_api(api_run):
    calls = api_run(UserError("enough"))
    named = "--source s --decomposer d --tokens 10 --seed 3 --device cpu --set a.b=1 --set a.c=2 --out o --resume r"
    invoke("run", *named.split(), "--quick", "--strict", "--force")
    (options,) = calls
    del options["progress"]
    assert options == {
        "source": "s",
        "decomposer": "d",
        "clusterer": None,
        "tokens": "10",
        "seed": "3",
        "device": "cpu",
        "set": ("a.b=1", "a.c=2"),
        "config": None,
        "out": Path("o"),
        "quick": True,
        "strict": True,
        "force": True,
        "resume": Path("r"),
    }


def test_a_reader_that_goes_away_is_no_error():
    shell = f"{DARKFRAME} describe study | true; echo ${{PIPESTATUS[0]}}"
    told = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
    assert told.stderr == ""


# ---------------------------------------------------------------- describing


def test_describe_tells_everything_a_plugin_declares():
    told = invoke("describe", "decomposer", "fastica").stdout
    for part in (
        "FastICA",
        "darkframe 0.1.0",
        "darkframe_fastica.fastica:FastICA",
        "decomposer.n_components = none",
        "an integer ≥ 1",
    ):
        assert part in told


def test_describe_as_json():
    record = json.loads(invoke("describe", "decomposer", "pca", "--json").stdout)
    (parameter,) = [p for p in record["parameters"] if p["name"] == "decomposer.n_components"]
    assert {"type", "accepts", "default", "help"} <= set(parameter)


def test_describe_source_tells_what_it_gives():
    told = invoke("describe", "source", "tiny").stdout
    assert "gives: activations, dictionary, unembedding, text" in told
    assert "tokens by default: all the text holds" in told


def test_describe_the_study():
    assert "study.seeds = 42,123,999" in invoke("describe", "study").stdout


def test_describe_an_unknown_plugin():
    told = invoke("describe", "decomposer", "pac")
    assert (told.exit_code, "Did you mean 'pca'" in told.stderr) == (2, True)


def test_list_plugins_of_one_kind():
    told = invoke("list-plugins", "--kind", "clusterer").stdout
    assert told.split()[0] == "Clusterers"
    assert "smart" in told
    assert "fastica" not in told


def test_plugins_cannot_act_on_the_terminal(tmp_path):
    site = Site(tmp_path / "site")
    site.install("hostile", {"h": "hostile"}, {"hostile.py": decomposer_plugin("h", summary="\x1b[2J gone")})
    told = site.command("list-plugins")
    assert "\x1b" not in told.stdout
    assert "␛[2J gone" in told.stdout


# ---------------------------------------------------------------- completion


def complete(line, cwd=None):
    """What bash would offer after this line."""
    words = line.split(" ")
    environment = {**os.environ, "_DARKFRAME_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    told = subprocess.run([DARKFRAME], capture_output=True, text=True, env=environment, cwd=cwd, check=True)
    return [item.split(",", 1)[1] for item in told.stdout.splitlines()]


@pytest.mark.parametrize(
    "shell, part", [("bash", "complete -o nosort"), ("zsh", "#compdef darkframe"), ("fish", "complete --no-files")]
)
def test_completion_scripts(shell, part):
    told = invoke("completion", shell)
    assert told.exit_code == 0
    assert part in told.stdout
    assert "_DARKFRAME_COMPLETE" in told.stdout


def test_completion_offers_commands_plugins_parameters_and_runs(tmp_path):
    assert complete("darkframe list") == ["list-plugins"]
    assert complete("darkframe run --decomposer p") == ["pca", "picard"]
    assert complete("darkframe describe decomposer fast") == ["fastica"]
    offered = complete("darkframe run --decomposer fastica --set decomposer.n")
    assert offered == ["decomposer.n_components="]
    assert "study.nulls=" in complete("darkframe run --set study.")
    (tmp_path / "runs" / "first").mkdir(parents=True)
    (tmp_path / "runs" / "first" / "manifest.json").write_text("{}")
    (tmp_path / "runs" / "other").mkdir()
    assert complete("darkframe run --resume ", cwd=tmp_path) == ["runs/first"]
    assert complete("darkframe run --resume runs/f", cwd=tmp_path) == ["runs/first"]


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_in_help_stay_on_lines_of_their_own(name):
    done = invoke(name, "--help")
    lines = [line.strip() for line in done.output.splitlines()]
    assert not any("\\b" in line for line in lines)
    example = {
        "run": "darkframe run --quick",
        "doctor": "darkframe doctor --source tiny",
        "fetch": "darkframe fetch --source gpt2-jb",
    }
    if name in example:
        assert any(line.split("  ")[0] == example[name] for line in lines)
