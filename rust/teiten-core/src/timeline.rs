//! Where a packet's time falls: into the open interval, out of the span, or beyond an end.
//!
//! Intervals end at multiples of their length in Unix time, and each begins where the one before it ended; quiet
//! time belongs to the interval before it. A packet out of order counts in its own minute, as far as the open
//! interval's base can express it; beyond that the interval closes.

use crate::interval::Cause;
use crate::limits::{AHEAD_NS, END_OF_TIME_NS};
use crate::tally::tuple::MINUTES;

const SECOND_NS: i64 = 1_000_000_000;
/// No time is before this one.
const NO_MINUTE: (i64, u16) = (i64::MIN, 0);
const MINUTE_NS: i64 = 60 * SECOND_NS;

/// Where a time falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Into the open interval.
    Inside {
        /// Its minute, from the interval's base.
        minute_offset: u16,
        /// Whether a later time came before.
        backward: bool,
    },
    /// Out of the span to observe.
    Outside,
    /// Out of the times that packets can have.
    Unusable,
    /// Beyond the open interval, which has to close first.
    Closes(Closing),
    /// Ahead of the clock: the packet is to be placed at the time the clock shows, which this is.
    Ahead(i64),
}

/// How the open interval closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    /// Why.
    pub(crate) cause: Cause,
    /// First nanosecond after it.
    end: i64,
    /// First nanosecond of the next.
    next_start: i64,
}

/// The open interval, and what was observed before it.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// Length of an interval; `None` for intervals that time does not close.
    length: Option<i64>,
    span: Option<(i64, i64)>,
    /// Start of the next interval, once one was closed.
    next_start: Option<i64>,
    open: Option<Open>,
    latest: i64,
    /// From the latest time to before this one all times fall into the open interval and into one minute; its offset.
    same_minute: (i64, u16),
    /// What the clock shows; `None` without a clock.
    now: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    start: i64,
    end: i64,
    base_minute: u32,
    /// First time behind those that the interval can hold, whatever the clock shows.
    high: i64,
    /// Times from the first to before the second fall inside and need no further thought.
    window: (i64, i64),
    /// The minute of the packet before: where it starts, and its offset.
    minute: (i64, u16),
}

impl Timeline {
    /// A timeline of intervals of so many seconds (0: without end) over a span, or over what comes.
    pub(crate) fn new(interval_seconds: u32, span: Option<(i64, i64)>) -> Self {
        let length = i64::from(interval_seconds) * SECOND_NS;
        Self {
            length: (length > 0).then_some(length),
            span,
            next_start: None,
            open: None,
            latest: 0,
            same_minute: NO_MINUTE,
            now: None,
        }
    }

    /// Sets the clock: times [`AHEAD_NS`] or more ahead of it are no packet's.
    pub(crate) fn set_now(&mut self, now: i64) {
        self.now = Some(now.clamp(0, END_OF_TIME_NS - 1));
        self.same_minute = NO_MINUTE;
        let horizon = self.horizon();
        if let Some(open) = &mut self.open {
            open.window.1 = open.high.min(horizon);
        }
    }

    /// First time that is ahead of the clock.
    fn horizon(&self) -> i64 {
        self.now.map_or(i64::MAX, |now| now + AHEAD_NS)
    }

    /// Minute that the offsets of the open interval count from.
    pub(crate) fn base_minute(&self) -> u32 {
        self.open.map_or(0, |open| open.base_minute)
    }

    /// Offset of a time's minute, if that is the minute of the packet before and time did not run backwards: as most do.
    #[inline]
    pub(crate) fn same_minute(&mut self, time: i64) -> Option<u16> {
        (self.latest <= time && time < self.same_minute.0).then(|| {
            self.latest = time;
            self.same_minute.1
        })
    }

    /// Where a time falls; opens an interval if none is open.
    #[inline]
    pub(crate) fn place(&mut self, time: i64) -> Place {
        match &mut self.open {
            Some(open) if open.window.0 <= time && time < open.window.1 => {
                let backward = time < self.latest;
                self.latest = self.latest.max(time);
                let minute_offset = open.minute_offset(time);
                self.same_minute = if backward {
                    NO_MINUTE
                } else {
                    let end = open.minute.0 + MINUTE_NS;
                    (end.min(open.window.1), minute_offset)
                };
                Place::Inside {
                    minute_offset,
                    backward,
                }
            }
            _ => self.place_rarely(time),
        }
    }

    #[cold]
    fn place_rarely(&mut self, time: i64) -> Place {
        if let Some(now) = self.now.filter(|now| time >= now + AHEAD_NS) {
            return Place::Ahead(now);
        }
        if !(0..END_OF_TIME_NS).contains(&time) {
            return Place::Unusable;
        }
        if self
            .span
            .is_some_and(|(start, end)| !(start..end).contains(&time))
        {
            return Place::Outside;
        }
        match self.open {
            None => {
                self.open_at(time);
                self.place(time)
            }
            Some(open) => Place::Closes(self.close_at(open, time)),
        }
    }

    fn open_at(&mut self, time: i64) {
        let start = self
            .next_start
            .or(self.span.map(|(start, _)| start))
            .unwrap_or(time);
        let end = match self.length {
            // A span that time left behind has been observed already, so the interval goes on from its start.
            Some(length) => (time.max(start) / length + 1) * length,
            None => i64::MAX,
        };
        let base_minute = minute_of(time).saturating_sub(MINUTES / 2);
        let (first, last) = self.span.unwrap_or((0, END_OF_TIME_NS));
        let low = start_of(base_minute).max(first);
        let high = start_of(base_minute + MINUTES).min(end).min(last);
        let minute = (i64::MIN, 0);
        self.open = Some(Open {
            start,
            end,
            base_minute,
            high,
            window: (low, high.min(self.horizon())),
            minute,
        });
    }

    /// How the open interval closes before a time that it cannot hold.
    fn close_at(&self, open: Open, time: i64) -> Closing {
        let cause = Cause::Time;
        let after = |end: i64| end.max(open.start + 1);
        if let Some(length) = self.length.filter(|_| time >= open.end) {
            let end = time / length * length;
            return Closing {
                cause,
                end,
                next_start: end,
            };
        }
        if time >= open.high {
            let end = after(time);
            return Closing {
                cause,
                end,
                next_start: end,
            };
        }
        // Time leapt back. A span that was set is observed once, whatever its packets say; otherwise the packets
        // are all that is known of the time observed.
        let end = after(self.latest + 1);
        let next_start = if self.span.is_some() { end } else { time };
        Closing {
            cause,
            end,
            next_start,
        }
    }

    /// How the open interval closes because the table is full.
    pub(crate) fn close_full(&self) -> Closing {
        let start = self.open.map_or(0, |open| open.start);
        let end = self.latest.max(start + 1);
        Closing {
            cause: Cause::Full,
            end,
            next_start: end,
        }
    }

    /// How the intervals close that are over before `now`, packets or none; `None` if the open one is not.
    ///
    /// Quiet intervals since the last packet become one.
    pub(crate) fn close_before(&self, now: i64) -> Option<Closing> {
        let length = self.length?;
        let known = self.open.map(|open| open.start).or(self.next_start);
        let start = known.or(self.span.map(|(start, _)| start))?;
        let last = self.span.map_or(END_OF_TIME_NS, |(_, end)| end);
        let end = now.min(last) / length * length;
        let over = self
            .open
            .map_or(start + 1, |open| open.end.max(open.start + 1));
        (end >= over).then_some(Closing {
            cause: Cause::Time,
            end,
            next_start: end,
        })
    }

    /// How the observation ends at `now`, or behind a packet later than that; `None` if that is not after its start.
    pub(crate) fn close_at_clock(&self, now: i64, seen: bool) -> Option<Closing> {
        let start = self.start();
        let last = self.span.map_or(END_OF_TIME_NS, |(_, end)| end);
        let latest = self.open.map_or(0, |_| self.latest + 1);
        let end = now.max(latest).min(last);
        (seen || end > start).then_some(Closing {
            cause: Cause::End,
            end: end.max(start + 1),
            next_start: end.max(start + 1),
        })
    }

    /// How the observation ends; `None` if there is nothing to close. `seen` says whether any record came.
    pub(crate) fn close_end(&self, seen: bool) -> Option<Closing> {
        let start = self.start();
        let end = match (self.span, self.open) {
            (Some((_, end)), _) => Some(end).filter(|end| seen || start < *end),
            (None, Some(_)) => Some(self.latest + 1),
            (None, None) => seen.then_some(start),
        }?;
        let end = end.max(start + 1);
        Some(Closing {
            cause: Cause::End,
            end,
            next_start: end,
        })
    }

    /// Closes the interval and gives its first nanosecond and the first after it.
    pub(crate) fn close(&mut self, closing: Closing) -> (i64, i64) {
        let span = (self.start(), closing.end);
        self.open = None;
        self.same_minute = NO_MINUTE;
        self.next_start = Some(closing.next_start);
        if closing.next_start < self.latest {
            self.latest = closing.next_start;
        }
        if closing.cause == Cause::End && self.span.is_none() {
            self.next_start = None;
        }
        span
    }

    /// Start of the interval that is open, or would be next.
    fn start(&self) -> i64 {
        let known = self.open.map(|open| open.start).or(self.next_start);
        known.or(self.span.map(|(start, _)| start)).unwrap_or(0)
    }
}

impl Open {
    #[inline]
    fn minute_offset(&mut self, time: i64) -> u16 {
        let (start, offset) = self.minute;
        if start <= time && time < start + MINUTE_NS {
            return offset;
        }
        let minute = minute_of(time);
        // The window holds no time whose offset is 2^15 or more.
        let offset = u16::try_from(minute - self.base_minute).unwrap_or(0);
        self.minute = (start_of(minute), offset);
        offset
    }
}

/// The minute since 1970 of a time from then to [`END_OF_TIME_NS`], which is below 2^27.
fn minute_of(time: i64) -> u32 {
    u32::try_from(time / MINUTE_NS).unwrap_or(0)
}

fn start_of(minute: u32) -> i64 {
    i64::from(minute) * MINUTE_NS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Places a time, closing as often as it takes, and gives the spans closed.
    fn push(timeline: &mut Timeline, time: i64) -> Vec<(i64, i64)> {
        let mut spans = Vec::new();
        while let Place::Closes(closing) = timeline.place(time) {
            spans.push(timeline.close(closing));
        }
        spans
    }

    fn end(timeline: &mut Timeline) -> Option<(i64, i64)> {
        timeline
            .close_end(true)
            .map(|closing| timeline.close(closing))
    }

    #[test]
    fn intervals_end_at_multiples_of_their_length() {
        let mut timeline = Timeline::new(60, None);
        assert_eq!(push(&mut timeline, 90 * SECOND_NS), []);
        assert_eq!(push(&mut timeline, 119 * SECOND_NS), []);
        assert_eq!(
            push(&mut timeline, 120 * SECOND_NS),
            [(90 * SECOND_NS, 120 * SECOND_NS)]
        );
        // Quiet minutes belong to the interval before them.
        assert_eq!(
            push(&mut timeline, 400 * SECOND_NS),
            [(120 * SECOND_NS, 360 * SECOND_NS)]
        );
        assert_eq!(
            end(&mut timeline),
            Some((360 * SECOND_NS, 400 * SECOND_NS + 1))
        );
    }

    #[test]
    fn a_packet_out_of_order_counts_in_its_own_minute() {
        let mut timeline = Timeline::new(60, None);
        let later = timeline.place(1_000_000 * MINUTE_NS);
        let earlier = timeline.place(999_990 * MINUTE_NS);
        let Place::Inside {
            minute_offset: one,
            backward: false,
        } = later
        else {
            panic!()
        };
        let Place::Inside {
            minute_offset: other,
            backward: true,
        } = earlier
        else {
            panic!()
        };
        assert_eq!(one - other, 10);
        assert_eq!(timeline.base_minute() + u32::from(one), 1_000_000);
    }

    #[test]
    fn a_leap_back_opens_anew_at_the_packets_time() {
        let mut timeline = Timeline::new(60, None);
        push(&mut timeline, 1_000_000 * MINUTE_NS);
        let spans = push(&mut timeline, 900_000 * MINUTE_NS);
        assert_eq!(spans, [(1_000_000 * MINUTE_NS, 1_000_000 * MINUTE_NS + 1)]);
        assert_eq!(
            end(&mut timeline),
            Some((900_000 * MINUTE_NS, 900_000 * MINUTE_NS + 1))
        );
    }

    #[test]
    fn times_that_packets_cannot_have_are_unusable() {
        let mut timeline = Timeline::new(60, None);
        assert_eq!(timeline.place(-1), Place::Unusable);
        assert_eq!(timeline.place(END_OF_TIME_NS), Place::Unusable);
        assert!(matches!(
            timeline.place(END_OF_TIME_NS - 1),
            Place::Inside { .. }
        ));
        assert!(matches!(timeline.place(i64::MAX), Place::Unusable));
    }

    #[test]
    fn a_quiet_span_is_one_interval() {
        let timeline = Timeline::new(60, Some((5, 10 * MINUTE_NS)));
        let closing = timeline.close_end(false).unwrap();
        assert_eq!((closing.end, closing.cause), (10 * MINUTE_NS, Cause::End));
        assert_eq!(Timeline::new(60, None).close_end(false), None);
    }

    #[test]
    fn quiet_intervals_close_by_the_clock() {
        let span = (10 * SECOND_NS, END_OF_TIME_NS);
        let mut timeline = Timeline::new(60, Some(span));
        assert_eq!(timeline.close_before(59 * SECOND_NS), None);
        let closing = timeline.close_before(190 * SECOND_NS).unwrap();
        assert_eq!(closing.cause, Cause::Time);
        let closed = timeline.close(closing);
        assert_eq!(closed, (10 * SECOND_NS, 180 * SECOND_NS));
        assert_eq!(timeline.close_before(239 * SECOND_NS), None);
        push(&mut timeline, 200 * SECOND_NS);
        assert_eq!(timeline.close_before(239 * SECOND_NS), None);
        let closing = timeline.close_before(240 * SECOND_NS).unwrap();
        let closed = timeline.close(closing);
        assert_eq!(closed, (180 * SECOND_NS, 240 * SECOND_NS));
        let closing = timeline.close_at_clock(250 * SECOND_NS, false).unwrap();
        let closed = timeline.close(closing);
        assert_eq!(closed, (240 * SECOND_NS, 250 * SECOND_NS));
    }

    #[test]
    fn without_a_start_there_is_nothing_for_the_clock_to_close() {
        assert_eq!(Timeline::new(60, None).close_before(END_OF_TIME_NS), None);
        let endless = Timeline::new(0, Some((0, END_OF_TIME_NS)));
        assert_eq!(endless.close_before(END_OF_TIME_NS), None);
    }

    #[test]
    fn a_late_packet_counts_in_the_interval_after_its_own() {
        let mut timeline = Timeline::new(60, Some((0, END_OF_TIME_NS)));
        let closing = timeline.close_before(120 * SECOND_NS).unwrap();
        timeline.close(closing);
        assert_eq!(push(&mut timeline, 119 * SECOND_NS), []);
        assert_eq!(
            push(&mut timeline, 180 * SECOND_NS),
            [(120 * SECOND_NS, 180 * SECOND_NS)]
        );
    }

    #[test]
    fn times_ahead_of_the_clock_are_told_apart_and_move_nothing() {
        let mut timeline = Timeline::new(60, Some((0, END_OF_TIME_NS)));
        let now = 100 * SECOND_NS;
        timeline.set_now(now);
        let inside = |place| matches!(place, Place::Inside { .. });
        assert!(inside(timeline.place(now + AHEAD_NS - 1)));
        assert_eq!(timeline.place(now + AHEAD_NS), Place::Ahead(now));
        assert_eq!(timeline.place(i64::MAX), Place::Ahead(now));
        timeline.set_now(now + 1);
        assert!(inside(timeline.place(now + AHEAD_NS)));
    }

    proptest! {
        #[test]
        fn the_same_minute_is_what_placing_says(
            times in proptest::collection::vec(0i64..200 * SECOND_NS, 1..60),
            now in 0i64..200 * SECOND_NS,
        ) {
            let mut quick = Timeline::new(60, None);
            let mut slow = Timeline::new(60, None);
            for (number, time) in times.into_iter().enumerate() {
                if number == 20 {
                    quick.set_now(now);
                    slow.set_now(now);
                }
                let placed = slow.place(time);
                if let Some(minute_offset) = quick.same_minute(time) {
                    prop_assert_eq!(placed, Place::Inside { minute_offset, backward: false });
                } else {
                    prop_assert_eq!(placed, quick.place(time));
                }
                if let Place::Closes(closing) = placed {
                    prop_assert_eq!(quick.close(closing), slow.close(closing));
                }
            }
        }

        #[test]
        fn a_clock_observes_its_time_without_gap_or_overlap(
            interval in prop::sample::select(&[1u32, 60, 86_400][..]),
            start in 0i64..100 * MINUTE_NS,
            steps in proptest::collection::vec((0i64..10 * MINUTE_NS, -20i64..20), 1..50),
        ) {
            let mut timeline = Timeline::new(interval, Some((start, END_OF_TIME_NS)));
            let mut now = start;
            let mut spans = Vec::new();
            for (step, seconds) in steps {
                now += step;
                timeline.set_now(now);
                spans.extend(timeline.close_before(now).map(|closing| timeline.close(closing)));
                let mut time = now + seconds * SECOND_NS;
                loop {
                    match timeline.place(time) {
                        Place::Closes(closing) => spans.push(timeline.close(closing)),
                        Place::Ahead(clock) => time = clock,
                        _ => break,
                    }
                }
            }
            let closing = timeline.close_at_clock(now, true);
            spans.extend(closing.map(|closing| timeline.close(closing)));
            prop_assert_eq!(spans[0].0, start);
            prop_assert!(spans[spans.len() - 1].1 < now + AHEAD_NS + 2);
            for pair in spans.windows(2) {
                prop_assert_eq!(pair[0].1, pair[1].0);
            }
            for (start, end) in spans {
                prop_assert!(start < end);
            }
        }

        #[test]
        fn a_span_is_observed_without_gap_or_overlap(
            interval in prop::sample::select(&[0u32, 1, 60, 86_400][..]),
            start in 0i64..100 * MINUTE_NS,
            minutes in 1i64..2_000_000,
            times in proptest::collection::vec(any::<u64>(), 0..50),
        ) {
            let span = (start, start + minutes * MINUTE_NS);
            let mut timeline = Timeline::new(interval, Some(span));
            let mut spans = Vec::new();
            for time in times {
                let length = u64::try_from(span.1 - span.0).unwrap();
                spans.extend(push(&mut timeline, span.0 + i64::try_from(time % length).unwrap()));
            }
            spans.extend(end(&mut timeline));
            prop_assert_eq!(spans[0].0, span.0);
            prop_assert!(spans[spans.len() - 1].1 == span.1);
            for pair in spans.windows(2) {
                prop_assert_eq!(pair[0].1, pair[1].0);
            }
            for (start, end) in spans {
                prop_assert!(start < end);
            }
        }
    }
}
