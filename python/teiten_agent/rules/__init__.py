"""Signatures: the built-in set, the operator's rule files, their categories, cases and explanations.

========== ============================================================================
statement  cuts a rule file into rules, with the cases and titles noted above them
library    the built-in set, and rule files read and compiled together
categories which category a signature belongs to
packet     packets in one line of text
cases      packets that must match, and near misses, run through the engine
explain    what a rule matches, in words
listing    what is in force
lint       what of a rule file is usable
========== ============================================================================
"""

from teiten_agent.rules.library import Library, builtin, load, reload

__all__ = ["Library", "builtin", "load", "reload"]
