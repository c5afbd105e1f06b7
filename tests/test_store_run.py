"""Run directories: made, opened, refused; steps that count only when whole."""

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.fake_results import fake_results

from darkframe.errors import OutputError, StoreError
from darkframe.store.run import RunDir


@pytest.fixture
def run(tmp_path):
    run = RunDir.create(tmp_path / "run", {"seed": 42})
    yield run
    run.close()


def test_a_run_is_made_and_opened_again(run):
    run.update(status="done", collection={"key": "k", "path": "p"})
    again = RunDir.open(run.path)
    assert again.manifest == run.manifest
    assert again.manifest["config"] == {"seed": 42}
    assert again.manifest["status"] == "done"
    run.log("one line")
    assert (run.path / "log.txt").read_text().endswith(" one line\n")


def test_folders_that_are_taken_or_are_not_runs(tmp_path, run):
    with pytest.raises(OutputError, match=r"not empty.*--out.*--resume"):
        RunDir.create(run.path, {})
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="not a folder"):
        RunDir.create(tmp_path / "file", {})
    with pytest.raises(OutputError, match="does not exist"):
        RunDir.open(tmp_path / "nothing")
    with pytest.raises(OutputError, match=r"no manifest\.json"):
        RunDir.open(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".lock").touch()
    (tmp_path / "empty" / ".manifest.json.1.darkframe-tmp").touch()  # a run that was killed before its first manifest
    RunDir.create(tmp_path / "empty", {}).close()
    assert sorted(path.name for path in (tmp_path / "empty").iterdir()) == [".lock", "manifest.json"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text('{"name": "web app"}')
    with pytest.raises(OutputError, match="not a run of darkframe"):
        RunDir.open(tmp_path / "other")


def test_another_version_and_damage(run):
    manifest = run.path / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"schema": 1', '"schema": 9'))
    with pytest.raises(StoreError, match="schema 9"):
        RunDir.open(run.path)
    manifest.write_text(text[:-10])
    with pytest.raises(StoreError, match="not JSON"):
        RunDir.open(run.path)


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    def refused(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(OutputError, match=r"run is not writable.*another folder"):
        RunDir.create(tmp_path / "run", {})


def test_a_parent_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="could not be written"):
        RunDir.create(tmp_path / "file" / "run", {})


def test_a_step_is_done_for_its_inputs_only(run):
    step = run.step("pca", {"rows": "abc", "k": 3})
    assert not step.done
    with pytest.raises(StoreError, match="has not finished"):
        step.load()
    with step.writer("sources", (5, 2), np.float32) as out:
        out.append(np.ones((3, 2)))
        out.append(np.zeros((2, 2)))
    assert not step.done
    step.save({"n": 3, "bad": float("nan")}, {"variances": np.arange(4.0)})
    assert step.done
    record, arrays = RunDir.open(run.path).step("pca", {"k": 3, "rows": "abc"}).load()
    assert record == {"n": 3, "bad": None}
    assert arrays["sources"].shape == (5, 2)
    assert arrays["sources"].dtype == np.float32
    np.testing.assert_array_equal(arrays["variances"], np.arange(4.0))
    assert not run.step("pca", {"rows": "abc", "k": 4}).done
    np.testing.assert_array_equal(run.array("variances"), np.arange(4.0))
    assert list(run.arrays()) == ["pca/sources", "pca/variances"]


def test_saving_again_replaces_the_step(run):
    run.step("pca", {"k": 1}).save({}, {"old": np.ones(2)})
    run.step("pca", {"k": 2}).save({"k": 2}, {"new": np.ones(3)})
    assert not run.step("pca", {"k": 1}).done
    assert list(run.arrays()) == ["pca/new"]


def test_a_step_cut_short_leaves_the_finished_one(run):
    run.step("pca", {"k": 1}).save({"k": 1}, {"a": np.ones(2)})
    step = run.step("pca", {"k": 2})
    with pytest.raises(RuntimeError), step.writer("a", (5,), "<f4") as out:
        out.append(np.ones(2))
        raise RuntimeError
    assert run.step("pca", {"k": 1}).done
    with pytest.raises(ValueError, match="2 rows instead of 5"), run.step("pca", {"k": 2}).writer("a", (5,), "<f4") as out:
        out.append(np.ones(2))
    np.testing.assert_array_equal(run.array("a"), np.ones(2))


def test_arrays_are_found_or_the_choice_is_named(run):
    run.step("pca", {}).save({}, {"directions": np.ones(2)})
    run.step("ica", {}).save({}, {"directions": np.zeros(2)})
    with pytest.raises(StoreError, match=r"ica/directions, pca/directions"):
        run.array("directions")
    np.testing.assert_array_equal(run.array("ica/directions"), np.zeros(2))
    with pytest.raises(StoreError, match=r"no array 'x'; it has ica/directions"):
        run.array("x")


def test_a_truncated_array_of_a_step(run):
    run.step("pca", {}).save({}, {"a": np.arange(100.0)})
    path = run.path / "steps" / "pca" / "a.npy"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(StoreError, match=r"a\.npy is damaged"):
        run.step("pca", {}).load()


def test_results_before_the_end(run):
    with pytest.raises(OutputError, match=r"no results yet.*--resume"):
        run.results()


def test_one_writer_at_a_time(run):
    run.update(status="running")
    code = (
        "import sys; from darkframe.store.run import RunDir; from darkframe.errors import OutputError\n"
        f"run = RunDir.open({str(run.path)!r})\n"
        "try: run.update(status='done')\n"
        "except OutputError as error: sys.exit(7 if 'another process' in str(error) else 1)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 7
    run.close()
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_results_come_back_as_they_were_written(run):
    results = fake_results()
    run.write_results(results)
    assert RunDir.open(run.path).results() == results
