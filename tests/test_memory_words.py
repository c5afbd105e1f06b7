"""Memory that runs out is said in one sentence: in which step, with how much at once, and what to lower."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from support.tinylm import make_assets

import darkframe
from darkframe.errors import DataError, OutOfMemoryError, UserError
from darkframe.interfaces import SourceContext
from darkframe.lm import hooked, sae
from darkframe.lm.memory import memory_words, ran_out
from darkframe_tiny.plugin import TinyParams
from darkframe_tiny.source import TinySource

CPU = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "3221225472 bytes. Error code 12 (Cannot allocate memory)"
)
GPU = "CUDA out of memory. Tried to allocate 2.25 GiB. GPU 0 has a total capacity of 7.79 GiB of which 1.02 GiB is free."
FAULTS = {
    "cpu": (RuntimeError(CPU), "Memory ran out", "(3,072 MiB more were wanted)"),
    "gpu": (torch.OutOfMemoryError(GPU), "The GPU's memory ran out", "(2.25 GiB more were wanted)"),
    "python": (MemoryError(), "Memory ran out", "tokens."),
    "numpy": (np._core._exceptions._ArrayMemoryError((1 << 30,), np.dtype(np.float64)), "Memory ran out", "8.00 GiB"),
}


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    return make_assets(tmp_path_factory.mktemp("assets") / "tiny")


def failing(error, after=0):
    """A method that raises from its call number ``after`` on, and does its work before."""
    calls = []

    def wrap(method):
        def call(*args, **kwargs):
            calls.append(1)
            if len(calls) > after:
                raise error
            return method(*args, **kwargs)

        return call

    return wrap


def tiny(assets):
    return TinySource(TinyParams(assets=assets, batch_size=4), SourceContext())


@pytest.mark.parametrize("fault", FAULTS)
def test_in_the_model(assets, monkeypatch, fault):
    error, first, amount = FAULTS[fault]
    monkeypatch.setattr(hooked.HookedModel, "activations", failing(error)(hooked.HookedModel.activations))
    with pytest.raises(OutOfMemoryError) as caught:
        next(tiny(assets).batches())
    assert caught.value.message.startswith(first)
    assert "while the model computed a batch of 4 rows of 16 tokens" in caught.value.message
    assert amount in caught.value.message
    assert "a lower source.batch_size than 4" in caught.value.hint
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(("module", "name", "what"), [(hooked, "load_model", "the model"), (sae, "load_sae", "the SAE")])
def test_while_something_is_loaded(assets, monkeypatch, module, name, what):
    refused = DataError("cannot be opened")
    refused.__cause__ = RuntimeError(CPU)  # as loaders wrap what libraries raise
    for error in (RuntimeError(CPU), refused):
        monkeypatch.setattr(module, name, failing(error)(None))
        with pytest.raises(OutOfMemoryError, match=f"Memory ran out while {what} was loaded") as caught:
            tiny(assets).dictionary() if what == "the SAE" else next(tiny(assets).batches())
        assert "whatever the batch size is" in caught.value.hint


def test_other_errors_stay_what_they_are():
    for error in (ValueError("out of memory"), RuntimeError("shapes differ"), DataError("no such file")):
        with pytest.raises(type(error)) as caught, memory_words("this was done", "Do that."):
            raise error
        assert caught.value is error
    assert not ran_out(KeyError("cuda"))


@pytest.mark.parametrize(("method", "words"), [("encode", "the SAE encoded a batch"), ("decode", "the SAE decoded a batch")])
def test_in_a_run_what_was_collected_stays_and_the_batch_size_is_part_of_it(assets, tmp_path, monkeypatch, method, words):
    monkeypatch.setenv("DARKFRAME_CACHE", str(tmp_path / "cache"))
    settings = {"source.assets": assets, "source.batch_size": 4, "decomposer.n_components": 4}
    with monkeypatch.context() as patch:
        dictionary = sae.SaeDictionary
        patch.setattr(dictionary, method, failing(RuntimeError(CPU), after=2)(getattr(dictionary, method)))
        with pytest.raises(OutOfMemoryError, match=f"Memory ran out while {words}") as caught:
            darkframe.run("tiny", "pca", set=settings, out=tmp_path / "run", force=True)
    assert "a lower source.batch_size than 4: collecting begins anew" in caught.value.hint
    assert darkframe.api.run_path_of(caught.value) == tmp_path / "run"
    with pytest.raises(UserError, match=r"begun with source.batch_size = 4; it cannot be resumed with 2"):
        darkframe.run(resume=tmp_path / "run", set={"source.batch_size": 2})


def test_a_real_allocation_that_cannot_be_served():
    code = (
        "import resource, torch\n"
        "from darkframe.lm.memory import ran_out\n"
        "resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))\n"
        "for ask in (lambda: torch.empty(1 << 38), lambda: __import__('numpy').ones(1 << 36), lambda: bytearray(1 << 38)):\n"
        "    try:\n"
        "        ask()\n"
        "    except Exception as error:\n"
        "        assert ran_out(error), repr(error)\n"
        "    else:\n"
        "        raise SystemExit('it was served')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
