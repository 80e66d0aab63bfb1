//! The list of hooks: for each program where it attaches, what it gives, and whether history is possible without.

use std::os::fd::RawFd;
use std::path::Path;

use host_recorder_bpf::skeleton::OpenRecorderSkel;
use host_recorder_bpf::skeleton::RecorderSkel;
use libbpf_rs::Link;
use libbpf_rs::OpenProgramMut;
use libbpf_rs::btf::Btf;
use libbpf_rs::btf::types::Func;
use libbpf_rs::btf::types::Typedef;

use super::Wanted;
use crate::hooks::HookState;

/// Whether history is possible without a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It is not.
    Needed,
    /// It is, with less in it.
    Useful,
    /// Only where it was asked for.
    Asked,
}

type Open = for<'a, 'b> fn(&'a mut OpenRecorderSkel<'b>) -> &'a mut OpenProgramMut<'b>;
type Attach = fn(&RecorderSkel<'_>, RawFd) -> Result<Link, libbpf_rs::Error>;

/// One program.
pub(super) struct Program {
    /// Where it attaches.
    pub name: &'static str,
    /// What is recorded through it.
    pub gives: &'static str,
    pub need: Need,
    /// The tracepoint that the kernel must have, empty for none.
    tracepoint: &'static str,
    pub program: Open,
    /// None for programs that are run, or attached, when they are needed.
    pub attach: Option<Attach>,
}

/// Name of the list of open sockets.
pub(super) const SOCKET_LIST: &str = "iter/task_file";

/// Name of the list that is run once that hook is attached.
pub(super) const UNREAD_LIST: &str = "iter/task_file (unread)";

/// Name of the hook for what is received: it is attached once it is needed, since it costs every packet of TCP, too.
pub(super) const RECEIVING: &str = "cgroup/skb_ingress";

/// Why it is not in use before.
pub(super) const RECEIVING_LATER: &str = "not needed until a program can receive UDP from elsewhere";

macro_rules! program {
    (tracepoint $name:literal, $program:ident, $need:ident, $gives:literal) => {
        Program {
            name: concat!("tp_btf/", $name),
            gives: $gives,
            need: Need::$need,
            tracepoint: $name,
            program: |open| &mut open.progs.$program,
            attach: Some(|skeleton, _| skeleton.progs.$program.attach()),
        }
    };
    (cgroup $name:literal, $program:ident, $need:ident, $gives:literal) => {
        Program {
            name: concat!("cgroup/", $name),
            gives: $gives,
            need: Need::$need,
            tracepoint: "",
            program: |open| &mut open.progs.$program,
            attach: Some(|skeleton, cgroup| skeleton.progs.$program.attach_cgroup(cgroup)),
        }
    };
    (run $name:expr, $program:ident, $need:ident, $gives:literal) => {
        Program {
            name: $name,
            gives: $gives,
            need: Need::$need,
            tracepoint: "",
            program: |open| &mut open.progs.$program,
            attach: None,
        }
    };
}

/// All programs, in the order in which they are attached.
pub(super) const HOOKS: &[Program] = &[
    program!(cgroup "sock_create", on_sock_create, Needed, "which process made a socket"),
    program!(cgroup "sock_release", on_sock_release, Needed,
        "when a socket is gone, so that its address is not taken for another one's"),
    program!(tracepoint "sched_process_fork", on_fork, Needed, "which process began which"),
    program!(tracepoint "sched_process_exec", on_exec, Needed,
        "every program that is executed, with its arguments and its user"),
    program!(tracepoint "sched_process_exit", on_exit, Needed, "when and how a process ended"),
    program!(tracepoint "inet_sock_set_state", on_tcp_state, Needed,
        "TCP connections: made, accepted, refused, closed with their bytes"),
    program!(tracepoint "net_dev_queue", on_queue, Needed,
        "all other packets that are sent: UDP, ICMP, raw IP and frames of scanners"),
    program!(run "raw_tp/flush", flush, Needed, "writes out flows that are summed in the kernel"),
    program!(run "iter/task", list_tasks, Needed, "processes that ran before the recorder did"),
    program!(run SOCKET_LIST, list_sockets, Useful, "sockets that were open before the recorder ran"),
    program!(run UNREAD_LIST, count_unread, Useful,
        "whether UDP reached a socket before what looks for it was attached"),
    program!(run RECEIVING, on_ingress, Useful,
        "UDP that reaches a socket: what caused an answer, and DNS answers"),
    program!(cgroup "post_bind4", on_bind4, Useful, "which program chose which local IPv4 port"),
    program!(cgroup "post_bind6", on_bind6, Useful, "which program chose which local IPv6 port"),
    program!(cgroup "setsockopt", on_socket_option, Useful,
        "sockets set up so that what they send cannot be seen (packet rings, QDISC_BYPASS, AF_XDP)"),
    program!(tracepoint "io_uring_create", on_io_uring, Useful, "io_urings that are made"),
    program!(tracepoint "module_load", on_module, Useful, "kernel modules that are loaded"),
    program!(tracepoint "cgroup_mkdir", on_cgroup_create, Useful, "cgroups, and so containers, that begin"),
    program!(tracepoint "cgroup_rmdir", on_cgroup_remove, Useful, "cgroups, and so containers, that end"),
    program!(tracepoint "sys_exit", on_syscall, Asked, "system calls that the configuration names"),
];

/// Which hooks to use: those that the kernel has, and that are asked for where they need to be.
pub(super) fn offered(wanted: Wanted<'_>) -> Vec<HookState> {
    let btf = Btf::from_vmlinux().ok();
    let missing = |tracepoint: &str| {
        let name = format!("btf_trace_{tracepoint}");
        !tracepoint.is_empty()
            && btf.as_ref().is_some_and(|btf| btf.type_by_name::<Typedef<'_>>(&name).is_none())
    };
    HOOKS
        .iter()
        .map(|hook| match hook.need {
            Need::Asked if wanted.syscalls.is_empty() => HookState::Off("not configured".to_owned()),
            Need::Useful if hook.tracepoint == "module_load" && !Path::new("/proc/modules").exists() => {
                HookState::Off("this kernel loads no modules".to_owned())
            }
            Need::Useful | Need::Asked if missing(hook.tracepoint) => {
                HookState::Refused("this kernel has no such tracepoint".to_owned())
            }
            _ => HookState::InUse,
        })
        .collect()
}

/// Whether the hook for what is received can be attached later.
pub(super) fn receiving_waits(states: &[HookState]) -> bool {
    HOOKS.iter().zip(states).any(|(hook, state)| hook.name == RECEIVING && matches!(state, HookState::Off(_)))
}

/// Whether what came before that hook can be counted.
pub(super) fn counts_unread(states: &[HookState]) -> bool {
    HOOKS.iter().zip(states).any(|(hook, state)| hook.name == UNREAD_LIST && *state == HookState::InUse)
}

/// Whether the kernel has a function that programs may call.
pub(super) fn has_function(name: &str) -> bool {
    Btf::from_vmlinux().is_ok_and(|btf| btf.type_by_name::<Func<'_>>(name).is_some())
}

/// Finds out which of the useful hooks the kernel refuses: each is tried with the needed ones only.
pub(super) fn try_each<E: std::fmt::Display>(
    states: &mut [HookState],
    load: impl Fn(&[HookState]) -> Result<(), E>,
) {
    for index in 0..states.len() {
        if HOOKS[index].need == Need::Needed || states[index] != HookState::InUse {
            continue;
        }
        let alone: Vec<HookState> = (HOOKS.iter().enumerate())
            .map(|(other, hook)| {
                if other == index || hook.need == Need::Needed {
                    HookState::InUse
                } else {
                    HookState::Off(String::new())
                }
            })
            .collect();
        if let Err(error) = load(&alone) {
            states[index] = HookState::Refused(error.to_string());
        }
    }
}
