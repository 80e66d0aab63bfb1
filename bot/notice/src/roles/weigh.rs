//! Weighing: every place that names an address is a vote, and so is what lists, rows and networks say of those in them.

use std::collections::HashMap;
use std::collections::HashSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::super::address;
use super::super::document::SectionRole;
use super::super::domain;
use super::super::heading;
use super::super::heading::Under;
use super::super::label::Role;
use super::super::lines;
use super::super::lines::Line;
use super::super::lines::LineKind;
use super::super::pattern::fold;
use super::super::provider;
use super::super::received;
use super::super::record;
use super::super::record::Record;
use super::super::said;
use super::super::said::runs_on;
use super::super::sentence::Sentences;
use super::super::tally;
use super::super::tally::Vote;
use super::super::tally::vote;
use super::Roles;

/// How many items of lists are looked at.
const ITEMS_MAX: usize = 200;
/// How many mentions of one address are weighed.
const MENTIONS_MAX: u32 = 200;
/// What is said of a network less firmly says nothing of the addresses in it.
const NETWORK_MIN: f32 = 1.0;
/// How many networks are weighed.
const NETWORKS_MAX: usize = 32;

/// From whose side a notice speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'a> {
    /// Addresses known to be ours.
    pub own: &'a [IpNet],
    /// No other address that the notice names is.
    pub own_is_complete: bool,
    /// It speaks from our side, as AWS's mails do: "remote" is then the other side.
    pub ours: bool,
    /// The domains of whoever has the mailbox: addresses that have names in them are ours.
    pub own_domains: &'a [String],
    /// The domain of who writes it, empty where that says nothing.
    pub reporter: &'a str,
}

/// Weighs all addresses of the lines.
pub(crate) fn weigh(
    lines: &[Line<'_>],
    records: &[Option<Record>],
    under: &[Under],
    sentences: &Sentences,
    side: Side<'_>,
) -> Roles {
    let mut roles = Roles { own_is_complete: side.own_is_complete, ..Roles::default() };
    let mut intro: Option<String> = None;
    let mut networks: Vec<(IpNet, Role, usize)> = Vec::new();
    // Whoever handed an offending mail over only carried it, unless something accuses it.
    let handed_over_by = received::handed_over_by(lines).map(|(ip, _)| ip);
    let mut carried: Vec<Vote> = Vec::new();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.role != SectionRole::Evidence) {
        intro = next_intro(lines, index, intro);
        let record = records.get(index).and_then(Option::as_ref);
        let is_sentence = record.is_none()
            && !line.spots.is_empty()
            && line.kind == LineKind::Statement
            && line.role == SectionRole::Body
            && !line.is_quoted
            && line.has_words();
        for (position, spot) in line.spots.iter().enumerate() {
            let Some(ip) = spot.ip.filter(|ip| !address::is_nobody(*ip)) else { continue };
            let said = || {
                if record.is_some_and(|it| it.is_cleared && it.spares != Some(ip)) {
                    let why = "its row says that it did what is ordinary".to_owned();
                    return Some((Role::Infrastructure, tally::EXONERATED, why));
                }
                let by_heading = under[index].says(line, spot);
                let is_clear = by_heading.as_ref().is_some_and(|(_, weight, _)| *weight >= tally::EXONERATED);
                let own = || said::of(lines, index, spot, intro.as_deref(), sentences, side.ours);
                match by_heading {
                    Some(by_heading) if is_clear => Some(by_heading),
                    Some(by_heading) => {
                        own().filter(|(_, weight, _)| *weight >= heading::WEIGHT).or(Some(by_heading))
                    }
                    None => own(),
                }
            };
            if let Some(network) = spot.network() {
                if networks.len() < NETWORKS_MAX
                    && record.is_none()
                    && let Some((role, weight, _)) = said()
                    && weight >= NETWORK_MIN
                {
                    networks.push((network, role, index));
                }
                continue;
            }
            if !roles.has_room(ip) {
                continue;
            }
            let tally = roles.tally(ip, side.own);
            tally.mentions += 1;
            let is_named_ours = |domain: &String| domain::is_beside(line.text, spot, domain);
            tally.ours |= tally.mentions <= MENTIONS_MAX
                && !address::is_private(ip)
                && side.own_domains.iter().any(is_named_ours);
            tally.is_said_now |=
                !(line.is_quoted || line.role == SectionRole::Subject && lines::is_of_an_answer(line.text));
            tally.spoken_at = tally.spoken_at.or(is_sentence.then_some(index));
            tally.last_row = if record.is_some() { Some(index) } else { tally.last_row };
            if tally.mentions <= MENTIONS_MAX && domain::is_beside(line.text, spot, side.reporter) {
                let why = "stands beside a host name of the reporter's own domain".to_owned();
                tally.vote(vote(line, Role::Victim, 2.0, why));
            }
            if tally.count_row(record, line) || tally.mentions > MENTIONS_MAX {
                continue;
            }
            match said() {
                // Where a line says who did it, no other address of it did, unless a field says so.
                Some((Role::Accused, weight, _))
                    if record.is_some_and(|it| {
                        it.source.is_some() && (weight < 3.0 || it.how == record::KEYS)
                    }) =>
                {
                    tally.vote(vote(line, Role::Victim, 0.8, "stands beside the source in a row".to_owned()));
                }
                Some((role, weight, why)) if line.kind == LineKind::Header && handed_over_by == Some(ip) => {
                    carried.push(vote(line, role, weight, why));
                }
                Some((role, weight, why)) => tally.vote(vote(line, role, weight, why)),
                None if record.is_none() => tally.count_order(line, position),
                // The line's own host, which no word before it speaks of.
                None if record.is_some_and(|it| it.source.is_some() && it.target.is_none()) => {
                    tally.vote(vote(line, Role::Victim, 0.8, "stands beside the source in a row".to_owned()));
                }
                None => {}
            }
        }
    }
    if let Some(ip) = handed_over_by.filter(|ip| !roles.is_named_outside_of_headers(*ip)) {
        carried.into_iter().for_each(|vote| roles.tally(ip, side.own).vote(vote));
    }
    roles.count_networks(&networks, lines);
    roles.count_providers(lines);
    roles.count_consensus(lines, records);
    roles.mark_peers(records);
    roles.count_items(lines);
    roles
}

/// "…, namely": what follows is a list, with no colon before it.
fn announces(text: &str) -> bool {
    const WORDS: [&str; 9] = [
        "namely",
        "as follows",
        "following",
        "namlich",
        "folgende",
        "a savoir",
        "a saber",
        "cioe",
        "namelijk",
    ];
    let text = fold(text);
    let text = text.trim_end_matches([',', ' ']);
    WORDS.iter().any(|word| text.ends_with(word))
}

/// Keeps the sentence that introduces a list while the list goes on.
fn next_intro(lines: &[Line<'_>], index: usize, intro: Option<String>) -> Option<String> {
    let line = &lines[index];
    if line.kind != LineKind::Statement {
        return None;
    }
    let text = line.text.trim();
    let after = line.spots.last().and_then(|spot| line.text.get(spot.end..));
    // An address that a colon follows heads lines of its own; one in brackets is said by the way.
    let is_open = after.is_none_or(|after| after.len() > 20 || after.trim().starts_with(')'));
    let asks = || {
        text.contains('?')
            && lines.get(index + 1).is_some_and(|next| next.text.trim_start().starts_with("- "))
    };
    if is_open && (text.ends_with([':', '\u{ff1a}']) || announces(text) || asks()) {
        let own = if asks() { text } else { text.rsplit(". ").next().unwrap_or(text) };
        let above = if own.len() == text.len() && runs_on(lines, index) { lines[index - 1].text } else { "" };
        return Some(format!("{above} {own}").trim().to_owned());
    }
    if line.is_blank() || line.is_item() {
        // A blank line may stand between an introduction and its list, or between items.
        let blanks = lines[..index].iter().rev().take_while(|before| before.is_blank()).count();
        return intro.filter(|_| blanks < 2);
    }
    None
}

impl Roles {
    /// Counts for every address what is said of the network that it lies in.
    fn count_networks(&mut self, networks: &[(IpNet, Role, usize)], lines: &[Line<'_>]) {
        for tally in &mut self.tallies {
            let ip = tally.ip;
            for (network, role, line) in networks.iter().filter(|(network, ..)| network.contains(&ip)) {
                let weight = if *role == Role::Accused { 0.75 } else { 2.0 };
                tally.vote(vote(&lines[*line], *role, weight, format!("lies in {network}")));
            }
        }
    }

    /// Counts for every address of a list whose network its row names; what the list says of all is said already.
    fn count_providers(&mut self, lines: &[Line<'_>]) {
        for (ip, role, at) in provider::told(lines) {
            let Some(tally) = self.places.get(&ip).map(|place| &mut self.tallies[*place]) else { continue };
            match role {
                Role::Accused if lines[at].spots.len() == 1 && tally.leans_to_nobody() => {
                    tally.vote(vote(
                        &lines[at],
                        role,
                        2.0,
                        "its row names Amazon's network, or the reader's".to_owned(),
                    ));
                }
                Role::Infrastructure if !tally.ours => {
                    let why = "its row names another network than those beside it".to_owned();
                    tally.vote(vote(&lines[at], role, tally::EXONERATED, why));
                }
                _ => {}
            }
        }
    }

    /// Marks whom rows show only as they speak to one that they show as the source more often.
    fn mark_peers(&mut self, records: &[Option<Record>]) {
        let mut sources: HashMap<IpAddr, (u32, Option<IpAddr>)> = HashMap::new();
        for record in records.iter().flatten() {
            let Some(source) = record.source else { continue };
            let (count, target) = sources.entry(source).or_insert((0, record.target));
            *count += 1;
            *target = target.filter(|target| Some(*target) == record.target);
        }
        for tally in &mut self.tallies {
            let Some((count, Some(target))) = sources.get(&tally.ip) else { continue };
            tally.is_peer = sources.get(target).is_some_and(|(more, _)| more > count);
        }
    }

    /// Whom the items of a list begin with have the same part: where most are accused, so are those of which nothing is
    /// said, and whom else an item mentions is another.
    fn count_items(&mut self, lines: &[Line<'_>]) {
        let heads: Vec<(IpAddr, usize)> = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.kind == LineKind::Statement && line.role == SectionRole::Body)
            .filter_map(|(at, line)| Some((line.heads_item()?, at)))
            .take(ITEMS_MAX)
            .collect();
        let role = |roles: &Self, ip: IpAddr| roles.places.get(&ip).and_then(|at| roles.tallies[*at].role());
        let accused = heads.iter().filter(|(ip, _)| role(self, *ip) == Some(Role::Accused)).count();
        if accused < 2 || accused * 2 < heads.len() {
            return;
        }
        for (ip, at) in heads {
            let Some(tally) = self.places.get(&ip).map(|place| &mut self.tallies[*place]) else { continue };
            tally.heads_item = true;
            if tally.role().is_none() && tally.leans_to_nobody() {
                tally.vote(vote(&lines[at], Role::Accused, 2.0, tally::IN_ITEM.to_owned()));
            }
        }
        self.is_list_of_accused = true;
    }

    /// Where rows of two addresses give no direction, the one that stands first in all of them, with many
    /// others behind it, is whom they are about.
    fn count_consensus(&mut self, lines: &[Line<'_>], records: &[Option<Record>]) {
        let rows = || {
            let rows = lines.iter().zip(records).filter_map(|(line, record)| Some((line, record.as_ref()?)));
            rows.filter(|(_, record)| record.how == record::ORDER)
        };
        let firsts: HashSet<IpAddr> = rows().filter_map(|(_, row)| row.source).collect();
        let seconds: HashSet<IpAddr> = rows().filter_map(|(_, row)| row.target).collect();
        let (Some(first), Some((line, _))) = (firsts.iter().next(), rows().next()) else { return };
        if firsts.len() > 1 || seconds.len() < 2 || seconds.contains(first) {
            return;
        }
        if let Some(tally) = self.places.get(first).map(|at| &mut self.tallies[*at]) {
            let why = "stands first in all rows, before many others".to_owned();
            tally.vote(vote(line, Role::Accused, 1.0, why));
        }
    }
}
