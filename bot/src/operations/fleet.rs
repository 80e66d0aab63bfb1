//! Which of the running instances have a recorder that answers, how far back it remembers and what it lost.
//!
//! Owns listing them and putting together what they answer. An answer is asked for as in a case: over SSM, for the hour
//! before now and no traffic, so it also shows that a case's question would arrive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use history::Request;
use history::UnixNs;
use history::VERSION;
use history::Window;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::aws::Places;
use crate::case::Answer;
use crate::case::HostRef;
use crate::hosts::HostHistory;
use crate::locate;

/// A port that a host is asked for so that its answer holds next to nothing.
const NO_PORT: u16 = 0;

/// What is known of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostState {
    /// Instance id.
    pub instance_id: String,
    /// Account, where it is known.
    pub account: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// The Name tag.
    pub name: Option<String>,
    /// Version of its recorder, where that answered.
    pub version: Option<String>,
    /// Oldest event that it remembers.
    pub oldest: Option<Timestamp>,
    /// Events lost in the hour before.
    pub lost: u64,
    /// Seconds of that hour that are not recorded.
    pub gaps_s: i64,
    /// Why it did not answer.
    pub silent: Option<String>,
}

/// What a survey comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Running instances.
    pub running: usize,
    /// Those that were asked.
    pub asked: usize,
    /// Those whose recorder answered.
    pub recorded: usize,
    /// Those that lost events, or did not record all of the hour before.
    pub losing: usize,
}

/// The latest survey's tally and its time, shared by those who tell it.
#[derive(Debug, Clone, Default)]
pub struct Latest(Arc<Mutex<Option<(Timestamp, Tally)>>>);

impl Latest {
    /// The tally; none before the first survey.
    pub fn tally(&self) -> Option<Tally> {
        self.get().map(|(_, tally)| tally)
    }

    /// The tally and when it was made.
    pub fn get(&self) -> Option<(Timestamp, Tally)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a new one.
    pub fn set(&self, at: Timestamp, tally: Tally) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, tally));
    }
}

/// The fleet.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Fleet {
    /// Its sum.
    pub tally: Tally,
    /// Each host that was asked.
    pub hosts: Vec<HostState>,
    /// What could not be looked at, in words.
    pub notes: Vec<String>,
}

impl Fleet {
    /// Recorders by version.
    pub fn versions(&self) -> BTreeMap<&str, usize> {
        let mut versions = BTreeMap::new();
        for version in self.hosts.iter().filter_map(|host| host.version.as_deref()) {
            *versions.entry(version).or_default() += 1;
        }
        versions
    }
}

/// Asks the running instances of an account, or of all; at most `most`, chosen at random, where there are more.
pub async fn survey(
    places: &Places,
    account: Option<&str>,
    hosts: Arc<dyn HostHistory>,
    at_once: usize,
    most: usize,
) -> Fleet {
    let mut fleet = Fleet::default();
    let mut running = Vec::new();
    for place in places.matching(account, None) {
        match locate::running(&place).await {
            Ok(found) => running.extend(found),
            Err(why) => fleet.notes.push(format!("{place}: instances not listed: {why}")),
        }
    }
    fleet.tally.running = running.len();
    if running.len() > most {
        fastrand::shuffle(&mut running);
        running.truncate(most);
        fleet.notes.push(format!(
            "of {} running instances {most} were asked, chosen at random",
            fleet.tally.running
        ));
    }
    let permits = Arc::new(Semaphore::new(at_once.max(1)));
    let mut asking = JoinSet::new();
    for host in running {
        let (hosts, permits) = (Arc::clone(&hosts), Arc::clone(&permits));
        asking.spawn(async move {
            let _permit = permits.acquire_owned().await.ok();
            let answer = ask(hosts.as_ref(), &host).await;
            state(host, answer)
        });
    }
    while let Some(asked) = asking.join_next().await {
        match asked {
            Ok(host) => fleet.hosts.push(host),
            Err(error) => fleet.notes.push(format!("one host's answer was not put together: {error}")),
        }
    }
    fleet.hosts.sort_by(|a, b| {
        (&a.account, &a.region, &a.instance_id).cmp(&(&b.account, &b.region, &b.instance_id))
    });
    fleet.tally = tally(fleet.tally.running, &fleet.hosts);
    fleet
}

fn tally(running: usize, hosts: &[HostState]) -> Tally {
    Tally {
        running,
        asked: hosts.len(),
        recorded: hosts.iter().filter(|host| host.version.is_some()).count(),
        losing: hosts.iter().filter(|host| host.lost > 0 || host.gaps_s > 0).count(),
    }
}

async fn ask(hosts: &dyn HostHistory, host: &HostRef) -> Answer {
    let now = UnixNs::now();
    let request = Request {
        version: VERSION,
        window: Window { from: now.plus_s(-3_600), to: now },
        remotes: Vec::new(),
        ports: vec![NO_PORT],
        protocol: None,
        names: Vec::new(),
        who: Default::default(),
    };
    match hosts.ask(host, &request).await {
        Ok(ticket) => hosts.answer(host, &request, &ticket).await,
        Err(answer) => answer,
    }
}

fn state(host: HostRef, answer: Answer) -> HostState {
    let mut state = HostState {
        instance_id: host.instance_id.unwrap_or_default(),
        account: host.account,
        region: host.region,
        name: host.name,
        version: None,
        oldest: None,
        lost: 0,
        gaps_s: 0,
        silent: None,
    };
    match answer {
        Answer::Evidence { evidence, .. } => {
            let coverage = &evidence.coverage;
            state.version =
                Some(evidence.host.recorder.chars().filter(|c| c.is_ascii_graphic()).take(40).collect());
            state.oldest = coverage.oldest.map(Timestamp::from);
            state.lost = coverage.losses.iter().map(|loss| loss.count).fold(0, u64::saturating_add);
            let gap_s =
                |gap: &history::Gap| gap.window.to.0.saturating_sub(gap.window.from.0) / 1_000_000_000;
            state.gaps_s = coverage.gaps.iter().map(gap_s).fold(0, i64::saturating_add);
        }
        other => state.silent = Some(why(&other)),
    }
    state
}

/// Why a host did not answer, as one line; what a host says of itself is not to be trusted with a terminal.
fn why(answer: &Answer) -> String {
    let (what, reason) = match answer {
        Answer::NoRecorder { reason } => ("no recorder", reason),
        Answer::RecorderFailed { reason } => ("the recorder failed", reason),
        Answer::Unreachable { reason } => ("not reached", reason),
        Answer::Invalid { reason } => ("its answer cannot be believed", reason),
        _ => return "no answer".to_owned(),
    };
    let reason: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    format!("{what}: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(id: &str, version: Option<&str>, lost: u64) -> HostState {
        HostState {
            instance_id: id.to_owned(),
            account: None,
            region: None,
            name: None,
            version: version.map(ToOwned::to_owned),
            oldest: None,
            lost,
            gaps_s: 0,
            silent: None,
        }
    }

    #[test]
    fn a_tally_counts_who_answered_and_who_lost() {
        let hosts = [host("i-1", Some("0.1.0"), 0), host("i-2", Some("0.1.0"), 3), host("i-3", None, 0)];
        assert_eq!(tally(9, &hosts), Tally { running: 9, asked: 3, recorded: 2, losing: 1 });
        let fleet = Fleet { tally: tally(9, &hosts), hosts: hosts.to_vec(), notes: Vec::new() };
        assert_eq!(fleet.versions(), BTreeMap::from([("0.1.0", 2)]));
    }

    #[test]
    fn what_a_host_says_reaches_no_terminal_raw() {
        let said = why(&Answer::NoRecorder { reason: "\u{1b}[2Jgone\nwild".to_owned() });
        assert!(!said.chars().any(char::is_control), "{said:?}");
    }
}
