"""The verdict: what of the taxonomy lasts, and whether that is more than unrelated rows would make of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from darkframe.report.tracking.words import short_values
from darkframe.results import TrackedLevel, TrackedStep, TrackingConclusion

if TYPE_CHECKING:
    from darkframe.config.tracking import TrackConfig
    from darkframe.results import JunkRecord, OrderRecord, TrackedCheckpoint

_ORDER = "Categories depend on the order in which features are presented, which is the same at every step (seed {seed})."
_GROWS = (
    "A category's box only grows, so that it passes what earlier checkpoints put into it: a resonant category need not hold the "
    "features it held before; the share of features that stay says that."
)


def judge(steps: Sequence[TrackedStep]) -> tuple[bool, str]:
    """Whether more rows pass known categories at every step than in any draw of any null, and by which figures."""
    judged = [step for step in steps if step.nulls]
    if not judged:
        return False, "There are no nulls to judge by."
    behind = [step for step in judged if not step.null_passed > _most(step)]
    worst = min(judged, key=lambda step: step.null_passed - _most(step))
    figures = f"{worst.null_passed:.1%} of the rows passed known categories, {_most(worst):.1%} at most of unrelated ones"
    if not behind:
        return True, f"At every step more rows pass than of unrelated ones; closest at step {worst.step}: {figures}."
    which = ", ".join(str(step.step) for step in behind)
    return False, f"At step {which} no more pass than of unrelated rows; at step {worst.step}: {figures}."


def _most(step: TrackedStep) -> float:
    return max(value for null in step.nulls for value in null.passed)


def conclude(
    config: TrackConfig,
    levels: Sequence[TrackedLevel],
    checkpoints: Sequence[TrackedCheckpoint],
    junk: JunkRecord,
    order: OrderRecord,
    note: str,
) -> TrackingConclusion:
    """Headline, text and cautions."""
    told = _told(levels)
    last = told.steps[-1]
    names = short_values(config.shown)
    whole = f"{config.over} {names[0]} to {names[-1]}"
    of = "of the model" if config.model is not None else "made at the first"
    headline = (
        f"At the last of {len(checkpoints)} checkpoints ({whole}) {last.passed:.0%} of the features pass a category known "
        f"before{_beside(last)}; {told.persisted:,} of the {told.first:,} categories {of} still receive any "
        f"(level {told.level}{_rho(told)})."
    )
    made = sum(step.new for step in told.steps if step.step or config.model is not None)
    unchanged = "" if math.isnan(last.unchanged_kept) else f"; {last.unchanged_kept:.0%} were nothing changed"
    text = (
        f"{made:,} categories were added since, and {last.dormant:,} of all {last.known + last.new:,} are dormant. "
        f"{last.kept:.0%} of the features are in the category of one step before (by chance {last.kept_by_chance:.0%}"
        f"{unchanged}). {_verdicts(levels)}"
    )
    return TrackingConclusion(_verdict(levels), headline, text.strip(), _cautions(levels, checkpoints, junk, order, note))


def _told(levels: Sequence[TrackedLevel]) -> TrackedLevel:
    """The level the headline is about: the finest that beats its nulls, else the finest."""
    return next((level for level in reversed(levels) if level.beats_null), levels[-1])


def _rho(level: TrackedLevel) -> str:
    return "" if level.vigilance is None else f", vigilance {level.vigilance:g}"


def _beside(step: TrackedStep) -> str:
    """What the nulls' draws come to, in brackets."""
    if not step.nulls:
        return ""
    means = [sum(null.passed) / len(null.passed) for null in step.nulls]
    low, high = f"{min(means):.0%}", f"{max(means):.0%}"
    return f" (of unrelated rows {low if low == high else f'{low} to {high}'})"


def _verdicts(levels: Sequence[TrackedLevel]) -> str:
    if not any(step.nulls for level in levels for step in level.steps):
        return ""
    beyond = [str(level.level) for level in levels if level.beats_null]
    within = [str(level.level) for level in levels if not level.beats_null]
    said = []
    if beyond:
        said.append(f"Level {', '.join(beyond)}: more features pass known categories than unrelated rows do, at every step.")
    if within:
        said.append(
            f"Level {', '.join(within)}: at some step unrelated rows pass as well, so that passing says nothing of what persists."
        )
    return " ".join(said)


def _verdict(levels: Sequence[TrackedLevel]) -> str:
    if not any(step.nulls for level in levels for step in level.steps):
        return "unjudged"
    beyond = sum(level.beats_null for level in levels)
    return "persists" if beyond == len(levels) else "some" if beyond else "nothing"


def _cautions(
    levels: Sequence[TrackedLevel],
    checkpoints: Sequence[TrackedCheckpoint],
    junk: JunkRecord,
    order: OrderRecord,
    note: str,
) -> tuple[str, ...]:
    cautions = [_ORDER.format(seed=order.seed), _GROWS]
    if note:
        cautions.append(note)
    if junk.note:
        cautions.append(junk.note)
    if order.sampled:
        cautions.append(f"{order.n:,} of {order.kept:,} features were tracked, drawn at random.")
    if any(each.clipped for each in checkpoints):
        many = ", ".join(f"{each.clipped:,} at step {each.step}" for each in checkpoints if each.clipped)
        cautions.append(f"Rows with values beyond the bounds of the model were clipped to them: {many}.")
    if any(each.dead for each in checkpoints):
        many = ", ".join(f"{each.dead:,} at step {each.step}" for each in checkpoints if each.dead)
        cautions.append(f"Features with a zero decoder row were left out of the step: {many}.")
    sampled = [step for level in levels for step in level.steps if step.nulls and step.null_rows < step.rows]
    if sampled:
        cautions.append(f"Unrelated rows were compared with a sample of {sampled[0].null_rows:,} rows of each step.")
    return tuple(cautions)
