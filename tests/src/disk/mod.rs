//! A disk that is watched and that fails: what a program did to the files of one directory, in order, and every state in
//! which losing power there could have left them.
//!
//! The program is a real one, under a library that is loaded before libc (`shim.c`) and writes down each operation that
//! took effect; nothing in the program knows of it. [`Disk`] then plays the operations back as the most forgetful disk
//! that POSIX allows: data is there for certain once its file was synced, a name once its directory was; what was not
//! synced may be there or not, each write by itself, the last one torn between two sectors; names change in order.
//! A sync that failed has lost what it was for, as Linux does. A sector of 512 bytes is written whole or not at all.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::ensure;

use crate::soak::plan::Random;

const SHIM: &str = include_str!("shim.c");
const SECTOR: usize = 512;

/// What took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// A file was made.
    Create(u64, String),
    /// Bytes were written at an offset.
    Write(u64, usize, Vec<u8>),
    /// A file was given another length.
    Resize(u64, usize),
    /// A file, or the directory, was put on disk.
    Sync(u64),
    /// It was tried in vain.
    SyncFailed(u64),
    /// A file got another name.
    Rename(String, String),
    /// A name was removed.
    Unlink(String),
    /// The program printed something.
    Told(String),
}

/// What of that which was not synced is there when power comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survives {
    /// Nothing.
    Nothing,
    /// All but a piece of what was written last.
    AllButAPiece,
    /// This and that.
    Some,
}

/// Builds the library in a directory.
///
/// # Errors
/// When there is no C compiler.
pub fn build_shim(dir: &Path) -> anyhow::Result<PathBuf> {
    let (source, library) = (dir.join("shim.c"), dir.join("shim.so"));
    std::fs::write(&source, SHIM)?;
    let mut gcc = Command::new("gcc");
    gcc.args(["-shared", "-fPIC", "-O1", "-D_LARGEFILE64_SOURCE", "-o"]).arg(&library).arg(&source);
    let built = gcc.args(["-ldl", "-lpthread"]).output().context("gcc")?;
    ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Ok(library)
}

/// A directory as it was before a program ran, and what the program did to it.
pub struct Disk {
    ino: u64,
    before: Vec<(u64, String, Vec<u8>)>,
    /// In the order in which they took effect.
    pub operations: Vec<Operation>,
}

impl Disk {
    /// A directory as it is now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(dir: &Path) -> anyhow::Result<Self> {
        let mut before = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            before.push((entry.metadata()?.ino(), name, std::fs::read(entry.path())?));
        }
        Ok(Self { ino: std::fs::metadata(dir)?.ino(), before, operations: Vec::new() })
    }

    /// Adds what was written down.
    ///
    /// # Errors
    /// When it cannot be read, or is no record of operations.
    pub fn read(&mut self, log: &Path) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        File::open(log)?.read_to_end(&mut bytes)?;
        let mut rest = bytes.as_slice();
        // A program that was killed may have written down half an operation.
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let head = std::str::from_utf8(&rest[..end])?;
            let words: Vec<&str> = head.split(' ').collect();
            let [kind, ino, at, length] = words.as_slice() else { anyhow::bail!("no operation: {head}") };
            let (ino, at, length): (u64, usize, usize) = (ino.parse()?, at.parse()?, length.parse()?);
            let Some(content) = rest.get(end + 1..end + 1 + length) else { break };
            rest = &rest[end + 1 + length..];
            let text = || String::from_utf8_lossy(content).into_owned();
            self.operations.push(match *kind {
                "C" => Operation::Create(ino, text()),
                "W" => Operation::Write(ino, at, content.to_vec()),
                "S" => Operation::Resize(ino, at),
                "F" => Operation::Sync(ino),
                "L" => Operation::SyncFailed(ino),
                "U" => Operation::Unlink(text()),
                "T" => Operation::Told(text()),
                "R" => {
                    let both = text();
                    let (from, to) = both.split_once('/').context("two names")?;
                    Operation::Rename(from.to_owned(), to.to_owned())
                }
                other => anyhow::bail!("operation {other}"),
            });
        }
        Ok(())
    }

    /// The files that are there when power went after so many operations.
    pub fn after(
        &self,
        operations: usize,
        survives: Survives,
        random: &mut Random,
    ) -> BTreeMap<String, Vec<u8>> {
        let mut platter = Platter::new(&self.before, self.ino);
        self.operations.iter().take(operations).for_each(|operation| platter.apply(operation));
        platter.left(survives, random)
    }
}

/// A change of a file's content that is not on disk for certain.
#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Resize(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Resize(length) => content.resize(*length, 0),
            Self::Write(at, bytes) => {
                let end = at + bytes.len();
                content.resize(content.len().max(end), 0);
                content[*at..end].copy_from_slice(bytes);
            }
        }
    }

    /// What is left of it when power goes in the middle: whole sectors.
    fn torn(&self, random: &mut Random) -> Self {
        match self {
            Self::Resize(length) => Self::Resize(*length),
            Self::Write(at, bytes) => {
                let end = at + random.below(bytes.len() as u64 + 1) as usize;
                let end = (end / SECTOR * SECTOR).max(*at);
                Self::Write(*at, bytes[..end - at].to_vec())
            }
        }
    }
}

#[derive(Default)]
struct Content {
    on_disk: Vec<u8>,
    changes: Vec<Change>,
}

enum Name {
    Link(String, usize),
    Rename(String, String),
    Unlink(String),
}

/// What is on disk for certain, and what is not.
struct Platter {
    ino: u64,
    contents: Vec<Content>,
    by_ino: HashMap<u64, usize>,
    names: BTreeMap<String, usize>,
    renamings: Vec<Name>,
}

impl Platter {
    fn new(before: &[(u64, String, Vec<u8>)], ino: u64) -> Self {
        let mut platter = Self {
            ino,
            contents: Vec::new(),
            by_ino: HashMap::new(),
            names: BTreeMap::new(),
            renamings: Vec::new(),
        };
        for (ino, name, bytes) in before {
            let file = platter.file(*ino);
            platter.contents[file].on_disk.clone_from(bytes);
            platter.names.insert(name.clone(), file);
        }
        platter
    }

    /// A new file; the number may have been another's before.
    fn file(&mut self, ino: u64) -> usize {
        self.contents.push(Content::default());
        self.by_ino.insert(ino, self.contents.len() - 1);
        self.contents.len() - 1
    }

    fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Create(ino, name) => {
                let file = self.file(*ino);
                self.renamings.push(Name::Link(name.clone(), file));
            }
            Operation::Write(ino, at, bytes) => self.change(*ino, Change::Write(*at, bytes.clone())),
            Operation::Resize(ino, length) => self.change(*ino, Change::Resize(*length)),
            Operation::Sync(ino) if *ino == self.ino => {
                for name in std::mem::take(&mut self.renamings) {
                    rename(&mut self.names, name);
                }
            }
            Operation::Sync(ino) => {
                if let Some(content) = self.by_ino.get(ino).map(|file| &mut self.contents[*file]) {
                    let changes = std::mem::take(&mut content.changes);
                    changes.iter().for_each(|change| change.apply(&mut content.on_disk));
                }
            }
            Operation::SyncFailed(ino) => {
                if let Some(file) = self.by_ino.get(ino) {
                    // The length is the directory's business, and stays.
                    self.contents[*file].changes.retain(|change| matches!(change, Change::Resize(_)));
                }
            }
            Operation::Rename(from, to) => self.renamings.push(Name::Rename(from.clone(), to.clone())),
            Operation::Unlink(name) => self.renamings.push(Name::Unlink(name.clone())),
            Operation::Told(_) => {}
        }
    }

    fn change(&mut self, ino: u64, change: Change) {
        if let Some(file) = self.by_ino.get(&ino) {
            self.contents[*file].changes.push(change);
        }
    }

    fn left(mut self, survives: Survives, random: &mut Random) -> BTreeMap<String, Vec<u8>> {
        let named = match survives {
            Survives::Nothing => 0,
            Survives::AllButAPiece => self.renamings.len(),
            Survives::Some => random.below(self.renamings.len() as u64 + 1) as usize,
        };
        for name in self.renamings.drain(..named) {
            rename(&mut self.names, name);
        }
        let mut files = BTreeMap::new();
        for (name, file) in &self.names {
            let Content { on_disk, changes } = &self.contents[*file];
            let mut content = on_disk.clone();
            for (index, change) in changes.iter().enumerate() {
                let is_last = index + 1 == changes.len();
                match survives {
                    Survives::Nothing => {}
                    Survives::AllButAPiece if is_last => change.torn(random).apply(&mut content),
                    Survives::AllButAPiece => change.apply(&mut content),
                    Survives::Some => match random.below(4) {
                        0 => change.torn(random).apply(&mut content),
                        1 => {}
                        _ => change.apply(&mut content),
                    },
                }
            }
            files.insert(name.clone(), content);
        }
        files
    }
}

fn rename(names: &mut BTreeMap<String, usize>, name: Name) {
    match name {
        Name::Link(name, file) => {
            names.insert(name, file);
        }
        Name::Rename(from, to) => {
            if let Some(file) = names.remove(&from) {
                names.insert(to, file);
            }
        }
        Name::Unlink(name) => {
            names.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(operations: Vec<Operation>) -> Disk {
        Disk { ino: 1, before: vec![(7, "old".to_owned(), b"x".to_vec())], operations }
    }

    #[test]
    fn only_what_was_synced_is_certain() {
        let disk = disk(vec![
            Operation::Create(8, "new".to_owned()),
            Operation::Write(8, 0, vec![1; 2_000]),
            Operation::Sync(8),
            Operation::Write(8, 2_000, vec![2; 10]),
            Operation::Sync(1),
        ]);
        let mut random = Random::new(1);
        let mut left = |operations, survives| disk.after(operations, survives, &mut random);
        assert_eq!(left(4, Survives::Nothing).keys().collect::<Vec<_>>(), ["old"]);
        assert_eq!(left(5, Survives::Nothing)["new"], vec![1; 2_000]);
        let torn = left(2, Survives::AllButAPiece);
        assert!(torn["new"].len().is_multiple_of(SECTOR), "{}", torn["new"].len());
        let some: Vec<usize> = (0..40).map(|_| left(5, Survives::Some)["new"].len()).collect();
        assert!(some.contains(&2_000) && some.contains(&2_010), "{some:?}");
    }

    #[test]
    fn a_sync_that_failed_forgets() {
        let disk = disk(vec![
            Operation::Write(7, 1, vec![1; 4]),
            Operation::SyncFailed(7),
            Operation::Write(7, 5, vec![2; 2]),
            Operation::Sync(7),
        ]);
        let left = disk.after(4, Survives::Nothing, &mut Random::new(1));
        assert_eq!(left["old"], b"x\0\0\0\0\x02\x02");
    }
}
