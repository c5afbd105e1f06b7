"""The three contracts (source, decomposer, clusterer) and the records that flow between them.

Importing this module imports neither numpy nor torch, so that plugins can refer to it at start-up.
Shapes: N tokens (rows), d = d_model, F features of the dictionary, k components.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from darkframe.progress import Progress, QuietProgress

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]
    I32 = NDArray[np.int32]
    I64 = NDArray[np.int64]
    Bool = NDArray[np.bool_]


# ---------------------------------------------------------------- sources


@dataclass(frozen=True, eq=False)
class Batch:
    """One batch of activations, in the order of the text.

    Attributes:
        tokens: (n,) int32 token ids.
        documents: (n,) int32 index of the token's document among the documents read (skipped ones not counted).
        positions: (n,) int32 place of the token in its own document, from 0; −1 for special tokens.
        context_positions: (n,) int32 place of the token in the model's input row, from 0.
        special: (n,) bool, True for BOS, EOS and padding: left out of everything, but for the ledger's "with position 0".
        x: (n, d) float32 activations on the run's device.
        skipped: Documents left out for being too short, from the start of the text up to this batch.
    """

    tokens: I32
    documents: I32
    positions: I32
    context_positions: I32
    special: Bool
    x: torch.Tensor
    skipped: int = 0


@dataclass(frozen=True, eq=False)
class Codes:
    """Sparse feature activations of n tokens, row-compressed, on one device.

    Attributes:
        offsets: (n + 1,) int64; token i owns entries ``offsets[i]:offsets[i + 1]``.
        indices: (nnz,) int64 feature ids, ascending within a token.
        values: (nnz,) float32 activations, non-zero.
        n_features: F.
    """

    offsets: torch.Tensor
    indices: torch.Tensor
    values: torch.Tensor
    n_features: int

    def __len__(self) -> int:
        """Number of tokens n."""
        return len(self.offsets) - 1

    def __getitem__(self, rows: slice) -> Codes:
        """Codes of consecutive tokens."""
        start, stop, step = rows.indices(len(self))
        if step != 1:
            raise ValueError("codes are cut into consecutive rows only")
        offsets = self.offsets[start : max(start, stop) + 1]
        entries = slice(int(offsets[0]), int(offsets[-1]))
        return Codes(offsets - offsets[0], self.indices[entries], self.values[entries], self.n_features)

    @classmethod
    def from_dense(cls, activations: torch.Tensor) -> Codes:
        """Codes of dense activations (n, F); what is not zero is kept, NaN included."""
        rows, features = activations.nonzero().unbind(dim=1)  # in row order
        offsets = rows.new_zeros(len(activations) + 1)
        offsets[1:] = rows.bincount(minlength=len(activations)).cumsum(0)
        return Codes(offsets, features.contiguous(), activations[rows, features].float(), activations.shape[1])

    @classmethod
    def concatenate(cls, parts: Sequence[Codes]) -> Codes:
        """Codes of several runs of tokens (at least one), one after another."""
        import torch

        counts = torch.cat([part.offsets.diff() for part in parts])
        offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        indices = torch.cat([part.indices for part in parts])
        return Codes(offsets, indices, torch.cat([part.values for part in parts]), parts[0].n_features)

    def to_dense(self) -> torch.Tensor:
        """Dense activations (n, F) float32."""
        import torch

        rows = torch.repeat_interleave(torch.arange(len(self), device=self.offsets.device), self.offsets.diff())
        dense = self.values.new_zeros((len(self), self.n_features))
        dense[rows, self.indices] = self.values
        return dense


class Dictionary(Protocol):
    """An SAE's dictionary. ``decode(encode(x))`` is the reconstruction x̂ in the same space as x."""

    W_dec: torch.Tensor  # (F, d) float32 decoder directions, one row a feature
    W_enc: torch.Tensor | None  # (d, F) float32
    b_enc: torch.Tensor | None  # (F,)
    b_dec: torch.Tensor | None  # (d,)

    def encode(self, x: torch.Tensor) -> Codes:
        """Feature activations of x (n, d), without gradients."""

    def decode(self, codes: Codes) -> torch.Tensor:
        """Reconstruction (n, d) float32 of the codes."""


class Unembedding(Protocol):
    """Final norm and unembedding, for the logit lens."""

    def logits(self, directions: torch.Tensor) -> torch.Tensor:
        """Final norm, then W_U: (n, d) residual-stream directions to (n, vocabulary) logits."""


@dataclass(frozen=True)
class SourceCard:
    """What a source is, for the manifest and the reader.

    Attributes:
        model: Name of the language model.
        dictionary: Name of the SAE.
        hook_point: TransformerLens-style name of the site, such as ``blocks.6.hook_resid_pre``.
        d_model: d.
        n_features: F.
        context_size: Tokens in one row of the model's input, BOS included.
        packing: How documents fill rows, in words.
        text: What text is read, in words.
        fingerprint: Hash over everything the activations and codes depend on (weights, text, packing, batch size, dtype).
        details: Anything else worth recording (revisions, licences, SAE architecture), JSON-serialisable.
    """

    model: str
    dictionary: str
    hook_point: str
    d_model: int
    n_features: int
    context_size: int
    packing: str
    text: str
    fingerprint: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Usage:
    """How an SAE is used, or how somebody says it is to be used; None and empty: not said.

    Attributes:
        by: Who says so, such as ``"the SAE's cfg.json"``.
        model: Name of the language model.
        hook_point: Site it reads.
        d_model: Width it reads.
        n_features: F.
        context_size: Tokens in a row, BOS included.
        bos: Whether rows begin with BOS.
        centred: Whether activations lose their mean over d_model (centred writing weights).
        dtype: What the model computes in.
        normalize_activations: How activations are rescaled before the SAE, in SAELens's words (``"none"``).
        loading: Arguments for loading the model (``model_from_pretrained_kwargs``).
        not_applied: Those of ``loading`` that were not applied.
    """

    by: str
    model: str | None = None
    hook_point: str | None = None
    d_model: int | None = None
    n_features: int | None = None
    context_size: int | None = None
    bos: bool | None = None
    centred: bool | None = None
    dtype: str | None = None
    normalize_activations: str | None = None
    loading: Mapping[str, Any] = field(default_factory=dict)
    not_applied: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishedFigures:
    """What an SAE's publisher measured; None: not published.

    Attributes:
        by: Where it is published.
        l0: Mean number of active features a token.
        explained_variance: Share of the activations' variance.
        definition: Which of the ledger's definitions ``explained_variance`` has, where that is known.
        cross_entropy: Model's next-token loss, nats.
        cross_entropy_spliced: The same with the SAE spliced in, nats.
        recovered: Share of the loss between ablation and the model that the SAE recovers.
    """

    by: str
    l0: float | None = None
    explained_variance: float | None = None
    definition: str = ""
    cross_entropy: float | None = None
    cross_entropy_spliced: float | None = None
    recovered: float | None = None


@dataclass(frozen=True)
class Wiring:
    """How a source uses its SAE, beside what is said of that SAE.

    Attributes:
        applied: What the source does.
        stated: What the SAE's metadata and its publisher say, the nearest to the SAE first.
        figures: What its publisher measured, if known.
    """

    applied: Usage
    stated: tuple[Usage, ...] = ()
    figures: PublishedFigures | None = None


@dataclass(frozen=True)
class Fetched:
    """Something that was downloaded, or was there already.

    Attributes:
        what: ``"model"``, ``"SAE"`` or ``"text"``.
        name: Its repository.
        commit: The commit it is of.
        files: How many files.
        bytes: How much.
        folder: Where it lies.
    """

    what: str
    name: str
    commit: str
    files: int
    bytes: int
    folder: Path


@dataclass(frozen=True)
class SourceContext:
    """What the framework tells a source when it opens it: ``Class(params, context)``.

    Attributes:
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:N"``, resolved.
        seed: The run's seed.
        cache: Folder for anything the source wants to keep between runs.
        progress: Where to report downloads and loading.
    """

    device: str = "cpu"
    seed: int = 42
    cache: Path = Path()
    progress: Progress = field(default_factory=QuietProgress)


@runtime_checkable
class Source(Protocol):
    """Where activations and the dictionary come from. Constructed as ``Class(params, context)``; opens lazily."""

    def card(self) -> SourceCard:
        """Say what this source is; may load configuration but should not run the model."""

    def available_tokens(self) -> int | None:
        """Number of non-special tokens the text holds, or None if that is only known at its end."""

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """Batches from number ``start`` on; batch i is the same (same bytes) whatever ``start`` was."""

    def dictionary(self) -> Dictionary:
        """The SAE."""

    def unembedding(self) -> Unembedding | None:
        """Final norm and unembedding, or None if the source has none."""

    def decode_tokens(self, tokens: Sequence[int]) -> list[str]:
        """Each token's text on its own (not escaped: whoever shows it escapes it)."""


@runtime_checkable
class Wired(Protocol):
    """A source that can say how it uses its SAE; optional, for ``darkframe doctor``."""

    def wiring(self) -> Wiring:
        """How the SAE is used, and what is said of it."""


@runtime_checkable
class Predicts(Protocol):
    """A source whose model predicts tokens; optional, for ``darkframe doctor``."""

    def losses(self, tokens: I32, patch: Callable[[torch.Tensor], torch.Tensor] | None = None) -> torch.Tensor:
        """Next-token losses (rows, slots − 1) in nats of token rows (rows, slots); ``patch`` replaces the site's activations.

        ``patch`` maps (rows · slots, d) float32, as ``batches`` gives them, to what the model goes on with.
        """


@runtime_checkable
class Fetches(Protocol):
    """A source that downloads; optional, for ``darkframe fetch``."""

    def fetch(self, tokens: int | None) -> Sequence[Fetched]:
        """Download what a run of so many tokens (None: all the text holds) needs, and say what there is now."""


# ---------------------------------------------------------------- rows


class Rows(Protocol):
    """N rows of d float32 values that need not fit in memory; what a decomposer is fitted on.

    ``mean`` and ``covariance`` are exact (one streamed pass, float64; the covariance divides by N − 1).
    ``np.asarray(rows)`` gives everything, for estimators that need it.
    """

    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def key(self) -> str:
        """Content hash: equal keys mean equal rows."""

    @property
    def mean(self) -> F64:
        """(d,) float64."""

    @property
    def covariance(self) -> F64:
        """(d, d) float64."""

    def blocks(self, size: int = 8192) -> Iterator[F32]:
        """Consecutive (≤ size, d) blocks in order; each is valid until the next is asked for, and must not be written to."""

    def sample(self, n: int, seed: int) -> F32:
        """min(n, N) rows without replacement, seeded, in row order: (n, d) float32 of the caller's own."""

    def __len__(self) -> int: ...
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]: ...


# ---------------------------------------------------------------- decomposers


@dataclass(frozen=True)
class FitContext:
    """What the framework hands to every fit.

    Attributes:
        seed: Seed of everything random in the fit.
        n_components: Recommended number of components (step 3 of the study), used where the plugin's own parameter is None.
        scratch: An existing folder for temporary files, removed afterwards; None: use memory.
        progress: Where to report.
        device: Resolved device of the run.
    """

    seed: int = 42
    n_components: int | None = None
    scratch: Path | None = None
    progress: Progress = field(default_factory=QuietProgress)
    device: str = "cpu"


@dataclass(frozen=True)
class Diagnostics:
    """What a fit must say about itself. A result that hides non-convergence is a lie.

    Attributes:
        converged: Whether the plugin's stated criterion was met (True for closed forms).
        iterations: Iterations used (0 for closed forms).
        warnings: Sentences for the reader.
        gradient: Final gradient norm of the objective, or None where there is none.
        identifiability: (k,) per component, or None; for ICA |E[g'(y)] − E[y g(y)]|: below 10/√N a direction is arbitrary.
        details: Anything else, JSON-serialisable.
    """

    converged: bool
    iterations: int
    warnings: tuple[str, ...] = ()
    gradient: float | None = None
    identifiability: tuple[float, ...] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Decomposition:
    """k components of N centred rows: ``sources = (e − mean) @ filters.T`` and ``e ≈ mean + sources @ patterns``.

    Attributes:
        mean: (d,) float64.
        patterns: (k, d) float64, mixing: what a unit of each source adds to the activation. Compared with decoder directions.
        filters: (k, d) float64, unmixing: what reads each source off a centred row.
        explained: (k,) float64, closed-form share of the rows' total variance each component explains.
        explained_total: Share of the total variance of ``mean + sources @ patterns`` together (≤ 1).
        diagnostics: See ``Diagnostics``.
    """

    mean: F64
    patterns: F64
    filters: F64
    explained: F64
    explained_total: float
    diagnostics: Diagnostics

    @property
    def directions(self) -> F64:
        """(k, d) patterns scaled to unit length."""
        import numpy as np

        lengths = np.linalg.norm(self.patterns, axis=1, keepdims=True)
        unit: F64 = self.patterns / np.maximum(lengths, np.finfo(np.float64).tiny)
        return unit

    def transform(self, block: NDArray[Any]) -> F32:
        """Sources (n, k) float32 of a block of rows (n, d)."""
        import numpy as np

        centred = np.asarray(block, np.float32) - self.mean.astype(np.float32)  # first: a huge mean would eat the digits
        out: F32 = centred @ self.filters.T.astype(np.float32)
        return out


@runtime_checkable
class Decomposer(Protocol):
    """Splits rows into components. Constructed as ``Class(params)``."""

    def fit(self, rows: Rows, context: FitContext) -> Decomposition:
        """Fit to all rows; never changes them."""


# ---------------------------------------------------------------- clusterers


@dataclass(frozen=True, eq=False)
class Clustering:
    """Labels of n vectors at one or more levels, coarsest first.

    Attributes:
        labels: (levels, n) int64; −1 marks noise.
        parents: For each level after the first, (clusters of that level,) int64 cluster ids of the level above.
        diagnostics: See ``Diagnostics``.
    """

    labels: I64
    parents: tuple[I64, ...]
    diagnostics: Diagnostics


@runtime_checkable
class Clusterer(Protocol):
    """Groups vectors. Constructed as ``Class(params)``."""

    def fit(self, vectors: F32, context: FitContext) -> Clustering:
        """Cluster (n, d) vectors in the order given."""
