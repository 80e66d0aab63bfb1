//! The recorder in this machine's kernel, against real programs: who sent what, counted exactly.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Child;
use std::process::Output;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use history::Activity;
use history::Body;
use history::Direction;
use history::Evidence;
use history::FlowState;
use history::LossClass;
use history::Process;
use history::Protocol;
use history::Request;
use history::UnixNs;
use history::VERSION;
use history::Via;
use history::Window;
use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use tests::facts;
use tests::lab::LAPTOP;
use tests::lab::Lab;
use tests::lab::VICTIM;
use tests::lab::output_within;
use tests::lab::wait_until;
use tests::lab::wait_within;
use tests::story::Programs;

const RING: &str = "/var/lib/host-recorder";
pub(super) const COMMAND_MAX: Duration = Duration::from_secs(60);

/// A lab whose instance records.
pub(super) struct Recording {
    pub(super) lab: Lab,
    pub(super) recorder: Child,
    since: UnixNs,
    runs: u32,
}

impl Recording {
    pub(super) fn begin() -> anyhow::Result<Self> {
        Self::begin_in(Lab::up()?)
    }

    pub fn begin_in(lab: Lab) -> anyhow::Result<Self> {
        Self::begin_with(lab, &[])
    }

    pub(super) fn begin_with(lab: Lab, arguments: &[&str]) -> anyhow::Result<Self> {
        lab.instance().install(&Programs::recorder()?, "/usr/bin/host-recorder")?;
        let recorder = start(&lab, 1, arguments)?;
        Ok(Self { lab, recorder, since: UnixNs::now(), runs: 1 })
    }

    /// Runs one line as alice, logged in over ssh.
    pub(super) fn alice(&self, line: &str) -> anyhow::Result<Output> {
        let output = self.lab.ssh("alice", line, COMMAND_MAX)?;
        ensure!(output.status.success(), "{line}: {output:?}");
        Ok(output)
    }

    /// Runs a Python program on the instance as root, outside any session.
    pub(super) fn python(&self, program: &str) -> anyhow::Result<()> {
        let mut command = self.lab.instance().command("python3")?;
        command.args(["-c", program]);
        let output = output_within("python3", &mut command, COMMAND_MAX)?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Waits until what reaches sockets is seen, which takes a moment from when a program can first be reached.
    pub(super) fn await_receiving(&self) -> anyhow::Result<()> {
        let status = self.ring().join("status.json");
        wait_until("the hook for what is received", Duration::from_secs(10), || {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let status: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let mut hooks = status["hooks"].as_array().into_iter().flatten();
            hooks.any(|hook| hook["name"] == "cgroup/skb_ingress" && hook["state"] == "in_use")
        })
    }

    pub(super) fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        kill(Pid::from_raw(self.recorder.id().try_into()?), signal)?;
        wait_within("the recorder", &mut self.recorder, COMMAND_MAX)?;
        Ok(())
    }

    pub(super) fn restart(&mut self) -> anyhow::Result<()> {
        self.runs += 1;
        self.recorder = start(&self.lab, self.runs, &[])?;
        Ok(())
    }

    pub(super) fn ring(&self) -> PathBuf {
        self.lab.instance().path(RING)
    }

    /// Stops the recorder, so that all is on disk, and asks for everything since it started.
    pub(super) fn evidence(&mut self) -> anyhow::Result<Evidence> {
        self.evidence_for(|_| {})
    }

    /// The same for a narrower question.
    pub(super) fn evidence_for(&mut self, narrow: impl FnOnce(&mut Request)) -> anyhow::Result<Evidence> {
        let window = Window { from: self.since, to: UnixNs::now() };
        self.signal(Signal::SIGTERM)?;
        let mut request = Request {
            version: VERSION,
            window,
            remotes: vec![],
            ports: vec![],
            protocol: None,
            names: vec![],
            who: history::Who::default(),
        };
        narrow(&mut request);
        Ok(history::query(&self.ring(), &request, history::Host::default())?)
    }
}

fn start(lab: &Lab, run: u32, arguments: &[&str]) -> anyhow::Result<Child> {
    let instance = lab.instance();
    let mut command = instance.command("/usr/bin/host-recorder")?;
    command.args(["record", "--ring", RING, "--cgroup"]).arg(instance.cgroup().path()).args(arguments);
    let name = format!("host-recorder-{run}");
    let child = lab.spawn_daemon(&name, command)?;
    let log = lab.dir().join(format!("{name}.log"));
    let said = || fs::read_to_string(&log).unwrap_or_default();
    wait_until("the recorder", Duration::from_secs(30), || said().lines().any(|line| line == "recording"))
        .with_context(said)?;
    Ok(child)
}

/// Runs a line on the instance as root.
pub(super) fn shell(lab: &Lab, line: &str) -> anyhow::Result<()> {
    let mut command = lab.instance().command("sh")?;
    command.args(["-c", line]);
    let output = output_within(line, &mut command, COMMAND_MAX)?;
    ensure!(output.status.success(), "{line}: {output:?}");
    Ok(())
}

/// The activity of the one program of that name with that protocol and kind of socket.
fn activity<'a>(
    evidence: &'a Evidence,
    name: &str,
    protocol: Protocol,
    via: Via,
) -> (&'a Activity, &'a Process) {
    let process = |activity: &Activity| {
        let id = activity.process?;
        evidence.processes.iter().find(|process| process.id == id)
    };
    let of_name = |process: &&Process| process.argv.first().is_some_and(|program| program.ends_with(name));
    let mut found = evidence
        .activities
        .iter()
        .filter(|activity| activity.protocol == protocol && activity.via == via)
        .filter_map(|activity| Some((activity, process(activity).filter(of_name)?)));
    let first = found.next().unwrap_or_else(|| panic!("no {name}:\n{}", history::text(evidence)));
    assert!(found.next().is_none(), "{name} twice:\n{}", history::text(evidence));
    first
}

/// The processes from one up to the first.
pub(super) fn chain<'a>(evidence: &'a Evidence, of: &'a Process) -> Vec<&'a Process> {
    let mut chain = vec![of];
    while let Some(parent) = chain.last().and_then(|process| process.parent) {
        match evidence.processes.iter().find(|process| process.id == parent) {
            Some(parent) => chain.push(parent),
            None => break,
        }
    }
    chain
}

/// Checks that a process ran as root for alice, in a session that began by key from the laptop.
fn check_alice(evidence: &Evidence, process: &Process) {
    assert_eq!((process.credentials.uid, process.user.as_deref()), (0, Some("root")));
    assert_eq!(process.login_user.as_deref(), Some("alice"));
    let chain = chain(evidence, process);
    let login = evidence
        .logins
        .iter()
        .find(|event| event.login.process.is_some_and(|id| chain.iter().any(|one| one.id.same_process(&id))))
        .unwrap_or_else(|| panic!("no login in the chain:\n{}", history::text(evidence)));
    assert_eq!(login.login.user, "alice");
    assert_eq!(login.login.source_address, Some(IpAddr::V4(LAPTOP)));
    assert_eq!(login.login.method, "publickey");
    assert!(login.login.key.as_deref().is_some_and(|key| key.starts_with("ED25519 SHA256:")));
    assert!(login.login.accepted);
}

#[test]
fn scanners_by_every_kind_of_socket_are_attributed_and_counted() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    let before = recording.lab.seen()?;
    assert!(before.tcp_ports.is_empty());
    recording.alice(&format!("sudo masscan -p1001-2500 {VICTIM} --rate 4000 --wait 0"))?;
    recording.alice(&format!("sudo nmap -n -Pn -sS -p3001-3700 {VICTIM}"))?;
    recording.alice(&format!("nmap -n -Pn -sT -p4001-4300 {VICTIM}"))?;
    recording.alice(&format!("sudo nmap -n -Pn -sU --max-retries 0 -p5001-5040 {VICTIM}"))?;
    recording.alice(&format!("sudo hping3 -q -S -p 6001 -c 40 -i u2000 {VICTIM} || true"))?;
    let seen = recording.lab.seen()?;
    let evidence = recording.evidence()?;
    assert!(facts::traffic_is_complete(&evidence.coverage), "{:?}", evidence.coverage);

    let (masscan, process) = activity(&evidence, "masscan", Protocol::TCP, Via::Packet);
    assert_eq!(masscan.port_ranges, [(1001, 2500)]);
    // masscan answers refusals with resets of its own, to the same ports.
    assert_eq!(masscan.targets, 1_500);
    assert!(masscan.packets >= 1_500);
    check_alice(&evidence, process);
    let (syn, process) = activity(&evidence, "nmap", Protocol::TCP, Via::RawIp);
    assert_eq!(syn.port_ranges, [(3001, 3700)]);
    assert_eq!(syn.tcp_flags, 0x02, "only SYN");
    check_alice(&evidence, process);
    assert!(process.argv.contains(&"-sS".to_owned()));
    let (connect, process) = activity(&evidence, "nmap", Protocol::TCP, Via::Socket);
    assert_eq!(connect.port_ranges, [(4001, 4300)]);
    assert_eq!(connect.states, [(FlowState::Refused, 300)]);
    assert_eq!(process.user.as_deref(), Some("alice"), "no sudo here");
    let (udp, _) = activity(&evidence, "nmap", Protocol::UDP, Via::RawIp);
    assert_eq!(udp.port_ranges, [(5001, 5040)]);
    let (hping, process) = activity(&evidence, "hping3", Protocol::TCP, Via::RawIp);
    assert_eq!((hping.packets, hping.targets), (40, 1));
    check_alice(&evidence, process);

    // The victim saw exactly what the history says.
    let recorded: u64 = masscan.targets + syn.targets + connect.targets + hping.targets;
    let arrived = seen.tcp_ports.iter().filter(|port| **port > 1_000).count() as u64;
    assert_eq!(recorded, arrived);
    assert_eq!(udp.targets, seen.udp_ports.iter().filter(|port| **port > 5_000).count() as u64);
    Ok(())
}

#[test]
fn one_flow_is_counted_to_the_packet_and_passed_sockets_name_both() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    recording.python(&format!(
        "import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n\
         for i in range(20000): s.sendto(b'x'*100,('{VICTIM}',7001))"
    ))?;
    // The parent makes the socket, the child, another process, sends through it.
    recording.python(&format!(
        "import os,socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.set_inheritable(True)\n\
         if os.fork()==0:\n os.execvp('python3',['python3','-c','import socket,sys;socket.socket(fileno=int(sys.argv[1])).sendto(b\"x\",(\"{VICTIM}\",7002))',str(s.fileno())])\n\
         os.wait()"
    ))?;
    recording.python(
        "import socket\ns=socket.socket(socket.AF_INET6,socket.SOCK_DGRAM)\n\
         for i in range(300): s.sendto(b'x'*10,('::1',7003))",
    )?;
    let evidence = recording.evidence()?;
    let of_port = |port: u16| {
        let mut found = evidence.activities.iter().filter(|activity| activity.port_ranges == [(port, port)]);
        let one = found.next().unwrap_or_else(|| panic!("{port}:\n{}", history::text(&evidence)));
        assert!(found.next().is_none(), "{port} twice");
        one
    };
    assert_eq!((of_port(7001).packets, of_port(7001).bytes), (20_000, 20_000 * 128));
    let passed = of_port(7002);
    assert_eq!(passed.senders.len(), 1);
    let sender = evidence.processes.iter().find(|process| process.id == passed.senders[0]);
    let sender = sender.context("the sender is not told")?;
    assert_eq!(sender.parent.map(|id| id.tgid), passed.process.map(|id| id.tgid));
    assert_eq!(of_port(7003).packets, 300);
    assert_eq!(of_port(7003).address_sample, ["::1".parse::<IpAddr>()?]);
    Ok(())
}

#[test]
fn connections_that_follow_each_other_at_once_are_told_apart() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    // The kernel takes a socket's memory for the next one as soon as it is closed.
    recording.python(
        "import os,socket\nserver=socket.create_server(('127.0.0.1',7100),backlog=128)\n\
         if os.fork()==0:\n\
         \x20for _ in range(2000): server.accept()[0].close()\n\
         \x20os._exit(0)\n\
         for _ in range(40):\n\
         \x20held=[socket.create_connection(('127.0.0.1',7100)) for _ in range(50)]\n\
         \x20for one in held: one.recv(1); one.close()\n\
         os.wait()",
    )?;
    let evidence = recording.evidence()?;
    // Ends of which a hook that interrupts itself is not told are counted as lost; none is another connection's.
    for (direction, closed_least) in [(Direction::Out, 1990), (Direction::In, 1800)] {
        let found = evidence.activities.iter().filter(|activity| activity.direction == direction);
        let found: Vec<&Activity> = found.filter(|activity| activity.flows >= 1000).collect();
        let [one] = found[..] else { panic!("{direction:?}: {}", history::text(&evidence)) };
        let closed =
            one.states.iter().find(|(state, _)| *state == FlowState::Closed).map_or(0, |(_, count)| *count);
        assert!((closed_least..=2000).contains(&closed), "{direction:?}: {:?}", one.states);
        // The port itself was chosen, and listened on.
        assert!((2000..=2002).contains(&one.flows), "{direction:?}: {:?}", one.states);
    }
    Ok(())
}

#[test]
fn flows_of_one_packet_and_of_few_are_counted_alike() -> anyhow::Result<()> {
    const FEW: u64 = 200;
    const SINGLE: u64 = 3_000;
    let mut recording = Recording::begin()?;
    // Two of different sizes to each, one after the other; then one more to some, after many flows of one packet that
    // want the same places.
    recording.python(&format!(
        "import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n\
         for i in range({FEW}): s.sendto(b'a'*10,('{VICTIM}',7301+i)); s.sendto(b'b'*20,('{VICTIM}',7301+i))\n\
         for i in range({SINGLE}): s.sendto(b'c',('{VICTIM}',20000+i))\n\
         for i in range(50): s.sendto(b'd'*30,('{VICTIM}',7301+i))"
    ))?;
    // A child goes on with the flow that its parent began.
    recording.python(&format!(
        "import os,socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.sendto(b'e',('{VICTIM}',7290))\n\
         if os.fork()==0:\n [s.sendto(b'f'*2,('{VICTIM}',7290)) for _ in range(3)]\n os._exit(0)\n\
         os.wait()\ns.sendto(b'e',('{VICTIM}',7290))"
    ))?;
    let evidence = recording.evidence()?;
    let text = || history::text(&evidence);
    let to = |port: u16| evidence.activities.iter().filter(move |activity| activity.port_ranges[0].0 == port);
    let scan = to(7301).next().with_context(text)?;
    assert_eq!((scan.targets, scan.packets), (FEW + SINGLE, 2 * FEW + SINGLE + 50), "{}", text());
    assert_eq!(scan.bytes, FEW * (38 + 48) + SINGLE * 29 + 50 * 58, "{}", text());
    // One whose place another took meanwhile is told as two.
    assert!((FEW + SINGLE..=FEW + SINGLE + 50).contains(&scan.flows), "{}", text());
    let sum = |of: fn(&Activity) -> u64| to(7290).map(of).sum::<u64>();
    assert_eq!((sum(|one| one.packets), sum(|one| one.bytes)), (5, 2 * 29 + 3 * 30), "{}", text());
    let senders: Vec<_> = to(7290).flat_map(|one| &one.senders).collect();
    assert_eq!(senders.len(), 1, "{}", text());
    let child = evidence.processes.iter().find(|process| process.id == *senders[0]).context("the child")?;
    assert_eq!(child.parent, to(7290).next().and_then(|one| one.process));
    Ok(())
}

#[test]
fn datagrams_that_are_split_on_their_way_are_counted_as_sent() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    // Ten datagrams of 100 bytes handed over at once (UDP_SEGMENT), then five by themselves.
    recording.python(&format!(
        "import socket\n\
         s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); to=('{VICTIM}',7201)\n\
         s.setsockopt(17,103,100); s.sendto(b'g'*1000,to)\n\
         s.setsockopt(17,103,0); [s.sendto(b'g'*100,to) for _ in range(5)]"
    ))?;
    let evidence = recording.evidence()?;
    let (sent, _) = activity(&evidence, "python3", Protocol::UDP, Via::Socket);
    assert_eq!((sent.packets, sent.bytes), (15, 15 * 128), "{}", history::text(&evidence));
    Ok(())
}

#[test]
fn programs_without_a_file_are_marked() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    let knock = |port: u16| format!("'knock','-c','echo > /dev/tcp/{VICTIM}/{port}; true'");
    recording.python(&format!(
        "import os,shutil\nf=os.memfd_create('hidden')\nos.write(f,open('/bin/bash','rb').read())\n\
         os.execve(f,[{}],os.environ)",
        knock(8001)
    ))?;
    recording.python(&format!(
        "import os,shutil\nshutil.copy('/bin/bash','/tmp/gone')\nf=os.open('/tmp/gone',os.O_RDONLY)\n\
         os.unlink('/tmp/gone')\nos.execve(f,[{}],os.environ)",
        knock(8002)
    ))?;
    let evidence = recording.evidence()?;
    let by_port: BTreeMap<u16, &Process> = evidence
        .activities
        .iter()
        .filter_map(|activity| {
            let process = evidence.processes.iter().find(|process| Some(process.id) == activity.process)?;
            Some((activity.port_ranges.first()?.0, process))
        })
        .collect();
    let hidden = by_port.get(&8001).context("memfd")?;
    assert!(hidden.flags.exe_memfd, "{hidden:?}");
    assert_eq!(hidden.exe, "memfd:hidden");
    let gone = by_port.get(&8002).context("deleted")?;
    assert!(gone.flags.exe_deleted, "{gone:?}");
    assert_eq!(gone.exe, "/tmp/gone");
    Ok(())
}

#[test]
fn a_storm_of_programs_loses_no_identity() -> anyhow::Result<()> {
    const PROGRAMS: usize = 3_000;
    let mut recording = Recording::begin()?;
    recording.python(&format!(
        "import os\nfor i in range({PROGRAMS}):\n p=os.posix_spawn('/bin/true',['true','storm-%d'%i],{{}})\n os.waitpid(p,0)"
    ))?;
    recording.signal(Signal::SIGTERM)?;
    let events = history::events(&recording.ring())?;
    let mut ended = 0;
    let mut executed = std::collections::BTreeSet::new();
    let mut ids = std::collections::BTreeSet::new();
    for event in &events {
        match &event.body {
            Body::Process(process) => {
                if let Some(mark) = process.argv.iter().find(|word| word.starts_with("storm-")) {
                    executed.insert(mark.clone());
                    ids.insert(process.id);
                }
            }
            Body::Exit { process, code: 0, .. } if ids.contains(process) => ended += 1,
            // Another program of this host may ask for a name, and the first question is counted as lost.
            Body::Loss { class: LossClass::Dns | LossClass::Received, .. } => {}
            Body::Loss { class, count, .. } => panic!("{count} {class:?} events lost"),
            _ => {}
        }
    }
    assert_eq!(executed.len(), PROGRAMS);
    assert_eq!(ids.len(), PROGRAMS, "each program has an identity of its own");
    assert_eq!(ended, PROGRAMS);
    Ok(())
}

#[test]
fn a_killed_recorder_leaves_its_history_and_a_gap() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    recording.alice(&format!("sudo nmap -n -Pn -sS -p3001-3050 {VICTIM}"))?;
    // What is a second old is on disk.
    let ring = recording.ring();
    wait_until("the scan in the ring", Duration::from_secs(10), || {
        history::events(&ring).is_ok_and(|events| {
            let scanned = |body: &Body| match body {
                Body::Flow(flow) => flow.remote.port == 3_050,
                Body::Targets(targets) => {
                    targets.remotes.endpoints().iter().any(|remote| remote.port == 3_050)
                }
                _ => false,
            };
            events.iter().any(|event| scanned(&event.body))
        })
    })?;
    recording.signal(Signal::SIGKILL)?;
    recording.alice(&format!("sudo nmap -n -Pn -sS -p3101-3150 {VICTIM}"))?;
    recording.restart()?;
    recording.alice(&format!("sudo nmap -n -Pn -sS -p3201-3250 {VICTIM}"))?;
    let evidence = recording.evidence()?;
    let ports: Vec<_> =
        evidence.activities.iter().flat_map(|activity| activity.port_ranges.clone()).collect();
    assert!(ports.contains(&(3001, 3050)) && ports.contains(&(3201, 3250)), "{ports:?}");
    assert!(!ports.contains(&(3101, 3150)), "nobody recorded that");
    assert!(!evidence.coverage.complete());
    assert_eq!(evidence.coverage.gaps.len(), 1, "{:?}", evidence.coverage);
    assert!(evidence.coverage.gaps[0].reason.contains("killed"), "{:?}", evidence.coverage.gaps);
    // The second run reads the log from its beginning, and tells of each login once.
    let remote = evidence.logins.iter().filter_map(|event| event.login.source_port);
    let mut sources: Vec<u16> = remote.clone().collect();
    sources.sort_unstable();
    sources.dedup();
    assert_eq!(sources.len(), remote.count(), "{:?}", evidence.logins);
    Ok(())
}

#[test]
fn what_happened_a_moment_ago_is_in_the_answer() -> anyhow::Result<()> {
    let recording = Recording::begin()?;
    for round in 0..4u16 {
        let first = 11_001 + round * 100;
        let from = UnixNs::now().to_string();
        recording.alice(&format!("nmap -n -Pn -sT -p{first}-{} {VICTIM}", first + 49))?;
        let mut query = recording.lab.instance().command("/usr/bin/host-recorder")?;
        query.args(["query", "--from", &from, "--json", "--remote", &VICTIM.to_string()]);
        let output = output_within("host-recorder query", &mut query, COMMAND_MAX)?;
        let evidence: Evidence = serde_json::from_slice(&output.stdout)?;
        assert!(facts::traffic_is_complete(&evidence.coverage), "round {round}: {:?}", evidence.coverage);
        let (scan, _) = activity(&evidence, "nmap", Protocol::TCP, Via::Socket);
        assert_eq!(scan.port_ranges, [(first, first + 49)], "round {round}");
    }
    Ok(())
}

#[test]
fn a_login_that_no_log_tells_of_is_told_by_its_connection() -> anyhow::Result<()> {
    let mut recording = Recording::begin_with(Lab::up()?, &["--login-log", "/nowhere"])?;
    recording.alice(&format!("sudo nmap -n -Pn -sS -p3001-3050 {VICTIM}"))?;
    // Told at the latest when the recorder ends: the logs are given some time to tell first.
    let evidence = recording.evidence()?;
    let (_, process) = activity(&evidence, "nmap", Protocol::TCP, Via::RawIp);
    let chain = chain(&evidence, process);
    let mut remote = evidence.logins.iter().map(|event| &event.login).filter(|login| login.service == "sshd");
    let login = remote.next().with_context(|| format!("{:?}", evidence.logins))?;
    assert!(remote.next().is_none(), "{:?}", evidence.logins);
    assert_eq!(login.user, "alice");
    assert_eq!((login.source_address, login.method.as_str()), (Some(IpAddr::V4(LAPTOP)), "unknown"));
    assert!(login.process.is_some_and(|id| chain.iter().any(|process| process.id.same_process(&id))));
    Ok(())
}

#[test]
fn failed_logins_are_recorded_with_their_source() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    let mut knock = recording.lab.laptop().command("ssh")?;
    knock.args([
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "BatchMode=yes",
    ]);
    knock.args(["-o", "PreferredAuthentications=none,password", "mallory@10.0.1.10", "true"]);
    let output = output_within("ssh", &mut knock, COMMAND_MAX)?;
    assert!(!output.status.success());
    recording.alice("true")?;
    let ring = recording.ring();
    wait_until("the logins in the ring", Duration::from_secs(10), || {
        history::events(&ring).is_ok_and(|events| {
            events.iter().any(|event| matches!(&event.body, Body::Login(login) if login.accepted))
        })
    })?;
    let evidence = recording.evidence()?;
    let alice = evidence.logins.iter().find(|event| event.login.user == "alice").context("alice")?;
    assert!(alice.login.accepted);
    assert_eq!(alice.login.source_address, Some(IpAddr::V4(LAPTOP)));
    let lost = evidence.coverage.losses.iter().filter(|loss| loss.class == LossClass::Login).count();
    assert_eq!(lost, 0);
    Ok(())
}

#[test]
fn a_full_disk_loses_nothing_and_never_stops_the_recorder() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    shell(&lab, &format!("mkdir -p {RING} && mount -t tmpfs -o size=2m none {RING}"))?;
    let mut recording = Recording::begin_in(lab)?;
    shell(&recording.lab, &format!("dd if=/dev/zero of={RING}/filler bs=4k 2>/dev/null; true"))?;
    // More than a page, so that the log must grow.
    recording.python(
        "import os\nfor i in range(200):\n\
         \x20os.waitpid(os.posix_spawn('/bin/true',['true','mark%d' % i,'x'*3000],{}),0)",
    )?;
    let said = || fs::read_to_string(recording.lab.dir().join("host-recorder-1.log")).unwrap_or_default();
    wait_until("the disk to be full", Duration::from_secs(20), || said().contains("cannot be written"))?;
    shell(&recording.lab, &format!("rm {RING}/filler"))?;
    wait_until("the ring to be written", Duration::from_secs(20), || said().contains("is written again"))?;
    let evidence = recording.evidence()?;
    assert!(facts::traffic_is_complete(&evidence.coverage), "{:?}", evidence.coverage);
    let events = history::events(&recording.ring())?;
    let marked = |event: &&history::Event| match &event.body {
        Body::Process(process) => process.argv.get(1).is_some_and(|mark| mark.starts_with("mark")),
        _ => false,
    };
    assert_eq!(events.iter().filter(marked).count(), 200);
    Ok(())
}

/// More than what may wait for a disk is lost, and said: how many, since when, and why.
#[test]
fn what_a_full_disk_makes_it_lose_is_counted_with_its_reason() -> anyhow::Result<()> {
    const PROGRAMS: usize = 3_000;
    let lab = Lab::up()?;
    shell(&lab, &format!("mkdir -p {RING} && mount -t tmpfs -o size=96m none {RING}"))?;
    let mut recording = Recording::begin_in(lab)?;
    shell(&recording.lab, &format!("dd if=/dev/zero of={RING}/filler bs=64k 2>/dev/null; true"))?;
    // Together more than the 16 MiB that may wait in memory.
    recording.python(&format!(
        "import os\nfor i in range({PROGRAMS}):\n\
         \x20os.waitpid(os.posix_spawn('/bin/true',['true','mark%d' % i,'x'*12000],{{}}),0)",
    ))?;
    let said = || fs::read_to_string(recording.lab.dir().join("host-recorder-1.log")).unwrap_or_default();
    wait_until("events to be lost", Duration::from_secs(20), || said().contains("events are being lost"))?;
    let before = UnixNs::now();
    shell(&recording.lab, &format!("rm {RING}/filler"))?;
    wait_until("the ring to be written", Duration::from_secs(20), || said().contains("is written again"))?;
    recording.python("import os\nos.waitpid(os.posix_spawn('/bin/true',['true','after'],{}),0)")?;
    let evidence = recording.evidence()?;
    let told = |events: &[history::Event], mark: &str| {
        let marked = |event: &&history::Event| match &event.body {
            Body::Process(process) => process.argv.get(1).is_some_and(|it| it.starts_with(mark)),
            _ => false,
        };
        events.iter().filter(marked).count()
    };
    let events = history::events(&recording.ring())?;
    let missing = PROGRAMS - told(&events, "mark");
    assert!(missing > 0 && told(&events, "after") == 1, "{missing} are missing");
    let lost: Vec<_> = evidence.coverage.losses.iter().filter(|loss| loss.class == LossClass::Disk).collect();
    // Each program is begun, executed and ended; what else the host did meanwhile is little.
    let count: u64 = lost.iter().map(|loss| loss.count).sum();
    assert!(count >= missing as u64 && count < 4 * missing as u64 + 500, "{missing} are missing: {lost:?}");
    assert!(lost.iter().all(|loss| loss.window.from < before && loss.window.to <= UnixNs::now()), "{lost:?}");
    assert!(!evidence.coverage.complete());
    let status: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(recording.ring().join("status.json"))?)?;
    assert_eq!(status["lost"]["disk"], count, "{status:#}");
    Ok(())
}
