"""Whom a request comes from: its token proves that, and strangers may not ask for long."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from teiten_collector.door.admission import Head
    from teiten_collector.door.rates import Rates
    from teiten_collector.door.turns import Turns

_Result = TypeVar("_Result")

KNOWN_TOKENS = 65_536
"""Digests of tokens that were valid a moment ago; they are looked up again all the same, but never made to
wait."""


class Callers:
    """Proves tokens, and remembers which were valid. Used by the event loop alone."""

    def __init__(self, rates: Rates, askers: Turns) -> None:
        """Takes what bounds the look-ups of strangers, and whose turn it is to look up."""
        self._rates = rates
        self._askers = askers
        self._known: OrderedDict[bytes, str] = OrderedDict()

    async def proven(
        self, head: Head, prove: Callable[[Head], _Result], name: Callable[[_Result], str]
    ) -> _Result:
        """Whom a token proves; one that was not valid a moment ago is looked up at the rate of strangers.

        Args:
            head: With the token.
            prove: Looks it up; may block.
            name: Of whom it found: by that name turns go the next time.

        Raises:
            Refusal: TOKEN, or RATE for too many strangers.
        """
        token = sha256((head.authorization or "").encode()).digest()
        known = self._known.get(token)
        if known is None:
            self._rates.admit_stranger()
        proven = await self._askers.run(known or "", partial(prove, head))
        self._known[token] = name(proven)
        self._known.move_to_end(token)
        if len(self._known) > KNOWN_TOKENS:
            self._known.popitem(last=False)
        return proven
