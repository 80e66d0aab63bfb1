//! What the whole ring knows of the persons behind what was asked for, from before: whence, when and how they log in,
//! and whether they have run these programs.
//!
//! Files are read from the newest back, as long as that takes no longer than [`TIME_MAX`]; since when was searched is
//! said. What cannot be read is left out: the answer's coverage tells of it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::time::Duration;
use std::time::Instant;

use crate::event::Body;
use crate::event::Login;
use crate::event::Process;
use crate::evidence::Evidence;
use crate::evidence::Habit;
use crate::evidence::LoginEvent;
use crate::evidence::Used;
use crate::id::ProcessId;
use crate::id::UnixNs;
use crate::ring;
use crate::ring::RingFile;

/// How long is searched.
const TIME_MAX: Duration = Duration::from_millis(400);
/// Logins whose persons are looked at.
const LOGINS_MAX: usize = 4;
/// Programs that are looked for.
const PROGRAMS_MAX: usize = 8;
/// Values of one kind in an answer.
const USED_MAX: usize = 8;
/// Values of one kind that are counted.
const COUNTED_MAX: usize = 10_000;
/// Logins and images that are told apart; the same ones are written again into each file.
const SEEN_MAX: usize = 1_000_000;
const DAY_NS: i64 = 86_400_000_000_000;
const HOUR_NS: i64 = 3_600_000_000_000;

/// The habits of those who logged in before what the evidence tells of.
pub(super) fn habits(files: &[RingFile], evidence: &Evidence) -> Vec<Habit> {
    let (logins, programs) = subjects(evidence);
    if logins.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<Counted> = logins.iter().map(Counted::new).collect();
    let mut seen = Seen::default();
    let began = Instant::now();
    let mut since = evidence.coverage.oldest.unwrap_or(evidence.answered);
    let mut read_from = evidence.answered;
    let mut whole = true;
    for file in files.iter().rev() {
        if began.elapsed() > TIME_MAX {
            whole = false;
            break;
        }
        let outcome = ring::visit_habits(file, &programs, &mut |event| {
            since = since.min(event.time);
            read_from = read_from.min(event.time);
            match &event.body {
                Body::Login(login) if seen.login(event.time, login) => {
                    found.iter_mut().for_each(|counted| counted.login(event.time, login));
                }
                Body::Process(process) if programs.contains(&process.exe) && seen.image(process) => {
                    found.iter_mut().for_each(|counted| counted.program(process));
                }
                _ => {}
            }
        });
        whole &= outcome.is_ok();
    }
    if !whole {
        // The oldest file was not read: what it tells of does not count.
        since = since.max(read_from);
    }
    found.into_iter().map(|counted| counted.finish(since, whole)).collect()
}

/// Logins that began what matches, and the programs that did it.
fn subjects(evidence: &Evidence) -> (Vec<LoginEvent>, Vec<String>) {
    let asked = !evidence.request.remotes.is_empty() || !evidence.request.names.is_empty();
    let processes: HashMap<ProcessId, &Process> =
        evidence.processes.iter().map(|process| (process.id, process)).collect();
    let mut logins: Vec<LoginEvent> = Vec::new();
    let mut programs: BTreeSet<String> = BTreeSet::new();
    for activity in evidence.activities.iter().filter(|activity| !asked || activity.matched > 0) {
        let mut at = activity.process.and_then(|id| processes.get(&id).copied());
        if let Some(process) = at.filter(|process| !process.exe.is_empty() && programs.len() < PROGRAMS_MAX) {
            programs.insert(process.exe.clone());
        }
        for _ in 0..64 {
            let Some(process) = at else { break };
            let let_in = |event: &&LoginEvent| {
                event.login.accepted
                    && event.login.method != "elevation"
                    && !event.login.is_attach()
                    && event.login.process.is_some_and(|id| id.same_process(&process.id))
            };
            if let Some(login) = evidence.logins.iter().filter(let_in).min_by_key(|event| event.time) {
                if !logins.contains(login) && logins.len() < LOGINS_MAX {
                    logins.push(login.clone());
                }
                break;
            }
            at = process.parent.and_then(|parent| processes.get(&parent).copied());
        }
    }
    (logins, programs.into_iter().collect())
}

/// What was counted already.
#[derive(Default)]
struct Seen {
    logins: HashSet<(UnixNs, String, Option<u16>, bool)>,
    images: HashSet<ProcessId>,
}

impl Seen {
    fn login(&mut self, time: UnixNs, login: &Login) -> bool {
        self.logins.len() < SEEN_MAX
            && self.logins.insert((time, login.user.clone(), login.source_port, login.accepted))
    }

    fn image(&mut self, process: &Process) -> bool {
        self.images.len() < SEEN_MAX && self.images.insert(process.id)
    }
}

#[derive(Default)]
struct Counted {
    habit: Habit,
    days: BTreeSet<i64>,
    sources: BTreeMap<String, Used>,
    methods: BTreeMap<String, Used>,
    keys: BTreeMap<String, Used>,
    programs: BTreeMap<String, Used>,
}

impl Counted {
    fn new(of: &LoginEvent) -> Self {
        let habit =
            Habit { user: of.login.user.clone(), before: of.time, hours: vec![0; 24], ..Habit::default() };
        Self { habit, ..Self::default() }
    }

    fn login(&mut self, time: UnixNs, login: &Login) {
        let habit = &mut self.habit;
        // What cron or sudo does in somebody's name is no habit of logging in.
        let comes_in =
            (login.source_address.is_some() && !login.is_attach()) || login.method == "session-manager";
        if login.user != habit.user || time >= habit.before || !comes_in {
            return;
        }
        if !login.accepted {
            habit.failed += 1;
            return;
        }
        habit.accepted += 1;
        self.days.insert(time.0.div_euclid(DAY_NS));
        // Who logs in now, perhaps beside the person's own session, makes no hour a usual one.
        if time.0 > habit.before.0.saturating_sub(DAY_NS / 2) {
            self.used(time, login);
            return;
        }
        let hour = usize::try_from(time.0.rem_euclid(DAY_NS) / HOUR_NS).unwrap_or_default();
        if let Some(count) = habit.hours.get_mut(hour) {
            *count += 1;
        }
        self.used(time, login);
    }

    fn used(&mut self, time: UnixNs, login: &Login) {
        if let Some(address) = login.source_address {
            count(&mut self.sources, &address.to_string(), time);
        }
        count(&mut self.methods, &login.method, time);
        if let Some(key) = &login.key {
            count(&mut self.keys, key, time);
        }
    }

    fn program(&mut self, process: &Process) {
        let user = process.login_user.as_ref().or(process.user.as_ref());
        if process.started < self.habit.before && user == Some(&self.habit.user) {
            count(&mut self.programs, &process.exe, process.started);
        }
    }

    fn finish(self, since: UnixNs, whole: bool) -> Habit {
        Habit {
            since: since.min(self.habit.before),
            whole,
            days: self.days.len() as u64,
            sources: most(self.sources),
            methods: most(self.methods),
            keys: most(self.keys),
            programs: most(self.programs),
            ..self.habit
        }
    }
}

fn count(counts: &mut BTreeMap<String, Used>, value: &str, time: UnixNs) {
    if counts.len() >= COUNTED_MAX && !counts.contains_key(value) {
        return;
    }
    let used = counts.entry(value.to_owned()).or_insert_with(|| Used {
        value: value.to_owned(),
        count: 0,
        first: time,
        last: time,
    });
    used.count += 1;
    used.first = used.first.min(time);
    used.last = used.last.max(time);
}

fn most(counts: BTreeMap<String, Used>) -> Vec<Used> {
    let mut used: Vec<Used> = counts.into_values().collect();
    used.sort_by_key(|used| std::cmp::Reverse(used.count));
    used.truncate(USED_MAX);
    used
}
