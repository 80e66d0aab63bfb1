//! One host's evidence, indexed. The evidence may lie: every walk is bounded, and what contradicts itself
//! is noted.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;

use history::Evidence;
use history::Exit;
use history::LoginEvent;
use history::Process;
use history::ProcessId;
use history::Seen;

use crate::case::ProcessView;
use crate::untrusted::Untrusted;
use crate::untrusted::cut_bytes;

/// Longest way from a process to its first ancestor.
const DEPTH_MAX: usize = 64;

/// Most processes that are looked at; a host has no more in one answer.
const PROCESSES_MAX: usize = 200_000;

/// Longest path that Linux takes, bytes.
const PATH_MAX: usize = 4_096;

/// A process without its images.
pub(super) type Identity = (u64, u32, u64);

pub(super) fn identity(id: ProcessId) -> Identity {
    (id.boot.0, id.tgid, id.start_ns)
}

/// One host's evidence, indexed.
pub(super) struct Host<'a> {
    pub name: String,
    pub evidence: &'a Evidence,
    images: HashMap<Identity, Vec<&'a Process>>,
    children: HashMap<Identity, Vec<Identity>>,
    exits: HashMap<Identity, &'a Exit>,
    users: HashMap<u32, &'a str>,
    logins: HashMap<Identity, Vec<&'a LoginEvent>>,
    contradictions: RefCell<BTreeSet<String>>,
}

/// The way from a process to its first known ancestor.
pub(super) struct Lineage<'a> {
    /// The process's earlier images and its ancestors, nearest first.
    pub ancestors: Vec<&'a Process>,
    /// The parent that is named and not in the evidence, where the way ends early.
    pub missing: Option<ProcessId>,
    /// Whether it ends at the first process.
    pub to_the_top: bool,
}

impl<'a> Host<'a> {
    pub fn new(name: String, evidence: &'a Evidence) -> Self {
        let mut host = Self {
            name,
            evidence,
            images: HashMap::new(),
            children: HashMap::new(),
            exits: HashMap::new(),
            users: HashMap::new(),
            logins: HashMap::new(),
            contradictions: RefCell::default(),
        };
        if evidence.processes.len() > PROCESSES_MAX {
            host.contradiction("it names more processes than a host has");
        }
        for process in evidence.processes.iter().take(PROCESSES_MAX) {
            host.images.entry(identity(process.id)).or_default().push(process);
            if let Some(parent) = process.parent {
                host.children.entry(identity(parent)).or_default().push(identity(process.id));
            }
            if let Some(user) = process.user.as_deref().filter(|user| !user.is_empty()) {
                host.users.entry(process.credentials.uid).or_insert(user);
            }
            if let (Some(uid), Some(user)) = (process.credentials.login_uid, process.login_user.as_deref()) {
                host.users.entry(uid).or_insert(user);
            }
        }
        for images in host.images.values_mut() {
            // Of two records of one image the one whose execve was seen says most.
            images.sort_by_key(|process| (process.id.exec, process.seen != Seen::Exec));
            images.dedup_by_key(|process| process.id.exec);
        }
        for exit in evidence.exits.iter().take(PROCESSES_MAX) {
            host.exits.insert(identity(exit.process), exit);
        }
        for event in evidence.logins.iter().take(PROCESSES_MAX) {
            if let Some(process) = event.login.process {
                host.logins.entry(identity(process)).or_default().push(event);
            }
        }
        host
    }

    /// Notes that the evidence contradicts itself.
    pub fn contradiction(&self, what: &str) {
        self.contradictions.borrow_mut().insert(what.to_owned());
    }

    /// What contradicts itself in the evidence, as far as was looked.
    pub fn contradictions(&self) -> Vec<String> {
        self.contradictions.borrow().iter().cloned().collect()
    }

    /// A process image; where that very image is not recorded, the nearest earlier or else later one.
    pub fn find(&self, id: ProcessId) -> Option<&'a Process> {
        let images = self.images.get(&identity(id))?;
        let at = images.partition_point(|process| process.id.exec <= id.exec);
        images.get(at.saturating_sub(1)).copied()
    }

    /// Logins that a process let in.
    pub fn logins_by(&self, process: &Process) -> &[&'a LoginEvent] {
        self.logins.get(&identity(process.id)).map_or(&[], Vec::as_slice)
    }

    /// How a process ended.
    pub fn exit(&self, id: ProcessId) -> Option<&'a Exit> {
        self.exits.get(&identity(id)).copied()
    }

    /// A user's name, where the evidence has it.
    pub fn known_user(&self, uid: u32) -> Option<Untrusted> {
        match self.users.get(&uid) {
            Some(user) => Some(Untrusted::new(user)),
            None => (uid == 0).then(|| Untrusted::new("root")),
        }
    }

    /// A user's name, or `uid N`.
    pub fn user(&self, uid: u32) -> Untrusted {
        self.known_user(uid).unwrap_or_else(|| Untrusted::new(&format!("uid {uid}")))
    }

    /// A process and everything below it.
    pub fn below(&self, top: &Process) -> HashSet<Identity> {
        let mut found = HashSet::from([identity(top.id)]);
        let mut open = vec![identity(top.id)];
        while let Some(at) = open.pop() {
            for child in self.children.get(&at).into_iter().flatten() {
                if found.insert(*child) {
                    open.push(*child);
                }
            }
        }
        found
    }

    /// The way up from a process.
    pub fn lineage(&self, process: &'a Process) -> Lineage<'a> {
        let mut lineage = Lineage { ancestors: Vec::new(), missing: None, to_the_top: false };
        let mut seen = HashSet::from([identity(process.id)]);
        let mut at = process;
        loop {
            self.push_earlier_images(at, &mut lineage.ancestors);
            let Some(parent) = self.first_parent(at) else {
                lineage.to_the_top = at.id.tgid <= 2;
                return lineage;
            };
            if !seen.insert(identity(parent)) {
                self.contradiction("a process is its own ancestor");
                lineage.missing = Some(parent);
                return lineage;
            }
            if lineage.ancestors.len() >= DEPTH_MAX {
                self.contradiction("a process has more ancestors than is believable");
                lineage.missing = Some(parent);
                return lineage;
            }
            let Some(found) = self.find(parent) else {
                // The first process's parent is the kernel.
                lineage.to_the_top = at.id.tgid <= 2 || parent.tgid == 0;
                lineage.missing = (!lineage.to_the_top).then_some(parent);
                return lineage;
            };
            if found.id.start_ns > at.id.start_ns && found.id.boot == at.id.boot {
                self.contradiction("a process is older than its parent");
            }
            lineage.ancestors.push(found);
            at = found;
        }
    }

    /// What a process was before it executed its present program, such as the `sudo` that became it.
    fn push_earlier_images(&self, process: &'a Process, ancestors: &mut Vec<&'a Process>) {
        let Some(images) = self.images.get(&identity(process.id)) else {
            return;
        };
        let mut exe = process.exe.as_str();
        for image in images.iter().rev().filter(|image| image.id.exec < process.id.exec).take(DEPTH_MAX) {
            if image.seen != Seen::Fork && image.exe != exe && ancestors.len() < DEPTH_MAX {
                ancestors.push(image);
                exe = &image.exe;
            }
        }
    }

    /// The parent; where this image's record lacks it, an earlier image's.
    fn first_parent(&self, process: &Process) -> Option<ProcessId> {
        process.parent.or_else(|| {
            let images = self.images.get(&identity(process.id))?;
            images.iter().rev().find_map(|image| image.parent)
        })
    }

    /// A process as a report shows it.
    pub fn view(&self, process: &Process) -> ProcessView {
        let credentials = &process.credentials;
        let user = match &process.user {
            Some(user) if !user.is_empty() => Untrusted::new(user),
            _ => self.user(credentials.uid),
        };
        let effective_user =
            if credentials.euid == credentials.uid { user.clone() } else { self.user(credentials.euid) };
        ProcessView {
            id: process.id.to_string(),
            pid: process.id.tgid,
            name: Untrusted::new(program_name(process)),
            title: Untrusted::new(&title(process)),
            exe: Untrusted::new(&process.exe),
            argv: Untrusted::command_line(&process.argv),
            cwd: Untrusted::new(&process.cwd),
            user,
            effective_user,
            started: process.started,
            ended: self.exit(process.id).map(|exit| exit.time),
            oddities: oddities(process),
        }
    }
}

/// The script and its interpreter, or the program's name.
pub(super) fn title(process: &Process) -> String {
    let name = program_name(process);
    match process.argv.get(1).map(|script| cut_bytes(script, PATH_MAX)) {
        Some(script) if is_interpreter(name) && !script.starts_with('-') && !script.is_empty() => {
            format!("{} ({name})", script.rsplit('/').next().unwrap_or(script))
        }
        _ => name.to_owned(),
    }
}

/// Programs whose command line says what they are.
pub(super) fn is_interpreter(name: &str) -> bool {
    const KNOWN: [&str; 14] = [
        "python", "perl", "ruby", "node", "java", "php", "bash", "sh", "dash", "zsh", "lua", "deno", "bun",
        "dotnet",
    ];
    KNOWN.iter().any(|known| {
        name.strip_prefix(known).is_some_and(|rest| rest.bytes().all(|byte| !byte.is_ascii_alphabetic()))
    })
}

/// The program's file name, or the kernel's short name.
pub(super) fn program_name(process: &Process) -> &str {
    let name = cut_bytes(&process.exe, PATH_MAX).rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix(" (deleted)").unwrap_or(name);
    if name.is_empty() { cut_bytes(&process.comm, PATH_MAX) } else { name }
}

fn oddities(process: &Process) -> Vec<String> {
    let flags = process.flags;
    [
        (flags.exe_memfd, "runs from memory (memfd)"),
        (flags.exe_deleted, "its file has no name any more"),
        (flags.argv_truncated, "command line cut: it was longer than is kept"),
        (process.seen == Seen::Snapshot, "ran already when recording began"),
    ]
    .into_iter()
    .filter(|(holds, _)| *holds)
    .map(|(_, text)| text.to_owned())
    .collect()
}
