//! Judgement by stories: each test tells what happened on a host, and what the report must say of it.

mod scan;
mod story;
