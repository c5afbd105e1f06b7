"""Killed at any line of the store and the studies, and resumed, the whole study ends in the bytes of an undisturbed run."""

from support.killing import kill_in_subprocess


def test_a_killed_study_goes_on_to_the_same_bytes(tmp_path):
    arguments = {"held": 2000, "d_model": 12, "n_features": 24, "firing": 4, "known": 2, "novel": 2, "massive": 0.01}
    report = kill_in_subprocess("jobs:study_job", arguments, seed=11, kills=20, folder=tmp_path)
    assert "error" not in report, (report["error"], report["stderr"])
    assert report["kills"] >= 20
    names = {path.rsplit("/", 1)[1] for path in report["files"]}
    assert names >= {"residuals.npy", "directions.npy", "sources.npy", "statistics.safetensors", "results.json"}
