"""A zoo of broken plugins, all installed at once: each is one sentence of ``list-plugins``, and everything else works."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest
from fake_distributions import Site, decomposer_plugin

from darkframe.registry import Registry

HOOK = "import darkframe\n@darkframe.hookimpl\ndef darkframe_decomposers():\n"
RECORD = "darkframe.DecomposerInfo(name={name!r}, target='nowhere:Thing', summary='Splits.'{more})"
BASE = "class Own(BaseException): pass\n"


def hook(body):
    return HOOK + "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())


def record(name="x", more=""):
    return RECORD.format(name=name, more=more)


FATAL = {
    "missing-module": (
        "import a_module_nobody_has",
        "{m} failed: ModuleNotFoundError: No module named 'a_module_nobody_has'.",
    ),
    "missing-name": ("from json import nothing_of_it", "Importing {m} failed: ImportError: cannot import name 'nothing_of_it'"),
    "syntax": ("def broken(:", "Importing {m} failed: SyntaxError: "),
    "exits": ("import sys; sys.exit(0)", "Importing {m} failed: SystemExit: 0."),
    "own-exception": (BASE + "raise Own('at import')", "Importing {m} failed: Own: at import."),
    "generator-exit": ("raise GeneratorExit", "Importing {m} failed: GeneratorExit."),
    "recursion": ("def f(): f()\nf()", "Importing {m} failed: RecursionError: maximum recursion depth exceeded."),
    "asks": ("input('Really? ')", "Importing {m} failed: EOFError"),
    "long-fault": ("raise ValueError('no ' * 4000)", "Importing {m} failed: ValueError: no no"),
    "unspeakable": (
        "class Mute(Exception):\n    def __str__(self): raise RuntimeError\nraise Mute",
        "Importing {m} failed: Mute.",
    ),
    "raising-attributes": ("def __getattr__(name): raise RuntimeError(name)", "{m} cannot be asked: RuntimeError: darkframe_"),
    "hook-raises": (hook("raise ValueError('no')"), "Its hook darkframe_decomposers failed: ValueError: no."),
    "hook-exits": (hook("raise SystemExit('bye')"), "Its hook darkframe_decomposers failed: SystemExit: bye."),
    "hook-own-exception": (BASE + hook("raise Own"), "Its hook darkframe_decomposers failed: Own."),
    "hook-none": (
        hook("return None"),
        "darkframe_decomposers gave None; it must return or yield DecomposerInfo records.",
    ),
    "hook-text": (hook("return 'ica'"), "Its hook darkframe_decomposers gave 'ica'; it must"),
    "hook-number": (hook("return 3"), "Its hook darkframe_decomposers gave 3; it must"),
    "hook-mapping": (hook("return {'ica': 1}"), "Its hook darkframe_decomposers gave {'ica': 1}; it must"),
    "hook-record-alone": (hook(f"return {record()}"), "Its hook darkframe_decomposers gave a DecomposerInfo; it must"),
    "hook-wrong-things": (hook("return [3]"), "Its hook darkframe_decomposers gave 3 where DecomposerInfo records belong."),
    "hook-wrong-info": (
        hook("yield darkframe.ClustererInfo(name='x', target='x:X', summary='')"),
        "Its hook darkframe_decomposers gave a ClustererInfo where DecomposerInfo records belong.",
    ),
    "hook-unknown": (
        "import darkframe\n@darkframe.hookimpl\ndef darkframe_telescopes(): return []",
        "It needs a newer darkframe: darkframe 0.1.0 has no hook 'darkframe_telescopes'.",
    ),
    "hook-unmarked": (
        "def darkframe_decomposers(): return []",
        "It defines darkframe_decomposers without @darkframe.hookimpl, so the hook is never called.",
    ),
    "bad-name": (hook(f"yield {record('My ICA')}"), "plugin name 'My ICA' must be lower-case letters, digits and hyphens."),
    "summary-none": (
        hook("yield darkframe.DecomposerInfo(name='x', target='x:X', summary=None)"),
        "gave a record 'x' that cannot be used: its summary is None, not text.",
    ),
    "other-kind": (
        "import darkframe\nclass Odd(darkframe.DecomposerInfo):\n    kind = 'telescope'\n"
        + hook("yield Odd(name='x', target='x:X', summary='')").replace("import darkframe\n", "", 1),
        "gave a record 'x' that cannot be used: its kind is 'telescope', not 'decomposer'.",
    ),
    "params-raise": (
        "import darkframe, dataclasses\n@dataclasses.dataclass(frozen=True)\nclass P:\n    n: int = darkframe.param(3, help='')\n"
        "    def __post_init__(self): raise SystemExit(5)\n" + hook(f"yield {record(more=', params=P')}"),
        "The parameters of its decomposer 'x' are not declared properly: SystemExit: 5.",
    ),
    "nothing-at-all": ("x = 1", "It offers nothing: {m} implements no hook"),
}
"""Source of the module, and the sentence (``{m}`` is the module's name)."""

KEPT = {
    "half-way": ("yield {record}\nraise ValueError('no more')", "Its hook darkframe_decomposers failed: ValueError: no more."),
    "among-others": ("yield 3\nyield {record}", "Its hook darkframe_decomposers gave 3 where DecomposerInfo records belong."),
    "printing": ("print('hook')\nyield {record}", "Its hook darkframe_decomposers printed something."),
    "unrepresentable": (
        "class Odd:\n    def __repr__(self): raise RuntimeError\nyield {record}\nyield Odd()",
        "Its hook darkframe_decomposers gave an Odd where",
    ),
}
"""Body of the hook, with one good record in it; and the sentence."""

TALKING = {
    "prints": ("print('hello there')", "printed something."),
    "prints-on-stderr": ("import sys; print('hello there', file=sys.stderr)", "printed something."),
    "writes-to-1": ("import os; os.write(1, b'hello there')", "printed something."),
    "prints-in-c": ("import ctypes; ctypes.CDLL(None).printf(b'hello there\\n')", "printed something."),
    "writes-to-real-stdout": ("import sys; sys.__stdout__.write('hello there')", "printed something."),
    "writes-bytes": ("import sys; sys.stdout.buffer.write(b'hello there')", "printed something."),
    "runs-a-program": ("import subprocess; subprocess.run(['echo', 'hello there'])", "printed something."),
    "prints-much": ("print('hello there ' * 100_000)", "printed something."),
    "warns": ("import warnings; warnings.warn('hello there')", "warned: UserWarning: hello there."),
    "goes-elsewhere": ("import os; os.chdir('/')", "changed the working folder; that was put back."),
    "sets-the-environment": (
        "import os; os.environ['DARKFRAME_CACHE'] = '/nowhere'; os.environ.pop('HOME')",
        "changed the environment variable DARKFRAME_CACHE and the environment variable HOME; that was put back.",
    ),
    "sets-the-locale": (
        "import locale as l; l.setlocale(l.LC_CTYPE, 'C.UTF-8' if l.setlocale(l.LC_CTYPE) == 'C' else 'C')",
        "changed the locale; that was put back.",
    ),
}
"""What a module does before it declares a decomposer all the same; and the end of the sentence."""

QUIET = {
    "replaces-stdout": "import io, sys; sys.stdout = sys.stderr = io.StringIO()",
    "closes-stdout": "import sys; sys.stdout.close()",
    "closes-the-real-stdout": "import sys; sys.__stdout__.close()",
    "closes-1": "import os; os.close(1)",
    "reconfigures-stdout": "import sys; sys.stdout.reconfigure(encoding='utf-8')",
    "prints-at-exit": "import atexit; atexit.register(print, 'good', 'bye')",
    "starts-a-thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    "silences-warnings": "import warnings; warnings.filterwarnings('error')",
    "keeps-stdout": "import sys, atexit\nKEPT = sys.stdout\natexit.register(lambda: KEPT.write('good bye'))",
}
"""What a module does that needs no sentence, since it comes to nothing."""

ESCAPES = "\x1b[31mred\x1b[0m \x07bell\nsecond line " + "long " * 2000


def install(site, name, source):
    module = name.replace("-", "_") + "_plugin"
    site.install(f"dist-{name}", {f"entry-{name}": module}, {f"{module}.py": source + "\n"}, version="0.7")
    return module


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """The site, and what ``list-plugins --json`` says of it."""
    site = Site(tmp_path_factory.mktemp("zoo") / "site")
    for name, (source, _) in FATAL.items():
        install(site, name, source)
    for name, (body, _) in KEPT.items():
        install(site, name, hook(body.replace("{record}", record(f"good-{name}"))))
    for name, (source, _) in TALKING.items():
        install(site, name, source + "\n" + decomposer_plugin(f"good-{name}"))
    for name, source in QUIET.items():
        install(site, name, source + "\n" + decomposer_plugin(f"good-{name}"))
    install(site, "escapes", decomposer_plugin("good-escapes", summary=ESCAPES))
    for letter in "ab":
        site.install(f"same-{letter}", {"same": f"same_{letter}"}, {f"same_{letter}.py": decomposer_plugin("same", letter)})
    damage(site)
    return site


def damage(site):
    """Distributions whose metadata cannot be used."""
    for name in ("latin", "nameless", "value"):
        site.install(f"dist-{name}", {"x": "not a module!" if name == "value" else "nowhere"})
    (site.path / "dist_latin-1.0.dist-info" / "METADATA").write_bytes(b"Metadata-Version: 2.1\nName: caf\xe9\n")
    (site.path / "dist_nameless-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\n")


@pytest.fixture(scope="module")
def told(zoo):
    done = zoo.command("list-plugins", "--json")
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def listed(told):
    return json.loads(told.stdout)


def problems(listed, name):
    return [problem for problem in listed["problems"] if problem["distribution"] == f"dist-{name}"]


def names(listed):
    return [plugin["name"] for plugin in listed["plugins"]]


@pytest.mark.parametrize("name", FATAL)
def test_a_plugin_that_cannot_be_used_is_one_sentence(listed, name):
    [problem] = problems(listed, name)
    sentence = FATAL[name][1].replace("{m}", name.replace("-", "_") + "_plugin")
    assert sentence in problem["reason"]
    assert (problem["version"], problem["entry_point"], problem["fatal"]) == ("0.7", f"entry-{name}", True)
    assert "\n" not in problem["reason"] and len(problem["reason"]) < 450


@pytest.mark.parametrize("name", KEPT)
def test_good_records_beside_a_fault_are_kept(listed, name):
    [problem] = problems(listed, name)
    assert KEPT[name][1] in problem["reason"]
    assert f"good-{name}" in names(listed)


@pytest.mark.parametrize("name", TALKING)
def test_what_a_plugin_prints_warns_of_or_changes_at_import_is_told_and_goes_no_further(listed, name):
    [problem] = problems(listed, name)
    assert problem["reason"] == f"Importing {name.replace('-', '_')}_plugin {TALKING[name][1]}"
    assert not problem["fatal"] and f"good-{name}" in names(listed)
    assert "hello there" in problem["details"] or "changed" in problem["reason"]


@pytest.mark.parametrize("name", QUIET)
def test_what_a_plugin_does_to_the_process_comes_to_nothing(listed, name):
    assert problems(listed, name) == [] and f"good-{name}" in names(listed)


def test_what_is_printed_at_exit_is_not_among_the_results(told):
    assert told.stdout.rstrip().endswith("}") and "good bye" in told.stderr


def test_everything_else_is_there(listed):
    assert {"tiny", "pca", "fastica", "smart", "gpu-fuzzyart"} <= set(names(listed))
    expected = {f"dist-{name}" for name in (*FATAL, *KEPT, *TALKING, "value")}
    assert {problem["distribution"] for problem in listed["problems"] if problem["distribution"].startswith("dist-")} == expected


def test_damaged_metadata_are_told_by_where_they_lie(listed):
    reasons = {problem["distribution"]: problem["reason"] for problem in listed["problems"]}
    [latin] = [reason for place, reason in reasons.items() if place.endswith("dist_latin-1.0.dist-info")]
    [nameless] = [reason for place, reason in reasons.items() if place.endswith("dist_nameless-1.0.dist-info")]
    assert latin.startswith("Its metadata cannot be read: UnicodeDecodeError")
    assert nameless == "Its metadata cannot be read: ValueError: it says no name."
    assert reasons["dist-value"].startswith("Its value reads 'not a module!', which is not 'package.module'")


def test_a_name_of_two_distributions_is_listed_twice_and_one_entry_point_name_is_no_clash(zoo, listed):
    same = [plugin for plugin in listed["plugins"] if plugin["name"] == "same"]
    assert [(plugin["distribution"], plugin["entry_point"], plugin["clash"]) for plugin in same] == [
        ("same-a", "same", True),
        ("same-b", "same", True),
    ]
    bare = zoo.command("describe", "same")
    assert bare.returncode == 2 and bare.stdout == ""
    assert "same-a:same or decomposer same-b:same" in bare.stderr
    whole = zoo.command("describe", "same-b:same")
    assert whole.returncode == 0 and "same-b" in whole.stdout


def test_the_list_shows_one_line_for_each_fault_and_nothing_that_acts_on_a_terminal(zoo):
    told = zoo.command("list-plugins", "--kind", "decomposer")
    assert told.returncode == 0, told.stderr
    assert not set(told.stdout) & set("\x1b\x07\x00")
    text = " ".join(told.stdout.split())
    assert "dist-hook-none 0.7, entry point 'entry-hook-none': Its hook darkframe_decomposers gave None" in text
    assert "red" in text and "long " * 100 not in text and "Traceback" not in text


def test_a_run_goes_on_among_broken_plugins(zoo, tmp_path):
    done = zoo.command("run", "--decomposer", "dist-hook-raises:x", cwd=tmp_path, DARKFRAME_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 2 and done.stdout == ""
    assert "Unknown decomposer 'dist-hook-raises:x'." in done.stderr and "plugins could not be used." in done.stderr
    done = zoo.command("describe", "pca", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)


def test_leaving_plugins_out_leaves_them_unimported(tmp_path):
    site = Site(tmp_path / "site")
    install(site, "marks", f"import pathlib; pathlib.Path({str(tmp_path / 'mark')!r}).touch(); 1 / 0")
    done = site.command("list-plugins", "--json", DARKFRAME_PLUGINS="darkframe")
    assert json.loads(done.stdout)["problems"] == [] and not (tmp_path / "mark").exists()
    assert problems(json.loads(site.command("list-plugins", "--json").stdout), "marks") and (tmp_path / "mark").exists()


@pytest.mark.parametrize("how", ["import", "hook"])
def test_ctrl_c_while_a_plugin_does_not_return_names_it(tmp_path, how):
    """A plugin that never returns cannot be told from a slow one: it is waited for, and whoever has had enough is told which."""
    site = Site(tmp_path / "site")
    wait = f"import pathlib, time; pathlib.Path({str(tmp_path / 'mark')!r}).touch(); time.sleep(60)"
    install(site, "endless", wait if how == "import" else hook(wait))
    command = [sys.executable, "-m", "darkframe", "list-plugins"]
    environment = {**site.environment(), "DARKFRAME_PLUGINS": "dist-endless"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "mark").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130 and "Traceback" not in err
    doing = "importing endless_plugin of dist-endless 0.7" if how == "import" else "asking endless_plugin of dist-endless 0.7"
    assert f"Interrupted while {doing}" in err and "DARKFRAME_PLUGINS" in err


def test_a_hook_without_end_is_cut_off(tmp_path):
    site = Site(tmp_path / "site")
    body = f"import itertools\nfor i in itertools.count():\n    yield {record('n{i}')}".replace("'n{i}'", "f'n{i}'")
    install(site, "endless", hook(body))
    with site.active():
        registry = Registry.discover({"DARKFRAME_PLUGINS": "dist-endless"})
    [problem] = registry.problems
    assert "gave more than 1,000 records; the first 1,000 are used" in problem.reason
    assert len(registry.plugins("decomposer")) == 1_000


def test_nothing_of_the_process_is_left_changed(zoo):
    before = dict(os.environ), Path.cwd(), sys.stdin, sys.stdout, sys.stderr
    with zoo.active():
        Registry.discover({"DARKFRAME_PLUGINS": ",".join(f"dist-{name}" for name in (*TALKING, "replaces-stdout", "asks"))})
    assert (dict(os.environ), Path.cwd(), sys.stdin, sys.stdout, sys.stderr) == before
