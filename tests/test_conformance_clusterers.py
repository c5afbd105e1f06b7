"""Every built-in clusterer passes the conformance kit, with its default parameters."""

import pytest

from darkframe.registry import Registry
from darkframe.testing import checks_of, number_of_checks, parametrize_with_checks, run, subject
from darkframe.testing.kit import CLUSTERER

ALL = ("partial_fit", "predict", "matches", "state", "restore")
ONE_FIT = ("predict", "matches", "state", "restore")

CAPABILITIES = {
    "art1": ALL,
    "art2a": ALL,
    "bayesianart": ALL,
    "binaryfuzzyart": ALL,
    "cviart": ONE_FIT,
    "deepartmap": ONE_FIT,
    "dualvigilanceart": ALL,
    "ellipsoidart": ALL,
    "fusionart": ALL,
    "fuzzyart": (*ALL, "boxes"),
    "gaussianart": ALL,
    "gpu-fuzzyart": (*ALL, "boxes"),
    "hypersphereart": ALL,
    "icvifuzzyart": ONE_FIT,
    "quadraticneuronart": ALL,
    "smart": (*ALL, "boxes"),
    "topoart": ONE_FIT,
}
"""What each offers beyond ``fit``, written out: a clusterer that loses something is noticed."""

BUILT_IN = [found.name for found in Registry.discover({}).plugins("clusterer") if found.distribution == "darkframe"]
SUBJECTS = [subject("clusterer", name) for name in BUILT_IN]
OVER_ANOTHER_BASE = subject("clusterer", "smart", base="fuzzyart", rho=(0.5, 0.8))

EXPECTED_FAILURES = {"bayesianart": {"far_groups_are_told_apart", "predict_finds_the_group"}}


@parametrize_with_checks(*SUBJECTS)
def test_a_built_in_clusterer_keeps_the_contract(check):
    check()


@parametrize_with_checks(OVER_ANOTHER_BASE)
def test_smart_over_another_base_keeps_the_contract(check):
    check()


def test_no_built_in_clusterer_was_left_out():
    assert sorted(CAPABILITIES) == BUILT_IN


@pytest.mark.parametrize("one", [*SUBJECTS, OVER_ANOTHER_BASE], ids=[*BUILT_IN, "smart over fuzzyart"])
def test_no_check_was_left_out(one):
    offered = ALL if one is OVER_ANOTHER_BASE else CAPABILITIES[one.name]
    assert one.capabilities == set(offered)
    assert len(checks_of(one)) == number_of_checks("clusterer", *offered)


def test_there_are_as_many_checks_of_clusterers_as_there_were():
    assert len(CLUSTERER) == 67
    apply = {offered: [check.name for check in CLUSTERER if check.needs <= set(offered)] for offered in ((), ONE_FIT, ALL)}
    assert {offered: len(names) for offered, names in apply.items()} == {(): 38, ONE_FIT: 57, ALL: 65}


def test_only_expected_failures_that_are_known_are_declared():
    declared = {one.name: set(one.found.info.expected_failures) for one in SUBJECTS if one.found.info.expected_failures}
    assert declared == EXPECTED_FAILURES


@pytest.mark.parametrize("name", EXPECTED_FAILURES)
def test_what_is_expected_to_fail_passes_with_parameters_that_fit_the_data(name):
    fitting = {"bayesianart": {"rho": 0.0009, "cov_init": 0.001, "rho_of": "dimension"}}
    checks = checks_of(subject("clusterer", name, **fitting[name]))
    outcomes = {check.name: run(check).status for check in checks if check.name in EXPECTED_FAILURES[name]}
    assert outcomes == dict.fromkeys(EXPECTED_FAILURES[name], "passed")


def test_every_check_says_what_it_promises():
    for check in CLUSTERER:
        assert check.summary.endswith(".") and len(check.summary.split()) > 5, check.name
