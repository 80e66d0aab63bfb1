//! What the whole of Gumshoe is tested in: a lab of real hosts on this machine, stand-ins for AWS
//! and Slack that refuse what the real ones refuse, and the story that both the demo and the
//! end-to-end tests tell.
//!
//! Nothing here is part of what is shipped, and nothing that is shipped depends on it.

pub mod interrupt;
pub mod lab;
