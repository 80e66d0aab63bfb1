//! The time of a recorder's programs in the kernel, as the kernel itself counts it.
//!
//! A ratio of two runs cannot tell one percent on a machine whose own unrest is ten; this can. It is what the programs run
//! for, without the way into them, and with the two looks at the clock that counting takes for each.

use std::fs;

use anyhow::Context as _;
use anyhow::ensure;

const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// The kernel counts while this lives; what was switched before is again after.
#[derive(Debug)]
pub struct Counting {
    before: String,
}

impl Counting {
    /// Has the kernel count.
    ///
    /// # Errors
    /// When it does not: it wants root.
    pub fn on() -> anyhow::Result<Self> {
        let before = fs::read_to_string(SWITCH).context(SWITCH)?;
        fs::write(SWITCH, "1").context(SWITCH)?;
        Ok(Self { before })
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let _ = fs::write(SWITCH, self.before.trim());
    }
}

/// What programs took since they were loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Nanoseconds.
    pub ns: u64,
    /// How often one of them ran.
    pub runs: u64,
}

impl Taken {
    /// What all programs took of which a process holds a descriptor.
    ///
    /// # Errors
    /// When the process is gone or holds none.
    pub fn by_those_of(pid: u32) -> anyhow::Result<Self> {
        let dir = format!("/proc/{pid}/fdinfo");
        let (mut all, mut programs) = (Self::default(), 0);
        for entry in fs::read_dir(&dir).with_context(|| dir.clone())? {
            // A descriptor may have been closed since.
            let Some(one) = fs::read_to_string(entry?.path()).ok().as_deref().and_then(Self::of_one) else {
                continue;
            };
            all = Self { ns: all.ns + one.ns, runs: all.runs + one.runs };
            programs += 1;
        }
        ensure!(programs > 0, "process {pid} holds no BPF program");
        Ok(all)
    }

    /// What was taken after `before`.
    pub fn since(self, before: Self) -> Self {
        Self { ns: self.ns.saturating_sub(before.ns), runs: self.runs.saturating_sub(before.runs) }
    }

    /// How much of a load's CPU time that is, %.
    pub fn share_of(self, cpu_s: f64) -> f64 {
        self.ns as f64 / (cpu_s * 1e9) * 100.0
    }

    /// Reads the description of a descriptor; none where it is not of a program.
    fn of_one(fdinfo: &str) -> Option<Self> {
        let figure =
            |name: &str| fdinfo.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        figure("prog_id:").map(|_: u64| ())?;
        Some(Self { ns: figure("run_time_ns:")?, runs: figure("run_cnt:")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_from_other_descriptors() {
        let program =
            "pos:\t0\nflags:\t02000002\nprog_type:\t26\nprog_id:\t41\nrun_time_ns:\t1200\nrun_cnt:\t10\n";
        assert_eq!(Taken::of_one(program), Some(Taken { ns: 1_200, runs: 10 }));
        assert_eq!(Taken::of_one("pos:\t0\nmap_type:\t27\nmap_id:\t9\n"), None);
        // A link names its program, and would count it twice.
        assert_eq!(Taken::of_one("link_type:\ttracing\nlink_id:\t3\nprog_tag:\tab\nprog_id:\t41\n"), None);
        assert!(Taken::by_those_of(std::process::id()).is_err());
    }
}
