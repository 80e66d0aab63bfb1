//! DNS messages, what processes do to the kernel, and system calls of the optional tier.

use history::Dns;
use history::Endpoint;
use history::Operation;
use history::OperationKind;
use history::Protocol;
use host_recorder_bpf::record::*;

use super::DecodeError;
use super::Record;
use super::address;
use super::context;
use super::known;
use super::text;
use crate::clock::Clock;
use crate::dns;
use crate::syscalls;

/// A flag of io_uring_setup(2).
const IORING_SETUP_SQPOLL: u32 = 2;

pub(super) fn decode_dns(record: &record_dns, clock: &Clock) -> Option<Dns> {
    let mut message = record.message.get(..usize::from(record.length))?;
    if record.protocol == u32::from(Protocol::TCP.0) {
        message = dns::begun_by_segment(message)?;
    }
    let received = u32::from(record.header.flags) & record_flag::RECORD_FLAG_RECEIVED != 0;
    let remote =
        Endpoint { address: address(record.family, &record.remote_address), port: record.remote_port };
    let parsed = dns::parse(message)?;
    Some(Dns {
        process: known(&record.header.process, clock),
        remote: Some(remote),
        sent: !received,
        ..parsed
    })
}

pub(super) fn decode_operation(record: &record_operation, clock: &Clock) -> Result<Record, DecodeError> {
    let kind = match record.operation {
        record_operation_kind::RECORD_OPERATION_MODULE => OperationKind::ModuleLoad,
        record_operation_kind::RECORD_OPERATION_IO_URING => OperationKind::IoUring,
        record_operation_kind::RECORD_OPERATION_CGROUP_CREATE => OperationKind::CgroupCreate,
        record_operation_kind::RECORD_OPERATION_CGROUP_REMOVE => OperationKind::CgroupRemove,
        record_operation_kind::RECORD_OPERATION_PACKET_TRANSMIT_RING => OperationKind::PacketTransmitRing,
        record_operation_kind::RECORD_OPERATION_PACKET_BYPASS => OperationKind::PacketBypass,
        record_operation_kind::RECORD_OPERATION_XDP => OperationKind::Xdp,
        _ => return Err(DecodeError::Kind(record.header.kind)),
    };
    let detail = match kind {
        OperationKind::IoUring if record.number & IORING_SETUP_SQPOLL != 0 => {
            "with a kernel thread that submits (SQPOLL)".to_owned()
        }
        OperationKind::PacketTransmitRing => "PACKET_TX_RING".to_owned(),
        OperationKind::PacketBypass => "PACKET_QDISC_BYPASS".to_owned(),
        OperationKind::Xdp => "AF_XDP".to_owned(),
        _ => text(&record.detail),
    };
    let operation = Operation { process: known(&record.header.process, clock), kind, detail };
    Ok(Record::Operation { boot_ns: record.header.time_ns, operation, cgroup_id: record.cgroup_id })
}

/// A call as strace would write it, numbers in hexadecimal but for small ones.
fn describe_syscall(record: &record_syscall) -> String {
    let Some(call) = syscalls::by_number(record.number) else {
        return format!("syscall {}", record.number);
    };
    let half = record.texts.len() / 2;
    let argument = |index: usize| {
        let value = record.arguments[index];
        let given = call.text_of(index).and_then(|place| {
            let length = usize::from(record.text_len[place]);
            record.texts.get(place * half..place * half + length).filter(|text| !text.is_empty())
        });
        match given {
            Some(given) => format!("{:?}", text(given)),
            None if value < 4_096 => value.to_string(),
            None if i64::from(value as i32) < 0 && value >> 32 == 0 => (value as i32).to_string(),
            None => format!("{value:#x}"),
        }
    };
    let arguments: Vec<String> = (0..call.arguments.min(record.arguments.len())).map(argument).collect();
    format!("{}({}) = {}", call.name, arguments.join(", "), record.result)
}

pub(super) fn decode_syscall(record: &record_syscall, clock: &Clock) -> Record {
    Record::Syscall {
        boot_ns: record.header.time_ns,
        context: context(&record.context),
        operation: Operation {
            process: known(&record.header.process, clock),
            kind: OperationKind::Syscall,
            detail: describe_syscall(record),
        },
    }
}
