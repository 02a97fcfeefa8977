//! What becomes of rules before they are compiled, and what is left out.

use std::collections::{HashMap, HashSet};

use super::rule::{FlowBit, Rule, Test};
use super::state::BitAction;
use super::text::{Diagnostic, Obstacle};

/// The event a rule is on, if it is on one.
pub(super) fn event_of(rule: &Rule) -> Option<u8> {
    rule.tests.iter().find_map(|test| match test {
        Test::Event(bit) => Some(*bit),
        _ => None,
    })
}

/// Rules with numbers of their own.
pub(super) fn unique(rules: Vec<Rule>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let mut kept: Vec<Rule> = Vec::with_capacity(rules.len());
    let mut known: HashMap<u32, usize> = HashMap::new();
    for rule in rules {
        let Some(place) = known.get(&rule.sid).copied() else {
            known.insert(rule.sid, kept.len());
            kept.push(rule);
            continue;
        };
        let Some(before) = kept.get_mut(place) else {
            continue;
        };
        let loser = if rule.revision > before.revision {
            std::mem::replace(before, rule)
        } else {
            rule
        };
        diagnostics.push(Diagnostic {
            reason: format!(
                "the rule at {} has the same number, and at least this revision",
                before.place
            ),
            sid: Some(loser.sid),
            place: loser.place,
            obstacle: Obstacle::Replaced,
            cause: "replaced".to_owned(),
            remedy: "give it a number of its own, or leave it out".to_owned(),
            cut_off: false,
        });
    }
    kept
}

/// Rules none of which waits for a flow bit that no rule sets, those that read bits alone behind the others.
pub(super) fn fulfilled(mut rules: Vec<Rule>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Rule> {
    loop {
        let sets = |bit: &FlowBit| match bit {
            FlowBit::Set(name) | FlowBit::Toggle(name) => Some(name.clone()),
            _ => None,
        };
        let set: HashSet<String> = rules
            .iter()
            .flat_map(|rule| rule.flow_bits.iter().filter_map(sets))
            .collect();
        let in_vain = |rule: &Rule| {
            rule.flow_bits.iter().any(|bit| matches!(bit, FlowBit::IsSet(any) if !any.iter().any(|name| set.contains(name))))
        };
        let before = rules.len();
        let (vain, kept): (Vec<_>, Vec<_>) = rules.into_iter().partition(in_vain);
        for rule in vain {
            diagnostics.push(Diagnostic {
                reason: "it waits for a flow bit that no usable rule sets for the same packet"
                    .to_owned(),
                sid: Some(rule.sid),
                place: rule.place,
                obstacle: Obstacle::Session,
                cause: "flowbits:isset of another packet".to_owned(),
                remedy: "leave the rule to a detector that watches hosts which answer".to_owned(),
                cut_off: false,
            });
        }
        rules = kept;
        if rules.len() == before {
            forget_unread(&mut rules);
            // Packets meet readers behind all others, in this order: those that pass a bit on go before those that only read.
            rules.sort_by_key(|rule| {
                let any = |what: fn(&FlowBit) -> bool| rule.flow_bits.iter().any(what);
                any(FlowBit::reads) && !any(FlowBit::writes)
            });
            return rules;
        }
    }
}

/// Leaves out what rules do to bits that no rule reads.
fn forget_unread(rules: &mut [Rule]) {
    let mut read: HashSet<String> = HashSet::new();
    for bit in rules.iter().flat_map(|rule| &rule.flow_bits) {
        if let FlowBit::IsSet(names) | FlowBit::IsNotSet(names) = bit {
            read.extend(names.iter().cloned());
        }
    }
    for rule in rules {
        rule.flow_bits.retain(|bit| match bit {
            FlowBit::Set(name) | FlowBit::Unset(name) | FlowBit::Toggle(name) => {
                read.contains(name)
            }
            FlowBit::IsSet(_) | FlowBit::IsNotSet(_) => true,
        });
    }
}

pub(super) fn actions(bits: &[FlowBit], names: &mut HashMap<String, usize>) -> Box<[BitAction]> {
    let mut number = |name: &String| {
        let next = names.len();
        *names.entry(name.clone()).or_insert(next)
    };
    bits.iter()
        .map(|bit| match bit {
            FlowBit::Set(name) => BitAction::Set(number(name)),
            FlowBit::Unset(name) => BitAction::Unset(number(name)),
            FlowBit::Toggle(name) => BitAction::Toggle(number(name)),
            FlowBit::IsSet(any) => BitAction::IsSet(any.iter().map(&mut number).collect()),
            FlowBit::IsNotSet(none) => BitAction::IsNotSet(none.iter().map(&mut number).collect()),
        })
        .collect()
}
