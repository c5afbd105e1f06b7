"""A realistic finished run, made up: results, arrays and a run directory, with hostile token text in it."""

from __future__ import annotations

import atexit
import dataclasses
import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np

from darkframe.results import (
    Collect,
    Compare,
    ComponentExamples,
    ComponentMatch,
    Conclusion,
    DarkMatterResults,
    Decompose,
    Diagnose,
    Example,
    Interpret,
    KurtosisSummary,
    LedgerEntry,
    Massive,
    MassiveToken,
    Match,
    NullSummary,
    PairStability,
    Pca,
    PcaSummary,
    Stability,
)
from darkframe.store.run import RunDir

D, K, N, F = 64, 24, 600, 512
HOSTILE = [
    "<script>alert(1)</script>",
    "[bold red]x[/]",
    " $x_$",
    "\x1b[31mred\x1b[0m",
    "a\nb\r",
    "\u202eevil\u2066",
    "nul\x00",
    " 日本",
    "\ud800",
    "&amp;\"'",
    "שלום",
    "\x9b2J",
]
TITLES = {
    "isotropic": "Random unit vectors, uniform on the sphere.",
    "rotation": "Random rotations within the whitened space: the residual's covariance, no independence.",
    "elliptical": "Each row's whitened direction replaced by a random one of the same length, put through the decomposer.",
}


def _kurtosis(values: np.ndarray) -> KurtosisSummary:
    v = np.asarray(values, float)
    return KurtosisSummary(
        len(v), v.mean(), float(np.median(v)), v.std(), v.min(), v.max(), int((v > 1).sum()), int((v > 3).sum())
    )


def _null(name: str, values: np.ndarray) -> NullSummary:
    q05, q95 = np.quantile(values, [0.05, 0.95])
    return NullSummary(
        name, TITLES[name], len(values), values.mean(), float(np.median(values)), q05, q95, values.min(), values.max()
    )


def fake_arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """Arrays of the run by the names of ``darkframe.results.ARRAYS``."""
    rng = np.random.default_rng(seed)
    patterns = rng.standard_normal((K, D))
    variances = np.sort(rng.gamma(2, 1, D) * np.exp(-np.arange(D) / 20))[::-1]
    novel = rng.beta(18, 50, K)
    novel[-3:] = [0.55, 0.83, 0.91]
    kurtosis = np.concatenate([rng.gamma(2, 1.2, K - 8), rng.gamma(2, 30, 8)])
    return {
        "directions": patterns / np.linalg.norm(patterns, axis=1, keepdims=True),
        "patterns": patterns,
        "filters": rng.standard_normal((K, D)),
        "residual_mean": rng.standard_normal(D),
        "component_explained": rng.dirichlet(np.ones(K)) * 0.9,
        "sources": rng.standard_normal((N, K)).astype(np.float32),
        "residual_kurtosis": np.concatenate([rng.gamma(3, 0.5, D - 2), [14.0, 90.0]]),
        "pca_variances": variances,
        "pca_variances_all": np.concatenate([[variances.sum()], variances[1:]]),
        "component_kurtosis": kurtosis,
        "stability_index": np.clip(rng.beta(2, 2, K) + (kurtosis > 15) * 0.4, 0, 0.97),
        "replication": np.clip(rng.beta(2, 4, K) + (kurtosis > 15) * 0.6, 0, 0.99),
        "match_cosines": novel,
        "null_isotropic_cosines": rng.beta(60, 240, 1000),
        "null_rotation_cosines": rng.beta(30, 75, 1000),
        "null_elliptical_cosines": rng.beta(30, 78, 4 * K),
        "null_rotation_kurtosis": rng.gamma(8, 0.2, 1000),
        "null_elliptical_kurtosis": rng.gamma(8, 0.35, 4 * K),
        "feature_kurtosis": np.exp(rng.normal(4.5, 1.1, 300)),
    }


def _collect() -> Collect:
    worst = tuple(MassiveToken(i, text, i, 0, 4000.0 - 100 * i) for i, text in enumerate(HOSTILE[:3]))
    massive = Massive(95.2, 11.4, "median + 20 · MAD of the pilot's ‖x‖", 31, 0.43, 0.08, True, worst)
    return Collect(
        None,
        N,
        12,
        1,
        128,
        "whole documents packed into BOS-led rows",
        31.2,
        9_700.4,
        123_456_789,
        False,
        "k" * 64,
        massive,
        ("a note",),
    )


def _ledger() -> tuple[LedgerEntry, ...]:
    return (
        LedgerEntry("ev_pooled", "Explained variance, pooled", "1 − Σ‖e‖² / Σ‖x − x̄‖²", 0.8271234567, 0.81, 0.985),
        LedgerEntry("ev_variances", "Explained variance, per dimension", "1 − Σ var(e) / Σ var(x)", 0.83, 0.81, 0.98),
        LedgerEntry("l0", "Active features per token (L0)", "E‖f‖₀", 28.13, 28.2, 28.9),
        LedgerEntry("dead_features", "Features that never fired", "#{f : max f = 0}", 12.0, 12.0, 11.0),
    )


def _components(arrays: dict[str, np.ndarray]) -> tuple[ComponentMatch, ...]:
    out = []
    for i in range(K):
        cosine, kurtosis = float(arrays["match_cosines"][i]), float(arrays["component_kurtosis"][i])
        replication = float(arrays["replication"][i])
        beats = kurtosis > 9 and replication > 0.62
        out.append(
            ComponentMatch(
                component=i,
                cosine=cosine,
                feature=(37 * i) % F,
                sign=1 if i % 2 else -1,
                label="novel" if cosine <= 0.3 else "known" if cosine > 0.8 else "partial",
                quantiles={n: float((arrays[f"null_{n}_cosines"] <= cosine).mean()) for n in TITLES},
                kurtosis=kurtosis,
                kurtosis_quantiles={
                    n: float((arrays[f"null_{n}_kurtosis"] <= kurtosis).mean()) for n in ("rotation", "elliptical")
                },
                stability=float(arrays["stability_index"][i]),
                explained=float(arrays["component_explained"][i]),
                beats_null=beats,
                reason="its kurtosis lies beyond the null's cut in both halves" if beats else "its kurtosis lies within the null",
                kurtosis_halves=(kurtosis * 0.9, kurtosis * 1.1),
                replication=replication,
            )
        )
    return tuple(out)


def _match(arrays: dict[str, np.ndarray]) -> Match:
    components = _components(arrays)
    cosines = arrays["match_cosines"]
    order = np.argsort(cosines)
    labels = [c.label for c in components]
    return Match(
        known_cut=0.8,
        novel_cut=0.3,
        mean=float(cosines.mean()),
        median=float(np.median(cosines)),
        known=labels.count("known"),
        partial=labels.count("partial"),
        novel=labels.count("novel"),
        novel_beyond_null=sum(c.beats_null and c.label == "novel" for c in components),
        known_beyond_null=2,
        expected_novel={n: float((arrays[f"null_{n}_cosines"] <= 0.3).mean() * K) for n in TITLES},
        nulls=tuple(_null(n, arrays[f"null_{n}_cosines"]) for n in TITLES),
        components=components,
        most_novel=tuple(int(i) for i in order[:5]),
        most_known=tuple(int(i) for i in order[::-1][:5]),
        null_cuts={"cosine": 0.46, "kurtosis": 9.0, "kurtosis_low": -1.2, "replication": 0.62},
        null_rows=N,
        null_note="Family-wise 5 % cuts from 4 null fits.",
    )


def _examples(component: int, rng: np.random.Generator, texts: list[str]) -> ComponentExamples:
    chosen = rng.integers(0, len(texts), 20)
    values = np.sort(np.abs(rng.standard_normal(20)) * 8)[::-1] * np.where(rng.random(20) < 0.2, -1, 1)
    examples = tuple(
        Example(
            int(t),
            texts[t],
            float(v),
            int(rng.integers(12)),
            int(rng.integers(100)),
            " of the " + texts[t - 1],
            " and so on" + texts[t - 2],
        )
        for t, v in zip(chosen, values)
    )
    return ComponentExamples(component, 12.3, examples)


def _stability(arrays: dict[str, np.ndarray]) -> Stability:
    pair = PairStability("seed 42", "seed 123", 0.93, 0.41, 15, 0.91, 0.22, 15, K)
    null = PairStability("elliptical", "elliptical, other seed", 0.44, 0.3, 0, 0.38, 0.05, 0, K)
    return Stability(
        pairs=(
            pair,
            dataclasses.replace(pair, b="seed 999", matched_mean=0.89),
            dataclasses.replace(pair, a="seed 123", b="seed 999"),
        ),
        halves=PairStability("documents half a", "documents half b", 0.71, 0.2, 8, 0.66, 0.11, 8, K),
        null_pairs=(
            null,
            dataclasses.replace(null, b="elliptical, other data", matched_mean=0.345),
            dataclasses.replace(null, a="rotation", b="other rotation", matched_mean=0.36),
        ),
        index=tuple(arrays["stability_index"].tolist()),
        index_mean=float(arrays["stability_index"].mean()),
        index_null_mean=0.21,
        identifiable_matched_mean=0.97,
        replication=tuple(arrays["replication"].tolist()),
        replication_cut=0.62,
        replicated=int((arrays["replication"] > 0.62).sum()),
    )


def fake_results(texts: list[str] | None = None, seed: int = 0) -> DarkMatterResults:
    """Results of a run whose examples show ``texts`` (hostile ones by default)."""
    arrays, rng = fake_arrays(seed), np.random.default_rng(seed + 1)
    match = _match(arrays)
    shares = arrays["pca_variances"] / arrays["pca_variances"].sum()
    curve = np.cumsum(shares)
    n_90, n_95, n_99 = (int(np.searchsorted(curve, level) + 1) for level in (0.9, 0.95, 0.99))
    pca = PcaSummary(
        n_90, n_95, n_99, float(curve[9]), float(curve[49]), float(arrays["pca_variances"].sum()), tuple(shares.tolist())
    )
    beat = sum(c.beats_null for c in match.components)
    components, features = _kurtosis(arrays["component_kurtosis"]), _kurtosis(arrays["feature_kurtosis"])
    kurtosis_nulls = tuple(_null(n, arrays[f"null_{n}_kurtosis"]) for n in ("rotation", "elliptical"))
    conclusion = Conclusion(
        "structure",
        f"{beat} of {K} components hold structure beyond the null.",
        f"By the notebook's rule alone {match.novel} of {K} components are novel, and the residual holds structure the SAE "
        f"misses. Against the elliptical null {beat} remain.",
        "structure",
        beat,
        K,
        ("The fit did not converge: directions may move with more iterations.",),
    )
    return DarkMatterResults(
        schema=1,
        study="dark-matter",
        source={
            "name": "tiny",
            "model": "tiny-lm",
            "dictionary": "tiny-sae",
            "hook_point": "blocks.2.hook_resid_pre",
            "d_model": D,
            "n_features": F,
        },
        decomposer={"name": "fastica", "distribution": "darkframe", "version": "0.1.0"},
        settings={"seed": 42},
        environment={"numpy": np.__version__},
        collect=_collect(),
        diagnose=Diagnose(
            _ledger(),
            _kurtosis(arrays["residual_kurtosis"]),
            _kurtosis(arrays["residual_kurtosis"] * 2),
            False,
            "Far from Gaussian.",
        ),
        pca=Pca(pca, pca, min(n_90, 100)),
        decompose=Decompose(K, N - 31, 1000, False, 0.905, 3.2e-4, 17, 0.4, 12.5, ("FastICA stopped at max_iter 1000.",)),
        stability=_stability(arrays),
        match=match,
        interpret=Interpret(tuple(_examples(int(i), rng, texts or HOSTILE) for i in np.argsort(arrays["match_cosines"])[:10])),
        compare=Compare(0.001, 300, components, features, components, features, kurtosis_nulls),
        conclusion=conclusion,
        seconds={"collect": 31.2, "decompose": 12.5},
    )


def fake_run(
    path: Path, results: DarkMatterResults | None = None, *, status: str = "done", seed: int = 0, collection: Path | None = None
) -> RunDir:
    """A run directory with these results and its arrays, and the collection (a cache entry) it was made from."""
    run = RunDir.create(path, {"source": "tiny"})
    run.step("decompose", {"seed": seed}).save({}, fake_arrays(seed))
    run.write_results(results or fake_results(seed=seed))
    if collection is not None:
        run.update(collection={"key": collection.name, "path": str(collection)})
    run.update(status=status)
    run.close()
    return run


@functools.cache
def finished_run() -> Path:
    """One finished run with figures, page and collection, made once a process; for reading only (``copied_run`` to change it)."""
    from support.synthetic import SyntheticParams, SyntheticSource

    from darkframe.config import StudyParams
    from darkframe.progress import QuietProgress
    from darkframe.report.page import write_page
    from darkframe.report.plots import save_figures
    from darkframe.studies.collect import collect

    folder = Path(tempfile.mkdtemp(prefix="darkframe-run-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    source = SyntheticSource(SyntheticParams(held=500))
    collection, _ = collect(
        source, tokens=None, study=StudyParams(), strict=False, cache=folder / "cache", progress=QuietProgress()
    )
    run = fake_run(folder / "run", collection=collection.path)
    save_figures(run.results(), run)
    write_page(run.results(), run)
    return run.path


def copied_run(target: Path, **manifest: object) -> Path:
    """A copy of ``finished_run`` to change, with some fields of its manifest changed already."""
    shutil.copytree(finished_run(), target)
    run = RunDir.open(target)
    run.update(**manifest)
    run.close()
    return target
