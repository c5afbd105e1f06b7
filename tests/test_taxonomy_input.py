"""What the taxonomy study does with bad or partial input: one clear sentence, or the rest of the study and what it leaves out."""

import gc
import weakref

import numpy as np
import pytest
from support import planted_rows as p

import darkframe
from darkframe.errors import DataError, ParameterError, UserError
from darkframe.interfaces import ClusterContext, Clustering, Diagnostics
from darkframe.studies.taxonomy import lens as lens_step
from darkframe.studies.taxonomy.lens import is_junk

LIGHT = {"nulls": 2, "orders": 2}


@pytest.fixture
def rows():
    return p.unit_gaussian(np.random.default_rng(0), 60, 8)


def study(rows, tmp_path, clusterer="gpu-fuzzyart", **settings):
    return p.study(rows, tmp_path / "run", clusterer, **{**LIGHT, **settings})


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_refused_by_their_feature(rows, tmp_path, value):
    rows[17, 3] = rows[40, 0] = value
    with pytest.raises(DataError, match=r"feature 17 \(and 1 more\) holds NaN or infinite"):
        study(rows, tmp_path)


def test_huge_rows_whose_sums_overflow_are_no_infinities(rows, tmp_path):
    results, _ = study(rows * 3e37, tmp_path, nulls=0, orders=1)
    assert results.dictionary.n_features == 60


def test_dead_features_are_left_out_and_counted(rows, tmp_path):
    rows[[3, 50]] = 0
    results, run = study(rows, tmp_path)
    assert (results.dictionary.dead, results.dictionary.norms.min, results.order.n) == (2, 0.0, 58)
    assert not np.isin([3, 50], run.array("taxonomy_features")).any()
    assert (np.asarray(run.array("feature_junk"))[[3, 50]] == -1).all()
    assert any("2 features have a decoder row of zero length" in caution for caution in results.conclusion.cautions)


def test_a_dictionary_of_dead_features_alone_is_refused(tmp_path):
    with pytest.raises(DataError, match="Every decoder row of the dictionary is zero"):
        study(np.zeros((5, 4)), tmp_path)


def test_one_row_is_refused(tmp_path):
    with pytest.raises(DataError, match="Only one feature"):
        study(np.ones((1, 4)), tmp_path)


def test_a_sample_of_one_is_refused(rows, tmp_path):
    with pytest.raises(UserError, match=r"taxonomy\.sample is 1"):
        study(rows, tmp_path, sample=1)


def test_a_sample_larger_than_there_are_features_takes_all_and_says_so(rows, tmp_path):
    results, _ = study(rows, tmp_path, sample=1000)
    assert (results.order.n, results.order.sampled) == (60, False)
    assert any("taxonomy.sample is 1,000, but 60 features are left" in caution for caution in results.conclusion.cautions)


@pytest.mark.parametrize("clusterer", ["gpu-fuzzyart", "smart"])
def test_equal_rows_are_one_cluster_and_nothing(tmp_path, clusterer):
    results, _ = study(np.tile([1.0, 2.0, 3.0], (40, 1)), tmp_path, clusterer)
    assert [level.clusters for level in results.levels] == [1] * len(results.levels)
    assert results.conclusion.verdict == "nothing" and results.pca.needed["90 %"] == 0
    assert len(results.fit.warnings) > 0 and set(results.fit.warnings) <= set(results.conclusion.cautions)


def test_two_rows_are_enough(tmp_path):
    results, _ = study(np.eye(2, 6), tmp_path)
    assert results.order.n == 2 and results.pca.of == 1


def test_constant_dimensions_change_nothing(rows, tmp_path):
    wide = np.concatenate([rows, np.full((60, 2), 0.7)], axis=1)
    (_, run), (_, other) = p.study(rows, tmp_path / "a", "smart", **LIGHT), p.study(wide, tmp_path / "b", "smart", **LIGHT)
    assert run.array("taxonomy_labels").shape == other.array("taxonomy_labels").shape
    assert np.isfinite(np.asarray(other.array("taxonomy_match"))).all()


@pytest.mark.parametrize(("dims", "sample", "of"), [(9, None, 8), (30, 20, 8), (8, 6, 5)])
def test_more_pca_dimensions_than_there_are_axes_are_refused_with_both_numbers(rows, tmp_path, dims, sample, of):
    with pytest.raises(ParameterError, match=rf"taxonomy\.pca_dims is {dims}, but .* at most {of} "):
        study(rows, tmp_path, pca_dims=dims, sample=sample)


def test_more_pca_dimensions_than_the_checked_rows_have_are_refused(rows, tmp_path):
    with pytest.raises(ParameterError, match=r"6 \(taxonomy\.check_rows\) rows"):
        study(rows, tmp_path, pca_dims=7, check_rows=6)


def test_as_many_pca_dimensions_as_there_are_axes_keep_everything(rows, tmp_path):
    results, run = study(rows, tmp_path, pca_dims=8)
    assert results.pca.share == pytest.approx(1) and run.array("taxonomy_axes").shape == (8, 8)


# ------------------------------------------------------------ parts that a source lacks


def test_without_an_unembedding_the_study_runs_and_says_what_it_leaves_out(rows, tmp_path):
    results, run = study(rows, tmp_path, "smart")
    assert not results.junk.applied and results.junk.counts == ()
    assert "no unembedding" in results.junk.note and results.junk.note in results.conclusion.cautions
    assert (results.junk.kept, results.junk.filtered) == (60, 0)
    assert (np.asarray(run.array("cluster_tokens")) == -1).all() and (np.asarray(run.array("feature_tokens")) == -1).all()
    assert results.clusters[0].tokens == () and results.clusters[0].votes == ()


def test_without_texts_tokens_are_named_and_no_feature_is_called_junk(rows, tmp_path):
    source = p.RowsSource(rows, head=np.random.default_rng(1).standard_normal((20, 8)))
    results, _ = study(rows, tmp_path, source=source)
    assert not results.junk.applied and "cannot tell what tokens read" in results.junk.note
    assert results.clusters[0].tokens[0].startswith(" ") and results.order.n == 60


def test_a_source_without_a_dictionary_is_refused(tmp_path):
    activations = tmp_path / "x.npy"
    np.save(activations, np.zeros((10, 4), np.float32))
    with pytest.raises(UserError, match="dictionary"):
        darkframe.run(source="arrays", clusterer="smart", set={"source.activations": str(activations)}, out=tmp_path / "run")


def test_a_dictionary_from_a_file_alone_is_enough(rows, tmp_path):
    np.save(tmp_path / "decoder.npy", rows.astype(np.float32))
    settings = {"source.dictionary": str(tmp_path / "decoder.npy"), "taxonomy.embedding_rows": 0, "taxonomy.nulls": 0}
    result = darkframe.run(source="arrays", clusterer="smart", set=settings, out=tmp_path / "run")
    assert result.taxonomy.conclusion.verdict == "unjudged" and result.taxonomy.order.n == 60


# ------------------------------------------------------------ the logit lens and junk


@pytest.mark.parametrize(
    ("text", "junk"), [("\ufffd", True), (" a\ufffd", True), ("<|endoftext|>", True), (" <", False), ("", False), ("|>", False)]
)
def test_junk_tokens(text, junk):
    assert is_junk(text) is junk


def junk_source(rows):
    """Every token junk but the last two."""
    head = np.random.default_rng(2).standard_normal((12, rows.shape[1]))
    return p.RowsSource(rows, head=head, texts=["<|a|>"] * 10 + [" b", " c"])


def test_a_dictionary_of_junk_alone_is_refused_naming_the_setting(rows, tmp_path):
    source = p.RowsSource(rows, head=np.random.default_rng(2).standard_normal((12, 8)), texts=["<|a|>"] * 12)
    with pytest.raises(UserError, match=r"All 60 features are junk.*taxonomy\.junk_tokens=0"):
        study(rows, tmp_path, source=source)


def test_no_feature_is_junk_where_the_threshold_is_zero(rows, tmp_path):
    results, _ = study(rows, tmp_path, source=junk_source(rows), junk_tokens=0)
    assert results.junk.applied and (results.junk.kept, results.junk.filtered) == (60, 0)
    assert sum(results.junk.counts[3:]) > 30


def test_each_distinct_token_is_decoded_once_a_step(rows, tmp_path):
    source = p.RowsSource(rows, head=np.random.default_rng(2).standard_normal((30, 8)), texts=[f" {i}" for i in range(30)])
    study(rows, tmp_path, source=source)
    assert len(source.decoded) <= 2 * 30


def test_logits_held_at_once_do_not_grow_with_the_features(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(lens_step, "CHUNK_BYTES", 4 * 30 * 7)
    source = p.RowsSource(rows, head=np.random.default_rng(2).standard_normal((30, 8)), texts=[f" {i}" for i in range(30)])
    results, run = study(rows, tmp_path, source=source)
    assert source.head.most == 7
    expected = np.argsort(-(rows.astype(np.float32) @ source.head.weights.numpy().T), axis=1)[:, :5]
    assert (np.asarray(run.array("feature_tokens")) == expected).all()
    assert results.junk.counts == (60, 0, 0, 0, 0, 0)


def test_a_vocabulary_smaller_than_the_tokens_asked_for_gives_what_there_is(rows, tmp_path):
    source = p.RowsSource(rows, head=np.random.default_rng(2).standard_normal((3, 8)), texts=[" a", " b", " c"])
    results, run = study(rows, tmp_path, source=source)
    tokens = np.asarray(run.array("feature_tokens"))
    assert (np.sort(tokens[:, :3], axis=1) == [0, 1, 2]).all() and (tokens[:, 3:] == -1).all()
    assert len(results.clusters[0].tokens) == 3


def test_another_dictionary_is_not_taken_for_the_one_of_before(rows, tmp_path):
    labels = []
    for turned in (rows, rows[::-1]):
        _, run = study(turned, tmp_path)
        labels.append(np.array(run.array("taxonomy_labels")))
    assert (labels[0] != labels[1]).any()


def test_another_unembedding_is_not_taken_for_the_one_of_before(rows, tmp_path):
    texts = [f" {i}" for i in range(30)]
    heads = [np.random.default_rng(seed).standard_normal((30, 8)) for seed in (1, 2)]
    tokens = []
    for head in heads:
        _, run = p.study(rows, tmp_path / "run", "gpu-fuzzyart", source=p.RowsSource(rows, head=head, texts=texts), **LIGHT)
        tokens.append(np.array(run.array("feature_tokens")))
    assert (tokens[0] != tokens[1]).any()


# ------------------------------------------------------------ memory


@pytest.mark.parametrize("clusterer", ["gpu-fuzzyart", "smart"])
def test_a_fitted_clusterer_goes_as_soon_as_it_is_let_go_of(rows, clusterer):
    plan = p.new_plan(p.merge({}, {}, {"run": {"source": "tiny", "clusterer": clusterer}}), p.Registry.discover())
    made = p.Maker(plan.clusterer, plan.config.clustering.params, plan.registry)()
    made.fit(rows, ClusterContext())
    gc.disable()  # what cycles keep alive stays until the collector happens to run
    try:
        gone = weakref.ref(made)
        del made
        assert gone() is None
    finally:
        gc.enable()


# ------------------------------------------------------------ clusterers of other kinds


class Noisy:
    """Two levels without vigilance, match or boxes: the sign of the first coordinate, then of the second; every 7th row is noise.

    Cluster 2 of level 1 has no members.
    """

    info = darkframe.ClustererInfo(name="noisy", target="noisy:Noisy", summary="Noise and an empty cluster.")
    params = None

    def __call__(self, **changed):
        return self

    def fit(self, vectors, context):
        noise = np.arange(len(vectors)) % 7 == 0
        top = np.where(noise, -1, vectors[:, 0] > 0)
        below = np.where(noise, -1, np.array([0, 1, 3, 4])[2 * (vectors[:, 0] > 0) + (vectors[:, 1] > 0)])
        parents = (np.array([0, 0, 0, 1, 1]),)
        return Clustering(np.stack([top, below]).astype(np.int64), parents, Diagnostics(False, 3, ("A warning.",)))


def test_noise_and_empty_clusters_are_counted_apart(rows, tmp_path):
    head = np.random.default_rng(1).standard_normal((20, 8))
    source = p.RowsSource(rows, head=head, texts=[f" {i}" for i in range(20)])
    results, run = study(rows, tmp_path, source=source, make=Noisy(), curve=(0.5,), keep_model=True)
    coarse, fine = results.levels
    assert (coarse.noise, fine.noise, coarse.clusters, fine.clusters) == (9, 9, 2, 4)
    assert coarse.vigilance is None and np.isnan(coarse.quality.match) and np.isnan(coarse.quality.width)
    assert coarse.quality.noise == 9 and sum(record.size for record in results.clusters) == 51
    size = np.asarray(run.array("cluster_size"))
    assert size[4] == 0 and (np.asarray(run.array("cluster_tokens"))[4] == -1).all()
    assert np.isnan(np.asarray(run.array("cluster_separation"))[4]) and not np.asarray(run.array("cluster_directions"))[4].any()
    assert np.isnan(np.asarray(run.array("taxonomy_cosine"))[0, ::7]).all()
    children = {record.cluster.cluster: [child.cluster for child in record.children] for record in results.drill}
    assert set(children[0]) == {0, 1, 2} and set(children[1]) == {3, 4}  # an empty one is a child, and the last
    assert results.curve.points == () and "noisy has no vigilance" in results.curve.note
    cautions = " ".join(results.conclusion.cautions)
    assert "A warning." in cautions and "did not converge in 3 iterations" in cautions
    assert "L0: 9 features (15.0%) are noise, in no cluster." in cautions
    assert not any("model_" in name for name in run.arrays())
