//! What the kernel's records lack: names of users, paths of cgroups, logins, and what ran before the recorder.

pub mod cgroups;
pub mod environment;
pub mod journal;
pub mod login_log;
pub mod proc;
pub mod tail;
pub mod users;
