//! What the kernel's records lack: names of users, paths of cgroups, names of containers, logins, and what ran before the recorder.

pub mod cgroups;
pub mod containers;
pub mod doors;
pub mod environment;
pub mod journal;
pub mod login_log;
pub mod proc;
pub mod tail;
pub mod users;
