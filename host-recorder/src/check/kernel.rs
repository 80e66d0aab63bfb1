//! What the kernel gives.

use std::path::Path;

use caps::CapSet;
use caps::Capability;
use caps::CapsHashSet;
use libbpf_rs::MapType;
use nix::sys::resource::Resource;
use nix::sys::resource::getrlimit;

use super::Finding;

/// The oldest kernel that records.
const OLDEST: (u32, u32) = (5, 10);

/// From here on, memory of BPF maps is not counted as locked.
const NO_MEMLOCK: (u32, u32) = (5, 11);

/// Locked memory that the maps need on older kernels, bytes.
const MEMLOCK_MIN: u64 = 128 << 20;

/// Looks at the kernel.
pub fn look() -> Vec<Finding> {
    let release = nix::sys::utsname::uname()
        .map(|about| about.release().to_string_lossy().into_owned())
        .unwrap_or_default();
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let held = caps::read(None, CapSet::Effective).unwrap_or_default();
    let memlock = getrlimit(Resource::RLIMIT_MEMLOCK).map_or(0, |(soft, _)| soft);
    vec![
        version(&release),
        type_information(Path::new("/sys/kernel/btf/vmlinux").exists()),
        supported(
            "BPF rings",
            MapType::RingBuf.is_supported(),
            "records reach the recorder through ring buffers",
        ),
        capabilities(&held),
        locked_memory(number(&release), memlock, held.contains(&Capability::CAP_SYS_RESOURCE)),
        lockdown(read("/sys/kernel/security/lockdown").as_deref()),
        unprivileged(read("/proc/sys/kernel/unprivileged_bpf_disabled").as_deref()),
        login_uid(Path::new("/proc/self/loginuid").exists()),
    ]
}

/// Major and minor of a release such as `5.10.0-33-cloud-amd64`.
fn number(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn version(release: &str) -> Finding {
    match number(release) {
        Some(number) if number >= OLDEST => Finding::ok("kernel", release),
        Some(_) => {
            Finding::fatal("kernel", format!("{release} is too old"), "boot a kernel of 5.10 or later")
        }
        None => Finding::note(
            "kernel",
            format!("{release:?} is no version that is understood"),
            "see that it is 5.10 or later",
        ),
    }
}

fn type_information(there: bool) -> Finding {
    if there {
        return Finding::ok("BTF", "the kernel describes its types");
    }
    let next = "boot a kernel with CONFIG_DEBUG_INFO_BTF=y (those of Amazon Linux, Debian 11, Ubuntu 20.10 and later \
                have it)";
    Finding::fatal("BTF", "/sys/kernel/btf/vmlinux is not there: the programs cannot find their way", next)
}

fn supported(subject: &'static str, outcome: Result<bool, libbpf_rs::Error>, good: &str) -> Finding {
    match outcome {
        Ok(true) => Finding::ok(subject, good),
        Ok(false) => Finding::fatal(
            subject,
            "the kernel has none, or refuses them to this process",
            "run this as root; in a container, let it use bpf(2)",
        ),
        Err(error) => Finding::fatal(
            subject,
            format!("cannot be asked for: {error}"),
            "run this as root, outside containers",
        ),
    }
}

/// What loading and attaching needs, and what naming what was seen needs.
fn capabilities(held: &CapsHashSet) -> Finding {
    let lacks = |needed: &[Capability]| -> Vec<String> {
        needed.iter().filter(|one| !held.contains(one)).map(Capability::to_string).collect()
    };
    let to_load = lacks(&[Capability::CAP_BPF, Capability::CAP_PERFMON, Capability::CAP_NET_ADMIN]);
    let to_name = lacks(&[Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH]);
    let next = |lacking: &[String]| format!("run it as root, or give it {}", lacking.join(", "));
    if !to_load.is_empty() {
        let says = format!("{} not held: BPF programs cannot be loaded", to_load.join(", "));
        Finding::fatal("capabilities", says, next(&to_load))
    } else if !to_name.is_empty() {
        let says = format!("{} not held: other users' processes cannot be named", to_name.join(", "));
        Finding::missing("capabilities", says, next(&to_name))
    } else {
        Finding::ok("capabilities", "all that are needed are held; most are dropped once the recorder runs")
    }
}

fn locked_memory(kernel: Option<(u32, u32)>, limit: u64, may_raise: bool) -> Finding {
    if kernel.is_some_and(|kernel| kernel >= NO_MEMLOCK) || may_raise || limit >= MEMLOCK_MIN {
        return Finding::ok("locked memory", "enough for the programs' maps");
    }
    let says = format!("the limit is {limit} bytes, and this kernel counts BPF maps as locked memory");
    Finding::fatal("locked memory", says, "set LimitMEMLOCK=infinity, or ulimit -l unlimited")
}

fn lockdown(text: Option<&str>) -> Finding {
    match text {
        Some(text) if text.contains("[confidentiality]") => Finding::fatal(
            "lockdown",
            "the kernel is locked down for confidentiality: no program may read its memory",
            "boot with lockdown=integrity",
        ),
        Some(text) if text.contains("[integrity]") => {
            Finding::ok("lockdown", "for integrity, which lets the recorder work")
        }
        _ => Finding::ok("lockdown", "none"),
    }
}

fn unprivileged(text: Option<&str>) -> Finding {
    match text.map(str::trim) {
        Some("0") => Finding::note(
            "BPF of users",
            "any user may load BPF programs",
            "set kernel.unprivileged_bpf_disabled=2, unless something needs it",
        ),
        _ => Finding::ok("BPF of users", "only root may load BPF programs"),
    }
}

fn login_uid(there: bool) -> Finding {
    if there {
        return Finding::ok("login user", "the kernel knows which user logged in, through sudo and su");
    }
    Finding::missing(
        "login user",
        "/proc/self/loginuid is not there: who is behind sudo is told by the process tree only",
        "boot a kernel with CONFIG_AUDITSYSCALL=y",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Level;

    #[test]
    fn kernels_are_told_apart() {
        for (release, level) in [
            ("5.10.0-33-cloud-amd64", Level::Ok),
            ("6.1.115-126.197.amzn2023.x86_64", Level::Ok),
            ("6.18", Level::Ok),
            ("5.9.16", Level::Fatal),
            ("4.14.355-275.572.amzn2.x86_64", Level::Fatal),
            ("", Level::Note),
            ("custom", Level::Note),
        ] {
            assert_eq!(version(release).level, level, "{release}");
        }
    }

    #[test]
    fn what_is_not_held_decides() {
        let all: CapsHashSet = caps::all();
        let without = |lacking: &[Capability]| {
            capabilities(&all.iter().filter(|one| !lacking.contains(one)).copied().collect())
        };
        assert_eq!(without(&[]).level, Level::Ok);
        assert_eq!(without(&[Capability::CAP_SYS_PTRACE]).level, Level::Missing);
        let fatal = without(&[Capability::CAP_BPF, Capability::CAP_SYS_PTRACE]);
        assert_eq!(fatal.level, Level::Fatal);
        assert_eq!(fatal.next.as_deref(), Some("run it as root, or give it CAP_BPF"));
    }

    #[test]
    fn locked_memory_matters_on_old_kernels_without_the_right_to_raise_it() {
        for (kernel, limit, may_raise, level) in [
            (Some((5, 10)), 64 << 10, false, Level::Fatal),
            (None, 64 << 10, false, Level::Fatal),
            (Some((5, 10)), 64 << 10, true, Level::Ok),
            (Some((5, 10)), u64::MAX, false, Level::Ok),
            (Some((5, 11)), 0, false, Level::Ok),
        ] {
            assert_eq!(locked_memory(kernel, limit, may_raise).level, level, "{kernel:?} {limit}");
        }
    }

    #[test]
    fn settings_of_the_kernel() {
        assert_eq!(lockdown(Some("none integrity [confidentiality]")).level, Level::Fatal);
        assert_eq!(lockdown(Some("none [integrity] confidentiality")).level, Level::Ok);
        assert_eq!(lockdown(None).level, Level::Ok);
        assert_eq!(unprivileged(Some("0\n")).level, Level::Note);
        assert_eq!(unprivileged(Some("2\n")).level, Level::Ok);
        assert_eq!(type_information(false).level, Level::Fatal);
        assert_eq!(login_uid(false).level, Level::Missing);
        assert_eq!(supported("x", Ok(false), "").level, Level::Fatal);
    }
}
