//! One file per subcommand of `gumshoe`.
