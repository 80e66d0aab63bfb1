//! A host's logins, by what is asked of them: who let in what, what failed before, and where a user came from. Pure.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::net::IpAddr;

use history::LoginEvent;
use history::Process;
use history::UnixNs;

use super::host::Identity;
use super::host::identity;

/// Logins of one host, in order of their asking.
#[derive(Default)]
pub(super) struct Logins<'a> {
    by_process: HashMap<Identity, Vec<&'a LoginEvent>>,
    /// Times of those refused, in order.
    refused: HashMap<Whose<'a>, Vec<UnixNs>>,
    /// Where those granted came from.
    sources: HashMap<&'a str, BTreeSet<IpAddr>>,
}

/// Whose logins, or from where.
#[derive(PartialEq, Eq, Hash)]
enum Whose<'a> {
    User(&'a str),
    From(IpAddr),
    /// Of both, which stand under each of the others.
    Both(&'a str, IpAddr),
}

impl<'a> Logins<'a> {
    /// Indexes logins.
    pub fn new(events: impl Iterator<Item = &'a LoginEvent>) -> Self {
        let mut logins = Self::default();
        for event in events {
            let login = &event.login;
            if let Some(process) = login.process {
                logins.by_process.entry(identity(process)).or_default().push(event);
            }
            let user = login.user.as_str();
            if !login.accepted {
                logins.refused.entry(Whose::User(user)).or_default().push(event.time);
                if let Some(source) = login.source_address {
                    logins.refused.entry(Whose::From(source)).or_default().push(event.time);
                    logins.refused.entry(Whose::Both(user, source)).or_default().push(event.time);
                }
            } else if let Some(source) = login.source_address.filter(|_| !login.is_attach()) {
                logins.sources.entry(user).or_default().insert(source);
            }
        }
        logins.refused.values_mut().for_each(|times| times.sort_unstable());
        logins
    }

    /// Logins that a process let in.
    pub fn by(&self, process: &Process) -> &[&'a LoginEvent] {
        self.by_process.get(&identity(process.id)).map_or(&[], Vec::as_slice)
    }

    /// How many failed until a login, for its user or from its address.
    pub fn failures_before(&self, event: &LoginEvent) -> u64 {
        let before = |whose: &Whose| {
            self.refused.get(whose).map_or(0, |times| times.partition_point(|time| *time <= event.time))
        };
        let user = event.login.user.as_str();
        let count = match event.login.source_address {
            None => before(&Whose::User(user)),
            Some(source) => {
                before(&Whose::User(user)) + before(&Whose::From(source)) - before(&Whose::Both(user, source))
            }
        };
        count as u64
    }

    /// Other addresses from which the same user was let in, in order.
    pub fn other_sources(&self, event: &LoginEvent) -> Vec<IpAddr> {
        let known = self.sources.get(event.login.user.as_str());
        let own = event.login.source_address;
        known.into_iter().flatten().copied().filter(|source| Some(*source) != own).collect()
    }
}

#[cfg(test)]
mod tests {
    use history::Login;

    use super::*;

    fn event(at: i64, user: &str, source: Option<&str>, accepted: bool) -> LoginEvent {
        let source_address = source.map(|source| source.parse().unwrap());
        let login = Login { user: user.to_owned(), accepted, source_address, ..Login::default() };
        LoginEvent { event: 1, time: UnixNs(at), login }
    }

    #[test]
    fn a_failure_for_the_user_and_from_the_address_is_one() {
        let events = [
            event(5, "alice", Some("192.0.2.1"), false),
            event(3, "alice", Some("192.0.2.9"), false),
            event(4, "bob", Some("192.0.2.1"), false),
            event(9, "alice", Some("192.0.2.1"), false),
            event(2, "bob", Some("192.0.2.9"), false),
            event(1, "alice", None, false),
            event(6, "alice", Some("192.0.2.9"), true),
        ];
        let logins = Logins::new(events.iter());
        let failures = |source| logins.failures_before(&event(5, "alice", source, true));
        assert_eq!(failures(Some("192.0.2.1")), 4);
        assert_eq!(failures(None), 3);
        assert_eq!(logins.failures_before(&event(5, "carol", Some("203.0.113.1"), true)), 0);
        let elsewhere = |source| logins.other_sources(&event(7, "alice", source, true)).len();
        assert_eq!((elsewhere(Some("192.0.2.9")), elsewhere(Some("192.0.2.1"))), (0, 1));
    }
}
