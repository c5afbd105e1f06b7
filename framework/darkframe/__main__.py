"""``python -m darkframe`` is the ``darkframe`` command."""

from darkframe.cli import main

if __name__ == "__main__":
    main()
