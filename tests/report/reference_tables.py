"""Tables 3-1, 3-2, 4-1 and 4-2 of the reference: per address and day, August 2009 against July 2009.

From the report of the National Police Agency of Japan on the Internet's security for August 2009, of
30 September 2009. The rate of July is that of August less the printed change; two decimals are printed, so
that a percentage recomputed from them can differ in its last digit where the rate is small.
"""

from __future__ import annotations

from typing import NamedTuple


class Printed(NamedTuple):
    """One printed row; None is a printed "-" or an empty cell."""

    rank: int | None
    compare_rank: int | None
    key: str
    rate: float | None  # None: "ごく僅か"
    percent: float | None
    change: float
    rise_rank: int | None
    fall_rank: int | None


PORTS = (
    Printed(1, 1, "445/TCP", 142.92, 9.0, 11.83, 2, None),
    Printed(2, 2, "135/TCP", 56.09, -2.1, -1.19, None, 3),
    Printed(3, 3, "8/ICMP", 36.77, 19.8, 6.08, 3, None),
    Printed(4, 6, "2967/TCP", 23.40, 131.9, 13.31, 1, None),
    Printed(5, 4, "1433/TCP", 22.73, -15.3, -4.11, None, 2),
    Printed(7, 5, "4899/TCP", 5.74, -45.2, -4.74, None, 1),
    Printed(11, 13, "1521/TCP", 2.61, 28.5, 0.58, 4, None),
    Printed(18, 16, "8088/TCP", 1.05, -23.6, -0.32, None, 5),
    Printed(26, None, "17566/TCP", 0.46, None, 0.46, 5, None),
    Printed(None, 27, "62400/TCP", None, -99.8, -0.58, None, 4),
)

COUNTRIES = (
    Printed(1, 1, "CN", 155.71, 35.8, 41.05, 1, None),
    Printed(2, 2, "JP", 78.76, 6.5, 4.82, 3, None),
    Printed(3, 3, "US", 25.36, 5.7, 1.37, 5, None),
    Printed(4, 4, "RU", 19.55, 33.5, 4.91, 2, None),
    Printed(5, 5, "TW", 15.55, 16.4, 2.19, 4, None),
    Printed(7, 6, "KR", 8.72, -24.3, -2.80, None, 1),
    Printed(12, 10, "HK", 5.09, -9.2, -0.52, None, 5),
    Printed(18, 14, "GB", 2.63, -31.8, -1.23, None, 2),
    Printed(29, 24, "CL", 1.37, -28.0, -0.53, None, 4),
    Printed(36, 26, "VE", 0.99, -36.4, -0.57, None, 3),
)

CATEGORIES = (
    Printed(1, 1, "Worm", 5.86, -5.3, -0.33, None, 2),
    Printed(2, 2, "Scan", 3.55, -11.0, -0.44, None, 1),
    Printed(3, 4, "DNS", 1.39, 436.1, 1.13, 1, None),
    Printed(4, 3, "DoS", 0.46, 29.6, 0.11, 2, None),
)

DETECTION_COUNTRIES = (
    Printed(1, 1, "CN", 6.93, -7.3, -0.55, None, 1),
    Printed(2, 8, "DE", 1.25, 596.2, 1.07, 1, None),
    Printed(3, 2, "US", 1.00, -5.6, -0.06, None, 3),
    Printed(4, 3, "TW", 0.36, -2.5, -0.01, None, None),
    Printed(5, 4, "HK", 0.34, -4.4, -0.02, None, None),
    Printed(8, 9, "SE", 0.12, -29.0, -0.05, None, 5),
    Printed(9, 7, "CA", 0.10, -42.8, -0.08, None, 2),
    Printed(10, 12, "RO", 0.09, 88.6, 0.04, 3, None),
    Printed(11, 13, "GB", 0.08, 106.0, 0.04, 4, None),
    Printed(12, 27, "NL", 0.07, 591.2, 0.06, 2, None),
    Printed(16, 43, "CL", 0.04, 603.7, 0.03, 5, None),
    Printed(31, 11, "MX", 0.01, -87.0, -0.06, None, 4),
)
