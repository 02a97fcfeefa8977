"""Every SQL statement of the analysis, in one place.

The text is the part of SQL that DuckDB and Spark share, with `?` for parameters: views `tuples` and
`observations` as `teiten_collector.store.engine` describes them. Sums of packets are decimals, because one
hostile row can take a sum beyond 64 bits. Days bound what is read: the tables are partitioned by UTC day.
"""

from __future__ import annotations

TOTAL = """
SELECT CAST(COALESCE(SUM(packets), 0) AS DECIMAL(38, 0)) AS packets, CAST(COUNT(*) AS BIGINT) AS sources
FROM (
  SELECT source_high, source_low, SUM(packets) AS packets
  FROM tuples
  WHERE day >= ? AND day <= ? AND minute >= ? AND minute < ? AND family = ? AND array_contains(?, sensor)
  GROUP BY source_high, source_low
) AS by_source
"""
"""One row: packets, distinct sources. Parameters: first day, last day, first minute, end minute, family,
sensors."""

BY_KEY = """
SELECT subject, CAST(SUM(packets) AS DECIMAL(38, 0)) AS packets, CAST(COUNT(*) AS BIGINT) AS sources
FROM (
  SELECT key AS subject, source_high, source_low, SUM(packets) AS packets
  FROM tuples
  WHERE day >= ? AND day <= ? AND minute >= ? AND minute < ? AND family = ? AND array_contains(?, sensor)
  GROUP BY key, source_high, source_low
) AS by_source
GROUP BY subject
ORDER BY subject
"""
"""A row for each key. Parameters as `TOTAL`."""

BY_COUNTRY = """
SELECT subject, CAST(SUM(packets) AS DECIMAL(38, 0)) AS packets, CAST(COUNT(*) AS BIGINT) AS sources
FROM (
  SELECT COALESCE(country, 'ZZ') AS subject, source_high, source_low, SUM(packets) AS packets
  FROM tuples
  WHERE day >= ? AND day <= ? AND minute >= ? AND minute < ? AND family = ? AND array_contains(?, sensor)
  GROUP BY COALESCE(country, 'ZZ'), source_high, source_low
) AS by_source
GROUP BY subject
ORDER BY subject
"""
"""A row for each country of a source; ZZ, which ISO 3166-1 leaves to users and CLDR calls "unknown region",
where the database knew none. Parameters as `TOTAL`."""

BACKSCATTER_BY_COUNTRY = """
SELECT subject, CAST(SUM(packets) AS DECIMAL(38, 0)) AS packets, CAST(COUNT(*) AS BIGINT) AS sources
FROM (
  SELECT COALESCE(country, 'ZZ') AS subject, source_high, source_low, SUM(packets) AS packets
  FROM tuples
  WHERE day >= ? AND day <= ? AND minute >= ? AND minute < ? AND family = ? AND array_contains(?, sensor)
    AND class = ?
  GROUP BY COALESCE(country, 'ZZ'), source_high, source_low
) AS by_source
GROUP BY subject
ORDER BY subject
"""
"""As `BY_COUNTRY`, of one class. Parameters as `TOTAL`, then the class."""

OBSERVED = """
SELECT sensor, CAST(MIN(start_ns) AS BIGINT) AS start_ns, CAST(MAX(end_ns) AS BIGINT) AS end_ns
FROM (
  SELECT sensor, start_ns, end_ns,
    SUM(opens) OVER (
      PARTITION BY sensor ORDER BY start_ns, end_ns ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS island
  FROM (
    SELECT sensor, start_ns, end_ns,
      CASE WHEN start_ns <= MAX(end_ns) OVER (
        PARTITION BY sensor ORDER BY start_ns, end_ns ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) THEN 0 ELSE 1 END AS opens
    FROM observations
    WHERE start_ns < ? AND end_ns > ? AND array_contains(?, sensor)
  ) AS marked
) AS numbered
GROUP BY sensor, island
ORDER BY sensor, start_ns
"""
"""The union of each sensor's spans that touch a time, as stretches in order that neither touch nor overlap.
The day is not asked for: a span may begin days before. Parameters: end of the time, its start, sensors."""
