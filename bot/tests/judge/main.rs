//! Judgement by stories: each test tells what happened on a host, and what the report must say of it.

// Helpers of tests are tests.
#![allow(clippy::unwrap_used)]

mod after;
mod chaos;
mod check;
mod commands;
mod desk;
mod hostile;
mod hosts;
mod named;
mod origins;
mod recorded;
mod repeats;
mod rivals;
mod scan;
mod story;
mod told;
mod translated;
mod who;
