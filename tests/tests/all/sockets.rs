//! What sockets do that no ordinary client does: names asked for, questions from outside, packets past the queues,
//! io_uring, and sockets that are older than the recorder.

use std::collections::HashSet;
use std::net::IpAddr;

use anyhow::Context;
use history::Activity;
use history::Body;
use history::Direction;
use history::Event;
use history::Evidence;
use history::FlowState;
use history::LossClass;
use history::Operation;
use history::OperationKind;
use history::Process;
use history::ProcessId;
use history::Protocol;
use history::Via;
use tests::lab::INSTANCE_PUBLIC;
use tests::lab::Lab;
use tests::lab::VICTIM;
use tests::lab::output_within;
use tests::lab::wait_until;

use super::recorder::COMMAND_MAX;
use super::recorder::Recording;

/// A frame of UDP to the victim's port, and its sending through a packet socket, in Python.
const FRAMES: &str = r#"
import mmap, os, socket, struct, sys
def frame(port):
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 28, 1, 0, 64, 17, 0, socket.inet_aton('192.0.2.99'), socket.inet_aton(VICTIM))
    return b'\xff' * 6 + b'\x02\0\0\0\0\x01' + b'\x08\x00' + ip + struct.pack('!HHHH', 5555, port, 8, 0)
device = [name for _, name in socket.if_nameindex() if name != 'lo'][0]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
"#;

fn frames(program: &str) -> String {
    format!("VICTIM='{VICTIM}'\n{FRAMES}{program}")
}

/// The activities to or from one port.
fn of_port(evidence: &Evidence, port: u16) -> Vec<&Activity> {
    evidence.activities.iter().filter(|activity| activity.port_ranges == [(port, port)]).collect()
}

fn process(evidence: &Evidence, id: Option<ProcessId>) -> anyhow::Result<&Process> {
    let found = evidence.processes.iter().find(|process| Some(process.id) == id);
    found.with_context(|| format!("no process {id:?}:\n{}", history::text(evidence)))
}

fn operation(evidence: &Evidence, kind: OperationKind) -> anyhow::Result<&Operation> {
    let mut found = evidence.operations.iter().map(|event| &event.operation);
    found
        .find(|operation| operation.kind == kind)
        .with_context(|| format!("no {kind:?}:\n{}", history::text(evidence)))
}

fn events(recording: &Recording) -> anyhow::Result<Vec<Event>> {
    Ok(history::events(&recording.ring())?)
}

#[test]
fn names_that_are_asked_for_and_their_answers_are_recorded() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    // The first question may be answered before its answer is looked for, and is then counted.
    recording.alice("dig +tries=2 @10.0.0.2 first.example.net >/dev/null; true")?;
    recording.await_receiving()?;
    // Asked by a program of its own, with the query and its reading left to the program.
    recording.alice(
        "dig +tries=2 @10.0.0.2 Victim.Example.net A +noall +answer | grep -q 198.51.100.20 && \
         dig +tries=2 @10.0.0.2 nothing.example.net AAAA | grep -q NXDOMAIN",
    )?;
    recording.python(&format!(
        "import socket\nsocket.socket(socket.AF_INET,socket.SOCK_DGRAM).sendto(b'x',('{VICTIM}',7053))"
    ))?;
    let evidence = recording.evidence_for(|request| request.names = vec!["victim.example.net".to_owned()])?;
    let asked =
        evidence.dns.iter().find(|event| event.dns.sent && !event.dns.answer).context("no question")?;
    assert_eq!((asked.dns.name.as_str(), asked.dns.kind), ("victim.example.net", 1));
    assert!(process(&evidence, asked.dns.process)?.argv[0].ends_with("dig"));
    let answered =
        evidence.dns.iter().find(|event| !event.dns.sent && event.dns.answer).context("no answer")?;
    assert_eq!(answered.dns.addresses, [IpAddr::V4(VICTIM)]);
    assert_eq!(answered.dns.process, asked.dns.process);
    // Whoever asks for the name finds who talked to its address.
    let [talked] = of_port(&evidence, 7053)[..] else { panic!("{}", history::text(&evidence)) };
    assert_eq!(talked.matched, 1);
    let failed = events(&recording)?.into_iter().find_map(|event| match event.body {
        Body::Dns(dns) if dns.answer && dns.name == "nothing.example.net" => Some(dns),
        _ => None,
    });
    assert_eq!(failed.context("no refusal")?.code, 3);
    let lost = history_losses(&recording, LossClass::Dns)?;
    assert!(lost <= 1, "{lost} messages are said to be lost");
    Ok(())
}

#[test]
fn names_are_read_from_connections_of_dns_too() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    let sockets = "import socket\nsocket.socket(socket.AF_INET,socket.SOCK_DGRAM).bind(('0.0.0.0',7999))";
    recording.python(sockets)?;
    recording.await_receiving()?;
    recording
        .alice("dig +tcp +tries=1 @10.0.0.2 victim.example.net A +noall +answer | grep -q 198.51.100.20")?;
    let evidence = recording.evidence_for(|request| request.names = vec!["victim.example.net".to_owned()])?;
    let found = |answer: bool| {
        let mut messages = evidence.dns.iter().map(|event| &event.dns).filter(|dns| dns.answer == answer);
        let message = messages.next().with_context(|| history::text(&evidence))?;
        anyhow::ensure!(messages.next().is_none(), "told twice:\n{}", history::text(&evidence));
        Ok(message)
    };
    let (asked, answered) = (found(false)?, found(true)?);
    assert!(asked.sent && !answered.sent);
    assert_eq!(answered.addresses, [IpAddr::V4(VICTIM)]);
    for message in [asked, answered] {
        assert!(process(&evidence, message.process)?.argv[0].ends_with("dig"));
        assert_eq!(message.remote.map(|remote| remote.port), Some(53));
    }
    assert_eq!(history_losses(&recording, LossClass::Dns)?, 0);
    Ok(())
}

/// Sends as fast as it can, from before the program below binds its port until after.
const FLOOD: &str = "import socket,time
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); print('ready',flush=True)
until=time.time()+2
while time.time()<until: s.sendto(b'x'*20,('INSTANCE',8500))
print('done',flush=True)";

/// Binds the port, takes nothing until nothing more comes, and says how much had come.
const LATE_READER: &str = "import socket,struct,time
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET,33,1<<29); s.bind(('0.0.0.0',8500))
held=lambda: struct.unpack('I',s.getsockopt(socket.SOL_SOCKET,55,4))[0]
before=-1
while held()!=before: before=held(); time.sleep(1)
s.setblocking(False); count=0
try:
    while True: s.recv(100); count+=1
except BlockingIOError: open('/tmp/count','w').write(str(count))";

#[test]
fn datagrams_that_come_before_they_are_looked_for_are_a_loss_by_name() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    let mut flood = recording.lab.victim().command("python3")?;
    flood.args(["-c", &FLOOD.replace("INSTANCE", &INSTANCE_PUBLIC.to_string())]);
    let child = recording.lab.spawn_daemon("flood", flood)?;
    recording.lab.keep(child);
    let log = recording.lab.dir().join("flood.log");
    let said = |word: &str| std::fs::read_to_string(&log).is_ok_and(|text| text.contains(word));
    wait_until("the flood", COMMAND_MAX, || said("ready"))?;
    recording.python(LATE_READER)?;
    anyhow::ensure!(said("done"), "the reader did not outlast the flood");
    let count: u64 = std::fs::read_to_string(recording.lab.instance().path("/tmp/count"))?.trim().parse()?;
    recording.evidence()?;
    // Each event of a flow has its totals so far.
    let mut totals = std::collections::BTreeMap::new();
    for event in events(&recording)? {
        if let Body::Flow(flow) = event.body
            && (flow.local.port, flow.state) == (8500, FlowState::Received)
        {
            let total: &mut u64 = totals.entry(flow.first).or_default();
            *total = flow.packets.max(*total);
        }
    }
    let received: u64 = totals.values().sum();
    let lost = history_losses(&recording, LossClass::Received)?;
    // One may be between the hook and the socket's queue, on each processor, while they are counted.
    let off = count.abs_diff(received + lost);
    assert!(count > 1_000 && off <= 2, "{count} came, {received} were recorded, {lost} are said to be lost");
    Ok(())
}

/// How many events of a class the ring says were lost.
fn history_losses(recording: &Recording, of: LossClass) -> anyhow::Result<u64> {
    let count = |event: Event| match event.body {
        Body::Loss { class, count, .. } if class == of => count,
        _ => 0,
    };
    Ok(events(recording)?.into_iter().map(count).sum())
}

#[test]
fn a_question_from_outside_that_causes_traffic_is_recorded_before_it() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    // A service that answers whatever address the question names: the laptop plays the forged source.
    let instance = recording.lab.instance();
    let mut server = instance.command("python3")?;
    let ready = instance.path("/tmp/ready");
    server.args([
        "-c",
        "import socket\n\
         s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('0.0.0.0',11211))\n\
         open('/tmp/ready','w').close()\n\
         while True:\n\
         \x20data,to=s.recvfrom(100); s.sendto(b'y'*1000,to)",
    ]);
    recording.lab.spawn_daemon("service", server)?;
    wait_until("the service", COMMAND_MAX, || ready.exists())?;
    let mut asker = recording.lab.laptop().command("python3")?;
    asker.args([
        "-c",
        &format!(
            "import socket\n\
             c=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); c.bind(('0.0.0.0',40001)); c.settimeout(5)\n\
             for i in range(30): c.sendto(b'stats',('{INSTANCE_PUBLIC}',11211)); c.recvfrom(2000)"
        ),
    ]);
    let asked = output_within("the asker", &mut asker, COMMAND_MAX)?;
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let evidence = recording.evidence()?;
    // Question and answers are one: begun by the other side, with what came in and what went out because of it.
    let [asked] = of_port(&evidence, 40_001)[..] else { panic!("{}", history::text(&evidence)) };
    assert_eq!((asked.direction, asked.protocol), (Direction::In, Protocol::UDP));
    assert_eq!((asked.packets, asked.bytes, asked.bytes_received), (30, 30 * 1_028, 30 * 33));
    assert_eq!(asked.states, [(FlowState::Bound, 1), (FlowState::Received, 1)]);
    assert!(process(&evidence, asked.process)?.argv[0].ends_with("python3"));
    // The asker's own answers are no traffic of their own.
    let inward = of_port(&evidence, 11_211);
    assert!(
        inward.iter().all(|activity| activity.direction == Direction::Out),
        "{}",
        history::text(&evidence)
    );
    let bound = events(&recording)?.into_iter().any(|event| {
        matches!(event.body, Body::Flow(flow) if flow.state == FlowState::Bound && flow.local.port == 11_211)
    });
    assert!(bound, "the port's choosing");
    Ok(())
}

#[test]
fn sockets_that_hide_their_packets_are_critical_events() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    recording.python(&frames(
        "s.setsockopt(263, 20, 1)\n\
         s.bind((device, 0x0800))\n\
         for i in range(20): s.send(frame(7100))",
    ))?;
    recording.python(&frames(
        "s.setsockopt(263, 13, struct.pack('IIII', 4096, 4, 2048, 8))\n\
         s.bind((device, 0x0800))\n\
         m = mmap.mmap(s.fileno(), 4096 * 4)\n\
         for i in range(8):\n\
         \x20f = frame(7200)\n\
         \x20m[i*2048+32:i*2048+32+len(f)] = f\n\
         \x20m[i*2048:i*2048+16] = struct.pack('LII', 1, len(f), 0)\n\
         s.send(b'')",
    ))?;
    recording.python(
        "import socket\n\
         x = socket.socket(44, socket.SOCK_RAW)\n\
         x.setsockopt(283, 3, 64)",
    )?;
    let evidence = recording.evidence()?;
    for kind in [OperationKind::PacketBypass, OperationKind::PacketTransmitRing, OperationKind::Xdp] {
        let operation = operation(&evidence, kind)?;
        assert!(process(&evidence, operation.process)?.argv[0].ends_with("python3"), "{kind:?}");
        assert!(kind.is_critical());
    }
    // Past the queues no packet is seen; through the ring they are, where the kernel lets their pages be read.
    assert!(of_port(&evidence, 7100).is_empty());
    let unreadable: u64 = evidence.coverage.losses.iter().map(|loss| loss.count).sum();
    match of_port(&evidence, 7200)[..] {
        [ring] => assert_eq!((ring.packets, ring.via, unreadable), (8, Via::Packet, 0)),
        _ => assert_eq!(unreadable, 8, "{}", history::text(&evidence)),
    }
    Ok(())
}

#[test]
fn io_uring_hides_nobody() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    let uring = std::env::current_exe()?
        .parent()
        .and_then(|deps| deps.parent())
        .context("no directory")?
        .join("uring");
    recording.lab.instance().install(&uring, "/usr/bin/uring")?;
    for (line, port) in [("send", 7301), ("send", 7302), ("connect", 7303), ("connect", 7304)] {
        let poll = if port % 2 == 0 { "sqpoll" } else { "" };
        let said = recording.alice(&format!("sudo uring {line} {VICTIM}:{port} {poll}"))?;
        let expected = if line == "send" { 1 } else { -libc::ECONNREFUSED };
        assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), expected.to_string(), "{line} {poll}");
    }
    let evidence = recording.evidence()?;
    for port in 7301..=7304 {
        let [activity] = of_port(&evidence, port)[..] else {
            panic!("{port}:\n{}", history::text(&evidence))
        };
        let process = process(&evidence, activity.process)?;
        assert!(process.argv[0].ends_with("uring"), "{port}");
        assert_eq!(process.login_user.as_deref(), Some("alice"));
        assert!(activity.senders.is_empty(), "{port}");
    }
    let rings = evidence.operations.iter().filter(|event| event.operation.kind == OperationKind::IoUring);
    let polled = rings.clone().filter(|event| event.operation.detail.contains("SQPOLL"));
    assert_eq!((rings.count(), polled.count()), (4, 2));
    Ok(())
}

#[test]
fn sockets_older_than_the_recorder_have_their_owners() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    let ready = lab.instance().path("/tmp/ready");
    let go = lab.instance().path("/tmp/go");
    let mut command = lab.instance().command("python3")?;
    command.args([
        "-c",
        &format!(
            "import os,socket,time\n\
             l=socket.socket(); l.bind(('127.0.0.1',7401)); l.listen()\n\
             c=socket.create_connection(('127.0.0.1',7401)); a,_=l.accept()\n\
             u=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); u.bind(('0.0.0.0',7402))\n\
             open('/tmp/ready','w').close()\n\
             while not os.path.exists('/tmp/go'): time.sleep(0.01)\n\
             u.sendto(b'x',('{VICTIM}',7403))\n\
             c.close(); a.close()\n\
             open('/tmp/done','w').close()\n\
             while True: time.sleep(1)"
        ),
    ]);
    let server = lab.spawn_daemon("old", command)?;
    wait_until("the old sockets", COMMAND_MAX, || ready.exists())?;
    let mut recording = Recording::begin_with(lab, &[])?;
    std::fs::write(&go, "")?;
    let done = recording.lab.instance().path("/tmp/done");
    wait_until("their use", COMMAND_MAX, || done.exists())?;
    let evidence = recording.evidence()?;
    let flows: Vec<_> = events(&recording)?
        .into_iter()
        .filter_map(|event| match event.body {
            Body::Flow(flow) => Some(flow),
            _ => None,
        })
        .filter(|flow| (7401..=7402).contains(&flow.local.port) || (7401..=7403).contains(&flow.remote.port))
        .collect();
    let pid = server.id();
    let told = |state, local: u16, direction| {
        flows.iter().any(|flow| {
            flow.state == state
                && (local == 0 || flow.local.port == local)
                && flow.direction == direction
                && flow.owner.is_some_and(|owner| owner.tgid == pid)
        })
    };
    assert!(told(FlowState::Listening, 7401, Direction::In), "{flows:#?}");
    assert!(told(FlowState::Established, 7401, Direction::In), "{flows:#?}");
    assert!(told(FlowState::Established, 0, Direction::Out), "{flows:#?}");
    assert!(told(FlowState::Bound, 7402, Direction::In), "{flows:#?}");
    assert!(told(FlowState::Closed, 0, Direction::Out), "{flows:#?}");
    let [sent] = of_port(&evidence, 7403)[..] else { panic!("{}", history::text(&evidence)) };
    assert_eq!(sent.process.map(|id| id.tgid), Some(pid));
    Ok(())
}

/// Loads the shortest socket filter that there is.
const LOAD: &str = "import ctypes,os,struct
BPF_PROG_LOAD,number=5,321 if os.uname().machine=='x86_64' else 280
code=ctypes.create_string_buffer(struct.pack('BBhiBBhi',0xb7,0,0,0,0x95,0,0,0)); licence=ctypes.create_string_buffer(b'GPL')
asked=struct.pack('IIQQ',1,2,ctypes.addressof(code),ctypes.addressof(licence))+bytes(96)
assert ctypes.CDLL(None).syscall(number,BPF_PROG_LOAD,asked,len(asked))>0";

/// Processes that live for as long as it takes to load one program: none may be missed between two looks.
#[test]
fn every_loaded_program_names_who_loaded_it() -> anyhow::Result<()> {
    const LOADERS: usize = 150;
    let mut recording = Recording::begin_with(Lab::up()?, &[])?;
    let forks = format!(
        "import os\nfor _ in range({LOADERS}):\n if (pid:=os.fork())==0:\n  exec(LOAD); os._exit(0)\n os.waitpid(pid,0)"
    );
    recording.python(&format!("LOAD={LOAD:?}\n{forks}"))?;
    recording.signal(nix::sys::signal::Signal::SIGTERM)?;
    let events = events(&recording)?;
    let loaders = events.iter().filter_map(|event| match &event.body {
        Body::Operation(operation) if operation.kind == OperationKind::BpfLoad => Some(operation.process),
        _ => None,
    });
    let loaders: Vec<_> = loaders.collect();
    let known: HashSet<_> = loaders.iter().flatten().collect();
    assert_eq!((loaders.len(), known.len()), (LOADERS, LOADERS));
    Ok(())
}

#[test]
fn chosen_system_calls_namespaces_and_changes_of_user_are_events() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    let settings = lab.instance().path("/tmp/host-recorder.toml");
    std::fs::write(&settings, "[syscalls]\nnames = [\"unlinkat\", \"unshare\"]\n")?;
    let mut recording = Recording::begin_with(lab, &["--config", "/tmp/host-recorder.toml"])?;
    recording.alice("touch /tmp/trace-of-mine && rm /tmp/trace-of-mine")?;
    // It changes its user, and its network, and ends without executing or sending anything more.
    recording.python(
        "import ctypes,os\nctypes.CDLL(None).unshare(0x40000000)\nos.setgid(65534)\nos.setuid(65534)",
    )?;
    recording.python(LOAD)?;
    recording.signal(nix::sys::signal::Signal::SIGTERM)?;
    let events = events(&recording)?;
    let operations: Vec<&Operation> = events
        .iter()
        .filter_map(|event| match &event.body {
            Body::Operation(operation) => Some(&**operation),
            _ => None,
        })
        .collect();
    let call = |start: &str| {
        let found = operations.iter().find(|operation| operation.detail.starts_with(start));
        found.with_context(|| format!("no {start}: {operations:#?}"))
    };
    let loaded: Vec<_> = operations.iter().filter(|one| one.kind == OperationKind::BpfLoad).collect();
    let [loaded] = loaded[..] else { panic!("{loaded:#?}") };
    assert!(loaded.detail.split_once(", tag ").is_some_and(|(_, tag)| tag.len() == 16), "{}", loaded.detail);
    let loader = events.iter().find_map(|event| match &event.body {
        Body::Process(process) if Some(process.id) == loaded.process => Some(process),
        _ => None,
    });
    assert!(loader.context("nobody loaded it")?.argv.iter().any(|word| word.contains("BPF_PROG_LOAD")));
    let removed = call("unlinkat(-100, \"/tmp/trace-of-mine\"")?;
    assert!(removed.detail.ends_with("= 0"));
    let unshared = call("unshare(0x40000000) = 0")?;
    let who = unshared.process.context("nobody unshared")?;
    let moved = operations
        .iter()
        .find(|operation| operation.kind == OperationKind::Namespaces && operation.process == Some(who));
    assert!(moved.context("no other namespace")?.detail.contains("net "));
    let changed = events.iter().any(|event| {
        matches!(&event.body, Body::Credentials { process, from, to } if *process == who
            && from.uid == 0 && to.uid == 65_534 && to.suid == 65_534 && to.gid == 65_534)
    });
    assert!(changed, "the change of user");
    Ok(())
}
