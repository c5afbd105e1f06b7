"""The taxonomy study on ``tiny``, through the public API: every step's figures against a computation of their own."""

import re
from collections import Counter

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score

import darkframe
from darkframe.errors import UserError
from darkframe.interfaces import SourceContext
from darkframe.results import TAXONOMY_ARRAYS
from darkframe.store.run import RunDir
from darkframe.store.taxonomy import Taxonomy
from darkframe.studies.taxonomy.pictures import umap_of
from darkframe_tiny.plugin import TinyParams
from darkframe_tiny.source import TinySource

SETTINGS = {
    "embedding_rows": 0,
    "sample": 700,
    "pca_dims": 40,
    "curve": (0.3, 0.7),
    "curve_rows": 200,
    "lens_clusters": 60,
    "orders": 2,
    "nulls": 2,
    "check_rows": 300,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("taxonomy") / "run"
    settings = {f"taxonomy.{name}": value for name, value in SETTINGS.items()}
    darkframe.run(source="tiny", clusterer="smart", out=out, set=settings)
    return RunDir.open(out)


@pytest.fixture(scope="module")
def results(run):
    return run.taxonomy()


@pytest.fixture(scope="module")
def taxonomy(run):
    return Taxonomy(run)


@pytest.fixture(scope="module")
def tiny():
    return TinySource(TinyParams(), SourceContext())


@pytest.fixture(scope="module")
def decoder(tiny):
    return tiny.dictionary().W_dec.detach().numpy()


def test_every_array_is_there_in_the_shape_and_type_it_is_documented_with(run, results):
    sizes = {
        "F": results.dictionary.n_features,
        "d": results.dictionary.d_model,
        "n": results.order.n,
        "levels": 3,
        "dims": 40,
        "e": 40,
    }
    sizes |= {"top": 5, "t": 10, "v": 10, "K": len(run.array("cluster_level")), "2": 2}
    own = {name: text for name, text in TAXONOMY_ARRAYS.items() if not name.startswith("placement_")}
    for name, description in own.items():
        shape, dtype = re.match(r"\(([^)]*)\) (\w+):", description).groups()
        array = run.array(name)
        names = [part.strip() for part in shape.split(",") if part.strip()]
        assert array.dtype == dtype and array.ndim == len(names), name
        for size, symbol in zip(array.shape, names):
            if symbol != "m":
                assert size == sizes[symbol], (name, symbol)
    assert len(run.array("taxonomy_variances")) == min(results.order.n - 1, results.dictionary.d_model)
    assert len(run.array("embedding")) == len(run.array("embedding_rows")) == 0
    assert any(key.startswith("taxonomy-cluster/model_") for key in run.arrays())


def test_the_dictionary_is_described(results, decoder):
    record, lengths = results.dictionary, np.linalg.norm(decoder.astype(np.float64), axis=1)
    assert (record.n_features, record.d_model) == decoder.shape and record.dead == 0
    assert record.norms.min == pytest.approx(lengths.min()) and record.norms.max == pytest.approx(lengths.max())
    assert record.norms.mean == pytest.approx(lengths.mean()) and record.norms.sd == pytest.approx(lengths.std())
    assert record.available == (record.site,)


def test_features_are_read_by_the_logit_lens_and_junk_is_left_out(run, results, tiny, decoder):
    with torch.no_grad():
        tokens = tiny.unembedding().logits(torch.tensor(decoder)).topk(5, dim=1).indices.numpy()
    kept_tokens = run.array("feature_tokens")
    assert (kept_tokens == tokens).mean() > 0.999  # blocks may round ties otherwise
    texts = {int(token): text for token, text in zip(np.unique(tokens), tiny.decode_tokens(np.unique(tokens).tolist()))}
    junk = np.array([sum("\ufffd" in texts[t] or "<|" in texts[t] for t in row) for row in tokens.tolist()])
    assert (run.array("feature_junk") == junk).mean() > 0.999
    record = results.junk
    assert record.applied and record.counts == tuple(np.bincount(run.array("feature_junk"), minlength=6).tolist())
    assert (record.total, record.kept) == (len(decoder), sum(record.counts[:3]))
    assert record.filtered == sum(record.counts[3:]) > 0


def test_features_are_drawn_in_a_seeded_order_and_keep_their_ids(run, results):
    kept = np.flatnonzero(np.asarray(run.array("feature_junk")) < 3)
    expected = kept[np.random.default_rng(42).choice(len(kept), size=700, replace=False)]
    assert (run.array("taxonomy_features") == expected).all()
    assert (results.order.n, results.order.kept, results.order.sampled) == (700, len(kept), True)
    assert any("were drawn" in caution for caution in results.conclusion.cautions)


def test_the_variance_landscape_is_scikit_learns(run, results, decoder):
    rows = decoder[run.array("taxonomy_features")].astype(np.float64)
    pca = PCA().fit(rows)
    np.testing.assert_allclose(run.array("taxonomy_variances"), pca.explained_variance_, rtol=1e-4)
    assert results.pca.share == pytest.approx(pca.explained_variance_ratio_[:40].sum(), rel=1e-4)
    assert results.pca.needed["90 %"] == int((np.cumsum(pca.explained_variance_ratio_) < 0.9).sum()) + 1
    vectors = (rows - run.array("taxonomy_axes_mean")) @ run.array("taxonomy_axes").T
    np.testing.assert_allclose(vectors.min(axis=0), run.array("taxonomy_lower"), atol=1e-4)
    np.testing.assert_allclose(vectors.max(axis=0), run.array("taxonomy_upper"), atol=1e-4)


def test_levels_count_their_clusters(run, results):
    assert [level.vigilance for level in results.levels] == [0.2, 0.5, 0.8]
    for level, labels in zip(results.levels, run.array("taxonomy_labels")):
        sizes = np.bincount(labels)
        assert (level.clusters, level.largest, level.singletons) == (len(sizes), sizes.max(), (sizes == 1).sum())
        assert level.largest_share == sizes.max() / 700 and level.median_size == np.median(sizes)
        assert level.rows == 300 and len(level.orders) == 1
        assert {null.name: len(null.draws) for null in level.nulls} == {"isotropic": 2, "covariance": 2}
        assert -1 <= level.quality.stability <= 1 and level.quality.stability == pytest.approx(np.mean(level.orders))


def test_clusters_are_read_by_what_sets_them_apart(run, taxonomy, tiny, decoder):
    features, mean = run.array("taxonomy_features"), decoder.astype(np.float64).mean(axis=0)
    cluster = taxonomy.largest(0, 1)[0]
    mine = features[run.array("taxonomy_labels")[0] == cluster]
    direction = torch.tensor(decoder[mine].astype(np.float64).mean(axis=0) - mean, dtype=torch.float32)[None]
    with torch.no_grad():
        values, ids = tiny.unembedding().logits(direction).topk(10)
    record = taxonomy.cluster(0, cluster)
    assert record.tokens == tuple(tiny.decode_tokens(ids[0].tolist()))
    assert record.logits == pytest.approx(values[0].tolist(), abs=1e-3)
    tokens = np.asarray(run.array("feature_tokens"))[mine]
    votes = Counter(tokens.ravel().tolist())
    assert [vote.members for vote in record.votes] == sorted(votes.values(), reverse=True)[:10]
    assert all(votes[vote.token] == vote.members for vote in record.votes)
    assert record.votes[0].text == tiny.decode_tokens([record.votes[0].token])[0]


def test_only_the_largest_clusters_and_those_of_the_drill_down_are_read(run, results, taxonomy):
    read = np.asarray(run.array("cluster_tokens"))[:, 0] >= 0
    level, sizes = np.asarray(run.array("cluster_level")), np.asarray(run.array("cluster_size"))
    for which in range(3):
        own = read[level == which]
        assert own[np.argsort(-sizes[level == which], kind="stable")[:60]].all()
    assert not read.all()
    assert all(child.tokens for drill in results.drill for child in drill.children)
    assert np.isnan(np.asarray(run.array("cluster_logits"))[~read]).all()


def test_clusters_figures_are_those_of_their_members(run, taxonomy, decoder):
    labels, match, margin = (np.asarray(run.array(f"taxonomy_{name}")) for name in ("labels", "match", "margin"))
    units = decoder[run.array("taxonomy_features")].astype(np.float64)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    for level in range(3):
        for cluster in taxonomy.largest(level, 5):
            mine, record = labels[level] == cluster, taxonomy.cluster(level, cluster)
            cosines = units[mine] @ units[mine].T
            assert record.cohesion == pytest.approx(cosines[np.triu_indices(len(cosines), 1)].mean(), abs=1e-5)
            assert record.match == pytest.approx(match[level, mine].mean())
            assert record.match_min == pytest.approx(match[level, mine].min())
            assert record.margin == pytest.approx(np.nanmean(margin[level, mine]))
            assert record.match_min >= (0.2, 0.5, 0.8)[level] - 1e-9
            assert record.width == pytest.approx(1 - record.match, abs=0.5) and 0 <= record.width <= 1


def test_children_nest_and_members_come_nearest_first(run, taxonomy, decoder):
    labels, features = np.asarray(run.array("taxonomy_labels")), np.asarray(run.array("taxonomy_features"))
    cluster = taxonomy.largest(0, 1)[0]
    children, record = taxonomy.children(0, cluster), taxonomy.cluster(0, cluster)
    assert record.children == len(children) == len(np.unique(labels[1][labels[0] == cluster]))
    sizes = [taxonomy.cluster(1, child).size for child in children]
    assert sum(sizes) == record.size and sizes == sorted(sizes, reverse=True)
    assert all(taxonomy.cluster(1, child).parent == cluster for child in children)
    members = taxonomy.members(0, cluster)
    assert sorted(members) == sorted(features[labels[0] == cluster])
    units = decoder[members].astype(np.float64)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    cosines = units @ units.mean(axis=0)
    assert (np.diff(cosines) < 1e-5).all() and record.features == tuple(members[:20])
    assert taxonomy.children(2, 0) == []


def test_clusters_are_named_and_what_is_not_there_is_said(taxonomy, tiny, run):
    assert taxonomy.parse(" l1:03 ") == (1, 3)
    for name, said in (("L3:0", "levels 0 to 2"), ("L0:99999", "L0:0 to L0:"), ("top", "L0:3"), ("L0:²", "L0:3")):
        with pytest.raises(UserError, match=re.escape(said)):
            taxonomy.parse(name)
    with pytest.raises(UserError, match="features 0 to 1919"):
        taxonomy.feature_tokens(1920)
    assert taxonomy.feature_tokens(7) == tuple(tiny.decode_tokens(np.asarray(run.array("feature_tokens"))[7].tolist()))


def test_the_largest_clusters_and_the_drill_down_are_in_the_results(results, taxonomy):
    assert [record.cluster for record in results.clusters] == taxonomy.largest(0, 200)
    assert [drill.cluster for drill in results.drill] == list(results.clusters[:3])
    assert [child.cluster for child in results.drill[0].children] == taxonomy.children(0, results.drill[0].cluster.cluster)[:10]


def test_the_vigilance_curve_rises(results):
    assert results.curve.rows == 200 and [point.vigilance for point in results.curve.points] == [0.3, 0.7]
    low, high = results.curve.points
    assert low.clusters < high.clusters and low.null_clusters < high.null_clusters


def test_umap_keeps_neighbours_together_and_is_repeatable():
    rng = np.random.default_rng(0)
    rows = np.repeat(np.eye(2, 12), 30, axis=0) + 0.05 * rng.standard_normal((60, 12))
    (points, note), (again, _) = umap_of(rows.astype(np.float32), 1), umap_of(rows.astype(np.float32), 1)
    assert note == "" and (points == again).all() and points.shape == (60, 2)
    nearest = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e9 * np.eye(60)
    assert adjusted_rand_score(np.arange(60) // 30, nearest.argmin(axis=1) // 30) > 0.95
