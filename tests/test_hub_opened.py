"""The unmodified libraries, inside ``opened``: exactly the snapshots, and not a single request."""

import json
import threading
from pathlib import Path

import pytest
import torch
from support import hub_client, hub_gpt2
from test_hub_fetch import NAME, SOME, WEIGHTS, get

from darkframe.errors import HubError
from darkframe.hub import Repository, cache_folder, fetch, opened
from darkframe.progress import QuietProgress

MODEL = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt")


def model(revision="main"):
    return fetch(Repository("gpt2", revision=revision), MODEL, optional=("generation_config.json",), progress=QuietProgress())


def sae():
    return fetch(Repository(hub_gpt2.SAES), ("blocks.6.hook_resid_pre/*",), progress=QuietProgress())


def test_sae_lens_transformer_lens_and_transformers_find_them_without_a_request(hub):
    hub_gpt2.publish(hub)
    snapshots = model(), sae()
    hub.forget()
    with opened(*snapshots), torch.no_grad():
        from sae_lens import SAE, HookedSAETransformer
        from transformers import AutoModelForCausalLM, AutoTokenizer

        coder = SAE.from_pretrained("gpt2-small-res-jb", "blocks.6.hook_resid_pre")
        plain = AutoModelForCausalLM.from_pretrained("gpt2", dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained("gpt2")
        lens = HookedSAETransformer.from_pretrained("gpt2", center_writing_weights=True)
        rows = torch.tensor([[tokenizer.bos_token_id, *tokenizer("The whale rose from the sea.")["input_ids"]]])
        stream = lens(rows, return_type=None, stop_at_layer=6)
        states = plain(rows, output_hidden_states=True).hidden_states[6]
    assert not hub.requests
    torch.testing.assert_close(stream, states - states.mean(dim=-1, keepdim=True), rtol=1e-4, atol=1e-4)
    assert coder.cfg.metadata.model_from_pretrained_kwargs == {"center_writing_weights": True}
    error = (coder(stream) - stream)[0, 1:]
    assert error.square().sum() < 0.4 * stream[0, 1:].square().sum()


def test_what_the_libraries_read_from_the_environment_is_put_back(hub):
    import transformer_lens.utilities.hf_utils as lens
    from datasets import config
    from huggingface_hub import constants

    hub.add(NAME, SOME)
    before = (constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE, config.HF_HUB_OFFLINE, lens.CACHE_DIR, cache_folder())
    snapshot = get("config.json")
    with opened(snapshot):
        assert constants.HF_HUB_OFFLINE and config.HF_HUB_OFFLINE
        assert constants.HF_HUB_CACHE == lens.CACHE_DIR != before[0]
    with pytest.raises(KeyError), opened(snapshot):
        raise KeyError("the caller's own")
    assert before == (constants.HF_HUB_CACHE, constants.HF_HUB_OFFLINE, config.HF_HUB_OFFLINE, lens.CACHE_DIR, cache_folder())


def test_only_these_snapshots_and_of_their_commits(hub):
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    old = hub.add(NAME, SOME, tags=("v1",))
    hub.add("org/other", SOME)
    pinned, more = get("config.json", revision="v1"), get("part/notes.txt", revision=old)
    hub.add(NAME, SOME | {"config.json": "{}"})
    get("config.json")
    get("config.json", name="org/other")
    hub.forget()
    with opened(pinned, more):
        for revision in (None, "main", "v1", old):
            assert json.loads(Path(hf_hub_download(NAME, "config.json", revision=revision)).read_text()) == {"a": 1}
        with pytest.raises(LocalEntryNotFoundError):
            hf_hub_download("org/other", "config.json")
    assert not hub.requests


def test_a_folder_of_the_same_name_or_no_cache_at_all_does_not_matter(hub, tmp_path, monkeypatch):
    from huggingface_hub import constants, hf_hub_download

    hub.add(NAME, SOME)
    snapshot = get("config.json")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    with opened(snapshot):
        assert hf_hub_download(NAME, "config.json").endswith("config.json")
    assert not (tmp_path / "elsewhere").exists()


def test_what_fails_because_a_file_is_damaged_says_so(hub):
    from safetensors import safe_open

    hub_gpt2.publish(hub)
    snapshot = sae()
    blob = snapshot.path("blocks.6.hook_resid_pre/sae_weights.safetensors").resolve()
    blob.write_bytes(blob.read_bytes()[: 1 << 16])
    told = r"blocks\.6\.hook_resid_pre/sae_weights\.safetensors in the cache .* is damaged"
    with pytest.raises(HubError, match=told), opened(snapshot):
        safe_open(snapshot.path("blocks.6.hook_resid_pre/sae_weights.safetensors"), framework="pt")


def test_another_thread_waits_for_the_libraries_to_be_themselves_again(hub):
    hub.add(NAME, SOME)
    snapshot, found = get("config.json"), []
    thread = threading.Thread(target=lambda: found.append(get("part/*")))
    with opened(snapshot):
        thread.start()
        thread.join(0.2)
        assert not found
        with pytest.raises(RuntimeError, match=r"inside darkframe\.hub\.opened"):
            get("part/*")
    thread.join(10)
    assert found[0].path(WEIGHTS).read_bytes() == SOME[WEIGHTS]


def test_no_telemetry_whatever_was_imported_before(hub, monkeypatch):
    from datasets import config
    from huggingface_hub import constants

    for name in ("HF_HUB_DISABLE_TELEMETRY", "HF_UPDATE_DOWNLOAD_COUNTS", "HF_HUB_DISABLE_XET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    monkeypatch.setattr(config, "HF_UPDATE_DOWNLOAD_COUNTS", True)
    hub.add(NAME, SOME)
    get("config.json")
    assert constants.HF_HUB_DISABLE_TELEMETRY and constants.HF_HUB_DISABLE_XET and not config.HF_UPDATE_DOWNLOAD_COUNTS
    assert not hub.asked("/api/agent-harnesses")
    assert all("torch" not in r.headers["user-agent"] for r in hub.requests)


def test_offline_as_an_environment_variable_is_what_the_user_says(hub, monkeypatch):
    hub.add(NAME, SOME)
    get("config.json")
    hub_client.offline(monkeypatch)
    from huggingface_hub import constants

    with opened(get("config.json")):
        pass
    assert constants.HF_HUB_OFFLINE
