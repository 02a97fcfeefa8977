//! The variables of a rule's header, and the lists of addresses and ports that use them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::options::{pieces, shortened};
use crate::signature::limits::{MAX_NESTING, MAX_RANGES};
use crate::signature::ranges::Ranges;
use crate::signature::rule::Addresses;

/// What `$NAME` stands for in a rule's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variables {
    values: BTreeMap<String, String>,
}

/// Names the public rule sets use, with values under which a rule speaks wherever its packet comes from and goes
/// to: a sensor has no servers of its own, so every address is a possible one. Ports are those of the rule sets'
/// own default configurations.
const DEFAULTS: [(&str, &str); 38] = [
    ("HOME_NET", "any"),
    ("EXTERNAL_NET", "any"),
    ("AIM_SERVERS", "any"),
    ("DC_SERVERS", "any"),
    ("DNP3_CLIENT", "any"),
    ("DNP3_SERVER", "any"),
    ("DNS_SERVERS", "any"),
    ("ENIP_CLIENT", "any"),
    ("ENIP_SERVER", "any"),
    ("FTP_SERVERS", "any"),
    ("HTTP_SERVERS", "any"),
    ("MODBUS_CLIENT", "any"),
    ("MODBUS_SERVER", "any"),
    ("SIP_SERVERS", "any"),
    ("SMTP_SERVERS", "any"),
    ("SNMP_SERVERS", "any"),
    ("SQL_SERVERS", "any"),
    ("SSH_SERVERS", "any"),
    ("TELNET_SERVERS", "any"),
    ("HTTP_PORTS", "80"),
    ("SHELLCODE_PORTS", "!80"),
    ("ORACLE_PORTS", "1521"),
    ("SSH_PORTS", "22"),
    ("DNP3_PORTS", "20000"),
    ("MODBUS_PORTS", "502"),
    ("FILE_DATA_PORTS", "[$HTTP_PORTS,110,143]"),
    ("FTP_PORTS", "21"),
    ("GENEVE_PORTS", "6081"),
    ("VXLAN_PORTS", "4789"),
    ("TEREDO_PORTS", "3544"),
    ("SIP_PORTS", "[5060,5061,5600]"),
    ("GTP_PORTS", "[2123,2152,3386]"),
    ("MAIL_PORTS", "[25,110,143,465,587,993,995]"),
    ("SMTP_PORTS", "[25,465,587]"),
    ("IMAP_PORTS", "143"),
    ("POP3_PORTS", "110"),
    ("TELNET_PORTS", "23"),
    ("DNS_PORTS", "53"),
];

impl Default for Variables {
    fn default() -> Self {
        let values = DEFAULTS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            values: values.into(),
        }
    }
}

impl Variables {
    /// Gives a variable a value; the name is without its dollar sign.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.values.insert(name.into(), value.into());
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The addresses a text names.
    pub(super) fn addresses(&self, text: &str) -> Result<Addresses, String> {
        let mut reader = Reader::new(self);
        let ipv4 = reader.list(text, &AddressesOf(4))?;
        let ipv6 = reader.list(text, &AddressesOf(6))?;
        let everything = Addresses::everything();
        let ipv4 = if reader.only_other(&ipv4) {
            Ranges::NONE
        } else {
            ipv4.within(&everything.ipv4)
        };
        let ipv6 = if reader.only_other(&ipv6) {
            Ranges::NONE
        } else {
            ipv6.within(&everything.ipv6)
        };
        if ipv4.is_empty() && ipv6.is_empty() {
            return Err(format!("`{}` leaves no address", shortened(text)));
        }
        Ok(Addresses { ipv4, ipv6 })
    }

    /// The ports a text names.
    pub(super) fn ports(&self, text: &str) -> Result<Ranges, String> {
        let ports = Reader::new(self)
            .list(text, &Ports)?
            .within(&Ranges::span(0, u16::MAX.into()));
        if ports.is_empty() {
            return Err(format!("`{}` leaves no port", shortened(text)));
        }
        Ok(ports)
    }
}

/// What a list names, and what it leaves out.
#[derive(Default)]
struct List {
    named: Option<Ranges>,
    left_out: Ranges,
    /// Whether something of the other address family was named.
    other: bool,
}

impl List {
    fn within(self, everything: &Ranges) -> Ranges {
        let largest = everything.spans().last().map_or(0, |span| span.1);
        let named = self.named.unwrap_or_else(|| everything.clone());
        named
            .intersection(&self.left_out.complement(largest))
            .intersection(everything)
    }
}

/// One item of a list, that is neither a list nor a variable.
trait Item {
    /// The numbers it names; `None` if it names addresses of the other family.
    fn read(&self, text: &str) -> Result<Option<Ranges>, String>;
    /// All numbers.
    fn everything(&self) -> Ranges;
}

struct AddressesOf(u8);

impl Item for AddressesOf {
    fn read(&self, text: &str) -> Result<Option<Ranges>, String> {
        let wrong = || {
            format!(
                "`{}` is no address, network, list or variable",
                shortened(text)
            )
        };
        let (family, first, last) = if let Some((network, mask)) = text.split_once('/') {
            let address: IpAddr = network.trim().parse().map_err(|_| wrong())?;
            let length = match mask.trim().parse::<IpAddr>() {
                // A mask written as an address, as old rules have it.
                Ok(IpAddr::V4(mask)) => u32::from(mask).leading_ones(),
                _ => mask.trim().parse().map_err(|_| wrong())?,
            };
            span(address, length).ok_or_else(wrong)?
        } else if let Some((first, last)) = text.split_once('-') {
            let first: IpAddr = first.trim().parse().map_err(|_| wrong())?;
            let last: IpAddr = last.trim().parse().map_err(|_| wrong())?;
            match (span(first, 128), span(last, 128)) {
                (Some((family, first, _)), Some((other, _, last)))
                    if family == other && first <= last =>
                {
                    (family, first, last)
                }
                _ => return Err(format!("`{}` is no range of addresses", shortened(text))),
            }
        } else {
            span(text.parse().map_err(|_| wrong())?, 128).ok_or_else(wrong)?
        };
        Ok((family == self.0).then(|| Ranges::span(first, last)))
    }

    fn everything(&self) -> Ranges {
        Ranges::span(
            0,
            if self.0 == 4 {
                u32::MAX.into()
            } else {
                u128::MAX
            },
        )
    }
}

/// Family, first and last address of a network; a length of 128 means one address of either family.
fn span(address: IpAddr, length: u32) -> Option<(u8, u128, u128)> {
    match address {
        IpAddr::V4(_) if length > 32 && length != 128 => None,
        IpAddr::V4(address) => {
            let rest = u32::MAX.checked_shr(length).unwrap_or(0);
            let first = u32::from(address) & !rest;
            Some((4, first.into(), (first | rest).into()))
        }
        IpAddr::V6(_) if length > 128 => None,
        IpAddr::V6(address) => {
            let rest = u128::MAX.checked_shr(length).unwrap_or(0);
            let first = u128::from(address) & !rest;
            Some((6, first, first | rest))
        }
    }
}

struct Ports;

impl Item for Ports {
    fn read(&self, text: &str) -> Result<Option<Ranges>, String> {
        let wrong = || {
            format!(
                "`{}` is no port from 0 to 65535, range, list or variable",
                shortened(text)
            )
        };
        let port = |digits: &str, empty: u16| match digits.trim() {
            "" => Ok(empty),
            digits => digits.parse::<u16>().map_err(|_| wrong()),
        };
        let (first, last) = match text.split_once(':') {
            Some((first, last)) => (port(first, 0)?, port(last, u16::MAX)?),
            None if text.is_empty() => return Err(wrong()),
            None => (port(text, 0)?, port(text, 0)?),
        };
        if first > last {
            return Err(format!(
                "the range `{}` ends before it begins",
                shortened(text)
            ));
        }
        Ok(Some(Ranges::span(first.into(), last.into())))
    }

    fn everything(&self) -> Ranges {
        Ranges::span(0, u16::MAX.into())
    }
}

struct Reader<'a> {
    variables: &'a Variables,
    depth: usize,
    left: usize,
}

impl<'a> Reader<'a> {
    const fn new(variables: &'a Variables) -> Self {
        Self {
            variables,
            depth: 0,
            left: MAX_RANGES,
        }
    }

    /// Whether a list named only addresses of the other family.
    #[expect(clippy::unused_self, reason = "reads as the question it is")]
    fn only_other(&self, list: &List) -> bool {
        list.other && list.named.is_none()
    }

    fn list(&mut self, text: &str, items: &impl Item) -> Result<List, String> {
        let mut list = List::default();
        self.add(&mut list, text, false, items)?;
        Ok(list)
    }

    fn add(
        &mut self,
        list: &mut List,
        text: &str,
        negated: bool,
        items: &impl Item,
    ) -> Result<(), String> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix('!') {
            return self.add(list, rest, !negated, items);
        }
        self.depth += 1;
        self.left = self.left.saturating_sub(1);
        if self.depth > MAX_NESTING {
            return Err(format!(
                "`{}` nests more than {MAX_NESTING} deep",
                shortened(text)
            ));
        }
        if self.left == 0 {
            return Err(format!(
                "`{}` names more than {MAX_RANGES} ranges",
                shortened(text)
            ));
        }
        if let Some(inside) = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
        {
            if negated {
                // What a negated list names is what the outer one leaves out, and the other way round.
                let mut inner = List::default();
                for piece in pieces(inside, b',') {
                    self.add(&mut inner, piece, false, items)?;
                }
                let other = inner.other && inner.named.is_none();
                if !other {
                    let named = inner.within(&items.everything());
                    list.left_out = std::mem::take(&mut list.left_out).union(&named);
                }
            } else {
                for piece in pieces(inside, b',') {
                    self.add(list, piece, false, items)?;
                }
            }
        } else if let Some(name) = text.strip_prefix('$') {
            let value = self
                .variables
                .get(name)
                .ok_or_else(|| format!("the variable `${name}` has no value"))?;
            let wrapped = format!("[{value}]");
            self.add(list, &wrapped, negated, items)?;
        } else {
            let named = if text.eq_ignore_ascii_case("any") {
                Some(items.everything())
            } else {
                items.read(text)?
            };
            match named {
                None if negated => {}
                None => list.other = true,
                Some(ranges) if negated => {
                    list.left_out = std::mem::take(&mut list.left_out).union(&ranges);
                }
                Some(ranges) => {
                    list.named = Some(list.named.take().unwrap_or_default().union(&ranges));
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ipv4(text: &str) -> Vec<(u128, u128)> {
        Variables::default()
            .addresses(text)
            .unwrap()
            .ipv4
            .spans()
            .to_vec()
    }

    fn ports(text: &str) -> Vec<(u128, u128)> {
        Variables::default().ports(text).unwrap().spans().to_vec()
    }

    #[test]
    fn addresses_are_read_in_every_form() {
        let ten = (0x0a00_0000, 0x0aff_ffff);
        assert_eq!(ipv4("10.0.0.0/8"), [ten]);
        assert_eq!(ipv4("[10.0.0.0/255.0.0.0]"), [ten]);
        assert_eq!(ipv4("10.0.0.0-10.255.255.255"), [ten]);
        assert_eq!(
            ipv4("[10.0.0.0/8, !10.0.0.0/9]"),
            [(0x0a80_0000, 0x0aff_ffff)]
        );
        assert_eq!(
            ipv4("![1.0.0.0/8,!1.2.3.4]"),
            [
                (0, 0x00ff_ffff),
                (0x0102_0304, 0x0102_0304),
                (0x0200_0000, 0xffff_ffff)
            ]
        );
    }

    #[test]
    fn a_list_of_one_family_leaves_the_other_out() {
        let addresses = Variables::default().addresses("2001:db8::/32").unwrap();
        assert!(addresses.ipv4.is_empty() && !addresses.ipv6.is_empty());
        let addresses = Variables::default().addresses("!10.0.0.0/8").unwrap();
        assert!(addresses.ipv6.is_everything(u128::MAX));
    }

    #[test]
    fn ports_are_read_in_every_form() {
        assert_eq!(ports("80"), [(80, 80)]);
        assert_eq!(ports("1024:"), [(1024, 65535)]);
        assert_eq!(ports(":1023"), [(0, 1023)]);
        assert_eq!(ports("[80,443,!443]"), [(80, 80)]);
        assert_eq!(ports("$SHELLCODE_PORTS"), [(0, 79), (81, 65535)]);
    }

    #[test]
    fn what_names_nothing_is_refused() {
        let variables = Variables::default();
        for text in [
            "!any",
            "!$HOME_NET",
            "$NOBODY",
            "10.0.0.0/33",
            "300.1.1.1",
            "10.0.0.9-10.0.0.1",
            "",
        ] {
            assert!(variables.addresses(text).is_err(), "{text}");
        }
        for text in ["!any", "70000", "9:1", "", "x", "!:"] {
            assert!(variables.ports(text).is_err(), "{text}");
        }
    }

    #[test]
    fn variables_that_name_themselves_are_refused() {
        let mut variables = Variables::default();
        variables.set("HOME_NET", "[$HOME_NET,$HOME_NET]");
        assert!(variables.addresses("$HOME_NET").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-f.:/!,\\[\\]$A-Z-]{0,60}") {
            let _ = Variables::default().addresses(&text);
            let _ = Variables::default().ports(&text);
        }
    }
}
