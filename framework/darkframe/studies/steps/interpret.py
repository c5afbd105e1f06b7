"""Step 7: the tokens on which the most novel components are largest, in their own documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from darkframe.errors import PluginError
from darkframe.results import ComponentExamples, Example, Interpret, Match
from darkframe.store.records import record_from_plain
from darkframe.studies.steps.base import Arrays, Outcome, Study

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class _Place:
    """One example before its text is known: token ids of the context before, itself, and after."""

    value: float
    before: tuple[int, ...]
    token: int
    after: tuple[int, ...]
    document: int
    position: int

    @property
    def tokens(self) -> tuple[int, ...]:
        return (*self.before, self.token, *self.after)


class Text:
    """Which token stands where: the collection's ``tokens``, ``documents`` and ``positions``.

    Args:
        tokens, documents, positions: (N,) in the order of the text.
        width: Tokens of context on each side.
    """

    def __init__(self, tokens: NDArray[Any], documents: NDArray[Any], positions: NDArray[Any], width: int) -> None:
        self._tokens, self._documents, self._positions, self._width = tokens, documents, positions, width

    def neighbours(self, row: int, step: int) -> list[int]:
        """Up to ``width`` rows after (step 1) or before (−1) a row, as long as they are the very next tokens of its document."""
        rows: list[int] = []
        for distance in range(1, self._width + 1):
            other = row + step * distance
            if not 0 <= other < len(self._documents) or self._documents[other] != self._documents[row]:
                break
            if self._positions[other] != self._positions[row] + step * distance:
                break
            rows.append(other)
        return rows

    def place(self, row: int, value: float) -> _Place:
        """A row with its context."""
        before, after = self.neighbours(row, -1)[::-1], self.neighbours(row, 1)
        ids = [tuple(int(self._tokens[r]) for r in side) for side in (before, after)]
        return _Place(value, ids[0], int(self._tokens[row]), ids[1], int(self._documents[row]), int(self._positions[row]))


def worth_reading(match: Match, count: int) -> list[int]:
    """The ``count`` components of lowest max |cos|, then at most as many of the others that beat the null, by kurtosis."""
    novel = sorted(match.components, key=lambda c: c.cosine)[:count]
    beating = sorted((c for c in match.components if c.beats_null and c not in novel), key=lambda c: -c.kurtosis)
    return [c.component for c in (*novel, *beating[:count])]


def interpret(study: Study, match: Match, projected: Outcome, depends: str) -> tuple[Interpret, float]:
    """Examples of components worth reading; massive tokens are no examples unless fits use them."""
    chosen = worth_reading(match, study.params.interpret)

    def compute(_: object) -> tuple[Interpret, Arrays]:
        array = study.collection.array
        text = Text(array("tokens"), array("documents"), array("positions"), study.params.context)
        places = {component: _places(text, projected, component) for component in chosen}
        decoded = _decode(study, {token for made in places.values() for place in made for token in place.tokens})
        kurtosis = projected.arrays["component_kurtosis"]
        shown = (ComponentExamples(c, float(kurtosis[c]), tuple(_example(place, decoded) for place in places[c])) for c in chosen)
        return Interpret(tuple(shown)), {}

    inputs = {"depends": [depends, projected.key], "components": chosen, "context": study.params.context}
    outcome = study.step("interpret", inputs, compute)
    return record_from_plain(Interpret, outcome.record), outcome.seconds


def _places(text: Text, projected: Outcome, component: int) -> list[_Place]:
    values, rows = projected.arrays["top_values"][component], projected.arrays["top_rows"][component]
    return [text.place(int(row), float(value)) for row, value in zip(rows, values) if row >= 0]


def _decode(study: Study, tokens: set[int]) -> dict[int, str]:
    """Texts of distinct tokens, in one call to the source."""
    distinct = sorted(tokens)
    texts = study.source.decode_tokens(distinct) if distinct else []
    if len(texts) != len(distinct):
        name = study.config.source.name
        raise PluginError(f"The source {name!r} gave {len(texts)} texts for {len(distinct)} tokens; one for each was expected.")
    return dict(zip(distinct, texts))


def _example(place: _Place, texts: dict[int, str]) -> Example:
    return Example(
        token=place.token,
        text=texts[place.token],
        activation=place.value,
        document=place.document,
        position=place.position,
        before="".join(texts[token] for token in place.before),
        after="".join(texts[token] for token in place.after),
    )
