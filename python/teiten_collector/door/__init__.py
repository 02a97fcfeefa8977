"""Where batches come in.

`callers` knows by its token who asks, `admission` decides what may pass, `batches` has that done in turn,
`enrolment` lets in who comes with a code, `fleet` says what sensors are offered to install, `refusals` counts
what may not pass, `rates` bound how much of it; `contacts` remembers who was heard, `meters` what was done;
`app` and `answers` are HTTP, `connections` the transport below it.
"""

from teiten_collector.door.admission import Accepted, Admission, Head
from teiten_collector.door.app import Gate, Rooms, create_app
from teiten_collector.door.connections import Connections, Seldom, guarded
from teiten_collector.door.contacts import Contacts
from teiten_collector.door.meters import Family, single
from teiten_collector.door.rates import Limits
from teiten_collector.door.refusals import Refusal, RefusalCode, Refusals

__all__ = [
    "Accepted",
    "Admission",
    "Connections",
    "Contacts",
    "Family",
    "Gate",
    "Head",
    "Limits",
    "Refusal",
    "RefusalCode",
    "Refusals",
    "Rooms",
    "Seldom",
    "create_app",
    "guarded",
    "single",
]
