"""Checks of how a decomposer treats its rows, and of what it says to rows that cannot be decomposed."""

from __future__ import annotations

import numpy as np

from darkframe.testing.checks import require
from darkframe.testing.decomposers.fits import asked, fit, fitted, refusal, require_finite, require_same
from darkframe.testing.decomposers.planted import DIMENSIONS, StreamedRows, planted
from darkframe.testing.kit import DECOMPOSER
from darkframe.testing.subject import Subject


@DECOMPOSER()
def rows_are_not_changed(decomposer: Subject) -> None:
    """Fitting changes no row."""
    rows = planted().rows
    fit(decomposer, rows)
    require(np.array_equal(rows, planted().rows), "The rows were changed.")


@DECOMPOSER()
def read_only_rows_are_enough(decomposer: Subject) -> None:
    """Rows that may not be written to give the same result."""
    rows = planted().rows
    rows.flags.writeable = False
    require_same(fit(decomposer, rows), fitted(decomposer)[1], 1e-9, "Read-only rows")


@DECOMPOSER()
def fits_repeat(decomposer: Subject) -> None:
    """The same rows and seed give the same numbers, whatever the state of numpy's global generator."""
    before = np.random.get_state()  # noqa: NPY002  (it is what must not matter)
    try:
        np.random.seed(1)  # noqa: NPY002
        first = fit(decomposer, planted().rows)
        np.random.seed(2)  # noqa: NPY002
        require_same(fit(decomposer, planted().rows), first, 0, "A second fit with the same seed")
    finally:
        np.random.set_state(before)  # noqa: NPY002


@DECOMPOSER()
def streamed_rows_agree(decomposer: Subject) -> None:
    """Rows that come in small blocks, through one buffer, give the same result as rows in memory."""
    streamed = fit(decomposer, StreamedRows(planted().rows))
    require_same(streamed, fitted(decomposer)[1], 1e-3, "Streamed rows", ("patterns",))  # filters of noise are ill-conditioned


@DECOMPOSER()
def scratch_folder_changes_nothing(decomposer: Subject) -> None:
    """A fit that is given a folder for temporary files has the same result as one in memory."""
    folder = decomposer.scratch / "fit"
    folder.mkdir(exist_ok=True)
    require_same(fit(decomposer, planted().rows, scratch=folder), fitted(decomposer)[1], 1e-6, "A fit with a scratch folder")


@DECOMPOSER()
def constant_dimensions_are_left_alone(decomposer: Subject) -> None:
    """Dimensions without any variance do no harm: everything stays finite, and no component reaches into them."""
    rows = planted().rows
    constant = np.broadcast_to(np.array([0, 5, -1000], np.float32), (len(rows), 3))
    result = fit(decomposer, np.hstack([rows, constant]))
    require_finite(result, "Rows with constant dimensions")
    reach = np.abs(result.patterns[:, DIMENSIONS:]).max() / np.abs(result.patterns).max()
    require(reach <= 1e-3, f"A pattern reaches into constant dimensions, by {reach:.1e} of the largest entry.")


@DECOMPOSER()
def rows_that_are_not_finite_are_refused(decomposer: Subject) -> None:
    """A NaN or an infinity anywhere in the rows is a DataError or UserError with one sentence."""
    for value in (np.nan, np.inf):
        rows = planted().rows
        rows[len(rows) // 2, 7] = value
        what = f"A row with {value}"
        with np.errstate(all="ignore"):
            result = refusal(lambda rows=rows: fit(decomposer, rows), what)  # type: ignore[misc]
        require(result is None, f"{what} was decomposed as if it were a number; a DataError or UserError belongs there.")


@DECOMPOSER()
def too_few_rows_are_refused_or_said(decomposer: Subject) -> None:
    """Fewer rows than components are a UserError or DataError, or give fewer components and a warning that says so."""
    wanted, rows = asked(decomposer), planted()
    if wanted < 2:  # no rows at all are fewer than one
        return
    active = np.flatnonzero((rows.sources > 0).any(axis=1))
    few = rows.rows[active[: wanted - 1]]
    what = f"{len(few)} rows for {wanted} components"
    result = refusal(lambda: fit(decomposer, few), what)
    if result is None:
        return
    require_finite(result, what)
    require(len(result.patterns) < wanted, f"{what} gave {len(result.patterns)} components.")
    require(result.diagnostics.warnings, f"{what} gave {len(result.patterns)} components, and no warning says so.")


@DECOMPOSER()
def rows_without_variance_are_survived(decomposer: Subject) -> None:
    """A single row, or rows that are all the same, are refused in a sentence, or give finite numbers and a warning."""
    row = planted().rows[:1]
    for what, rows in {"A single row": row, "Fifty rows that are all the same": np.repeat(row, 50, axis=0)}.items():
        with np.errstate(all="ignore"):
            result = refusal(lambda rows=rows: fit(decomposer, rows), what)  # type: ignore[misc]
        if result is not None:
            require_finite(result, what)
            require(result.diagnostics.warnings, f"{what} gave components, and no warning says that they mean nothing.")
