//! What a query needs of a file. Pure.

use crate::evidence::Prefix;
use crate::evidence::Window;

/// What is needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selection<'a> {
    /// Traffic of this time.
    pub(crate) window: Window,
    /// Only what concerns these, with what explains it; none means everything in the window.
    pub(crate) sought: Option<Sought<'a>>,
}

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sought<'a> {
    /// Remote addresses.
    pub(crate) remotes: &'a [Prefix],
    /// DNS names.
    pub(crate) names: &'a [String],
}
