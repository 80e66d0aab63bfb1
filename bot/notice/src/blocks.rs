//! Several incidents told as blocks of fields: each with its own source, target and time.

use std::collections::HashSet;
use std::net::IpAddr;

use super::activity;
use super::activity::field;
use super::label;
use super::label::Kind;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::fold;
use super::record::Record;
use super::record::port_of;
use super::record::protocol;
use super::resource;
use super::time::epoch;
use super::vocabulary;

/// Blocks of a text, where there are several.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// Each block as a record, with the line of its source.
    pub records: Vec<(usize, Record)>,
    /// The lines that the blocks are made of.
    pub lines: HashSet<usize>,
}

/// One block under construction.
#[derive(Default)]
struct Block {
    record: Record,
    source_line: usize,
    lines: Vec<usize>,
    /// The address that heads it, alone in an item, and its line: "(2) 192.0.2.1".
    head: Option<(IpAddr, usize)>,
}

/// Reads blocks of fields; none unless at least two of them name a source and a time.
pub(super) fn read(lines: &[Line<'_>]) -> Blocks {
    let mut found: Vec<Block> = Vec::new();
    let mut block = Block::default();
    for (index, line) in lines.iter().enumerate() {
        let head = head_of_block(line);
        let new_section = index > 0 && lines[index - 1].section != line.section;
        if line.is_blank()
            || new_section
            || line.kind != LineKind::Statement
            || block.repeats(line)
            || head.is_some()
        {
            found.push(std::mem::take(&mut block));
            block.head = head.map(|ip| (ip, index));
        }
        if line.kind == LineKind::Statement {
            block.take(index, line);
        }
    }
    found.push(block);
    found.iter_mut().for_each(Block::take_head);
    let names_source = |record: &Record| {
        record.source.is_some() || (record.source_instance.is_some() && record.target.is_some())
    };
    found.retain(|block| {
        let record = &block.record;
        record.is_cleared || names_source(record) && !record.stamps.is_empty()
    });
    if found.iter().filter(|block| !block.record.is_cleared).count() < 2 {
        return Blocks::default();
    }
    let mut blocks = Blocks::default();
    for block in found {
        blocks.lines.extend(block.lines);
        blocks.records.push((block.source_line, block.record));
    }
    blocks
}

/// Returns the address that, alone in an item, heads a block.
fn head_of_block(line: &Line<'_>) -> Option<IpAddr> {
    let is_alone = line.kind == LineKind::Statement && line.spots.len() == 1 && line.is_item();
    is_alone.then(|| line.heads_item()).flatten()
}

/// What a field says where nothing was done: "Activity: none".
fn is_nothing(value: &str) -> bool {
    const NOTHING: [&str; 9] =
        ["none", "nothing", "no activity", "n/a", "keine", "aucune", "ninguna", "nessuna", "geen"];
    let value = fold(value);
    let first = value.split(['.', ',', ';', '(']).next().unwrap_or_default().trim();
    NOTHING.contains(&first)
}

impl Block {
    /// Has whom it is headed by be who did what its fields tell of.
    fn take_head(&mut self) {
        let Some((ip, line)) = self.head.filter(|_| self.record.source.is_none()) else { return };
        if self.record.activity.is_some() && !self.record.stamps.is_empty() {
            (self.record.source, self.source_line) = (Some(ip), line);
        } else if self.record.is_cleared {
            self.source_line = line;
        }
    }

    /// Says whether a line names a source again: the next block begins without a blank line.
    fn repeats(&self, line: &Line<'_>) -> bool {
        if self.record.source.is_none() || line.spots.is_empty() {
            return false;
        }
        let meaning = field(line.text).map(|(name, _)| label::meaning(name));
        meaning.is_some_and(|it| it.kind == Kind::Address && it.role == Some(Role::Accused))
    }

    fn take(&mut self, index: usize, line: &Line<'_>) {
        let Some((name, value)) = field(line.text).filter(|(name, _)| name.len() <= 40) else {
            return;
        };
        let meaning = label::meaning(name);
        let record = &mut self.record;
        let first = line.spots.first().filter(|spot| !spot.is_network());
        if record.source_instance.is_none() {
            record.source_instance = resource::instances(value).into_iter().next().map(|(_, id)| id);
            self.source_line = if record.source_instance.is_some() { index } else { self.source_line };
        }
        // Beside an instance, "remote" is whom that talked to.
        let is_other = record.source_instance.is_some() && label::holds(name, vocabulary::REMOTE);
        let role = if is_other { Some(Role::Victim) } else { meaning.role };
        if self.head.is_some() && meaning.kind == Kind::Activity && is_nothing(value) {
            record.is_cleared = true;
            return;
        }
        // "From/to: 2026-09-12 03:10 - 07:44".
        let is_span = self.head.is_some() && line.spots.is_empty() && !line.stamps.is_empty();
        match (meaning.kind, role) {
            _ if is_span => record.stamps.extend(line.stamps.iter().cloned()),
            (Kind::Address, Some(Role::Accused)) if record.source.is_none() => {
                record.source = first.and_then(|spot| spot.ip);
                record.source_port = first.and_then(|spot| port_of(spot, line.text));
                self.source_line = index;
            }
            (Kind::Address, Some(Role::Victim)) if record.target.is_none() => {
                record.target = first.and_then(|spot| spot.ip);
                record.target_port = first.and_then(|spot| port_of(spot, line.text)).or(record.target_port);
            }
            (Kind::Port, Some(Role::Accused)) => record.source_port = value.parse().ok(),
            (Kind::Port, _) => {
                record.target_port = value.split('/').next().and_then(|it| it.trim().parse().ok())
            }
            (Kind::Protocol, _) => record.protocol = protocol(value),
            (Kind::Time, _) if line.stamps.is_empty() => record.stamps.extend(epoch(value)),
            (Kind::Time, _) => record.stamps.extend(line.stamps.iter().cloned()),
            (Kind::Activity | Kind::Service, _) if record.activity.is_none() => {
                record.activity = activity::of_name(value)
            }
            _ => return,
        }
        record.how = "a block of fields";
        self.lines.push(index);
    }
}
