//! The processes that are known: running ones, and ended ones that may still be named.

use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::VecDeque;

use history::Container;
use history::KnownProcesses;
use history::Login;
use history::Process;
use history::ProcessId;
use history::Seen;
use history::UnixNs;

/// How long an ended process is remembered beyond its need, ns.
const REMEMBERED_NS: u64 = 120_000_000_000;

/// Bytes of processes beyond which ended ones are forgotten earlier, the longest ended first.
const BYTES_MAX: usize = 8 << 20;

/// Ended processes of one program that are remembered: of a storm of programs, the latest, and those that sent
/// something or let somebody in.
const OF_ONE_PROGRAM_MAX: usize = 512;

/// What the allocator adds to a text, bytes.
const TEXT_OVERHEAD: usize = 16;

/// How long an ended process is remembered in any case, ns: what it did last may still be on its way.
const REMEMBERED_LEAST_NS: u64 = 1_000_000_000;

/// How long a process has run, at the least, that is looked at by what it may be asked, ns: who compiles or runs a
/// script begins programs at once, and who serves waits before.
const WAITS_LEAST_NS: u64 = 1_000_000_000;

/// Between two looks at one, ns, and at one that may be connected to at any time.
const LOOK_EVERY_NS: u64 = 60_000_000_000;
const LOOK_AGAIN_NS: u64 = 1_000_000_000;

/// Sessions that used one terminal and are remembered.
const ATTACHED_MAX: usize = 16;

/// Longest way up that is walked.
const LINEAGE_MAX: usize = 64;

/// Images of one process that are looked back through.
const IMAGES_MAX: u32 = 16;

struct Entry {
    process: Process,
    login: Option<Box<(UnixNs, u64, Login)>>,
    /// Later sessions that used its terminal.
    attached: Vec<(UnixNs, u64, Login)>,
    ended_ns: Option<u64>,
    /// Whether traffic was told of it.
    is_named: bool,
    /// When it was looked at by what it may be asked, ns since boot; 0 for never.
    looked_ns: u64,
    /// The most that was left out when it was looked at so, and is counted.
    left_out: u64,
    looks_again: bool,
    /// When what was seen was told last, ns since boot, and its sum.
    doors_told: (u64, u64),
    /// Remembered processes whose parent it is.
    children: usize,
    /// Its size when it was noted.
    bytes: usize,
}

/// The table.
#[derive(Default)]
pub struct Processes {
    /// Boxed: a table doubles, and with it the room of entries that are not there.
    entries: HashMap<ProcessId, Box<Entry>>,
    by_tgid: HashMap<u32, ProcessId>,
    /// Ended ones in the order in which they ended.
    ended: VecDeque<(u64, ProcessId)>,
    /// The same of each program, without those that must be remembered for longer.
    of_program: HashMap<String, VecDeque<ProcessId>>,
    /// Programs of which too many are.
    crowded: HashSet<String>,
    bytes: usize,
}

impl Processes {
    /// Notes an image. The one that it replaced has ended.
    pub fn insert(&mut self, process: Process, boot_ns: u64) {
        let id = process.id;
        if let Some(before) = self.by_tgid.insert(id.tgid, id).filter(|before| *before != id) {
            self.end(&before, boot_ns);
        }
        let parent = process.parent.filter(|parent| *parent != id);
        let bytes = size_of_process(&process);
        // One that is noted again keeps those that descend from it.
        let before = self.remove(&id);
        let children = before.map_or(0, |before| before.children);
        if let Some(parent) = parent.and_then(|parent| self.entries.get_mut(&parent)) {
            parent.children += 1;
        }
        self.bytes += bytes;
        let entry = Entry {
            process,
            login: None,
            attached: Vec::new(),
            ended_ns: None,
            is_named: false,
            looked_ns: 0,
            left_out: 0,
            looks_again: false,
            doors_told: (0, 0),
            children,
            bytes,
        };
        self.entries.insert(id, Box::new(entry));
    }

    /// Takes an entry out of the table, and its part in its parent's.
    fn remove(&mut self, id: &ProcessId) -> Option<Box<Entry>> {
        let entry = self.entries.remove(id)?;
        self.bytes -= entry.bytes;
        let parent = entry.process.parent.filter(|parent| parent != id);
        if let Some(parent) = parent.and_then(|parent| self.entries.get_mut(&parent)) {
            parent.children = parent.children.saturating_sub(1);
        }
        Some(entry)
    }

    /// Notes a fork: the child is its parent's image under its own identity.
    pub fn fork(&mut self, parent: &ProcessId, child: ProcessId, at: UnixNs, boot_ns: u64) {
        let Some(of_parent) = self.entries.get(parent) else {
            return;
        };
        let process = Process {
            id: child,
            parent: Some(*parent),
            seen: Seen::Fork,
            started: at,
            ..of_parent.process.clone()
        };
        self.insert(process, boot_ns);
    }

    /// Notes an end. The process can still be named.
    pub fn end(&mut self, id: &ProcessId, boot_ns: u64) {
        if let Some(entry) = self.entries.get_mut(id).filter(|entry| entry.ended_ns.is_none()) {
            entry.ended_ns = Some(boot_ns);
            self.ended.push_back((boot_ns, *id));
            let exe = &entry.process.exe;
            let ended = match self.of_program.get_mut(exe) {
                Some(ended) => ended,
                None => self.of_program.entry(exe.clone()).or_default(),
            };
            ended.push_back(*id);
            if ended.len() > OF_ONE_PROGRAM_MAX && !self.crowded.contains(exe) {
                self.crowded.insert(exe.clone());
            }
        }
    }

    /// Notes that traffic was told of a process: it is written with that, up to a second later.
    pub fn name(&mut self, id: Option<ProcessId>) {
        if let Some(entry) = id.and_then(|id| self.entries.get_mut(&id)) {
            entry.is_named = true;
        }
    }

    /// Whether it is time to look by what a process may be asked: it runs, has waited for a while, and was not looked
    /// at lately.
    pub fn is_due(&self, id: &ProcessId, boot_ns: u64) -> bool {
        let entry = self.entries.get(id).filter(|entry| entry.ended_ns.is_none());
        boot_ns.saturating_sub(id.start_ns) >= WAITS_LEAST_NS
            && entry.is_some_and(|entry| {
                let every = if entry.looks_again { LOOK_AGAIN_NS } else { LOOK_EVERY_NS };
                entry.looked_ns == 0 || boot_ns.saturating_sub(entry.looked_ns) >= every
            })
    }

    /// Notes that it was looked at, what was seen, as a sum, and whether to look again soon. Returns whether that is to be
    /// told: it is not what was told last, or that was a while ago.
    pub fn look(&mut self, id: &ProcessId, boot_ns: u64, seen: u64, again: bool) -> bool {
        let Some(entry) = self.entries.get_mut(id) else { return false };
        (entry.looked_ns, entry.looks_again) = (boot_ns, again);
        let (told_ns, told) = entry.doors_told;
        let is_news = told != seen || boot_ns.saturating_sub(told_ns) >= LOOK_EVERY_NS;
        if is_news {
            entry.doors_told = (boot_ns, seen);
        }
        is_news
    }

    /// How much of what was left out when it was looked at is not counted yet: what one look left out the next does, too.
    pub fn count_left_out(&mut self, id: &ProcessId, left_out: u64) -> u64 {
        let Some(entry) = self.entries.get_mut(id) else { return left_out };
        let fresh = left_out.saturating_sub(entry.left_out);
        entry.left_out += fresh;
        fresh
    }

    /// Notes the login that a process let in. The first counts: whoever is let in can write log lines after it.
    pub fn set_login(&mut self, id: &ProcessId, at: UnixNs, boot_ns: u64, login: Login) {
        if self.has_login(id) {
            return;
        }
        if let Some(entry) = self.entries.get_mut(id) {
            entry.login.get_or_insert_with(|| Box::new((at, boot_ns, login)));
        }
    }

    /// Notes a session that used a terminal which a process keeps. Of very many the first and the latest are kept, and
    /// one of each person from each address before a second; false where somebody is forgotten.
    pub fn add_attached(&mut self, id: &ProcessId, at: UnixNs, boot_ns: u64, login: Login) -> bool {
        let Some(entry) = self.entries.get_mut(id) else { return true };
        let mut keeps_all = true;
        if entry.attached.len() == ATTACHED_MAX {
            let who = |login: &Login| (login.service.clone(), login.by.clone(), login.source_address);
            let comes_again = |(at, (_, _, one)): (usize, &(UnixNs, u64, Login))| {
                let mut later = entry.attached[at + 1..].iter().map(|(_, _, other)| other).chain([&login]);
                later.any(|other| who(other) == who(one))
            };
            let repeated = entry.attached.iter().enumerate().position(comes_again);
            keeps_all = repeated.is_some();
            entry.attached.remove(repeated.unwrap_or(ATTACHED_MAX / 2));
        }
        entry.attached.push((at, boot_ns, login));
        keeps_all
    }

    /// The process and those that it descends from, as far as they are remembered.
    pub fn lineage<'a>(&'a self, of: &'a Process) -> impl Iterator<Item = &'a Process> {
        std::iter::successors(Some(of), |process| process.parent.and_then(|id| self.get(&id)))
            .take(LINEAGE_MAX)
    }

    /// Whose session had a process started by a service, in this image or an earlier one, or used its terminal first.
    pub fn asked_for_by(&self, id: &ProcessId) -> Option<&str> {
        let uses = |image: &Process| self.entries.get(&image.id).and_then(|entry| entry.attached.first());
        self.images(id).find_map(uses).and_then(|(_, _, login)| login.by.as_deref())
    }

    /// Whether a process let a login in, in this image or an earlier one.
    pub fn has_login(&self, id: &ProcessId) -> bool {
        self.images(id).any(|image| self.entries.get(&image.id).is_some_and(|entry| entry.login.is_some()))
    }

    /// Whether a process let a login in that began a session, as opposed to a step on somebody's way.
    pub fn began_session(&self, id: &ProcessId) -> bool {
        let login = |image: &Process| self.entries.get(&image.id).and_then(|entry| entry.login.as_deref());
        self.images(id).find_map(login).is_some_and(|(_, _, login)| login.method != "elevation")
    }

    /// An image and those that it replaced, latest first, as far as they are remembered.
    pub fn images(&self, id: &ProcessId) -> impl Iterator<Item = &Process> {
        let of = *id;
        let earliest = id.exec.saturating_sub(IMAGES_MAX);
        (earliest..=id.exec).rev().filter_map(move |exec| self.get(&ProcessId { exec, ..of }))
    }

    /// The image that a pid had at a time, ns since boot. A process that began later is another one.
    pub fn image_at(&self, tgid: u32, boot_ns: u64) -> Option<ProcessId> {
        let latest = self.by_pid(tgid).filter(|id| id.start_ns <= boot_ns)?;
        let had_not_ended = |id: &ProcessId| self.ended_ns(id).is_none_or(|ended| ended >= boot_ns);
        self.images(&latest).map(|image| image.id).take_while(had_not_ended).last()
    }

    /// Whether a process has not ended.
    pub fn is_running(&self, id: &ProcessId) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.ended_ns.is_none())
    }

    /// When a process ended, ns since boot.
    pub fn ended_ns(&self, id: &ProcessId) -> Option<u64> {
        self.entries.get(id).and_then(|entry| entry.ended_ns)
    }

    /// What runs in a container.
    pub fn running_in<'a>(&'a self, container: &'a str) -> impl Iterator<Item = &'a Process> {
        let inside = move |process: &Process| process.container.as_ref().is_some_and(|of| of.id == container);
        self.running().filter(move |process| inside(process))
    }

    /// What runs, each process by its images.
    pub fn running(&self) -> impl Iterator<Item = &Process> {
        self.entries.values().filter(|entry| entry.ended_ns.is_none()).map(|entry| &entry.process)
    }

    /// Gives a container's processes its name, and returns those that run, or one that ran.
    pub fn name_container(&mut self, named: &Container) -> Vec<Process> {
        let (mut running, mut ended) = (Vec::new(), None);
        for entry in self.entries.values_mut() {
            let Some(container) = entry.process.container.as_mut().filter(|known| known.id == named.id)
            else {
                continue;
            };
            **container = named.clone();
            match entry.ended_ns {
                None => running.push(entry.process.clone()),
                Some(_) => ended = Some(entry.process.clone()),
            }
        }
        if running.is_empty() { ended.into_iter().collect() } else { running }
    }

    /// The latest image that had a pid.
    pub fn by_pid(&self, tgid: u32) -> Option<ProcessId> {
        self.by_tgid.get(&tgid).copied()
    }

    /// What is known of a process.
    pub fn get(&self, id: &ProcessId) -> Option<&Process> {
        self.entries.get(id).map(|entry| &entry.process)
    }

    /// The same, to be corrected.
    pub fn get_mut(&mut self, id: &ProcessId) -> Option<&mut Process> {
        self.entries.get_mut(id).map(|entry| &mut entry.process)
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets ended processes that nobody can name any more: no remembered process descends from them. What is
    /// remembered beyond that is bounded in time, in number and in bytes. All traffic up to `boot_ns` has been told.
    pub fn forget(&mut self, boot_ns: u64) {
        for exe in std::mem::take(&mut self.crowded) {
            self.forget_many(&exe, boot_ns);
        }
        // Those that went before their time are in no one's way.
        if self.ended.len() > 2 * self.entries.len() + OF_ONE_PROGRAM_MAX {
            let entries = &self.entries;
            self.ended.retain(|(_, id)| entries.contains_key(id));
            self.of_program.retain(|_, ended| {
                ended.retain(|id| entries.contains_key(id));
                !ended.is_empty()
            });
        }
        while let Some((ended, id)) = self.ended.front().copied() {
            let keep_ns = if self.bytes > BYTES_MAX { REMEMBERED_LEAST_NS } else { REMEMBERED_NS };
            if boot_ns.saturating_sub(ended) < keep_ns {
                break;
            }
            self.ended.pop_front();
            self.forget_one(id);
        }
    }

    /// Forgets the longest ended processes of a program of which too many are remembered.
    fn forget_many(&mut self, exe: &str, boot_ns: u64) {
        let Some(mut ended) = self.of_program.remove(exe) else { return };
        while ended.len() > OF_ONE_PROGRAM_MAX {
            let Some(id) = ended.front().copied() else { break };
            let entry = self.entries.get(&id);
            if entry.is_some_and(|entry| entry.ended_ns.is_none_or(|ended| ended >= boot_ns)) {
                self.crowded.insert(exe.to_owned());
                break;
            }
            ended.pop_front();
            if entry.is_some_and(|entry| !entry.is_named && entry.login.is_none()) {
                self.forget_one(id);
            }
        }
        self.of_program.insert(exe.to_owned(), ended);
    }

    /// Forgets a process that ended long enough ago, and those of its ancestors that ended earlier and that only it
    /// kept.
    fn forget_one(&mut self, id: ProcessId) {
        let mut next = Some(id);
        while let Some(id) = next {
            let free = self.entries.get(&id).filter(|entry| entry.ended_ns.is_some() && entry.children == 0);
            let Some(parent) = free.map(|entry| entry.process.parent) else {
                return;
            };
            self.remove(&id);
            if self.by_tgid.get(&id.tgid) == Some(&id) {
                self.by_tgid.remove(&id.tgid);
            }
            // A parent that still waits for its own turn is left to it.
            let oldest = self.ended.front().map_or(u64::MAX, |(oldest, _)| *oldest);
            next = parent.filter(|parent| {
                let ended = self.entries.get(parent).and_then(|parent| parent.ended_ns);
                ended.is_some_and(|ended| ended < oldest)
            });
        }
    }
}

/// About how much memory a process takes, bytes.
fn size_of_process(process: &Process) -> usize {
    let texts = process.argv.iter().chain(&process.env);
    let texts: usize = texts.map(|text| text.capacity() + TEXT_OVERHEAD).sum();
    let lists = (process.argv.capacity() + process.env.capacity()) * size_of::<String>();
    let names = [&process.comm, &process.exe, &process.cwd, &process.cgroup];
    let others = [&process.user, &process.login_user, &process.tty, &process.script];
    let names = names.into_iter().chain(others.into_iter().flatten());
    let names: usize = names.map(|name| name.capacity() + TEXT_OVERHEAD).sum();
    size_of::<ProcessId>() + size_of::<Entry>() + lists + texts + names
}

impl KnownProcesses for Processes {
    fn process(&self, id: &ProcessId) -> Option<Process> {
        self.get(id).cloned()
    }

    fn login(&self, id: &ProcessId) -> Option<(UnixNs, u64, Login)> {
        self.entries.get(id)?.login.as_deref().cloned()
    }

    fn attached(&self, id: &ProcessId) -> Vec<(UnixNs, u64, Login)> {
        self.entries.get(id).map(|entry| entry.attached.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use history::BootId;

    fn process(tgid: u32, exec: u32, parent: Option<ProcessId>) -> Process {
        Process { parent, ..crate::testing::process(ProcessId { boot: BootId(1), tgid, start_ns: 1, exec }) }
    }

    #[test]
    fn ancestors_of_running_processes_are_never_forgotten() {
        let mut table = Processes::default();
        let (old, young) = (process(1, 1, None), process(2, 1, Some(process(1, 1, None).id)));
        table.insert(old.clone(), 0);
        table.insert(young.clone(), 0);
        table.insert(process(3, 1, None), 0);
        table.end(&old.id, 1);
        table.end(&process(3, 1, None).id, 1);
        table.forget(REMEMBERED_NS * 2);
        assert!(table.get(&old.id).is_some(), "its child runs");
        assert_eq!(table.len(), 2);
        table.end(&young.id, REMEMBERED_NS * 2);
        table.forget(REMEMBERED_NS * 4);
        assert!(table.is_empty());
    }

    #[test]
    fn the_first_login_of_a_process_counts() {
        let mut table = Processes::default();
        let server = process(1, 1, None);
        table.insert(server.clone(), 0);
        for user in ["alice", "bob"] {
            let login = Login {
                service: "sshd".to_owned(),
                user: user.to_owned(),
                method: "publickey".to_owned(),
                accepted: true,
                source_address: None,
                source_port: None,
                key: None,
                process: Some(server.id),
                origin: String::new(),
                ..Login::default()
            };
            table.set_login(&server.id, UnixNs(0), 0, login);
        }
        assert_eq!(table.login(&server.id).unwrap().2.user, "alice");
    }

    #[test]
    fn who_used_a_terminal_is_forgotten_only_where_too_many_people_did() {
        let mut table = Processes::default();
        let id = process(1, 1, None).id;
        table.insert(process(1, 1, None), 0);
        let mut uses = |person: usize| {
            let by = Some(format!("user{person}"));
            table.add_attached(&id, UnixNs(0), 0, Login { by, ..Login::default() })
        };
        assert!((0..ATTACHED_MAX).all(&mut uses));
        assert!((0..5).all(&mut uses), "they come again");
        assert!(!uses(ATTACHED_MAX));
        let kept = table.attached(&id);
        assert_eq!(kept.len(), ATTACHED_MAX);
        assert_eq!(kept[ATTACHED_MAX - 1].2.by.as_deref(), Some("user16"));
    }

    #[test]
    fn of_a_storm_the_latest_and_those_that_sent_something_are_remembered() {
        let mut table = Processes::default();
        let count = OF_ONE_PROGRAM_MAX as u32 + 100;
        for pid in 1..=count {
            table.insert(process(pid, 1, None), 0);
            table.name(Some(process(pid, 1, None).id).filter(|_| pid == 7));
            table.end(&process(pid, 1, None).id, u64::from(pid));
        }
        table.forget(50);
        assert_eq!(table.len() as u32, count - 48, "what ended last is still told of");
        table.forget(u64::from(count) + 1);
        assert_eq!(table.len(), OF_ONE_PROGRAM_MAX + 1);
        assert!(table.get(&process(7, 1, None).id).is_some(), "it sent something");
        assert!(table.get(&process(8, 1, None).id).is_none());
        for round in 0..20 {
            let pid = count + 1 + round;
            table.insert(process(pid, 1, None), 0);
            table.end(&process(pid, 1, None).id, u64::from(pid));
            table.forget(u64::from(pid) + 1);
        }
        assert_eq!(table.len(), OF_ONE_PROGRAM_MAX + 1);
        table.forget(REMEMBERED_NS * 2);
        assert!(table.is_empty() && table.ended.is_empty());
    }

    #[test]
    fn who_waited_is_looked_at_once_a_minute() {
        let mut table = Processes::default();
        let id = process(1, 1, None).id;
        table.insert(process(1, 1, None), 0);
        assert!(!table.is_due(&id, WAITS_LEAST_NS), "it began at 1");
        assert!(table.is_due(&id, WAITS_LEAST_NS + 1));
        let first = WAITS_LEAST_NS + 1;
        assert!(table.look(&id, first, 7, false));
        assert!(!table.is_due(&id, LOOK_EVERY_NS));
        assert!(table.is_due(&id, first + LOOK_EVERY_NS));
        // One that may be asked at any time is looked at again soon, and the same is told as seldom.
        assert!(!table.look(&id, first + 5, 7, true));
        assert!(table.is_due(&id, first + 5 + LOOK_AGAIN_NS));
        assert!(table.look(&id, first + 6, 8, true) && !table.look(&id, first + 7, 8, true));
        assert!(table.look(&id, first + 6 + LOOK_EVERY_NS, 8, false));
        table.end(&id, 5);
        assert!(!table.is_due(&id, 9 * LOOK_EVERY_NS));
        assert!(!table.is_due(&process(2, 1, None).id, LOOK_EVERY_NS));
    }

    #[test]
    fn what_every_look_leaves_out_is_counted_once() {
        let mut table = Processes::default();
        let id = process(1, 1, None).id;
        table.insert(process(1, 1, None), 0);
        let counted = [100, 100, 90, 130].map(|left_out| table.count_left_out(&id, left_out));
        assert_eq!(counted, [100, 0, 0, 30]);
        assert_eq!(table.count_left_out(&process(2, 1, None).id, 5), 5, "one that is not known");
    }

    #[test]
    fn a_replaced_image_can_still_be_named() {
        let mut table = Processes::default();
        table.insert(process(1, 1, None), 0);
        table.insert(process(1, 2, None), 5);
        assert_eq!(table.by_pid(1).unwrap().exec, 2);
        assert!(table.get(&process(1, 1, None).id).is_some());
    }

    #[test]
    fn a_pid_names_the_image_of_its_time() {
        let mut table = Processes::default();
        let [first, second] = [1, 2].map(|exec| process(1, exec, None));
        let began = first.id.start_ns;
        table.insert(first.clone(), began);
        table.insert(second.clone(), began + 10);
        table.end(&second.id, began + 20);
        assert_eq!(table.image_at(1, began + 5), Some(first.id));
        assert_eq!(table.image_at(1, began + 15), Some(second.id));
        assert_eq!(table.image_at(1, began + 30), None, "it had ended");
        let later = Process { id: ProcessId { start_ns: began + 40, ..first.id }, ..first };
        table.insert(later.clone(), began + 40);
        assert_eq!(table.image_at(1, began + 15), None, "the one of that pid began later");
        assert_eq!(table.image_at(1, began + 50), Some(later.id));
        assert_eq!(table.image_at(2, began), None);
    }
}
