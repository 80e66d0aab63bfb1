//! What the whole of Gumshoe is tested in: a lab of real hosts on this machine, stand-ins for AWS
//! and Slack that refuse what the real ones refuse, and the story that both the demo and the
//! end-to-end tests tell.
//!
//! Nothing here is part of what is shipped, and nothing that is shipped depends on it.

use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;

pub mod bench;
pub mod browser;
pub mod busy;
pub mod disk;
pub mod facts;
pub mod interrupt;
pub mod kernel;
pub mod lab;
pub mod ledger;
pub mod notice;
pub mod programs;
pub mod recording;
pub mod scenario;
pub mod serving;
pub mod soak;
pub mod standins;
pub mod story;

/// The build's target directory, which this program lies in.
///
/// # Errors
/// When this program lies in no target directory.
pub fn target_dir() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    // cargo marks a directory that it made itself with the tag, and any with what it knows of the compiler.
    let is_marked =
        |dir: &&Path| [".rustc_info.json", "CACHEDIR.TAG"].iter().any(|mark| dir.join(mark).exists());
    let marked = program.ancestors().find(is_marked);
    marked.map(Into::into).with_context(|| format!("{} lies in no target directory", program.display()))
}
