//! The keywords of the rule languages: which module reads each, and which say that a rule needs more than a packet.

use super::draft::Draft;
use super::options::{RuleOption, shortened};
use super::{bytes, content, expression, fields, state};
use crate::signature::application::{Absence, event};
use crate::signature::rule::{Buffer, Protocol, Test};
use crate::signature::text::Refusal;

/// Options that say something about a rule, or ask for something besides a detection, and change none.
const REMARKS: [&str; 23] = [
    "activated_by",
    "activates",
    "count",
    "gid",
    "logto",
    "metadata",
    "prefilter",
    "priority",
    "psad_derived_sids",
    "psad_dl",
    "react",
    "reference",
    "rem",
    "replace",
    "resp",
    "service",
    "soid",
    "tag",
    "target",
    "severity",
    "file_meta",
    "exists",
    "created",
];

/// Beginnings of options that look into a session's stream, or into what a parser of an application's session found.
const SESSION_FAMILIES: [&str; 32] = [
    "http.",
    "http_",
    "http2",
    "file.",
    "file_",
    "tls.",
    "tls_",
    "ssl_",
    "ja3",
    "ja4",
    "ssh.",
    "ssh_",
    "smtp.",
    "smb.",
    "dce_",
    "dcerpc.",
    "krb5",
    "ftp.",
    "ftpdata",
    "mqtt.",
    "rfb.",
    "sip.",
    "sip_",
    "modbus",
    "dnp3",
    "enip_",
    "cip_",
    "iec104_",
    "s7commplus_",
    "pgsql",
    "websocket.",
    "ldap.",
];

/// Options of the same kind that belong to no family.
const SESSION_WORDS: [&str; 33] = [
    "uricontent",
    "urilen",
    "filestore",
    "filename",
    "fileext",
    "filemagic",
    "filemd5",
    "filesha1",
    "filesha256",
    "filesize",
    "stream_size",
    "stream_reassemble",
    "stream-event",
    "app-layer-protocol",
    "session",
    "flowint",
    "xbits",
    "hostbits",
    "ftpbounce",
    "base64_decode",
    "base64_data",
    "cmd_type",
    "gtp_info",
    "gtp_type",
    "gtp_version",
    "js_data",
    "vba_data",
    "appids",
    "dce",
    "flow.age",
    "flow.pkts",
    "flow.bytes",
    "snmp.pdu_type",
];

/// Reads one option.
pub(super) fn read(draft: &mut Draft, option: &RuleOption<'_>) -> Result<(), Refusal> {
    match option.name {
        "msg" => draft.message = message(option)?,
        "classtype" => option.needed()?.clone_into(&mut draft.classification),
        "sid" => draft.sid = Some(number(option)?),
        // psad numbers rules of its own apart.
        "psad_id" => draft.other_sid = Some(number(option)?),
        "rev" => draft.revision = number(option)?,
        "noalert" => draft.silent = true,
        "content" => content::content(draft, option)?,
        "pcre" => expression::expression(draft, option)?,
        "byte_test" => bytes::test(draft, option)?,
        "byte_jump" => bytes::jump(draft, option)?,
        "byte_extract" => bytes::extract(draft, option)?,
        "byte_math" => bytes::math(draft, option)?,
        "isdataat" => bytes::data_at(draft, option)?,
        "bsize" | "bufferlen" => bytes::size(draft, option)?,
        "flow" => state::flow(draft, option)?,
        "flowbits" => state::flow_bits(draft, option)?,
        "threshold" | "detection_filter" => state::limit(draft, option)?,
        "sweep" | "portscan" => state::spread(draft, option)?,
        "requires" => requires(option)?,
        "app-layer-event" => application_event(draft, option)?,
        "dns.query" | "dns_query" => {
            draft.look_into(option, Buffer::DnsName)?;
            draft.protocol = Protocol::Dns;
        }
        "dotprefix" if draft.buffer == Buffer::DnsName => {
            draft.look_into(option, Buffer::DottedDnsName)?;
        }
        "pkt_data" | "raw_data" => draft.look_into(option, Buffer::Payload)?,
        _ if content::modifier(draft, option)? || fields::field(draft, option)? => {}
        name if REMARKS.contains(&name) => {}
        name => return Err(unknown(option, name)),
    }
    Ok(())
}

/// An event of a message, where one datagram shows it.
fn application_event(draft: &mut Draft, option: &RuleOption<'_>) -> Result<(), Refusal> {
    let name = option.needed()?;
    let refusal = match event(name) {
        Ok(event) => {
            draft.test(Test::Application(event));
            return Ok(());
        }
        Err(Absence::Session) => Refusal {
            reason: format!(
                "the event `{}` compares messages of one flow, and each datagram is judged alone",
                shortened(name)
            ),
            ..Refusal::session(
                option.offset,
                format!("app-layer-event:{}", shortened(name)),
            )
        },
        Err(Absence::Unsupported(why)) => {
            option.unsupported(&format!("the event `{}` {why}", shortened(name)))
        }
        Err(Absence::Unknown) if draft.over_udp => {
            option.unsupported(&format!("the engine has no event `{}`", shortened(name)))
        }
        Err(Absence::Unknown) => Refusal::session(option.offset, option.name),
    };
    Err(refusal)
}

fn unknown(option: &RuleOption<'_>, name: &str) -> Refusal {
    let session = SESSION_WORDS.contains(&name)
        || SESSION_FAMILIES
            .iter()
            .any(|family| name.starts_with(family));
    if session {
        return Refusal::session(option.offset, name);
    }
    option.unsupported("the engine has no such option")
}

fn number(option: &RuleOption<'_>) -> Result<u32, Refusal> {
    let text = option.needed()?;
    text.parse().map_err(|_| {
        option.mistake(&format!(
            "`{}` is no number up to {}",
            shortened(text),
            u32::MAX
        ))
    })
}

fn message(option: &RuleOption<'_>) -> Result<String, Refusal> {
    let quoted = content::unquoted(option.needed()?);
    let mut message = String::with_capacity(quoted.len());
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        message.extend(if letter == '\\' {
            letters.next()
        } else {
            Some(letter)
        });
    }
    Ok(message)
}

/// Suricata's way of saying which engines a rule is for: `feature teiten` names this one.
fn requires(option: &RuleOption<'_>) -> Result<(), Refusal> {
    for requirement in option.list()? {
        let known = match requirement.split_once([' ', '\t']) {
            Some(("feature", name)) => name.trim() == "teiten",
            // Versions are Suricata's; its rules of every version are read as far as their options are known.
            Some(("version", _)) => true,
            Some(("keyword", name)) => matches!(name.trim(), "sweep" | "portscan"),
            _ => false,
        };
        if !known {
            return Err(option.unsupported(&format!("`{}` is not met", shortened(requirement))));
        }
    }
    Ok(())
}
