"""Where batches come in: `admission` decides what may pass, `refusals` counts what may not, `app` is HTTP."""

from teiten_collector.door.admission import Accepted, Admission, Head
from teiten_collector.door.app import create_app
from teiten_collector.door.refusals import Refusal, RefusalCode, Refusals

__all__ = ["Accepted", "Admission", "Head", "Refusal", "RefusalCode", "Refusals", "create_app"]
