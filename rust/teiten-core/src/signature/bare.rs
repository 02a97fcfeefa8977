//! Which rules a packet without payload leaves possible, for the packets that most are, by one sum.
//!
//! Each value of a field has a weight, and the sum of a packet's weights is the place of its list of rules in a table:
//! cross-producting after Srinivasan et al., "Fast and Scalable Layer Four Switching" (1998), over the classes of
//! [`super::axis`]. Where the table has no room for all classes of a field, the smallest go without; a packet with a value of
//! one has a sum beyond the table's end and is looked at in full.

use std::collections::HashMap;

use super::axis::{Axes, Axis, BLOCK, Block, Field, Rows, WORD};
use super::candidate::{Candidate, candidates, needs_payload};
use super::group::{Entry, Place};
use super::limits::MAX_SUMS;
use super::rule::Rule;
use super::view::{Kind, mark};
use crate::packet::{Ip, Packet, Transport};
use crate::wire::ipv4::Ipv4;
use crate::wire::tcp::Tcp;

/// A whole IPv4 packet of TCP or ICMP with neither options of IP nor payload, and not to its own source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bare {
    /// Which rules it is held against.
    pub(super) kind: Kind,
    source: u32,
    destination: u32,
    ports: (u16, u16),
    first: u8,
    second: u16,
    bits: u8,
    time_to_live: u8,
    identification: u16,
    sequence: u32,
}

impl Bare {
    /// The packet, if it is one of these.
    #[inline]
    pub(super) fn of(packet: &Packet<'_>) -> Option<Self> {
        let Ip::V4(ip) = &packet.ip else {
            return None;
        };
        match &packet.transport {
            Transport::Tcp(tcp) => Self::of_tcp(ip, tcp),
            Transport::Icmp(icmp) if icmp.length() == 8 && Self::is_whole(ip, 8) => Some(Self {
                kind: Kind::Icmp,
                first: icmp.kind(),
                second: icmp.code()?.into(),
                ..Self::over(ip)
            }),
            _ => None,
        }
    }

    /// The same for a packet of TCP.
    #[inline]
    pub(super) fn of_tcp(ip: &Ipv4<'_>, tcp: &Tcp<'_>) -> Option<Self> {
        let length = tcp.header_length();
        if length != tcp.length() || !Self::is_whole(ip, length) {
            return None;
        }
        Some(Self {
            kind: Kind::Tcp,
            ports: (tcp.source_port(), tcp.destination_port()),
            first: tcp.flags(),
            second: tcp.window(),
            sequence: tcp.sequence(),
            ..Self::over(ip)
        })
    }

    /// Whether the packet is a header of IP without options, not of a fragment, and so many bytes behind it.
    #[inline]
    fn is_whole(ip: &Ipv4<'_>, length: usize) -> bool {
        ip.header_length() == 20
            && usize::from(ip.total_length()) == 20 + length
            && !ip.is_fragment()
            && ip.source() != ip.destination()
    }

    #[inline]
    const fn over(ip: &Ipv4<'_>) -> Self {
        Self {
            kind: Kind::Tcp,
            source: ip.source(),
            destination: ip.destination(),
            ports: (0, 0),
            first: 0,
            second: 0,
            bits: ip.flags(),
            time_to_live: ip.time_to_live(),
            identification: ip.identification(),
            sequence: 0,
        }
    }
}

/// Weight of a value that takes the sum beyond the table's end.
const BEYOND: u32 = 1 << 24;

/// Stands for the upper half of values that differ in weight.
const SPLIT: u32 = u32::MAX;

/// Weights of a field of 8 bits.
type Short = Box<[u32; 256]>;

/// Weights of a field of 16 bits, or of the upper halves of one of 32, in pages of 256; equal pages are kept once.
#[derive(Clone, Debug)]
struct Paged {
    pages: Box<[u16; 256]>,
    weights: Box<[[u32; 256]]>,
    /// First value of each interval of a field of 32 bits but the first, with the weight from there on; and the
    /// weight of that first.
    starts: Box<[(u32, u32)]>,
    least: u32,
}

impl Paged {
    #[inline]
    fn of(&self, value: u16) -> u32 {
        let [high, low] = value.to_be_bytes();
        self.weights[usize::from(self.pages[usize::from(high)])][usize::from(low)]
    }

    #[inline]
    fn of_wide(&self, value: u32) -> u32 {
        match self.of((value >> 16) as u16) {
            SPLIT => self.whole(value),
            weight => weight,
        }
    }

    #[cold]
    fn whole(&self, value: u32) -> u32 {
        let behind = self.starts.partition_point(|(start, _)| *start <= value);
        behind
            .checked_sub(1)
            .and_then(|at| self.starts.get(at))
            .map_or(self.least, |(_, weight)| *weight)
    }
}

/// The rules that bare packets of one kind can match.
#[derive(Clone, Debug)]
pub(super) struct Bares {
    entries: Box<[Entry]>,
    odd: Odd,
    /// Of those that ask for addresses alone.
    by_ends: Table,
    /// Of the others.
    by_fields: Table,
}

impl Bares {
    /// Those of these rules.
    pub(super) fn new(kind: Kind, rules: &[Rule]) -> Self {
        let mut all: Vec<(u32, &Rule)> = (0..)
            .zip(rules)
            .filter(|(_, rule)| !needs_payload(rule))
            .collect();
        // Rules that read flow bits come behind all that may set them.
        all.sort_by_key(|(_, rule)| Place::of(rule));
        let behind = all.partition_point(|(_, rule)| Place::of(rule) == Place::Sources);
        let (of_ends, others) = all.split_at(behind);
        let [of_ends, others] =
            [of_ends, others].map(|rules| candidates(kind, rules.iter().copied()));
        let by_ends = Table::new(&of_ends, 0);
        let by_fields = Table::new(&others, of_ends.len());
        Self {
            odd: Odd::new([&by_ends, &by_fields]),
            by_ends,
            by_fields,
            entries: of_ends.into_iter().chain(others).map(Entry::of).collect(),
        }
    }

    /// The lists of a packet; `None` where the tables do not say.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "all fields of each packet pass through here, in registers"
    )]
    pub(super) fn lists(&self, bare: &Bare) -> Option<Lists> {
        if self.odd.is_odd(bare) {
            return self.all_lists(bare);
        }
        Some(Lists {
            by_ends: 0,
            by_fields: self.by_fields.list(self.by_fields.ordinary(bare))?,
        })
    }

    #[inline(never)]
    fn all_lists(&self, bare: &Bare) -> Option<Lists> {
        Some(Lists {
            by_ends: self.by_ends.list(self.by_ends.odd(bare))?,
            by_fields: {
                let table = &self.by_fields;
                table.list(table.ordinary(bare).wrapping_add(table.odd(bare)))?
            },
        })
    }

    /// The rules of lists.
    pub(super) fn entries(&self, lists: Lists) -> impl Iterator<Item = &Entry> {
        let tables = [
            (&self.by_ends, lists.by_ends),
            (&self.by_fields, lists.by_fields),
        ];
        let numbers = tables
            .into_iter()
            .filter_map(|(table, list)| table.lists.get(usize::from(list)));
        let entry = |at: &u32| self.entries.get(*at as usize);
        numbers.flat_map(move |list| list.iter().filter_map(entry))
    }
}

/// Numbers of a packet's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lists {
    by_ends: u16,
    by_fields: u16,
}

impl Lists {
    /// Whether no rule is in them.
    #[inline]
    pub(super) const fn are_empty(self) -> bool {
        self.by_ends | self.by_fields == 0
    }
}

/// Which values have a weight, of fields where that of most is 0.
#[derive(Clone, Debug)]
struct Odd {
    source_ports: Option<Marks>,
    identifications: Option<Marks>,
    /// Of upper halves.
    sequences: Option<Marks>,
    sources: Option<Marks>,
    destinations: Option<Marks>,
}

/// A bit for each value.
type Marks = Box<[u64; 1024]>;

impl Odd {
    /// The values that have a weight in any of these tables.
    fn new(tables: [&Table; 2]) -> Self {
        type Pick = fn(&Table) -> &Option<Paged>;
        let marks = |pick: Pick| {
            let all: Vec<&Paged> = tables
                .iter()
                .filter_map(|table| pick(table).as_ref())
                .collect();
            let mut marks: Marks = Box::new([0; 1024]);
            for value in 0..=u16::MAX {
                if all.iter().any(|weights| weights.of(value) != 0) {
                    marks[usize::from(value >> 6)] |= 1 << (value & 63);
                }
            }
            (!all.is_empty()).then_some(marks)
        };
        Self {
            source_ports: marks(|table| &table.source_ports),
            identifications: marks(|table| &table.identifications),
            sequences: marks(|table| &table.sequences),
            sources: marks(|table| &table.sources),
            destinations: marks(|table| &table.destinations),
        }
    }

    #[inline]
    fn is_odd(&self, bare: &Bare) -> bool {
        let mark = |marks: &Option<Marks>, value: u16| match marks {
            Some(marks) => marks[usize::from(value >> 6)] >> (value & 63),
            None => 0,
        };
        let any = mark(&self.source_ports, bare.ports.0)
            | mark(&self.identifications, bare.identification)
            | mark(&self.sequences, (bare.sequence >> 16) as u16)
            | mark(&self.sources, (bare.source >> 16) as u16)
            | mark(&self.destinations, (bare.destination >> 16) as u16);
        any & 1 != 0
    }
}

/// Numbers of rules, list by list.
type Numbers = Box<[Box<[u32]>]>;

/// Lists of rules, by the sums of weights.
#[derive(Clone, Debug)]
struct Table {
    first: Option<Short>,
    times_to_live: Option<Short>,
    /// By the bits before the fragment offset.
    bits: [u32; 8],
    destination_ports: Option<Paged>,
    source_ports: Option<Paged>,
    second: Option<Paged>,
    identifications: Option<Paged>,
    sequences: Option<Paged>,
    sources: Option<Paged>,
    destinations: Option<Paged>,
    /// The list of each sum.
    lists_of_sums: Box<[u16]>,
    /// Numbers of entries; the first list is empty.
    lists: Numbers,
}

impl Table {
    /// The table of these rules, whose numbers begin with `first_number`.
    fn new(slots: &[Candidate<'_>], first_number: usize) -> Self {
        let words = slots.len().div_ceil(WORD).next_multiple_of(BLOCK);
        let fields: Vec<_> = slots.iter().map(Candidate::fields).collect();
        let axes = Axes::new(&fields, words);
        let mut making = Making::new(&axes, slots.len(), words);
        // Those that tell most rules apart come first, while there is room.
        let first = making.short(Field::First);
        let destination_ports = making.paged(Field::DestinationPort);
        let bits = making.bits();
        let second = making.paged(Field::Second);
        let times_to_live = making.short(Field::TimeToLive);
        let identifications = making.paged(Field::Identification);
        let destinations = making.paged(Field::Destination4);
        let source_ports = making.paged(Field::SourcePort);
        let sequences = making.paged(Field::Sequence);
        let sources = making.paged(Field::Source4);
        let (lists_of_sums, lists) = making.finish(slots.len(), first_number);
        Self {
            first,
            times_to_live,
            bits,
            destination_ports,
            source_ports,
            second,
            identifications,
            sequences,
            sources,
            destinations,
            lists_of_sums,
            lists,
        }
    }

    /// Sum of the weights of the fields that tell most.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "all fields of each packet pass through here, in registers"
    )]
    fn ordinary(&self, bare: &Bare) -> u32 {
        let short = |weights: &Option<Short>, value: u8| match weights {
            Some(weights) => weights[usize::from(value)],
            None => 0,
        };
        let paged = |weights: &Option<Paged>, value: u16| match weights {
            Some(weights) => weights.of(value),
            None => 0,
        };
        // A dozen weights of at most BEYOND each stay far below the largest number.
        short(&self.first, bare.first)
            .wrapping_add(self.bits[usize::from(bare.bits & 7)])
            .wrapping_add(short(&self.times_to_live, bare.time_to_live))
            .wrapping_add(paged(&self.destination_ports, bare.ports.1))
            .wrapping_add(paged(&self.second, bare.second))
    }

    /// Sum of the weights of the other fields, of most packets 0.
    fn odd(&self, bare: &Bare) -> u32 {
        let paged = |weights: &Option<Paged>, value: u16| {
            weights.as_ref().map_or(0, |weights| weights.of(value))
        };
        let wide = |weights: &Option<Paged>, value: u32| {
            weights.as_ref().map_or(0, |weights| weights.of_wide(value))
        };
        paged(&self.source_ports, bare.ports.0)
            .wrapping_add(paged(&self.identifications, bare.identification))
            .wrapping_add(wide(&self.sequences, bare.sequence))
            .wrapping_add(wide(&self.sources, bare.source))
            .wrapping_add(wide(&self.destinations, bare.destination))
    }

    /// Number of the list of a sum; `None` where the table does not say.
    #[inline]
    fn list(&self, sum: u32) -> Option<u16> {
        self.lists_of_sums
            .get(sum as usize)
            .copied()
            .filter(|number| *number < u16::MAX)
    }
}

/// A table in the making: the rows of all sums of the weights so far.
struct Making<'a> {
    axes: &'a Axes,
    /// Distinct rows; the first has no rule.
    rows: Vec<Vec<u64>>,
    known: HashMap<Vec<u64>, u32>,
    /// Row of each sum.
    sums: Vec<u32>,
}

impl<'a> Making<'a> {
    fn new(axes: &'a Axes, rules: usize, words: usize) -> Self {
        let mut making = Self {
            axes,
            rows: Vec::new(),
            known: HashMap::new(),
            sums: Vec::new(),
        };
        making.number(vec![0; words]);
        // There is no payload: no first byte of it either.
        let mut row = vec![0; words];
        (0..rules).for_each(|bit| row[bit / WORD] |= 1 << (bit % WORD));
        for field in [Field::Length, Field::FirstByte] {
            if let Some(axis) = axes.axis(field) {
                narrow(&mut row, axis.rows().row(axis.rows().class(0)));
            }
        }
        let number = making.number(row);
        making.sums.push(number);
        making
    }

    /// Number of a row.
    fn number(&mut self, row: Vec<u64>) -> u32 {
        let next = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        *self.known.entry(row).or_insert_with_key(|row| {
            self.rows.push(row.clone());
            next
        })
    }

    /// Gives each class of a field a weight, as long as there is room: these are its classes and how many values each
    /// has.
    fn weigh(&mut self, rows: &Rows, widths: &HashMap<u32, u128>) -> HashMap<u32, u32> {
        let stride = self.sums.len();
        let mut kept: Vec<u32> = widths.keys().copied().collect();
        kept.sort_unstable_by_key(|class| (std::cmp::Reverse(widths[class]), *class));
        kept.truncate((MAX_SUMS / stride).max(1));
        let mut combined: HashMap<(u32, u32), u32> = HashMap::new();
        let mut sums = Vec::with_capacity(stride * kept.len());
        for class in &kept {
            for at in 0..stride {
                let before = self.sums[at];
                let known = combined.get(&(before, *class)).copied();
                let number = known.unwrap_or_else(|| {
                    let mut row = self.rows[before as usize].clone();
                    narrow(&mut row, rows.row(*class));
                    self.number(row)
                });
                combined.insert((before, *class), number);
                sums.push(number);
            }
        }
        self.sums = sums;
        let weights = (0..).step_by(stride);
        kept.into_iter().zip(weights).collect()
    }

    /// Weights of a field whose values have these classes.
    fn of_values(&mut self, rows: &Rows, classes: &[u32]) -> Vec<u32> {
        let mut widths = HashMap::new();
        for class in classes {
            *widths.entry(*class).or_default() += 1;
        }
        let weights = self.weigh(rows, &widths);
        let weight = |class| weights.get(class).copied().unwrap_or(BEYOND);
        classes.iter().map(weight).collect()
    }

    fn short(&mut self, field: Field) -> Option<Short> {
        let axis = self.axes.axis(field)?;
        let rows = axis.rows();
        let classes: Vec<u32> = (0..=u8::MAX)
            .map(|value| rows.class(value.into()))
            .collect();
        self.of_values(rows, &classes).try_into().ok().map(Box::new)
    }

    /// Weights of the bits before the fragment offset, of packets that are no fragments.
    fn bits(&mut self) -> [u32; 8] {
        let Some(axis) = self.axes.axis(Field::Marks) else {
            return [0; 8];
        };
        let rows = axis.rows();
        let classes =
            (0..8).map(|bits| rows.class((bits & !mark::MORE_FRAGMENTS | mark::IPV4).into()));
        let weights = self.of_values(rows, &classes.collect::<Vec<_>>());
        weights.try_into().unwrap_or([BEYOND; 8])
    }

    fn paged(&mut self, field: Field) -> Option<Paged> {
        let axis: &Axis = self.axes.axis(field)?;
        let rows = axis.rows();
        let widths = rows.widths(if field.is_wide() { 32 } else { 16 });
        let of_class = self.weigh(rows, &widths);
        let weight = |class: u32| of_class.get(&class).copied().unwrap_or(BEYOND);
        let (pages, classes) = axis.pages();
        let of_page = |page: &[u16; 256]| {
            page.map(|class| match class {
                super::axis::SPLIT if field.is_wide() => SPLIT,
                super::axis::SPLIT => BEYOND,
                class => weight(class.into()),
            })
        };
        let mut intervals = rows.intervals();
        let least = intervals.next().map_or(0, |(_, class)| weight(class));
        let starts = intervals
            .filter_map(|(start, class)| Some((u32::try_from(start).ok()?, weight(class))));
        Some(Paged {
            pages: Box::new(*pages),
            weights: classes.iter().map(of_page).collect(),
            starts: starts.collect(),
            least,
        })
    }

    /// The list of each sum, and the lists; of sums beyond the lists that have a number the table says nothing.
    fn finish(self, rules: usize, first_number: usize) -> (Box<[u16]>, Numbers) {
        let list = |row: &[u64]| {
            let is_in = |bit: &usize| row[bit / WORD] >> (bit % WORD) & 1 == 1;
            let number = |bit| u32::try_from(first_number + bit).ok();
            (0..rules)
                .filter(is_in)
                .filter_map(number)
                .collect::<Box<[u32]>>()
        };
        let mut numbers: HashMap<u32, u16> = HashMap::from([(0, 0)]);
        let mut lists = vec![Box::default()];
        let mut sums = Vec::with_capacity(self.sums.len());
        for row in self.sums {
            let next = u16::try_from(lists.len()).unwrap_or(u16::MAX);
            let number = *numbers.entry(row).or_insert(next);
            if number == next && next < u16::MAX {
                lists.push(list(&self.rows[row as usize]));
            }
            sums.push(number);
        }
        (sums.into(), lists.into())
    }
}

/// Keeps the bits that are in the row, too.
fn narrow(possible: &mut [u64], row: &[Block]) {
    for (possible, row) in possible.iter_mut().zip(row.as_flattened()) {
        *possible &= row;
    }
}
