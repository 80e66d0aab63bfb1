//! What ran and listened before the recorder did.

use std::collections::HashSet;

use history::Body;
use history::FlowState;
use history::ProcessId;
use history::Protocol;
use history::Seen;

use super::Recorder;
use crate::clock;
use crate::decode::Image;
use crate::decode::Record;
use crate::decode::decode;
use crate::enrich::proc;

impl Recorder {
    /// Writes what ran and which sockets were open before the recorder was there.
    pub(super) fn snapshot(&mut self) -> anyhow::Result<()> {
        let now = clock::boot_ns();
        let mut inside = Vec::new();
        for image in self.running()? {
            let process = self.process_of(image, Seen::Snapshot);
            self.processes.insert(process.clone(), now);
            if self.scope.as_ref().is_none_or(|scope| is_below(&process.cgroup, scope)) {
                inside.push(process);
            }
        }
        let known: HashSet<ProcessId> = inside.iter().map(|process| process.id).collect();
        // Written once all are known, so that each finds its parent.
        for process in &inside {
            self.append(now, Body::Process(Box::new(process.clone())));
        }
        // A caller is known before what it called.
        inside.sort_by_key(|process| process.id.start_ns);
        for process in inside {
            if let Some(begun) = self.beginnings.executed(&process, &self.processes, process.id.start_ns) {
                self.take_begun(begun);
            }
            // Terminals that are kept already; who used them before is not known.
            self.look_for_terminals(&process, process.id.start_ns);
        }
        self.open_sockets(&known)
    }

    /// Takes the sockets that these processes hold open.
    fn open_sockets(&mut self, known: &HashSet<ProcessId>) -> anyhow::Result<()> {
        let mut connections = Vec::new();
        let mut receives = false;
        for bytes in self.capture.sockets()? {
            match decode(&bytes, &self.clock) {
                Ok(Record::Connections { changes, .. }) => connections.extend(changes),
                Ok(Record::Packets { flows, .. }) => {
                    let ours = |owner: Option<ProcessId>| owner.is_some_and(|owner| known.contains(&owner));
                    for (boot_ns, flow) in flows.into_iter().filter(|(_, flow)| ours(flow.owner)) {
                        if flow.protocol == Protocol::UDP && !flow.local.address.is_loopback() {
                            receives = true;
                        }
                        self.flows.packets(boot_ns, flow);
                    }
                }
                other => tracing::warn!(?other, "an entry of the kernel's socket list could not be read"),
            }
        }
        if receives {
            self.capture.need_receiving();
        }
        connections.retain(|change| change.flow.owner.is_some_and(|owner| known.contains(&owner)));
        let listening: HashSet<u16> = connections
            .iter()
            .filter(|change| change.flow.state == FlowState::Listening)
            .map(|change| change.flow.local.port)
            .collect();
        self.flows.listened(listening);
        connections.into_iter().for_each(|change| self.flows.connection(change));
        Ok(())
    }

    /// Images of all processes that run now, from the kernel's list and, for their texts, /proc.
    fn running(&self) -> anyhow::Result<Vec<Image>> {
        let mut images = Vec::new();
        for bytes in self.capture.tasks()? {
            match decode(&bytes, &self.clock) {
                Ok(Record::Image(image)) => images.push(*image),
                other => tracing::warn!(?other, "an entry of the kernel's process list could not be read"),
            }
        }
        // Some kernels' lists begin after the first process; its children name it.
        let listed: HashSet<ProcessId> = images.iter().map(|image| image.process).collect();
        let missing: HashSet<ProcessId> = images
            .iter()
            .filter_map(|image| image.parent)
            .filter(|parent| !listed.contains(parent))
            .collect();
        for process in missing {
            if let Some((comm, credentials)) = proc::read_identity(process.tgid) {
                images.push(Image { process, comm, credentials, ..Image::default() });
            }
        }
        let now = clock::boot_ns();
        for image in &mut images {
            let texts = proc::read_texts(image.process.tgid);
            image.boot_ns = now;
            image.argv = texts.argv;
            image.env = texts.env;
            image.exe = texts.exe;
            image.cwd = texts.cwd;
            image.tty = texts.tty;
        }
        Ok(images)
    }
}

/// Whether a cgroup lies in another one's subtree.
pub(super) fn is_below(path: &str, of: &str) -> bool {
    let of = of.trim_end_matches('/');
    path == of || path.strip_prefix(of).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtrees_are_told_from_like_names() {
        for (path, of, expected) in [
            ("/a/b", "/a", true),
            ("/a", "/a", true),
            ("/ab", "/a", false),
            ("/a", "/a/b", false),
            ("/x", "/", true),
        ] {
            assert_eq!(is_below(path, of), expected, "{path} below {of}");
        }
    }
}
