"""A finished taxonomy run, made up from a real small clustering of synthetic rows, with hostile token text in it."""

from __future__ import annotations

import atexit
import dataclasses
import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from support.fake_results import HOSTILE

from darkframe.results import taxonomy as t
from darkframe.store.run import RunDir

D, F, TOP, READ, VOTES = 16, 420, 5, 10, 10
SPLITS = (6, 3, 2)  # children of each cluster, level by level
FORMULAS = ["=1+1", "a;=1+1|=2"]
FORMULAS += ["+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", "'quoted", "</script>", '<a href="javascript:alert(1)">x</a>']
WORDS = [
    f"{' ' if i % 3 else ''}{a}{b}" for i, a in enumerate(("sta", "mon", "ver", "cal", "pre", "lun")) for b in ("te", "day", "se")
]
TEXTS = [*HOSTILE, *FORMULAS, "<b>bold</b>", "$\\frac{", "\\textbf{x", " 🙂", " ministère", *WORDS]


@dataclasses.dataclass(frozen=True, eq=False)
class Made:
    """Rows and their clustering."""

    rows: np.ndarray  # (n, d), in the order clustered in
    features: np.ndarray  # (n,) ids
    labels: np.ndarray  # (levels, n)
    parents: tuple[np.ndarray, ...]


def _planted(rng: np.random.Generator, n: int) -> np.ndarray:
    weights = np.array([0.34, 0.22, 0.16, 0.12, 0.1, 0.06])
    family = rng.choice(len(weights), n, p=weights)
    centres = rng.standard_normal((len(weights), D))
    inner = rng.standard_normal((len(weights), 3, D)) * 0.5
    rows = centres[family] + inner[family, rng.integers(0, 3, n)] + 0.25 * rng.standard_normal((n, D))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def nested(rows: np.ndarray, splits: tuple[int, ...], seed: int) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Labels (levels, n), each level splitting the clusters of the one above, and each level's parents."""
    levels, parents = [np.zeros(len(rows), int)], []
    for k in splits:
        labels, above, next_id = np.full(len(rows), -1), [], 0
        for parent in range(levels[-1].max() + 1):
            mine = np.flatnonzero(levels[-1] == parent)
            pieces = min(k, max(1, len(mine) // 3))
            found = (
                KMeans(pieces, n_init=1, random_state=seed).fit(rows[mine]).labels_ if pieces > 1 else np.zeros(len(mine), int)
            )
            labels[mine] = found + next_id
            above += [parent] * (found.max() + 1)
            next_id += found.max() + 1
        levels.append(labels)
        parents.append(np.array(above))
    return np.stack(levels[1:]), tuple(parents[1:])


def _boxes(made: Made, level: int) -> np.ndarray:
    """Mean box width of each cluster of a level, in units scaled to the rows' range."""
    low, high = made.rows.min(0), made.rows.max(0)
    scaled = (made.rows - low) / (high - low)
    ids = range(made.labels[level].max() + 1)
    return np.array([np.ptp(scaled[made.labels[level] == i], axis=0).mean() for i in ids])


def _pairwise(members: np.ndarray) -> tuple[float, int]:
    """Sum of the cosines over all pairs of unit rows, and the number of pairs."""
    n = len(members)
    return float((np.square(members.sum(0)).sum() - n) / 2), n * (n - 1) // 2


def quality(made: Made, level: int, stability: float) -> t.LevelQuality:
    labels, widths = made.labels[level], _boxes(made, level)
    sizes = np.bincount(labels[labels >= 0])
    cosines = [_pairwise(made.rows[labels == i]) for i in range(len(sizes))]
    total, pairs = (sum(c[i] for c in cosines) for i in (0, 1))
    width = float((widths * sizes).sum() / sizes.sum())
    return t.LevelQuality(
        clusters=len(sizes),
        singletons=int((sizes == 1).sum()),
        noise=int((labels < 0).sum()),
        largest_share=float(sizes.max() / len(labels)),
        cohesion=total / pairs if pairs else float("nan"),
        silhouette=float(silhouette_score(made.rows, labels, metric="cosine")),
        match=1 - width,
        width=width,
        stability=stability,
    )


@functools.cache
def made(seed: int = 0, splits: tuple[int, ...] = SPLITS, planted: bool = True, noise: bool = True) -> Made:
    rng = np.random.default_rng(seed)
    n = F - 12
    rows = _planted(rng, n) if planted else rng.standard_normal((n, D))
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    labels, parents = nested(rows, splits, seed)
    if noise and planted:
        labels[:, 5:9] = -1  # as a method with noise would leave them
    return Made(rows, np.sort(rng.choice(F, n, replace=False))[rng.permutation(n)], labels, parents)


def _stability(one: Made, level: int, seed: int) -> tuple[float, ...]:
    others = [nested(one.rows, tuple(SPLITS[: level + 1]), seed + i)[0][level] for i in (1, 2)]
    return tuple(float(adjusted_rand_score(one.labels[level], other)) for other in others)


def _level(one: Made, level: int, nulls: dict[str, list[Made]]) -> t.Level:
    sizes = np.bincount(one.labels[level][one.labels[level] >= 0])
    orders = _stability(one, level, 7)
    draws = tuple(t.NullLevel(name, tuple(quality(m, level, 0.2) for m in made)) for name, made in nulls.items())
    return t.Level(
        level=level,
        vigilance=(0.2, 0.5, 0.8)[level],
        rows=one.labels.shape[1],
        clusters=len(sizes),
        noise=int((one.labels[level] < 0).sum()),
        largest=int(sizes.max()),
        largest_share=float(sizes.max() / one.labels.shape[1]),
        singletons=int((sizes == 1).sum()),
        median_size=float(np.median(sizes)),
        quality=quality(one, level, float(np.mean(orders))),
        nulls=draws,
        orders=orders,
        beats_null=level < 2,
        reason="cohesion and silhouette lie beyond every draw of both nulls" if level < 2 else "silhouette lies within the null",
    )


@functools.cache
def fake_arrays(one: Made, seed: int = 0) -> dict[str, np.ndarray]:
    """Arrays of the run by the names of ``darkframe.results.TAXONOMY_ARRAYS``."""
    rng = np.random.default_rng(seed)
    unembedding = rng.standard_normal((len(TEXTS), D))
    dictionary = rng.standard_normal((F, D)) * 0.1
    dictionary[one.features] = one.rows
    lens = np.argsort(-dictionary @ unembedding.T, axis=1)[:, :TOP]
    top = lens[one.features]
    mean, columns = one.rows.mean(0), []
    for level, labels in enumerate(one.labels):
        widths = _boxes(one, level)
        centres = np.stack([one.rows[labels == i].mean(0) for i in range(labels.max() + 1)])
        unit = centres / np.linalg.norm(centres, axis=1, keepdims=True)
        near = unit @ unit.T - 2 * np.eye(len(unit))
        for i, centre in enumerate(centres):
            members = one.rows[labels == i]
            total, pairs = _pairwise(members)
            logits = (centre - mean) @ unembedding.T
            tokens = np.argsort(-logits)[:READ]
            counted = np.bincount(top[labels == i].ravel(), minlength=len(TEXTS))
            voted = np.argsort(-counted, kind="stable")[:VOTES]
            below = one.labels[level + 1] if level + 1 < len(one.labels) else None
            columns.append(
                {
                    "level": level,
                    "id": i,
                    "parent": -1 if level == 0 else one.parents[level - 1][i],
                    "size": len(members),
                    "children": 0 if below is None else int((one.parents[level] == i).sum()),
                    "cohesion": total / pairs if pairs else np.nan,
                    "separation": 1 - near[i].max(),
                    "width": widths[i],
                    "match": 1 - widths[i],
                    "match_min": 1 - widths[i],
                    "margin": 0.1 + 0.01 * i,
                    "directions": centre,
                    "tokens": tokens,
                    "logits": logits[tokens],
                    "votes": np.where(counted[voted] > 0, voted, -1),
                    "vote_counts": counted[voted],
                }
            )
    floats = {"cohesion", "separation", "width", "match", "match_min", "margin"}
    kinds = {"directions": np.float32, "logits": np.float32, "tokens": np.int32, "votes": np.int32, "vote_counts": np.int32}
    clusters = {
        f"cluster_{key}": np.array([c[key] for c in columns], np.float64 if key in floats else kinds.get(key, np.int64))
        for key in columns[0]
    }
    clusters["cluster_tokens"][-1] = -1  # one that was not read
    cosine = np.full(one.labels.shape, np.nan)
    for column in columns:
        mine = one.labels[column["level"]] == column["id"]
        cosine[column["level"], mine] = one.rows[mine] @ (column["directions"] / np.linalg.norm(column["directions"]))
    match = np.stack([np.where(labels < 0, np.nan, 1 - _boxes(one, level)[labels]) for level, labels in enumerate(one.labels)])
    centred = one.rows - mean
    variances = np.linalg.svd(centred, compute_uv=False) ** 2 / (len(one.rows) - 1)
    axes = np.linalg.svd(centred, full_matrices=False)[2]
    return {
        "taxonomy_features": one.features.astype(np.int64),
        "taxonomy_labels": one.labels.astype(np.int64),
        "taxonomy_match": match,
        "taxonomy_margin": np.where(np.isnan(match), np.nan, 0.05),
        "taxonomy_cosine": cosine,
        "taxonomy_lower": one.rows.min(0),
        "taxonomy_upper": one.rows.max(0),
        "taxonomy_axes": np.empty((0, D)),
        "taxonomy_axes_mean": np.zeros(D),
        "taxonomy_variances": variances,
        "feature_tokens": lens.astype(np.int32),
        "feature_junk": np.zeros(F, np.int8),
        **clusters,
        "embedding": (centred @ axes[:2].T).astype(np.float32)[::2],
        "embedding_rows": np.arange(len(one.rows), dtype=np.int64)[::2],
    }


def fake_taxonomy(one: Made | None = None, *, curve: bool = True, nulls: bool = True) -> t.TaxonomyResults:
    """Results of a run over these rows."""
    one = made() if one is None else one
    splits = SPLITS[: len(one.labels)]
    drawn = {name: [made(10 * i + j, splits, False) for j in (1, 2)] for i, name in enumerate(("isotropic", "covariance"), 1)}
    levels = tuple(_level(one, level, drawn if nulls else {}) for level in range(len(splits)))
    records = fake_records(one)
    top = [r for r in records if r.level == 0]
    largest = sorted(top, key=lambda r: -r.size)
    drill = tuple(t.Drill(r, tuple(c for c in records if c.level == 1 and c.parent == r.cluster)) for r in largest[:3])
    variances = fake_arrays(one)["taxonomy_variances"]
    shares = np.cumsum(variances) / variances.sum()
    needed = {f"{s} %": int(np.searchsorted(shares, s / 100) + 1) for s in (50, 80, 90, 95, 99)}
    n, counts = one.labels.shape[1], (400, 12, 5, 3, 0, 0)
    norms = t.Spread(0.98, 1.02, 1.0, 0.004)
    beaten = sum(level.beats_null for level in levels)
    return t.TaxonomyResults(
        schema=1,
        study="taxonomy",
        source={
            "name": "tiny",
            "model": "tiny-lm",
            "dictionary": "tiny-sae",
            "hook_point": "blocks.2.hook_resid_pre",
            "d_model": D,
        },
        clusterer={"name": "smart", "distribution": "darkframe", "version": "0.1.0", "params": {"rho": [0.2, 0.5, 0.8]}},
        settings={"seed": 42},
        environment={"numpy": np.__version__},
        dictionary=t.DictionaryRecord("blocks.2.hook_resid_pre", ("blocks.2.hook_resid_pre",), F, D, norms, 3),
        junk=t.JunkRecord(True, "", TOP, 3, F, n, F - n - 3, counts),
        order=t.OrderRecord(42, n, n, False),
        pca=t.PcaLandscape(None, 1.0, needed, D),
        fit=t.ClusterFit(n, D, 0.42, True, 1, ("A warning of the fit.",), {"engine": "cpu", "epochs": 1}),
        levels=levels,
        curve=_curve(n) if curve else t.Curve(n, (), "birch has no vigilance."),
        clusters=tuple(largest),
        drill=drill if len(splits) > 1 else (),
        conclusion=t.TaxonomyConclusion(
            ("some" if beaten < len(levels) else "structure") if nulls else "unjudged",
            f"{beaten} of {len(levels)} levels hold structure that the nulls do not.",
            "Level 2's silhouette lies within that of the covariance null.",
            ("Clusters depend on the order of the rows: see order stability.",),
        ),
        seconds={"lens": 0.2, "cluster": 0.42},
        placement=None,
    )


def _curve(n: int) -> t.Curve:
    points = [
        t.CurvePoint(r, int(2 + 300 * r**3), (1 - r) ** 1.5, int(1 + 250 * r**4), max(0.01, 1 - r**3))
        for r in np.arange(0.1, 1, 0.1)
    ]
    return t.Curve(n, tuple(points))


def fake_records(one: Made) -> list[t.ClusterRecord]:
    """A record for every cluster."""
    arrays, out = fake_arrays(one), []
    for place, (level, cluster) in enumerate(zip(arrays["cluster_level"], arrays["cluster_id"])):

        def of(name: str, place: int = place) -> np.ndarray:
            return arrays[f"cluster_{name}"][place]

        mine = np.flatnonzero(one.labels[level] == cluster)
        nearest = mine[np.argsort(-arrays["taxonomy_cosine"][level, mine], kind="stable")]
        read = [int(token) for token in of("tokens") if token >= 0]
        out.append(
            t.ClusterRecord(
                level=int(level),
                cluster=int(cluster),
                parent=None if level == 0 else int(of("parent")),
                size=int(of("size")),
                children=int(of("children")),
                tokens=tuple(TEXTS[token] for token in read),
                logits=tuple(float(x) for x in of("logits")[: len(read)]),
                votes=tuple(t.Vote(int(v), TEXTS[v], int(c)) for v, c in zip(of("votes"), of("vote_counts")) if v >= 0),
                cohesion=float(of("cohesion")),
                separation=float(of("separation")),
                width=float(of("width")),
                match=float(of("match")),
                match_min=float(of("match_min")),
                margin=float(of("margin")),
                features=tuple(int(f) for f in one.features[nearest][:20]),
            )
        )
    return out


def fake_taxonomy_run(
    path: Path, results: t.TaxonomyResults | None = None, one: Made | None = None, status: str = "done"
) -> RunDir:
    """A run directory with these results and their arrays."""
    one = made() if one is None else one
    run = RunDir.create(path, {"source": "tiny", "clusterer": "smart"})
    texts = {str(i): text for i, text in enumerate(TEXTS)}
    run.step("taxonomy-interpret", {}).save({"result": {"texts": texts}, "seconds": 0.1}, fake_arrays(one))
    run.write_taxonomy(results or fake_taxonomy(one))
    run.update(status=status)
    run.close()
    return run


@functools.cache
def finished_taxonomy() -> Path:
    """One finished run with figures, tables and page, made once a process; for reading only."""
    from darkframe.report.taxonomy.figures import save_taxonomy_figures
    from darkframe.report.taxonomy.page import write_taxonomy_page
    from darkframe.report.taxonomy.tables import write_tables

    folder = Path(tempfile.mkdtemp(prefix="darkframe-taxonomy-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    run = fake_taxonomy_run(folder / "run")
    results = run.taxonomy()
    assert results is not None
    write_tables(run, results)
    save_taxonomy_figures(results, run)
    write_taxonomy_page(results, run)
    return run.path
