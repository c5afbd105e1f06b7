"""What it means: the notebook's rule, and what the nulls leave of it."""

from __future__ import annotations

from darkframe.results import Collect, ComponentMatch, Conclusion, Decompose, Match, Stability

STRUCTURE, UNDER = 0.3, 0.5
CHANCE = 0.05
ROWS_PER_SQUARE = 10
MASSIVE_SHARE = 0.05


def by_rule(novel: int, known: int, n: int) -> str:
    """The notebook's rule: more than 30 % novel, else more than 50 % known, else mixed."""
    if novel > STRUCTURE * n:
        return "structure"
    return "under-reconstruction" if known > UNDER * n else "mixed"


def conclude(collect: Collect, fit: Decompose, stable: Stability, match: Match, rows: int) -> Conclusion:
    """Apply the rule to all components, and to those that the nulls do not explain.

    ``nothing`` where no more than one component in twenty beats the null and no more than that are known beyond it; otherwise the
    same rule over the components that do, as a share of all.
    """
    n = len(match.components)
    beat = sum(c.beats_null for c in match.components)
    notebook = by_rule(match.novel, match.known, n)
    nothing = max(beat, match.known_beyond_null) <= CHANCE * n
    finding = "nothing" if nothing else by_rule(match.novel_beyond_null, match.known_beyond_null, n)
    return Conclusion(
        finding=finding,
        headline=_headline(finding, match, beat, n),
        text=" ".join(_text(finding, notebook, match, beat, n)),
        by_notebook=notebook,
        beat_null=beat,
        n_components=n,
        cautions=tuple(cautions(collect, fit, stable, match, rows)),
    )


def _headline(finding: str, match: Match, beat: int, n: int) -> str:
    if finding == "nothing":
        found = "Next to nothing" if beat else "Nothing"
        return f"{found} beyond the null: {beat} of {n} components hold more than rows of the same lengths and covariance would."
    if finding == "structure":
        count = match.novel_beyond_null
        return f"The residual holds structure that the SAE misses: {count} of {n} components are novel and beat the null."
    if finding == "under-reconstruction":
        return (
            f"The residual is mostly under-reconstruction of known features: {match.known_beyond_null} of {n} components lie "
            "along a decoder direction, closer than chance."
        )
    return (
        f"A mix: {beat} of {n} components beat the null; beyond it {match.novel_beyond_null} are novel and "
        f"{match.known_beyond_null} lie along a decoder direction."
    )


_RULE = {
    "structure": "novel structure",
    "under-reconstruction": "under-reconstruction of known features",
    "mixed": "a mix",
}


def _text(finding: str, notebook: str, match: Match, beat: int, n: int) -> list[str]:
    cut = match.null_cuts["kurtosis"]
    expected = ", ".join(f"{count:.0f} ({name})" for name, count in match.expected_novel.items())
    sentences = [
        f"By the cuts alone {match.novel} of {n} components are novel (max |cos| ≤ {match.novel_cut:g}) and {match.known} known "
        f"(> {match.known_cut:g}), which would read as {_RULE[notebook]}.",
        f"Of as many directions without any structure the nulls expect {expected} to be novel.",
        f"{beat} of {n} components beat the elliptical null: their kurtosis is beyond the null's {cut:.2f} in "
        "both halves of the documents, which find them by themselves; with nothing to find, one or more would in at most 5 % "
        "of runs.",
    ]
    if lost := _lost(match):
        sentences.append(f"{lost} more have such a kurtosis, but the document halves do not arrive at the same components.")
    if finding == "nothing" and beat:
        which = ", ".join(str(c.component) for c in match.components if c.beats_null)
        sentences.append(
            f"Component{'s' if beat > 1 else ''} {which} may be worth a look; the residual as a whole is not explained by so few."
        )
    returned = (c for c in match.components if c.replication > match.null_cuts["replication"] and not c.beats_null)
    if repeatable := sum(c.kurtosis <= cut for c in returned):
        sentences.append(
            f"{repeatable} more come back in both halves by themselves, but their sources are no heavier-tailed than the null's: "
            "repeatable directions, not sparse ones."
        )
    if finding == "nothing":
        sentences.append(f"That {'so little' if beat else 'nothing'} was found beyond chance is the result.")
    elif finding != notebook:
        sentences.append(f"Counting only what the null does not explain, the reading is {_RULE[finding]}.")
    return sentences


def _lost(match: Match) -> int:
    """Components whose kurtosis is beyond the null in both document halves, but which those do not find by themselves."""
    low, high = match.null_cuts["kurtosis_low"], match.null_cuts["kurtosis"]

    def heavy(component: ComponentMatch) -> bool:
        every = (component.kurtosis, *component.kurtosis_halves)
        return len(every) > 1 and (min(every) > high or max(every) < low)

    return sum(heavy(component) and not component.beats_null for component in match.components)


def cautions(collect: Collect, fit: Decompose, stable: Stability, match: Match, rows: int) -> list[str]:
    """What weakens the result."""
    n, said = fit.n_components, []
    if not fit.converged:
        said.append(f"The fit did not converge in {fit.iterations} iterations: its components are not final.")
    if fit.identifiable is not None and fit.identifiable < n / 2:
        said.append(f"Only {fit.identifiable} of {n} components are identifiable; the directions of the others are arbitrary.")
    if stable.halves is None:
        said.append("There are too few tokens for document halves: no component could be confirmed.")
    elif stable.replicated < n / 2:
        how_many = f"Only {stable.replicated}" if stable.replicated else "None"
        said.append(
            f"{how_many} of {n} components are found by both halves of the documents "
            f"(matched |cos| {stable.halves.matched_mean:.2f} on average)."
        )
    if rows < (enough := ROWS_PER_SQUARE * n**2):
        said.append(f"{rows:,} tokens are few for {n} components: {ROWS_PER_SQUARE} per component squared would be {enough:,}.")
    massive = collect.massive
    if massive.count and max(massive.share_of_variance, massive.share_of_residual) > MASSIVE_SHARE:
        kept = "are left out of fits and headlines" if massive.excluded_from_fit else "take part in the fit and may dominate it"
        said.append(
            f"{massive.count:,} massive tokens hold {massive.share_of_variance:.0%} of the activations' variance and "
            f"{massive.share_of_residual:.0%} of the residual's; they {kept}."
        )
    if match.null_rows < rows:
        said.append(f"The elliptical null was fitted to {match.null_rows:,} of {rows:,} rows, which makes it harder to beat.")
    return said
