"""The study on arrays: the numbers of the source they were collected from, planted truth, and the documentation's own example."""

import gzip
import itertools
import os
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from support.planted import ICAParams, config, directions, sparse_sources, study

import darkframe
from darkframe.errors import UserError
from darkframe.interfaces import SourceContext
from darkframe.lm.texts import shipped_text
from darkframe.numerics.matching import cosines, one_to_one
from darkframe_arrays.plugin import ArraysParams
from darkframe_arrays.source import ArraysSource
from darkframe_pca.pca import PCA
from darkframe_pca.plugin import PCAParams
from darkframe_tiny.plugin import TinyParams
from darkframe_tiny.source import TinySource

DOCS = Path(__file__).parents[1] / "docs" / "own-activations.md"
TOKENS = 5000


def pca_study(source, folder):
    chosen = replace(config(6, seeds=(42,), nulls=1, null_directions=20), tokens=TOKENS)
    return study(source, folder, chosen, lambda _: PCA(PCAParams(n_components=6)))


def test_tinys_arrays_give_tinys_numbers(tmp_path):
    with gzip.open(shipped_text(), "rt", encoding="utf-8") as lines:
        (tmp_path / "text.jsonl").write_text("".join(itertools.islice(lines, 30)), encoding="utf-8")
    tiny = TinySource(TinyParams(text=str(tmp_path / "text.jsonl")), SourceContext())
    assets = Path(sys.modules[TinySource.__module__].__file__).parent / "assets"
    batches = [batch for batch, _ in zip(tiny.batches(), range(2))]
    for name in ("x", "tokens", "documents", "positions", "special"):
        flat = np.concatenate([np.asarray(getattr(batch, name)) for batch in batches])
        np.save(tmp_path / f"{name}.npy", flat.reshape(64, 128, *flat.shape[1:]))
    files = {name: (tmp_path / f"{name}.npy",) for name in ("tokens", "documents", "positions", "special")}
    params = ArraysParams(
        activations=(tmp_path / "x.npy",), **files, tokenizer=assets / "model", dictionary=assets / "sae", batch_size=32 * 128
    )
    (expected, expected_run), (got, run) = (
        pca_study(source, tmp_path / name) for name, source in [("a", tiny), ("b", ArraysSource(params, SourceContext()))]
    )
    assert [asdict(entry) for entry in got.diagnose.ledger] == [asdict(entry) for entry in expected.diagnose.ledger]
    assert got.match == expected.match
    assert got.interpret == expected.interpret
    assert asdict(got.conclusion) == asdict(expected.conclusion)
    for name in ("directions", "sources"):
        np.testing.assert_array_equal(run.array(name), expected_run.array(name))


def test_planted_truth_is_recovered_from_files(tmp_path):
    """Four code dimensions that the dictionary reconstructs, and beside them sources along directions it holds or lacks."""
    rng = np.random.default_rng(7)
    n, d, k, inside = 12_000, 16, 6, 3
    mixing = directions(k, d, 3)
    planted = 2 * sparse_sources(n, k, 3) @ mixing + 0.1 * rng.standard_normal((n, d))
    code = (rng.random((n, 4)) < 0.3) * 8.0 + 0.3 * rng.standard_normal((n, 4))
    x = np.concatenate([code, planted], axis=1).astype(np.float32)
    for number, part in enumerate(np.split(x, 3)):
        np.save(tmp_path / f"x-{number}.npy", part)
    decoder = np.zeros((40, d + 4), np.float32)
    decoder[:4, :4] = np.eye(4)
    decoder[4 : 4 + inside, 4:] = mixing[:inside]
    fill = rng.standard_normal((40 - 4 - inside, d))
    axes = np.linalg.svd(mixing[inside:], full_matrices=False)[2]
    decoder[4 + inside :, 4:] = fill - fill @ axes.T @ axes
    encoder, bias = np.zeros((d + 4, 40), np.float32), np.full(40, -1, np.float32)
    encoder[:4, :4] = np.eye(4)
    np.savez(tmp_path / "sae.npz", W_dec=decoder, W_enc=encoder, b_enc=bias)
    source = ArraysSource(
        ArraysParams(
            activations=(tmp_path / "x-*.npy",),
            dictionary=tmp_path / "sae.npz",
            activation="jumprelu",
            threshold=3.0,
            document_rows=45,
        ),
        SourceContext(),
    )
    results, run = study(
        source, tmp_path / "study", replace(config(k), decomposer=replace(config(k).decomposer, params=ICAParams(k)))
    )
    match = one_to_one(cosines(mixing, np.asarray(run.array("directions"))[:, 4:]))
    assert match.values.min() > 0.95
    named = [results.match.components[j] for j in match.right]
    assert [c.label for c in named] == ["known"] * inside + ["novel"] * (k - inside)
    assert [c.feature for c in named[:inside]] == [4, 5, 6]
    assert all(c.beats_null for c in named)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"source.dictionary": "W_dec.npy"},
            r"needs activations and a dictionary that encodes; .* Name the activations .* has no encoder",
        ),
        ({"source.activations": "x.npy"}, r"needs a dictionary; the source 'arrays', as it is set, has none\. Name the SAE"),
        (
            {"source.activations": "x.npy", "source.dictionary": "W_dec.npy"},
            r"needs a dictionary that encodes; .* has no encoder",
        ),
    ],
)
def test_the_study_says_what_it_needs_before_it_begins(tmp_path, monkeypatch, given, words):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.zeros((5, 3), np.float32))
    np.save("W_dec.npy", np.ones((7, 3), np.float32))
    with pytest.raises(UserError, match=words):
        darkframe.run("arrays", set=given, out="run")
    assert not Path("run").exists()


def test_the_documentation_runs(tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"```(python|sh|text|toml)\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (collect, refused), (shell,) = ([text for kind, text in blocks if kind == wanted] for wanted in ("python", "sh"))
    (tmp_path / "collect.py").write_text(collect)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment |= {"DARKFRAME_CACHE": str(tmp_path / "cache"), "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(["bash", "-e", "-c", shell], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    results = darkframe.load(tmp_path / "study").results
    assert results.collect.tokens_kept == (~np.load(tmp_path / "special.npy")).sum()
    assert "each row counts as one" in results.collect.packing
    monkeypatch.chdir(tmp_path)
    exec(refused, {})
    assert capsys.readouterr().out == next(text for kind, text in blocks if kind == "text")
    toml = next(text for kind, text in blocks if kind == "toml")
    assert set(darkframe.config.read_mapping(__import__("tomllib").loads(toml))) == {"run", "source"}
