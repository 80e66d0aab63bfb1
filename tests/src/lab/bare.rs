//! The smallest lab: two hosts and one wire between them, no daemons. For measuring, where nothing
//! but the load is to run.

use std::net::Ipv4Addr;

use anyhow::Context;
use anyhow::ensure;

use super::Host;
use super::Lab;
use super::VICTIM;
use super::turn::Turn;

/// Address of the host that sends (TEST-NET-2).
pub const SCANNER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
/// The interface at each end of the wire.
pub const WIRE: &str = "wire0";
/// Hardware address of the victim's end: what frames to anywhere are addressed to.
pub const VICTIM_MAC: &str = "02:00:00:00:00:02";

impl Lab {
    /// Builds two hosts, `scanner` and `victim`, and the wire between them. As with [`Lab::up`],
    /// one lab at a time.
    ///
    /// # Errors
    /// Says which step failed; what was built until then is removed.
    pub fn bare() -> anyhow::Result<Self> {
        let mut lab = Self::found(Some(Turn::take()?))?;
        for (name, address) in [("scanner", SCANNER), ("victim", VICTIM)] {
            let (host, anchor) = Host::start(&lab.dir, &lab.cgroup, name, address)?;
            lab.hosts.push(host);
            lab.children.push(anchor);
        }
        let mut wire = lab.host("scanner")?.command("sh")?;
        wire.args(["-eu", "-c", include_str!("bare.sh"), "bare"]).arg(lab.victim().anchor().to_string());
        let output = wire.output().context("run bare.sh")?;
        ensure!(output.status.success(), "bare.sh: {}", String::from_utf8_lossy(&output.stderr));
        Ok(lab)
    }
}
