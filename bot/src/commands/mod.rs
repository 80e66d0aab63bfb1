//! One file per subcommand of `gumshoe`.

pub mod config;
pub mod doctor;
pub mod health;
pub mod investigate;
pub mod parse;
pub mod playbooks;
pub mod render;
pub mod serve;
