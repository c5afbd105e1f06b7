"""Records of step 7: the tokens that components respond to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """One top-activating token, with its context inside its own document; texts are raw: whoever shows them escapes them.

    Attributes:
        token: Token id.
        text: What it reads.
        activation: The component's source there, signed, in the residual's units along its unmixing filter.
        document: Number of its document.
        position: Its place in that document, from 0.
        before, after: Text of the ``study.context`` tokens before and after it.

    Computed in:
        studies/steps/interpret.py
    """

    token: int
    text: str
    activation: float
    document: int
    position: int
    before: str
    after: str


@dataclass(frozen=True)
class ComponentExamples:
    """Top examples of one component.

    Attributes:
        component: Its number.
        kurtosis: Its ``ComponentMatch.kurtosis``.
        examples: The ``study.examples`` tokens of largest |activation|, largest first; massive tokens only where fits use them.

    Computed in:
        studies/steps/interpret.py
    """

    component: int
    kurtosis: float
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Interpret:
    """Step 7: what components respond to.

    Attributes:
        components: The ``study.interpret`` components of lowest cosine, then at most as many others that beat the null, by
            kurtosis.

    Computed in:
        studies/steps/interpret.py
    """

    components: tuple[ComponentExamples, ...]
