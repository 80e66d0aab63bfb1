//! Who processes are: images, changes of what a process is and may, and the names of users, cgroups and containers.

use history::Body;
use history::Credentials;
use history::Groups;
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
        self.look_for_terminals(&process, boot_ns);
        self.look_for_doors(process.parent, boot_ns);
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
    /// who started a service by hand is not who has it work. A copy that a service forked off has what it has.
    pub(super) fn look_for_doors(&mut self, who: Option<ProcessId>, boot_ns: u64) {
        let parent = who.and_then(|id| self.processes.get(&id)).and_then(|process| process.parent);
        for id in [who, parent].into_iter().flatten() {
            let is_due = self.processes.is_due(&id, boot_ns);
            if !is_due || !self.processes.get(&id).is_some_and(|process| self.is_persons(process)) {
                continue;
            }
            self.processes.look(&id, boot_ns);
            let Doors { serves, awaits } = doors(id.tgid);
            for (kind, names) in [(OperationKind::Serves, serves), (OperationKind::Awaits, awaits)] {
                if !names.is_empty() {
                    let operation = Operation { process: Some(id), kind, detail: names.join(", ") };
                    self.append(boot_ns, Body::Operation(Box::new(operation)));
                }
            }
        }
    }

    /// Whether a process descends from somebody's login or job, as far as is known.
    fn is_persons(&self, process: &Process) -> bool {
        process.credentials.login_uid.is_some()
            || self.processes.lineage(process).any(|above| self.processes.has_login(&above.id))
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
        let uid = image.credentials.uid;
        let mut pids = vec![pid];
        pids.extend(image.parent.map(|parent| parent.tgid));
        pids.push(std::process::id());
        let user = self.users.name(uid, image.namespaces.mount, &pids).or_else(|| name_of_root(uid));
        let login_user =
            image.credentials.login_uid.and_then(|uid| self.users.name(uid, image.namespaces.mount, &pids));
        let started = match seen {
            Seen::Snapshot => self.clock.wall(image.process.start_ns),
            Seen::Exec | Seen::Fork => self.clock.wall(image.boot_ns),
        };
        let before = self.processes.by_pid(pid).filter(|id| id.same_process(&image.process)).or(image.parent);
        let before = before.and_then(|id| self.processes.get(&id)).map(|process| process.cgroup.as_str());
        let cgroup = self.cgroups.path_of(image.cgroup_id, image.process, before);
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
            container: self.containers.of(&cgroup),
            cgroup,
            exe_inode: image.exe_inode,
            script: image.script,
            namespaces: image.namespaces,
            flags: image.flags,
        }
    }

    /// Names the users of a process whose ids changed.
    pub(super) fn name_users(&mut self, id: &ProcessId) {
        let Some(process) = self.processes.get_mut(id) else {
            return;
        };
        let namespace = process.namespaces.mount;
        let pids = [id.tgid, std::process::id()];
        let (uid, login_uid) = (process.credentials.uid, process.credentials.login_uid);
        process.user = self.users.name(uid, namespace, &pids).or_else(|| name_of_root(uid));
        process.login_user = login_uid.and_then(|uid| self.users.name(uid, namespace, &pids));
    }

    /// A process whose cgroup became known after it is written again.
    pub(super) fn place_processes(&mut self) {
        for (id, path) in self.cgroups.found() {
            let container = self.containers.of(&path);
            if let Some(process) = self.processes.get_mut(&id) {
                (process.cgroup, process.container) = (path, container);
                let process = process.clone();
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
