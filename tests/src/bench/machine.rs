//! The machine that figures were measured on, in words: figures of different machines are not compared.

use std::fs;

use serde::Serialize;

/// A machine.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Model of its processors.
    pub processor: String,
    /// How many it has.
    pub processors: usize,
    /// Memory, MB (10^6 bytes).
    pub memory_mb: u64,
    /// Release of its kernel.
    pub kernel: String,
    /// Distribution.
    pub distribution: String,
}

impl Machine {
    /// This one.
    pub fn describe() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let memory_kib: u64 = value(&read("/proc/meminfo"), "MemTotal", ':')
            .and_then(|text| text.trim_end_matches(" kB").parse().ok())
            .unwrap_or(0);
        Self {
            processor: value(&read("/proc/cpuinfo"), "model name", ':').unwrap_or("unknown".to_owned()),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mb: memory_kib * 1024 / 1_000_000,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            distribution: value(&read("/etc/os-release"), "PRETTY_NAME", '=')
                .map_or("unknown".to_owned(), |name| name.trim_matches('"').to_owned()),
        }
    }

    /// In one line.
    pub fn sentence(&self) -> String {
        format!(
            "{} processors ({}), {:.1} GB of memory, Linux {}, {}",
            self.processors,
            self.processor,
            self.memory_mb as f64 / 1e3,
            self.kernel,
            self.distribution
        )
    }
}

/// What a file of `key: value` lines says of a key.
fn value(text: &str, wanted: &str, separator: char) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(separator)?;
        (key.trim() == wanted).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_files_are_read() {
        let text = "processor\t: 0\nmodel name\t: A: fast one\nmodel name\t: B\n";
        assert_eq!(value(text, "model name", ':'), Some("A: fast one".to_owned()));
        assert_eq!(value(text, "flags", ':'), None);
        let machine = Machine::describe();
        assert!(machine.processors > 0 && machine.memory_mb > 0, "{machine:?}");
    }
}
