//! One pass over events, collecting what a window asks for. Pure.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;

use super::activity;
use super::joined::joined;
use super::sets::Sets;
use crate::event::Body;
use crate::event::Container;
use crate::event::Direction;
use crate::event::Dns;
use crate::event::Endpoint;
use crate::event::Event;
use crate::event::Flow;
use crate::event::FlowState;
use crate::event::Login;
use crate::event::Operation;
use crate::event::OperationKind;
use crate::event::Process;
use crate::event::Protocol;
use crate::event::Seen;
use crate::event::Via;
use crate::evidence::Activity;
use crate::evidence::Coverage;
use crate::evidence::DnsEvent;
use crate::evidence::Evidence;
use crate::evidence::Exit;
use crate::evidence::Host;
use crate::evidence::LoginEvent;
use crate::evidence::Omission;
use crate::evidence::OperationEvent;
use crate::evidence::Prefix;
use crate::evidence::Request;
use crate::evidence::VERSION;
use crate::evidence::Window;
use crate::id::EventId;
use crate::id::ProcessId;
use crate::id::UnixNs;
use crate::passes_on;
use crate::redact;

/// Single flows of one window that are held in memory.
const FLOWS_MAX: usize = 200_000;
/// Flows of sets that are held in memory; those that match what is asked may be as many again.
const MEMBERS_MAX: usize = 800_000;
/// Activities in an answer.
const ACTIVITIES_MAX: usize = 64;
/// Single flows in an answer.
const SAMPLES_MAX: usize = 32;
/// Logins and attempts that are held in memory.
const LOGINS_SEARCHED_MAX: usize = 100_000;
/// Logins in an answer.
const LOGINS_MAX: usize = 128;
/// Processes of the same sessions in an answer, beside those that are needed.
const SESSION_PROCESSES_MAX: usize = 200;
/// DNS messages, and operations, that are held in memory.
const BESIDE_SEARCHED_MAX: usize = 100_000;
/// DNS messages in an answer.
const DNS_MAX: usize = 64;
/// Operations in an answer.
const OPERATIONS_MAX: usize = 128;

/// What names a flow: later events of the same flow replace earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FlowKey {
    pub(super) owner: Option<ProcessId>,
    pub(super) protocol: Protocol,
    pub(super) via: Via,
    pub(super) direction: Direction,
    pub(super) remote: Endpoint,
    pub(super) first: UnixNs,
}

/// What names a login: after a restart of the recorder it may be told again, and its process not be known.
type LoginKey = (UnixNs, String, String, Option<u16>, Option<ProcessId>);

fn login_key(time: UnixNs, login: &Login) -> LoginKey {
    // One session may use several terminals.
    let process = if login.source_port.is_some() && !login.is_attach() { None } else { login.process };
    (time, login.service.clone(), login.user.clone(), login.source_port, process)
}

/// What was collected so far.
pub(super) struct Gathered<'a> {
    request: &'a Request,
    processes: HashMap<ProcessId, Process>,
    forks: HashMap<ProcessId, (ProcessId, UnixNs)>,
    exits: HashMap<ProcessId, Exit>,
    /// Containers whose name is known, by id.
    containers: HashMap<String, Box<Container>>,
    logins: Vec<LoginEvent>,
    logins_seen: HashSet<LoginKey>,
    logins_dropped: u64,
    flows: HashMap<FlowKey, (EventId, EventId, Flow)>,
    sets: Sets,
    flows_dropped: u64,
    /// Who asked which of our services by datagram.
    asked_of_us: HashSet<(Option<ProcessId>, Endpoint)>,
    dns: Vec<DnsEvent>,
    dns_dropped: u64,
    operations: Vec<OperationEvent>,
    operations_dropped: u64,
    unsearched: u64,
    window: Window,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(request: &'a Request, window: Window) -> Self {
        Self {
            request,
            processes: HashMap::new(),
            forks: HashMap::new(),
            exits: HashMap::new(),
            containers: HashMap::new(),
            logins: Vec::new(),
            logins_seen: HashSet::new(),
            logins_dropped: 0,
            flows: HashMap::new(),
            sets: Sets::new(MEMBERS_MAX),
            flows_dropped: 0,
            asked_of_us: HashSet::new(),
            dns: Vec::new(),
            dns_dropped: 0,
            operations: Vec::new(),
            operations_dropped: 0,
            unsearched: 0,
            window,
        }
    }

    /// Adds the next event. Events come oldest first.
    pub(super) fn add(&mut self, event: Event) {
        let Event { id, time, body, .. } = event;
        match body {
            Body::Process(process) => {
                self.add_container(&process);
                let known = self.processes.entry(process.id).or_insert_with(|| (*process).clone());
                // The path of a new cgroup may become known after its first process.
                if known.cgroup.is_empty() && !process.cgroup.is_empty() {
                    known.cgroup.clone_from(&process.cgroup);
                    known.container.clone_from(&process.container);
                }
                if time <= self.window.to {
                    take_rights_given_up(known, &process);
                }
            }
            Body::Fork { child, parent } => {
                self.forks.insert(child, (parent, time));
            }
            Body::Exit { process, code, signal } => {
                self.exits.insert(process, Exit { event: id, process, time, code, signal });
            }
            Body::Login(login) => self.add_login(id, time, *login),
            Body::Flow(flow) => self.add_flow(id, *flow),
            Body::Targets(targets) if self.window.touches(targets.first, targets.last) => {
                if targets.state == FlowState::Received {
                    for remote in targets.remotes.endpoints() {
                        self.note_asker(targets.owner, remote);
                    }
                }
                self.flows_dropped += self
                    .sets
                    .add(id, &targets, |remote| activity::matches(self.request, &targets.flow(remote)));
            }
            Body::Dns(dns) => self.add_dns(id, time, *dns),
            Body::Operation(operation) => self.add_operation(id, time, *operation),
            // Losses stand in what each file says of itself.
            Body::Credentials { .. } | Body::Recorder { .. } | Body::Loss { .. } | Body::Targets(_) => {}
        }
    }

    /// A container's name may come after its first process; then one of its processes is written again.
    fn add_container(&mut self, process: &Process) {
        if let Some(container) = process.container.as_ref().filter(|container| container.name.is_some()) {
            self.containers.entry(container.id.clone()).or_insert_with(|| container.clone());
        }
    }

    /// Notes that of so many events only what was asked for was read.
    pub(super) fn note_unsearched(&mut self, events: u64) {
        self.unsearched = events;
    }

    /// A login is written again into each file whose sessions it began; the first writing counts.
    fn add_login(&mut self, event: EventId, time: UnixNs, login: Login) {
        if self.logins.len() >= LOGINS_SEARCHED_MAX {
            self.logins_dropped += 1;
        } else if self.logins_seen.insert(login_key(time, &login)) {
            self.logins.push(LoginEvent { event, time, login });
        }
    }

    /// A name asked for in the question is looked for however long before the window it was answered.
    fn add_dns(&mut self, event: EventId, time: UnixNs, dns: Dns) {
        if time > self.window.to || (time < self.window.from && !self.request.names.contains(&dns.name)) {
            return;
        }
        if self.dns.len() >= BESIDE_SEARCHED_MAX {
            self.dns_dropped += 1;
        } else {
            self.dns.push(DnsEvent { event, time, dns });
        }
    }

    fn add_operation(&mut self, event: EventId, time: UnixNs, operation: Operation) {
        // A socket that hides its packets does so until it is closed, perhaps long after.
        if time > self.window.to || (time < self.window.from && !operation.kind.is_critical()) {
            return;
        }
        if self.operations.len() >= BESIDE_SEARCHED_MAX {
            self.operations_dropped += 1;
        } else {
            self.operations.push(OperationEvent { event, time, operation });
        }
    }

    fn note_asker(&mut self, owner: Option<ProcessId>, remote: Endpoint) {
        if self.asked_of_us.len() < FLOWS_MAX {
            self.asked_of_us.insert((owner, remote));
        }
    }

    fn add_flow(&mut self, event: EventId, flow: Flow) {
        if !self.window.touches(flow.first, flow.last) {
            return;
        }
        if flow.state == FlowState::Received {
            self.note_asker(flow.owner, flow.remote);
        }
        let key = FlowKey {
            owner: flow.owner,
            protocol: flow.protocol,
            via: flow.via,
            direction: flow.direction,
            remote: flow.remote,
            first: flow.first,
        };
        if let Some((_, last, known)) = self.flows.get_mut(&key) {
            // The log is in order; a segment may be read after it.
            if event > *last {
                *last = event;
                *known = flow;
            }
        } else if self.flows.len() < FLOWS_MAX {
            self.flows.insert(key, (event, event, flow));
        } else {
            self.flows_dropped += 1;
        }
    }

    pub(super) fn into_evidence(
        mut self,
        host: Host,
        request: Request,
        now: UnixNs,
        coverage: Coverage,
    ) -> Evidence {
        let mut omitted = Vec::new();
        omit(&mut omitted, "flows", self.flows_dropped);
        omit(&mut omitted, "events that were searched only for what was asked", self.unsearched);
        let mut flows = std::mem::take(&mut self.flows);
        let asked = self.with_names_resolved();
        let members = std::mem::replace(&mut self.sets, Sets::new(0)).into_flows(&mut flows);
        let flows = joined(flows.into_values()).chain(members);
        let bounds = activity::Bounds { activities: ACTIVITIES_MAX, samples: SAMPLES_MAX };
        let (mut activities, samples) = activity::sum(
            &asked,
            flows,
            &|id| self.is_meant(id),
            &self.asked_of_us,
            &|id| self.kin(id),
            bounds,
        );
        self.put_forward(&mut activities);
        omit(&mut omitted, "activities", activities.len().saturating_sub(ACTIVITIES_MAX) as u64);
        activities.truncate(ACTIVITIES_MAX);
        let (logins, rest) = self.logins_of(&activities);
        omit(&mut omitted, "logins", rest + self.logins_dropped);
        let (operations, rest) = self.operations_of(&activities);
        omit(&mut omitted, "operations", rest + self.operations_dropped);
        let (dns, rest) = self.dns_of(&asked, &activities);
        omit(&mut omitted, "DNS messages", rest + self.dns_dropped);
        let (processes, rest) = self.processes_of(&activities, &logins, &operations);
        omit(&mut omitted, "processes of the sessions", rest);
        let mut exits: Vec<Exit> =
            processes.iter().filter_map(|process| self.exits.get(&process.id)).cloned().collect();
        exits.sort_by_key(|exit| exit.event);
        Evidence {
            version: VERSION,
            host,
            request,
            answered: now,
            coverage,
            activities,
            processes,
            exits,
            logins,
            samples,
            dns,
            operations,
            habits: Vec::new(),
            omitted,
        }
    }

    /// Whether it is somebody whose traffic is asked for.
    fn is_meant(&self, id: Option<ProcessId>) -> bool {
        self.request.who.means(&id.map(|id| self.chain(id)).unwrap_or_default())
    }

    /// Whose turn of a loop a process is: its parent, past what only hands on, its program and its user.
    fn kin(&self, id: ProcessId) -> Option<activity::Kin> {
        let process = self.process(&id)?;
        let mut parent = process.parent?;
        for _ in 0..8 {
            match self.process(&parent).filter(passes_on) {
                Some(above) => parent = above.parent?,
                None => break,
            }
        }
        // Whatever the first process starts is unrelated.
        (parent.tgid > 1).then_some((parent, process.exe, process.credentials.uid))
    }

    /// A process, or what its fork tells of it.
    fn process(&self, id: &ProcessId) -> Option<Process> {
        let mut forked: Option<(ProcessId, ProcessId, UnixNs)> = None;
        let mut at = *id;
        // Each step goes to a parent; a chain cannot be longer than there are forks.
        for _ in 0..=self.forks.len().min(64) {
            if let Some(process) = self.processes.get(&at) {
                let mut process = process.clone();
                if let Some((id, parent, started)) = forked {
                    process.id = id;
                    process.parent = Some(parent);
                    process.started = started;
                    process.seen = Seen::Fork;
                }
                return Some(process);
            }
            let (parent, time) = self.forks.get(&at)?;
            forked.get_or_insert((at, *parent, *time));
            at = *parent;
        }
        None
    }

    /// A process's ancestors, itself first.
    fn chain(&self, id: ProcessId) -> Vec<Process> {
        let mut chain = Vec::new();
        let mut seen = HashSet::new();
        let mut next = Some(id);
        while let Some(process) = next.filter(|id| seen.insert(*id)).and_then(|id| self.process(&id)) {
            next = process.parent;
            chain.push(process);
        }
        chain
    }

    /// Puts what those above a matching activity's process took in right behind what matches: a service with few clients
    /// tells who may have had it done, and must not be left out for busier ones.
    fn put_forward(&self, activities: &mut [Activity]) {
        let matching = activities.partition_point(|activity| activity.matched > 0);
        let above = self.with_ancestors(&activities[..matching.min(ACTIVITIES_MAX)]);
        let above: HashSet<_> = above.into_iter().map(|id| (id.boot, id.tgid, id.start_ns)).collect();
        activities[matching..].sort_by_key(|activity| {
            let is_above = |id: ProcessId| above.contains(&(id.boot, id.tgid, id.start_ns));
            activity.direction != Direction::In || !activity.process.is_some_and(is_above)
        });
    }

    /// The processes of activities, and their ancestors.
    fn with_ancestors(&self, activities: &[Activity]) -> HashSet<ProcessId> {
        let chains = actors(activities).flat_map(|id| self.chain(*id));
        chains.map(|process| process.id).collect()
    }

    /// Logins of the window, and those that began a session of an activity however long ago.
    fn logins_of(&self, activities: &[Activity]) -> (Vec<LoginEvent>, u64) {
        let named = self.with_ancestors(activities);
        let began = |event: &LoginEvent| {
            event.login.process.is_some_and(|id| named.iter().any(|named| named.same_process(&id)))
        };
        let in_window = |event: &LoginEvent| self.window.contains(event.time);
        let mut logins: Vec<LoginEvent> =
            self.logins.iter().filter(|event| began(event) || in_window(event)).cloned().collect();
        logins.sort_by_key(|event| (!began(event), !event.login.accepted, event.time));
        let rest = logins.len().saturating_sub(LOGINS_MAX) as u64;
        logins.truncate(LOGINS_MAX);
        logins.sort_by_key(|event| (event.time, event.event));
        for event in &mut logins {
            event.login.command = event.login.command.take().map(|command| redact::line(&command));
        }
        (logins, rest)
    }

    /// The request with the addresses that this host was told the asked names have. Where it was told none, nothing
    /// is left out for it: a name may come from elsewhere than DNS.
    fn with_names_resolved(&self) -> Request {
        let named = self.dns.iter().filter(|event| self.request.names.contains(&event.dns.name));
        let addresses: BTreeSet<_> = named.flat_map(|event| &event.dns.addresses).copied().collect();
        let mut asked = self.request.clone();
        asked.remotes.extend(
            addresses
                .into_iter()
                .map(|address| Prefix { address, length: if address.is_ipv4() { 32 } else { 128 } }),
        );
        asked
    }

    /// Messages about what was asked for first, then those of the processes of the activities.
    fn dns_of(&self, asked: &Request, activities: &[Activity]) -> (Vec<DnsEvent>, u64) {
        let named: HashSet<ProcessId> = actors(activities).copied().collect();
        let about = |dns: &Dns| {
            asked.names.contains(&dns.name)
                || dns.addresses.iter().any(|address| activity::is_asked(asked, *address))
        };
        let mut told: Vec<(bool, &DnsEvent)> = self
            .dns
            .iter()
            .map(|event| (about(&event.dns), event))
            .filter(|(about, event)| *about || event.dns.process.is_some_and(|id| named.contains(&id)))
            .collect();
        told.sort_by_key(|(about, event)| (!about, event.event));
        let rest = told.len().saturating_sub(DNS_MAX) as u64;
        told.truncate(DNS_MAX);
        (told.into_iter().map(|(_, event)| event.clone()).collect(), rest)
    }

    /// Critical operations first, then by what the processes of the activities and their ancestors may be asked, then what else
    /// these did, and modules.
    fn operations_of(&self, activities: &[Activity]) -> (Vec<OperationEvent>, u64) {
        let named = self.with_ancestors(activities);
        let tells = |event: &&OperationEvent| {
            let operation = &event.operation;
            operation.kind.is_critical()
                || operation.kind == OperationKind::ModuleLoad
                || (operation.kind == OperationKind::BpfLoad && operation.process.is_none())
                || operation.process.is_some_and(|id| named.iter().any(|named| named.same_process(&id)))
        };
        // What a process may be asked by is told again and again: the first of the same is enough.
        let mut last: HashMap<(ProcessId, OperationKind), &str> = HashMap::new();
        let mut told: Vec<&OperationEvent> = Vec::new();
        for event in self.operations.iter().filter(tells) {
            let Operation { process, kind, detail } = &event.operation;
            let door = process.filter(|_| kind.is_door());
            if door.is_none_or(|id| last.insert((id, *kind), detail) != Some(detail)) {
                told.push(event);
            }
        }
        told.sort_by_key(|event| {
            let kind = event.operation.kind;
            (!kind.is_critical(), !kind.is_door(), event.event)
        });
        let rest = told.len().saturating_sub(OPERATIONS_MAX) as u64;
        told.truncate(OPERATIONS_MAX);
        (told.into_iter().cloned().collect(), rest)
    }

    /// Processes that activities, logins and operations name, their ancestors, and what else ran in the sessions of matching
    /// activities during the window.
    fn processes_of(
        &self,
        activities: &[Activity],
        logins: &[LoginEvent],
        operations: &[OperationEvent],
    ) -> (Vec<Process>, u64) {
        let mut needed: BTreeMap<ProcessId, Process> = BTreeMap::new();
        let mut sessions = BTreeSet::new();
        for activity in activities {
            for id in activity.process.iter().chain(&activity.senders) {
                for process in self.chain(*id) {
                    if activity.matched > 0 {
                        sessions.extend(process.credentials.session);
                    }
                    needed.insert(process.id, process);
                }
            }
        }
        let by_operation = operations.iter().filter_map(|event| event.operation.process);
        for id in logins.iter().filter_map(|event| event.login.process).chain(by_operation) {
            needed.extend(self.chain(id).into_iter().map(|process| (process.id, process)));
        }
        let mut beside: Vec<&Process> = self
            .processes
            .values()
            .filter(|process| !needed.contains_key(&process.id) && self.ran_in_window(process))
            .filter(|process| process.credentials.session.is_some_and(|session| sessions.contains(&session)))
            .collect();
        beside.sort_by_key(|process| (process.started, process.id));
        let rest = beside.len().saturating_sub(SESSION_PROCESSES_MAX) as u64;
        beside.truncate(SESSION_PROCESSES_MAX);
        let mut processes: Vec<Process> =
            beside.into_iter().cloned().chain(needed.into_values()).map(redact::process).collect();
        for container in processes.iter_mut().filter_map(|process| process.container.as_mut()) {
            if let Some(named) = self.containers.get(&container.id) {
                container.clone_from(named);
            }
        }
        processes.sort_by_key(|process| (process.started, process.id));
        (processes, rest)
    }

    fn ran_in_window(&self, process: &Process) -> bool {
        let ended = self.exits.get(&process.id).map_or(UnixNs(i64::MAX), |exit| exit.time);
        self.window.touches(process.started, ended)
    }
}

/// A service that was started as root and gave that up for a user of its own (`memcached -u`, a server's worker) acts
/// as that user. Who was given rights keeps the name by which he asked for them.
fn take_rights_given_up(known: &mut Process, later: &Process) {
    if known.credentials.uid == 0 && later.credentials.uid != 0 {
        known.credentials = later.credentials.clone();
        known.user.clone_from(&later.user);
        known.login_user.clone_from(&later.login_user);
    }
}

/// Owners of the sockets of activities, and who else sent through them.
fn actors(activities: &[Activity]) -> impl Iterator<Item = &ProcessId> {
    activities.iter().flat_map(|activity| activity.process.iter().chain(&activity.senders))
}

fn omit(omitted: &mut Vec<Omission>, what: &str, count: u64) {
    if count > 0 {
        omitted.push(Omission { what: what.to_owned(), count });
    }
}
