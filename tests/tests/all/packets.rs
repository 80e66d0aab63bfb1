//! Ways to send that pass the kernel differently: other calls, protocols, tools and devices, each packet counted once.

use std::collections::BTreeSet;

use anyhow::Context;
use history::Activity;
use history::Evidence;
use history::FlowState;
use history::Process;
use history::Protocol;
use history::Via;
use tests::facts;
use tests::lab::VICTIM;
use tests::lab::wait_until;

use super::recorder::COMMAND_MAX;
use super::recorder::Recording;
use super::recorder::shell;

/// What the programs below begin with.
const PRELUDE: &str = "import ctypes,os,socket,struct\nU=socket.AF_INET,socket.SOCK_DGRAM\n";

/// Takes what comes to these ports and answers nothing.
const SINK: &str = "import socket,time
kept=[]
for port in range(7901,7913):
    kept.append(socket.socket(socket.AF_INET,socket.SOCK_DGRAM)); kept[-1].bind(('',port))
print('ready',flush=True)
time.sleep(600)";

/// Ways to send 20 datagrams of 100 bytes to `T`: the port, what the way is, the program.
const CALLS: [(u16, &str, &str); 12] = [
    (7901, "connected", "s=socket.socket(*U); s.connect(T)\nfor i in range(20): os.write(s.fileno(),b'x'*100)"),
    (
        7902,
        "segmented by the kernel",
        "s=socket.socket(*U); s.setsockopt(17,103,100); s.sendto(b'x'*2000,T)",
    ),
    (
        7903,
        "without a copy",
        "s=socket.socket(*U); s.setsockopt(socket.SOL_SOCKET,60,1)
for i in range(20): s.sendto(b'x'*100,0x4000000,T)",
    ),
    (7904, "UDP-Lite", "s=socket.socket(*U,136)\nfor i in range(20): s.sendto(b'x'*100,T)"),
    (
        7905,
        "sendmmsg",
        "P,S,I=ctypes.c_void_p,ctypes.c_size_t,ctypes.c_uint
s=socket.socket(*U); s.connect(T)
class Vector(ctypes.Structure): _fields_=[('at',P),('length',S)]
class Head(ctypes.Structure):
    _fields_=[('name',P),('name_length',I),('vectors',P),('count',S),('control',P),('control_length',S),('flags',I)]
class Message(ctypes.Structure): _fields_=[('head',Head),('sent',I)]
text=ctypes.create_string_buffer(b'x'*100,100); vector=Vector(ctypes.addressof(text),100)
messages=(Message*20)(*[Message(Head(None,0,ctypes.addressof(vector),1,None,0,0),0) for i in range(20)])
assert ctypes.CDLL(None).sendmmsg(s.fileno(),messages,20,0)==20",
    ),
    (
        7906,
        "corked",
        "s=socket.socket(*U)\nfor i in range(20): s.sendto(b'x'*50,0x8000,T); s.sendto(b'x'*50,T)",
    ),
    (
        7907,
        "sendfile",
        "open('/tmp/f','wb').write(b'x'*100); f=os.open('/tmp/f',os.O_RDONLY); s=socket.socket(*U); s.connect(T)
for i in range(20): os.sendfile(s.fileno(),f,0,100)",
    ),
    (
        7908,
        "splice",
        "s=socket.socket(*U); s.connect(T); r,w=os.pipe()
for i in range(20): os.write(w,b'x'*100); ctypes.CDLL(None).splice(r,None,s.fileno(),None,100,0)",
    ),
    (
        7909,
        "raw with a forged source",
        "s=socket.socket(socket.AF_INET,socket.SOCK_RAW,socket.IPPROTO_RAW)
ends=socket.inet_aton('203.0.113.99'),socket.inet_aton(T[0])
datagram=struct.pack('!HHHH',5555,T[1],108,0)+b'x'*100
packet=struct.pack('!BBHHHBBH4s4s',0x45,0,128,0,0,64,17,0,*ends)+datagram
for i in range(20): s.sendto(packet,T)",
    ),
    (
        7910,
        "many threads",
        "import threading\ns=socket.socket(*U)
for t in [threading.Thread(target=lambda:s.sendto(b'x'*100,T)) for i in range(20)]: t.start(); t.join()",
    ),
    (
        7911,
        "IPv4 options",
        "s=socket.socket(*U); s.setsockopt(0,4,b'\\x01'*8)\nfor i in range(20): s.sendto(b'x'*100,T)",
    ),
    (
        7912,
        "mapped into IPv6",
        "s=socket.socket(socket.AF_INET6,socket.SOCK_DGRAM)
for i in range(20): s.sendto(b'x'*100,('::ffff:'+T[0],T[1]))",
    ),
];

/// What alice runs, each tool to a port of its own.
const TOOLS: &str = "echo x | socat - UDP:VICTIM:7923; socat -T1 - TCP:VICTIM:7924 </dev/null
echo x | ncat -u -w1 VICTIM 7925; ncat -z VICTIM 7926
sudo nping -q --udp -p 7927 -c 5 --rate 100 VICTIM; sudo nping -q --tcp -p 7928 -c 5 --rate 100 VICTIM
nping -q --tcp-connect -p 7929 -c 5 --rate 100 VICTIM; sudo nping -q --udp -p 7930 --send-eth -c 5 --rate 100 VICTIM
bash -c 'echo x > /dev/tcp/VICTIM/7931'; true";

/// The one activity to a port, and whose it is.
fn to_port(evidence: &Evidence, port: u16) -> (&Activity, &Process) {
    let mut found = evidence.activities.iter().filter(|activity| activity.port_ranges == [(port, port)]);
    let (Some(activity), None) = (found.next(), found.next()) else {
        panic!("{port} not once:\n{}", history::text(evidence));
    };
    let process = evidence.processes.iter().find(|process| Some(process.id) == activity.process);
    (activity, process.unwrap_or_else(|| panic!("{port}: nobody:\n{}", history::text(evidence))))
}

#[test]
fn every_call_and_tool_that_sends_is_counted_once_for_its_program() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    // Somebody listens: a refusal would end a connected sender.
    let mut sink = recording.lab.victim().command("python3")?;
    sink.args(["-c", SINK]);
    let child = recording.lab.spawn_daemon("sink", sink)?;
    recording.lab.keep(child);
    let log = recording.lab.dir().join("sink.log");
    wait_until("the sink", COMMAND_MAX, || {
        std::fs::read_to_string(&log).is_ok_and(|said| said.contains("ready"))
    })?;
    shell(&recording.lab, "sysctl -qw net.ipv4.ping_group_range='0 2147483647'")?;
    for (port, what, program) in CALLS {
        recording.python(&format!("{PRELUDE}T=('{VICTIM}',{port})\n{program}")).context(what)?;
    }
    recording.python(&format!(
        "{PRELUDE}s=socket.socket()\ntry: s.sendto(b'x',0x20000000,('{VICTIM}',7920))\nexcept OSError: pass"
    ))?;
    recording.python(&format!(
        "{PRELUDE}s=socket.socket(*U,socket.IPPROTO_ICMP)\n\
         for i in range(20): s.sendto(b'\\x08'+b'\\0'*7,('{VICTIM}',0))"
    ))?;
    recording.alice(&TOOLS.replace("VICTIM", &VICTIM.to_string()))?;
    let seen = recording.lab.seen()?;
    let evidence = recording.evidence()?;
    assert!(facts::traffic_is_complete(&evidence.coverage), "{:?}", evidence.coverage);

    for (port, what, _) in CALLS {
        let (activity, process) = to_port(&evidence, port);
        assert_eq!((activity.packets, activity.targets), (20, 1), "{what}: {activity:?}");
        let options = if what == "IPv4 options" { 8 } else { 0 };
        assert_eq!(activity.bytes, 20 * (128 + options), "{what}");
        assert!(process.argv[0].ends_with("python3"), "{what}");
        let via = if what.starts_with("raw") { Via::RawIp } else { Via::Socket };
        assert_eq!(activity.via, via, "{what}");
    }
    let (opened, _) = to_port(&evidence, 7920);
    assert_eq!((opened.protocol, &opened.states[..]), (Protocol::TCP, &[(FlowState::Refused, 1)][..]));
    let pings: Vec<_> = evidence.activities.iter().filter(|one| one.protocol == Protocol::ICMP).collect();
    let [ping] = pings[..] else { panic!("{pings:?}") };
    assert_eq!((ping.packets, ping.via), (20, Via::Socket));

    for (port, tool, via, protocol, packets, flows) in [
        (7923, "socat", Via::Socket, Protocol::UDP, 1, 1),
        (7924, "socat", Via::Socket, Protocol::TCP, 0, 1),
        (7925, "ncat", Via::Socket, Protocol::UDP, 1, 1),
        (7926, "ncat", Via::Socket, Protocol::TCP, 0, 1),
        (7927, "nping", Via::RawIp, Protocol::UDP, 5, 1),
        (7928, "nping", Via::RawIp, Protocol::TCP, 5, 1),
        (7929, "nping", Via::Socket, Protocol::TCP, 0, 5),
        (7930, "nping", Via::Packet, Protocol::UDP, 5, 1),
        (7931, "bash", Via::Socket, Protocol::TCP, 0, 1),
    ] {
        let (activity, process) = to_port(&evidence, port);
        assert!(process.argv[0].ends_with(tool), "{port}: {process:?}");
        assert_eq!((activity.via, activity.protocol), (via, protocol), "{port}");
        assert_eq!((activity.packets, activity.flows), (packets, flows), "{port}: {activity:?}");
        assert_eq!(process.login_user.as_deref(), Some("alice"), "{port}");
        let root = matches!(via, Via::RawIp | Via::Packet);
        assert_eq!(process.user.as_deref(), Some(if root { "root" } else { "alice" }), "{port}");
    }
    // What the victim saw come in is what the history says.
    let recorded = |protocol: Protocol| -> BTreeSet<u16> {
        let activities = evidence.activities.iter().filter(|activity| activity.protocol == protocol);
        let ports = activities.flat_map(|activity| &activity.port_ranges).map(|(port, _)| *port);
        ports.filter(|port| (7900..8000).contains(port)).collect()
    };
    let arrived = |ports: &BTreeSet<u16>| -> BTreeSet<u16> {
        ports.iter().copied().filter(|port| (7900..8000).contains(port)).collect()
    };
    assert_eq!(recorded(Protocol::TCP), arrived(&seen.tcp_ports));
    // The kernel's firewall knows UDP-Lite as another protocol.
    assert_eq!(recorded(Protocol::UDP), arrived(&seen.udp_ports));
    Ok(())
}

/// A device on top of the card, one behind a bridge, a tunnel, and one end of a pair; each with a neighbour that is
/// not asked for.
const DEVICES: &str = "set -e
neighbour=02:00:00:00:00:09
ip link add link ens5 name mv type macvlan mode bridge
ip link add br0 type bridge
ip link add p0 type veth peer name p1
ip link set p0 master br0 up
ip link set p1 up
ip link add vx type vxlan id 3 remote 10.0.1.1 dstport 4789
net=0
for device in mv br0 vx; do
    net=$((net + 1))
    ip addr add 10.9.$net.1/24 dev $device
    ip link set $device up
    ip neigh add 10.9.$net.2 lladdr $neighbour dev $device
done
bridge fdb add $neighbour dev p0 master static
ip addr add fd00:9::1/64 dev ens5 nodad
ip neigh add fd00:9::2 lladdr $neighbour dev ens5
ip link add c0 type veth peer name c1
ip addr add 10.9.4.1/24 dev c0
ip link set c0 up
sysctl -qw net.ipv4.ip_forward=1";

/// Makes a network namespace of its own, is given one end of the pair, and sends out of it, as a container does.
const INSIDE: &str = "import subprocess
ready,go=os.pipe(),os.pipe()
child=os.fork()
if child==0:
    ctypes.CDLL(None).unshare(0x40000000); os.write(ready[1],b'x'); os.read(go[0],1)
    for line in ['addr add 10.9.4.2/24 dev c1','link set c1 up','route add default via 10.9.4.1']:
        subprocess.run(['ip']+line.split(),check=True)
    text='s=__import__(\"socket\").socket(2,2)\\nfor i in range(20): s.sendto(b\"x\"*100,(\"VICTIM\",7945))'
    os.execvp('python3',['python3','-c',text])
os.read(ready[0],1)
subprocess.run(['ip','link','set','c1','netns',str(child)],check=True)
os.write(go[1],b'x')
assert os.waitpid(child,0)[1]==0";

#[test]
fn a_packet_that_passes_several_devices_is_counted_once() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    shell(&recording.lab, DEVICES)?;
    for (to, port) in [("10.9.1.2", 7941), ("10.9.2.2", 7942), ("10.9.3.2", 7943)] {
        recording.python(&format!(
            "{PRELUDE}s=socket.socket(*U)\nfor i in range(20): s.sendto(b'x'*100,('{to}',{port}))"
        ))?;
    }
    // With destination options before the datagram.
    recording.python(&format!(
        "{PRELUDE}s=socket.socket(socket.AF_INET6,socket.SOCK_DGRAM)\n\
         s.setsockopt(41,59,bytes([0,0,1,4,0,0,0,0]))\n\
         for i in range(20): s.sendto(b'x'*100,('fd00:9::2',7944))"
    ))?;
    recording.python(&format!("{PRELUDE}{}", INSIDE.replace("VICTIM", &VICTIM.to_string())))?;
    let evidence = recording.evidence()?;
    assert!(facts::traffic_is_complete(&evidence.coverage), "{:?}", evidence.coverage);
    let owner = |port: u16, length: u64| {
        let to_port = evidence.samples.iter().map(|sample| &sample.flow);
        let flows: Vec<_> = to_port.filter(|flow| flow.remote.port == port).collect();
        let packets: u64 = flows.iter().map(|flow| flow.packets).sum();
        let bytes: u64 = flows.iter().map(|flow| flow.bytes).sum();
        assert_eq!((packets, bytes), (20, 20 * length), "{port}:\n{}", history::text(&evidence));
        let process = evidence.processes.iter().find(|process| Some(process.id) == flows[0].owner);
        process.with_context(|| format!("nobody sent to {port}"))
    };
    let outside = owner(7941, 128)?;
    for (port, length) in [(7942, 128), (7943, 128), (7944, 156)] {
        owner(port, length)?;
    }
    assert_ne!(owner(7945, 128)?.namespaces.net, outside.namespaces.net);
    Ok(())
}

/// What alice runs beside that: many at once, those that measure a path, and interpreters.
const MORE_TOOLS: &str = "set -e
printf '%s\\n' 1 2 3 4 | xargs -P4 -I{} bash -c 'echo x > /dev/udp/VICTIM/7951'
curl -s --parallel --parallel-max 8 --connect-timeout 3 'http://VICTIM:[7961-7968]/' || true
sudo ping -q -f -c 50 VICTIM >/dev/null
traceroute -n -q 1 -m 2 -N 1 -w 2 -U -p 7952 VICTIM >/dev/null
ncat --sh-exec 'echo x' VICTIM 7953 || true
node -e \"let s=require('dgram').createSocket('udp4'),n=20;const f=()=>n--?s.send('x',7954,'VICTIM',f):s.close();f()\"
perl -MSocket -e 'socket(S,AF_INET,SOCK_DGRAM,0);send(S,1,0,sockaddr_in(7955,inet_aton(q(VICTIM)))) for 1..20'
sudo nmap -n -Pn -sY -p 7956 --max-retries 0 VICTIM >/dev/null
sudo arping -q -c 2 -I ens5 10.0.1.1
sudo mtr -n -r -c 2 -i 0.2 VICTIM >/dev/null";

/// A device whose packets a program takes: what is sent through it is its sender's.
const TUNNEL: &str = "import fcntl,os,subprocess
f=os.open('/dev/net/tun',os.O_RDWR); fcntl.ioctl(f,0x400454ca,struct.pack('16sH22x',b'tun9',0x1001))
for line in ['addr add 10.9.9.1/24 dev tun9','link set tun9 up']: subprocess.run(['ip']+line.split(),check=True)
s=socket.socket(*U)
for i in range(20): s.sendto(b'x'*100,('10.9.9.2',7957))
for i in range(20): assert os.read(f,2000)";

#[test]
fn tools_that_measure_and_devices_that_carry_are_told_by_their_program() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    shell(
        &recording.lab,
        "mkdir -p /dev/net; mknod /dev/net/tun c 10 200; ip addr add fd00:9::1/64 dev ens5 nodad
        ip neigh add fd00:9::2 lladdr 02:00:00:00:00:09 dev ens5",
    )?;
    recording.alice(&MORE_TOOLS.replace("VICTIM", &VICTIM.to_string()))?;
    recording.python(&format!("{PRELUDE}{TUNNEL}")).context("the tunnel")?;
    recording.python(&format!(
        "{PRELUDE}s=socket.socket(socket.AF_INET6,socket.SOCK_DGRAM)\n\
         for i in range(5): s.sendto(b'x'*3000,('fd00:9::2',7958))"
    ))?;
    let evidence = recording.evidence()?;
    assert!(facts::traffic_is_complete(&evidence.coverage), "{:?}", evidence.coverage);
    let names = |activity: &Activity| {
        let process = evidence.processes.iter().find(|process| Some(process.id) == activity.process);
        process
            .map(|process| process.exe.rsplit('/').next().unwrap_or_default().to_owned())
            .unwrap_or_default()
    };
    let sum = |program: &str, ports: std::ops::RangeInclusive<u16>, protocol: Protocol| {
        let its = |activity: &&Activity| {
            names(activity).starts_with(program)
                && activity.protocol == protocol
                && activity.port_ranges.iter().all(|(from, to)| ports.contains(from) && ports.contains(to))
        };
        let found: Vec<_> = evidence.activities.iter().filter(its).collect();
        let total = |of: fn(&Activity) -> u64| found.iter().map(|activity| of(activity)).sum::<u64>();
        (total(|activity| activity.packets), total(|activity| activity.targets))
    };
    let shown = || history::text(&evidence);
    assert_eq!(sum("bash", 7951..=7951, Protocol::UDP), (4, 4), "{}", shown());
    assert_eq!(sum("curl", 7961..=7968, Protocol::TCP).1, 8, "{}", shown());
    assert_eq!(sum("ping", 0..=u16::MAX, Protocol::ICMP).0, 50, "{}", shown());
    assert_eq!(sum("traceroute", 7952..=7952, Protocol::UDP), (2, 1), "{}", shown());
    assert_eq!(sum("ncat", 7953..=7953, Protocol::TCP).1, 1, "{}", shown());
    assert_eq!(sum("node", 7954..=7954, Protocol::UDP), (20, 1), "{}", shown());
    assert_eq!(sum("perl", 7955..=7955, Protocol::UDP), (20, 1), "{}", shown());
    assert_eq!(sum("nmap", 7956..=7956, Protocol(132)), (1, 1), "{}", shown());
    assert!(sum("mtr", 0..=u16::MAX, Protocol::ICMP).0 >= 4, "{}", shown());
    assert_eq!(sum("python", 7957..=7957, Protocol::UDP), (20, 1), "{}", shown());
    // Three pieces each: of the second and third the ports are not told.
    let in_pieces = evidence.activities.iter().find(|one| one.port_ranges == [(0, 0), (7958, 7958)]);
    let in_pieces = in_pieces.with_context(shown)?;
    assert_eq!((in_pieces.packets, in_pieces.flows, names(in_pieces).as_str()), (15, 2, "python3.11"));
    // Not deploy's, which cron starts each minute.
    let is_of_test = |one: &&Activity| one.port_ranges.iter().all(|(from, _)| (7900..8000).contains(from));
    let tools = evidence.activities.iter().filter(|one| ["curl", "perl", "ncat"].contains(&&*names(one)));
    for activity in tools.filter(is_of_test) {
        let process = evidence.processes.iter().find(|process| Some(process.id) == activity.process);
        assert_eq!(process.and_then(|process| process.login_user.as_deref()), Some("alice"));
    }
    Ok(())
}
