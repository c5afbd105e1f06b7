"""Every check of clusterers finds what it is for: a right clusterer passes all, one broken in one way fails those that say so."""

import pytest
from support import broken_fits, broken_kept, broken_models, broken_rows
from support.broken_grids import CAPABILITIES, Bench, failed
from support.grid_clusterer import Grid

from darkframe.testing import checks_of, number_of_checks
from darkframe.testing.kit import CLUSTERER

TABLES = [part.BROKEN for part in (broken_fits, broken_rows, broken_models, broken_kept)]
BROKEN = {breakage: case for table in TABLES for breakage, case in table.items()}


def test_a_right_clusterer_passes_every_check():
    subject = Bench(Grid)
    assert subject.capabilities == set(CAPABILITIES)
    assert len(checks_of(subject)) == number_of_checks("clusterer", *CAPABILITIES)
    assert failed(subject) == {}


def test_no_two_breakages_have_one_name():
    assert len(BROKEN) == sum(map(len, TABLES))


@pytest.mark.parametrize("breakage", BROKEN)
def test_a_broken_clusterer_fails_the_checks_that_say_so_and_no_others(breakage):
    broken, expected = BROKEN[breakage]
    found = failed(Bench(*broken) if isinstance(broken, tuple) else Bench(broken))
    assert set(found) == expected, found
    for reason in found.values():
        assert reason.endswith((".", ")")) and len(reason.split()) > 4 and "\n" not in reason


def test_every_check_has_a_clusterer_that_fails_it():
    assert {check.name for check in CLUSTERER} - {name for _, failures in BROKEN.values() for name in failures} == set()


def test_what_gives_no_clustering_is_told_so():
    class Labels(Grid):
        def fit(self, vectors, context):
            return super().fit(vectors, context).labels

    reason = failed(Bench(Labels))["labels_have_their_shape"]
    assert reason == "fit() gave a ndarray, expected a darkframe.Clustering."
