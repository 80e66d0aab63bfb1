//! The benchmarks: what the recorder costs, what the ring keeps of it, how soon the bot knows, and whether promises hold.
//!
//! Each bench is one [`Bench`] that returns rows; each row is one figure, with the bound that was
//! promised for it. A bench measures and states; whether that is good enough is said by the row.
//! Only ratios and counts are claims, since times belong to one machine.

use anyhow::ensure;

pub mod bot;
pub mod context;
pub mod cost;
pub mod count;
pub mod curves;
pub mod draw;
pub mod drive;
pub mod example;
pub mod flood;
pub mod idle;
pub mod loads;
pub mod machine;
pub mod notice;
pub mod pace;
pub mod peers;
pub mod plot;
pub mod process;
pub mod programs;
pub mod recording;
mod repeat;
pub mod results;
pub mod ring;
pub mod row;
pub mod slack;
pub mod statistics;
pub mod store;
pub mod storm;
pub mod story;
pub mod tier;

use context::Context;
use row::Row;

/// Something that is measured.
pub trait Bench {
    /// Its name, with which the names of its rows begin.
    fn name(&self) -> String;

    /// What it does, in words.
    fn about(&self) -> String;

    /// Measures it.
    ///
    /// # Errors
    /// When it cannot be measured. A bound that does not hold is no error.
    fn rows(&self, context: &Context) -> anyhow::Result<Vec<Row>>;
}

/// All of them, in the order in which they run.
pub fn all() -> Vec<Box<dyn Bench>> {
    let mut benches: Vec<Box<dyn Bench>> = Vec::new();
    for load in loads::LOADS {
        benches.push(Box::new(cost::Cost(load)));
    }
    benches.push(Box::new(idle::Idle));
    benches.push(Box::new(storm::Storm));
    benches.push(Box::new(tier::Tier));
    benches.push(Box::new(flood::Flood::Masscan));
    benches.push(Box::new(flood::Flood::Zmap));
    benches.push(Box::new(slack::Acknowledgement));
    for store in [store::Store::Idle, store::Store::Web, store::Store::Scan] {
        benches.push(Box::new(store));
    }
    benches.push(Box::new(ring::Day));
    benches.push(Box::new(example::JUDGE));
    for bot in [bot::Bot::Answer, bot::Bot::Many, bot::Bot::FanOut, bot::Bot::Locate] {
        benches.push(Box::new(bot));
    }
    benches.push(Box::new(notice::NOTICE));
    benches.push(Box::new(story::Busy));
    for growing in
        [curves::Growing::Rate, curves::Growing::Ring, curves::Growing::Hosts, curves::Growing::Notices]
    {
        benches.push(Box::new(growing));
    }
    benches
}

/// Those that are asked for by name; all of them when none is.
///
/// # Errors
/// When nothing has such a name.
pub fn chosen(wanted: &[String]) -> anyhow::Result<Vec<Box<dyn Bench>>> {
    let mut benches = all();
    for wanted in wanted {
        ensure!(
            benches.iter().any(|bench| is_meant(wanted, &bench.name())),
            "no bench is named {wanted:?}; --list names them"
        );
    }
    benches.retain(|bench| wanted.is_empty() || wanted.iter().any(|wanted| is_meant(wanted, &bench.name())));
    Ok(benches)
}

/// Whether a bench is asked for: by its name (`recorder.nmap`), its beginning (`recorder`) or its end (`nmap`).
fn is_meant(wanted: &str, name: &str) -> bool {
    let is_part = |rest: Option<&str>, dot: fn(&str) -> bool| rest.is_some_and(dot);
    name == wanted
        || is_part(name.strip_prefix(wanted), |rest| rest.starts_with('.'))
        || is_part(name.strip_suffix(wanted), |rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_told_apart_and_chosen_by_their_parts() {
        let names: BTreeSet<_> = all().iter().map(|bench| bench.name()).collect();
        assert_eq!(names.len(), all().len());
        for (wanted, name, expected) in [
            ("recorder.nmap", "recorder.nmap", true),
            ("recorder", "recorder.nmap", true),
            ("nmap", "recorder.nmap", true),
            ("map", "recorder.nmap", false),
            ("rec", "recorder.nmap", false),
            ("udp", "recorder.udp_flow", false),
            ("curve", "curve.rate", true),
            ("", "recorder.nmap", false),
        ] {
            assert_eq!(is_meant(wanted, name), expected, "{wanted} {name}");
        }
        let chosen = |wanted: &[&str]| chosen(&wanted.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(chosen(&[]).unwrap().len(), names.len());
        assert_eq!(chosen(&["nmap", "zmap"]).unwrap().len(), 2);
        assert!(chosen(&["nmap", "nothing"]).is_err());
    }
}
