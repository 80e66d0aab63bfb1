//! Who logged in: what logs and the journal say, held against the processes; what the process tree tells itself.

use std::net::IpAddr;

use history::Body;
use history::Endpoint;
use history::Login;
use history::LossClass;
use history::Process;
use history::UnixNs;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Recorder;
use crate::arrivals::Arrivals;
use crate::askers::carries;
use crate::askers::is_server_of_logins;
use crate::attached;
use crate::beginnings::Begun;
use crate::clock;
use crate::ends::Source;
use crate::enrich::journal::Journal;
use crate::enrich::login_log;
use crate::enrich::login_log::LoginLine;
use crate::login_check::Checked;
use crate::login_check::check;
use crate::sessions::Session;

/// Where logins come from that the journal tells of.
const JOURNAL: &str = "journal";

impl Recorder {
    pub(super) fn read_logins(&mut self) {
        let now = Timestamp::now();
        // The host's zone may change while the recorder runs.
        let zone = TimeZone::system();
        let mut found = Vec::new();
        let mut lost = 0;
        for log in &mut self.login_logs {
            let origin = log.path().display().to_string();
            match log.lines() {
                Ok(lines) => {
                    found.extend(lines.iter().filter_map(|line| {
                        login_log::parse(line, now, &zone).map(|login| (login, origin.clone()))
                    }));
                    lost += log.skipped();
                }
                Err(error) => {
                    tracing::warn!(%error, log = %origin, "a login log could not be read");
                    lost += 1;
                }
            }
        }
        match self.journal.as_mut().map(Journal::logins) {
            Some(Ok(logins)) => found.extend(logins.into_iter().map(|login| (login, JOURNAL.to_owned()))),
            Some(Err(error)) => {
                tracing::warn!(%error, "the journal is not read any more");
                lost += 1;
            }
            None => {}
        }
        lost += self.journal.as_mut().map_or(0, Journal::skipped);
        self.lose(LossClass::Login, lost);
        let refused = found.iter().filter(|(line, origin)| !self.take_line(line, origin)).count();
        if refused > 0 {
            tracing::warn!(
                refused,
                "lines about logins were left out: the program that they name wrote none"
            );
        }
        self.tell_waiting(clock::boot_ns());
    }

    /// Tells of sessions that the logs had time to tell of until then, and did not.
    pub(super) fn tell_waiting(&mut self, boot_ns: u64) {
        for begun in self.beginnings.due(boot_ns) {
            self.take_begun(begun);
        }
        let settled = if boot_ns == u64::MAX { boot_ns } else { self.drained_ns };
        let arrived =
            self.arrivals.due(&self.processes, self.flows.ends(), &self.beginnings, settled, boot_ns);
        for begun in arrived {
            self.tell_begun(begun);
        }
        for session in self.sessions.untold(boot_ns) {
            self.take_session(session);
        }
        for (at, operation) in self.askers.due(&self.processes, self.flows.ends(), settled) {
            self.append(at, Body::Operation(Box::new(operation)));
        }
        let used = self.attached.due(&self.processes, boot_ns);
        let asked = self.launched.due(&self.processes, boot_ns);
        for used in used.into_iter().chain(asked) {
            self.take_used(used);
        }
        let lost = [
            self.arrivals.lost(),
            self.askers.lost(),
            self.attached.lost(),
            self.beginnings.lost(),
            self.flows.ends().lost(),
            self.launched.lost(),
            self.sessions.lost(),
        ];
        self.lose(LossClass::Login, lost.into_iter().sum());
    }

    /// A login that no log told of, as the session's environment and the kernel's connection tell of it.
    pub(super) fn take_session(&mut self, session: Session) {
        let login = Login {
            service: session.service,
            user: session.user,
            method: "unknown".to_owned(),
            accepted: true,
            source_address: Some(session.source.ip()),
            source_port: Some(session.source.port()),
            key: None,
            process: Some(session.server),
            origin: "the session's environment and its connection".to_owned(),
            ..Login::default()
        };
        let time = self.clock.wall(session.boot_ns);
        self.processes.set_login(&session.server, time, session.boot_ns, login.clone());
        self.append_at(time, session.boot_ns, Body::Login(Box::new(login)));
    }

    /// A login that the process tree tells of.
    pub(super) fn take_begun(&mut self, begun: Begun) {
        if Arrivals::is_one(&begun.login) {
            self.arrivals.wait(begun);
        } else {
            self.tell_begun(begun);
        }
    }

    fn tell_begun(&mut self, Begun { boot_ns, login }: Begun) {
        // A log may have told of it meanwhile.
        if login.process.is_some_and(|id| self.processes.has_login(&id)) {
            return;
        }
        let time = self.clock.wall(boot_ns);
        self.launched.job(&login, boot_ns);
        if let Some(id) = login.process {
            self.processes.set_login(&id, time, boot_ns, login.clone());
        }
        // An earlier run told of it.
        if time >= self.logins_since {
            self.append_at(time, boot_ns, Body::Login(Box::new(login)));
        }
    }

    /// A terminal that a later session used, or a unit or job that a session had started.
    pub(super) fn take_used(&mut self, Begun { boot_ns, login }: Begun) {
        let time = self.clock.wall(boot_ns);
        if let Some(id) = login.process {
            let keeps_all = self.processes.add_attached(&id, time, boot_ns, login.clone());
            self.lose(LossClass::Login, u64::from(!keeps_all));
        }
        self.append_at(time, boot_ns, Body::Login(Box::new(login)));
    }

    /// Whose session opened a connection of this host to itself, from this end; nobody's where a server of logins or another
    /// program carried it for somebody.
    fn person_of(&self, opener: &Process, source: (IpAddr, u16)) -> Option<String> {
        if let Some(session) = self.beginnings.without_shell(&opener.id) {
            return Some(session.person().to_owned());
        }
        let from = Endpoint { address: source.0, port: source.1 };
        let (_, session) = attached::session(opener, &self.processes)?;
        let carries = is_server_of_logins(opener, &self.processes)
            || carries(opener, from, &self.processes, self.flows.ends());
        (!carries).then(|| session.person().to_owned())
    }

    pub(super) fn take_line(&mut self, line: &LoginLine, origin: &str) -> bool {
        let lines: Vec<LoginLine> = self.repeats.spread(line.clone()).collect();
        lines.iter().all(|line| self.take_login(line, origin))
    }

    /// A login that a log tells of; false where the line is not believed.
    pub(super) fn take_login(&mut self, line: &LoginLine, origin: &str) -> bool {
        let time = line.time.unwrap_or_else(UnixNs::now);
        let boot_ns = self.clock.since_boot(time);
        // What a file held at first, and what the journal says was written before, may be about unknown processes.
        let past = if origin == JOURNAL { boot_ns < self.began_ns } else { self.began_ns == u64::MAX };
        let complete = !self.identities_lost && !past;
        let process = match check(line, boot_ns, &self.processes, &self.beginnings, complete) {
            Checked::By(id) => Some(id),
            Checked::Unknown => None,
            Checked::Refused => return false,
        };
        let mut login = Login {
            service: line.service.clone(),
            user: line.user.clone(),
            method: line.method.clone(),
            accepted: line.accepted,
            source_address: line.source.map(|(address, _)| address),
            source_port: line.source.map(|(_, port)| port).filter(|port| *port != 0),
            key: line.key.clone(),
            process,
            origin: origin.to_owned(),
            by: line.by.clone(),
            session: line.session.clone(),
            command: line.command.clone(),
        };
        if login.accepted {
            self.sessions.told(line.source);
            let is_lost = !self.add_whence(&mut login);
            self.lose(LossClass::Login, u64::from(is_lost));
        }
        if let Some(id) = process.filter(|_| login.accepted) {
            // Several lines tell of one session, and of some the tree tells, with more. A connection has one login.
            if self.processes.has_login(&id) || Arrivals::is_one(&login) {
                return true;
            }
            if login.method == "elevation" && login.command.is_none() {
                self.beginnings.wait_for_command(Begun { boot_ns, login });
                return true;
            }
            self.processes.set_login(&id, time, boot_ns, login.clone());
        }
        // An earlier run wrote it; with the session's processes it is written again where it is needed.
        if time >= self.logins_since {
            self.append_at(time, boot_ns, Body::Login(Box::new(login)));
        }
        true
    }

    /// Adds to what a log tells of a login: the connection that its server accepted for it, where the log has none; and
    /// whose session opened the connection, where that was opened on this host. A port that a server of logins or another
    /// program forwards is opened for who is elsewhere. False where what would tell was let go.
    fn add_whence(&self, login: &mut Login) -> bool {
        let ends = self.flows.ends();
        match login.source_address.zip(login.source_port) {
            Some(source) => {
                let Some(opener) = ends.opener(source.into()) else {
                    return !ends.opener_is_lost(source.0);
                };
                let opener = self.processes.get(&opener);
                login.by = opener.and_then(|opener| self.person_of(opener, source)).or(login.by.take());
                true
            }
            None if login.method == "pam" => {
                let process = login.process.and_then(|id| self.processes.get(&id));
                let source = process.map(|process| ends.source_of(process, &self.processes));
                if let Some(Source::Known(end)) = source {
                    login.source_address = Some(end.address);
                    login.source_port = Some(end.port).filter(|port| *port != 0);
                    login.by = None;
                }
                source != Some(Source::Lost)
            }
            None => true,
        }
    }
}
