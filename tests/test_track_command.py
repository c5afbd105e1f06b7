"""``darkframe track``: the command on the embedded model's checkpoints, and from Python on one's own; what bad input gets."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from fake_distributions import Site
from safetensors.numpy import save_file
from support.planted_rows import study
from support.planted_track import rows_of

import darkframe
from darkframe import DataError, ParameterError, SourceContext, UserError
from darkframe.api.tracking.plan import recorded_tracking
from darkframe.cli.group import darkframe as command
from darkframe.config.grid import parse_values, read_values
from darkframe.config.parameters import parameters
from darkframe.errors import OutputError
from darkframe.plugin import SourceInfo
from darkframe.registry import Registry
from darkframe.report.tracking import figures
from darkframe.store.run import RunDir
from darkframe.studies.tracking import follow
from darkframe_tiny.plugin import TinyParams
from darkframe_tiny.source import TinySource

PLAN = ([0] * 12 + [1] * 8, [0] * 6 + [2] * 6 + [1] * 8, [0] * 8 + [2] * 12)
D = 12
FAST = {"taxonomy.nulls": 1, "clusterer.rho": 0.8}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Three checkpoints as files of weights."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for step, plan in enumerate(PLAN):
        save_file({"W_dec": rows_of(plan, d=D)}, folder / f"step{step}000.safetensors")
    return sorted(folder.glob("*.safetensors"))


def over(files):
    return {"source.dictionary": [str(file) for file in files]}


@pytest.fixture(scope="module")
def tracked(files, tmp_path_factory):
    """A finished tracking of them."""
    out = tmp_path_factory.mktemp("tracked") / "run"
    return darkframe.track("arrays", "gpu-fuzzyart", over=over(files), set=FAST, out=out)


@pytest.fixture
def no_pictures(monkeypatch):
    """Draw nothing: the pictures are looked at elsewhere."""
    monkeypatch.setattr(figures, "TRACKING_FIGURES", {})


# ------------------------------------------------------------ the command


def test_the_installed_command_tracks_the_embedded_checkpoints(tmp_path):
    call = [Path(sys.executable).with_name("darkframe"), "track", "--clusterer", "gpu-fuzzyart", "--quick", "--json"]
    environment = {"DARKFRAME_CACHE": str(tmp_path / "cache"), "PATH": "", "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    small = ["--set", "taxonomy.sample=300", "--set", "taxonomy.nulls=1", "--out", str(tmp_path / "run")]
    done = subprocess.run([*call, *small], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert [checkpoint["value"] for checkpoint in results["checkpoints"]] == ["0", "1", "2", "3", "4"]
    assert [checkpoint["details"]["step"] for checkpoint in results["checkpoints"]] == [100, 400, 1250, 2750, 5000]
    cosines = [checkpoint["cosine"] for checkpoint in results["checkpoints"][1:]]
    assert cosines[-1] == max(cosines) > 0.95  # the last fifth of the training changes least
    (level,) = results["levels"]
    last = level["steps"][-1]
    assert last["known"] == last["resonant"] + last["dormant"]
    assert last["passed"] > 3 * max(value for null in last["nulls"] for value in null["passed"])
    assert last["kept"] > 10 * last["kept_by_chance"]
    assert any(category["tokens"] for category in results["categories"])
    assert {"tracking.html", "tracking.json", "categories.csv", "figures/tracking_overview.png"} <= set(results["files"])
    assert "✓ conclude" in done.stderr
    shown = CliRunner().invoke(command, ["show", str(tmp_path / "run"), "--table", "steps", "--json"])
    assert shown.exit_code == 0, shown.output
    assert [row["resonant"] for row in json.loads(shown.output)] == [step["resonant"] for step in level["steps"]]


def test_every_checkpoint_of_tiny_is_a_dictionary_without_an_encoder():
    source = TinySource(TinyParams(checkpoint=2), SourceContext())
    assert source.card().details["sae"] == {"checkpoint": 2, "step": 1250, "tokens_seen": 5_120_000}
    assert source.dictionary().W_dec.shape == (1920, 160)
    assert source.dictionary().W_enc is None
    with pytest.raises(DataError, match="directions alone"):
        source.dictionary().encode(source.dictionary().W_dec[:2])
    assert not TinySource(TinyParams(), SourceContext()).lacks()
    with pytest.raises(ParameterError, match=r"no checkpoint 9; there are 0, 1, 2, 3, 4 and final"):
        TinySource(TinyParams(checkpoint=9), SourceContext())
    with pytest.raises(UserError, match="dictionary that encodes"):
        darkframe.run(set={"source.checkpoint": 1})


# ------------------------------------------------------------ from Python


def test_checkpoints_in_files_are_tracked_in_the_order_given(tracked, files):
    results = tracked.results
    assert [checkpoint.value for checkpoint in results.checkpoints] == [str(file) for file in files]
    (level,) = results.levels
    assert [(step.resonant, step.dormant, step.new) for step in level.steps] == [(0, 0, 2), (2, 0, 1), (2, 1, 0)]
    assert [step.growing for step in level.steps] == [0, 0, 2]
    assert results.junk.note.startswith("The source has no unembedding")
    frame = tracked.tables["categories"]
    assert frame[["step_0", "step_1", "step_2"]].to_numpy().tolist() == [[0, 6, 12], [12, 6, 8], [8, 8, 0]]
    assert frame["state"].tolist() == ["growing", "growing", "dormant"]
    assert tracked.arrays["track_labels"].shape == (3, 1, 20)
    assert "tracking_overview" in tracked.figures
    assert "step0000 to step2000" in repr(tracked)
    assert "<script" not in tracked._repr_html_()
    assert str(tracked.path) in tracked.summary()
    assert max(map(len, tracked.summary(70).splitlines())) < 200
    loaded = darkframe.load(tracked.path)
    assert loaded.results == results or json.loads(loaded.json()) == json.loads(tracked.json())


def test_the_order_given_is_the_training_order(files, tmp_path, no_pictures):
    back = darkframe.track("arrays", "gpu-fuzzyart", over=over(files[::-1]), set=FAST, out=tmp_path / "run")
    assert [(step.resonant, step.dormant, step.new) for step in back.results.levels[0].steps] == [(0, 0, 2), (2, 0, 1), (2, 1, 0)]
    assert back.results.levels[0].steps[0].largest_share == 12 / 20


def test_a_stopped_tracking_is_resumed_to_the_same_bytes(files, tracked, tmp_path, monkeypatch, no_pictures):
    real, calls = follow.described, []

    def stop(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(follow, "described", stop)
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt) as stopped:
        darkframe.track("arrays", "gpu-fuzzyart", over=over(files), set=FAST, out=out)
    assert any("darkframe.track(resume=" in note for note in stopped.value.__notes__)
    with pytest.raises(UserError, match="is a tracking"):
        darkframe.run(resume=out)
    with pytest.raises(UserError, match="darkframe track --resume"):
        darkframe.load(out)
    with pytest.raises(UserError, match="another --over"):
        darkframe.track(over=over(files[:2]), resume=out)
    finished = darkframe.track(resume=out)
    assert len(calls) == 4  # the first step was kept, the second taken again
    for name in ("track_labels", "track_sizes", "model_weights_0"):
        assert np.asarray(finished.arrays[name]).tobytes() == np.asarray(tracked.arrays[name]).tobytes()
    assert finished.results.levels == tracked.results.levels or str(finished.results.levels) == str(tracked.results.levels)
    assert darkframe.track(resume=out).path == out.absolute()  # a finished one is opened


def test_it_begins_from_a_model_only_as_that_was_fitted(files, tmp_path, no_pictures):
    folder = tmp_path / "taxonomy"
    results, run = study(
        rows_of([0] * 8 + [1] * 8 + [2] * 4, d=D),
        folder,
        "gpu-fuzzyart",
        clusterer_params={"rho": 0.8},
        keep_model=True,
        nulls=0,
        orders=1,
    )
    run.write_taxonomy(results)
    run.close()
    light = {"taxonomy.nulls": 0}
    went = darkframe.track("arrays", over=over(files[1:]), model=folder, set=light, out=tmp_path / "run")
    assert went.results.clusterer["name"] == "gpu-fuzzyart"
    assert went.results.model.rows == 20
    assert [(step.resonant, step.dormant, step.new) for step in went.results.levels[0].steps] == [(3, 0, 0), (2, 1, 0)]
    assert recorded_tracking(RunDir.open(went.path), Registry.discover()).config.model == folder
    one = darkframe.track("arrays", over=over(files[:1]), model=folder, set=light, out=tmp_path / "one")
    assert (one.results.levels[0].steps[0].known, one.results.levels[0].steps[0].dormant) == (3, 1)
    with pytest.raises(UserError, match=r"is one of the clusterer 'gpu-fuzzyart'; 'smart' cannot go on with it"):
        darkframe.track("arrays", "smart", over=over(files), model=folder)
    with pytest.raises(UserError, match=r"fitted with clusterer.rho=0.8; it cannot go on with 0.5"):
        darkframe.track("arrays", over=over(files), model=folder, set={"clusterer.rho": 0.5})
    with pytest.raises(UserError, match=r"fitted with taxonomy.pca_dims=none; it cannot go on with 3"):
        darkframe.track("arrays", over=over(files), model=folder, set=["pca_dims=3"])
    with pytest.raises(UserError, match="no taxonomy study"):
        darkframe.track("arrays", over=over(files), model=went.path)
    with pytest.raises(OutputError, match="does not exist"):
        darkframe.track("arrays", over=over(files), model=tmp_path / "nothing")


# ------------------------------------------------------------ what bad input gets


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"over": "source.checkpoint=3"}, r"one checkpoint alone, source.checkpoint=3"),
        ({"over": "source.checkpoint=1,2,1"}, r"names source.checkpoint=1 twice"),
        ({"over": "source.checkpiont=1,2"}, r"no parameter 'checkpiont'. Did you mean 'checkpoint'"),
        ({"over": "source.checkpoint=0,,2"}, r"empty value"),
        ({"over": "source.checkpoint=0,late"}, r"source.checkpoint must be an integer ≥ 0 or one of final"),
        ({"over": "source.checkpoint=0,17"}, r"no checkpoint 17"),
        ({"over": "clusterer.rho=0.1,0.2"}, r"takes a parameter of the source.*darkframe sweep"),
        ({"over": "checkpoint"}, r"--over takes KIND.KEY"),
        ({"over": {"source.checkpoint": [0, 1], "source.dtype": ["float32"]}}, r"one parameter and its values, not 2"),
        ({"set": {"source.checkpoint": 1}}, r"source.checkpoint is set, but it is what is tracked over"),
        ({"set": {"taxonomy.orders": 5}}, r"taxonomy.orders is set, but darkframe track has no use for it"),
        ({"set": {"study.nulls": 5, "run.decomposer": "pca"}}, r"study.nulls, --decomposer is set"),
        ({"set": {"clusterer.rho": "0.9,0.2"}}, r"rho"),
        ({"source": "arrays"}, r"'arrays' does not say which of its parameters names a checkpoint"),
        ({"source": "nobody"}, r"nobody"),
        ({"resume": "nowhere"}, r"does not exist"),
    ],
)
def test_bad_input_is_one_clear_sentence_and_leaves_nothing(options, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=words) as refused:
        darkframe.track(**options)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_source_without_a_dictionary_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "a.npy", np.zeros((4, 3), np.float32))
    np.save(tmp_path / "b.npy", np.ones((4, 3), np.float32))
    files = [str(tmp_path / name) for name in ("a.npy", "b.npy")]
    with pytest.raises(UserError, match="needs a dictionary; the source 'arrays', as it is set, has none"):
        darkframe.track("arrays", over={"source.activations": [[file] for file in files]})


STILL = """
import darkframe

class Still:
    def __init__(self, params):
        pass

    def fit(self, vectors, context):
        raise NotImplementedError

@darkframe.hookimpl
def darkframe_clusterers():
    yield darkframe.ClustererInfo("still", "still_plugin:Still", "Does not go on.")
"""


def test_a_clusterer_that_does_not_go_on_learning_is_refused_with_those_that_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    site = Site(tmp_path / "site")
    site.install("still", {"still": "still_plugin"}, {"still_plugin.py": STILL})
    words = r"'still' cannot be tracked: it does not go on learning.*gpu-fuzzyart.*smart"
    with site.active(), pytest.raises(UserError, match=words):
        darkframe.track(clusterer="still")
    assert not (tmp_path / "runs").exists()


def test_checkpoints_of_other_shapes_leave_no_run(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_file({"W_dec": rows_of(PLAN[0], d=8)}, tmp_path / "narrow.safetensors")
    with pytest.raises(UserError, match=r"20 features of 12 dimensions and .* has 20 features of 8"):
        darkframe.track("arrays", "gpu-fuzzyart", over=over([files[0], tmp_path / "narrow.safetensors"]))
    assert not list(Path("runs").glob("*"))


def test_values_are_read_by_their_declaration():
    declared = parameters(TinyParams)
    assert read_values(declared["checkpoint"], "0, 3 ,final", "source.checkpoint") == (0, 3, "final")
    assert read_values(declared["assets"], ["/a,b"], "source.assets") == (Path("/a,b"),)
    lists = parameters(type(Registry.discover().get("clusterer", "smart").info.params()))["rho"]
    assert read_values(lists, "0.2,0.8; 0.2,0.5,0.8", "clusterer.rho") == ((0.2, 0.8), (0.2, 0.5, 0.8))
    assert parse_values(" source.checkpoint = 1,2 ", "--over") == ("source", "checkpoint", "1,2")
    with pytest.raises(ValueError, match="must read"):
        SourceInfo(name="x", target="a:B", summary="", over="checkpoint=1")
