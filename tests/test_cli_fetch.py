"""``darkframe fetch``, as a command of its own, against the loopback hub."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from support import hub_gpt2, hub_text

from darkframe.cli.group import darkframe as command

DARKFRAME = Path(sys.executable).with_name("darkframe")
GPT2 = ("--source", "gpt2-jb", "--set", "source.text=heldout", "--set", "source.backend=transformers")


@pytest.fixture
def darkframe(hub_environment, tmp_path):
    environment = {**os.environ, **hub_environment, "DARKFRAME_CACHE": str(tmp_path / "cache"), "COLUMNS": "200"}

    def run(*arguments, **extra):
        return subprocess.run(
            [str(DARKFRAME), *arguments],
            env=environment | extra,
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
        )

    run.environment = environment
    return run


def test_what_was_fetched_is_told_and_a_run_needs_no_network_any_more(darkframe, empty_hub, hub_home, tmp_path):
    model, saes = hub_gpt2.publish(empty_hub)
    hub_text.add_openwebtext(empty_hub)
    chosen = ("--source", "gpt2-jb", "--set", "source.backend=transformers", "--tokens", "2000")
    told = darkframe("fetch", *chosen)
    assert (told.returncode, told.stderr) == (0, "")
    carried = (f"{hub_home} (HF_HOME)", f"{tmp_path / 'cache'} (DARKFRAME_CACHE)")
    for part in (f"gpt2 at {model[:12]}", f"{hub_gpt2.SAES} at {saes[:12]}", "text: Skylion007/openwebtext", *carried):
        assert part in told.stdout
    last = told.stdout.splitlines()[-1]
    assert last.endswith("HF_HUB_OFFLINE=1 darkframe run " + " ".join(chosen))
    empty_hub.forget()
    quick = ("--decomposer", "pca", "--quick", "--set", "study.null_directions=20", "--json")
    done = darkframe("run", *chosen, *quick, HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    manifest = next(tmp_path.glob("runs/*/manifest.json")).read_text() + done.stdout
    assert json.loads(done.stdout)["collect"]["tokens_kept"] == 2000 and model in manifest and saes in manifest
    assert not empty_hub.requests


@pytest.fixture
def here(hub, tmp_path, monkeypatch):
    """The command in this process, which has the libraries loaded."""
    monkeypatch.setenv("DARKFRAME_CACHE", str(tmp_path / "cache"))
    return lambda *arguments: CliRunner().invoke(command, ["fetch", *arguments], prog_name="darkframe")


def test_revisions_are_pinned(here, hub):
    old, _ = hub_gpt2.publish(hub, tags=("v1",))
    new = hub.add(hub_gpt2.MODEL, hub_gpt2.model_files() | {"new.txt": "new"})
    for revision, commit in (("v1", old), ("main", new)):
        told = here(*GPT2, "--set", f"source.revision={revision}", "--json")
        assert json.loads(told.stdout)["parts"][0]["commit"] == commit


def test_a_source_that_downloads_nothing_says_so(here, hub):
    told = here("--source", "tiny")
    assert (told.exit_code, told.stderr) == (0, "") and "downloads nothing" in told.stdout
    assert json.loads(here("--source", "tiny", "--json").stdout)["parts"] == []
    assert not hub.requests


@pytest.mark.parametrize(
    ("extra", "part"),
    [
        (("--source", "gpt2-jbb"), "gpt2-jb"),
        (("--source", "gpt2-jb", "--set", "source.nothing=1"), "nothing"),
        (("--source", "gpt2-jb", "--set", "source.sae_revision=v9"), "has no revision 'v9'"),
        (("--source", "gpt2-jb", "--set", "source.text=heldout", "--set", "source.layer=5"), "blocks.5.hook_resid_pre"),
        (("--tokens", "-3"), "tokens"),
    ],
)
def test_mistakes_are_one_sentence(here, hub, extra, part):
    hub_gpt2.publish(hub)
    told = here(*extra)
    assert told.exit_code == 2 and part in told.stderr and told.stdout == ""
    assert len(told.stderr.strip().splitlines()) == 1


def test_what_was_fetched_as_json(here, hub, hub_home):
    model, saes = hub_gpt2.publish(hub)
    record = json.loads(here(*GPT2, "--json").stdout)
    assert {part["what"]: part["commit"] for part in record["parts"]} == {"model": model, "SAE": saes}
    assert record["bytes"] == sum(part["bytes"] for part in record["parts"]) and record["carry"] == {"HF_HOME": str(hub_home)}


@pytest.mark.parametrize("offline", ["0", "1"])
def test_a_run_without_network_and_cache_ends_soon_in_one_sentence(darkframe, empty_hub, hub_home, tmp_path, offline):
    hub_gpt2.publish(empty_hub)
    empty_hub.hang()
    started = time.monotonic()
    told = darkframe("run", *GPT2, HF_HUB_OFFLINE=offline)
    assert time.monotonic() - started < 30  # of which 4 are waiting; the rest is a busy machine's
    sentence = told.stderr.splitlines()[0]
    assert told.returncode == 1 and sentence.startswith("Error: ")
    for part in (hub_gpt2.SAES, "darkframe fetch --source gpt2-jb", str(hub_home), "FOLDER"):
        assert part in sentence
    assert not (tmp_path / "runs").exists()


def test_ctrl_c_and_once_more(darkframe, empty_hub, hub_home, tmp_path):
    hub_gpt2.publish(empty_hub)
    empty_hub.slow("*model.safetensors", 8_000_000)
    process = subprocess.Popen(
        [str(DARKFRAME), "fetch", *GPT2], env=darkframe.environment, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    grown = 0
    while process.poll() is None and grown < 2_000_000:
        grown = max((p.stat().st_size for p in hub_home.rglob("*.incomplete") if p.exists()), default=0)
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130 and told.strip() == "Interrupted."
    empty_hub.faults.clear()
    empty_hub.forget()
    assert darkframe("fetch", *GPT2).returncode == 0
    (asked,) = empty_hub.asked("/openai-community/*model.safetensors", "GET")
    assert int(asked.range.removeprefix("bytes=").removesuffix("-")) >= 2_000_000
