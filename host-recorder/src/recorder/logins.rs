//! Who logged in: what logs and the journal say, held against the processes; what the process tree tells itself.

use history::Body;
use history::Login;
use history::LossClass;
use history::UnixNs;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Recorder;
use crate::beginnings::Begun;
use crate::clock;
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
                Ok(lines) => found.extend(lines.iter().filter_map(|line| {
                    login_log::parse(line, now, &zone).map(|login| (login, origin.clone()))
                })),
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
        if lost > 0 {
            let at = clock::boot_ns();
            self.status.lose(LossClass::Login, lost);
            self.append(at, Body::Loss { class: LossClass::Login, count: lost, from: self.lost_since });
        }
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
        for session in self.sessions.untold(boot_ns) {
            self.take_session(session);
        }
        let used = self.attached.due(&self.processes, boot_ns);
        let asked = self.launched.due(&self.processes, boot_ns);
        for used in used.into_iter().chain(asked) {
            self.take_used(used);
        }
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
    pub(super) fn take_begun(&mut self, Begun { boot_ns, login }: Begun) {
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
            self.processes.add_attached(&id, time, boot_ns, login.clone());
        }
        self.append_at(time, boot_ns, Body::Login(Box::new(login)));
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
        let login = Login {
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
        }
        if let Some(id) = process.filter(|_| login.accepted) {
            // Several lines tell of one session, and of some the tree has told. A connection has one login.
            if self.processes.has_login(&id) {
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
}
