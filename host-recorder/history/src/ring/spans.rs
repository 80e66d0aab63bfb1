//! When the recorder ran: derived from events, and what coverage is made of. Pure.

use serde::Deserialize;
use serde::Serialize;

use crate::event::Body;
use crate::event::Event;
use crate::event::RecorderAct;
use crate::evidence::Gap;
use crate::evidence::Window;
use crate::id::UnixNs;

/// A time in which the recorder ran without a break.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its first event.
    pub from: UnixNs,
    /// Whether the recorder started then, or its clock was set; otherwise a file merely begins in the middle of a run.
    pub started: bool,
    /// Its last.
    pub to: UnixNs,
    /// Why it ended; none where the events simply go no further.
    pub end: Option<String>,
    /// When it began, ns since boot; 0 where that is not known. What was before is of the clock before.
    #[serde(default, skip_serializing_if = "is_unknown")]
    pub(super) since_boot: u64,
}

fn is_unknown(since_boot: &u64) -> bool {
    *since_boot == 0
}

impl Span {
    fn of(event: &Event, started: bool) -> Self {
        Self { from: event.time, started, to: event.time, end: None, since_boot: event.boot_ns }
    }

    /// How far its wall clock was from the time since boot, ns.
    fn offset(&self) -> i64 {
        self.from.0.saturating_sub_unsigned(self.since_boot)
    }
}

/// By how much a wall clock may have been set before what it showed counts as another time, ns.
const SET_MAX_NS: i64 = 2_000_000_000;

/// Of spans in the order in which they happened those whose clock was as it is at the end of the same boot. What another
/// clock showed was at another time: it says nothing of whether that time is recorded. What broke off meanwhile is told by
/// the span before.
fn of_the_last_clock(spans: &[Span]) -> Vec<Span> {
    let mut is_kept = vec![true; spans.len()];
    let mut after: Option<(&Span, i64)> = None;
    for (span, is_kept) in spans.iter().zip(&mut is_kept).rev().filter(|(span, _)| span.since_boot != 0) {
        let last = match after {
            Some((next, offset)) if span.since_boot <= next.since_boot => offset,
            // Another boot, or the newest of all.
            _ => span.offset(),
        };
        *is_kept = span.offset().abs_diff(last) <= SET_MAX_NS.unsigned_abs();
        after = Some((span, last));
    }
    let mut kept: Vec<Span> = Vec::new();
    for (span, is_kept) in spans.iter().zip(is_kept) {
        if is_kept {
            kept.push(span.clone());
        } else if let (Some(why), Some(before)) = (&span.end, kept.last_mut())
            && !why.ends_with(SHOWN)
        {
            let told = before.end.get_or_insert_default();
            if !told.ends_with(why) {
                told.push_str(if told.is_empty() { "" } else { MEANWHILE });
                told.push_str(why);
            }
        }
    }
    kept
}

/// Adds events, in order, to the spans of those before them.
pub(super) fn extend(spans: &mut Vec<Span>, events: &[Event]) {
    for event in events {
        match &event.body {
            Body::Recorder { act: RecorderAct::Started, .. } => {
                if let Some(last) = spans.last_mut() {
                    last.end.get_or_insert_with(|| KILLED.to_owned());
                }
                spans.push(Span::of(event, true));
            }
            Body::Recorder { act: RecorderAct::Stopped, note } => {
                if let Some(last) = spans.last_mut() {
                    last.to = last.to.max(event.time);
                    last.end = Some(format!("recorder stopped: {note}"));
                }
            }
            // What happened between the two times was either stamped with others, or there is nothing of it.
            Body::Recorder { act: RecorderAct::ClockStepped, note } => {
                if let Some(last) = spans.last_mut() {
                    last.end.get_or_insert_with(|| format!("{note}{SHOWN}"));
                }
                spans.push(Span::of(event, true));
            }
            // It says so of the time before the clock was set, by the clock that was.
            Body::Recorder { .. } if spans.last().is_some_and(|last| event.boot_ns < last.since_boot) => {}
            // Only the recorder's own word says that everything up to then is written.
            Body::Recorder { .. } => match spans.last_mut().filter(|last| last.end.is_none()) {
                Some(last) => last.to = last.to.max(event.time),
                None => spans.push(Span::of(event, false)),
            },
            Body::Login(_) => {}
            _ => begin(spans, event.time, event.boot_ns),
        }
    }
}

/// An event in a file that may begin in the middle of a run.
pub(super) fn begin(spans: &mut Vec<Span>, time: UnixNs, since_boot: u64) {
    if spans.is_empty() {
        spans.push(Span { from: time, started: false, to: time, end: None, since_boot });
    }
}

/// How the reason ends where the clock was set; nothing else ends so.
const SHOWN: &str = ": what happened then stands under the times that the clock showed";
/// Between the reason why a clock's time ended and what broke off before it was set right.
const MEANWHILE: &str = "; meanwhile: ";
const KILLED: &str = "recorder ended without a word (killed, crashed, or the host lost power)";

/// Joins the spans of files, oldest first. `follows` says of each whether it goes on where the one before ended.
pub(crate) fn join(files: impl Iterator<Item = (Vec<Span>, bool)>) -> Vec<Span> {
    let mut joined: Vec<Span> = Vec::new();
    for (spans, follows) in files {
        for (index, span) in spans.into_iter().enumerate() {
            match joined.last_mut() {
                Some(last) if index == 0 && follows && !span.started && last.end.is_none() => {
                    last.to = last.to.max(span.to);
                    last.end = span.end;
                    continue;
                }
                Some(last) if index == 0 => {
                    let why = if follows { KILLED } else { "history is missing" };
                    last.end.get_or_insert_with(|| why.to_owned());
                }
                _ => {}
            }
            joined.push(span);
        }
    }
    joined
}

/// Why nothing is there behind the last event of a ring.
pub(crate) const NOT_RECORDED: &str = "nothing was recorded since (recorder not running?)";

/// Likewise of an archive.
pub(crate) const NOT_ARCHIVED: &str = "nothing was archived since (not sealed yet, or the archive is behind)";

/// What of a window is recorded, and what is not and why; `since` is why where the recorder did not say.
pub(crate) fn cover(window: Window, spans: &[Span], since: &str) -> (Vec<Window>, Vec<Gap>) {
    let (mut recorded, mut gaps) = (Vec::new(), Vec::new());
    let mut at = window.from;
    let mut before = "before the oldest history of this host (not recorded yet, or evicted)";
    // A clock that was set back is in the past again.
    let spans = of_the_last_clock(spans);
    let mut sorted: Vec<_> = spans.iter().collect();
    sorted.sort_by_key(|span| (span.from, span.to));
    for span in sorted {
        if span.to < window.from {
            before = span.end.as_deref().unwrap_or(KILLED);
            continue;
        }
        if span.from > window.to {
            break;
        }
        if span.from > at {
            gaps.push(gap(at, span.from, before));
        }
        let to = span.to.min(window.to);
        recorded.push(Window { from: span.from.max(window.from), to });
        if to >= at {
            at = to;
            before = span.end.as_deref().unwrap_or(since);
        }
    }
    if window.to > at || recorded.is_empty() {
        gaps.push(gap(at, window.to, before));
    }
    for gap in breaks(window, &spans) {
        let is_told = |told: &Gap| told.window.from <= gap.window.from && gap.window.to <= told.window.to;
        if !gaps.iter().any(is_told) {
            gaps.push(gap);
        }
    }
    gaps.sort_by_key(|gap| gap.window.from);
    (recorded, gaps)
}

/// Breaks between spans in the order in which they happened, as far as they concern a window. One is told even where it
/// took no time, since events may be missing, and where a clock that was wrong at another time showed that it was recorded.
fn breaks(window: Window, spans: &[Span]) -> Vec<Gap> {
    let told = |pair: &[Span]| {
        let [last, next] = pair else { return None };
        let why = last.end.as_deref().unwrap_or(KILLED);
        let (from, to) = (last.to.min(next.from), last.to.max(next.from));
        let concerns = if next.from < last.to {
            // The clock went back: what was recorded stands, but whoever asks over both times is told.
            window.from <= from && to <= window.to
        } else {
            // Where a clock jumped ahead its hours come again. At the edges of a window nothing of it is missing.
            !why.ends_with(SHOWN) && from < window.to && window.from < to
                || (from == to && window.contains(from))
        };
        concerns.then(|| gap(from.max(window.from), to.min(window.to), why))
    };
    spans.windows(2).filter_map(told).collect()
}

fn gap(from: UnixNs, to: UnixNs, reason: &str) -> Gap {
    Gap { window: Window { from, to }, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, to: i64, end: Option<&str>) -> Span {
        let end = end.map(str::to_owned);
        Span { from: UnixNs(from), started: false, to: UnixNs(to), end, since_boot: 0 }
    }

    fn check(spans: &[Span], from: i64, to: i64, recorded: &[(i64, i64)], gaps: &[(i64, i64)]) {
        let window = Window { from: UnixNs(from), to: UnixNs(to) };
        let (covered, missing) = cover(window, spans, NOT_RECORDED);
        let pair = |window: &Window| (window.from.0, window.to.0);
        assert_eq!(covered.iter().map(pair).collect::<Vec<_>>(), recorded);
        assert_eq!(missing.iter().map(|gap| pair(&gap.window)).collect::<Vec<_>>(), gaps);
    }

    #[test]
    fn coverage_names_every_gap() {
        let spans = [span(10, 50, Some("stopped")), span(60, 100, None)];
        check(&spans, 20, 40, &[(20, 40)], &[]);
        check(&spans, 0, 40, &[(10, 40)], &[(0, 10)]);
        check(&spans, 20, 80, &[(20, 50), (60, 80)], &[(50, 60)]);
        check(&spans, 90, 120, &[(90, 100)], &[(100, 120)]);
        check(&spans, 52, 58, &[], &[(52, 58)]);
        check(&spans, 0, 5, &[], &[(0, 5)]);
        check(&[], 0, 5, &[], &[(0, 5)]);
    }

    #[test]
    fn a_start_without_a_stop_is_a_gap() {
        let event = |time, act| Event {
            id: 0,
            time: UnixNs(time),
            boot_ns: 0,
            body: Body::Recorder { act, note: String::new() },
        };
        let mut spans = Vec::new();
        extend(
            &mut spans,
            &[
                event(10, RecorderAct::Started),
                event(20, RecorderAct::Alive),
                event(40, RecorderAct::Started),
                event(50, RecorderAct::Stopped),
            ],
        );
        assert_eq!(spans.len(), 2);
        check(&spans, 10, 50, &[(10, 20), (40, 50)], &[(20, 40)]);
    }

    /// A clock that was an hour wrong, and is set right after twenty seconds.
    fn stepped(wrong_by_s: i64) -> Vec<Span> {
        let event = |time_s: i64, act| Event {
            id: 0,
            time: UnixNs(0).plus_s(time_s),
            boot_ns: 0,
            body: Body::Recorder { act, note: "wall clock stepped".to_owned() },
        };
        let mut spans = Vec::new();
        extend(
            &mut spans,
            &[
                event(10_000 + wrong_by_s, RecorderAct::Started),
                event(10_020 + wrong_by_s, RecorderAct::Alive),
                event(10_021, RecorderAct::ClockStepped),
                event(20_000, RecorderAct::Alive),
            ],
        );
        spans
    }

    #[test]
    fn a_clock_that_was_set_is_a_gap_and_both_of_its_sides_are_recorded() {
        let check = |wrong_by_s, from: i64, to: i64, recorded: &[(i64, i64)], gaps: &[(i64, i64)]| {
            let window = Window { from: UnixNs(0).plus_s(from), to: UnixNs(0).plus_s(to) };
            let (covered, missing) = cover(window, &stepped(wrong_by_s), NOT_RECORDED);
            let s = |window: &Window| (window.from.0 / 1_000_000_000, window.to.0 / 1_000_000_000);
            assert_eq!(covered.iter().map(s).collect::<Vec<_>>(), recorded);
            assert_eq!(missing.iter().map(|gap| s(&gap.window)).collect::<Vec<_>>(), gaps);
        };
        // It was slow: what happened from 10,000 to 10,020 stands under other times.
        check(-3_600, 10_000, 10_020, &[], &[(10_000, 10_020)]);
        check(-3_600, 6_400, 6_420, &[(6_400, 6_420)], &[]);
        check(-3_600, 10_030, 10_040, &[(10_030, 10_040)], &[]);
        // It was fast, and goes through the same hour again.
        check(3_600, 10_000, 10_020, &[], &[(10_000, 10_020)]);
        check(3_600, 10_030, 10_040, &[(10_030, 10_040)], &[]);
        check(3_600, 13_600, 13_620, &[(13_600, 13_620), (13_600, 13_620)], &[]);
    }

    fn of_a_clock(boot_s: u64, ahead_s: i64, act: RecorderAct) -> Event {
        Event {
            id: 0,
            time: UnixNs(0).plus_s(boot_s.cast_signed() + ahead_s),
            boot_ns: boot_s * 1_000_000_000,
            body: Body::Recorder { act, note: "wall clock stepped".to_owned() },
        }
    }

    fn check_s(events: &[Event], from: i64, to: i64, recorded: &[(i64, i64)], gaps: &[(i64, i64)]) {
        let mut spans = Vec::new();
        extend(&mut spans, events);
        let spans: Vec<Span> = serde_json::from_str(&serde_json::to_string(&spans).unwrap()).unwrap();
        let window = Window { from: UnixNs(0).plus_s(from), to: UnixNs(0).plus_s(to) };
        let (covered, missing) = cover(window, &spans, NOT_RECORDED);
        let s = |window: &Window| (window.from.0 / 1_000_000_000, window.to.0 / 1_000_000_000);
        assert_eq!(covered.iter().map(s).collect::<Vec<_>>(), recorded, "{from} to {to}");
        assert_eq!(missing.iter().map(|gap| s(&gap.window)).collect::<Vec<_>>(), gaps, "{from} to {to}");
    }

    /// A sign of life tells of the time up to which the kernel's records were taken, which may be before the clock was set.
    #[test]
    fn a_clock_that_is_set_back_does_not_claim_the_time_that_it_showed_before() {
        let events = [
            of_a_clock(1_100, 7_200, RecorderAct::Started),
            of_a_clock(1_110, 7_200, RecorderAct::Alive),
            of_a_clock(1_120, 0, RecorderAct::ClockStepped),
            of_a_clock(1_119, 7_200, RecorderAct::Alive),
            of_a_clock(1_130, 0, RecorderAct::Alive),
            of_a_clock(1_150, 0, RecorderAct::Started),
            of_a_clock(1_160, 0, RecorderAct::Alive),
        ];
        check_s(&events, 1_122, 1_128, &[(1_122, 1_128)], &[]);
        check_s(&events, 1_140, 1_145, &[], &[(1_140, 1_145)]);
        // What was recorded under those times happened at others.
        check_s(&events, 8_302, 8_308, &[], &[(8_302, 8_308)]);
    }

    #[test]
    fn what_a_clock_showed_that_was_wrong_is_not_recorded() {
        use RecorderAct::*;
        // From 1,400 on it is 45 s behind; the recorder is killed, and started when the clock is right again.
        let events = [
            of_a_clock(1_360, 0, Started),
            of_a_clock(1_400, 0, Alive),
            of_a_clock(1_400, -45, ClockStepped),
            of_a_clock(1_410, -45, Alive),
            of_a_clock(1_420, 0, Started),
            of_a_clock(1_500, 0, Alive),
        ];
        check_s(&events, 1_370, 1_390, &[(1_370, 1_390)], &[]);
        check_s(&events, 1_356, 1_359, &[], &[(1_356, 1_359)]);
        check_s(&events, 1_404, 1_408, &[], &[(1_404, 1_408)]);
        check_s(&events, 1_430, 1_440, &[(1_430, 1_440)], &[]);
        // While it is behind, no time before is known for certain.
        check_s(&events[..4], 1_370, 1_390, &[], &[(1_370, 1_390)]);
        // The next boot begins with a clock of its own, and a second is no step.
        let booted =
            [of_a_clock(10, 2_000, Started), of_a_clock(50, 2_001, Alive), of_a_clock(60, 2_001, Alive)];
        let both: Vec<Event> = events.iter().cloned().chain(booted).collect();
        check_s(&both, 1_430, 1_440, &[(1_430, 1_440)], &[]);
        check_s(&both, 2_020, 2_040, &[(2_020, 2_040)], &[]);
    }

    #[test]
    fn what_broke_off_while_a_clock_was_wrong_is_told_beside_it() {
        use RecorderAct::*;
        // From 1,400 to 1,420 it is 45 s ahead; in between the recorder is killed, and started again.
        let events = [
            of_a_clock(1_360, 0, Started),
            of_a_clock(1_400, 0, Alive),
            of_a_clock(1_400, 45, ClockStepped),
            of_a_clock(1_405, 45, Alive),
            of_a_clock(1_408, 45, Started),
            of_a_clock(1_420, 45, Alive),
            of_a_clock(1_420, 0, ClockStepped),
            of_a_clock(1_500, 0, Alive),
        ];
        let reasons = |events: &[Event]| {
            let mut spans = Vec::new();
            extend(&mut spans, events);
            let window = Window { from: UnixNs(0).plus_s(1_401), to: UnixNs(0).plus_s(1_419) };
            let (_, gaps) = cover(window, &spans, NOT_RECORDED);
            gaps.into_iter().map(|gap| gap.reason).collect::<Vec<_>>()
        };
        let stepped = format!("wall clock stepped{SHOWN}");
        assert_eq!(reasons(&events), [format!("{stepped}{MEANWHILE}{KILLED}")]);
        let whole: Vec<_> =
            events.iter().enumerate().filter(|(at, _)| *at != 4).map(|(_, event)| event.clone()).collect();
        assert_eq!(reasons(&whole), [stepped]);
    }

    #[test]
    fn a_break_is_told_also_where_a_clock_that_was_wrong_covers_it() {
        let span = |from, to, end: &str| span(from, to, Some(end).filter(|end| !end.is_empty()));
        let stepped = format!("wall clock stepped{SHOWN}");
        // From 100 on the clock is 37 ahead, from 120 on it is right; from 140 to 150 nothing runs.
        let spans =
            [span(0, 100, &stepped), span(137, 157, &stepped), span(120, 140, KILLED), span(150, 200, "")];
        check(&spans, 143, 148, &[(143, 148)], &[(143, 148)]);
        check(&spans, 125, 130, &[(125, 130)], &[]);
        check(&spans, 160, 180, &[(160, 180)], &[]);
        check(&spans, 102, 110, &[], &[(102, 110)]);
        // It is 45 behind for a while: what it shows again was recorded twice, and what it jumped over is not there.
        let spans = [span(0, 100, &stepped), span(55, 75, &stepped), span(120, 200, "")];
        check(&spans, 60, 70, &[(60, 70), (60, 70)], &[]);
        check(&spans, 80, 90, &[(80, 90)], &[]);
        check(&spans, 103, 110, &[], &[(103, 110)]);
        check(&spans, 130, 140, &[(130, 140)], &[]);
        check(&spans, 50, 100, &[(50, 100), (55, 75)], &[(55, 100)]);
        // A break that took no time.
        check(&[span(0, 50, KILLED), span(50, 100, "")], 10, 90, &[(10, 50), (50, 90)], &[(50, 50)]);
    }

    #[test]
    fn other_events_do_not_say_that_all_before_them_is_written() {
        let event = |time, body| Event { id: 0, time: UnixNs(time), boot_ns: 0, body };
        let process = crate::testing::process_id(1);
        let mut spans = Vec::new();
        extend(
            &mut spans,
            &[
                event(10, Body::Recorder { act: RecorderAct::Started, note: String::new() }),
                event(20, Body::Recorder { act: RecorderAct::Alive, note: String::new() }),
                event(25, Body::Exit { process, code: 0, signal: 0 }),
            ],
        );
        check(&spans, 10, 25, &[(10, 20)], &[(20, 25)]);
    }

    #[test]
    fn files_that_follow_each_other_are_one_span() {
        let joined = join([(vec![span(1, 5, None)], false), (vec![span(6, 9, None)], true)].into_iter());
        assert_eq!(joined, vec![span(1, 9, None)]);
        let apart = join([(vec![span(1, 5, None)], false), (vec![span(6, 9, None)], false)].into_iter());
        assert_eq!(apart.len(), 2);
    }
}
