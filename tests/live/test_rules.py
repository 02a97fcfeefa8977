"""Rules are changed while packets come, and no packet goes unseen by one set or the other."""

from __future__ import annotations

import io

from teiten_agent.live import LostError
from teiten_agent.log import Log
from teiten_agent.observe import CountingSettings
from teiten_agent.rules import Library
from teiten_agent.rules.library import compiled
from teiten_agent.watch import Clocks, Observation, Watch
from tests.live.test_watch import Hands, Script, packet


def speaking(sid: int) -> Library:
    return compiled((("own", f"alert tcp any any -> any 445 (sid:{sid};)"),))


def run(script: Script, watch: Watch, given: list[Observation | BaseException | None]) -> dict[int, int]:
    """Run a script to its end; what was detected."""
    script.finished = watch.stop.set
    watch.open()
    watch.start()
    watch.join()
    detected: dict[int, int] = {}
    for one in given:
        if isinstance(one, BaseException):
            raise one
        for sid, count in (one.interval.signatures() if one else {}).items():
            detected[sid] = detected.get(sid, 0) + count
    return detected


def watch_of(hands: Hands, script: Script, given: list[Observation | BaseException | None]) -> Watch:
    def open_source() -> Script:
        script.down = False
        return script

    clocks = Clocks(date=lambda: hands.date_ns, monotonic=lambda: hands.monotonic_ns)
    settings = CountingSettings(interval_seconds=60, rules=speaking(1))
    return Watch(open_source, settings, given.append, Log(io.StringIO()), clocks)


def test_every_packet_meets_the_old_rules_or_the_new_ones() -> None:
    hands = Hands()
    given: list[Observation | BaseException | None] = []

    def change() -> list[int]:
        watch.change_rules(speaking(2))
        return [hands.date_ns]

    script = Script([packet(hands), change, packet(hands), packet(hands)])
    watch = watch_of(hands, script, given)
    detected = run(script, watch, given)
    assert detected == {1: 2, 2: 2}, "the packets that are there when rules change meet the old ones"
    assert sum(one.counters.get("rules_changes", 0) for one in given if isinstance(one, Observation)) == 1


def test_new_rules_stay_when_the_interface_comes_back() -> None:
    hands = Hands()
    given: list[Observation | BaseException | None] = []

    def change() -> list[int]:
        watch.change_rules(speaking(2))
        return []

    def lose() -> list[int]:
        raise LostError("gone")

    script = Script([change, packet(hands), lose, packet(hands)])
    watch = watch_of(hands, script, given)
    assert run(script, watch, given) == {2: 2}
