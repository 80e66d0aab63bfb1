//! Every test of the lab, the stand-ins and the whole of Gumshoe, as one program.

mod aws;
mod lab;
mod recorder;
mod ring;
mod slack;
mod story;
