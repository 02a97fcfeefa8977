"""What is known about a source besides its packets: its country, and its network if a database is given."""

from teiten_collector.enrich.country import DBIP_CREDIT, CountryDatabase, credit_of
from teiten_collector.enrich.database import DatabaseIdentity
from teiten_collector.enrich.network import NetworkDatabase

__all__ = ["DBIP_CREDIT", "CountryDatabase", "DatabaseIdentity", "NetworkDatabase", "credit_of"]
