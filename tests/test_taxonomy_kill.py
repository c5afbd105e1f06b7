"""Killed at any line of the store and the studies, and resumed, the taxonomy study ends in the bytes of an undisturbed run."""

from support.killing import kill_in_subprocess


def test_a_killed_taxonomy_goes_on_to_the_same_bytes(tmp_path):
    report = kill_in_subprocess("taxonomy_jobs:taxonomy_job", {}, seed=5, kills=15, folder=tmp_path)
    assert "error" not in report, (report["error"], report["stderr"])
    assert report["kills"] >= 15
    names = {path.rsplit("/", 1)[1] for path in report["files"]}
    assert names >= {"taxonomy_labels.npy", "cluster_tokens.npy", "feature_tokens.npy", "taxonomy.json"}
    assert any(name.startswith("model_") for name in names)
