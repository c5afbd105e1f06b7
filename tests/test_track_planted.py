"""Tracking with planted answers: births, deaths, growth and revivals are found exactly, and chance is chance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.planted_rows import study, unit
from support.planted_track import DEAD, Make, PlainART, Uncopied, make_tracking, rows_of, tracking

from darkframe import DataError, UserError
from darkframe.numerics.pooled import pooled_axes
from darkframe.numerics.spread import Axes, mean_and_covariance
from darkframe.numerics.tracking import ABSENT, counts, kept, passed, received
from darkframe.report.tracking.data import gather_tracking
from darkframe.report.tracking.figures import save_tracking_figures
from darkframe.report.tracking.page import write_tracking_page
from darkframe.report.tracking.tables import write_tables
from darkframe.store.atomic import plain
from darkframe.studies.tracking.run import run_tracking
from darkframe.studies.tracking.start import start_from

# Features by the corner they are near, at four checkpoints: 30 features, corners 0 to 4.
PLAN = np.array(
    [
        [0] * 12 + [1] * 10 + [2] * 8,
        [0] * 14 + [1] * 10 + [3] * 6,
        [0] * 9 + [2] * 3 + [0] * 2 + [4] * 10 + [3] * 6,
        [DEAD] * 2 + [0] * 4 + [2] * 6 + [4] * 12 + [3] * 6,
    ]
)
FOUND = [  # known, resonant, growing, steady, shrinking, revived, dormant, lost, new
    (0, 0, 0, 0, 0, 0, 0, 0, 3),
    (3, 2, 1, 1, 0, 0, 1, 1, 1),  # 0 grows from 12 to 14, 1 stays at 10, 2 dies, 3 is born
    (4, 3, 1, 1, 1, 1, 1, 1, 1),  # 0 shrinks to 11, 1 dies, 2 comes back with 3, 3 stays at 6, 4 is born
    (5, 4, 2, 1, 1, 0, 1, 0, 0),  # 0 shrinks to 4, 2 grows to 6, 4 to 12, 1 stays dormant
]
NAMES = ("known", "resonant", "growing", "steady", "shrinking", "revived", "dormant", "lost", "new")


@pytest.mark.parametrize("make", [None, Make(PlainART), Make(Uncopied)], ids=["shipped", "plain", "uncopied"])
def test_planted_births_deaths_and_growth_are_found_exactly(tmp_path, make):
    results, run = tracking([rows_of(plan) for plan in PLAN], tmp_path / "run", params={"rho": 0.8}, make=make)
    (level,) = results.levels
    assert [tuple(getattr(step, name) for name in NAMES) for step in level.steps] == FOUND
    assert (level.first, level.persisted) == (3, 2)
    assert [checkpoint.dead for checkpoint in results.checkpoints] == [0, 0, 0, 2]
    assert [step.rows for step in level.steps] == [30, 30, 30, 28]
    features, labels = run.array("track_features"), run.array("track_labels")
    for step, plan in enumerate(PLAN):  # a corner is a category, the same at every step
        planted = plan[features]
        assert ((labels[step, 0] == ABSENT) == (planted == DEAD)).all()
        assert len({pair for pair in zip(planted, labels[step, 0]) if pair[0] != DEAD}) == len(set(planted) - {DEAD})
    for before, now, step in zip(PLAN, PLAN[1:], level.steps[1:]):
        alive = (before != DEAD) & (now != DEAD)
        assert step.kept == pytest.approx((before[alive] == now[alive]).mean())
        fresh = set(now) - {corner for earlier in PLAN[: step.step] for corner in earlier}
        assert step.passed == pytest.approx(np.mean([corner not in fresh for corner in now if corner != DEAD]))


def test_histories_of_categories_are_the_planted_ones(tmp_path):
    results, run = tracking([rows_of(plan) for plan in PLAN], tmp_path / "run", params={"rho": 0.8})
    features, labels = run.array("track_features"), run.array("track_labels")[:, 0]
    category = {
        corner: labels[step][PLAN[step][features] == corner][0] for corner, step in ((0, 0), (1, 0), (2, 0), (3, 1), (4, 2))
    }
    sizes = np.array([[(plan == corner).sum() for plan in PLAN] for corner in range(5)])
    data = gather_tracking(run)
    order = [category[corner] for corner in range(5)]
    assert (sizes == data.sizes[:, order].T).all()
    assert data.born[order].tolist() == [0, 0, 0, 1, 2]
    assert data.last[order].tolist() == [3, 1, 3, 3, 3]
    assert [data.stands(place) for place in order] == ["shrinking", "dormant", "growing", "steady", "growing"]
    told = {each.category: each for each in results.categories}
    for corner, place in category.items():
        assert told[place].sizes == tuple(sizes[corner])
        assert (
            set(told[place].features) == set(np.flatnonzero(PLAN[-1] == corner)[:20].tolist()) or len(told[place].features) == 20
        )


def test_two_levels_of_planted_categories(tmp_path):
    """Corners of a coarse cube, each with corners of a finer one: both levels are followed."""
    rng = np.random.default_rng(3)
    coarse, fine = np.tile(np.eye(3), 8) - 0.5, np.tile(np.eye(3), 2) - 0.5  # 16 of 30 dimensions apart, 4 of 30
    plan = np.array([[(0, 0)] * 8 + [(1, 0)] * 8 + [(1, 1)] * 4, [(0, 0)] * 4 + [(0, 1)] * 4 + [(1, 0)] * 8 + [(2, 2)] * 4])
    rows = [np.concatenate([coarse[of[:, 0]], fine[of[:, 1]]], axis=1) + 0.01 * rng.standard_normal((20, 30)) for of in plan]
    results, _ = tracking(rows, tmp_path / "run", clusterer="smart", params={"rho": "0.6,0.9"})
    first, second = (level.steps[1] for level in results.levels)
    assert (first.known, first.resonant, first.steady, first.shrinking, first.new, first.dormant) == (2, 2, 1, 1, 1, 0)
    assert (second.known, second.resonant, second.shrinking, second.new, second.dormant) == (3, 2, 1, 2, 1)
    assert first.passed == pytest.approx(16 / 20)
    assert second.passed == pytest.approx(12 / 20)


def test_labels_are_those_of_a_plain_fuzzy_art_on_drifting_rows(tmp_path):
    rng = np.random.default_rng(5)
    rows = unit(rng.standard_normal((90, 12)))
    checkpoints = [unit(rows + drift * rng.standard_normal(rows.shape)) for drift in (0.3, 0.1, 0.0)]
    shipped, one = tracking(checkpoints, tmp_path / "shipped", params={"rho": 0.75})
    other, run = tracking(checkpoints, tmp_path / "plain", make=Make(PlainART, {"rho": 0.75}))
    assert (one.array("track_labels") == run.array("track_labels")).all()
    assert plain(shipped.levels[0].steps) == plain(other.levels[0].steps)  # nulls, control and predictions among them
    assert len({step.resonant for step in shipped.levels[0].steps}) > 2


def test_nothing_is_clipped_and_pca_is_of_all_checkpoints(tmp_path):
    rng = np.random.default_rng(6)
    checkpoints = [rng.standard_normal((60, 10)) * scale + shift for scale, shift in ((1, 0), (3, 1), (2, -4))]
    results, run = tracking(checkpoints, tmp_path / "run", pca_dims=4)
    together = np.concatenate(checkpoints).astype(np.float32)
    axes = Axes.fit(together)
    np.testing.assert_allclose(run.array("track_axes"), axes.components[:4], atol=1e-6)
    assert results.axes.share == pytest.approx(axes.share(4), abs=1e-9)
    assert results.axes.of == "all checkpoints"
    assert [checkpoint.clipped for checkpoint in results.checkpoints] == [0, 0, 0]
    assert not any("clipped" in warning for checkpoint in results.checkpoints for warning in checkpoint.warnings)
    vectors = axes.project(together, 4)
    np.testing.assert_allclose(run.array("track_lower"), vectors.min(axis=0), atol=1e-5)
    np.testing.assert_allclose(run.array("track_upper"), vectors.max(axis=0), atol=1e-5)


def test_unrelated_dictionaries_pass_as_noise_does_and_related_ones_do_not(tmp_path):
    rng = np.random.default_rng(8)
    unrelated = [unit(rng.standard_normal((200, 10))) for _ in range(4)]
    rows = unrelated[0]
    related = [rows, *(unit(rows + 0.05 * rng.standard_normal(rows.shape)) for _ in range(3))]
    noise, _ = tracking(unrelated, tmp_path / "noise", params={"rho": 0.8}, nulls=4)
    real, _ = tracking(related, tmp_path / "real", params={"rho": 0.8}, nulls=4)
    assert (noise.conclusion.verdict, real.conclusion.verdict) == ("nothing", "persists")
    for step in noise.levels[0].steps[1:]:
        draws = [value for null in step.nulls for value in null.passed]
        assert len(draws) == 8
        assert abs(step.passed - np.mean(draws)) < 4 * np.std(draws) + 0.02
    for step in real.levels[0].steps[1:]:
        assert step.passed > max(value for null in step.nulls for value in null.passed) + 0.2
        assert (step.unchanged_passed, step.unchanged_kept) == (1, 1)  # a row lies in its own category's box
        assert step.kept > 5 * step.kept_by_chance


def test_nulls_of_a_sample_stand_beside_the_same_sample(tmp_path):
    rng = np.random.default_rng(9)
    rows = unit(rng.standard_normal((120, 8)))
    checkpoints = [rows, unit(rows + 0.2 * rng.standard_normal(rows.shape))]
    results, _ = tracking(checkpoints, tmp_path / "run", params={"rho": 0.8}, nulls=1, check_rows=40)
    step = results.levels[0].steps[1]
    assert step.null_rows == 40
    assert (step.null_passed * 40) % 1 == pytest.approx(0, abs=1e-9)
    assert any("sample of 40" in caution for caution in results.conclusion.cautions)


def test_without_copies_there_are_no_nulls_and_that_is_said(tmp_path):
    results, run = tracking([rows_of(plan) for plan in PLAN], tmp_path / "run", make=Make(Uncopied))
    assert not any(step.nulls for step in results.levels[0].steps)
    assert "cannot be copied" in results.note
    assert results.note in results.conclusion.cautions
    assert results.conclusion.verdict == "unjudged"
    assert not any("model_" in name for name in run.arrays())


# ------------------------------------------------------------ beginning from a model


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A taxonomy of planted rows, its run, and the rows."""
    folder, rows = tmp_path_factory.mktemp("fitted") / "run", rows_of(PLAN[0])
    results, run = study(rows, folder, "gpu-fuzzyart", clusterer_params={"rho": 0.8}, keep_model=True, nulls=0, orders=1)
    run.write_taxonomy(results)
    run.close()
    return folder, rows


def test_it_goes_on_from_the_model_of_a_taxonomy(tmp_path, fitted):
    folder, rows = fitted
    start = start_from(folder)
    results, run = tracking([rows, rows_of(PLAN[1])], tmp_path / "run", params={"rho": 0.8}, start=start)
    first, second = results.levels[0].steps
    assert (first.known, first.resonant, first.steady, first.new, first.passed, first.kept) == (3, 3, 3, 0, 1, 1)
    assert tuple(getattr(second, name) for name in NAMES) == FOUND[1]
    assert (run.array("track_features") == start.features).all()
    assert (run.array("track_born") == [-1, -1, -1, 1]).all()
    assert results.model.run == str(folder)


def test_a_model_of_other_dimensions_or_features_is_refused_with_both_numbers(tmp_path, fitted):
    start = start_from(fitted[0])
    with pytest.raises(UserError, match=r"fitted on 32 dimensions, but source.checkpoint=0 has 16"):
        tracking([rows_of(PLAN[0], d=16), rows_of(PLAN[1], d=16)], tmp_path / "a", params={"rho": 0.8}, start=start)
    with pytest.raises(UserError, match=r"features up to number 29, but source.checkpoint=0 has only 20"):
        tracking([rows_of(PLAN[0][:20]), rows_of(PLAN[1][:20])], tmp_path / "b", params={"rho": 0.8}, start=start)


def test_values_beyond_the_models_bounds_are_counted(tmp_path, fitted):
    folder, rows = fitted
    results, _ = tracking([rows, rows * 1.5], tmp_path / "run", params={"rho": 0.8}, start=start_from(folder))
    assert [checkpoint.clipped for checkpoint in results.checkpoints] == [0, 30]
    assert any("clipped" in caution for caution in results.conclusion.cautions)


# ------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda rows: rows[:, :-1], UserError, "source.checkpoint=1 has 30 features of 31 dimensions"),
        (lambda rows: rows[:-1], UserError, "source.checkpoint=1 has 29 features of 32 dimensions"),
        (lambda rows: np.where(np.arange(32) == 3, np.nan, rows), DataError, "source.checkpoint=1: .*NaN"),
        (lambda rows: rows * 0, DataError, "source.checkpoint=1: .*zero"),
        (lambda rows: rows_of(PLAN[0]), UserError, "All 2 checkpoints have the same dictionary"),
    ],
    ids=["dimensions", "features", "nan", "all zero", "the same"],
)
def test_checkpoints_that_cannot_be_followed_are_refused(tmp_path, change, error, words):
    with pytest.raises(error, match=words):
        tracking([rows_of(PLAN[0]), change(rows_of(PLAN[1]))], tmp_path / "run")


def test_more_pca_dimensions_than_there_are_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"pca_dims is 40.*at most 32"):
        tracking([rows_of(plan) for plan in PLAN], tmp_path / "run", pca_dims=40)


# ------------------------------------------------------------ what is shown


def test_hostile_tokens_are_inert_on_the_page_and_in_the_table(tmp_path):
    texts = ["<script>alert(1)</script>", "=1+1", "a\x1b[31m", "\u202edesrever", "$x_{1}$", "plain"]
    head = np.random.default_rng(1).standard_normal((6, 32))
    results, run = tracking([rows_of(plan) for plan in PLAN], tmp_path / "run", head=head, texts=texts, junk_tokens=0)
    write_tables(run, results)
    figures = save_tracking_figures(results, run)
    page = write_tracking_page(results, run).read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    lines = (run.path / "categories.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6
    assert not any(cell.startswith("=") for line in lines for cell in line.split(","))
    assert {path.suffix for path in figures} == {".png", ".svg"}
    dormant = next(each for each in results.categories if each.state == "dormant")
    assert not dormant.tokens
    assert all(each.tokens for each in results.categories if each.state != "dormant")


# ------------------------------------------------------------ counting


@given(st.integers(0, 2**32 - 1))
def test_states_part_the_known_categories(seed):
    rng = np.random.default_rng(seed)
    before, new = rng.integers(0, 4, rng.integers(0, 8)), int(rng.integers(0, 4))
    sizes = rng.integers(0, 4, len(before) + new)
    found = counts(sizes, before)
    assert found.known == len(before)
    assert found.known == found.resonant + found.dormant
    assert found.resonant == found.growing + found.steady + found.shrinking == sum(sizes[: len(before)] > 0)
    assert found.revived <= found.growing
    assert found.lost <= found.dormant
    assert found.new == new


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_staying_by_chance_is_the_mean_over_all_ways_to_deal_the_labels(seed):
    from itertools import permutations

    rng = np.random.default_rng(seed)
    before, now = rng.integers(-2, 3, (2, 6))
    share, chance = kept(before, now)
    present = (before != ABSENT) & (now != ABSENT)
    if not present.any():
        assert np.isnan(share)
        return
    a, b = before[present], now[present]
    dealt = [np.mean((a == np.array(p)) & (a >= 0)) for p in permutations(b)]
    assert chance == pytest.approx(np.mean(dealt))
    assert share == pytest.approx(np.mean((a == b) & (a >= 0)))
    known = 2
    assert passed(now, known) == pytest.approx(np.mean((b_ := now[now != ABSENT]) >= 0) - np.mean(b_ >= known)) or not len(b_)
    assert received(now, 3).sum() == (now >= 0).sum()


@given(st.integers(0, 2**32 - 1))
def test_pooled_axes_are_those_of_all_rows_together(seed):
    rng = np.random.default_rng(seed)
    parts = [rng.standard_normal((rng.integers(1, 9), 5)) * rng.uniform(0.5, 3) + rng.uniform(-3, 3) for _ in range(3)]
    pooled, whole = pooled_axes((len(p), *mean_and_covariance(p)) for p in parts), Axes.fit(np.concatenate(parts))
    np.testing.assert_allclose(pooled.mean, whole.mean, atol=1e-9)
    np.testing.assert_allclose(pooled.variances, whole.variances, atol=1e-8)
    assert pooled.of == whole.of


def test_a_step_that_stopped_is_taken_again_from_the_kept_model(tmp_path):
    """What is on disk is not computed again, and what is missing comes to the same."""
    import shutil

    checkpoints = [rows_of(plan) for plan in PLAN]
    tracking(checkpoints, tmp_path / "whole", make=Make(PlainART))
    _, run = tracking(checkpoints, tmp_path / "again", make=Make(PlainART), nulls=1)
    for name in ("track-3", "track-categories", "track-tokens"):
        shutil.rmtree(run.path / "steps" / name)
    make = Make(PlainART)
    results = run_tracking(**make_tracking(checkpoints, run.path, make=make))
    assert len(results.levels[0].steps) == 4
    for name in ("track_labels", "track_sizes", "model_weights"):
        whole = np.load(next((tmp_path / "whole").rglob(f"{name}.npy")))
        np.testing.assert_array_equal(np.load(next(run.path.rglob(f"{name}.npy"))), whole)
