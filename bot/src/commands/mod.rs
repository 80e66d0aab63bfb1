//! One file per subcommand of `gumshoe`.

pub mod parse;
pub mod playbooks;
pub mod render;
