"""Killed at any line of the store and the studies, and resumed, a tracking ends in the bytes of an undisturbed one."""

from support.killing import kill_in_subprocess


def test_a_killed_tracking_goes_on_to_the_same_bytes(tmp_path):
    report = kill_in_subprocess("jobs_track:track_job", {}, seed=7, kills=12, folder=tmp_path)
    assert "error" not in report, (report["error"], report["stderr"])
    assert report["kills"] >= 12
    names = {path.rsplit("/", 1)[1] for path in report["files"]}
    assert names >= {"track_labels.npy", "track_sizes.npy", "model_weights_0.npy", "results.json"}
