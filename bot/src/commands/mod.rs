//! One file per subcommand of `gumshoe`.

pub mod parse;
