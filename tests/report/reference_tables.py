"""Tables 3-1 and 3-2 of the reference: accesses per address and day, August 2009 against July 2009.

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
