"""What checks watch plugins with: recorded progress, Ctrl-C in it, and everything that is said."""

import ctypes
import os
import subprocess
import sys
import warnings

import pytest

from darkframe.testing.watching import InterruptingProgress, RecordingProgress, silent


def test_progress_that_fits_together_has_no_faults():
    progress = RecordingProgress()
    with progress.task("Reading", 3, "rows") as task:
        for _ in range(3):
            task.advance()
        task.note("done")
    with progress.task("Loading", None, "") as task:
        task.advance(0.5)
    progress.step("read", "3 rows")
    assert progress.faults == []
    assert [(task.label, task.done, task.notes, task.closed) for task in progress.tasks] == [
        ("Reading", 3, ["done"], True),
        ("Loading", 0.5, [], True),
    ]
    assert progress.steps == [("read", "3 rows")]


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda task: task.advance(-1), "advances by -1"),
        (lambda task: task.advance(float("nan")), "advances by nan"),
        (lambda task: task.advance(4), "is at 4 of 3 rows: more than there is"),
        (lambda task: task.note("a\nb"), "not one line"),
    ],
)
def test_progress_that_does_not_is_told(use, words):
    progress = RecordingProgress()
    with progress.task("Reading", 3, "rows") as task:
        use(task)
    (fault,) = progress.faults
    assert words in fault


def test_tasks_left_open_or_used_later_are_told():
    progress = RecordingProgress()
    opened = progress.task("Reading", 3, "rows")
    opened.__enter__()
    assert progress.faults == ["The task 'Reading' was never closed."]
    with progress.task("Loading", None, "") as task:
        pass
    task.advance()
    assert "advances after it was closed" in progress.faults[0]
    with progress.task("", -1, "rows"):
        pass
    assert len(progress.faults) == 4


@pytest.mark.parametrize(("at", "done"), [(1, 0), (2, 0), (3, 1), (4, 2), (9, 2)])
def test_the_interrupt_comes_at_the_thing_that_was_asked_for(at, done):
    progress = InterruptingProgress(at)
    count = 0
    try:
        with progress.task("Reading", 3, "rows") as task:
            for _ in range(2):
                task.advance()
                count += 1
            task.note("done")
    except KeyboardInterrupt:
        assert progress.interrupted
    assert (progress.interrupted, count) == (at <= 4, done)
    assert not progress.faults


def test_everything_that_is_said_is_heard_and_nothing_gets_out(capfd):
    libc = ctypes.CDLL(None)
    with silent() as said:
        print("print")
        os.write(1, b"descriptor\n")
        os.write(2, b"error\n")
        libc.puts(b"library")
        libc.fflush(None)
        sys.stderr.write("stderr\n")
        warnings.warn("careful", stacklevel=1)
        warnings.warn("careful", stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert sorted(said.printed.split()) == ["descriptor", "error", "library", "print", "stderr"]
    assert said.warnings == ["UserWarning: careful"]
    assert "print" in said.words and "careful" in said.words
    print("after")
    assert capfd.readouterr() == ("after\n", "")


def test_an_exception_leaves_the_streams_as_they_were(capfd):
    streams = sys.stdout, sys.stderr
    with pytest.raises(KeyboardInterrupt), silent() as said:
        print("before")
        raise KeyboardInterrupt
    assert said.printed == "before\n"
    assert (sys.stdout, sys.stderr) == streams
    os.write(1, b"after\n")
    assert capfd.readouterr().out == "after\n"


def test_it_works_where_standard_output_is_closed():
    code = "from darkframe.testing.watching import silent\nwith silent() as said:\n    print('x')\nassert said.printed == 'x\\n'"
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "{sys.executable}" -c "$0" >&-', code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
