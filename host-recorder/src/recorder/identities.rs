//! Who processes are: images, changes of what a process is and may, and the names of users, cgroups and containers.

use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;

use history::Body;
use history::Container;
use history::Credentials;
use history::Groups;
use history::LossClass;
use history::Namespaces;
use history::Operation;
use history::OperationKind;
use history::Process;
use history::ProcessId;
use history::Seen;

use super::Recorder;
use crate::changes;
use crate::clock;
use crate::decode::Context;
use crate::decode::Image;
use crate::enrich::doors::Doors;
use crate::enrich::doors::doors;
use crate::enrich::environment;
use crate::enrich::proc;
use crate::enrich::users::Place;

impl Recorder {
    /// A program that was executed: perhaps it begins a session, and it may give its process other rights.
    pub(super) fn take_image(&mut self, mut process: Process, boot_ns: u64) {
        let replaced = self.processes.by_pid(process.id.tgid).filter(|id| id.same_process(&process.id));
        // Who forked it: where that has ended, the kernel names who adopted it, and the session would be lost
        // (`setsid -f`, `nohup … &`).
        if let Some(before) = replaced.and_then(|id| self.processes.get(&id)) {
            process.parent = before.parent.or(process.parent);
        }
        let parent = process.parent.and_then(|id| self.processes.get(&id));
        self.sessions.executed(&process, parent, boot_ns);
        let begun = self.beginnings.executed(&process, &self.processes, boot_ns);
        self.launched.executed(&process, &self.processes, boot_ns);
        self.look_for_terminals(&process, boot_ns);
        self.look_for_doors(process.parent, boot_ns, true);
        let changed = replaced.and_then(|id| self.processes.get(&id)).map_or([None, None], |before| {
            [
                changes::credentials(process.id, &before.credentials, &process.credentials),
                changes::namespaces(process.id, before.namespaces, process.namespaces),
            ]
        });
        self.processes.insert(process.clone(), boot_ns);
        self.append(boot_ns, Body::Process(Box::new(process)));
        for body in changed.into_iter().flatten() {
            self.append(boot_ns, body);
        }
        if let Some(begun) = begun {
            self.take_begun(begun);
        }
    }

    /// Terminals that outlive their session: kept for a program, or used by it.
    pub(super) fn look_for_terminals(&mut self, process: &Process, boot_ns: u64) {
        self.attached.executed(process, &self.processes, boot_ns, |id| proc::has_terminal(id.tgid));
    }

    /// Looks by what a process that does something may be asked for it, and its parent, where a login or job began them:
    /// who started a service by hand is not who has it work. A copy that a service forked off has what it has. `starts` says
    /// whether it started a program.
    pub(super) fn look_for_doors(&mut self, who: Option<ProcessId>, boot_ns: u64, starts: bool) {
        let parent = who.and_then(|id| self.processes.get(&id)).and_then(|process| process.parent);
        for id in [who, parent].into_iter().flatten() {
            self.askers.acts(id, boot_ns, starts);
            if !self.processes.is_due(&id, boot_ns) {
                continue;
            }
            let Some(process) = self.processes.get(&id).filter(|process| self.is_persons(process)) else {
                continue;
            };
            let credentials = &process.credentials;
            let own = Some(credentials.uid).filter(|uid| *uid != 0 && credentials.login_uid == Some(*uid));
            let doors = doors(id.tgid, own);
            let mut sum = DefaultHasher::new();
            doors.hash(&mut sum);
            let is_news = self.processes.look(&id, boot_ns, sum.finish(), doors.may_serve);
            let Doors { serves, awaits, unseen, .. } = doors;
            let unseen = self.processes.count_left_out(&id, unseen);
            self.lose(LossClass::Login, unseen);
            for (kind, names) in [(OperationKind::Serves, serves), (OperationKind::Awaits, awaits)] {
                if is_news && !names.is_empty() {
                    let operation = Operation { process: Some(id), kind, detail: names.join(", ") };
                    self.append(boot_ns, Body::Operation(Box::new(operation)));
                }
            }
        }
    }

    /// Whether a process descends from somebody's login or job, or somebody had a service start it, as far as is known.
    fn is_persons(&self, process: &Process) -> bool {
        process.credentials.login_uid.is_some()
            || self.processes.lineage(process).any(|above| {
                self.processes.has_login(&above.id) || self.processes.asked_for_by(&above.id).is_some()
            })
    }

    /// Compares who a packet's sender is with who it was. Groups travel with forks and ends only: of a sender that is
    /// somebody else now they are asked of /proc, and told by the next fork or end where it has none any more.
    pub(super) fn compare_sender(
        &mut self,
        boot_ns: u64,
        who: Option<ProcessId>,
        credentials: Option<Credentials>,
    ) {
        let Some((id, mut now)) = who.zip(credentials) else { return };
        let Some(before) = self.processes.get(&id).map(|process| &process.credentials) else { return };
        now.groups.clone_from(&before.groups);
        if now == *before {
            return;
        }
        if let Some((_, read)) = proc::read_identity(id.tgid) {
            let groups = std::mem::take(&mut now.groups);
            let is_same = Credentials { groups: Groups::default(), ..read.clone() } == now;
            now.groups = if is_same { read.groups } else { groups };
        }
        self.compare(boot_ns, id, Context { credentials: now, namespaces: Namespaces::default() });
    }

    /// A process that is now somebody else, or in other namespaces, without having executed anything (sshd after
    /// authentication, su in a shell's own process) becomes an event.
    pub(super) fn compare(&mut self, boot_ns: u64, id: ProcessId, now: Context) {
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        let credentials = now.credentials;
        let namespaces = changes::merged(process.namespaces, now.namespaces);
        let changed = [
            changes::credentials(id, &process.credentials, &credentials),
            changes::namespaces(id, process.namespaces, namespaces),
        ];
        if changed.iter().all(Option::is_none) {
            return;
        }
        let gave_up_root = process.credentials.uid == 0 && credentials.uid != 0;
        (process.credentials, process.namespaces) = (credentials, namespaces);
        self.name_users(&id);
        for body in changed.into_iter().flatten() {
            self.append(boot_ns, body);
        }
        // Written again under the name that it acts by from now on.
        if let Some(process) = self.processes.get(&id).filter(|_| gave_up_root).cloned() {
            self.append(boot_ns, Body::Process(Box::new(process)));
        }
    }

    pub(super) fn process_of(&mut self, mut image: Image, seen: Seen) -> Process {
        // Most of an environment is let go, and what is kept is kept for minutes.
        let mut env = environment::keep(std::mem::take(&mut image.env));
        env.shrink_to_fit();
        image.argv.shrink_to_fit();
        let pid = image.process.tgid;
        let started = match seen {
            Seen::Snapshot => self.clock.wall(image.process.start_ns),
            Seen::Exec | Seen::Fork => self.clock.wall(image.boot_ns),
        };
        let before = self.processes.by_pid(pid).filter(|id| id.same_process(&image.process)).or(image.parent);
        let placed = before.and_then(|id| self.processes.get(&id)).map(|process| process.cgroup.as_str());
        let cgroup = self.cgroups.path_of(image.cgroup_id, image.process, placed);
        let container = self.containers.of(&cgroup);
        let mut pids = vec![pid];
        pids.extend(image.parent.map(|parent| parent.tgid));
        let is_contained = container.is_some();
        let place = Place { namespaces: image.namespaces, is_contained, pids: &pids };
        let (user, login_user) = self.names(&image.credentials, place, before, container.as_deref());
        Process {
            id: image.process,
            parent: image.parent,
            seen,
            started,
            comm: image.comm,
            exe: image.exe,
            argv: image.argv,
            env,
            cwd: image.cwd,
            credentials: image.credentials,
            user,
            login_user,
            tty: image.tty,
            container,
            cgroup,
            exe_inode: image.exe_inode,
            script: image.script,
            namespaces: image.namespaces,
            flags: image.flags,
        }
    }

    /// Names the users of a process whose ids changed.
    pub(super) fn name_users(&mut self, id: &ProcessId) {
        let Some(process) = self.processes.get(id) else {
            return;
        };
        let (credentials, parent) = (process.credentials.clone(), process.parent);
        let container = process.container.clone();
        let is_contained = container.is_some();
        let place = Place { namespaces: process.namespaces, is_contained, pids: &[id.tgid] };
        let (user, login_user) = self.names(&credentials, place, parent, container.as_deref());
        if let Some(process) = self.processes.get_mut(id) {
            (process.user, process.login_user) = (user, login_user);
        }
    }

    /// The names of who a process runs as, and of who logged in. `before` is what it was, or who made it.
    fn names(
        &mut self,
        credentials: &Credentials,
        place: Place,
        before: Option<ProcessId>,
        container: Option<&Container>,
    ) -> (Option<String>, Option<String>) {
        let uid = credentials.uid;
        let user = self.users.name(uid, place).or_else(|| name_of_root(uid));
        let Some(login_uid) = credentials.login_uid else { return (user, None) };
        if let Some(known) = self.users.of_session(login_uid, credentials.session) {
            return (user, Some(known));
        }
        // Who let somebody in within a container had no session, or another; else the session began on the host, and the
        // container was started from it.
        let before = before.and_then(|id| self.processes.get(&id));
        let began_inside = container.is_some_and(|container| {
            before.is_some_and(|before| {
                before.credentials.session != credentials.session
                    && before.container.as_ref().is_some_and(|known| known.id == container.id)
            })
        });
        let place = Place { is_contained: began_inside, ..place };
        let login_user = self.users.name(login_uid, place);
        if let Some(name) = &login_user {
            self.users.note_session(login_uid, credentials.session, name);
        }
        (user, login_user)
    }

    /// A process whose cgroup became known after it is written again.
    pub(super) fn place_processes(&mut self) {
        let lost = self.cgroups.lost();
        self.lose(LossClass::Identity, lost);
        for (id, path) in self.cgroups.found() {
            let container = self.containers.of(&path);
            if let Some(process) = self.processes.get_mut(&id) {
                (process.cgroup, process.container) = (path, container);
            }
            // Users have other names within a container.
            self.name_users(&id);
            if let Some(process) = self.processes.get(&id).cloned() {
                self.append(clock::boot_ns(), Body::Process(Box::new(process)));
            }
        }
    }

    /// A container that its runtime has named is written again with one of its processes at least.
    pub(super) fn name_containers(&mut self) {
        for container in self.containers.named() {
            for process in self.processes.name_container(&container) {
                self.append(clock::boot_ns(), Body::Process(Box::new(process)));
            }
        }
    }
}

/// The one user whose name is the same everywhere, also where a process's own files could not be read in time.
fn name_of_root(uid: u32) -> Option<String> {
    (uid == 0).then(|| "root".to_owned())
}
