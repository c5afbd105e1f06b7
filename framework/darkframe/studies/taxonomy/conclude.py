"""What it means: each level against its nulls, and what weakens the result."""

from __future__ import annotations

from darkframe.results import (
    ClusterFit,
    Curve,
    DictionaryRecord,
    JunkRecord,
    Level,
    OrderRecord,
    TaxonomyConclusion,
)
from darkframe.studies.taxonomy.judge import ERROR, FEWEST_DRAWS, judge, judged

CATCH_ALL, SINGLETONS, UNSTABLE = 0.5, 0.5, 0.3


def conclude(
    levels: tuple[Level, ...],
    fit: ClusterFit,
    dictionary: DictionaryRecord,
    junk: JunkRecord,
    order: OrderRecord,
    curve: Curve,
    sample: int | None,
    embedding_note: str,
) -> TaxonomyConclusion:
    """The verdict, its headline, what it rests on, and cautions."""
    beat = sum(level.beats_null for level in levels)
    verdict = (
        "unjudged"
        if not all(judged(level.nulls) for level in levels)
        else "structure"
        if beat == len(levels)
        else "some"
        if beat
        else "nothing"
    )
    return TaxonomyConclusion(
        verdict=verdict,
        headline=_headline(verdict, levels, beat) + _mostly_noise(levels[0], fit.rows),
        text=" ".join(_text(verdict, levels)),
        cautions=tuple(_cautions(levels, fit, dictionary, junk, order, curve, sample, embedding_note)),
    )


def _headline(verdict: str, levels: tuple[Level, ...], beat: int) -> str:
    if not any(level.clusters for level in levels):
        return "No clusters: every feature is noise."
    counts = ", ".join(f"{level.clusters:,}" for level in levels)
    clusters = f"{counts} cluster{'s' if counts != '1' else ''}"
    many = f"{len(levels)} levels ({clusters})" if len(levels) > 1 else clusters
    if verdict == "unjudged":
        return f"The features form {many}; whether that is more than chance was not judged."
    if verdict == "structure":
        every = "at every level " if len(levels) > 1 else ""
        return f"The features form {many}, {every}more coherent than rows without clusters give."
    if verdict == "some":
        which = ", ".join(f"L{level.level}" for level in levels if level.beats_null)
        return f"The features form {many}; {beat} of {len(levels)} levels ({which}) {'are' if beat > 1 else 'is'} beyond chance."
    if any(judge(level.quality, level.nulls, rows=level.rows, levels=len(levels)).cohesive for level in levels):
        return f"Nothing to rely on: the {many} hold more alike rows than chance gives, but in other row orders they are others."
    return f"Nothing beyond chance: {many}, no better than rows without clusters give."


def _mostly_noise(first: Level, rows: int) -> str:
    """What must stand beside clusters that most features are in none of."""
    return f" {first.noise / rows:.0%} of the features are in none of level 0's." if rows > first.noise > rows / 2 else ""


def _text(verdict: str, levels: tuple[Level, ...]) -> list[str]:
    if verdict == "unjudged":
        few = f"Fewer than {FEWEST_DRAWS} draws of each null were made (taxonomy.nulls), which cannot bound what chance gives."
        return [f"Any rows form clusters. {few}"]
    draws = min(len(null.draws) for level in levels for null in level.nulls)
    names = " and ".join(null.name for null in levels[0].nulls)
    sentences = [
        f"Each level is held against {draws} draws of each null ({names}), of {levels[0].rows:,} rows each, put through the same "
        f"clusterer; it counts as structure where cohesion and order stability both pass the cut that one more draw of a null "
        f"passes with probability {ERROR / len(levels):.2g}."
    ]
    if any(judge(level.quality, level.nulls, rows=level.rows, levels=len(levels)).alone for level in levels):
        sentences.append(
            "This clusterer gives much the same clusters in every order of the rows, of the nulls' rows too, so that cohesion "
            "alone decides: a cloud that is merely not elliptical may pass it."
        )
    return sentences + [f"L{level.level}: {level.reason}." for level in levels]


def _cautions(
    levels: tuple[Level, ...],
    fit: ClusterFit,
    dictionary: DictionaryRecord,
    junk: JunkRecord,
    order: OrderRecord,
    curve: Curve,
    sample: int | None,
    embedding_note: str,
) -> list[str]:
    said = list(fit.warnings)
    if not fit.converged:
        said.append(f"The clustering did not converge in {fit.iterations} iterations.")
    if junk.note:
        said.append(junk.note)
    if dictionary.dead:
        said.append(f"{dictionary.dead:,} features have a decoder row of zero length, and no direction: they are left out.")
    if sample is not None and sample > order.kept:
        said.append(f"taxonomy.sample is {sample:,}, but {order.kept:,} features are left: all of them are clustered.")
    elif order.sampled:
        said.append(f"{order.n:,} of {order.kept:,} features were drawn; the others have no cluster.")
    for level in levels:
        said += _level_cautions(level, fit.rows)
    if levels[0].nulls and levels[0].rows < fit.rows:
        said.append(f"Orders and nulls used {levels[0].rows:,} of {fit.rows:,} rows (taxonomy.check_rows).")
    if curve.note:
        said.append(f"There is no vigilance curve: {curve.note}")
    if embedding_note:
        said.append(f"There is no scatter: {embedding_note}")
    return said


def _noise(noise: int, rows: int) -> str:
    if noise == rows:
        return "every feature is noise: there are no clusters."
    return f"{noise:,} features ({noise / rows:.1%}) are noise, in no cluster."


def _level_cautions(level: Level, rows: int) -> list[str]:
    said, name = [], f"L{level.level}"
    if level.clusters == 1:
        said.append(f"{name}: all features {'that are not noise ' if level.noise else ''}are in one cluster.")
    elif level.largest_share > CATCH_ALL:
        said.append(f"{name}: the largest cluster holds {level.largest_share:.0%} of the features: a catch-all.")
    if level.singletons > SINGLETONS * level.clusters and level.clusters > 2:
        said.append(f"{name}: {level.singletons:,} of {level.clusters:,} clusters have a single member.")
    if level.noise:
        said.append(f"{name}: {_noise(level.noise, rows)}")
    stability = level.quality.stability
    if level.clusters > 1 and stability < UNSTABLE:
        said.append(
            f"{name}: other row orders give other clusters (adjusted Rand index {stability:.2f}); any one may be accidental."
        )
    return said
