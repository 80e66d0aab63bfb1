//! Builds evidence as a story: who logs in, what is run, what it sends. Times are seconds after 10:00 UTC.

use std::net::IpAddr;
use std::sync::LazyLock;

use gumshoe::case::Accused;
use gumshoe::case::Activity as Accusation;
use gumshoe::case::Answer;
use gumshoe::case::Case;
use gumshoe::case::CaseId;
use gumshoe::case::Claim;
use gumshoe::case::ClaimProtocol;
use gumshoe::case::ClaimWindow;
use gumshoe::case::HostAnswer;
use gumshoe::case::HostRef;
use gumshoe::case::Located;
use gumshoe::case::NoticeRef;
use gumshoe::case::Remote;
use gumshoe::case::ZoneSource;
use gumshoe::investigate::request_for;
use gumshoe::playbook::Playbooks;
use gumshoe::report;
use gumshoe::report::Report;
use history::Activity;
use history::BootId;
use history::Coverage;
use history::Credentials;
use history::Direction;
use history::Evidence;
use history::Exit;
use history::FlowState;
use history::Gap;
use history::Host;
use history::Login;
use history::LoginEvent;
use history::Loss;
use history::LossClass;
use history::Process;
use history::ProcessFlags;
use history::ProcessId;
use history::Protocol;
use history::Seen;
use history::UnixNs;
use history::VERSION;
use history::Via;
use history::Window;
use jiff::Timestamp;

pub const VICTIM: &str = "198.51.100.7";
pub const LAPTOP: &str = "192.0.2.10";
pub const INSTANCE: &str = "i-0123456789abcdef0";

static PLAYBOOKS: LazyLock<Playbooks> = LazyLock::new(|| Playbooks::built_in().unwrap());

/// 2026-11-21 10:00:00 UTC.
const TEN: i64 = 1_795_255_200;

pub fn at(seconds: i64) -> UnixNs {
    UnixNs((TEN + seconds) * 1_000_000_000)
}

pub fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(TEN + seconds).unwrap()
}

/// One host's history of a morning.
pub struct Story {
    pub name: String,
    pub processes: Vec<Process>,
    pub activities: Vec<Activity>,
    pub logins: Vec<LoginEvent>,
    pub exits: Vec<Exit>,
    pub gaps: Vec<Gap>,
    pub losses: Vec<Loss>,
    pub dns: Vec<history::DnsEvent>,
    pub operations: Vec<history::OperationEvent>,
    pub habits: Vec<history::Habit>,
    pub samples: Vec<history::FlowEvent>,
    pub recorded_from: i64,
    events: u64,
    pids: u32,
}

/// Who runs something.
#[derive(Clone, Copy)]
pub struct User(pub u32, pub &'static str);

pub const ROOT: User = User(0, "root");
pub const ALICE: User = User(1000, "alice");
pub const BOB: User = User(1001, "bob");
pub const WWW: User = User(33, "www-data");

impl Story {
    pub fn new() -> Self {
        let mut story = Self {
            name: "web-1".to_owned(),
            processes: Vec::new(),
            activities: Vec::new(),
            logins: Vec::new(),
            exits: Vec::new(),
            gaps: Vec::new(),
            losses: Vec::new(),
            dns: Vec::new(),
            operations: Vec::new(),
            habits: Vec::new(),
            samples: Vec::new(),
            recorded_from: -7200,
            events: 100,
            pids: 500,
        };
        let init = story.process(None, -90_000, ROOT, "/usr/lib/systemd/systemd", "/sbin/init");
        story.processes[0].id.tgid = 1;
        story.processes[0].seen = Seen::Snapshot;
        assert_eq!(init.tgid, 501);
        story
    }

    pub fn init(&self) -> ProcessId {
        self.processes[0].id
    }

    pub fn event(&mut self) -> u64 {
        self.events += 1;
        self.events
    }

    pub fn of(&mut self, id: ProcessId) -> &mut Process {
        self.processes.iter_mut().find(|process| process.id == id).unwrap()
    }

    /// Runs a program: it inherits session, login user and cgroup from its parent.
    pub fn process(
        &mut self,
        parent: Option<ProcessId>,
        start: i64,
        user: User,
        exe: &str,
        line: &str,
    ) -> ProcessId {
        self.pids += 1;
        let id = ProcessId {
            boot: BootId(0xb007),
            tgid: self.pids,
            start_ns: ((start + 100_000) * 1_000_000_000) as u64 + u64::from(self.pids),
            exec: 1,
        };
        let above =
            parent.and_then(|parent| self.processes.iter().find(|process| process.id == parent)).cloned();
        let name = exe.rsplit('/').next().unwrap();
        self.processes.push(Process {
            id,
            parent,
            seen: Seen::Exec,
            started: at(start),
            comm: name.chars().take(15).collect(),
            exe: exe.to_owned(),
            argv: line.split(' ').map(str::to_owned).collect(),
            env: Vec::new(),
            cwd: "/".to_owned(),
            credentials: Credentials {
                uid: user.0,
                euid: user.0,
                gid: user.0,
                egid: user.0,
                suid: user.0,
                sgid: user.0,
                fsuid: user.0,
                fsgid: user.0,
                login_uid: above.as_ref().and_then(|above| above.credentials.login_uid),
                session: above.as_ref().and_then(|above| above.credentials.session),
                capabilities: 0,
                groups: history::Groups::default(),
            },
            user: Some(user.1.to_owned()),
            login_user: above.as_ref().and_then(|above| above.login_user.clone()),
            tty: above.as_ref().and_then(|above| above.tty.clone()),
            cgroup: above.map(|above| above.cgroup).unwrap_or_else(|| "/init.scope".to_owned()),
            container: None,
            exe_inode: 42,
            script: None,
            namespaces: Default::default(),
            flags: ProcessFlags::default(),
        });
        id
    }

    /// Runs a program below another.
    pub fn run(&mut self, parent: ProcessId, start: i64, user: User, exe: &str, line: &str) -> ProcessId {
        self.process(Some(parent), start, user, exe, line)
    }

    /// A service below systemd.
    pub fn service(&mut self, unit: &str, user: User, exe: &str, line: &str) -> ProcessId {
        let init = self.init();
        let id = self.run(init, -80_000, user, exe, line);
        self.of(id).cgroup = format!("/system.slice/{unit}");
        self.of(id).seen = Seen::Snapshot;
        id
    }

    /// Somebody logs in over ssh with a key; returns the shell.
    pub fn ssh(&mut self, user: User, from: &str, start: i64) -> ProcessId {
        self.ssh_by(
            user,
            from,
            start,
            "publickey",
            Some("ED25519 SHA256:h3lPf0rT3st1ngK3yF1ngerpr1nt0123456789abcd"),
        )
    }

    pub fn ssh_by(
        &mut self,
        user: User,
        from: &str,
        start: i64,
        method: &str,
        key: Option<&str>,
    ) -> ProcessId {
        let known =
            self.processes.iter().find(|process| process.argv.join(" ").starts_with("sshd: /usr/sbin"));
        let listener = match known.map(|process| process.id) {
            Some(id) => id,
            None => self.service("ssh.service", ROOT, "/usr/sbin/sshd", "sshd: /usr/sbin/sshd -D [listener]"),
        };
        let monitor = self.run(listener, start, ROOT, "/usr/sbin/sshd", &format!("sshd: {} [priv]", user.1));
        let session =
            self.run(monitor, start + 1, user, "/usr/sbin/sshd", &format!("sshd: {}@pts/0", user.1));
        // The server's copy that acts for whom it let in.
        self.of(session).seen = Seen::Fork;
        let shell = self.run(session, start + 1, user, "/usr/bin/bash", "-bash");
        let number = 40 + start.unsigned_abs() as u32 % 1000;
        for id in [session, shell] {
            let process = self.of(id);
            process.credentials.login_uid = Some(user.0);
            process.credentials.session = Some(number);
            process.login_user = Some(user.1.to_owned());
            process.tty = Some("pts/0".to_owned());
            process.cgroup = format!("/user.slice/user-{}.slice/session-{number}.scope", user.0);
        }
        self.login(user.1, from, start, method, key, true, Some(monitor));
        shell
    }

    #[allow(clippy::too_many_arguments)]
    pub fn login(
        &mut self,
        user: &str,
        from: &str,
        when: i64,
        method: &str,
        key: Option<&str>,
        accepted: bool,
        process: Option<ProcessId>,
    ) {
        let event = self.event();
        self.logins.push(LoginEvent {
            event,
            time: at(when),
            login: Login {
                service: "sshd".to_owned(),
                user: user.to_owned(),
                method: method.to_owned(),
                accepted,
                source_address: Some(from.parse().unwrap()),
                source_port: Some(51_122),
                key: key.map(str::to_owned),
                process,
                origin: "/var/log/auth.log".to_owned(),
                ..Login::default()
            },
        });
    }

    /// What the recorder's own view of the process tree tells: a step, a job or a session.
    pub fn begun(&mut self, process: ProcessId, when: i64, login: Login) {
        let event = self.event();
        let login =
            Login { accepted: true, process: Some(process), origin: "the process tree".to_owned(), ..login };
        self.logins.push(LoginEvent { event, time: at(when), login });
    }

    /// The login that `su` or `sudo` is for the recorder.
    pub fn step(
        &mut self,
        process: ProcessId,
        when: i64,
        service: &str,
        by: &str,
        user: &str,
        command: &str,
    ) {
        let login = Login {
            service: service.to_owned(),
            user: user.to_owned(),
            method: "elevation".to_owned(),
            by: Some(by.to_owned()),
            command: Some(command.to_owned()),
            ..Login::default()
        };
        self.begun(process, when, login);
    }

    /// `sudo` below a shell; returns the program that sudo runs.
    pub fn sudo(&mut self, shell: ProcessId, start: i64, exe: &str, line: &str) -> ProcessId {
        let user = self.of(shell).credentials.uid;
        let name = self.of(shell).user.clone();
        let sudo = self.run(shell, start, ROOT, "/usr/bin/sudo", &format!("sudo {line}"));
        let process = self.of(sudo);
        process.credentials.uid = user;
        process.user = name;
        self.run(sudo, start, ROOT, exe, line)
    }

    pub fn exit(&mut self, process: ProcessId, when: i64) {
        let event = self.event();
        self.exits.push(Exit { event, process, time: at(when), code: 0, signal: 0 });
    }

    /// Traffic of a process; the closure sets what is special.
    pub fn traffic(
        &mut self,
        process: Option<ProcessId>,
        from: i64,
        to: i64,
        set: impl FnOnce(&mut Activity),
    ) {
        let (first_event, last_event) = (self.event(), self.event());
        let mut activity = Activity {
            process,
            processes: 1,
            senders: Vec::new(),
            protocol: Protocol::TCP,
            via: Via::Socket,
            direction: Direction::Out,
            flows: 1,
            matched: 0,
            addresses: 1,
            ports: 1,
            targets: 1,
            matched_ports: 0,
            states: Vec::new(),
            tcp_flags: 0,
            packets: 0,
            bytes: 0,
            bytes_received: 0,
            address_sample: Vec::new(),
            port_ranges: Vec::new(),
            local_addresses: vec!["10.0.0.5".parse().unwrap()],
            first: at(from),
            last: at(to),
            first_event,
            last_event,
        };
        set(&mut activity);
        self.activities.push(activity);
    }

    /// A scan of a thousand ports of the victim with packets of the program's own making.
    pub fn raw_scan(&mut self, process: ProcessId, from: i64, to: i64, via: Via) {
        self.traffic(Some(process), from, to, |activity| {
            activity.via = via;
            activity.flows = 1000;
            activity.matched = 1000;
            activity.ports = 1000;
            activity.targets = 1000;
            activity.matched_ports = 1000;
            activity.states = vec![(FlowState::Sent, 1000)];
            activity.tcp_flags = 2;
            activity.packets = 1003;
            activity.bytes = 44_132;
            activity.address_sample = vec![VICTIM.parse().unwrap()];
            activity.port_ranges = vec![(1, 1000)];
        });
    }

    pub fn evidence(&self, request: history::Request, answered: i64) -> Evidence {
        let end = at(answered);
        let window = Window { from: request.window.from, to: request.window.to.min(end) };
        let mut recorded = vec![Window { from: at(self.recorded_from).max(window.from), to: window.to }];
        let mut gaps = self.gaps.clone();
        if at(self.recorded_from) > window.from {
            gaps.insert(
                0,
                Gap {
                    window: Window { from: window.from, to: at(self.recorded_from) },
                    reason: "the recorder was not running".to_owned(),
                },
            );
        }
        for gap in &self.gaps {
            let Window { from, to } = recorded.pop().unwrap();
            recorded.push(Window { from, to: gap.window.from });
            recorded.push(Window { from: gap.window.to, to });
        }
        let mut activities = self.activities.clone();
        activities.sort_by_key(|activity| std::cmp::Reverse((activity.matched, activity.targets)));
        Evidence {
            version: VERSION,
            host: Host {
                hostname: self.name.clone(),
                kernel: "6.1.0".to_owned(),
                recorder: "0.1.0".to_owned(),
                instance_id: None,
            },
            request,
            answered: end,
            coverage: Coverage {
                window,
                recorded,
                gaps,
                losses: self.losses.clone(),
                oldest: Some(at(-7200)),
                events_searched: 48_211,
            },
            activities,
            processes: self.processes.clone(),
            exits: self.exits.clone(),
            logins: self.logins.clone(),
            samples: self.samples.clone(),
            dns: self.dns.clone(),
            operations: self.operations.clone(),
            habits: self.habits.clone(),
            omitted: Vec::new(),
        }
    }

    /// A process does something to the kernel.
    pub fn operation(&mut self, process: ProcessId, when: i64, kind: history::OperationKind, detail: &str) {
        let event = self.event();
        let operation = history::Operation { process: Some(process), kind, detail: detail.to_owned() };
        self.operations.push(history::OperationEvent { event, time: at(when), operation });
    }

    /// A process asks a resolver for a name's address, which is told or not.
    pub fn asks(&mut self, process: ProcessId, when: i64, resolver: &str, name: &str, told: &[&str]) {
        let remote = history::Endpoint { address: resolver.parse().unwrap(), port: 53 };
        let question = history::Dns {
            process: Some(process),
            remote: Some(remote),
            sent: true,
            answer: false,
            name: name.to_owned(),
            kind: 1,
            code: 0,
            addresses: Vec::new(),
            names: Vec::new(),
        };
        let answer = history::Dns {
            sent: false,
            answer: true,
            code: if told.is_empty() { 3 } else { 0 },
            addresses: told.iter().map(|address| address.parse().unwrap()).collect(),
            ..question.clone()
        };
        for dns in [question, answer] {
            let event = self.event();
            self.dns.push(history::DnsEvent { event, time: at(when), dns });
        }
        self.traffic(Some(process), when, when, |activity| {
            activity.protocol = Protocol::UDP;
            activity.states = vec![(FlowState::Sent, 1)];
            activity.address_sample = vec![resolver.parse().unwrap()];
            activity.port_ranges = vec![(53, 53)];
        });
    }

    /// A flow of a process to the victim that an answer names singly.
    pub fn sample(&mut self, process: ProcessId, when: i64, local_port: u16, port: u16, state: FlowState) {
        let event = self.event();
        let flow = history::Flow {
            owner: Some(process),
            sender: None,
            protocol: Protocol::TCP,
            via: Via::Socket,
            direction: Direction::Out,
            state,
            local: history::Endpoint { address: "10.0.0.5".parse().unwrap(), port: local_port },
            remote: history::Endpoint { address: VICTIM.parse().unwrap(), port },
            packets: 1,
            bytes: 60,
            bytes_received: 0,
            tcp_flags: 0,
            first: at(when),
            last: at(when),
        };
        self.samples.push(history::FlowEvent { event, flow });
    }

    pub fn gap(&mut self, from: i64, to: i64) {
        let window = Window { from: at(from), to: at(to) };
        self.gaps.push(Gap { window, reason: "the recorder was stopped".to_owned() });
    }

    pub fn loss(&mut self, class: LossClass, count: u64, from: i64, to: i64) {
        self.losses.push(Loss { class, count, window: Window { from: at(from), to: at(to) } });
    }
}

/// An accusation of scanning the victim, between two times.
pub fn accused(from: i64, to: i64) -> Claim {
    Claim {
        accused: Accused { instance_ids: vec![INSTANCE.to_owned()], ..Accused::default() },
        remote: vec![Remote {
            address: VICTIM.parse().unwrap(),
            port: None,
            protocol: Some(ClaimProtocol::Tcp),
        }],
        names: Vec::new(),
        window: Some(ClaimWindow { from: time(from), to: time(to), zone: ZoneSource::Explicit }),
        activity: Accusation::PortScan,
    }
}

pub fn case(claims: Vec<Claim>) -> Case {
    Case {
        id: CaseId("GS-20261121-7F3A".to_owned()),
        opened: time(1800),
        notices: vec![NoticeRef {
            digest: "0".repeat(64),
            received: time(1800),
            format: "aws_email".to_owned(),
            reporter_case: Some("12345678901".to_owned()),
            warnings: Vec::new(),
            aside: None,
        }],
        claims,
        deadline: Some(time(1800 + 86_400)),
    }
}

pub fn host_ref() -> HostRef {
    HostRef {
        instance_id: Some(INSTANCE.to_owned()),
        account: Some("111122223333".to_owned()),
        region: Some("eu-central-1".to_owned()),
        name: Some("web-1".to_owned()),
        state: Some("running".to_owned()),
        tags: [("Owner".to_owned(), "shop-team".to_owned())].into(),
        private_addresses: vec!["10.0.0.5".parse().unwrap()],
        public_addresses: vec!["203.0.113.10".parse().unwrap()],
        launched: None,
        image: None,
        why: "holds 203.0.113.10 now".to_owned(),
    }
}

pub fn located() -> Located {
    Located { hosts: vec![host_ref()], notes: Vec::new() }
}

/// What the story's host answers at half past ten.
pub fn answer(story: &Story, claim: &Claim) -> HostAnswer {
    let request = request_for(claim, PLAYBOOKS.for_claim(claim), time(1810));
    let evidence = story.evidence(request.clone(), 1811);
    HostAnswer {
        host: host_ref(),
        request,
        asked: time(1810),
        answered: time(1812),
        answer: Answer::evidence(evidence),
    }
}

/// The whole way: one claim, one host.
pub fn report_of(story: &Story, claim: Claim) -> Report {
    let answers = [answer(story, &claim)];
    report_with(vec![claim], located(), &answers)
}

pub fn report_with(claims: Vec<Claim>, located: Located, answers: &[HostAnswer]) -> Report {
    report::build(&case(claims), &located, answers, &PLAYBOOKS, time(1815))
}

/// Ordinary life on the host: a web server, a cron job, another user's curl.
pub fn noise(story: &mut Story) {
    let nginx = story.service("nginx.service", WWW, "/usr/sbin/nginx", "nginx: worker process");
    story.traffic(Some(nginx), -3000, 1800, |activity| {
        activity.direction = Direction::In;
        activity.flows = 512;
        activity.addresses = 200;
        activity.targets = 512;
        activity.ports = 400;
        activity.states = vec![(FlowState::Closed, 512)];
    });
    let shell = story.ssh(BOB, "192.0.2.77", -600);
    let curl = story.run(shell, 130, BOB, "/usr/bin/curl", "curl -sS https://www.example.com/");
    story.traffic(Some(curl), 130, 131, |activity| {
        activity.states = vec![(FlowState::Closed, 1)];
        activity.address_sample = vec!["203.0.113.80".parse::<IpAddr>().unwrap()];
        activity.port_ranges = vec![(443, 443)];
        activity.bytes = 600;
        activity.bytes_received = 12_000;
    });
}
