//! The system calls of the optional tier: their names, numbers and arguments.

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error;

/// A system call that can be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Syscall {
    /// Its name.
    pub name: &'static str,
    /// Its number on this architecture.
    pub number: u32,
    /// How many arguments it has.
    pub arguments: usize,
    /// Which of them are texts, for the programs: argument number plus one in the low four bits, and of a second one
    /// in the high four.
    pub texts: u8,
}

impl<'de> Deserialize<'de> for Syscall {
    fn deserialize<D: Deserializer<'de>>(name: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(name)?).map_err(D::Error::custom)
    }
}

impl TryFrom<String> for Syscall {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        by_name(&text).ok_or_else(|| {
            let names = || SYSCALLS.iter().map(|call| call.name);
            let nearest = history::nearest(&text, names()).unwrap_or_default();
            let all: Vec<&str> = names().collect();
            format!(
                "{text:?} is no system call that can be recorded; did you mean {nearest:?}? All: {}",
                all.join(" ")
            )
        })
    }
}

impl Syscall {
    /// The place of an argument among the texts of a record, where it is one.
    pub fn text_of(&self, argument: usize) -> Option<usize> {
        let number = argument as u8 + 1;
        [self.texts & 15, self.texts >> 4].iter().position(|text| *text == number)
    }
}

const fn call(name: &'static str, number: libc::c_long, arguments: usize, texts: u8) -> Syscall {
    Syscall { name, number: number as u32, arguments, texts }
}

/// All that can be chosen. Some are not there on every architecture: their newer forms are.
pub const SYSCALLS: &[Syscall] = &[
    call("setuid", libc::SYS_setuid, 1, 0),
    call("setgid", libc::SYS_setgid, 1, 0),
    call("setreuid", libc::SYS_setreuid, 2, 0),
    call("setregid", libc::SYS_setregid, 2, 0),
    call("setresuid", libc::SYS_setresuid, 3, 0),
    call("setresgid", libc::SYS_setresgid, 3, 0),
    call("ptrace", libc::SYS_ptrace, 4, 0),
    call("bpf", libc::SYS_bpf, 3, 0),
    call("init_module", libc::SYS_init_module, 3, 0x03),
    call("finit_module", libc::SYS_finit_module, 3, 0x02),
    call("memfd_create", libc::SYS_memfd_create, 2, 0x01),
    call("mount", libc::SYS_mount, 5, 0x21),
    call("unshare", libc::SYS_unshare, 1, 0),
    call("setns", libc::SYS_setns, 2, 0),
    call("kill", libc::SYS_kill, 2, 0),
    call("openat", libc::SYS_openat, 4, 0x02),
    call("renameat", libc::SYS_renameat, 4, 0x42),
    call("renameat2", libc::SYS_renameat2, 5, 0x42),
    call("unlinkat", libc::SYS_unlinkat, 3, 0x02),
    call("fchmodat", libc::SYS_fchmodat, 3, 0x02),
    call("linkat", libc::SYS_linkat, 5, 0x42),
    call("symlinkat", libc::SYS_symlinkat, 3, 0x31),
    #[cfg(target_arch = "x86_64")]
    call("open", libc::SYS_open, 3, 0x01),
    #[cfg(target_arch = "x86_64")]
    call("creat", libc::SYS_creat, 2, 0x01),
    #[cfg(target_arch = "x86_64")]
    call("rename", libc::SYS_rename, 2, 0x21),
    #[cfg(target_arch = "x86_64")]
    call("unlink", libc::SYS_unlink, 1, 0x01),
    #[cfg(target_arch = "x86_64")]
    call("chmod", libc::SYS_chmod, 2, 0x01),
    #[cfg(target_arch = "x86_64")]
    call("link", libc::SYS_link, 2, 0x21),
    #[cfg(target_arch = "x86_64")]
    call("symlink", libc::SYS_symlink, 2, 0x21),
];

/// The system call of a name.
pub fn by_name(name: &str) -> Option<Syscall> {
    SYSCALLS.iter().find(|call| call.name == name).copied()
}

/// The system call of a number.
pub fn by_number(number: u32) -> Option<Syscall> {
    SYSCALLS.iter().find(|call| call.number == number).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_found_and_fit_the_programs() {
        for call in SYSCALLS {
            assert_eq!(by_name(call.name), Some(*call));
            assert_eq!(by_number(call.number), Some(*call));
            assert!(call.number < 512 && call.arguments <= 6, "{}", call.name);
            assert!(
                [call.texts & 15, call.texts >> 4]
                    .iter()
                    .all(|text| usize::from(*text) <= call.arguments.min(4))
            );
        }
        assert_eq!(by_name("getppid"), None);
        let rename = by_name("renameat2").unwrap();
        assert_eq!((rename.text_of(0), rename.text_of(1), rename.text_of(3)), (None, Some(0), Some(1)));
    }
}
