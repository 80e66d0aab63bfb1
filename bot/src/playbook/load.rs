//! Reads playbooks: those built in, and a directory whose files add to them or take their place.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use thiserror::Error;

use super::Playbook;
use super::file::File;
use super::file::SCHEMA;
use super::resolve::resolve;
use crate::case::Activity;
use crate::case::Claim;

/// The playbook that others inherit from and that serves where none fits.
const DEFAULT: &str = "default";

/// Largest file, bytes.
const FILE_LIMIT: u64 = 256 << 10;

/// Most files in a directory.
const FILES_MAX: usize = 200;

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../playbooks/", $name, ".toml")))),*]
    };
}

const BUILT_IN: &[(&str, &str)] = built_in![
    "default",
    "command-and-control",
    "crypto-mining",
    "denial-of-service",
    "intrusion-attempt",
    "login-attack",
    "malware-hosting",
    "open-proxy",
    "port-scan",
    "reflection",
    "spam",
    "tor",
    "web-crawling"
];

/// Why a playbook is refused.
#[derive(Debug, Error)]
pub enum PlaybookError {
    /// It could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is larger than a playbook ever is, or there are too many.
    #[error("{}: {what}", path.display())]
    Limit {
        /// Which file or directory.
        path: PathBuf,
        /// Which limit.
        what: String,
    },
    /// It is no TOML of this form.
    #[error("{name}: {}", history::with_nearest_key(&source.to_string()))]
    Form {
        /// Which playbook.
        name: String,
        /// What is wrong and where.
        source: Box<toml::de::Error>,
    },
    /// It has the form and makes no sense.
    #[error("{name}: {what}")]
    Sense {
        /// Which playbook.
        name: String,
        /// What is wrong.
        what: String,
    },
}

/// All playbooks.
#[derive(Debug, Clone)]
pub struct Playbooks {
    files: Vec<File>,
    playbooks: Vec<Playbook>,
    default: Playbook,
}

impl Playbooks {
    /// Those built into this program.
    pub fn built_in() -> Result<Self, PlaybookError> {
        let files = BUILT_IN.iter().map(|(name, text)| parse(name, text)).collect::<Result<_, _>>()?;
        Self::new(files)
    }

    /// Those built in, with a directory's files beside or in place of them.
    pub fn load(directory: Option<&Path>) -> Result<Self, PlaybookError> {
        let mut playbooks = Self::built_in()?;
        if let Some(directory) = directory {
            let own = toml_files(directory)?.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
            playbooks = Self::new(with_own(std::mem::take(&mut playbooks.files), own)?)?;
        }
        Ok(playbooks)
    }

    /// Those built in, with one file beside or in place of them; says what the file calls itself. It comes before
    /// others that are for the same accusations.
    pub fn with_file(path: &Path) -> Result<(Self, String), PlaybookError> {
        let file = read(path)?;
        let name = file.name.clone();
        Ok((Self::new(with_own(Self::built_in()?.files, vec![file])?)?, name))
    }

    /// Checks files against the built-in default and each other, and returns what is wrong, file by file.
    pub fn check(paths: &[PathBuf]) -> Vec<(PathBuf, Option<PlaybookError>)> {
        let checked = |path: &PathBuf| -> Result<(), PlaybookError> {
            let file = read(path)?;
            Self::new(with_own(Self::built_in()?.files, vec![file])?).map(|_| ())
        };
        paths.iter().map(|path| (path.clone(), checked(path).err())).collect()
    }

    /// A folder's files that may be playbooks.
    pub fn files_in(directory: &Path) -> Result<Vec<PathBuf>, PlaybookError> {
        toml_files(directory)
    }

    fn new(files: Vec<File>) -> Result<Self, PlaybookError> {
        let base = files
            .iter()
            .find(|file| file.name == DEFAULT)
            .ok_or(PlaybookError::Sense { name: DEFAULT.to_owned(), what: "is missing".to_owned() })?;
        let default = resolve(base, base)?;
        let mut playbooks = files.iter().map(|file| resolve(file, base)).collect::<Result<Vec<_>, _>>()?;
        playbooks.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { files, playbooks, default })
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Playbook> {
        self.playbooks.iter()
    }

    /// The one of a name.
    pub fn get(&self, name: &str) -> Option<&Playbook> {
        self.playbooks.iter().find(|playbook| playbook.name == name)
    }

    /// The one for a kind of abuse.
    pub fn for_activity(&self, activity: Activity) -> &Playbook {
        self.playbooks
            .iter()
            .find(|playbook| playbook.activities.contains(&activity))
            .unwrap_or(&self.default)
    }

    /// The one for a claim.
    pub fn for_claim(&self, claim: &Claim) -> &Playbook {
        self.for_activity(claim.activity)
    }

    /// The one for what most claims accuse of; the first claim's where they are even.
    pub fn for_claims(&self, claims: &[Claim]) -> &Playbook {
        let count = |activity: Activity| claims.iter().filter(|claim| claim.activity == activity).count();
        let most = claims.iter().rev().map(|claim| claim.activity).max_by_key(|&activity| count(activity));
        most.map_or(&self.default, |activity| self.for_activity(activity))
    }
}

/// A user's own files take the place of built-in ones of their name, and come first for the accusations that they are
/// for. Two of them for one accusation would leave it to chance which serves.
fn with_own(mut files: Vec<File>, own: Vec<File>) -> Result<Vec<File>, PlaybookError> {
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    for file in &own {
        for activity in &file.activities {
            let activity = crate::investigate::words::snake(activity);
            if let Some(other) = owners.insert(activity.clone(), &file.name).filter(|it| *it != file.name) {
                let what = format!("is for {activity}, as {other} is; one accusation has one playbook");
                return Err(PlaybookError::Sense { name: file.name.clone(), what });
            }
        }
    }
    files.retain(|other| own.iter().all(|file| file.name != other.name));
    for other in &mut files {
        other.activities.retain(|activity| own.iter().all(|file| !file.activities.contains(activity)));
    }
    files.extend(own);
    Ok(files)
}

fn toml_files(directory: &Path) -> Result<Vec<PathBuf>, PlaybookError> {
    let failed = |source| PlaybookError::Read { path: directory.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
        if paths.len() > FILES_MAX {
            let what = format!("more than {FILES_MAX} playbooks");
            return Err(PlaybookError::Limit { path: directory.to_owned(), what });
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<File, PlaybookError> {
    let failed = |source| PlaybookError::Read { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(failed)?.len() > FILE_LIMIT {
        let what = format!("larger than {FILE_LIMIT} bytes");
        return Err(PlaybookError::Limit { path: path.to_owned(), what });
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    parse(&name, &text)
}

fn parse(name: &str, text: &str) -> Result<File, PlaybookError> {
    let file: File = toml::from_str(text)
        .map_err(|source| PlaybookError::Form { name: name.to_owned(), source: Box::new(source) })?;
    let wrong = |what: String| Err(PlaybookError::Sense { name: name.to_owned(), what });
    if file.schema != SCHEMA {
        return wrong(format!("schema {}; this program reads {SCHEMA}", file.schema));
    }
    if file.name != name {
        return wrong(format!("calls itself {:?}; the file's name must be the same", file.name));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_accusation_has_a_playbook_of_its_own_or_the_default() {
        let playbooks = Playbooks::built_in().unwrap();
        assert_eq!(playbooks.iter().count(), BUILT_IN.len());
        let mut owners = BTreeSet::new();
        for playbook in playbooks.iter() {
            for activity in &playbook.activities {
                assert!(owners.insert(format!("{activity:?}")), "{activity:?} belongs to two playbooks");
            }
        }
        assert_eq!(owners.len(), 15);
        assert_eq!(playbooks.for_activity(Activity::PortScan).name, "port-scan");
    }

    #[test]
    fn every_file_in_the_folder_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../playbooks");
        let Ok(files) = toml_files(&folder) else { return };
        let names: Vec<_> = files.iter().filter_map(|path| path.file_stem()?.to_str()).collect();
        let mut built_in: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        built_in.sort_unstable();
        assert_eq!(names, built_in);
    }

    #[test]
    fn a_folder_overrides_and_adds() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let head =
            "schema = 1\nname = \"port-scan\"\nversion = 7\ntitle = \"Ours\"\nactivities = [\"port_scan\"]\n";
        write("port-scan.toml", &format!("{head}[limits]\nscan_ports = 3\n"));
        write("notes.txt", "no playbook");
        let playbooks = Playbooks::load(Some(folder.path())).unwrap();
        let ours = playbooks.for_activity(Activity::PortScan);
        assert_eq!((ours.version, ours.limit("scan_ports"), ours.abuse.as_str()), (7, 3, "abuse"));
        assert!(!ours.rules.is_empty(), "rules are inherited");
    }

    #[test]
    fn wrong_files_are_refused_with_their_reason() {
        let head = "schema = 1\nname = \"x\"\nversion = 1\ntitle = \"X\"\n";
        let rule = |when: &str, says: &str| {
            format!(
                "{head}[[rule]]\nid = \"r\"\nwhen = \"{when}\"\nverdict = \"unknown\"\nsays = \"{says}\"\n"
            )
        };
        let check = |text: &str, expected: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.toml");
            std::fs::write(&path, text).unwrap();
            let error =
                Playbooks::check(&[path]).remove(0).1.map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check(head, "");
        check(&format!("{head}colour = \"red\"\n"), "unknown field");
        check(&format!("{head}titel = \"red\"\n"), "did you mean `title`?");
        check("schema = 9\nname = \"x\"\nversion = 1\ntitle = \"X\"\n", "schema 9");
        check("schema = 1\nname = \"y\"\nversion = 1\ntitle = \"X\"\n", "calls itself");
        check(&rule("suspect.ports >", "x"), "rule r");
        check(&rule("suspect.colour == 'red'", "x"), "rule r");
        check(&rule("suspect.ports", "x"), "neither true nor false");
        check(&rule("true", "{colour}"), "{colour} is no known place");
        check(
            &rule("suspect.ports > 5 && suspect.ports >= limits.nothing", "x"),
            "there is no limits.nothing; did you mean limits.",
        );
    }
}
