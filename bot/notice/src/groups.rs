//! Who is accused together: an instance with its addresses and names is one accused, not three.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::document::SectionRole;
use super::field_name;
use super::heading::Under;
use super::label;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::compile;
use super::resource;
use super::roles::Roles;
use super::said::words_after;
use super::said::words_before;
use super::sentence;
use super::sentence::Sentences;
use crate::claim::Accused;

/// An instance named in the text.
#[derive(Debug)]
pub(super) struct Instance {
    /// Its id.
    pub id: String,
    /// Index of the line.
    pub line: usize,
    /// Something was done to it rather than by it.
    pub is_victim: bool,
    /// Words, a field or its place in a list say that it is meant; else it is merely named.
    pub is_firm: bool,
    /// It is the writer's, not the reader's.
    pub is_writers: bool,
    /// It is said to have no part.
    pub is_cleared: bool,
    /// It is named outside of what is quoted from an earlier mail.
    pub is_said_now: bool,
    /// How firmly a sentence says what it is; nothing where none does.
    told: f32,
}

impl Instance {
    /// Says whether it is among those that the notice is about.
    pub fn is_accused(&self) -> bool {
        !self.is_victim && !self.is_cleared
    }
}

/// How many lines below an instance its address may stand.
const NEAR_LINES: usize = 5;

/// What a table says of the instance of a row: that nothing was found, or that it was attacked.
static CLEAN_ROW: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?:[\t|,;]|\s{2,}|:\s)\s*(?:none|clean|ok|okay|fine|healthy|no findings?|nothing found|not affected|unaffected|no issues?|normal|not involved|uninvolved|benign|legitimate|false positive|negative|not compromised|no (?:abuse|anomal(?:y|ies)|complaints?)|sauber|unauff[äa]llig)\s*(?:[\t|,;.]|\s{2,}|$)|(?:[\t|;]|\s{2,})\s*(?:false positive|benign|whitelisted|dismissed|legitimate|fehlalarm|falso positivo|faux positif)\b[^\t|;]{0,60}(?:[\t|;]|\s{2,}|$)",
    )
});
static ATTACKED_ROW: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?:[\t|,;]|\s{2,})\s*(?:scanned|target|targeted|victim|destination|attacked)\s*(?:[\t|,;.(]|\s{2,}|$)",
    )
});
static ARROW_BEFORE: LazyLock<Regex> = LazyLock::new(|| compile(r"(?:-+>|=+>|\u{2192})\s*$"));

/// Says whether a row of a table says that nothing was found of whom it names.
pub(super) fn is_clean_row(text: &str) -> bool {
    let head = text.trim_start_matches(['|', ' ']);
    let is_row = !resource::instances(text).is_empty()
        || (head.starts_with(|it: char| it.is_ascii_digit()) && is_cut(text));
    text.len() <= 300 && is_row && CLEAN_ROW.is_match(&text.to_lowercase())
}

/// Says whether a line is cut into cells.
fn is_cut(text: &str) -> bool {
    text.contains('|') || text.contains('\t') || text.contains("  ")
}

/// Says whether a row of a table says of whom it names that it was attacked.
pub(super) fn is_attacked_row(text: &str) -> bool {
    ATTACKED_ROW.is_match(&text.to_lowercase())
}

/// Says whether no word stands before a place in a line: an item of a list, the head of a row.
fn is_listed(text: &str, at: usize) -> bool {
    text[..at].chars().filter(|it| it.is_alphabetic()).count() <= 2
}

fn is_arrows_target(text: &str, at: usize) -> bool {
    ARROW_BEFORE.is_match(&text[..at])
}

static WRITERS: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:my|our|unsere?|notre|nuestr[oa])\b[^.;]{0,40}$"));

/// Finds all instances that the text names.
pub(super) fn instances(lines: &[Line<'_>], under: &[Under], sentences: &Sentences) -> Vec<Instance> {
    let mut found: Vec<Instance> = Vec::new();
    let may_name = |line: &Line<'_>| line.role != SectionRole::Evidence && line.kind != LineKind::Aside;
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| may_name(line)) {
        for (at, id) in resource::instances(line.text) {
            let told = sentences.of(index, at).filter(|(_, weight)| *weight >= SAID_MIN);
            let Some(known) = found.iter_mut().find(|known| known.id == id) else {
                let mut instance = instance(lines, index, at, id, told);
                instance.is_cleared |= under[index].clears();
                found.push(instance);
                continue;
            };
            known.is_said_now |= !line.is_quoted;
            known.is_firm |= is_listed(line.text, at);
            // A sentence that says more of it than those before it.
            if let Some((role, weight)) = told.filter(|(_, weight)| *weight > known.told) {
                known.told = weight;
                known.is_cleared = matches!(role, Role::Infrastructure | Role::Reporter);
                known.is_victim = role == Role::Victim;
                known.is_firm |= role == Role::Accused;
            }
        }
    }
    found
}

/// What merely stands beside others in a sentence is not cleared by it.
const SAID_MIN: f32 = 1.0;

/// Reads what is said of an instance where it is named first.
fn instance(lines: &[Line<'_>], index: usize, at: usize, id: String, told: Option<(Role, f32)>) -> Instance {
    let line = &lines[index];
    let spot =
        super::address::Spot { ip: None, host: None, port: None, slash: None, start: at, end: at + id.len() };
    // What heads a row is no word before it, unless it introduces it.
    let heads = line.text[..at].trim().is_empty()
        && index.checked_sub(1).is_none_or(|above| !lines[above].text.trim_end().ends_with(':'));
    let before = if heads { String::new() } else { words_before(lines, index, &spot, None) };
    let after = words_after(lines, index, &spot);
    let cue = super::cue::read(&before, &after);
    let field = field_name::label_before(line, &spot).and_then(|name| label::meaning(&name).role);
    let (role, weight) = told.map_or((None, 0.0), |(role, weight)| (Some(role), weight));
    let cue = cue.filter(|_| role.is_none());
    let is_cleared = (field == Some(Role::Infrastructure) && weight < sentence::CERTAIN)
        || matches!(role, Some(Role::Infrastructure | Role::Reporter))
        || cue.as_ref().is_some_and(|cue| matches!(cue.role, Role::Infrastructure | Role::Reporter));
    let is_writers = WRITERS.is_match(&before.to_lowercase());
    let is_victim = is_attacked_row(line.text)
        || is_writers
        || field == Some(Role::Victim)
        || is_in_victims_field(line.text)
        || is_arrows_target(line.text, at)
        || role == Some(Role::Victim)
        || cue.as_ref().is_some_and(|cue| cue.role == Role::Victim && is_attack(&cue.words));
    let is_firm = field == Some(Role::Accused)
        || is_listed(line.text, at)
        || line.role == SectionRole::Subject
        || role == Some(Role::Accused)
        || cue.is_some_and(|cue| cue.role == Role::Accused && cue.weight >= 2.0);
    let is_said_now = !line.is_quoted;
    Instance { id, line: index, is_victim, is_firm, is_writers, is_cleared, is_said_now, told: weight }
}

/// "Target (ours): 192.0.2.1, instance i-0123456789abcdef0": the whole field is what was attacked.
fn is_in_victims_field(text: &str) -> bool {
    let name = super::activity::field(text).map(|(name, _)| name).filter(|name| name.len() <= FIELD_NAME_MAX);
    name.and_then(label::strong_role) == Some(Role::Victim)
}

/// A longer name of a field is a clause.
const FIELD_NAME_MAX: usize = 40;

/// Says whether words tell of an attack on what follows, not merely of a direction.
pub(super) fn is_attack(words: &str) -> bool {
    const ATTACKS: [&str; 16] = [
        "against", "target", "attack", "victim", "prob", "scan", "flood", "brute", "hammer", "bombard",
        "ddos", "attempt", "knock", "password", "login", "exploit",
    ];
    ATTACKS.iter().any(|word| words.contains(word))
}

/// Joins the accused addresses and instances that belong together, in the order of the text.
pub(super) fn join(lines: &[Line<'_>], roles: &Roles, instances: &[Instance]) -> Vec<Accused> {
    let mut groups: Vec<(usize, Accused)> = Vec::new();
    let said_now = |instance: &Instance| instance.is_said_now;
    let now = instances.iter().filter(|it| it.is_accused()).any(said_now)
        || roles.with(Role::Accused).into_iter().any(|ip| roles.is_said_now(ip));
    // What an earlier mail said, which this one quotes, gives way to what it says itself; and one that is merely named
    // to one that is said to be meant.
    let is_firm = instances.iter().any(|it| it.is_accused() && it.is_firm);
    let is_meant = |it: &&Instance| it.is_accused() && (!now || it.is_said_now) && (!is_firm || it.is_firm);
    for instance in instances.iter().filter(is_meant) {
        let accused = Accused { instance_ids: vec![instance.id.clone()], ..Accused::default() };
        groups.push((instance.line, accused));
    }
    merge_blocks(lines, &mut groups);
    let only_one = groups.len() == 1;
    for ip in roles.with(Role::Accused) {
        let at = first_statement(lines, ip);
        let group = if only_one { Some(0) } else { nearest_group(lines, &groups, ip) };
        match group {
            Some(group) => groups[group].1.addresses.push(ip),
            None => groups.push((at, Accused { addresses: vec![ip], ..Accused::default() })),
        }
    }
    for (_, accused) in &mut groups {
        accused.hostnames = host_names(lines, &accused.addresses);
    }
    groups.sort_by_key(|(line, _)| *line);
    let mut groups: Vec<Accused> = groups.into_iter().map(|(_, accused)| accused).collect();
    let others: Vec<&str> =
        instances.iter().filter(|it| !it.is_accused()).map(|instance| instance.id.as_str()).collect();
    put_places(lines, &others, &mut groups);
    groups
}

/// Where instances stand line by line and their addresses follow line by line, which is whose is
/// not said: they are accused together.
fn merge_blocks(lines: &[Line<'_>], groups: &mut Vec<(usize, Accused)>) {
    let has_address = |at: usize| lines.get(at).is_some_and(|line| !line.spots.is_empty());
    let mut merged: Vec<(usize, Accused)> = Vec::new();
    for (at, accused) in groups.drain(..) {
        let follows = merged.last().is_some_and(|(last, _)| {
            let only_blank = (last + 1..at).all(|between| lines[between].is_blank());
            lines[*last].section == lines[at].section && only_blank && !has_address(*last) && !has_address(at)
        });
        let then_address = (at + 1..=at + NEAR_LINES).any(has_address);
        match merged.last_mut() {
            Some((last, together)) if follows && then_address => {
                *last = at;
                together.instance_ids.extend(accused.instance_ids);
            }
            _ => merged.push((at, accused)),
        }
    }
    *groups = merged;
}

fn first_statement(lines: &[Line<'_>], ip: IpAddr) -> usize {
    lines
        .iter()
        .position(|line| {
            line.role != SectionRole::Subject && line.spots.iter().any(|spot| spot.ip == Some(ip))
        })
        .unwrap_or(lines.len())
}

/// Returns the instance on whose line, or just below whose line, an address stands.
fn nearest_group(lines: &[Line<'_>], groups: &[(usize, Accused)], ip: IpAddr) -> Option<usize> {
    let mut best: Option<(usize, usize)> = None;
    for (index, line) in lines.iter().enumerate() {
        if !line.spots.iter().any(|spot| spot.ip == Some(ip)) {
            continue;
        }
        for (group, (at, accused)) in
            groups.iter().enumerate().filter(|(_, (_, it))| !it.instance_ids.is_empty())
        {
            if accused.instance_ids.is_empty() || *at > index || index - at > NEAR_LINES {
                continue;
            }
            if lines[*at].section == line.section && best.is_none_or(|(_, distance)| index - at < distance) {
                best = Some((group, index - at));
            }
        }
    }
    best.map(|(group, _)| group)
}

fn host_names(lines: &[Line<'_>], addresses: &[IpAddr]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for spot in lines.iter().filter(|line| line.kind != LineKind::Header).flat_map(|line| &line.spots) {
        if let (Some(host), Some(ip)) = (&spot.host, spot.ip)
            && addresses.contains(&ip)
            && !names.contains(host)
        {
            names.push(host.clone());
        }
    }
    names
}

/// Gives each accused its account and region: those of its own line, else the notice's only ones.
fn put_places(lines: &[Line<'_>], others: &[&str], groups: &mut [Accused]) {
    // The account that stands beside somebody else's instance is somebody else's.
    let of_others = |line: &Line<'_>| others.iter().any(|id| line.text.contains(id));
    let statements = || lines.iter().filter(|line| line.kind == LineKind::Statement && !of_others(line));
    let account = statements().find_map(|line| resource::account(line.text));
    let region = statements().find_map(|line| resource::region(line.text));
    for group in groups {
        let own =
            statements().find(|line| group.instance_ids.iter().any(|id| line.text.contains(id.as_str())));
        group.account = own.and_then(|line| resource::account(line.text)).or_else(|| account.clone());
        let from_host = group.hostnames.iter().find_map(|host| {
            if host.contains(".compute-1.") { Some("us-east-1".to_owned()) } else { resource::region(host) }
        });
        group.region =
            own.and_then(|line| resource::region(line.text)).or(from_host).or_else(|| region.clone());
    }
}
