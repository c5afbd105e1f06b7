"""Killed at any line and resumed, collection ends in the bytes of an undisturbed run."""

from support.killing import kill_in_subprocess


def test_killed_collection_goes_on_to_the_same_bytes(tmp_path):
    arguments = {"held": 4000, "d_model": 12, "n_features": 24, "firing": 4, "massive": 0.01, "mean": 50.0}
    report = kill_in_subprocess("jobs:collect_job", arguments, seed=7, kills=24, folder=tmp_path)
    assert "error" not in report, (report["error"], report["stderr"])
    assert report["kills"] >= 24
    assert report["finished"] >= 1
    assert {path.rsplit("/", 1)[1] for path in report["files"]} >= {"residuals.npy", "activations.npy", "statistics.safetensors"}
