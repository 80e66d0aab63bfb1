//! What a report's words are made from: host, owner, times and targets, and the places of playbook texts.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use history::UnixNs;

use super::Facts;
use super::Field;
use super::sentence::entry_words;
use crate::case::Case;
use crate::case::HostRef;
use crate::case::Judgement;
use crate::case::Suspect;
use crate::investigate::words;
use crate::playbook::Playbook;
use crate::untrusted::Untrusted;
use crate::untrusted::visible;

/// Tags that name an owner, in the order in which they are believed.
const OWNER_TAGS: &[&str] = &["owner", "team", "contact", "application", "app", "service"];

/// What the report's words are made from.
pub(super) struct Scene<'a> {
    pub case: &'a Case,
    pub playbook: &'a Playbook,
    pub judgement: &'a Judgement,
    pub suspect: Option<&'a Suspect>,
    pub host: Option<&'a (String, HostRef)>,
    pub facts: &'a Facts,
}

impl Scene<'_> {
    pub fn host_name(&self) -> String {
        let names: BTreeSet<&str> = self.judgement.hosts.iter().map(|view| view.name.as_str()).collect();
        match (self.host, names.len()) {
            (Some((name, _)), _) => name.clone(),
            (None, 0) => "an unknown host".to_owned(),
            (None, number) => format!("any of {number} candidate hosts"),
        }
    }

    /// The claimed time.
    pub fn claimed(&self) -> Option<(UnixNs, UnixNs)> {
        let windows = || self.case.claims.iter().filter_map(|claim| claim.window.as_ref());
        let from = windows().map(|window| window.from).min()?;
        let to = windows().map(|window| window.to).max()?;
        Some((from.into(), to.into()))
    }

    pub fn claimed_targets(&self) -> String {
        let addresses: BTreeSet<_> =
            self.case.claims.iter().flat_map(|claim| &claim.remote).map(|remote| remote.address).collect();
        let shown: Vec<String> = addresses.iter().take(3).map(ToString::to_string).collect();
        let names: BTreeSet<&String> = self.case.claims.iter().flat_map(|claim| &claim.names).collect();
        if addresses.is_empty() && !names.is_empty() {
            let shown: Vec<String> = names.iter().take(3).map(|name| visible(name, 80)).collect();
            return words::list(&shown);
        }
        match addresses.len() {
            0 => "the reported target".to_owned(),
            1..=3 => words::list(&shown),
            more => format!("{} and {} more", shown.join(", "), more - 3),
        }
    }

    fn owner(&self) -> Option<Untrusted> {
        let tags = &self.host?.1.tags;
        OWNER_TAGS.iter().find_map(|wanted| {
            let tag =
                tags.iter().find(|(name, value)| name.eq_ignore_ascii_case(wanted) && !value.is_empty());
            tag.map(|(_, value)| Untrusted::new(value))
        })
    }

    pub fn fields(&self) -> Vec<Field> {
        let field =
            |label: &str, value: String| Field { label: label.to_owned(), value: Untrusted::new(&value) };
        let host = self.host.map(|(_, host)| host);
        let part = |of: fn(&HostRef) -> Option<&String>| {
            host.and_then(of).cloned().unwrap_or_else(|| "unknown".to_owned())
        };
        let account =
            format!("{} / {}", part(|host| host.account.as_ref()), part(|host| host.region.as_ref()));
        let owner = self.owner().map_or_else(|| "no owner tag".to_owned(), |owner| owner.raw().to_owned());
        let reported =
            self.claimed().map_or_else(|| "no time named".to_owned(), |(from, to)| words::span(from, to));
        let deadline =
            self.case.deadline.map_or_else(|| "none".to_owned(), |deadline| words::utc(deadline.into()));
        vec![
            field("Instance", format!("{} ({})", self.host_name(), part(|host| host.instance_id.as_ref()))),
            field("Account / region", account),
            field("Owner", owner),
            field("Reported time", reported),
            field("Answer due", deadline),
            field("Coverage", self.coverage()),
        ]
    }

    fn coverage(&self) -> String {
        let views = &self.judgement.hosts;
        let names: BTreeSet<&str> = views.iter().map(|view| view.name.as_str()).collect();
        // Of several answers of one host the incomplete one is what a reader must know.
        let own = |name: &str| {
            let answers = || views.iter().filter(|view| view.name == name);
            answers().find(|view| !view.complete).or_else(|| answers().next()).map(|view| view.text.clone())
        };
        let text = self.host.and_then(|(name, _)| own(name));
        if names.len() <= 1 {
            return text.unwrap_or_else(|| "no host was asked".to_owned());
        }
        let incomplete: BTreeSet<&str> =
            views.iter().filter(|view| !view.complete).map(|view| view.name.as_str()).collect();
        let summary =
            format!("{} of {} candidate hosts complete", names.len() - incomplete.len(), names.len());
        text.map_or(summary.clone(), |text| format!("{text}; {summary}"))
    }

    /// The words for the places in headlines, steps and letters.
    pub fn words(&self) -> BTreeMap<&'static str, String> {
        let suspect = self.suspect;
        let process = suspect.and_then(|suspect| suspect.process.as_ref());
        let shown = |text: Option<&Untrusted>, limit: usize, missing: &str| {
            text.filter(|text| !text.is_empty()).map_or_else(|| missing.to_owned(), |text| text.shown(limit))
        };
        let host = self.host.map(|(_, host)| host);
        let part = |of: fn(&HostRef) -> Option<&String>| {
            host.and_then(of).map_or_else(|| "unknown".to_owned(), |text| Untrusted::new(text).shown(60))
        };
        let program = shown(process.map(|process| &process.title), 60, "a process that is not recorded");
        let person = self.facts.person.as_ref();
        let tool = self.facts.tool.clone().unwrap_or_else(|| program.clone());
        let (from, to) = match suspect {
            Some(suspect) => (words::utc(suspect.behaviour.first), words::utc(suspect.behaviour.last)),
            None => match self.claimed() {
                Some((from, to)) => (words::utc(from), words::utc(to)),
                None => ("not named".to_owned(), "not named".to_owned()),
            },
        };
        let login = self.facts.login.as_ref();
        let reporter_case = self.case.notices.iter().find_map(|notice| notice.reporter_case.as_deref());
        BTreeMap::from([
            ("tool", tool),
            (
                "by",
                person
                    .map_or_else(|| format!("{program} "), |person| format!("{} ", person.shown(40)))
                    .trim()
                    .to_owned(),
            ),
            ("program", program),
            ("command", shown(process.map(|process| &process.argv), 200, "")),
            ("person", shown(person, 40, "unknown")),
            ("user", shown(process.map(|process| &process.user), 40, "unknown")),
            ("host", self.host_name()),
            ("instance", part(|host| host.instance_id.as_ref())),
            ("account", part(|host| host.account.as_ref())),
            ("region", part(|host| host.region.as_ref())),
            ("owner", shown(self.owner().as_ref(), 60, "no owner tag")),
            ("abuse", self.playbook.abuse.clone()),
            ("did", suspect.map_or_else(String::new, |suspect| suspect.says.clone())),
            ("targets", self.claimed_targets()),
            ("from", from),
            ("to", to),
            ("login", login.map_or_else(|| "unknown".to_owned(), |login| login.user.shown(40))),
            (
                "source",
                login
                    .and_then(|login| login.source_address)
                    .map_or_else(|| "unknown".to_owned(), |address| address.to_string()),
            ),
            ("entry", entry_words(suspect.map(|suspect| &suspect.entry))),
            (
                "parent",
                suspect
                    .and_then(|suspect| suspect.ancestors.first())
                    .map_or_else(String::new, |parent| parent.name.shown(40)),
            ),
            ("case", Untrusted::new(&self.case.id.0).shown(60)),
            (
                "reporter_case",
                reporter_case
                    .map_or_else(String::new, |case| format!(" ({})", Untrusted::new(case).shown(60))),
            ),
            ("coverage", self.coverage()),
            ("confidence", self.judgement.confidence.to_string()),
        ])
    }
}
