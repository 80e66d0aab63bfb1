//! Settings of the recorder: one TOML file.
//!
//! Owns what may be set, its defaults and its bounds. What a flag or the environment says goes before the file; that
//! is [`crate::commands::record`]'s. Refuses unknown keys, naming the nearest right one, so that a misspelt limit is
//! never silently the default.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use thiserror::Error;

use crate::syscalls::Syscall;

/// Where the file is unless told otherwise. It need not be there.
pub const CONFIG_PATH: &str = "/etc/host-recorder.toml";

/// Where the ring is unless told otherwise.
pub const RING_DIR: &str = "/var/lib/host-recorder";

/// A documented example, with every key.
pub const EXAMPLE: &str = include_str!("../packaging/host-recorder.toml");

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Record only processes and sockets below this cgroup v2 directory; none for the whole host.
    pub cgroup: Option<PathBuf>,
    /// Logs of logins to follow.
    pub login_logs: Vec<PathBuf>,
    /// Longest time between two looks at the kernel's rings, ms.
    pub look_every_ms: u64,
    /// Whether to drop privileges and filter the recorder's own system calls once it records.
    pub sandbox: bool,
    /// The ring.
    pub ring: RingConfig,
    /// System calls to record.
    pub syscalls: SyscallsConfig,
    /// Metrics for Prometheus.
    pub metrics: MetricsConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cgroup: None,
            login_logs: vec!["/var/log/auth.log".into(), "/var/log/secure".into()],
            look_every_ms: 200,
            sandbox: true,
            ring: RingConfig::default(),
            syscalls: SyscallsConfig::default(),
            metrics: MetricsConfig::default(),
        }
    }
}

/// Where the ring is, and how large it may become.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RingConfig {
    /// Its directory.
    pub directory: PathBuf,
    /// Most bytes on disk, MiB.
    pub size_mib: u64,
    /// Age at which history is removed, days.
    pub age_days: u64,
    /// Free disk space at which the ring shrinks, MiB.
    pub keep_free_mib: u64,
}

impl Default for RingConfig {
    fn default() -> Self {
        Self { directory: RING_DIR.into(), size_mib: 512, age_days: 30, keep_free_mib: 256 }
    }
}

/// System calls to record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SyscallsConfig {
    /// Which.
    pub names: BTreeSet<Syscall>,
}

/// Metrics for Prometheus.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// File for node_exporter's textfile collector; none for no metrics.
    pub textfile: Option<PathBuf>,
}

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the settings file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no TOML of the right shape.
    #[error("{}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column, what is wrong, and the nearest right key.
        message: String,
    },
    /// A value is out of its bounds.
    #[error("{key} is {value}, which is not within {least} to {most}")]
    Bounds {
        /// The key, with its table.
        key: &'static str,
        /// Its value.
        value: u64,
        /// The least that it may be.
        least: u64,
        /// The most.
        most: u64,
    },
}

impl Config {
    /// Reads a file. Where none is named the usual one is read, which need not be there.
    ///
    /// # Errors
    /// When the file cannot be read, or does not hold valid settings.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let (path, needed) = path.map_or((Path::new(CONFIG_PATH), false), |path| (path, true));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !needed => {
                return Ok(Self::default());
            }
            Err(source) => return Err(ConfigError::Read { path: path.to_owned(), source }),
        };
        let config =
            Self::parse(&text).map_err(|message| ConfigError::Syntax { path: path.to_owned(), message })?;
        config.check()?;
        Ok(config)
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| history::with_nearest_key(&error.to_string()))
    }

    /// Whether every number is within its bounds.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), ConfigError> {
        let bounds = [
            ("look_every_ms", self.look_every_ms, 10, 1_000),
            ("ring.size_mib", self.ring.size_mib, 16, 1 << 30),
            ("ring.age_days", self.ring.age_days, 1, 36_500),
            ("ring.keep_free_mib", self.ring.keep_free_mib, 0, 1 << 30),
        ];
        for (key, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(ConfigError::Bounds { key, value, least, most });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host-recorder.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path))
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(check("").unwrap(), Config::default());
    }

    #[test]
    fn the_example_is_the_defaults_and_names_every_key() {
        assert_eq!(check(EXAMPLE).unwrap(), Config::default());
        // With its commented keys it is valid too.
        let all: String = EXAMPLE
            .lines()
            .map(|line| line.strip_prefix("#= ").unwrap_or(line))
            .map(|line| format!("{line}\n"))
            .collect();
        let config = check(&all).unwrap();
        assert!(config.cgroup.is_some() && config.metrics.textfile.is_some());
        assert!(!config.syscalls.names.is_empty());
        let keys: BTreeSet<&str> =
            all.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key).collect();
        // Every key that the reader knows, as it names them itself when it meets one that it does not.
        for table in ["", "[ring]\n", "[syscalls]\n", "[metrics]\n"] {
            let message = Config::parse(&format!("{table}unknown = 1")).unwrap_err();
            let expected = message.split("expected ").nth(1).unwrap();
            let expected = expected.lines().next().unwrap().split('`').skip(1).step_by(2);
            for key in expected.filter(|key| !all.contains(&format!("\n[{key}]\n"))) {
                assert!(keys.contains(key), "the example lacks {key}");
            }
        }
        for call in crate::syscalls::SYSCALLS {
            assert!(EXAMPLE.contains(call.name), "the example does not name {}", call.name);
        }
    }

    #[test]
    fn what_is_misspelt_names_the_nearest() {
        for (text, meant) in [
            ("look_every = 4", "did you mean `look_every_ms`?"),
            ("[ring]\nsise_mib = 4", "did you mean `size_mib`?"),
            ("[metrics]\ntext_file = \"x\"", "did you mean `textfile`?"),
            ("[syscalls]\nnames = [\"pthread\"]", "did you mean \"ptrace\"?"),
            ("[syscall]\nnames = []", "did you mean `syscalls`?"),
        ] {
            let message = check(text).unwrap_err().to_string();
            assert!(message.contains(meant), "{message}");
        }
    }

    #[test]
    fn values_out_of_bounds_and_missing_files_are_refused() {
        for text in ["look_every_ms = 0", "[ring]\nsize_mib = 1", "[ring]\nage_days = 0", "sandbox = 1", "x"]
        {
            assert!(check(text).is_err(), "{text}");
        }
        assert!(matches!(Config::load(Some(Path::new("/nowhere"))), Err(ConfigError::Read { .. })));
    }
}
