//! Senders whose packets are not what their sockets say: addresses that the host's firewall changes, several paths,
//! tunnels, listeners beside each other, frames that the kernel splits, groups; each told once, as the wire had it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use history::Body;
use history::Direction;
use history::Flow;
use history::FlowState;
use history::ProcessId;
use history::Protocol;
use history::Via;
use tests::lab::INSTANCE_PRIVATE;
use tests::lab::VICTIM;
use tests::lab::wait_until;

use super::recorder::COMMAND_MAX;
use super::recorder::Recording;
use super::recorder::shell;

/// What was recorded of one flow at last, and the last word of the command lines of its owner and its sender.
struct Told {
    flow: Flow,
    owner: String,
    sender: Option<String>,
}

/// Stops the recorder and reads what it told of flows: the last of each.
fn told(recording: &mut Recording) -> anyhow::Result<Vec<Told>> {
    recording.evidence()?;
    let (mut names, mut flows) = (BTreeMap::new(), BTreeMap::new());
    for event in history::events(&recording.ring())? {
        match event.body {
            Body::Process(process) => {
                let last = process.argv.last().and_then(|text| text.split_whitespace().last());
                names.insert(process.id, last.unwrap_or_default().to_owned());
            }
            Body::Flow(flow) => {
                let local = if flow.protocol == Protocol::TCP { 0 } else { flow.local.port };
                let key = (flow.first, flow.remote, local, format!("{:?}{:?}", flow.via, flow.direction));
                flows.insert(key, flow);
            }
            _ => {}
        }
    }
    let name = |id: ProcessId| names.get(&id).cloned().unwrap_or_default();
    let named = |flow: Box<Flow>| Told {
        owner: flow.owner.map(name).unwrap_or_default(),
        sender: flow.sender.map(name),
        flow: *flow,
    };
    Ok(flows.into_values().map(named).collect())
}

/// Those to a remote port.
fn to(told: &[Told], port: u16) -> Vec<&Told> {
    told.iter().filter(|one| one.flow.remote.port == port).collect()
}

/// Packets and bytes to a port, which one program sent by one kind of socket.
fn sent(told: &[Told], port: u16, via: Via, owner: &str) -> (u64, u64) {
    let found = to(told, port);
    assert!(!found.is_empty(), "nothing to {port}");
    for one in &found {
        assert_eq!((one.flow.via, one.owner.as_str()), (via, owner), "{port}: {:?}", one.flow);
    }
    (found.iter().map(|one| one.flow.packets).sum(), found.iter().map(|one| one.flow.bytes).sum())
}

/// A program on the instance that runs beside the recorder until the test ends.
fn beside(recording: &mut Recording, name: &str, program: &str) -> anyhow::Result<()> {
    let mut command = recording.lab.instance().command("python3")?;
    command.args(["-c", program]);
    let child = recording.lab.spawn_daemon(name, command)?;
    recording.lab.keep(child);
    await_ready(recording, name)
}

fn await_ready(recording: &Recording, name: &str) -> anyhow::Result<()> {
    let log = recording.lab.dir().join(format!("{name}.log"));
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    wait_until(name, COMMAND_MAX, || said().contains("ready")).with_context(said)
}

/// Others' addresses that stand for the victim, for this host, and for nobody.
const RULES: &str = "nft -f - <<END
table ip there {
    chain output {
        type nat hook output priority -100
        ip daddr 203.0.113.50 tcp dport 8001 dnat to VICTIM:80
        ip daddr 203.0.113.50 tcp dport 8002 dnat to VICTIM:8102
        ip daddr 203.0.113.50 udp dport 8003 dnat to VICTIM:8103
        ip daddr 203.0.113.50 tcp dport 8004 redirect to :8104
    }
    chain filter {
        type filter hook output priority 0
        udp dport 8005 drop
    }
}
END";

/// What connects there, also by an address of IPv4 that is mapped into IPv6.
const ASKS: &str = "import socket
kept=socket.create_server(('127.0.0.1',8104))
def ask(port,family=2,to='203.0.113.50'):
    s=socket.socket(family,1)
    try: s.connect((to,port)); s.send(b'x')
    except ConnectionRefusedError: pass
for port in 8001,8002,8004: ask(port)
ask(8001,10,'::ffff:203.0.113.50')
s=socket.socket(2,2)
for i in range(20): s.sendto(b'x'*100,('203.0.113.50',8003))
try: s.sendto(b'x',('VICTIM',8005))
except PermissionError: pass #ASKS";

/// Waits for connections at one address of a port.
const LISTENS: &str = "import socket
kept=socket.create_server(('ADDRESS',8006)); print('ready',flush=True)
while True: kept.accept()[0].recv(1) #NAME";

#[test]
fn what_the_wire_had_is_told_where_the_firewall_changes_it_and_who_listens_at_the_address()
-> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    shell(&recording.lab, &RULES.replace("VICTIM", &VICTIM.to_string()))?;
    recording.python(&ASKS.replace("VICTIM", &VICTIM.to_string()))?;
    for (address, name) in [("127.0.0.1", "LOCAL"), ("", "ALL"), (&INSTANCE_PRIVATE.to_string(), "OUTSIDE")] {
        let program = LISTENS.replace("ADDRESS", address).replace("NAME", name);
        // Two of them cannot have all addresses.
        let program = if name == "ALL" { program.replace("8006", "8007") } else { program };
        beside(&mut recording, &name.to_lowercase(), &program)?;
    }
    recording.python(&format!(
        "import socket\n\
         for to in ('127.0.0.1',8006),('{INSTANCE_PRIVATE}',8006),('127.0.0.1',8007): socket.create_connection(to).send(b'x')"
    ))?;
    let told = told(&mut recording)?;

    // What was asked for stays an attempt, and what came of it is told of the other end.
    let states = |address: &str, port: u16| -> Vec<FlowState> {
        let found = to(&told, port).into_iter().filter(|one| one.owner == "#ASKS");
        found.filter(|one| one.flow.remote.address.to_string() == address).map(|one| one.flow.state).collect()
    };
    let victim = VICTIM.to_string();
    let elsewhere = "203.0.113.50";
    assert_eq!(states(elsewhere, 8001), [FlowState::Attempt; 2]);
    assert_eq!(states(&victim, 80), [FlowState::Closed; 2]);
    assert_eq!(
        (states(elsewhere, 8002), states(&victim, 8102)),
        (vec![FlowState::Attempt], vec![FlowState::Refused])
    );
    assert_eq!(
        (states(elsewhere, 8004), states("127.0.0.1", 8104)),
        (vec![FlowState::Attempt], vec![FlowState::Closed])
    );
    // Packets are told as they leave, and none that does not.
    assert_eq!(sent(&told, 8103, Via::Socket, "#ASKS"), (20, 20 * 128));
    assert!(to(&told, 8003).is_empty() && to(&told, 8005).is_empty());

    for (address, port, name) in [
        ("127.0.0.1", 8006, "#LOCAL"),
        (&INSTANCE_PRIVATE.to_string(), 8006, "#OUTSIDE"),
        ("127.0.0.1", 8007, "#ALL"),
    ] {
        let accepted = |one: &&Told| {
            one.flow.direction == Direction::In
                && one.flow.local.port == port
                && one.flow.local.address.to_string() == address
                && matches!(one.flow.state, FlowState::Established | FlowState::Closed)
        };
        let found: Vec<_> = told.iter().filter(accepted).map(|one| one.owner.as_str()).collect();
        assert_eq!(found, [name], "{address}");
    }
    Ok(())
}

/// A tunnel to the router, a card of IPv6, and a second address for a second path.
const WAYS: &str = "set -e
ip link add vx type vxlan id 3 remote 10.0.1.1 dstport 4789
ip addr add 10.9.1.1/24 dev vx
ip link set vx up
ip neigh add 10.9.1.2 lladdr 02:00:00:00:00:09 dev vx
mkdir -p /dev/net; mknod /dev/net/tun c 10 200";

/// Sends by ways of which one packet at the socket is not one on the wire.
const SENDS: &str = "import socket,struct
def connect(to):
    s=socket.socket(); s.settimeout(0.3)
    try: s.connect(to)
    except OSError: pass
connect(('10.9.1.2',8011))
s=socket.socket(2,2); s.setsockopt(17,103,100); s.sendto(b'x'*2000,('10.9.1.2',8012))
raw=socket.socket(17,3); raw.setsockopt(263,15,1); raw.bind((DEVICE,0x800))
for length,port in (1000,8013),(4050,8014):
    ends=socket.inet_aton('INSTANCE')+socket.inet_aton('VICTIM')
    ip=struct.pack('!BBHHHBBH',0x45,0,28+length,1,0,64,17,0)+ends
    frame=b'\\xff'*6+b'\\2\\0\\0\\0\\0\\1\\x08\\0'+ip+struct.pack('!HHHH',5555,port,8+length,0)+b'x'*length
    raw.send(struct.pack('<BBHHHH',1,5,42,100,34,6)+frame)
group=socket.inet_aton('239.1.2.3'); here=socket.inet_aton('INSTANCE')
s=socket.socket(2,2); s.bind(('',8015)); s.setsockopt(0,35,group+here); s.setsockopt(0,32,here)
for i in range(5): s.sendto(b'x'*100,('239.1.2.3',8015)); s.recv(100) #SENDS";

/// Connects by two paths, the second of which the kernel begins by itself.
const PATHS: &str = "import socket,subprocess,time
s=socket.socket(2,1,262); s.connect(('VICTIM',8016))
for i in range(10): s.send(b'x'*1000); time.sleep(0.02)
s.close(); time.sleep(0.2) #PATHS";

/// Takes them.
const TAKES: &str = "import socket
l=socket.socket(2,1,262); l.setsockopt(1,2,1); l.bind(('',8016)); l.listen(); print('ready',flush=True)
while True:
    c,_=l.accept()
    while c.recv(10000): pass";

/// Reads packets from a device and writes into it, as a program does that carries them elsewhere: what is sent to its
/// neighbour comes back from there, the other way around.
const CARRIES: &str = "import fcntl,os,struct,subprocess
f=os.open('/dev/net/tun',os.O_RDWR); fcntl.ioctl(f,0x400454ca,struct.pack('16sH22x',b'tun9',0x1001))
for line in ['addr add 10.9.9.1/24 dev tun9','link set tun9 up']: subprocess.run(['ip']+line.split(),check=True)
print('ready',flush=True)
while True:
    p=os.read(f,3000)
    # Both ends are this host's: what leaves for .2 arrives from there.
    if p[0]==0x45: os.write(f,p[:12]+p[16:20]+p[12:16]+p[20:]) #CARRIES";

#[test]
fn paths_tunnels_frames_and_groups_are_told_once_and_of_who_sends() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    shell(&recording.lab, WAYS)?;
    let (instance, victim) = (INSTANCE_PRIVATE.to_string(), VICTIM.to_string());
    let filled = |program: &str| program.replace("INSTANCE", &instance).replace("VICTIM", &victim);
    recording.python("import socket\nsocket.socket(2,2).bind(('0.0.0.0',8999))")?;
    recording.await_receiving()?;
    recording.python(&filled(SENDS).replace("DEVICE", "'ens5'"))?;
    // Its first fragments end with the ports.
    shell(&recording.lab, &format!("nmap -n -Pn -sS -f -p 8018 --max-retries 0 {VICTIM}"))?;
    // Connects to itself past the device: who carries its segments is not who sends them.
    beside(&mut recording, "carries", CARRIES)?;
    beside(
        &mut recording,
        "serves",
        "import socket\nl=socket.create_server(('',8017)); print('ready',flush=True)\nwhile True: l.accept()[0].recv(1) #SERVES",
    )?;
    recording
        .python("import socket\nc=socket.create_connection(('10.9.9.2',8017)); c.send(b'x') #CONNECTS")?;
    let has_paths = Path::new("/proc/sys/net/mptcp").exists();
    if has_paths {
        shell(
            &recording.lab,
            "ip addr add 10.0.1.11/24 dev ens5; ip mptcp limits set subflow 2; ip mptcp endpoint add 10.0.1.11 dev ens5 subflow",
        )?;
        let mut takes = recording.lab.victim().command("python3")?;
        takes.args(["-c", TAKES]);
        let child = recording.lab.spawn_daemon("takes", takes)?;
        recording.lab.keep(child);
        await_ready(&recording, "takes")?;
        recording.python(&filled(PATHS))?;
    }
    let told = told(&mut recording)?;

    // A tunnel's own packets, of UDP and of TCP in it: 50 bytes of headers before those that it carries.
    let carried = sent(&told, 4789, Via::Socket, "#SENDS");
    let attempts: Vec<_> = to(&told, 8011).iter().map(|one| (one.flow.state, one.flow.packets)).collect();
    assert_eq!(attempts, [(FlowState::Failed, 0)]);
    assert_eq!(sent(&told, 8012, Via::Socket, "#SENDS"), (20, 20 * 128));
    assert_eq!(carried, (20 + 1, 20 * 178 + 110));
    // Frames that are split later, of ten pieces and of 41, the last of half the size.
    assert_eq!(sent(&told, 8013, Via::Packet, "#SENDS"), (10, 10 * 128));
    assert_eq!(sent(&told, 8014, Via::Packet, "#SENDS"), (41, 40 * 128 + 78));
    assert_eq!(sent(&told, 8018, Via::RawIp, &victim), (1, 28));
    // To a group that it has joined itself.
    assert_eq!(sent(&told, 8015, Via::Socket, "#SENDS"), (5, 5 * 128));
    let own = told.iter().filter(|one| one.flow.state == FlowState::Received && one.flow.local.port == 8015);
    assert_eq!(own.count(), 0);

    let accepted = |one: &&Told| {
        one.flow.direction == Direction::In && one.flow.local.port == 8017 && one.flow.remote.port != 0
    };
    let accepted: Vec<_> = told.iter().filter(accepted).collect();
    let [accepted] = accepted[..] else { panic!("{} were accepted", accepted.len()) };
    assert_eq!((accepted.owner.as_str(), accepted.sender.as_deref()), ("#SERVES", None));
    if has_paths {
        let mut paths: Vec<_> = to(&told, 8016)
            .iter()
            .map(|one| (one.flow.local.address.to_string(), one.owner.as_str(), one.sender.as_deref()))
            .collect();
        paths.sort_unstable();
        assert_eq!(
            paths,
            [("10.0.1.10".to_owned(), "#PATHS", None), ("10.0.1.11".to_owned(), "#PATHS", None)]
        );
    }
    Ok(())
}
