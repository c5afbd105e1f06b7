"""The taxonomy of Pythia-410m's SAE from a hub on loopback, by the installed command, against a plain script."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from support.hub_pythia import LATENTS, RELEASES, WIDTH, add_pythia, make_pythia
from transformers import AutoModelForCausalLM, AutoTokenizer

from darkframe import load

SITE = "layers.12.mlp"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_pythia(tmp_path_factory.mktemp("pythia"), "410m")


def run(hub_environment, folder):
    command = [sys.executable, "-m", "darkframe", "run", "--source", "pythia-410m", "--clusterer", "smart", "--seed", "5"]
    command += ["--set", "taxonomy.nulls=2", "--set", "embedding_rows=0", "--set", "junk_tokens=0", "--out", str(folder / "run")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **hub_environment, "DARKFRAME_CACHE": str(folder / "cache")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return load(folder / "run"), done.stdout


def test_the_command_organises_a_layers_features(empty_hub, hub_environment, made, tmp_path):
    add_pythia(empty_hub, made, "410m")
    result, printed = run(hub_environment, tmp_path)
    taxonomy = result.taxonomy
    assert taxonomy.dictionary.site == SITE
    assert set(taxonomy.dictionary.available) >= {"layers.12.mlp", "layers.13.mlp"}
    assert (taxonomy.dictionary.n_features, taxonomy.dictionary.d_model) == (LATENTS, WIDTH)
    assert sorted(result.arrays["taxonomy_features"]) == list(range(LATENTS))
    assert [level.vigilance for level in taxonomy.levels] == [0.2, 0.5, 0.8]
    assert taxonomy.conclusion.headline.split()[0] in printed
    assert not empty_hub.asked("*datasets*"), "a taxonomy reads no text"
    assert not empty_hub.asked("*resolve*layers.13*"), "only the layer's own SAE is downloaded"
    details = taxonomy.source["details"]
    assert details["sae"]["commit"] and details["model"]["commit"]
    assert RELEASES["410m"][2] in json.dumps(details)
    check_tokens(result, made)


def check_tokens(result, made):
    """Tokens of clusters are those of a plain script: transformers' own final norm and unembedding."""
    model = AutoModelForCausalLM.from_pretrained(made / "model", dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(made / "model")
    decoder = load_file(made / "saes" / SITE / "sae.safetensors")["W_dec"].float()
    features, labels = result.arrays["taxonomy_features"], result.arrays["taxonomy_labels"]
    for cluster in result.clusters.largest(1, 3):
        members = torch.from_numpy(np.asarray(features)[labels[1] == cluster])
        direction = decoder[members].mean(dim=0) - decoder.mean(dim=0)
        with torch.no_grad():
            logits = model.get_output_embeddings()(model.gpt_neox.final_layer_norm(direction[None]))[0]
        expected = logits.topk(10)
        record = result.clusters.cluster(1, cluster)
        assert record.tokens == tuple(tokenizer.decode([token]) for token in expected.indices.tolist())
        np.testing.assert_allclose(record.logits, expected.values, atol=1e-4)
        assert set(record.features) <= set(members.tolist())
