"""The conformance checks of decomposers: they pass what is right and name what is wrong."""

from dataclasses import replace

import numpy as np
import pytest

from darkframe.interfaces import Decomposition, Diagnostics
from darkframe.numerics.whitening import Whitening
from darkframe.testing import DECOMPOSER_CHECKS, ChecksFailed, check_decomposer


class Whitener:
    """PCA, written in four lines."""

    def fit(self, rows, context):
        whitening = Whitening.fit(rows.mean, rows.covariance, context.n_components)
        one = np.eye(whitening.k)
        shares = whitening.variances / whitening.total_variance
        diagnostics = Diagnostics(converged=True, iterations=0)
        return Decomposition(rows.mean, whitening.patterns(one), whitening.filters(one), shares, float(shares.sum()), diagnostics)


def broken(change):
    class Broken(Whitener):
        def fit(self, rows, context):
            return change(super().fit(rows, context), rows, context)

    return Broken


def test_a_right_one_passes():
    assert check_decomposer(Whitener) == tuple(DECOMPOSER_CHECKS)


def scale_rows(result, rows, context):
    rows._array *= 2
    return result


def first_block_only(result, rows, context):
    block = next(iter(rows.blocks(8192)))
    return replace(result, patterns=result.patterns * (1 + len(block) / 1e4))


@pytest.mark.parametrize(
    "change, failed",
    [
        (lambda r, *_: replace(r, mean=r.mean * 0), {"mean_is_the_rows_mean", "shares_are_shares"}),
        (lambda r, *_: replace(r, explained_total=0.5), {"shares_are_shares"}),
        (lambda r, *_: replace(r, filters=r.filters.astype(np.float32)), {"record_has_its_shapes"}),
        (lambda r, *_: replace(r, diagnostics=None), {"diagnostics_are_given"}),
        (
            lambda r, *_: replace(r, patterns=r.patterns + np.random.default_rng().normal(size=r.patterns.shape) * 1e-6),
            {"fits_repeat"},
        ),
        (scale_rows, {"rows_are_not_changed", "read_only_rows_are_enough"}),
        (first_block_only, {"streamed_rows_agree", "shares_are_shares"}),
    ],
)
def test_broken_promises_are_named(change, failed):
    with pytest.raises(ChecksFailed) as caught:
        check_decomposer(broken(change))
    assert failed <= set(caught.value.failures)
    assert "record_has_its_shapes" in failed or "record_has_its_shapes" not in caught.value.failures
