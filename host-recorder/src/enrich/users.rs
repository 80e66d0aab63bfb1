//! Names of users: the host's own, and in a container those of that container.
//!
//! Whoever has a user or mount namespace, or a root directory, of his own making chooses what he calls others there. So
//! names are read from a process's files only where the host's container runtime put it, and never through a user
//! namespace, in which the numbers mean other users too. Who logged in is named once, where the session began.

use std::collections::HashMap;
use std::fs::File;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use history::Namespaces;

/// A file is looked at again after this: a number may be given to another user.
const FRESH: Duration = Duration::from_secs(1);

/// Largest file that is read, bytes.
const FILE_MAX: u64 = 4 << 20;

/// Mount namespaces remembered.
const NAMESPACES_MAX: usize = 1_024;

/// Sessions remembered.
const SESSIONS_MAX: usize = 16_384;

/// Where a process's names are.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its namespaces.
    pub namespaces: Namespaces,
    /// Whether it runs in a container.
    pub is_contained: bool,
    /// Processes to look through, likeliest first: its mount namespace is reached through the first that still runs in it.
    pub pids: &'a [u32],
}

/// Names by number.
#[derive(Debug, Default)]
struct Names {
    by_uid: HashMap<u32, String>,
    looked: Option<Instant>,
    stamp: Option<Stamp>,
}

/// What tells one content of a file from another: device, inode, time of change (seconds, nanoseconds), length.
type Stamp = (u64, u64, i64, i64, u64);

/// Names of users.
pub struct Users {
    /// The file of the host's names.
    file: PathBuf,
    host: Names,
    /// The host's user namespace.
    user_namespace: u32,
    /// Of containers, by mount namespace.
    inside: HashMap<u32, Names>,
    /// Of who logged in, by number and audit session.
    sessions: HashMap<(u32, u32), String>,
}

impl Users {
    /// The names of this host.
    pub fn of_host() -> Self {
        let namespace = std::fs::metadata("/proc/self/ns/user").map_or(0, |at| at.ino() as u32);
        Self::new(PathBuf::from("/etc/passwd"), namespace)
    }

    fn new(file: PathBuf, user_namespace: u32) -> Self {
        let (inside, sessions) = (HashMap::new(), HashMap::new());
        Self { file, host: Names::default(), user_namespace, inside, sessions }
    }

    /// The name of a user for a process.
    pub fn name(&mut self, uid: u32, place: Place) -> Option<String> {
        if !place.is_contained || place.namespaces.user != self.user_namespace {
            self.host.refresh(|| open(&self.file, 0));
            return self.host.by_uid.get(&uid).cloned();
        }
        let mount = place.namespaces.mount;
        if !self.inside.contains_key(&mount) && self.inside.len() >= NAMESPACES_MAX {
            self.inside.clear();
        }
        let names = self.inside.entry(mount).or_default();
        names.refresh(|| place.pids.iter().find_map(|pid| open_inside(*pid, mount)));
        names.by_uid.get(&uid).cloned()
    }

    /// The name of the one who began an audit session, where it is known.
    pub fn of_session(&self, uid: u32, session: Option<u32>) -> Option<String> {
        self.sessions.get(&(uid, session?)).cloned()
    }

    /// Notes the name of the one who began an audit session; the first counts.
    pub fn note_session(&mut self, uid: u32, session: Option<u32>, name: &str) {
        let Some(session) = session else { return };
        if self.sessions.len() >= SESSIONS_MAX {
            self.sessions.clear();
        }
        self.sessions.entry((uid, session)).or_insert_with(|| name.to_owned());
    }
}

impl Names {
    /// Reads the file anew where it is another one than before; what cannot be read keeps its names.
    fn refresh(&mut self, open: impl FnOnce() -> Option<File>) {
        if self.looked.is_some_and(|looked| looked.elapsed() < FRESH) {
            return;
        }
        let Some(file) = open() else { return };
        self.looked = Some(Instant::now());
        let Some(stamp) =
            file.metadata().ok().map(|it| (it.dev(), it.ino(), it.mtime(), it.mtime_nsec(), it.len()))
        else {
            return;
        };
        if self.stamp != Some(stamp) {
            let mut text = String::new();
            if file.take(FILE_MAX).read_to_string(&mut text).is_ok() {
                (self.by_uid, self.stamp) = (parse(&text), Some(stamp));
            }
        }
    }
}

/// Opens a file. A pipe in its place would keep us waiting.
fn open(path: &Path, flags: i32) -> Option<File> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | flags).open(path).ok()?;
    file.metadata().ok()?.is_file().then_some(file)
}

/// Opens the names of a mount namespace through a process that runs in it.
fn open_inside(pid: u32, mount: u32) -> Option<File> {
    let in_namespace = || std::fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
    let expected = PathBuf::from(format!("mnt:[{mount}]"));
    if in_namespace()? != expected {
        return None;
    }
    // A link would lead out of the container.
    let file = open(Path::new(&format!("/proc/{pid}/root/etc/passwd")), libc::O_NOFOLLOW)?;
    // The pid may have passed to another process meanwhile.
    (in_namespace()? == expected).then_some(file)
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

    #[test]
    fn a_number_that_is_given_to_another_has_the_new_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("passwd");
        std::fs::write(&file, "bob:x:1001:1001\n").unwrap();
        let mut names = Names::default();
        let look = |names: &mut Names| {
            names.looked = None;
            names.refresh(|| open(&file, 0));
            names.by_uid.get(&1001).cloned()
        };
        assert_eq!(look(&mut names).as_deref(), Some("bob"));
        // As useradd does: a new file in the old one's place.
        std::fs::write(dir.path().join("new"), "eve:x:1001:1001\n").unwrap();
        std::fs::rename(dir.path().join("new"), &file).unwrap();
        assert_eq!(look(&mut names).as_deref(), Some("eve"));
        // What cannot be read, or is a pipe that nobody writes, changes nothing and keeps nobody waiting.
        std::fs::remove_file(&file).unwrap();
        assert_eq!(look(&mut names).as_deref(), Some("eve"));
        nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(look(&mut names).as_deref(), Some("eve"));
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
        assert!(open(&dir.path().join("link"), libc::O_NOFOLLOW).is_none());
    }

    #[test]
    fn only_a_container_in_the_hosts_user_namespace_has_names_of_its_own() {
        let own = |name: &str| std::fs::metadata(format!("/proc/self/ns/{name}")).unwrap().ino() as u32;
        let (user, mount) = (own("user"), own("mnt"));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("passwd");
        std::fs::write(&file, "god:x:0:0\n").unwrap();
        let mut users = Users::new(file, user);
        let pids = [std::process::id()];
        // Through this very process, whose file says root as everywhere.
        let mut name = |user, is_contained| {
            let namespaces = Namespaces { mount, user, ..Namespaces::default() };
            users.name(0, Place { namespaces, is_contained, pids: &pids })
        };
        assert_eq!(name(user, true).as_deref(), Some("root"));
        assert_eq!(name(user, false).as_deref(), Some("god"));
        assert_eq!(name(user + 1, true).as_deref(), Some("god"));
        users.note_session(1000, Some(7), "alice");
        users.note_session(1000, Some(7), "node");
        users.note_session(1000, None, "node");
        assert_eq!(users.of_session(1000, Some(7)).as_deref(), Some("alice"));
        assert_eq!(users.of_session(1000, Some(8)).or(users.of_session(1000, None)), None);
    }
}
