//! One host's evidence, indexed. The evidence may lie: every walk is bounded, and what contradicts itself
//! is noted.

use std::cell::OnceCell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::net::IpAddr;

use history::Activity;
use history::Direction;
use history::Evidence;
use history::Exit;
use history::FlowState;
use history::OperationEvent;
use history::OperationKind;
use history::Process;
use history::ProcessId;
use history::Protocol;
use history::Seen;
use history::UnixNs;
use history::Via;

use super::logins::Logins;
use super::program;
use super::program::program_name;
use crate::case::ProcessView;
use crate::untrusted::Untrusted;

/// Longest way from a process to its first ancestor.
const DEPTH_MAX: usize = 64;

/// Most processes that are looked at; a host has no more in one answer.
const PROCESSES_MAX: usize = 200_000;

/// Most activities that are looked at.
pub(super) const ACTIVITIES_MAX: usize = 100_000;

/// A process without its images.
pub(super) type Identity = (u64, u32, u64);

/// An audit session: boot, login user, number.
type Session = (u64, Option<u32>, u32);

pub(super) fn identity(id: ProcessId) -> Identity {
    (id.boot.0, id.tgid, id.start_ns)
}

/// One host's evidence, indexed.
pub(super) struct Host<'a> {
    pub name: String,
    pub evidence: &'a Evidence,
    /// Its logins.
    pub logins: Logins<'a>,
    /// Each image of each process once, in the order of their ids.
    images: Vec<Image<'a>>,
    users: BTreeMap<u32, &'a str>,
    /// Those that take connections themselves, and whether from other hosts.
    serving: BTreeMap<Identity, (bool, u32)>,
    /// Places in the evidence's list of exits.
    exits: OnceCell<HashMap<Identity, usize>>,
    /// Parents with their children, in order.
    children: OnceCell<Vec<(Identity, Identity)>>,
    /// Places in the evidence's list of processes, as are those of the next one.
    sessions: OnceCell<HashMap<Session, Vec<usize>>>,
    downloaders: OnceCell<Vec<usize>>,
    /// What processes may be asked by and no traffic shows.
    doors: BTreeMap<(Identity, OperationKind), Vec<&'a OperationEvent>>,
    contradictions: RefCell<BTreeSet<String>>,
}

/// A process image, and the place of its parent's among all.
struct Image<'a> {
    id: ProcessId,
    process: &'a Process,
    parent: Option<u32>,
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
        let processes = || evidence.processes.iter().take(PROCESSES_MAX);
        let mut host = Self {
            name,
            evidence,
            logins: Logins::new(evidence.logins.iter().take(PROCESSES_MAX)),
            images: images(processes()),
            users: BTreeMap::new(),
            serving: BTreeMap::new(),
            exits: OnceCell::new(),
            children: OnceCell::new(),
            sessions: OnceCell::new(),
            downloaders: OnceCell::new(),
            doors: doors(evidence),
            contradictions: RefCell::default(),
        };
        if evidence.processes.len() > PROCESSES_MAX {
            host.contradiction("it names more processes than a host has");
        }
        for process in processes() {
            // In a container a number may have a name that is another's outside.
            let outside = process.user.as_deref().filter(|_| process.container.is_none());
            if let Some(user) = outside.filter(|user| !user.is_empty()) {
                host.users.entry(process.credentials.uid).or_insert(user);
            }
            if let (Some(uid), Some(user)) = (process.credentials.login_uid, process.login_user.as_deref()) {
                host.users.entry(uid).or_insert(user);
            }
        }
        for activity in evidence.activities.iter().take(ACTIVITIES_MAX).filter(|activity| listens(activity)) {
            if let Some(process) = activity.process {
                let locals = &activity.local_addresses;
                let beyond = locals.is_empty() || locals.iter().any(|address| !address.is_loopback());
                let served = host.serving.entry(identity(process)).or_insert((beyond, process.exec));
                *served = (served.0 | beyond, served.1.min(process.exec));
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
        self.place(id).map(|place| self.at(place))
    }

    /// Where [`Self::find`] finds it, for walks that ask for many.
    pub fn place(&self, id: ProcessId) -> Option<usize> {
        place(&self.images, id)
    }

    /// The process image of a place.
    pub fn at(&self, place: usize) -> &'a Process {
        self.images[place].process
    }

    /// Where the parent of the image of a place is, where that is recorded.
    pub fn parent_of(&self, place: usize) -> Option<usize> {
        self.images[place].parent.map(|parent| parent as usize)
    }

    /// Whether a process takes connections itself, by the program that it ran then or by one before: what `nohup` became
    /// says nothing of `nohup`.
    pub fn serves(&self, process: &Process) -> bool {
        self.serving.get(&identity(process.id)).is_some_and(|(_, since)| *since <= process.id.exec)
    }

    /// Whether it takes them from other hosts itself, not only from programs beside it.
    pub fn serves_others(&self, process: &Process) -> bool {
        self.serves(process) && self.serving.get(&identity(process.id)).is_some_and(|(beyond, _)| *beyond)
    }

    /// From where a process had datagrams that others sent first, to a port of UDP that it chose, by some time.
    pub fn datagrams_from(&self, process: &Process, by: UnixNs) -> Option<IpAddr> {
        let listed = self.evidence.activities.iter().take(ACTIVITIES_MAX);
        let mut received = listed.filter(|activity| {
            let has = |wanted: FlowState| activity.states.iter().any(|(state, _)| *state == wanted);
            let is_its = activity.process.is_some_and(|id| identity(id) == identity(process.id));
            is_its
                && (activity.protocol, activity.direction) == (Protocol::UDP, Direction::In)
                && (has(FlowState::Received) && has(FlowState::Bound))
                && activity.first <= by
        });
        let from =
            |activity: &Activity| activity.address_sample.iter().copied().find(|from| !from.is_loopback());
        received.find_map(from)
    }

    /// What of a kind a process was seen to take requests by: the last by some time, or else the first after it, where what
    /// it has then it may have had before.
    pub fn door(&self, process: &Process, kind: OperationKind, by: UnixNs) -> Option<&'a OperationEvent> {
        let doors = self.doors.get(&(identity(process.id), kind))?;
        let before = doors.partition_point(|event| event.time <= by).checked_sub(1);
        let later = || doors.iter().position(|event| event.operation.may_be_older());
        doors.get(before.or_else(later)?).copied()
    }

    /// Processes that fetch files.
    pub fn downloaders(&self) -> impl Iterator<Item = &'a Process> {
        let listed = self.downloaders.get_or_init(|| {
            let downloads = |(_, process): &(usize, &Process)| program::is_downloader(process);
            self.listed().filter(downloads).map(|(nth, _)| nth).collect()
        });
        listed.iter().map(|nth| &self.evidence.processes[*nth])
    }

    /// Processes of the same audit session.
    pub fn session_of(&self, process: &Process) -> impl Iterator<Item = &'a Process> {
        let session = |process: &Process| {
            let credentials = &process.credentials;
            Some((process.id.boot.0, credentials.login_uid, credentials.session?))
        };
        let sessions = self.sessions.get_or_init(|| {
            let mut sessions: HashMap<Session, Vec<usize>> = HashMap::new();
            for (nth, process) in self.listed() {
                if let Some(session) = session(process) {
                    sessions.entry(session).or_default().push(nth);
                }
            }
            sessions
        });
        let listed = session(process).and_then(|session| sessions.get(&session));
        listed.into_iter().flatten().map(|nth| &self.evidence.processes[*nth])
    }

    fn listed(&self) -> impl Iterator<Item = (usize, &'a Process)> {
        self.evidence.processes.iter().take(PROCESSES_MAX).enumerate()
    }

    /// How a process ended.
    pub fn exit(&self, id: ProcessId) -> Option<&'a Exit> {
        let exits = self.exits.get_or_init(|| {
            let exits = self.evidence.exits.iter().take(PROCESSES_MAX).enumerate();
            exits.map(|(nth, exit)| (identity(exit.process), nth)).collect()
        });
        exits.get(&identity(id)).map(|nth| &self.evidence.exits[*nth])
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
        let children = self.children.get_or_init(|| {
            let with_parent = (self.listed())
                .filter_map(|(_, process)| Some((identity(process.parent?), identity(process.id))));
            let mut children: Vec<_> = with_parent.collect();
            children.sort_unstable();
            children.dedup();
            children
        });
        let mut found = HashSet::from([identity(top.id)]);
        let mut open = vec![identity(top.id)];
        while let Some(parent) = open.pop() {
            let from = children.partition_point(|(other, _)| *other < parent);
            for (_, child) in children[from..].iter().take_while(|(other, _)| *other == parent) {
                if found.insert(*child) {
                    open.push(*child);
                }
            }
        }
        found
    }

    /// Whether a process is another one, or runs below it.
    pub fn is_below(&self, process: &Process, top: &Process) -> bool {
        let mut at = self.place(process.id);
        for _ in 0..DEPTH_MAX {
            let Some(place) = at else { return false };
            if self.at(place).id.same_process(&top.id) {
                return true;
            }
            at = self.parent_of(place);
        }
        false
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
        let mut exe = process.exe.as_str();
        let earlier = self.images_of(process.id).iter().rev().map(|image| image.process);
        for image in earlier.filter(|image| image.id.exec < process.id.exec).take(DEPTH_MAX) {
            if image.seen != Seen::Fork && image.exe != exe && ancestors.len() < DEPTH_MAX {
                ancestors.push(image);
                exe = &image.exe;
            }
        }
    }

    fn images_of(&self, id: ProcessId) -> &[Image<'a>] {
        let from = self.images.partition_point(|image| identity(image.id) < identity(id));
        let count = self.images[from..].partition_point(|image| identity(image.id) == identity(id));
        &self.images[from..from + count]
    }

    /// The parent; where this image's record lacks it, an earlier image's.
    fn first_parent(&self, process: &Process) -> Option<ProcessId> {
        process.parent.or_else(|| parent_in(self.images_of(process.id)))
    }

    /// A process's user.
    pub fn user_of(&self, process: &Process) -> Untrusted {
        match &process.user {
            Some(user) if !user.is_empty() => Untrusted::new(user),
            _ => self.user(process.credentials.uid),
        }
    }

    /// A process as a report shows it.
    pub fn view(&self, process: &Process) -> ProcessView {
        let credentials = &process.credentials;
        let user = self.user_of(process);
        let effective_user =
            if credentials.euid == credentials.uid { user.clone() } else { self.user(credentials.euid) };
        ProcessView {
            id: process.id.to_string(),
            pid: process.id.tgid,
            name: Untrusted::new(program_name(process)),
            title: Untrusted::new(&program::title(process)),
            exe: Untrusted::new(&process.exe),
            argv: Untrusted::command_line(&process.argv),
            cwd: Untrusted::new(&process.cwd),
            user,
            effective_user,
            started: process.started,
            ended: self.exit(process.id).map(|exit| exit.time),
            oddities: program::oddities(process),
        }
    }
}

/// Each image once, each with the place of its parent.
fn images<'a>(processes: impl Iterator<Item = &'a Process>) -> Vec<Image<'a>> {
    let mut images: Vec<Image> =
        processes.map(|process| Image { id: process.id, process, parent: None }).collect();
    // Of two records of one image the one whose execve was seen says most.
    images.sort_by(|a, b| {
        let rank = |image: &Image| image.process.seen != Seen::Exec;
        a.id.cmp(&b.id).then_with(|| rank(a).cmp(&rank(b)))
    });
    images.dedup_by_key(|image| image.id);
    let mut parents: Vec<Option<u32>> = Vec::with_capacity(images.len());
    // Siblings mostly stand side by side, and have one parent.
    let mut last = None;
    for of_one in images.chunk_by(|a, b| a.id.same_process(&b.id)) {
        let other = parent_in(of_one);
        for parent in of_one.iter().map(|image| image.process.parent.or(other)) {
            if last.is_none_or(|(known, _)| known != parent) {
                let found = parent.and_then(|parent| place(&images, parent));
                last = Some((parent, found.and_then(|place| u32::try_from(place).ok())));
            }
            parents.push(last.and_then(|(_, place)| place));
        }
    }
    for (image, parent) in images.iter_mut().zip(parents) {
        image.parent = parent;
    }
    images
}

/// Where an image, or else the nearest of the same process, stands.
fn place(images: &[Image], id: ProcessId) -> Option<usize> {
    let after = images.partition_point(|image| image.id <= id);
    let is_same = |at: &usize| images.get(*at).is_some_and(|image| image.id.same_process(&id));
    after.checked_sub(1).filter(is_same).or_else(|| Some(after).filter(is_same))
}

/// The parent that the latest image of a process names.
fn parent_in(of_one: &[Image]) -> Option<ProcessId> {
    of_one.iter().rev().find_map(|image| image.process.parent)
}

/// What each process was seen to take requests by, of each kind, in the order of time.
fn doors(evidence: &Evidence) -> BTreeMap<(Identity, OperationKind), Vec<&OperationEvent>> {
    let told = evidence.operations.iter().take(PROCESSES_MAX);
    let mut doors: BTreeMap<_, Vec<&OperationEvent>> = BTreeMap::new();
    for event in told.filter(|event| event.operation.kind.is_door()) {
        if let Some(process) = event.operation.process {
            doors.entry((identity(process), event.operation.kind)).or_default().push(event);
        }
    }
    doors.values_mut().for_each(|events| events.sort_by_key(|event| event.time));
    doors
}

fn listens(activity: &Activity) -> bool {
    // A client that chooses its port serves nobody.
    let waits_only = || activity.states.iter().all(|(state, _)| *state == FlowState::Bound);
    activity.direction == Direction::In && activity.via == Via::Socket && !waits_only()
        || activity.states.iter().any(|(state, _)| *state == FlowState::Listening)
}
