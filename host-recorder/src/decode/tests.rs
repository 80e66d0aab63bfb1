use history::BootId;
use history::FlowState;

use super::flow::TCP_CLOSE;
use super::flow::TCP_ESTABLISHED;
use super::flow::TCP_LISTEN;
use super::flow::TCP_SYN_SENT;
use super::*;

fn clock() -> Clock {
    Clock::new(BootId(7), 1_000)
}

fn bytes_of<T: Plain>(record: &T) -> Vec<u8> {
    // SAFETY: a Plain value is size_of::<T>() initialised bytes; the records have no implicit padding.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(record).cast::<u8>(), size_of::<T>()) }.to_vec()
}

fn exec(argv: &[u8], exe: &[u8]) -> Vec<u8> {
    let mut record = record_exec::default();
    record.header.kind = record_kind::RECORD_EXEC as u16;
    record.header.process = record_process_id { start_ns: 5, tgid: 42, exec: 3 };
    record.argv_len = argv.len() as u32;
    record.exe_len = exe.len() as u32;
    record.comm[..4].copy_from_slice(&[110, 109, 97, 112]);
    [bytes_of(&record).as_slice(), argv, exe].concat()
}

#[test]
fn an_exec_is_read_with_its_texts() {
    let bytes = exec(b"nmap\0-sS\0\0", b"nmap\0bin\0usr\0");
    let Ok(Record::Image(image)) = decode(&bytes, &clock()) else { panic!("no image") };
    assert_eq!(image.argv, ["nmap", "-sS", ""]);
    assert_eq!(image.exe, "/usr/bin/nmap");
    assert_eq!(image.comm, "nmap");
    assert_eq!(image.process.tgid, 42);
    assert_eq!(image.parent, None);
}

#[test]
fn a_memfd_is_told_from_a_file() {
    let Ok(Record::Image(image)) = decode(&exec(b"x\0", b"memfd:evil\0"), &clock()) else { panic!() };
    assert!(image.flags.exe_memfd);
    assert_eq!(image.exe, "memfd:evil");
}

#[test]
fn cut_anywhere_it_is_an_error() {
    let bytes = exec(b"nmap\0-sS\0", b"nmap\0");
    for end in 0..bytes.len() {
        assert!(decode(&bytes[..end], &clock()).is_err(), "cut at {end}");
    }
    assert!(decode(&bytes, &clock()).is_ok());
}

#[test]
fn tcp_outcomes() {
    let check = |old, new, error, expected| {
        let mut record = record_tcp { old_state: old, new_state: new, error, ..record_tcp::default() };
        record.header.kind = record_kind::RECORD_TCP as u16;
        record.family = AF_INET;
        let Ok(Record::Connections { changes, .. }) = decode(&bytes_of(&record), &clock()) else { panic!() };
        assert_eq!(changes[0].flow.state, expected);
    };
    check(TCP_CLOSE, TCP_SYN_SENT, 0, FlowState::Attempt);
    check(TCP_SYN_SENT, TCP_ESTABLISHED, 0, FlowState::Established);
    check(TCP_SYN_SENT, TCP_CLOSE, 111, FlowState::Refused);
    check(TCP_SYN_SENT, TCP_CLOSE, 110, FlowState::TimedOut);
    check(TCP_SYN_SENT, TCP_CLOSE, 0, FlowState::Failed);
    check(TCP_ESTABLISHED, TCP_CLOSE, 0, FlowState::Closed);
    check(TCP_CLOSE, TCP_LISTEN, 0, FlowState::Listening);
}

#[test]
fn mapped_addresses_become_plain() {
    let mut bytes = [0; 16];
    bytes[10..].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 1]);
    assert_eq!(address(10, &bytes), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
}

fn batch(protocol: u8, via: u32, targets: &[record_target]) -> Vec<u8> {
    let mut batch = record_batch { family: AF_INET, protocol, via: via as u8, ..record_batch::default() };
    batch.header.kind = record_kind::RECORD_BATCH as u16;
    batch.header.process = record_process_id { start_ns: 5, tgid: 42, exec: 3 };
    batch.first_ns = 1_000;
    batch.count = targets.len() as u32;
    batch.targets[..targets.len()].copy_from_slice(targets);
    let mut bytes = bytes_of(&batch);
    bytes.truncate(std::mem::offset_of!(record_batch, targets) + size_of_val(targets));
    bytes
}

fn target(last: u8, port: u16) -> record_target {
    let mut target = record_target { remote_port: port, after_ns: 7, bytes: 44, ..record_target::default() };
    target.remote_address[..4].copy_from_slice(&[198, 51, 100, last]);
    target
}

#[test]
fn a_batch_of_packets_is_a_flow_for_each() {
    let bytes = batch(17, record_via::RECORD_VIA_SOCKET, &[target(1, 53), target(2, 54)]);
    let Ok(Record::Packets { flows, .. }) = decode(&bytes, &clock()) else { panic!("no packets") };
    let told: Vec<String> = flows.iter().map(|(_, flow)| flow.remote.to_string()).collect();
    assert_eq!(told, ["198.51.100.1:53", "198.51.100.2:54"]);
    assert_eq!((flows[0].0, flows[0].1.packets, flows[0].1.bytes), (1_007, 1, 44));
    assert_eq!(flows[0].1.owner.unwrap().tgid, 42);
    for end in 0..bytes.len() {
        assert!(decode(&bytes[..end], &clock()).is_err(), "cut at {end}");
    }
}

#[test]
fn a_batch_of_connections_is_attempts_and_failures() {
    let attempt = record_target { socket: 9, state: TCP_SYN_SENT, ..target(1, 80) };
    let refused = record_target { socket: 9, state: TCP_CLOSE, error: 111, ..target(1, 80) };
    let bytes = batch(6, record_via::RECORD_VIA_SOCKET, &[attempt, refused]);
    let Ok(Record::Connections { changes, .. }) = decode(&bytes, &clock()) else { panic!("no connections") };
    let states: Vec<_> = changes.iter().map(|change| (change.flow.state, change.over)).collect();
    assert_eq!(states, [(FlowState::Attempt, false), (FlowState::Refused, true)]);
    // A SYN that a program wrote itself is a packet.
    let bytes = batch(6, record_via::RECORD_VIA_RAW_IP, &[target(1, 80)]);
    assert!(matches!(decode(&bytes, &clock()), Ok(Record::Packets { .. })));
}

#[test]
fn a_first_segment_to_another_address_is_told_from_the_attempt() {
    let attempt = record_target { state: TCP_SYN_SENT, ..target(1, 80) };
    let left = record_target { state: TCP_SYN_SENT, tcp_flags: 2, ..target(2, 8_080) };
    let bytes = batch(6, record_via::RECORD_VIA_SOCKET, &[attempt, left]);
    let Ok(Record::Connections { changes, .. }) = decode(&bytes, &clock()) else { panic!("no connections") };
    let told: Vec<_> = changes
        .iter()
        .map(|change| (change.translated, change.flow.remote.port, change.flow.state))
        .collect();
    assert_eq!(told, [(false, 80, FlowState::Attempt), (true, 8_080, FlowState::Attempt)]);
}

#[test]
fn a_port_for_several_paths_is_one_of_tcp() {
    let mut record = record_bind { protocol: 262, port: 80, family: AF_INET, ..record_bind::default() };
    record.header.kind = record_kind::RECORD_BIND as u16;
    let Ok(Record::Packets { flows, .. }) = decode(&bytes_of(&record), &clock()) else { panic!("no port") };
    assert_eq!((flows[0].1.protocol, flows[0].1.local.port), (history::Protocol::TCP, 80));
}

#[test]
fn a_count_beyond_the_entries_is_an_error() {
    let mut bytes = batch(17, 0, &[target(1, 1)]);
    let at = std::mem::offset_of!(record_batch, count);
    bytes[at..at + 4].copy_from_slice(&1_000u32.to_ne_bytes());
    assert!(decode(&bytes, &clock()).is_err());
}

#[test]
fn a_system_call_reads_like_one() {
    let call = crate::syscalls::by_name("renameat2").unwrap();
    let mut record = record_syscall { number: call.number, result: -13, ..record_syscall::default() };
    record.header.kind = record_kind::RECORD_SYSCALL as u16;
    record.arguments = [(-100i32) as u32 as u64, 1, 5, 2, 0, 0];
    for (at, text) in [(0, b"/a\n\0".as_slice()), (256, b"/tmp\0".as_slice())] {
        for (to, from) in record.texts[at..].iter_mut().zip(text) {
            *to = *from as std::ffi::c_char;
        }
    }
    record.text_len = [4, 5];
    let Ok(Record::Syscall { operation, .. }) = decode(&bytes_of(&record), &clock()) else { panic!() };
    assert_eq!(operation.detail, r#"renameat2(-100, "/a\n", 5, "/tmp", 0) = -13"#);
}
