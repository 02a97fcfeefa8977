"""Lets `python -m teiten_scenario` stand for the command `teiten-scenario`."""

import sys

from teiten_scenario.cli import main

sys.exit(main())
