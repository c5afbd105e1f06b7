"""The check before a run, and the command: what stops, what goes on, what is kept and what is said."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from fake_distributions import Site
from support.rewired import copy_assets, few_documents
from support.tinylm import make_assets

import darkframe
from darkframe import UserError, api
from darkframe.cli.group import darkframe as command
from darkframe.errors import ParameterError, WiringError
from darkframe.progress import QuietProgress
from darkframe.studies.doctor import examine

SUPPORT = Path(__file__).parent / "support"
SMALL = {
    "source": {"held": 2500, "d_model": 18, "rate": 0.9, "noise": 0.05},
    "decomposer": {"n_components": 2},
    "study": {"seeds": (42, 1), "nulls": 1, "null_directions": 10, "interpret": 1, "examples": 2},
}
BLIND = {**SMALL, "source": {**SMALL["source"], "firing": 0}}  # its SAE explains nothing


class Told(QuietProgress):
    def __init__(self):
        self.lines = []

    def step(self, name, text):
        self.lines.append((name, text))

    def doctor(self):
        return [text for name, text in self.lines if name == "doctor"]


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.setenv("DARKFRAME_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(SUPPORT))
    site = Site(tmp_path / "site")
    site.install("synthetic-dist", {"synthetic": "synthetic"})
    monkeypatch.setattr("darkframe.report.plots.save_figures", lambda *_: [])  # the slowest part of a small run
    with site.active():
        yield


def manifest(path):
    return json.loads((Path(path) / "manifest.json").read_text())


# ---------------------------------------------------------------- before a run


def test_a_run_keeps_what_was_found_before_it():
    told = Told()
    result = darkframe.run("synthetic", "pca", set=SMALL, progress=told)
    found = result.results.doctor
    assert found.form == "short"
    assert found.tokens == 512
    assert not found.stops
    assert not found.forced
    assert (result.path / "steps/doctor/record.json").is_file()
    assert len(told.doctor()) == max(1, len(found.diagnosis()))
    assert json.loads(result.json())["doctor"]["verdict"] == found.verdict
    assert "doctor" in result.tables
    assert set(result.tables["doctor"]["name"]) == {check.name for check in found.checks}


def test_a_run_on_an_sae_that_explains_nothing_stops_and_leaves_nothing():
    with pytest.raises(WiringError, match=r"leaves 10\d% of the variance unexplained \(FVU 1\.0\d\d, beyond 0\.9\)") as caught:
        darkframe.run("synthetic", "pca", set=BLIND)
    assert isinstance(caught.value, UserError)
    assert "--force" in caught.value.hint
    assert api.run_path_of(caught.value) is None
    assert not list(Path("runs").iterdir())


def test_forced_it_goes_on_and_says_so():
    told = Told()
    Path("c.toml").write_text("[run]\nforce = true\n")
    result = darkframe.run("synthetic", "pca", set=BLIND, config="c.toml", progress=told)
    assert result.results.doctor.forced
    assert manifest(result.path)["config"]["force"] is True
    assert any("forced although the SAE leaves" in caution for caution in result.results.conclusion.cautions)
    assert "forced although" in " ".join(result.summary().split())
    assert any(line.startswith("wrong: FVU") for line in told.doctor())


def test_collected_before_the_recorded_ledger_is_read_and_no_batch_is_made(monkeypatch):
    first = darkframe.run("synthetic", "pca", set=SMALL)
    monkeypatch.setattr("synthetic.SyntheticSource.batches", lambda *_: pytest.fail("the model was run"))
    again = darkframe.run("synthetic", "pca", set=SMALL)
    assert again.results.collect.reused
    found = again.results.doctor
    assert found.form == "recorded"
    assert found.tokens == 2500
    assert found.ledger == first.results.diagnose.ledger
    assert found.check("fvu").verdict == first.results.doctor.check("fvu").verdict


def test_without_activations_kept_the_ledger_is_enough():
    without = {**SMALL, "study": {**SMALL["study"], "keep_activations": False}}
    darkframe.run("synthetic", "pca", set=without)
    found = darkframe.run("synthetic", "pca", set=without).results.doctor
    assert found.form == "recorded"
    assert found.check("all-ones").verdict == "not known"


def test_a_resumed_run_is_not_examined_again(monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("darkframe.studies.dark_matter.pca", stop)
        with pytest.raises(KeyboardInterrupt) as caught:
            darkframe.run("synthetic", "pca", set=SMALL)
    run = api.run_path_of(caught.value)
    monkeypatch.setattr(examine, "examine", lambda *_, **__: pytest.fail("examined again"))
    monkeypatch.setattr(examine, "examine_recorded", lambda *_, **__: pytest.fail("examined again"))
    assert darkframe.run(resume=run).results.doctor.form == "short"


def test_a_wrong_site_is_said_loudly_where_the_figures_let_it_pass(tmp_path):
    told, text = Told(), few_documents(tmp_path / "few.jsonl")
    study = {"study.nulls": 1, "study.null_directions": 10, "study.seeds": "42", "decomposer.n_components": 2}
    source = {"source.bos": False, "source.text": text, "source.batch_size": 4}
    result = darkframe.run("tiny", "pca", tokens=600, set=source | study, progress=told)
    assert result.results.doctor.verdict == "wrong"
    assert not result.results.doctor.forced
    assert any(line.startswith("wrong: BOS first: no; expected yes (the SAE's cfg.json)") for line in told.doctor())
    assert any("BOS first" in caution for caution in result.results.conclusion.cautions)


def test_l0_off_by_more_than_half_stops_a_run(tmp_path):
    folder, text = copy_assets(tmp_path / "assets", figures={"l0": 40.0}), few_documents(tmp_path / "few.jsonl")
    with pytest.raises(WiringError, match=r"features fire on a token where 40\.0 are published \(off by more than 50%\)"):
        darkframe.run("tiny", "pca", tokens=600, set={"source.assets": folder, "source.text": text, "source.batch_size": 4})


def test_the_residual_stream_given_to_the_sae_of_an_mlp(tmp_path):
    folder = make_assets(tmp_path / "assets", metadata={"hook_name": "h.2.mlp"})
    right = api.doctor("tiny", set={"source.assets": str(folder)}, tokens=300)
    assert right.check("hook-point").verdict == "pass"
    wrong = {"source.assets": str(folder), "source.hook_point": "blocks.3.hook_resid_pre"}
    found = api.doctor("tiny", set=wrong, tokens=300)
    assert found.check("hook-point").verdict == found.verdict == "wrong"
    assert "reads the output of an MLP, but gets the residual stream" in found.check("hook-point").cause
    assert "source.hook_point=h.2.mlp" in found.check("hook-point").cause
    with pytest.raises(WiringError, match="reads the output of an MLP, but gets the residual stream"):
        darkframe.run("tiny", "pca", set=wrong)


# ---------------------------------------------------------------- the command


def invoke(*args):
    return CliRunner().invoke(command, [*args], catch_exceptions=False)


def test_the_command_prints_a_table_that_fits(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = few_documents(tmp_path / "few.jsonl")
    done = invoke("doctor", "--tokens", "600", "--set", f"source.text={text}", "--set", "source.bos=false")
    assert done.exit_code == 1
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "WRONG" in done.stdout
    assert "source.bos=true" in " ".join(done.stdout.split())


def test_the_commands_json_and_exit_code_where_all_is_well(tmp_path):
    text = few_documents(tmp_path / "few.jsonl")
    done = invoke("doctor", "--source", "tiny", "--json", "--tokens", "600", "--set", f"source.text={text}")
    record = json.loads(done.stdout)
    assert done.exit_code == (1 if record["verdict"] == "wrong" else 0) == 0
    assert record["form"] == "full"
    assert record["tokens"] == 600
    assert {"name", "verdict", "found", "expected", "by", "cause", "value"} <= set(record["checks"][0])
    assert len(record["ledger"]) == 11
    assert record["losses"]["clean"] < record["losses"]["sae"] < record["losses"]["zero"]


def test_doubtful_is_no_failure():
    assert invoke("doctor", "--source", "synthetic", "--tokens", "600").exit_code == 0


@pytest.mark.parametrize(
    "args, sentence",
    [
        (("--source", "tinny"), "Did you mean"),
        (("--set", "decomposer.n_components=3"), "darkframe doctor takes parameters of the source"),
        (("--tokens", "0"), "tokens"),
        (("--set", "source.boss=1"), "source.bos"),
    ],
)
def test_the_users_mistakes_are_one_sentence(args, sentence):
    done = invoke("doctor", *args)
    assert done.exit_code == 2
    assert sentence in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_activations_that_are_not_finite_are_one_sentence():
    done = invoke("doctor", "--source", "synthetic", "--set", "source.nan_token=5")
    assert done.exit_code == 1
    assert "NaN" in done.stderr
    assert "Traceback" not in done.stderr


def test_parameters_of_others_are_refused_from_python_too():
    with pytest.raises(ParameterError, match=r"study\.nulls means nothing here"):
        api.doctor("synthetic", set={"study": {"nulls": 2}})


def test_a_run_that_stops_exits_with_2_and_can_be_forced():
    blind = [
        f"--set={kind}.{name}={value}" for kind, values in BLIND.items() for name, value in values.items() if kind != "study"
    ]
    stopped = invoke("run", "--source", "synthetic", "--decomposer", "pca", *blind)
    assert stopped.exit_code == 2
    assert "darkframe doctor --source synthetic" in " ".join(stopped.stderr.split())
    quick = ["--set=study.nulls=1", "--set=study.null_directions=10", "--set=study.seeds=42", "--set=study.interpret=1"]
    assert invoke("run", "--source", "synthetic", "--decomposer", "pca", "--force", *quick, *blind).exit_code == 0


def test_help_imports_nothing_heavy():
    code = "import sys; from darkframe.cli.group import darkframe as c\ntry: c(['doctor', '--help'])\nexcept SystemExit: pass\n"
    code += "assert not {'numpy', 'torch'} & set(sys.modules), 'heavy'"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "wired as it was trained" in done.stdout
