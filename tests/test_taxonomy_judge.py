"""When a level counts as structure: both figures, against every null, at the error that is promised."""

from dataclasses import replace

import numpy as np
import pytest

from darkframe.results import LevelQuality, NullLevel
from darkframe.studies.taxonomy.judge import judge

NULL = LevelQuality(
    clusters=40, singletons=10, noise=0, largest_share=0.1, cohesion=0.1, silhouette=-0.2, match=0.8, width=0.2, stability=0.02
)


def null(name="covariance", **figures):
    """A null's draws, one for each value of the figures given."""
    count = len(next(iter(figures.values())))
    return NullLevel(name, tuple(replace(NULL, **{key: values[i] for key, values in figures.items()}) for i in range(count)))


LOW = null(cohesion=(0.1, 0.11, 0.12), stability=(0.01, 0.02, 0.03))


def told(quality, *nulls, rows=400, levels=1):
    return judge(quality, nulls or (LOW,), rows=rows, levels=levels)


def test_a_level_must_pass_in_both_figures():
    assert told(replace(NULL, cohesion=0.8, stability=0.7)).beats
    only = told(replace(NULL, cohesion=0.8, stability=0.02))
    assert not only.beats and only.cohesive and "order stability 0.0200 is within chance" in only.reason
    other = told(replace(NULL, cohesion=0.11, stability=0.7))
    assert not other.beats and not other.cohesive and "cohesion 0.1100 is within chance" in other.reason


def test_a_level_must_pass_every_null():
    high = null("isotropic", cohesion=(0.85, 0.86, 0.87), stability=(0.01, 0.02, 0.03))
    judged = told(replace(NULL, cohesion=0.8, stability=0.7), LOW, high)
    assert not judged.beats and "isotropic" in judged.reason


def test_without_other_orders_cohesion_alone_decides():
    assert told(replace(NULL, cohesion=0.8, stability=float("nan"))).beats


def test_more_levels_make_the_cut_harder():
    edge = replace(NULL, cohesion=0.18, stability=0.12)
    assert told(edge, levels=1).beats and not told(edge, levels=3).beats


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"singletons": 395}, "5 features share a cluster"),
        ({"singletons": 200, "noise": 200}, "no features share a cluster"),
        ({"clusters": 1, "singletons": 0, "largest_share": 1.0}, "all features are in one cluster"),
        ({"largest_share": 0.985}, "only 6 features are outside the largest cluster"),
    ],
)
def test_a_handful_of_rows_shows_nothing(changed, said):
    judged = told(replace(NULL, cohesion=0.99, stability=0.99, **changed))
    assert not judged.beats and said in judged.reason


def test_a_null_that_reaches_one_is_not_beaten_by_one():
    perfect = null(cohesion=(1.0, 1.0), stability=(1.0, 1.0))
    assert not told(replace(NULL, cohesion=1.0, stability=1.0), perfect).beats


def test_a_null_without_pairs_is_beaten_by_rows_that_have_them():
    nothing = null(cohesion=(float("nan"),) * 3, stability=(0.0,) * 3)
    assert told(replace(NULL, cohesion=0.3, stability=0.2), nothing).beats


@pytest.mark.parametrize("draws", [(), (0.1,)])
def test_too_few_draws_judge_nothing(draws):
    nulls = (null(cohesion=draws),) if draws else ()
    judged = judge(replace(NULL, cohesion=0.9, stability=0.9), nulls, rows=400, levels=1)
    assert not judged.beats and "fewer than 2 draws" in judged.reason


@pytest.mark.parametrize(("draws", "levels"), [(2, 1), (3, 3), (10, 3)])
def test_one_figure_alone_passes_by_chance_in_five_percent_of_studies_at_most(draws, levels):
    rng, trials, passed = np.random.default_rng(draws), 600, 0
    for _ in range(trials):
        any_level = False
        for _ in range(levels):
            values = 0.2 + 0.02 * rng.standard_normal(draws + 1)
            drawn = null(cohesion=tuple(values[1:]), stability=(0.0,) * draws)
            any_level |= told(replace(NULL, cohesion=values[0], stability=0.5), drawn, levels=levels).beats
        passed += any_level
    assert passed <= 0.05 * trials
