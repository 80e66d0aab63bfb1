//! Where the programs under test are.

use std::path::PathBuf;

use anyhow::ensure;

/// The programs under test.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `host-recorder`.
    pub recorder: PathBuf,
    /// `gumshoe`.
    pub gumshoe: PathBuf,
}

impl Programs {
    /// Both.
    ///
    /// # Errors
    /// When one is not there.
    pub fn find() -> anyhow::Result<Self> {
        Ok(Self { recorder: Self::recorder()?, gumshoe: Self::gumshoe()? })
    }

    /// The bot alone.
    ///
    /// # Errors
    /// When it is not there.
    pub fn gumshoe() -> anyhow::Result<PathBuf> {
        program("GUMSHOE_BIN", "gumshoe")
    }

    /// The recorder alone.
    ///
    /// # Errors
    /// When it is not there.
    pub fn recorder() -> anyhow::Result<PathBuf> {
        program("HOST_RECORDER_BIN", "host-recorder")
    }
}

/// The program that a variable names, else the one that is built beside this program.
fn program(variable: &str, name: &str) -> anyhow::Result<PathBuf> {
    let built = || crate::target_dir().map(|dir| dir.join("debug").join(name));
    let path = std::env::var_os(variable).map_or_else(built, |path| Ok(path.into()))?;
    ensure!(path.exists(), "{} is not built: cargo build --workspace", path.display());
    Ok(path)
}
