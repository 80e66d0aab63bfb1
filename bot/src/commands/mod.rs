//! One file per subcommand of `gumshoe`.

pub mod config;
pub mod investigate;
pub mod parse;
pub mod playbooks;
pub mod render;
pub mod serve;
