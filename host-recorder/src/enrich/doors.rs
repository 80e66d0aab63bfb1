//! By what a running process may be asked for its work without any traffic: local sockets on which it waits, named pipes
//! that it reads, directories and files that it has watched. The kernel has no hook for these, so /proc is asked while
//! the process holds them.

use std::collections::HashSet;
use std::fs::DirEntry;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Descriptors of a process that are looked at. Where it has more, others may ask it by those.
const DESCRIPTORS_MAX: usize = 4_096;

/// Bytes of the list of local sockets that are read. Where it is longer, others may ask by one of the rest.
const SOCKETS_MAX: u64 = 4 << 20;

/// Doors of a process that are told.
const TOLD_MAX: usize = 4;

/// Longest name of one that is told, bytes.
const NAME_MAX: usize = 108;

/// Flag of a local socket that waits for connections, the type of one that takes datagrams, and the state of one that is
/// connected (`/proc/net/unix`).
const LISTENS: u32 = 1 << 16;
const DATAGRAMS: u32 = 2;
const CONNECTED: u32 = 3;

/// Who else than a file's owner may write to it, and who may pass through a folder.
const OTHERS_WRITE: u32 = 0o022;
const OTHERS_PASS: u32 = 0o011;

/// What is known of one descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Held {
    /// A socket of any kind, by its inode.
    Socket(u64),
    Pipe(String),
    Watch,
}

/// By what a process may be asked for its work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Doors {
    /// Names of local sockets on which it takes requests.
    pub serves: Vec<String>,
    /// Named pipes that it reads, that it has files watched, and local sockets that only its user may connect to and nobody
    /// is connected to, in words.
    pub awaits: Vec<String>,
    /// Descriptors, and ends of the list of local sockets, that were not looked at.
    pub unseen: u64,
    /// Whether there is such a socket: somebody may connect to it at any time.
    pub may_serve: bool,
}

/// A local socket on which a process takes requests.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Serving {
    name: String,
    /// Whether it takes connections, and none stands.
    is_idle: bool,
}

/// Those of a process; none where it has ended. `own` is its user where it is its person's own account: then a socket that
/// only that user may connect to is told apart.
pub fn doors(pid: u32, own: Option<u32>) -> Doors {
    let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return Doors::default();
    };
    let mut descriptors = descriptors.flatten();
    let held: Vec<Held> =
        descriptors.by_ref().take(DESCRIPTORS_MAX).filter_map(|entry| held(pid, &entry)).collect();
    let beyond = descriptors.count() as u64;
    let mut sockets = Vec::new();
    if held.iter().any(|held| matches!(held, Held::Socket(_))) {
        // What cannot be read names none.
        let _ = File::open(format!("/proc/{pid}/net/unix"))
            .and_then(|file| file.take(SOCKETS_MAX).read_to_end(&mut sockets));
    }
    let is_cut = sockets.len() as u64 == SOCKETS_MAX;
    // Whoever is connected to it may stand in what was not read.
    let own = own.filter(|_| !is_cut);
    let is_private = |name: &str| own.is_some_and(|uid| is_private(pid, name, uid));
    told(&held, &String::from_utf8_lossy(&sockets), is_private).with_unseen(beyond, is_cut)
}

impl Doors {
    /// What was not looked at may be one by which others ask.
    fn with_unseen(mut self, descriptors: u64, is_cut: bool) -> Self {
        let unseen = [
            (descriptors > 0, "one of more descriptors than are looked at"),
            (is_cut, "one of more local sockets than are looked at"),
        ];
        self.awaits.extend(unseen.into_iter().filter(|(is_so, _)| *is_so).map(|(_, what)| what.to_owned()));
        self.unseen = descriptors + u64::from(is_cut);
        self
    }
}

/// Whether only a user, and root, may connect to a local socket, as far as its file and the folders above it tell. One
/// without a file is everybody's.
fn is_private(pid: u32, name: &str, uid: u32) -> bool {
    let Some(within) = name.strip_prefix('/').filter(|_| name.len() < NAME_MAX) else { return false };
    let file = Path::new("/proc").join(pid.to_string()).join("root").join(within);
    let Ok(socket) = std::fs::metadata(&file) else { return false };
    let is_owned = |owner: u32| owner == uid || owner == 0;
    // A list of access stands behind the group's bits.
    if !socket.file_type().is_socket() || !is_owned(socket.uid()) {
        return false;
    }
    let folders = file.ancestors().skip(1).take(within.split('/').count());
    let is_closed = |folder: &Path| {
        let about = std::fs::metadata(folder);
        about.is_ok_and(|about| is_owned(about.uid()) && about.mode() & OTHERS_PASS == 0)
    };
    socket.mode() & OTHERS_WRITE == 0 || folders.into_iter().any(is_closed)
}

fn held(pid: u32, entry: &DirEntry) -> Option<Held> {
    let target = std::fs::read_link(entry.path()).ok()?;
    let target = target.to_string_lossy();
    if let Some(inode) = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) {
        return inode.parse().ok().map(Held::Socket);
    }
    if matches!(&*target, "anon_inode:inotify" | "inotify" | "anon_inode:[fanotify]") {
        return Some(Held::Watch);
    }
    // One without a name any more is a script's own.
    let is_pipe = target.starts_with('/')
        && !target.ends_with(" (deleted)")
        && std::fs::metadata(entry.path()).is_ok_and(|metadata| metadata.file_type().is_fifo());
    (is_pipe && is_read(pid, entry)).then(|| Held::Pipe(target.into_owned()))
}

/// Whether a descriptor was opened for reading.
fn is_read(pid: u32, entry: &DirEntry) -> bool {
    let about = Path::new("/proc").join(pid.to_string()).join("fdinfo").join(entry.file_name());
    let about = std::fs::read_to_string(about).unwrap_or_default();
    let flags =
        about.lines().find_map(|line| i32::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok());
    flags.is_some_and(|flags| flags & libc::O_ACCMODE != libc::O_WRONLY)
}

/// What descriptors are for, by the kernel's list of local sockets.
fn told(held: &[Held], sockets: &str, is_private: impl Fn(&str) -> bool) -> Doors {
    let is_connected = |name: &str| sockets.lines().skip(1).any(|line| stands(line, name));
    let serving = sockets.lines().skip(1).filter_map(|line| awaited(line, held)).map(|(name, connects)| {
        let is_idle = connects && !is_connected(name);
        Serving { name: cut(name).to_owned(), is_idle }
    });
    let (idle, serves): (Vec<_>, Vec<_>) =
        serving.partition(|serving| serving.is_idle && is_private(&serving.name));
    let awaits = held.iter().filter_map(|held| match held {
        Held::Pipe(path) => Some(format!("named pipe {}", cut(path))),
        Held::Watch => Some("files that are watched".to_owned()),
        Held::Socket(_) => None,
    });
    let may_serve = !idle.is_empty();
    let idle = idle.into_iter().map(|serving| format!("local socket {} of its user alone", serving.name));
    Doors {
        serves: some(serves.into_iter().map(|serving| serving.name)),
        awaits: some(awaits.chain(idle)),
        may_serve,
        unseen: 0,
    }
}

/// The first of them, each once.
fn some(doors: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    doors.filter(|door| seen.insert(door.clone())).take(TOLD_MAX).collect()
}

/// A line's socket, where it is one of those held and others can reach it by name, and whether they connect to it:
/// `number: references protocol flags type state inode path`.
fn awaited<'a>(line: &'a str, held: &[Held]) -> Option<(&'a str, bool)> {
    let mut fields = line.split_ascii_whitespace().skip(3);
    let flags = u32::from_str_radix(fields.next()?, 16).ok()?;
    let kind = u32::from_str_radix(fields.next()?, 16).ok()?;
    let inode: u64 = fields.nth(1)?.parse().ok()?;
    let path = fields.next()?;
    let waits = flags & LISTENS != 0 || kind == DATAGRAMS;
    (waits && held.contains(&Held::Socket(inode))).then_some((path, flags & LISTENS != 0))
}

/// Whether a line is a connection that was made to a name.
fn stands(line: &str, name: &str) -> bool {
    let mut fields = line.split_ascii_whitespace().skip(5);
    let state = fields.next().and_then(|state| u32::from_str_radix(state, 16).ok());
    state == Some(CONNECTED) && fields.nth(1) == Some(name)
}

fn cut(name: &str) -> &str {
    let end = (0..=NAME_MAX.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    &name[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOCKETS: &str = "Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 101 /run/app.sock
0000000000000000: 00000002 00000000 00010000 0005 01 102 @abstract
0000000000000000: 00000003 00000000 00000000 0001 03 103 /run/app.sock
0000000000000000: 00000002 00000000 00000000 0002 01 104 /dev/log
0000000000000000: 00000002 00000000 00000000 0002 01 105
broken
";

    #[test]
    fn who_waits_on_what_others_can_reach_is_told() {
        let of = |held: &[Held]| told(held, SOCKETS, |_| false).serves;
        assert_eq!(of(&[Held::Socket(101)]), ["/run/app.sock"]);
        assert_eq!(of(&[Held::Socket(102), Held::Socket(7)]), ["@abstract"]);
        assert_eq!(
            of(&[Held::Socket(103), Held::Socket(105)]),
            [""; 0],
            "a connection, and one without a name"
        );
        assert_eq!(of(&[Held::Socket(104)]), ["/dev/log"]);
        let pipe = Held::Pipe(format!("/{}", "ä".repeat(80)));
        let all = [Held::Watch, pipe, Held::Socket(101)];
        let of_all = |private: bool, sockets: &str| told(&all, sockets, |_| private);
        // One that is its user's alone, and is connected to or not.
        let idle = SOCKETS.replace("0001 03 103 /run/app.sock", "0001 03 103 /run/other.sock");
        let all_told = |private, sockets: &str| {
            let told = of_all(private, sockets);
            (told.serves.len(), told.awaits.len(), told.may_serve)
        };
        assert_eq!(all_told(true, SOCKETS), (1, 2, false));
        assert_eq!(all_told(false, &idle), (1, 2, false));
        assert_eq!(all_told(true, &idle), (0, 3, true));
        let datagrams = told(&[Held::Socket(104)], SOCKETS, |_| true);
        assert_eq!((datagrams.serves.len(), datagrams.may_serve), (1, false), "nobody connects to it");
        let told = of_all(false, SOCKETS);
        assert_eq!(told.awaits[0], "files that are watched");
        assert!(told.awaits[1].starts_with("named pipe /ää") && told.awaits[1].len() < 130, "{told:?}");
    }

    #[test]
    fn what_is_not_looked_at_is_counted_and_may_be_one() {
        // Another process holds them, so that other tests have their descriptors.
        let mut held = std::process::Command::new("python3")
            .args([
                "-c",
                "import os,sys\nfor _ in range(4200): os.dup(0)\nprint(flush=True); sys.stdin.read()",
            ])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let is_ready = held.stdout.as_mut().unwrap().read(&mut [0; 1]).unwrap();
        let told = doors(held.id(), None);
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", held.id())).unwrap().count();
        drop(held.stdin.take());
        held.wait().unwrap();
        assert_eq!(is_ready, 1, "{told:?}");
        assert_eq!(told.unseen, (descriptors - DESCRIPTORS_MAX) as u64);
        assert_eq!(told.awaits, ["one of more descriptors than are looked at"]);
        let cut = Doors::default().with_unseen(0, true);
        assert_eq!(
            (cut.unseen, &cut.awaits[..]),
            (1, &["one of more local sockets than are looked at".to_owned()][..])
        );
    }

    #[test]
    fn this_very_process() {
        use std::os::unix::fs::PermissionsExt;
        use std::os::unix::net::UnixListener;

        let dir = tempfile::tempdir().unwrap();
        let (path, pipe) = (dir.path().join("sock"), dir.path().join("pipe"));
        let _listener = UnixListener::bind(&path).unwrap();
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let _both = File::options().read(true).write(true).open(&pipe).unwrap();
        let told = doors(std::process::id(), None);
        assert!(told.serves.contains(&path.display().to_string()), "{told:?}");
        assert!(told.awaits.contains(&format!("named pipe {}", pipe.display())), "{told:?}");
        assert_eq!(doors(u32::MAX, None), Doors::default());
        // Whose it is alone is told by its file and the folders above.
        let uid = nix::unistd::getuid().as_raw();
        let private = |folder: u32, socket: u32| {
            let mode = std::fs::Permissions::from_mode;
            std::fs::set_permissions(dir.path(), mode(folder)).unwrap();
            std::fs::set_permissions(&path, mode(socket)).unwrap();
            is_private(std::process::id(), path.to_str().unwrap(), uid)
        };
        assert!(private(0o755, 0o700) && private(0o700, 0o777) && !private(0o711, 0o777));
        assert!(!private(0o755, 0o720) && !private(0o755, 0o702));
        assert!(!is_private(std::process::id(), "@abstract", uid));
        assert!(uid == u32::MAX || !is_private(std::process::id(), pipe.to_str().unwrap(), uid), "no socket");
    }
}
