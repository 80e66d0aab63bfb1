//! Where a command finds the ring and the settings.

use std::path::PathBuf;

use crate::config::Config;
use crate::config::ConfigError;

/// Flags of every command that reads a ring.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// Directory of the ring [default: that of the settings file, or /var/lib/host-recorder]
    #[arg(long, value_name = "DIRECTORY", env = "HOST_RECORDER_RING")]
    pub ring: Option<PathBuf>,

    /// Settings file [default: /etc/host-recorder.toml, which need not be there]
    #[arg(long, value_name = "FILE", env = "HOST_RECORDER_CONFIG")]
    pub config: Option<PathBuf>,
}

impl Place {
    /// Directory of the ring. The settings are read only where nothing else names it.
    ///
    /// # Errors
    /// When the settings are needed and cannot be used.
    pub fn directory(&self) -> Result<PathBuf, ConfigError> {
        match &self.ring {
            Some(directory) => Ok(directory.clone()),
            None => Config::load(self.config.as_deref()).map(|config| config.ring.directory),
        }
    }
}
