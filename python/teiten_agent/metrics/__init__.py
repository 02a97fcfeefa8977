"""What the running service counted and how it stands, for Prometheus.

`docs/reference/agent-metrics.md` lists every metric. By default they are written into a text file
(`metrics.textfile`), for node_exporter's textfile collector and for `teiten-agent status`; by choice they are
also answered over HTTP on loopback (`metrics.listen`). Neither holds capture up.
"""

from teiten_agent.metrics.exhibit import Exhibit
from teiten_agent.metrics.exposition import Family, exposition, read
from teiten_agent.metrics.loopback import MetricsServer
from teiten_agent.metrics.meters import PREFIX, Meters

__all__ = ["PREFIX", "Exhibit", "Family", "Meters", "MetricsServer", "exposition", "read"]
