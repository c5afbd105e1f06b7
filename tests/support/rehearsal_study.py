"""What a rehearsed run does; see ``rehearsal``."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from support.fake_results import fake_results

import darkframe
from darkframe.api import running
from darkframe.interfaces import SourceCard


class Source:
    def __init__(self, params, context):
        self.params = params

    def card(self):
        return SourceCard("m", "s", "blocks.0", 4, 8, 16, "packed", "text", "f")

    def available_tokens(self):
        return 10

    def batches(self, start=0):
        raise NotImplementedError

    def dictionary(self):
        raise NotImplementedError

    def unembedding(self):
        return None

    def decode_tokens(self, tokens):
        return [str(token) for token in tokens]


def note(params, name):
    if params.notes:
        (Path(params.notes) / name).touch()


def rehearse(opened, run, progress):
    config = opened.plan.config
    params, k = config.source.params, config.decomposing.params.n_components
    note(params, f"process-{os.getpid()}")
    step = run.step("fit-shared", {"seed": config.seed})
    if not step.done:
        note(params, f"computed-{run.path.name}")
        step.save({}, {"shared": np.arange(config.seed)})
    with progress.task("rehearsal", 2, "lines") as task:
        task.advance()
        task.note("half-way")
        progress.step("rehearsal", "[bold]one[/] line\x1b[31m")
        print("what libraries print")
        go_wrong(params, k)
    results = fake_results(seed=config.seed)
    fit = dataclasses.replace(results.decompose, n_components=k, explained_total=k / 100, seconds=0.5)
    run.write_results(dataclasses.replace(results, decompose=fit))


def go_wrong(params, k):
    cured = params.cured and Path(params.cured).exists()
    fault = "" if cured else dict(each.split("-") for each in params.faults).get(str(k))
    if fault == "data":
        raise darkframe.DataError(f"Document {k} is empty.", hint="Fill it.")
    if fault == "crash":
        raise ZeroDivisionError("by\nzero")
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "exit":
        os._exit(7)
    if fault == "children":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        note(params, f"process-{child.pid}")
    if fault in ("hang", "children"):
        note(params, f"hanging-{k}")
        time.sleep(60)


running.take_studies = rehearse
