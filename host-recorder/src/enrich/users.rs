//! Names of users, as the process itself would see them: from `/etc/passwd` of its own mount namespace.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

/// How long a file's content is believed.
const FRESH: Duration = Duration::from_secs(60);

/// A name that was not found is looked for again after this.
const RETRY: Duration = Duration::from_secs(2);

/// Largest file that is read, bytes.
const FILE_MAX: u64 = 4 << 20;

/// Mount namespaces remembered.
const NAMESPACES_MAX: usize = 1_024;

struct Names {
    by_uid: HashMap<u32, String>,
    read: Instant,
}

/// Names by mount namespace.
#[derive(Default)]
pub struct Users {
    namespaces: HashMap<u32, Names>,
}

impl Users {
    /// The name of a user for a process in a mount namespace. `pids` are processes to look through, likeliest
    /// first: the namespace is reached through the first that still runs in it.
    pub fn name(&mut self, uid: u32, mount_ns: u32, pids: &[u32]) -> Option<String> {
        let known = self.namespaces.get(&mount_ns);
        let name = known.and_then(|names| names.by_uid.get(&uid)).cloned();
        let fresh = if name.is_some() { FRESH } else { RETRY };
        if known.is_some_and(|names| names.read.elapsed() < fresh) {
            return name;
        }
        let Some(by_uid) = pids.iter().find_map(|pid| read_names(*pid, mount_ns)) else {
            return name;
        };
        if self.namespaces.len() >= NAMESPACES_MAX {
            self.namespaces.retain(|_, names| names.read.elapsed() < FRESH);
        }
        let name = by_uid.get(&uid).cloned();
        self.namespaces.insert(mount_ns, Names { by_uid, read: Instant::now() });
        name
    }
}

fn read_names(pid: u32, mount_ns: u32) -> Option<HashMap<u32, String>> {
    let in_namespace = || std::fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
    let expected = PathBuf::from(format!("mnt:[{mount_ns}]"));
    if in_namespace()? != expected {
        return None;
    }
    let mut text = String::new();
    File::open(format!("/proc/{pid}/root/etc/passwd"))
        .and_then(|file| file.take(FILE_MAX).read_to_string(&mut text))
        .ok()?;
    // The pid may have passed to another process meanwhile.
    (in_namespace()? == expected).then(|| parse(&text))
}

fn parse(text: &str) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        if let (Some(name), _, Some(uid)) = (fields.next(), fields.next(), fields.next())
            && let Ok(uid) = uid.parse()
            && !name.is_empty()
        {
            // The first of several names is the one that the system's own tools show.
            names.entry(uid).or_insert_with(|| name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_an_id_counts() {
        let names =
            parse("root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n\n:x:5:\nalice:x:1000:1000\nbad:x:y\n");
        assert_eq!(names.get(&0).map(String::as_str), Some("root"));
        assert_eq!(names.get(&1000).map(String::as_str), Some("alice"));
        assert_eq!(names.len(), 2);
    }
}
