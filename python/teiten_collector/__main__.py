"""`python -m teiten_collector` is the command `teiten-collector`."""

import sys

from teiten_collector.cli import main

if __name__ == "__main__":
    sys.exit(main())
