//! From the text of rule files to rules.
//!
//! [`header`] and [`options`] cut a rule up, [`keyword`] says who reads which option, [`draft`] gathers what they say.

mod bytes;
mod content;
mod draft;
mod expression;
mod fields;
mod header;
mod keyword;
mod options;
mod perl;
mod state;
mod variables;

use std::sync::Arc;

use super::limits::MAX_RULE_BYTES;
use super::rule::{Protocol, Rule};
use super::text::{Diagnostic, Obstacle, Refusal, Statement, statements};
use draft::Draft;
use header::Header;
pub use variables::Variables;

/// Reads the rules of one file.
pub(super) fn read(file: &str, text: &str, variables: &Variables) -> (Vec<Rule>, Vec<Diagnostic>) {
    let file: Arc<str> = file.into();
    let (mut rules, mut diagnostics) = (Vec::new(), Vec::new());
    let found = statements(text);
    let behind = found.len();
    for (number, statement) in (1..).zip(found) {
        match rule(&statement, &file, variables) {
            Ok(rule) => rules.push(rule),
            Err((sid, refusal)) => diagnostics.push(Diagnostic {
                cut_off: number == behind
                    && refusal.obstacle == Obstacle::Mistake
                    && (!text.ends_with('\n') || statement.is_open()),
                place: statement.place(&file, refusal.offset),
                sid,
                obstacle: refusal.obstacle,
                cause: refusal.cause,
                reason: refusal.reason,
                remedy: refusal.remedy,
            }),
        }
    }
    (rules, diagnostics)
}

fn rule(
    statement: &Statement,
    file: &Arc<str>,
    variables: &Variables,
) -> Result<Rule, (Option<u32>, Refusal)> {
    let text = statement.text.as_str();
    let mistake =
        |offset, reason: &str, remedy: &str| (None, Refusal::mistake(offset, reason, remedy));
    if text.len() > MAX_RULE_BYTES {
        return Err(mistake(
            0,
            &format!("the rule has more than {MAX_RULE_BYTES} bytes"),
            "cut it into several rules",
        ));
    }
    let Some(open) = text.find('(') else {
        return Err(mistake(
            0,
            "this is neither a rule nor a comment",
            "write `alert PROTOCOL ... (OPTIONS)` or `#` before it",
        ));
    };
    let body = text.get(open + 1..).unwrap_or_default();
    let Some(body) = body.strip_suffix(')') else {
        return Err(mistake(
            text.len(),
            "the rule does not end with `)`",
            "close the parenthesis of its options",
        ));
    };
    let options = options::cut(body).map_err(|refusal| (None, refusal.shifted(open + 1)))?;
    let sid = options
        .iter()
        .find(|option| option.name == "sid")
        .and_then(|option| option.value?.parse().ok());
    let refused = |refusal: Refusal| (sid, refusal.shifted(open + 1));

    let mut header = header::read(text.get(..open).unwrap_or_default(), variables)
        .map_err(|refusal| (sid, refusal))?;
    let asks_for_event = options
        .iter()
        .any(|option| option.name == "app-layer-event");
    if let (Some(refusal), false) = (&header.session, asks_for_event) {
        return Err((sid, refusal.clone()));
    }
    let mut draft = Draft::new(header.protocol);
    draft.over_udp = header.protocol == Protocol::Dns || header.application.is_some();
    // A rule that needs a session is told so, whatever else in it is not known.
    let mut other = None;
    for option in &options {
        match keyword::read(&mut draft, option) {
            Ok(()) => {}
            Err(refusal) if refusal.obstacle == Obstacle::Session => {
                return Err(refused(refusal));
            }
            Err(refusal) => other = other.or(Some(refusal)),
        }
    }
    if let Some(refusal) = other {
        return Err(refused(refusal));
    }
    let Some(sid) = draft.sid.or(draft.other_sid) else {
        return Err((
            None,
            Refusal::mistake(
                open,
                "the rule has no `sid`",
                "give it a number of its own: `sid:1000001;`",
            ),
        ));
    };
    plausible(&draft, &header).map_err(refused)?;
    draft.direct_events(&mut header);
    Ok(Rule {
        sid,
        revision: draft.revision,
        message: draft.message,
        classification: draft.classification,
        place: statement.place(file, 0),
        protocol: draft.protocol,
        source: header.source,
        destination: header.destination,
        both_ways: header.both_ways,
        tests: draft.tests,
        steps: draft.steps,
        buffer: draft.buffer,
        limit: draft.limit,
        filter: draft.filter,
        spread: draft.spread,
        flow_bits: draft.flow_bits,
        silent: draft.silent,
    })
}

/// Whether the options fit the header.
fn plausible(draft: &Draft, header: &Header) -> Result<(), Refusal> {
    let refuse = |what: &str, reason: &str| Err(Refusal::unsupported(0, what, reason));
    if let Some(name) = &header.application {
        if draft.steps.is_empty() && draft.tests.is_empty() {
            return refuse(
                &format!("protocol {name}"),
                &format!("the rule only says `{name}`"),
            );
        }
    }
    if draft.has_application_events()
        && !matches!(
            header.protocol,
            Protocol::Dns | Protocol::Udp | Protocol::Ip | Protocol::Ipv4 | Protocol::Ipv6
        )
    {
        return Err(Refusal::session(
            0,
            "app-layer-event of another protocol than UDP",
        ));
    }
    if draft.protocol == Protocol::Dns
        && !matches!(
            header.protocol,
            Protocol::Dns | Protocol::Udp | Protocol::Ip
        )
    {
        return refuse(
            "DNS over another protocol than UDP",
            "a DNS query is read from UDP datagrams alone",
        );
    }
    if header.protocol == Protocol::Anomaly && draft.tests.is_empty() {
        return refuse("protocol pkthdr", "the rule names no event");
    }
    Ok(())
}
