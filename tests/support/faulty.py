"""A source, a decomposer and a clusterer that work, but for one fault that their parameter names; see ``test_isolation_run``.

Each fault is a function of what the plugin would have given, and gives what the plugin gives instead, or does not come back.
"""

import ctypes
import gc
import os
import random
import signal
import sys
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from synthetic import SyntheticDictionary, SyntheticParams, SyntheticSource

import darkframe
from darkframe.interfaces import Clustering, Decomposition, Diagnostics


class Own(BaseException):
    """An exception that is no ``Exception``."""


class Mute(Exception):
    """An exception that cannot say what is wrong."""

    def __str__(self):
        raise RuntimeError


def raising(error):
    def fault(*_):
        raise error

    return fault


def giving(value):
    return lambda *_: value


def recursion(*_):
    return recursion()


def changed(**values):
    """The record with some fields replaced; a function is given the field."""

    def fault(record, *_):
        given = {name: value(getattr(record, name)) if callable(value) else value for name, value in values.items()}
        return replace(record, **given)

    return fault


def diagnostics(**values):
    return changed(diagnostics=lambda said: replace(said, **values))


def leaves_its_mark(record, *_):
    """Changes what the whole process shares, and draws from it."""
    np.seterr(all="raise")
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.set_num_threads(torch.get_num_threads() + 1)
    os.chdir("/")
    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("error")
    sys.stdout = sys.stderr = None
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    return record


def talks(record, *_):
    """Says one thing in each way there is, once, and closes the door."""
    if sys.stdout.closed:
        return record
    print("by print")
    print("on stderr", file=sys.stderr)
    os.write(1, b"by write\n")
    ctypes.CDLL(None).printf(b"by printf\n")
    warnings.warn("a warning", stacklevel=1)
    sys.stdout.close()
    sys.__stdout__.close()
    return record


ANYWHERE = {
    "raises": raising(ValueError("no\n luck")),
    "mute": raising(Mute()),
    "exits": raising(SystemExit(0)),
    "exits-with-words": raising(SystemExit("enough of it")),
    "generator-exit": raising(GeneratorExit()),
    "stops": raising(StopIteration(3)),
    "own-exception": raising(Own("something")),
    "memory": raising(MemoryError("Unable to allocate 3.00 GiB")),
    "recursion": recursion,
    "none": giving(None),
    "text": giving("result"),
    "marks": leaves_its_mark,
    "talks": talks,
}

# ------------------------------------------------------------ a decomposer


def writes_into_blocks(fitted, rows):
    for block in rows.blocks():
        block *= 0
    np.asarray(rows)[:] = 0
    rows.sample(10, 0)[:] = 0
    rows.mean[:] = 0
    rows.covariance[:] = 0
    torch.from_numpy(rows.mean).fill_(7)
    return fitted


DECOMPOSER = ANYWHERE | {
    "patterns-wide": changed(patterns=lambda a: np.c_[a, a]),
    "patterns-flat": changed(patterns=lambda a: a[0]),
    "patterns-nan": changed(patterns=lambda a: a * np.nan),
    "patterns-infinite": changed(patterns=lambda a: a * np.inf + np.inf),
    "patterns-text": changed(patterns=lambda a: a.astype(str)),
    "patterns-list": changed(patterns=lambda a: a.tolist()),
    "patterns-complex": changed(patterns=lambda a: a + 1j),
    "filters-few": changed(filters=lambda a: a[:1]),
    "mean-none": changed(mean=None),
    "no-components": changed(patterns=lambda a: a[:0], filters=lambda a: a[:0], explained=lambda a: a[:0]),
    "explained-few": changed(explained=lambda a: a[:1]),
    "explained-nan": changed(explained=lambda a: a * np.nan),
    "explained-negative": changed(explained=lambda a: -a),
    "total-nan": changed(explained_total=float("nan")),
    "total-large": changed(explained_total=1.5),
    "total-text": changed(explained_total="all"),
    "diagnostics-none": changed(diagnostics=None),
    "converged-text": diagnostics(converged="yes"),
    "iterations-none": diagnostics(iterations=None),
    "warnings-text": diagnostics(warnings="just one"),
    "identifiability-few": diagnostics(identifiability=(1.0,)),
    "details-object": diagnostics(details={"model": object()}),
    "details-list": diagnostics(details=[1]),
    "writes-into-blocks": writes_into_blocks,
}


@dataclass(frozen=True)
class FaultParams:
    fault: str = darkframe.param("", help="What goes wrong.")
    cured: str = darkframe.param("", help="File from whose existence on nothing goes wrong.")

    def of(self, faults):
        """The fault that is to happen."""
        return (lambda record, *_: record) if not self.fault or (self.cured and Path(self.cured).exists()) else faults[self.fault]


class Decomposer:
    def __init__(self, params):
        self.params = params

    def fit(self, rows, context):
        k = context.n_components
        values, vectors = np.linalg.eigh(rows.covariance)
        patterns, values = vectors.T[::-1][:k].copy(), values[::-1]
        explained = values[:k] / values.sum()
        drawn = [random.random(), float(np.random.rand()), float(torch.rand(()))]  # noqa: NPY002
        told = Diagnostics(True, 0, (), None, None, {"drawn": drawn})
        fitted = Decomposition(rows.mean.copy(), patterns, patterns, explained, float(explained.sum()), told)
        return self.params.of(DECOMPOSER)(fitted, rows)


# ------------------------------------------------------------ a clusterer


def writes(clustering, vectors):
    vectors[0] = 0
    return clustering


def writes_into_base(clustering, vectors):
    while vectors.base is not None:
        vectors = vectors.base
        vectors[0] = 0
    return clustering


def writes_by_torch(clustering, vectors):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.from_numpy(vectors)[:] *= 2
    return clustering


def unlocks(clustering, vectors):
    vectors.flags.writeable = True
    vectors[0] = 0
    return clustering


def labels(make):
    return changed(labels=make)


def large(value):
    def make(a):
        out = a.copy()
        out[0, 0] = value
        return out

    return make


def holed(a):
    out = a.astype(np.float64)
    out[0, 3] = np.nan
    return out


CLUSTERER = ANYWHERE | {
    "labels-list": labels(lambda a: a.tolist()),
    "labels-flat": labels(lambda a: a[0]),
    "labels-few": labels(lambda a: a[:, :-1]),
    "labels-none": labels(lambda a: a[:0]),
    "labels-float": labels(lambda a: a.astype(float)),
    "labels-nan": labels(holed),
    "labels-object": labels(lambda a: a.astype(object)),
    "labels-bool": labels(lambda a: a > 0),
    "labels-low": labels(large(-2)),
    "labels-huge": labels(large(10**12)),
    "clusters-huge": changed(clusters=(10**12, 10**12)),
    "clusters-many": changed(clusters=(2, 4, 8)),
    "does-not-nest": changed(parents=lambda p: (p[0][::-1].copy(),)),
    "parents-missing": changed(parents=()),
    "parents-few": changed(parents=lambda p: (p[0][:1],)),
    "parents-float": changed(parents=lambda p: (p[0] * 1.0,)),
    "parents-list": changed(parents=[[0, 0, 1, 1]]),
    "match-nan": changed(match=lambda m: m * np.nan),
    "match-infinite": changed(match=lambda m: m * np.inf),
    "match-wide": changed(match=lambda m: m[:, :-1]),
    "match-text": changed(match=lambda m: m.astype(str)),
    "margin-infinite": changed(margin=lambda m: np.full((2, 64), np.inf)),
    "vigilance-text": changed(vigilance=("low", "high")),
    "diagnostics-none": changed(diagnostics=None),
    "details-endless": diagnostics(details=(lambda d: d.update(self=d) or d)({})),
    "writes": writes,
    "writes-into-base": writes_into_base,
    "writes-by-torch": writes_by_torch,
    "unlocks": unlocks,
}


class Clusterer:
    """Two levels: the sign of the first coordinate, and of the second."""

    def __init__(self, params):
        self.params = params

    def fit(self, vectors, context):
        top = (vectors[:, 0] > 0).astype(np.int64)
        below = 2 * top + (vectors[:, 1] > 0)
        match = np.ones((2, len(vectors)))
        parents = (np.array([0, 0, 1, 1]),)
        clustering = Clustering(np.stack([top, below]), parents, Diagnostics(True, 0), clusters=(2, 4), match=match)
        return self.params.of(CLUSTERER)(clustering, vectors)


# ------------------------------------------------------------ a source


def batch(**values):
    return changed(**values)


def codes(**values):
    return changed(**values)


def nan_token(x):
    out = x.clone()
    out[5] = float("nan")
    return out


class Half:
    def __init__(self, dictionary):
        self.__dict__ = {**dictionary.__dict__, "W_dec": dictionary.W_dec[:, :-1]}


SOURCE = {
    "card": {
        **ANYWHERE,
        "text-for-a-number": changed(d_model="18"),
        "no-dimensions": changed(d_model=0),
        "no-fingerprint": changed(fingerprint=None),
        "not-json": changed(details={"model": object()}),
        "wider": changed(d_model=19),
        "fewer-features": changed(n_features=63),
    },
    "available_tokens": {"text": giving("many"), "negative": giving(-1)},
    "batches": {
        **ANYWHERE,
        "x-wide": batch(x=lambda x: torch.cat([x, x], 1)),
        "x-flat": batch(x=lambda x: x[0]),
        "x-array": batch(x=lambda x: x.numpy()),
        "x-whole": batch(x=lambda x: x.long()),
        "x-nan": batch(x=nan_token),
        "tokens-few": batch(tokens=lambda t: t[:-1]),
        "tokens-float": batch(tokens=lambda t: t * 1.0),
        "special-whole": batch(special=lambda s: s.astype(int)),
    },
    "dictionary": {"none": giving(None), "raises": raising(OSError("no such file")), "narrow": Half},
    "encode": {
        **ANYWHERE,
        "beyond": codes(indices=lambda i: i + 64),
        "negative": codes(indices=lambda i: i - 64),
        "values-nan": codes(values=lambda v: v * float("nan")),
        "values-few": codes(values=lambda v: v[:-1]),
        "offsets-few": codes(offsets=lambda o: o[:-1]),
        "offsets-mixed": codes(offsets=lambda o: o.flip(0)),
        "features": codes(n_features=65),
        "indices-float": codes(indices=lambda i: i.float()),
    },
    "decode": {
        "raises": raising(ValueError("no")),
        "narrow": lambda x: x[:, :-1],
        "few": lambda x: x[:-1],
        "array": lambda x: x.numpy(),
        "whole": lambda x: x.long(),
    },
    "decode_tokens": {
        "few": lambda texts: texts[:-1],
        "bytes": lambda texts: [text.encode() for text in texts],
        "none": giving(None),
    },
    "logits": {"flat": lambda x: x[0], "few": lambda x: x[:-1], "nan": lambda x: x * float("nan"), "none": giving(None)},
    "unembedding": {"text": giving("head")},
    "lacks": {"list": giving(["text"])},
}
"""Faults by method."""


@dataclass(frozen=True)
class SourceParams(SyntheticParams):
    fault: str = darkframe.param("", help="What goes wrong, and where: method:fault.")
    batch: int = darkframe.param(0, help="Batch from which on it goes wrong, in batches().")
    cured: str = darkframe.param("", help="File from whose existence on nothing goes wrong.")
    unsteady: bool = darkframe.param(False, help="Batches are others each time they are read.")

    def spoil(self, method, value):
        """What the method gives."""
        where, _, name = self.fault.partition(":")
        return value if where != method or (self.cured and Path(self.cured).exists()) else SOURCE[method][name](value)


class Dictionary(SyntheticDictionary):
    def __init__(self, params, plant, device):
        super().__init__(params, plant, device)
        self._params = params

    def encode(self, x):
        return self._params.spoil("encode", super().encode(x))

    def decode(self, codes):
        return self._params.spoil("decode", super().decode(codes))


class Head:
    def __init__(self, params):
        self._params = params

    def logits(self, directions):
        return self._params.spoil("logits", directions.float() @ torch.eye(directions.shape[1], 1001))


class Source(SyntheticSource):
    def card(self):
        return self.params.spoil("card", replace(super().card(), fingerprint=f"faulty {self.params.held} {self.params.massive}"))

    def available_tokens(self):
        return self.params.spoil("available_tokens", super().available_tokens())

    def dictionary(self):
        return self.params.spoil("dictionary", Dictionary(self.params, self.plant, self.device))

    def unembedding(self):
        return self.params.spoil("unembedding", Head(self.params))

    def lacks(self):
        return self.params.spoil("lacks", {})

    def decode_tokens(self, tokens):
        return self.params.spoil("decode_tokens", super().decode_tokens(tokens))

    def batches(self, start=0):
        for number, given in enumerate(super().batches(start), start):
            if self.params.unsteady:
                given = replace(given, x=given.x + torch.randn_like(given.x))
            yield self.params.spoil("batches", given) if number >= self.params.batch else given


# ------------------------------------------------------------ what cannot be made


class Wordless:
    def __init__(self):
        pass


class Raising:
    def __init__(self, params):
        raise RuntimeError("no weights")


class Exiting:
    def __init__(self, params):
        raise SystemExit


class Importing:
    def __init__(self, params):
        import a_package_nobody_has  # noqa: F401


class Empty:
    def __init__(self, params):
        pass


class Prickly:
    def __init__(self, params):
        pass

    @property
    def fit(self):
        raise RuntimeError("not yet")


def function(params):
    return Decomposer(params)


MAKES = {kind.__name__.lower(): kind.__name__ for kind in (Wordless, Raising, Exiting, Importing, Empty, Prickly)}


@darkframe.hookimpl
def darkframe_sources():
    yield darkframe.SourceInfo(
        name="faulty-source", target="faulty:Source", summary="Fails.", params=SourceParams, default_tokens=None
    )


@darkframe.hookimpl
def darkframe_decomposers():
    yield darkframe.DecomposerInfo(name="faulty-pca", target="faulty:Decomposer", summary="Fails.", params=FaultParams)
    targets = MAKES | {"function": "function", "absent": "Absent"}
    for name, target in targets.items():
        yield darkframe.DecomposerInfo(name=name, target=f"faulty:{target}", summary="Fails.", install_hint="pip install it")
    for name in ("extra", "exits", "own", "leaves-marks", "talks"):
        hint = "pip install 'faulty-dist[extra]'" if name == "extra" else ""
        target = f"faulty_late_{name.replace('-', '_')}:Thing"
        yield darkframe.DecomposerInfo(name=f"late-{name}", target=target, summary="Fails.", install_hint=hint)


@darkframe.hookimpl
def darkframe_clusterers():
    yield darkframe.ClustererInfo(name="faulty-signs", target="faulty:Clusterer", summary="Fails.", params=FaultParams)
    for name, target in MAKES.items():
        yield darkframe.ClustererInfo(name=name, target=f"faulty:{target}", summary="Fails.")
