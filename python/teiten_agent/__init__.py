"""The sensor: counts what the Internet sends to monitored addresses and delivers it to a collector.

The rooms, from the ground up; each uses only what stands below it:

1. `errors`, `config`: what can go wrong, and what the operator decides
2. `captures`, `observe`, `spool`: recorded traffic, the counting core, and durable batches
3. `uplink`: batches to the collector and its acknowledgements back
4. `count`, `replay`, `check`, `status`: what the commands do
5. `cli`: the command line; the one place where errors become messages and exit codes

The compiled core is the private module `teiten_agent._core`; nothing here handles single packets.
"""

__version__ = "0.1.0"
