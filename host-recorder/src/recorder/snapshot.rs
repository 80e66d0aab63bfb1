//! What ran and listened before the recorder did.

use std::collections::HashMap;
use std::collections::HashSet;

use history::Body;
use history::ProcessId;
use history::Seen;

use super::Recorder;
use crate::clock;
use crate::decode::Image;
use crate::decode::Record;
use crate::decode::decode;
use crate::enrich::listeners;
use crate::enrich::proc;

impl Recorder {
    /// Writes what ran and listened before the recorder did.
    pub(super) fn snapshot(&mut self) -> anyhow::Result<()> {
        let now = clock::boot_ns();
        let images = self.running()?;
        let mut namespaces: HashMap<u32, u32> = HashMap::new();
        let mut sockets: HashMap<u64, ProcessId> = HashMap::new();
        let mut inside = Vec::new();
        for image in images {
            let (id, net_ns) = (image.process, image.namespaces.net);
            let process = self.process_of(image, Seen::Snapshot);
            self.processes.insert(process.clone(), now);
            if self.scope.as_ref().is_some_and(|scope| !is_below(&process.cgroup, scope)) {
                continue;
            }
            namespaces.entry(net_ns).or_insert(id.tgid);
            for inode in proc::sockets(id.tgid) {
                sockets.entry(inode).or_insert(id);
            }
            inside.push(process);
        }
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
        }
        for (net_ns, pid) in namespaces {
            for port in listeners::of_namespace(pid) {
                if let Some(owner) = sockets.get(&port.inode) {
                    self.capture.note_listener(net_ns, port.port, port.six, owner)?;
                }
            }
        }
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
fn is_below(path: &str, of: &str) -> bool {
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
