//! The lab: three hosts on this machine, as network namespaces with no route out.
//!
//! ```text
//!  laptop 203.0.113.7 ---.                       .--- instance 10.0.1.10 (own files, users, sshd, syslog)
//!                         router (Elastic IP NAT)
//!  victim 198.51.100.20 -'                       '    public address 192.0.2.10
//! ```
//! It owns the hosts, their daemons, their logins and their teardown. It knows nothing of the
//! recorder, the bot, AWS or Slack: those are started in it by [`crate::story`]. Nothing outside
//! its own namespaces, cgroup and directory is changed, and the janitor removes all of these, also
//! when the owner is killed.

mod bare;
mod cgroup;
mod clock;
mod host;
mod instance;
mod janitor;
mod login;
mod noise;
mod process;
mod turn;
mod victim;

use std::net::Ipv4Addr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use anyhow::Context;
use anyhow::ensure;

pub use self::bare::SCANNER;
pub use self::bare::VICTIM_MAC;
pub use self::bare::WIRE;
pub use self::cgroup::Cgroup;
pub use self::cgroup::root as cgroup_root;
pub use self::clock::HostClock;
pub use self::host::Host;
pub use self::janitor::dismiss_all;
pub use self::janitor::remove_stale;
pub use self::login::Session;
pub use self::login::ssh_in_terminal;
pub use self::noise::Noise;
pub use self::process::output_within;
pub use self::process::wait_until;
pub use self::process::wait_within;
pub use self::victim::Seen;

/// Address of the instance inside its VPC.
pub const INSTANCE_PRIVATE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 10);
/// Elastic IP of the instance: what everybody else sees (TEST-NET-1).
pub const INSTANCE_PUBLIC: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
/// Address of the victim (TEST-NET-2).
pub const VICTIM: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 20);
/// An address beside the victim's that no host holds and nobody contacts (TEST-NET-2).
pub const UNTOUCHED: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 99);
/// Address of the admin's laptop (TEST-NET-3).
pub const LAPTOP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);
/// The people and accounts of the instance that have a key to log in with.
pub const USERS: [&str; 3] = ["alice", "bob", "deploy"];

/// Where every running lab keeps its directory.
const LABS: &str = "/run/gumshoe-lab";
/// Every program of the system that the lab runs.
const PROGRAMS: [&str; 18] = [
    "ip",
    "nft",
    "nsenter",
    "ssh",
    "ssh-keygen",
    "sshd",
    "rsyslogd",
    "cron",
    "sudo",
    "useradd",
    "curl",
    "nmap",
    "masscan",
    "tcpdump",
    "python3",
    "setsid",
    "timeout",
    "setpriv",
];

/// A running lab. Dropping it removes everything that it made.
#[derive(Debug)]
pub struct Lab {
    id: String,
    dir: PathBuf,
    cgroup: Cgroup,
    hosts: Vec<Host>,
    children: Vec<Child>,
    janitor: janitor::Janitor,
    _turn: Option<turn::Turn>,
}

impl Lab {
    /// Builds the lab and waits until a login would work. Only one such lab runs on a machine at
    /// a time: waits for its turn.
    ///
    /// # Errors
    /// Says which step failed; what was built until then is removed.
    pub fn up() -> anyhow::Result<Self> {
        Self::build(Some(turn::Turn::take()?))
    }

    /// As [`Lab::up`], beside any other lab: for interactive use.
    ///
    /// # Errors
    /// As [`Lab::up`].
    pub fn up_beside_others() -> anyhow::Result<Self> {
        Self::build(None)
    }

    fn build(turn: Option<turn::Turn>) -> anyhow::Result<Self> {
        let mut lab = Self::found(turn)?;
        lab.make_keys()?;
        for (name, address) in [
            ("instance", INSTANCE_PRIVATE),
            ("victim", VICTIM),
            ("laptop", LAPTOP),
            ("router", Ipv4Addr::LOCALHOST),
        ] {
            let (host, anchor) = Host::start(&lab.dir, &lab.cgroup, name, address)?;
            lab.hosts.push(host);
            lab.children.push(anchor);
        }
        lab.wire()?;
        lab.start_instance_daemons()?;
        lab.start_victim_daemons()?;
        Ok(lab)
    }

    /// A lab with its directory, cgroup and janitor, and no hosts yet.
    fn found(turn: Option<turn::Turn>) -> anyhow::Result<Self> {
        check_machine()?;
        remove_stale()?;
        let id = next_id();
        let dir = Path::new(LABS).join(&id);
        let cgroup = Cgroup::of_lab(&id)?;
        let janitor = janitor::Janitor::hire(&dir, &cgroup).context("start the janitor")?;
        // From here on, dropping the lab cleans up whatever exists.
        let lab = Self { id, dir, cgroup, hosts: Vec::new(), children: Vec::new(), janitor, _turn: turn };
        lab.cgroup.create()?;
        Ok(lab)
    }

    /// The lab's name, unique on this machine: `gs<pid>-<n>`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The lab's directory, removed with the lab: keys, logs, registrations.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The lab's cgroup, parent of each host's.
    pub fn cgroup(&self) -> &Cgroup {
        &self.cgroup
    }

    /// The host of that name: `instance`, `victim`, `laptop` or `router`.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn host(&self, name: &str) -> anyhow::Result<&Host> {
        self.hosts.iter().find(|host| host.name() == name).with_context(|| format!("no host named {name}"))
    }

    /// The instance that is accused.
    pub fn instance(&self) -> &Host {
        &self.hosts[0]
    }

    /// The victim, which counts what reaches it.
    pub fn victim(&self) -> &Host {
        &self.hosts[1]
    }

    /// The admin's laptop, from which people log in.
    pub fn laptop(&self) -> &Host {
        &self.hosts[2]
    }

    /// What joins the networks: the internet gateway with the Elastic IP, and the VPC's resolver.
    pub fn router(&self) -> &Host {
        &self.hosts[3]
    }

    /// A command in this machine's own namespaces that ends with the lab: the bot, the AWS
    /// stand-in. `name` is its cgroup.
    ///
    /// # Errors
    /// When its cgroup cannot be made.
    pub fn service(&self, name: &str, program: impl AsRef<std::ffi::OsStr>) -> anyhow::Result<Command> {
        let cgroup = self.cgroup.child(name);
        cgroup.create()?;
        let mut command = Command::new(program);
        cgroup.join(&mut command)?;
        Ok(command)
    }

    /// Leaves a process to the lab, which waits for it after teardown.
    pub fn keep(&mut self, child: Child) {
        self.children.push(child);
    }

    /// Removes everything, and says what could not be removed.
    ///
    /// # Errors
    /// When something is left.
    pub fn down(mut self) -> anyhow::Result<()> {
        self.tear_down()
    }

    fn tear_down(&mut self) -> anyhow::Result<()> {
        let dismissed = self.janitor.dismiss();
        for child in &mut self.children {
            // The janitor killed it; this only collects the exit status.
            let _ = child.wait();
        }
        self.children.clear();
        dismissed
    }

    fn wire(&self) -> anyhow::Result<()> {
        let mut command = self.router().command("sh")?;
        command.args(["-eu", "-c", include_str!("wire.sh"), "wire"]);
        for host in [self.instance(), self.victim(), self.laptop()] {
            command.arg(host.anchor().to_string());
        }
        let output = command.output().context("run wire.sh")?;
        ensure!(output.status.success(), "wire.sh: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Err(error) = self.tear_down() {
            eprintln!("lab {}: {error:#}", self.id);
        }
    }
}

/// The labs that are up on this machine, by id.
///
/// # Errors
/// When the directory of labs cannot be read.
pub fn running() -> anyhow::Result<Vec<String>> {
    let Ok(entries) = std::fs::read_dir(LABS) else {
        return Ok(Vec::new());
    };
    let mut labs = Vec::new();
    for entry in entries {
        let entry = entry?;
        // The laptop is built late: a lab without it is on its way up or down.
        if entry.path().join("laptop.json").exists() {
            labs.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(labs)
}

fn next_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("gs{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn check_machine() -> anyhow::Result<()> {
    ensure!(
        nix::unistd::geteuid().is_root(),
        "the lab makes namespaces and cgroups: it must run as root (try sudo -E)"
    );
    let places = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let missing: Vec<_> = PROGRAMS
        .into_iter()
        .filter(|program| !places.iter().any(|place| Path::new(place).join(program).exists()))
        .collect();
    ensure!(missing.is_empty(), "not installed: {} (tests/setup.sh installs them)", missing.join(", "));
    Ok(())
}
