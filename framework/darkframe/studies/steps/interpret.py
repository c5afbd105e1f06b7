"""Step 7: the tokens on which the most novel components are largest, in their own documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from darkframe.errors import PluginError
from darkframe.results import ComponentExamples, Example, Interpret, Match
from darkframe.store.records import record_from_plain
from darkframe.studies.steps.base import Arrays, Outcome, Study


@dataclass(frozen=True)
class _Place:
    """One example before its text is known: token ids of the context before, itself, and after."""

    row: int
    value: float
    before: tuple[int, ...]
    token: int
    after: tuple[int, ...]


def interpret(study: Study, match: Match, projected: Outcome, depends: str) -> tuple[Interpret, float]:
    """Examples of the ``study.interpret`` components of lowest max |cos|; massive tokens are no examples unless fits use them."""
    chosen = [c.component for c in sorted(match.components, key=lambda c: c.cosine)][: study.params.interpret]

    def compute(_: object) -> tuple[Interpret, Arrays]:
        places = {component: _places(study, projected, component) for component in chosen}
        texts = decode(
            study, [token for made in places.values() for place in made for token in (*place.before, place.token, *place.after)]
        )
        kurtosis = projected.arrays["component_kurtosis"]
        shown = [ComponentExamples(c, float(kurtosis[c]), tuple(_example(study, p, texts) for p in places[c])) for c in chosen]
        return Interpret(tuple(shown)), {}

    inputs = {"depends": [depends, projected.key], "components": chosen, "context": study.params.context}
    outcome = study.step("interpret", inputs, compute)
    return record_from_plain(Interpret, outcome.record), outcome.seconds


def _places(study: Study, projected: Outcome, component: int) -> list[_Place]:
    values, rows = projected.arrays["top_values"][component], projected.arrays["top_rows"][component]
    return [_place(study, int(row), float(value)) for row, value in zip(rows, values) if row >= 0]


def _place(study: Study, row: int, value: float) -> _Place:
    tokens, width = study.collection.array("tokens"), study.params.context
    before = context_rows(study, row, -1, width)[::-1]
    after = context_rows(study, row, 1, width)
    return _Place(row, value, tuple(int(tokens[r]) for r in before), int(tokens[row]), tuple(int(tokens[r]) for r in after))


def context_rows(study: Study, row: int, step: int, width: int) -> list[int]:
    """Up to ``width`` rows before (−1) or after (1) a row, as long as they are the very next tokens of the same document."""
    documents, positions = study.collection.array("documents"), study.collection.array("positions")
    rows: list[int] = []
    for distance in range(1, width + 1):
        other = row + step * distance
        if not 0 <= other < len(documents) or documents[other] != documents[row]:
            break
        if positions[other] != positions[row] + step * distance:
            break
        rows.append(other)
    return rows


def decode(study: Study, tokens: Sequence[int]) -> dict[int, str]:
    """Texts of distinct tokens, in one call to the source."""
    distinct = sorted(set(tokens))
    if not distinct:
        return {}
    texts = study.source.decode_tokens(distinct)
    if len(texts) != len(distinct):
        name = study.config.source.name
        raise PluginError(f"The source {name!r} gave {len(texts)} texts for {len(distinct)} tokens; one for each was expected.")
    return dict(zip(distinct, texts))


def _example(study: Study, place: _Place, texts: dict[int, str]) -> Example:
    return Example(
        token=place.token,
        text=texts[place.token],
        activation=place.value,
        document=int(np.asarray(study.collection.array("documents")[place.row])),
        position=int(np.asarray(study.collection.array("positions")[place.row])),
        before="".join(texts[token] for token in place.before),
        after="".join(texts[token] for token in place.after),
    )
