"""`python -m worker.cli`: the same as the command `convertro`."""

from worker.cli import main

if __name__ == "__main__":
    main()
