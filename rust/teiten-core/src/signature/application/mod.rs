//! What may be wrong with an application's message in one UDP datagram, under Suricata's names of application events.
//!
//! A protocol is known by its port, in either direction, and by what its messages begin with: only a datagram that reads
//! as a message of the protocol can be a malformed one, or every probe of another protocol would be. Each datagram is
//! judged alone. A reader looks at each byte a bounded number of times and keeps nothing; none runs where no rule asks.

mod ber;
mod bittorrent;
mod dhcp;
mod dns;
mod ike;
mod kerberos;
mod ldap;
mod ntp;
mod quic;
mod snmp;
#[cfg(test)]
mod tests;

use super::view::View;

/// Protocols whose messages are UDP datagrams, and can have events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Application {
    /// Queries and answers of `BitTorrent`'s distributed hash table.
    BittorrentDht,
    /// DHCP over IPv4.
    Dhcp,
    /// DNS.
    Dns,
    /// IKE, both versions.
    Ike,
    /// Kerberos 5.
    Kerberos,
    /// LDAP without a connection.
    Ldap,
    /// Multicast DNS.
    Mdns,
    /// NTP.
    Ntp,
    /// QUIC.
    Quic,
    /// SNMP, all versions.
    Snmp,
}

/// Whether a message asks or answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// On its way to the server.
    Request,
    /// On its way to the client.
    Response,
}

/// An event that a rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ApplicationEvent {
    /// Whose messages.
    pub application: Application,
    /// Number of the event among those of the protocol.
    pub number: u8,
    /// The only direction asked for; `None`: both.
    pub direction: Option<Direction>,
    /// Whether the rule names ports itself, and the protocol's own do not matter.
    pub any_port: bool,
}

/// What a message shows: a bit for each of its protocol's events, and the direction it has by itself.
type Shown = (u32, Direction);

/// A protocol as rules and datagrams meet it.
struct Protocol {
    application: Application,
    /// Its names in rules' headers and before events.
    names: &'static [&'static str],
    /// Its ports (IANA registry of service names and port numbers); none: any.
    ports: &'static [u16],
    /// What its messages may begin with; none: anything.
    first: &'static [u8],
    /// Names of its events, in the order of their bits.
    events: &'static [&'static str],
    /// Whether a message has its direction in itself, whatever its ports.
    tells: bool,
    /// What a payload shows; `None` where it is no message of the protocol.
    read: fn(&[u8]) -> Option<Shown>,
}

/// The protocols, in the order of [`Application`].
const PROTOCOLS: [Protocol; 10] = [
    Protocol {
        application: Application::BittorrentDht,
        names: &["bittorrent-dht"],
        ports: &[],
        first: b"d",
        events: bittorrent::EVENTS,
        tells: true,
        read: bittorrent::read,
    },
    Protocol {
        application: Application::Dhcp,
        names: &["dhcp"],
        ports: &[67, 68],
        first: &[1, 2],
        events: dhcp::EVENTS,
        tells: true,
        read: dhcp::read,
    },
    Protocol {
        application: Application::Dns,
        names: &["dns"],
        ports: &[53],
        first: &[],
        events: dns::EVENTS,
        tells: false,
        read: dns::read,
    },
    Protocol {
        application: Application::Ike,
        names: &["ike", "ikev2"],
        ports: &[500, 4500],
        first: &[],
        events: ike::EVENTS,
        tells: true,
        read: ike::read,
    },
    Protocol {
        application: Application::Kerberos,
        names: &["krb5"],
        ports: &[88],
        first: &[0x6a, 0x6b, 0x6c, 0x6d, 0x7e],
        events: kerberos::EVENTS,
        tells: true,
        read: kerberos::read,
    },
    Protocol {
        application: Application::Ldap,
        names: &["ldap"],
        ports: &[389],
        first: &[0x30],
        events: ldap::EVENTS,
        tells: true,
        read: ldap::read,
    },
    Protocol {
        application: Application::Mdns,
        names: &["mdns"],
        ports: &[5353],
        first: &[],
        events: dns::EVENTS,
        tells: false,
        read: dns::read,
    },
    Protocol {
        application: Application::Ntp,
        names: &["ntp"],
        ports: &[123],
        first: &[],
        events: ntp::EVENTS,
        tells: false,
        read: ntp::read,
    },
    Protocol {
        application: Application::Quic,
        names: &["quic"],
        ports: &[443],
        first: &[],
        events: quic::EVENTS,
        tells: false,
        read: quic::read,
    },
    Protocol {
        application: Application::Snmp,
        names: &["snmp"],
        ports: &[161, 162],
        first: &[0x30],
        events: snmp::EVENTS,
        tells: false,
        read: snmp::read,
    },
];

/// Why an event is none that a rule can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// It compares a message with others of its flow, or an answer with what it answers.
    Session,
    /// It lies in what this engine does not do; why, for a person.
    Unsupported(&'static str),
    /// There is no such event.
    Unknown,
}

impl Application {
    /// The protocol of this name in rules.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        PROTOCOLS
            .iter()
            .find(|protocol| protocol.names.contains(&name))
            .map(|protocol| protocol.application)
    }

    /// The ports whose datagrams count as the protocol's; none where any may be.
    #[must_use]
    pub fn ports(self) -> &'static [u16] {
        self.protocol().ports
    }

    /// What the payload of a message may begin with; nothing where it may be any byte.
    #[must_use]
    pub fn first_bytes(self) -> &'static [u8] {
        self.protocol().first
    }

    const fn protocol(self) -> &'static Protocol {
        &PROTOCOLS[self as usize]
    }

    /// What a datagram shows; `None` where it is no message of the protocol.
    fn shown(self, payload: &[u8], ports: (u16, u16)) -> Option<Shown> {
        let protocol = self.protocol();
        let (events, own) = (protocol.read)(payload)?;
        let is_service = |port| protocol.ports.contains(&port);
        let direction = match (is_service(ports.0), is_service(ports.1)) {
            _ if protocol.tells => own,
            (false, true) => Direction::Request,
            (true, false) => Direction::Response,
            _ => own,
        };
        Some((events, direction))
    }
}

/// The event of this name, `PROTOCOL.EVENT`, in either direction.
///
/// # Errors
///
/// Why there is none.
pub fn event(name: &str) -> Result<ApplicationEvent, Absence> {
    let (protocol, event) = name.split_once('.').ok_or(Absence::Unknown)?;
    let application = Application::named(protocol).ok_or(Absence::Unknown)?;
    let number = application
        .protocol()
        .events
        .iter()
        .position(|known| *known == event)
        .and_then(|number| u8::try_from(number).ok());
    let Some(number) = number else {
        return Err(absence(application, event));
    };
    Ok(ApplicationEvent {
        application,
        number,
        direction: None,
        any_port: false,
    })
}

fn absence(application: Application, event: &str) -> Absence {
    match (application, event) {
        (Application::Snmp, "version_mismatch")
        | (
            Application::Ldap,
            "too_many_transactions" | "request_not_found" | "too_many_responses",
        ) => Absence::Session,
        (Application::Quic, "failed_decrypt" | "crypto_frag_too_long") => Absence::Unsupported(
            "lies behind the encryption of QUIC's first packet, which is not undone",
        ),
        _ => Absence::Unknown,
    }
}

/// What the message at hand shows, read at most once for each protocol that rules ask for one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading(Option<(Application, Option<Shown>)>);

impl Reading {
    /// Whether the datagram shows the event.
    pub(super) fn shows(&mut self, event: ApplicationEvent, view: &View<'_>) -> bool {
        // A datagram's first fragment is none to judge a message by.
        if view.more_fragments() {
            return false;
        }
        let ports = event.application.ports();
        let of_service = || ports.contains(&view.ports.0) || ports.contains(&view.ports.1);
        if !(event.any_port || ports.is_empty() || of_service()) {
            return false;
        }
        let shown = match self.0 {
            Some((application, shown)) if application == event.application => shown,
            _ => {
                let shown = event.application.shown(view.payload, view.ports);
                self.0 = Some((event.application, shown));
                shown
            }
        };
        let Some((events, direction)) = shown else {
            return false;
        };
        if event.direction.is_some_and(|wanted| wanted != direction) {
            return false;
        }
        let told = match event.application {
            // Whether a message is out of place depends on where it goes.
            Application::Dns | Application::Mdns => events & dns::misplaced(direction),
            _ => events,
        };
        told >> event.number & 1 == 1
    }
}
