"""`python -m teiten_agent` is the command `teiten-agent`."""

import sys

from teiten_agent.cli import main

sys.exit(main())
