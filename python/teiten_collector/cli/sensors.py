"""`sensor`: who may send, and how they stand."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING

from teiten_collector.accounting import iso, listing, standings
from teiten_collector.cli import PROGRAM
from teiten_collector.cli.arguments import add_config, add_json, open_store
from teiten_collector.cli.output import print_json
from teiten_collector.config import load
from teiten_collector.errors import ExitCode, UsageError
from teiten_collector.store import CODE_LIFETIME_NS, Told

if TYPE_CHECKING:
    from teiten_collector.cli.arguments import Commands

_HOUR_NS = 3_600 * 1_000_000_000
_MOST_HOURS = 366 * 24


def add(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser("sensor", help="register sensors, and see or change what is registered")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")

    add = actions.add_parser("add", help="register a sensor; prints its token once, as the last word")
    add.add_argument("id", metavar="ID", help="a to z, 0 to 9, '.', '_' and '-'; 63 at most")
    add_config(add)
    add.add_argument(
        "--monitored",
        nargs="+",
        action="extend",
        required=True,
        metavar="CIDR",
        help="the networks whose traffic it records",
    )
    add.add_argument(
        "--group", nargs="+", action="extend", default=[], metavar="NAME", help="groups it belongs to"
    )
    add.add_argument(
        "--since",
        metavar="DATE",
        help="it has monitored them since this day (YYYY-MM-DD in report.timezone) or moment (ISO 8601 with "
        "offset); without: always, so that captures of any time can be replayed",
    )
    add_json(add)
    add.set_defaults(run=_sensor_add)

    enrol = actions.add_parser(
        "enrol", help="make a one-time code by which the sensor enrols; prints it once, as the last word"
    )
    enrol.add_argument("id", metavar="ID")
    add_config(enrol)
    enrol.add_argument(
        "--hours",
        type=_hours,
        default=CODE_LIFETIME_NS // _HOUR_NS,
        metavar="N",
        help="how long it holds (default: %(default)s)",
    )
    add_json(enrol)
    enrol.set_defaults(run=_sensor_enrol)

    listing = actions.add_parser("list", help="every sensor, with its groups and networks")
    add_config(listing)
    add_json(listing)
    listing.set_defaults(run=_sensor_list)

    disable = actions.add_parser("disable", help="refuse a sensor from now on; what it sent stays")
    disable.add_argument("id", metavar="ID")
    add_config(disable)
    disable.set_defaults(run=_sensor_disable)

    rotate = actions.add_parser("rotate", help="a new token; the one before holds for a day more")
    rotate.add_argument("id", metavar="ID")
    add_config(rotate)
    add_json(rotate)
    rotate.set_defaults(run=_sensor_rotate)


def _sensor_add(options: argparse.Namespace) -> int:
    config = load(options.config)
    since_ns = 0 if options.since is None else _moment(options.since, config.report.zone)
    with open_store(config) as store:
        token = store.registry.add(options.id, options.monitored, options.group, from_ns=since_ns)
    if options.json:
        print_json({"sensor": options.id, "token": token})
        return ExitCode.DONE
    since = "always" if options.since is None else f"since {options.since}"
    print(f"sensor {options.id} is registered for {', '.join(options.monitored)}, {since}")
    print(f"its token, which is shown only now: {token}")
    return ExitCode.DONE


def _sensor_enrol(options: argparse.Namespace) -> int:
    with open_store(load(options.config)) as store:
        code, ends_ns = store.enrolments.issue(options.id, lifetime_ns=options.hours * _HOUR_NS)
    if options.json:
        print_json({"sensor": options.id, "code": code, "until": iso(ends_ns)})
        return ExitCode.DONE
    print(f"sensor {options.id} may enrol once until {iso(ends_ns)}")
    print(f"its code, which is shown only now: {code}")
    return ExitCode.DONE


def _sensor_list(options: argparse.Namespace) -> int:
    with open_store(load(options.config)) as store:
        if options.json:
            print_json(listing(store, store.contacts.list(), time.time_ns()))
            return ExitCode.DONE
        found = list(standings(store.registry.list(), store.contacts.list(), time.time_ns()))
        told = store.fleet.conditions()
    for standing in found:
        sensor = standing.sensor
        groups = f" [{', '.join(sensor.groups)}]" if sensor.groups else ""
        print(f"{sensor.id} {' '.join(standing.states)}{groups}")
        for said in standing.said:
            print(f"  -> {said}")
        heard_ns = standing.contact.heard_ns
        if heard_ns:
            offset_ns = standing.contact.offset_ns
            clock = "" if offset_ns is None else f", its clock {offset_ns / 1e9:+.1f} s"
            print(f"  last heard {iso(heard_ns)}{clock}")
        if standing.contact.observed_to_ns:
            print(f"  observed until {iso(standing.contact.observed_to_ns)}")
        if sensor.id in told:
            print(f"  {_condition(told[sensor.id])}")
        for registration in sensor.registrations:
            start = "always" if registration.from_ns == 0 else f"since {iso(registration.from_ns)}"
            end = "" if registration.to_ns is None else f" until {iso(registration.to_ns)}"
            print(f"  {registration.network} {start}{end}")
    if not found:
        print(f"no sensor is registered; {PROGRAM} sensor add registers one", file=sys.stderr)
    return ExitCode.DONE


def _condition(told: Told) -> str:
    condition = told.condition
    slot = f", slot {condition.slot}" if condition.slot else ""
    capturing = "" if condition.capturing else ", not capturing"
    rules = f", rules of generation {condition.generation}" if condition.generation else ""
    if condition.settings_generation:
        rules += f", settings of generation {condition.settings_generation}"
    tried = f", release {condition.release[:16]} {condition.outcome}" if condition.release else ""
    said = f" ({condition.said})" if condition.said else ""
    return f"runs {condition.version}{slot}{capturing}{rules}{tried}{said}"


def _sensor_disable(options: argparse.Namespace) -> int:
    with open_store(load(options.config)) as store:
        store.registry.disable(options.id)
    print(f"sensor {options.id} is refused from now on; {PROGRAM} sensor rotate gives it a new token")
    return ExitCode.DONE


def _sensor_rotate(options: argparse.Namespace) -> int:
    with open_store(load(options.config)) as store:
        token = store.registry.rotate(options.id)
    if options.json:
        print_json({"sensor": options.id, "token": token})
    else:
        print(f"the new token of sensor {options.id}, which is shown only now: {token}")
    return ExitCode.DONE


def _hours(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST_HOURS):
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number of hours, 1 to {_MOST_HOURS}")
    return int(text)


def _moment(text: str, zone: tzinfo) -> int:
    """A day (its midnight in the zone) or a moment with offset, in nanoseconds of the Unix epoch."""
    try:
        moment = datetime.fromisoformat(text)
        if len(text) == len(date.min.isoformat()):
            moment = moment.replace(tzinfo=zone)
    except ValueError as error:
        raise UsageError(f"{text!r} is no date", place="--since", remedy="write 2009-08-01") from error
    if moment.tzinfo is None:
        raise UsageError(f"{text!r} has no offset", place="--since", remedy="write 2009-08-01T00:00:00+09:00")
    return int(moment.timestamp()) * 1_000_000_000
