//! Several incidents told as blocks of fields: each with its own source, target and time.

use std::collections::HashSet;

use super::activity;
use super::activity::field;
use super::label;
use super::label::Kind;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::record::Record;
use super::record::port_of;
use super::record::protocol;
use super::time::epoch;

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
}

/// Reads blocks of fields; none unless at least two of them name a source and a time.
pub(super) fn read(lines: &[Line<'_>]) -> Blocks {
    let mut found: Vec<Block> = Vec::new();
    let mut block = Block::default();
    for (index, line) in lines.iter().enumerate() {
        let new_section = index > 0 && lines[index - 1].section != line.section;
        if line.is_blank() || new_section || line.kind != LineKind::Statement || block.repeats(line) {
            found.push(std::mem::take(&mut block));
        }
        if line.kind == LineKind::Statement {
            block.take(index, line);
        }
    }
    found.push(block);
    found.retain(|block| block.record.source.is_some() && !block.record.stamps.is_empty());
    if found.len() < 2 {
        return Blocks::default();
    }
    let mut blocks = Blocks::default();
    for block in found {
        blocks.lines.extend(block.lines);
        blocks.records.push((block.source_line, block.record));
    }
    blocks
}

impl Block {
    /// Says whether a line names a source again: the next block begins without a blank line.
    fn repeats(&self, line: &Line<'_>) -> bool {
        let Some((name, _)) = field(line.text) else {
            return false;
        };
        let meaning = label::meaning(name);
        let is_source = meaning.kind == Kind::Address && meaning.role == Some(Role::Accused);
        is_source && self.record.source.is_some() && !line.spots.is_empty()
    }

    fn take(&mut self, index: usize, line: &Line<'_>) {
        let Some((name, value)) = field(line.text).filter(|(name, _)| name.len() <= 40) else {
            return;
        };
        let meaning = label::meaning(name);
        let record = &mut self.record;
        let first = line.spots.first().filter(|spot| !spot.is_network());
        match (meaning.kind, meaning.role) {
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
