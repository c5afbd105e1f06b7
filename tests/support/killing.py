"""Kills a piece of work at seeded moments, again and again, lets it go on each time, and compares what it leaves behind.

One process imports everything and forks a child for every attempt, so that an attempt costs milliseconds. A moment is a line of
the framework's store or studies: the child counts the lines it runs and sends itself SIGKILL at the n-th.

    python killing.py JOB ARGUMENTS SEED KILLS FOLDER     prints one JSON line

JOB is ``module:function``; ``function(folder, **arguments)`` starts the work in an empty folder, or goes on with what it finds.
"""

import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

COMPARED = (".npy", ".safetensors")
RESULTS = ("results.json", "taxonomy.json")
CLOCK = {"seconds", "tokens_per_second", "reused"}  # what a second run may say differently


def traced_files():
    import darkframe.store
    import darkframe.studies

    return tuple(str(Path(package.__file__).parent) for package in (darkframe.store, darkframe.studies))


def trace_lines(on_line):
    """Call ``on_line`` at every line of the store and the studies."""
    folders = traced_files()

    def local(frame, event, argument):
        if event == "line":
            on_line()
        return local

    sys.settrace(lambda frame, event, argument: local if frame.f_code.co_filename.startswith(folders) else None)


def attempt(job, folder, arguments, kill_at=None):
    """Run the job in a child. Returns (its wait status, lines it ran: only where it was not killed)."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(read)
            lines = 0

            def on_line():
                nonlocal lines
                lines += 1
                if lines == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

            trace_lines(on_line)
            job(folder, **arguments)
            sys.settrace(None)
            os.write(write, str(lines).encode())
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as pipe:
        lines = pipe.read()
    return os.waitpid(child, 0)[1], int(lines or 0)


def timeless(value):
    """A JSON value without what depends on the clock."""
    if isinstance(value, dict):
        return {key: timeless(item) for key, item in value.items() if key not in CLOCK}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def contents(folder):
    """Every array under a folder as bytes, and the results without their times."""
    files = sorted(path for path in Path(folder).rglob("*") if path.suffix in COMPARED and not path.name.startswith("."))
    found = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    written = (path for name in RESULTS for path in Path(folder).rglob(name))
    results = {str(path.relative_to(folder)): timeless(json.loads(path.read_text())) for path in written}
    return found | results


def differences(expected, found):
    return sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))


def kill_and_resume(job, arguments, seed, kills, folder):
    """At least ``kills`` kills, each followed by going on; every run that reaches its end must equal an undisturbed one."""
    folder, chance = Path(folder), random.Random(seed)
    undisturbed = folder / "undisturbed"
    undisturbed.mkdir(parents=True)
    status, lines = attempt(job, undisturbed, arguments)
    if status:
        return {"error": f"the undisturbed run ended with status {status}"}
    expected = contents(undisturbed)
    done, finished, killed_in_this = 0, 0, 0
    place = folder / "killed"
    while True:
        place.mkdir(exist_ok=True)
        last = done >= kills
        status, _ = attempt(job, place, arguments, None if last else chance.randint(1, lines))
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            done, killed_in_this = done + 1, killed_in_this + 1
            continue
        if status:
            return {"error": f"going on after {done} kills ended with status {status}"}
        wrong = differences(expected, contents(place))
        if wrong:
            return {"error": f"after {killed_in_this} kills these differ: {wrong}"}
        finished, killed_in_this = finished + 1, 0
        shutil.rmtree(place)
        if last:
            return {"kills": done, "finished": finished, "lines": lines, "files": sorted(expected)}


def kill_in_subprocess(job, arguments, *, seed, kills, folder, paths=()):
    """``kill_and_resume`` in a process of its own; ``paths`` are put on its PYTHONPATH. Returns its report."""
    here = Path(__file__).parent
    environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    environment["PYTHONPATH"] = os.pathsep.join([*map(str, paths), str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, __file__, job, json.dumps(arguments), str(seed), str(kills), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"the killing process failed:\n{done.stdout}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1]) | {"stderr": done.stderr}


def main():
    name, arguments, seed, kills, folder = sys.argv[1:]
    module, function = name.split(":")
    job = getattr(importlib.import_module(module), function)
    print(json.dumps(kill_and_resume(job, json.loads(arguments), int(seed), int(kills), folder)))


if __name__ == "__main__":
    main()
