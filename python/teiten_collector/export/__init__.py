"""What was observed, in forms that others take. No monitored address leaves: it is encrypted or left out.

A form writes the rows of a period to a file, a UTC day at a time, so that a month needs no more memory than
its largest day.
"""

from teiten_collector.export.addresses import KEY_FILE, Addresses, Anonymised, Omitted, read_key
from teiten_collector.export.form import Form
from teiten_collector.export.writing import Wanted, export

__all__ = ["KEY_FILE", "Addresses", "Anonymised", "Form", "Omitted", "Wanted", "export", "read_key"]
