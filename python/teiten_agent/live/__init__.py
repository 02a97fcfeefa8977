"""Live capture: where the packets of an interface come from.

Two ways give the same counts. `ring` reads them where the kernel wrote them; `libpcap` has them copied, which
works on other systems, too, and where a ring is refused. Both sit behind `Source`; packets go from them into
the core without becoming Python objects.
"""

from teiten_agent.live.devices import check_interface, has_carrier, interfaces
from teiten_agent.live.filters import check_filter
from teiten_agent.live.interface import LostError, Source, open_source

__all__ = [
    "LostError",
    "Source",
    "check_filter",
    "check_interface",
    "has_carrier",
    "interfaces",
    "open_source",
]
