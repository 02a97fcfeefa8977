"""The uplink: batches to the collector by HTTP, and its answers back.

One connection is kept alive. A request holds one batch, or a bundle of several; the answer's status (RFC
9110), or each batch's own in the answer to a bundle, decides:

==================  ==================================================================================
200, 201            acknowledged (a repeat, new)
409, 413, 422       refused for good: the batch is set aside with the reason
403                 withheld: a sensor or an address that is not registered; kept, the others go on
422, `version`      withheld: the collector is older than this agent
401                 the collector does not know the token: an error of configuration
408, 429, 5xx       tried again, after the time of `Retry-After` or a back-off with full jitter
anything else       what answers is no collector of this kind: an error; batches are kept
==================  ==================================================================================

After days away it goes through the spool oldest or newest first (`uplink.order`), at no more than
`uplink.max_kilobits_per_second`. It runs in a thread of its own and holds nothing that capture waits for.
"""

from teiten_agent.uplink.answers import MAX_ANSWER_BYTES, Later, Refusal, Registration, Verdict, Withheld
from teiten_agent.uplink.connection import SENT_HEADER, Dealings, Health, Patience, Uplink
from teiten_agent.uplink.credentials import read_token
from teiten_agent.uplink.delivery import Delivery, deliver
from teiten_agent.uplink.uploads import Course, Failure, Uploads

__all__ = [
    "MAX_ANSWER_BYTES",
    "SENT_HEADER",
    "Course",
    "Dealings",
    "Delivery",
    "Failure",
    "Health",
    "Later",
    "Patience",
    "Refusal",
    "Registration",
    "Uplink",
    "Uploads",
    "Verdict",
    "Withheld",
    "deliver",
    "read_token",
]
