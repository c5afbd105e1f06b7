"""Relative paths among the settings: absolute from where they were given, so that a run goes on from another working folder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import darkframe
from darkframe import param
from darkframe.config import build, parse_set, read_file, to_record
from darkframe.errors import ParameterError
from darkframe.progress import QuietProgress


@dataclass(frozen=True)
class Places:
    folder: Path | None = param(None, help="A folder.")
    files: tuple[Path, ...] = param((), help="Files.")
    text: str | None = param(None, help="A text.", may_be="folder")
    model: str | None = param(None, help="A model.", may_be="file")
    name: str = param("x", help="A name.")


def made(values):
    return build(Places, values, kind="source", owner="source 'places'")


@pytest.fixture
def here(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    (folder / "owner" / "name").mkdir(parents=True)
    (folder / "gpt2").mkdir()
    (folder / "corpus.txt").write_text("words")
    monkeypatch.chdir(folder)
    return folder


def test_on_the_command_line_they_start_from_the_working_folder(here):
    set_ = parse_set(["source.folder=a/b", "source.files=x.npy, ~/y.npy,/z.npy", "source.name=a/b"])
    params = made(set_["source"])
    assert params.folder == here / "a" / "b"
    assert params.files == (here / "x.npy", Path.home() / "y.npy", Path("/z.npy"))
    assert params.name == "a/b"
    assert to_record(params)["folder"] == str(here / "a" / "b")


def test_in_a_config_file_they_start_from_its_folder(here, tmp_path):
    (tmp_path / "settings").mkdir()
    file = tmp_path / "settings" / "run.toml"
    file.write_text(
        '[source]\nfolder = "../data"\nfiles = ["a.npy", "/b.npy"]\ntext = "texts/t.txt"\nmodel = "./m"\nname = "../n"\n'
        '[decomposer]\nn_components = 3\n[run]\ntokens = "all"\n'
    )
    (file.parent / "texts").mkdir()
    (file.parent / "texts" / "t.txt").write_text("words")
    settings = read_file(file)
    params = made(settings["source"])
    assert params.folder == file.parent / ".." / "data"
    assert params.files == (file.parent / "a.npy", Path("/b.npy"))
    assert params.text == str(file.parent / "texts" / "t.txt")
    assert params.model == str(file.parent / "m")
    assert params.name == "../n"
    assert type(params.name) is type(params.text) is str
    assert settings["decomposer"] == {"n_components": 3}
    assert made({"files": "a.npy,b.npy"} | {"files": settings["source"]["text"]}).files == (file.parent / "texts" / "t.txt",)


def test_text_that_may_be_a_path_is_a_path_only_where_it_is_one(here):
    for written in ("./none", "../none", "~/none", "/none", "a/b/c", "part-*.parquet"):
        path = Path(written).expanduser().absolute()
        assert made({"text": written}).text == made({"model": written}).model == str(path)
    for name in ("gpt2", "heldout", "owner/other", "none.txt"):
        assert made({"text": name}).text == made({"model": name}).model == name
    assert made({"model": "corpus.txt"}).model == str(here / "corpus.txt")
    assert made({"text": "owner/name"}).text == str(here / "owner" / "name")
    assert made({"model": "owner/name"}).model == "owner/name"
    assert made({"text": Path("corpus.txt")}).text == str(here / "corpus.txt")


def test_what_is_no_path_is_refused(here):
    for values in ({"folder": ""}, {"folder": "a\0b"}, {"text": "~nobody-at-all/x"}, {"files": 3}, {"folder": "~nobody-at-all"}):
        with pytest.raises(ParameterError):
            made(values)


def test_may_be_takes_two_words():
    with pytest.raises(ValueError, match="may_be is 'file' or 'folder'"):
        param(None, help="x", may_be="path")


class Stops(QuietProgress):
    """Interrupts the run when a step is done."""

    def __init__(self, name):
        self._name = name

    def step(self, name, text):
        if name == self._name:
            raise KeyboardInterrupt


def test_a_run_with_relative_paths_goes_on_from_another_folder(tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "data").mkdir(parents=True)
    there.mkdir()
    rng = np.random.default_rng(0)
    decoder = np.concatenate([np.eye(6)[:4], -np.eye(6)[:4]]).astype(np.float32)  # leaves the last two dimensions
    np.save(here / "data" / "x.npy", rng.laplace(size=(9000, 6)).astype(np.float32))
    np.savez(here / "data" / "sae.npz", W_dec=decoder, W_enc=decoder.T)
    (here / "run.toml").write_text(
        '[source]\nactivations = ["data/x.npy"]\n[study]\nseeds = [42]\nnulls = 1\nnull_directions = 20\ninterpret = 1\n'
    )
    monkeypatch.chdir(here)
    settings = {"source.dictionary": "data/sae.npz", "source.activation": "relu", "decomposer.n_components": 2}
    with pytest.raises(KeyboardInterrupt) as stopped:
        darkframe.run("arrays", "pca", set=settings, config="run.toml", out="r", progress=Stops("diagnose"))
    assert darkframe.api.run_path_of(stopped.value) is not None
    monkeypatch.chdir(there)
    result = darkframe.run(resume=here / "r")
    assert result.results.source["params"]["activations"] == [str(here / "data" / "x.npy")]
    assert result.results.source["params"]["dictionary"] == str(here / "data" / "sae.npz")
    assert result.results.collect.tokens_kept == 9000
