//! Options that look beyond one packet: flow, flow bits, limits and spreads.

use super::draft::Draft;
use super::options::{RuleOption, pieces, shortened};
use crate::signature::application::Direction;
use crate::signature::limits::{MAX_SPREAD, MAX_WINDOW_SECONDS};
use crate::signature::rule::{FlowBit, Limit, LimitKind, Spread, SpreadKind, Test, Track};
use crate::signature::text::Refusal;

/// Reads `flow`.
///
/// A sensor that answers nobody sees the first packets of a flow alone. So each is on its way to the server, and none
/// belongs to an established session; a packet to the client is one that answers traffic forged in the sensor's name.
pub(super) fn flow(draft: &mut Draft, option: &RuleOption<'_>) -> Result<(), Refusal> {
    let words = option.list()?;
    if let Some(word) = words
        .iter()
        .find(|word| matches!(**word, "established" | "only_stream"))
    {
        return Err(Refusal::session(option.offset, format!("flow:{word}")));
    }
    for word in words {
        match word {
            "to_client" | "from_server" => {
                draft.direction = Some(Direction::Response);
                draft.test(Test::Answer);
            }
            "to_server" | "from_client" => draft.direction = Some(Direction::Request),
            "stateless" | "not_established" | "no_stream" => {}
            "no_frag" => draft.test(Test::Fragment(false)),
            "only_frag" => draft.test(Test::Fragment(true)),
            other => {
                return Err(option.mistake(&format!("`{}` is none of its words", shortened(other))));
            }
        }
    }
    Ok(())
}

/// Reads `flowbits`.
pub(super) fn flow_bits(draft: &mut Draft, option: &RuleOption<'_>) -> Result<(), Refusal> {
    let list = option.list()?;
    let names = |list: &[&str]| match list.first() {
        Some(names) if !names.is_empty() => Ok((*names).to_owned()),
        _ => Err(option.mistake("it names no bit")),
    };
    let each = |text: &str, separator: u8| {
        pieces(text, separator)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (action, rest) = list
        .split_first()
        .map_or(("", &[][..]), |(first, rest)| (*first, rest));
    match action {
        "noalert" => draft.silent = true,
        "set" | "setx" => draft
            .flow_bits
            .extend(each(&names(rest)?, b'&').into_iter().map(FlowBit::Set)),
        "unset" => draft
            .flow_bits
            .extend(each(&names(rest)?, b'&').into_iter().map(FlowBit::Unset)),
        "toggle" => draft
            .flow_bits
            .extend(each(&names(rest)?, b'&').into_iter().map(FlowBit::Toggle)),
        // `a|b` is any of them, `a&b` every one.
        "isset" => {
            for any in each(&names(rest)?, b'&') {
                draft.flow_bits.push(FlowBit::IsSet(each(&any, b'|')));
            }
        }
        "isnotset" => {
            for none in each(&names(rest)?, b'&') {
                draft.flow_bits.push(FlowBit::IsNotSet(each(&none, b'|')));
            }
        }
        other => {
            return Err(option.mistake(&format!("`{}` is none of its actions", shortened(other))));
        }
    }
    Ok(())
}

/// Words of the form `KEY VALUE`.
fn words<'a>(option: &RuleOption<'a>) -> Result<Vec<(&'a str, &'a str)>, Refusal> {
    let split = |word: &'a str| {
        word.split_once([' ', '\t'])
            .map_or((word, ""), |(key, value)| (key, value.trim()))
    };
    Ok(option.list()?.into_iter().map(split).collect())
}

fn count(option: &RuleOption<'_>, digits: &str, least: u32, most: u32) -> Result<u32, Refusal> {
    digits
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            option.mistake(&format!(
                "`{}` is no number from {least} to {most}",
                shortened(digits)
            ))
        })
}

/// Reads `threshold` and `detection_filter`.
pub(super) fn limit(draft: &mut Draft, option: &RuleOption<'_>) -> Result<(), Refusal> {
    let filter = option.name == "detection_filter";
    let (mut kind, mut track, mut times, mut seconds) =
        (filter.then_some(LimitKind::Filter), None, None, None);
    for (key, value) in words(option)? {
        match (key, value) {
            ("type", "limit") if !filter => kind = Some(LimitKind::Limit),
            ("type", "threshold") if !filter => kind = Some(LimitKind::Threshold),
            ("type", "both") if !filter => kind = Some(LimitKind::Both),
            ("type", other) => {
                return Err(
                    option.unsupported(&format!("the type `{}` is not known", shortened(other)))
                );
            }
            ("track", "by_src") => track = Some(Track::Source),
            ("track", "by_dst") => track = Some(Track::Destination),
            // A flow's packets have both addresses in common; ports are left out, as a scan changes them.
            ("track", "by_both" | "by_flow") => track = Some(Track::Both),
            ("track", "by_rule") => track = Some(Track::Rule),
            ("count", digits) => times = Some(count(option, digits, 1, u32::MAX)?),
            ("seconds", digits) => seconds = Some(count(option, digits, 1, MAX_WINDOW_SECONDS)?),
            (other, _) => {
                return Err(option.mistake(&format!("`{}` is none of its words", shortened(other))));
            }
        }
    }
    let (Some(kind), Some(track), Some(count), Some(seconds)) = (kind, track, times, seconds)
    else {
        return Err(
            option.mistake("it needs type, track, count and seconds (a detection_filter no type)")
        );
    };
    let limit = Limit {
        kind,
        track,
        count,
        seconds,
    };
    let place = if filter {
        &mut draft.filter
    } else {
        &mut draft.limit
    };
    if place.replace(limit).is_some() {
        return Err(option.mistake("it stands twice"));
    }
    Ok(())
}

/// Reads `sweep: addresses N, seconds T` and `portscan: keys N, seconds T`.
pub(super) fn spread(draft: &mut Draft, option: &RuleOption<'_>) -> Result<(), Refusal> {
    let (kind, counted) = match option.name {
        "sweep" => (SpreadKind::Sweep, "addresses"),
        _ => (SpreadKind::PortScan, "keys"),
    };
    let (mut times, mut seconds) = (None, None);
    for (key, value) in words(option)? {
        if key == counted {
            times = Some(count(option, value, 2, MAX_SPREAD)?);
        } else if key == "seconds" {
            seconds = Some(count(option, value, 1, MAX_WINDOW_SECONDS)?);
        } else {
            return Err(option.mistake(&format!("`{}` is none of its words", shortened(key))));
        }
    }
    let (Some(count), Some(seconds)) = (times, seconds) else {
        return Err(option.mistake(&format!("it needs `{counted} NUMBER, seconds NUMBER`")));
    };
    if draft
        .spread
        .replace(Spread {
            kind,
            count,
            seconds,
        })
        .is_some()
    {
        return Err(option.mistake("a rule has at most one `sweep` or `portscan`"));
    }
    Ok(())
}
