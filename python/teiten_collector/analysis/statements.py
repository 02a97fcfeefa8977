"""Every SQL statement of the analysis, in one place.

The text is the part of SQL that DuckDB and Spark share, with `?` for parameters: views `tuples`, `detections`
and `observations` as `teiten_collector.store.engine` describes them, and the small tables that the caller
gives beside them. Sums of packets are decimals, because one hostile row can take a sum beyond 64 bits. Days
bound what is read: the tables are partitioned by UTC day. A key stands as one number, `form * 65536 + value`,
which costs less to group by than its text.

Statements with `{source}` are made for a family by `for_family`: one column names an IPv4 source, two an IPv6
one.
"""

from __future__ import annotations

from teiten_protocol import Family

SCOPE = (
    """day >= ? AND day <= ? AND minute >= ? AND minute < ? AND family = ? AND array_contains(?, sensor)"""
)
"""Which rows a statement reads. Parameters: first UTC day, last UTC day, first minute, end minute, family,
sensors."""

COUNTS = """
SELECT family, form * 65536 + value AS code, COALESCE(country, 'ZZ') AS country, class, tool,
  CAST(SUM(packets) AS DECIMAL(38, 0)) AS packets
FROM tuples
WHERE day >= ? AND day <= ? AND minute >= ? AND minute < ? AND array_contains(?, sensor)
GROUP BY family, form * 65536 + value, COALESCE(country, 'ZZ'), class, tool
ORDER BY family, code, country, class, tool
"""
"""Packets by family, key, country (ZZ, which ISO 3166-1 leaves to users, where unknown), class and tool.
Parameters: the scope without its family."""

SOURCES = f"""
WITH pairs AS (
  SELECT form * 65536 + value AS code, COALESCE(country, 'ZZ') AS country, {{source}},
    SUM(packets) AS packets, SUM(CASE WHEN class = 2 THEN packets ELSE 0 END) AS backscatter
  FROM tuples
  WHERE {SCOPE} AND source_low IS NOT NULL
  GROUP BY form * 65536 + value, COALESCE(country, 'ZZ'), {{source}}
), homes AS (
  SELECT country, {{source}}, SUM(packets) AS packets, SUM(backscatter) AS backscatter
  FROM pairs
  GROUP BY country, {{source}}
), everyone AS (
  SELECT {{source}}, COUNT(*) AS countries FROM homes GROUP BY {{source}}
), movers AS (
  SELECT {{source}} FROM everyone WHERE countries > 1
), repeats AS (
  SELECT code, {{source}}, COUNT(*) - 1 AS more
  FROM pairs JOIN movers USING ({{source}})
  GROUP BY code, {{source}}
)
SELECT 'total' AS kind, CAST(NULL AS INT) AS code, CAST(NULL AS STRING) AS country,
  CAST(NULL AS BIGINT) AS source_high, CAST(NULL AS BIGINT) AS source_low,
  CAST(COUNT(*) AS DECIMAL(38, 0)) AS packets, CAST(0 AS DECIMAL(38, 0)) AS backscatter
FROM everyone
UNION ALL
SELECT 'key', code, NULL, NULL, NULL, CAST(SUM(number) AS DECIMAL(38, 0)), 0
FROM (
  SELECT code, COUNT(*) AS number FROM pairs GROUP BY code
  UNION ALL
  SELECT code, -SUM(more) FROM repeats GROUP BY code
) AS numbers
GROUP BY code
UNION ALL
SELECT 'country', NULL, country, NULL, NULL, CAST(COUNT(*) AS DECIMAL(38, 0)),
  CAST(SUM(CASE WHEN backscatter > 0 THEN 1 ELSE 0 END) AS DECIMAL(38, 0))
FROM homes
GROUP BY country
UNION ALL
SELECT 'heavy-key', code, country, {{high}}, source_low, CAST(packets AS DECIMAL(38, 0)),
  CAST(backscatter AS DECIMAL(38, 0))
FROM pairs JOIN key_floors USING (code)
WHERE packets >= floor
UNION ALL
SELECT 'heavy-country', NULL, country, {{high}}, source_low, CAST(packets AS DECIMAL(38, 0)),
  CAST(backscatter AS DECIMAL(38, 0))
FROM homes JOIN country_floors USING (country)
WHERE packets >= floor OR backscatter >= backscatter_floor
ORDER BY kind, code, country, source_high, source_low
"""  # noqa: S608 - constant text
"""Distinct sources in all (`total`), of each key and of each country, and the sources that send much of one:
one reading for all. A source whose country changed within the period counts once for a key and once for each
country. `packets` holds the number of sources in the rows that count them, `backscatter` of how many
backscatter came. Tables: key_floors (code, floor), country_floors (country, floor, backscatter_floor).
Parameters: the scope."""

FLOWS = f"""
SELECT {{high}} AS source_high, source_low, code, country, class, local_day,
  CAST(SUM(packets) AS DECIMAL(38, 0)) AS packets,
  CAST(MAX(packets) AS DECIMAL(38, 0)) AS port_packets,
  MAX_BY(source_port, packets * 65536 - source_port) AS source_port,
  CAST(SUM(syn_ack) AS DECIMAL(38, 0)) AS syn_ack, CAST(SUM(rst) AS DECIMAL(38, 0)) AS rst,
  MIN(first_minute) AS first_minute, MAX(last_minute) AS last_minute
FROM (
  SELECT {{source}}, form * 65536 + value AS code, COALESCE(country, 'ZZ') AS country, class, local_day,
    source_port, SUM(packets) AS packets,
    SUM(CASE WHEN form = 1 AND (flags & 18) = 18 THEN packets ELSE 0 END) AS syn_ack,
    SUM(CASE WHEN form = 1 AND (flags & 4) = 4 THEN packets ELSE 0 END) AS rst,
    MIN(minute) AS first_minute, MAX(minute) AS last_minute
  FROM tuples
    JOIN heavy USING ({{source}})
    JOIN calendar ON calendar.slot = tuples.minute - tuples.minute % ?
  WHERE {SCOPE}
  GROUP BY {{source}}, form * 65536 + value, COALESCE(country, 'ZZ'), class, local_day, source_port
) AS by_port
GROUP BY {{source}}, code, country, class, local_day
ORDER BY source_high, source_low, code, country, class, local_day
"""  # noqa: S608 - constant text
"""What named sources sent, by key, class and day, with the source port that most of it came from, the replies
of TCP (SYN and ACK: flags 18; RST: flag 4; RFC 9293 section 3.1) and the first and last minute. Tables: heavy
(source_high, source_low), calendar. Parameters: minutes of a slot, then the scope."""

MINUTES = f"""
SELECT {{high}} AS source_high, source_low, form * 65536 + value AS code, minute
FROM tuples JOIN heavy ON {{same}} AND heavy.code = tuples.form * 65536 + tuples.value
WHERE {SCOPE}
GROUP BY {{source_of_tuples}}, form * 65536 + value, minute
ORDER BY source_high, source_low, code, minute
"""  # noqa: S608 - constant text
"""The minutes in which named sources sent to named keys. Tables: heavy (high, low, code). Parameters: the
scope."""

SOURCE_PORTS = f"""
SELECT code, CAST(SUM(packets) AS DECIMAL(38, 0)) AS packets,
  CAST(MAX(packets) AS DECIMAL(38, 0)) AS port_packets,
  MAX_BY(source_port, packets * 65536 - source_port) AS source_port,
  MAX_BY(sources, packets * 65536 - source_port) AS sources
FROM (
  SELECT code, source_port, SUM(packets) AS packets, CAST(COUNT(*) AS BIGINT) AS sources
  FROM (
    SELECT form * 65536 + value AS code, source_port, {{source}}, SUM(packets) AS packets
    FROM tuples JOIN wanted ON wanted.code = tuples.form * 65536 + tuples.value
    WHERE {SCOPE} AND class = 1 AND source_port <> 0
    GROUP BY form * 65536 + value, source_port, {{source}}
  ) AS by_source
  GROUP BY code, source_port
) AS by_port
GROUP BY code
ORDER BY code
"""  # noqa: S608 - constant text
"""The source port that most probes of each named key came from (of equals the lowest), and how many sources
used it; 0, where a sensor gave ports up, is none. Tables: wanted (code). Parameters: the scope."""

BY_SENSOR = f"""
SELECT sensor, CAST(SUM(packets) AS DECIMAL(38, 0)) AS packets,
  CAST(COUNT(source_low) AS BIGINT) AS sources
FROM (
  SELECT sensor, {{source}}, SUM(packets) AS packets
  FROM tuples
  WHERE {SCOPE}
  GROUP BY sensor, {{source}}
) AS by_source
GROUP BY sensor
ORDER BY sensor
"""  # noqa: S608 - constant text
"""Packets and distinct sources of each sensor. Parameters: the scope."""

BY_NETWORK = f"""
SELECT CAST(asn AS STRING) AS subject, CAST(SUM(packets) AS DECIMAL(38, 0)) AS packets,
  CAST(COUNT(*) AS BIGINT) AS sources
FROM (
  SELECT asn, {{source}}, SUM(packets) AS packets
  FROM tuples
  WHERE {SCOPE} AND asn IS NOT NULL
  GROUP BY asn, {{source}}
) AS by_source
GROUP BY asn
ORDER BY asn
"""  # noqa: S608 - constant text
"""Packets and distinct sources of each autonomous system. Parameters: the scope."""

DETECTED = f"""
SELECT local_day, signature, COALESCE(country, 'ZZ') AS country, source_high, source_low,
  CAST(SUM(count) AS DECIMAL(38, 0)) AS packets
FROM detections JOIN calendar ON calendar.slot = detections.minute - detections.minute % ?
WHERE {SCOPE}
GROUP BY local_day, signature, COALESCE(country, 'ZZ'), source_high, source_low
ORDER BY local_day, signature, country, source_high, source_low
"""  # noqa: S608 - constant text
"""Detections by day, signature, country and source. Tables: calendar. Parameters: minutes of a slot, then the
scope."""

KEY_DAYS = f"""
SELECT local_day, form * 65536 + value AS code, CAST(SUM(packets) AS DECIMAL(38, 0)) AS packets
FROM tuples
  JOIN wanted ON wanted.code = tuples.form * 65536 + tuples.value
  JOIN calendar ON calendar.slot = tuples.minute - tuples.minute % ?
WHERE {SCOPE}
GROUP BY local_day, form * 65536 + value
ORDER BY local_day, code
"""  # noqa: S608 - constant text
"""Packets of named keys by day. Tables: wanted (code), calendar. Parameters: minutes of a slot, then the
scope."""

KEY_HITS = f"""
SELECT sensor, source_high, source_low, address_high, address_low, local_day,
  MIN(COALESCE(country, 'ZZ')) AS country, MIN(minute) AS first_minute,
  CAST(SUM(packets) AS DECIMAL(38, 0)) AS packets
FROM tuples JOIN calendar ON calendar.slot = tuples.minute - tuples.minute % ?
WHERE {SCOPE} AND form = ? AND value = ?
GROUP BY sensor, source_high, source_low, address_high, address_low, local_day
ORDER BY sensor, address_high, address_low, source_high, source_low, local_day
"""  # noqa: S608 - constant text
"""Which source reached which monitored address with one key on which day, and when first. Tables: calendar.
Parameters: minutes of a slot, the scope, form, value."""

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

OVERLAPS = """
WITH stretches AS (
  SELECT sensor, epoch, CAST(MIN(start_ns) AS BIGINT) AS start_ns, CAST(MAX(end_ns) AS BIGINT) AS end_ns
  FROM (
    SELECT sensor, epoch, start_ns, end_ns,
      SUM(opens) OVER (
        PARTITION BY sensor, epoch ORDER BY start_ns, end_ns
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) AS island
    FROM (
      SELECT sensor, epoch, start_ns, end_ns,
        CASE WHEN start_ns <= MAX(end_ns) OVER (
          PARTITION BY sensor, epoch ORDER BY start_ns, end_ns
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) THEN 0 ELSE 1 END AS opens
      FROM observations
      WHERE {chosen}
    ) AS marked
  ) AS numbered
  GROUP BY sensor, epoch, island
)
SELECT one.sensor, one.epoch, another.epoch AS other,
  GREATEST(one.start_ns, another.start_ns) AS start_ns, LEAST(one.end_ns, another.end_ns) AS end_ns
FROM stretches one JOIN stretches another ON one.sensor = another.sensor
WHERE one.epoch < another.epoch AND one.start_ns < another.end_ns AND another.start_ns < one.end_ns
ORDER BY one.sensor, start_ns, end_ns, one.epoch, another.epoch
"""
"""The times that two epochs of one sensor both observed. `{chosen}`: of which spans."""

OVERLAPS_WITHIN = OVERLAPS.format(chosen="start_ns < ? AND end_ns > ? AND array_contains(?, sensor)")
"""The same of the spans that touch a time. Parameters: as of OBSERVED."""

COUNTRY_DATABASES = """
SELECT DISTINCT country_database
FROM observations
WHERE start_ns < ? AND end_ns > ? AND array_contains(?, sensor) AND country_database <> ''
ORDER BY country_database
"""
"""The databases that told the countries of what was observed in a time. Parameters: as of OBSERVED."""

SKETCHES = f"""
SELECT key, registers
FROM sketches
WHERE {SCOPE}
ORDER BY key, registers
"""  # noqa: S608 - constant text
"""The sketches of sources that sensors gave up. Parameters: the scope, with family 0 for those that keys of
both families share."""

DENIAL_EVENTS = f"""
WITH replies AS (
  SELECT source_high AS victim_high, source_low AS victim_low, country, minute, source_port AS port, packets,
    CASE form WHEN 1 THEN 6 WHEN 3 THEN 1 WHEN 4 THEN 58 ELSE value END AS protocol
  FROM tuples
  WHERE {SCOPE} AND class = 2 AND source_low IS NOT NULL
    AND NOT (form = 3 AND value IN (3, 4, 5, 11, 12)) AND NOT (form = 4 AND value IN (1, 2, 3, 4))
  UNION ALL
  SELECT victim_high, victim_low, country, minute, victim_port AS port, packets, protocol
  FROM quoted
  WHERE {SCOPE}
), minutes AS (
  SELECT victim_high, victim_low, protocol, minute, MIN(country) AS country, MIN(port) AS low_port,
    MAX(port) AS high_port, CAST(SUM(packets) AS DECIMAL(38, 0)) AS packets
  FROM replies
  GROUP BY victim_high, victim_low, protocol, minute
), marked AS (
  SELECT *, CASE WHEN minute - LAG(minute) OVER (
      PARTITION BY victim_high, victim_low, protocol ORDER BY minute
    ) <= ? THEN 0 ELSE 1 END AS opens
  FROM minutes
), numbered AS (
  SELECT *, SUM(opens) OVER (
      PARTITION BY victim_high, victim_low, protocol ORDER BY minute
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS event
  FROM marked
), events AS (
  SELECT victim_high, victim_low, protocol, event, MIN(country) AS country, MIN(minute) AS first_minute,
    MAX(minute) AS last_minute, CAST(SUM(packets) AS DECIMAL(38, 0)) AS packets,
    MAX(packets) AS most_in_a_minute, MIN(low_port) AS low_port, MAX(high_port) AS high_port
  FROM numbered
  GROUP BY victim_high, victim_low, protocol, event
)
SELECT victim_high, victim_low, protocol, country, first_minute, last_minute, packets, most_in_a_minute,
  low_port, high_port
FROM events
WHERE packets >= ? AND (last_minute - first_minute - 1) * 60 >= ? AND most_in_a_minute >= ?
ORDER BY first_minute, victim_high, victim_low, protocol
"""  # noqa: S608 - constant text
"""Backscatter grouped to attacks on victims: whoever replies, and whomever an ICMP error quotes. Parameters:
the scope twice, the longest pause in minutes, then at least: packets, seconds, packets in one minute."""


MEMBERS = f"""
WITH members AS (
  SELECT class, tool, {{source}}
  FROM tuples
  WHERE {SCOPE} AND source_low IS NOT NULL
  GROUP BY class, tool, {{source}}
)
SELECT 'class' AS kind, CAST(class AS INT) AS number, CAST(COUNT(*) AS BIGINT) AS sources
FROM (SELECT class, {{source}} FROM members GROUP BY class, {{source}}) AS by_class
GROUP BY class
UNION ALL
SELECT 'tool', CAST(tool AS INT), CAST(COUNT(*) AS BIGINT)
FROM (SELECT tool, {{source}} FROM members WHERE tool <> 0 GROUP BY tool, {{source}}) AS by_tool
GROUP BY tool
ORDER BY kind, number
"""  # noqa: S608 - constant text
"""Distinct sources of each class and of each tool. Parameters: the scope."""

HOME_SOURCES = f"""
SELECT code, CAST(COUNT(*) AS BIGINT) AS sources
FROM (
  SELECT form * 65536 + value AS code, {{source}}
  FROM tuples
  WHERE {SCOPE} AND country = ? AND source_low IS NOT NULL
  GROUP BY form * 65536 + value, {{source}}
) AS by_source
GROUP BY code
ORDER BY code
"""  # noqa: S608 - constant text
"""Distinct sources of one country, of each key. Parameters: the scope, the country."""

REFLECTED = f"""
SELECT source_port, CAST(SUM(packets) AS DECIMAL(38, 0)) AS packets,
  CAST(SUM(bytes) AS DECIMAL(38, 0)) AS bytes, CAST(COUNT(source_low) AS BIGINT) AS sources
FROM (
  SELECT source_port, {{source}}, SUM(packets) AS packets, SUM(bytes) AS bytes
  FROM tuples
  WHERE {SCOPE} AND class = 3
  GROUP BY source_port, {{source}}
) AS by_source
GROUP BY source_port
ORDER BY source_port
"""  # noqa: S608 - constant text
"""UDP replies of services that forgers use as reflectors, by the service's port. Parameters: the scope."""

SURVEYED = f"""
WITH surveyed AS (
  SELECT scanner, sensor, form * 65536 + value AS code, COALESCE(country, 'ZZ') AS country, class, tool, asn,
    {{source}}, SUM(packets) AS packets
  FROM tuples JOIN scanners ON {{within}}
  WHERE {SCOPE}
  GROUP BY scanner, sensor, form * 65536 + value, COALESCE(country, 'ZZ'), class, tool, asn, {{source}}
)
SELECT kind, subject, CAST(SUM(packets) AS DECIMAL(38, 0)) AS packets, CAST(COUNT(*) AS BIGINT) AS sources
FROM (
  SELECT 'total' AS kind, CAST('total' AS STRING) AS subject, {{source}}, SUM(packets) AS packets
  FROM surveyed GROUP BY {{source}}
  UNION ALL
  SELECT 'scanner', CAST(scanner AS STRING), {{source}}, SUM(packets)
  FROM surveyed GROUP BY scanner, {{source}}
  UNION ALL
  SELECT 'key', CAST(code AS STRING), {{source}}, SUM(packets) FROM surveyed GROUP BY code, {{source}}
  UNION ALL
  SELECT 'home-key', CAST(code AS STRING), {{source}}, SUM(packets)
  FROM surveyed WHERE country = ? GROUP BY code, {{source}}
  UNION ALL
  SELECT 'country', CAST(country AS STRING), {{source}}, SUM(packets)
  FROM surveyed GROUP BY country, {{source}}
  UNION ALL
  SELECT 'backscatter', CAST(country AS STRING), {{source}}, SUM(packets)
  FROM surveyed WHERE class = 2 GROUP BY country, {{source}}
  UNION ALL
  SELECT 'class', CAST(class AS STRING), {{source}}, SUM(packets)
  FROM surveyed GROUP BY class, {{source}}
  UNION ALL
  SELECT 'tool', CAST(tool AS STRING), {{source}}, SUM(packets)
  FROM surveyed WHERE tool <> 0 GROUP BY tool, {{source}}
  UNION ALL
  SELECT 'network', CAST(asn AS STRING), {{source}}, SUM(packets)
  FROM surveyed WHERE asn IS NOT NULL GROUP BY asn, {{source}}
  UNION ALL
  SELECT 'sensor', CAST(sensor AS STRING), {{source}}, SUM(packets)
  FROM surveyed GROUP BY sensor, {{source}}
) AS by_source
GROUP BY kind, subject
ORDER BY kind, subject
"""  # noqa: S608 - constant text
"""What known survey scanners sent, each way the report counts: packets and distinct sources. Tables: scanners
(scanner, block, first_high, last_high, first_low, last_low), ranges apart from one another; of IPv4 none
crosses a block of 256 addresses. Parameters: the scope, the home country."""

MISSING_BATCHES = """
SELECT sensor, epoch, CAST(before + 1 AS INT) AS first_missing, CAST(sequence - 1 AS INT) AS last_missing,
  before_ns, start_ns
FROM (
  SELECT sensor, epoch, sequence, start_ns,
    LAG(sequence, 1, -1) OVER (PARTITION BY sensor, epoch ORDER BY sequence) AS before,
    LAG(end_ns) OVER (PARTITION BY sensor, epoch ORDER BY sequence) AS before_ns
  FROM (
    SELECT sensor, epoch, sequence, MIN(start_ns) AS start_ns, MAX(end_ns) AS end_ns
    FROM observations
    WHERE array_contains(?, sensor)
    GROUP BY sensor, epoch, sequence
  ) AS batches
) AS numbered
WHERE sequence > before + 1 AND start_ns > ? AND COALESCE(before_ns, start_ns) < ?
ORDER BY sensor, epoch, first_missing
"""
"""Runs of numbers that are missing in an epoch of a sensor, with the end of the batch before (NULL: none came
before) and the start of the one after, where these enclose a part of a time. Parameters: sensors, start of
the time, its end."""

LOSSES = """
SELECT sensor, MIN(start_ns) AS start_ns, MAX(end_ns) AS end_ns, MIN(counters) AS counters
FROM observations
WHERE start_ns < ? AND end_ns > ? AND array_contains(?, sensor)
GROUP BY sensor, epoch, sequence
HAVING MIN(counters) LIKE '%"lost.%' OR MIN(counters) LIKE '%"kernel_dropped"%'
ORDER BY sensor, start_ns
"""
"""Batches that tell of lost batches or packets; `{}` stands on all but the first row of a batch and is the
greater text. Parameters: end of the time, its start, sensors."""


EXPORTED = f"""
SELECT minute, source_high, source_low, address_high, address_low, form, value, source_port, flags, class,
  tool, country, asn, CAST(SUM(packets) AS DECIMAL(38, 0)) AS packets,
  CAST(SUM(bytes) AS DECIMAL(38, 0)) AS bytes
FROM tuples
WHERE {SCOPE}
GROUP BY minute, source_high, source_low, address_high, address_low, form, value, source_port, flags, class,
  tool, country, asn
ORDER BY minute, source_high, source_low, address_high, address_low, form, value, source_port, flags, class,
  tool, country, asn
"""  # noqa: S608 - constant text
"""Tuples as they are exported, those of several sensors together. Parameters: the scope."""

SIGHTED = f"""
WITH pairs AS (
  SELECT {{source}}, form * 65536 + value AS code, SUM(packets) AS packets, MIN(minute) AS first_minute,
    MAX(minute) AS last_minute
  FROM tuples
  WHERE {SCOPE} AND class = 1 AND source_low IS NOT NULL
  GROUP BY {{source}}, form * 65536 + value
), ranked AS (
  SELECT {{source}}, ROW_NUMBER() OVER (ORDER BY SUM(packets) DESC, {{source}}) AS place
  FROM pairs
  GROUP BY {{source}}
)
SELECT {{high}} AS source_high, source_low, code, CAST(packets AS DECIMAL(38, 0)) AS packets, first_minute,
  last_minute
FROM pairs JOIN ranked USING ({{source}})
WHERE place <= ?
ORDER BY place, code
"""  # noqa: S608 - constant text
"""What the sources with the most probes sent, by key. Parameters: the scope, how many sources."""


def for_family(statement: str, family: Family) -> str:
    """A statement with `{source}` for one family."""
    if family is Family.IPV4:
        return statement.format(
            source="source_low",
            source_of_tuples="tuples.source_low",
            high="CAST(0 AS BIGINT)",
            same="heavy.low = tuples.source_low",
            within="scanners.block = tuples.source_low - tuples.source_low % 256"
            " AND tuples.source_low BETWEEN scanners.first_low AND scanners.last_low",
        )
    return statement.format(
        source="source_high, source_low",
        source_of_tuples="tuples.source_high, tuples.source_low",
        high="source_high",
        same="heavy.high = tuples.source_high AND heavy.low = tuples.source_low",
        within="tuples.source_high BETWEEN scanners.first_high AND scanners.last_high"
        " AND tuples.source_low BETWEEN scanners.first_low AND scanners.last_low",
    )
