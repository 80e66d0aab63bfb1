//! The recorder's state in Prometheus text format, for node_exporter's textfile collector. Pure.

use std::fmt::Display;
use std::fmt::Write;

use history::LossClass;
use history::UnixNs;

use crate::hooks::HookState;
use crate::status::Status;

/// All classes of losses: a counter that is 0 is there too, so that an alarm can tell its first increase.
const CLASSES: [LossClass; 7] = [
    LossClass::Identity,
    LossClass::Flow,
    LossClass::Login,
    LossClass::Disk,
    LossClass::Decode,
    LossClass::Dns,
    LossClass::Received,
];

/// Name of a class in a label. One that is added belongs in [`CLASSES`] too.
fn name(class: LossClass) -> &'static str {
    match class {
        LossClass::Identity => "identity",
        LossClass::Flow => "flow",
        LossClass::Login => "login",
        LossClass::Disk => "disk",
        LossClass::Decode => "decode",
        LossClass::Dns => "dns",
        LossClass::Received => "received",
    }
}

/// The metrics of a recorder.
pub fn render(status: &Status) -> String {
    let mut text = Text::default();
    text.family("up", "gauge", "Whether the recorder runs; 0 is its last word.");
    text.value("up", &[], u8::from(status.running));
    text.family("info", "gauge", "Version of the recorder; always 1.");
    text.value("info", &[("version", &status.version)], 1);
    text.one("start_timestamp_seconds", "gauge", "When the recorder started.", seconds(status.started));
    text.one("written_timestamp_seconds", "gauge", "When this file was written.", seconds(status.written));
    if let Some(committed) = status.committed {
        let help = "When the history was last put on disk.";
        text.one("commit_timestamp_seconds", "gauge", help, seconds(committed));
    }
    text.one("kernel_records_total", "counter", "Records taken from the kernel.", status.records);
    text.one("events_total", "counter", "Events written to the history.", status.events);
    text.family("lost_events_total", "counter", "Events that were lost, by class.");
    for class in CLASSES {
        let lost = status.lost.get(&class).copied().unwrap_or_default();
        text.value("lost_events_total", &[("class", name(class))], lost);
    }
    text.one("processes", "gauge", "Processes that the recorder remembers.", status.processes);
    text.one("ring_bytes", "gauge", "Bytes of the history on disk.", status.ring_bytes);
    text.one("ring_max_bytes", "gauge", "Most bytes that the history may take.", status.ring_bytes_max);
    text.one("ring_segments", "gauge", "Sealed segments of the history.", status.segments);
    let help = "Segments removed since the start, to keep the limits.";
    text.one("ring_evicted_segments_total", "counter", help, status.evicted);
    if let Some(oldest) = status.ring_oldest {
        let help = "Time of the oldest event in the history.";
        text.one("ring_oldest_timestamp_seconds", "gauge", help, seconds(oldest));
    }
    let failing = u8::from(status.failure.is_some());
    text.one("ring_failing", "gauge", "Whether the history cannot be written now.", failing);
    text.family("hook_up", "gauge", "Whether a hook in the kernel is in use; one that is off has no value.");
    for hook in &status.hooks {
        let up = match hook.state {
            HookState::InUse => 1,
            HookState::Refused(_) => 0,
            HookState::Off(_) => continue,
        };
        text.value("hook_up", &[("hook", &hook.name)], up);
    }
    text.one("sandboxed", "gauge", "Whether the recorder dropped its privileges.", u8::from(status.sandbox));
    text.one("resident_memory_bytes", "gauge", "Memory that the recorder holds.", status.rss_bytes);
    let cpu = status.cpu_ns as f64 / 1e9;
    text.one("cpu_seconds_total", "counter", "CPU time that the recorder took, user and kernel.", cpu);
    text.0
}

/// Text in the making. Every name gets the recorder's prefix.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP host_recorder_{name} {help}\n# TYPE host_recorder_{name} {kind}");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escape(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "host_recorder_{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.value(name, &[], value);
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// To the millisecond: a finer time does not fit the number that Prometheus keeps.
fn seconds(at: UnixNs) -> String {
    format!("{:.3}", at.0 as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::Hook;

    #[test]
    fn every_family_is_described_and_every_class_counted() {
        let mut status = Status::new();
        status.started = UnixNs(1_767_225_600_500_000_000);
        status.lose(LossClass::Flow, 7);
        status.hooks = vec![
            Hook::new("a", "", HookState::InUse),
            Hook::new("b\"\\", "", HookState::Refused("no".to_owned())),
            Hook::new("c", "", HookState::Off("no".to_owned())),
        ];
        let text = render(&status);
        for line in [
            "host_recorder_up 1",
            "host_recorder_start_timestamp_seconds 1767225600.500",
            "host_recorder_lost_events_total{class=\"flow\"} 7",
            "host_recorder_lost_events_total{class=\"identity\"} 0",
            "host_recorder_hook_up{hook=\"a\"} 1",
            "host_recorder_hook_up{hook=\"b\\\"\\\\\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}:\n{text}");
        }
        assert!(!text.contains("hook=\"c\"") && !text.contains("ring_oldest"));
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split([' ', '{']).next().unwrap();
            assert!(text.contains(&format!("# TYPE {name} ")), "{line}");
            let counter = text.contains(&format!("# TYPE {name} counter"));
            assert_eq!(counter, name.ends_with("_total"), "{line}");
        }
    }
}
