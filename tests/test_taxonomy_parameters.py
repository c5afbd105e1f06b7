"""Parameters that the dictionary rules out are refused before anything is computed, and leave nothing behind."""

import pytest
from click.testing import CliRunner

from darkframe.cli.group import darkframe


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--set", "pca_dims=161"], "taxonomy.pca_dims is 161, but 1,920 rows of 160 dimensions have at most 160 principal axes"),
        (
            ["--set", "pca_dims=50", "--set", "sample=20"],
            "taxonomy.pca_dims is 50, but 20 rows of 160 dimensions have at most 19",
        ),
        (
            ["--set", "pca_dims=50", "--set", "check_rows=30"],
            "but 30 (taxonomy.check_rows) rows of 160 dimensions have at most 29",
        ),
        (["--decomposer", "pca", "--set", "pca_dims=161"], "taxonomy.pca_dims is 161"),
    ],
)
def test_more_pca_dimensions_than_there_are(arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(darkframe, ["run", "--clusterer", "smart", *arguments])
    assert told.exit_code == 2
    assert sentence in told.stderr
    assert "--resume" not in told.stderr, "a resumed run could not be put right"
    assert not list((tmp_path / "runs").glob("*"))
