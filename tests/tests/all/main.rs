//! Every test of the lab, the stand-ins and the whole of Gumshoe, as one program.

mod aws;
mod bench;
mod costs;
mod desk;
mod docs;
mod faults;
mod lab;
mod located;
mod names;
mod ops;
mod packets;
mod page;
mod paths;
mod people;
mod recorder;
mod ring;
mod ring_faults;
mod slack;
mod soak;
mod sockets;
mod story;
mod terraform;
mod threats;
mod ways;
mod who;
