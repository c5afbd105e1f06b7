"""The embedded model as shipped: it keeps a source's contract, is as good as its card says, and a run on it ends."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from darkframe import SourceContext
from darkframe_tiny.plugin import TinyParams
from darkframe_tiny.source import TinySource

ASSETS = Path(sys.modules[TinySource.__module__].__file__).parent / "assets"


@pytest.fixture(scope="module")
def tiny():
    return TinySource(TinyParams(), SourceContext())


def test_it_holds_enough_text_and_the_card_says_how_much(tiny):
    measured = json.loads((ASSETS / "metrics.json").read_text())
    assert tiny.available_tokens() == measured["language_model"]["tokens"] >= 300_000


def test_the_sae_is_as_good_on_the_spot_as_its_card_says(tiny):
    card = json.loads((ASSETS / "metrics.json").read_text())["sae"]
    dictionary, x, e, active = tiny.dictionary(), [], [], 0
    for number, batch in enumerate(tiny.batches()):
        kept = batch.x[~batch.special]
        codes = dictionary.encode(kept)
        x.append(kept.double().numpy())
        e.append((kept - dictionary.decode(codes)).double().numpy())
        active += len(codes.values)
        if number == 7:
            break
    x, e = np.concatenate(x), np.concatenate(e)
    explained = 1 - (e**2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    assert 0.75 <= explained <= 0.9
    assert explained == pytest.approx(card["explained_variance"], abs=0.02)
    assert active / len(x) == pytest.approx(card["l0"], abs=1.5)


def test_checkpoints_are_dictionaries_of_the_same_site_and_end_in_the_sae(tiny):
    files = sorted((ASSETS / "checkpoints").glob("*.safetensors"))
    assert len(files) >= 4
    decoders = [load_file(file)["W_dec"].astype(np.float32) for file in files]
    final = tiny.dictionary().W_dec.numpy()
    assert {decoder.shape for decoder in decoders} == {final.shape}
    cosines = [float((decoder * final).sum(axis=1).mean()) for decoder in decoders]
    assert cosines[-1] == pytest.approx(1, abs=1e-3)
    assert cosines == sorted(cosines)


def test_the_installed_command_runs_on_it(tmp_path):
    command = [Path(sys.executable).with_name("darkframe"), "run", "--quick", "--tokens", "6000", "--json"]
    small = ["--set", "decomposer.n_components=8", "--set", "study.null_directions=20", "--out", str(tmp_path / "run")]
    environment = {"DARKFRAME_CACHE": str(tmp_path / "cache"), "PATH": "", "HOME": str(tmp_path)}
    done = subprocess.run([*command, *small], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert results["collect"]["tokens_kept"] == 6000
    assert results["decompose"]["n_components"] == 8
    assert (tmp_path / "run" / "report.html").is_file()
    assert "collect    6,000 tokens of" in done.stderr and "MB in the activation cache" in done.stderr
