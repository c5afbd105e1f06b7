"""The ``darkframe`` command: one small file a command, imported when it is used."""

from __future__ import annotations


def main() -> None:
    """Run the command line; ends with ``SystemExit``."""
    from darkframe.cli.group import darkframe
    from darkframe.cli.streams import nothing_more

    try:
        darkframe(prog_name="darkframe")
    finally:
        nothing_more()
