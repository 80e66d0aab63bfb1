//! How right the parser is: on real notices where they lie beside the project, and on hand-written ones.
//!
//! `labels.json` holds facts that a person read in each sample, never its text. Three parts:
//! - `tune`: rules may be made for it.
//! - `held_out`: labelled before it was read, and reported apart. Four of its failures were looked at later, and
//!   the causes mended in general, so that it is no longer quite untouched.
//! - `fresh`: the samples that were left (55; structured reports, broken mails, templates), labelled before they
//!   were read. Nothing was made for them but two general faults that they showed: a message of SES without its
//!   mail was closed instead of handed to a person, and reading it is still counted as it was first: accused
//!   98.2 %, window 81.8 %, activity 93.8 %, disposition 80.0 %, no innocent accused. What is still wrong: masked
//!   (loopback) addresses, findings without first and last time whose creation is taken, mails of one digit or of
//!   nothing, a file of four complaints at once, leaked accounts.
//!
//! `world.json` is about notices written by hand in layouts that no sample has, each labelled before it was first
//! read. The first reading of the first 51 gave: accused 94.1 %, two innocents accused, window 85.4 %, activity
//! 81.2 %; one label was wrong and was corrected. That of the next 28, written after those causes were mended:
//! accused 71.4 %, five innocents, window 92.3 %, activity 88.5 %. That of the third 20:
//! accused 80.0 %, no innocent, window 84.2 %, activity 63.2 %. That of the last 16: accused 68.8 %, one innocent,
//! window 92.9 %, activity 78.6 %. All causes but two were mended in general, so that all of these now count as
//! tuned; what they gave at first is what a mail that nobody has seen may be expected to give.
//! `unseen.json` goes on in the same way; its first readings stand in the README beside the fixtures.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use jiff::SignedDuration;
use jiff::Timestamp;
use notice::Context;
use notice::claim::Disposition;
use notice::claim::Parsed;
use notice::claim::ZoneSource;
use serde::Deserialize;

/// What a person read in one sample.
#[derive(Debug, Deserialize)]
struct Label {
    /// Path below the samples.
    file: String,
    /// `tune` or `held_out`.
    half: String,
    disposition: Disposition,
    /// Instances, addresses and names that must be accused.
    accused: BTreeSet<String>,
    /// Further names of the same hosts; they may be accused.
    also: BTreeSet<String>,
    /// Victims, reporters and relays; they must not.
    never: BTreeSet<String>,
    /// The true window; none when the sample names no time.
    window: Option<(Timestamp, Timestamp)>,
    /// Activities that a person would accept; empty when several are named.
    activity: Vec<notice::claim::Activity>,
}

#[derive(Debug, Default)]
struct Tally {
    files: u32,
    disposition: Share,
    accused: Share,
    window: Share,
    activity: Share,
    innocent_accused: u32,
}

#[derive(Debug, Default)]
struct Share {
    right: u32,
    all: u32,
}

impl Share {
    fn count(&mut self, right: bool) -> bool {
        self.all += 1;
        self.right += u32::from(right);
        right
    }

    fn percent(&self) -> f64 {
        f64::from(self.right) * 100.0 / f64::from(self.all.max(1))
    }
}

fn samples() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/intake/samples");
    root.is_dir().then_some(root)
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/notices")
}

fn labels(name: &str) -> Vec<Label> {
    let text = std::fs::read_to_string(fixtures().join(name)).expect("the labels");
    serde_json::from_str(&text).expect("the labels are JSON")
}

fn accused(parsed: &Parsed) -> BTreeSet<String> {
    let accused = parsed.claims.iter().map(|claim| &claim.accused);
    accused
        .flat_map(|it| {
            let addresses = it.addresses.iter().map(ToString::to_string);
            it.instance_ids.iter().cloned().chain(addresses).chain(it.hostnames.iter().cloned())
        })
        .collect()
}

/// A window is right when it holds the true one and is no wider than its zone excuses.
fn window_is_right(parsed: &Parsed, label: &Label) -> bool {
    let windows = || parsed.claims.iter().filter_map(|claim| claim.window.as_ref());
    let from = windows().map(|window| window.from).min();
    let to = windows().map(|window| window.to).max();
    let (Some(from), Some(to)) = (from, to) else {
        return label.window.is_none();
    };
    let Some((true_from, true_to)) = label.window else {
        return false;
    };
    let assumed = windows().any(|window| window.zone == ZoneSource::Assumed);
    let slack = SignedDuration::from_hours(if assumed { 29 } else { 2 });
    let second = SignedDuration::from_secs(1);
    from <= true_from
        && to + second >= true_to
        && to.duration_since(from) <= true_to.duration_since(true_from) + slack
}

fn judge(parsed: &Parsed, label: &Label, tally: &mut Tally) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    let mut note = |right: bool, what: &'static str| {
        if !right {
            wrong.push(what);
        }
    };
    tally.files += 1;
    note(tally.disposition.count(parsed.disposition == label.disposition), "disposition");
    let named = accused(parsed);
    let innocent = named.intersection(&label.never).count() > 0;
    tally.innocent_accused += u32::from(innocent);
    note(!innocent, "innocent");
    let all_named = label.accused.is_subset(&named);
    let only_named = named.iter().all(|it| label.accused.contains(it) || label.also.contains(it));
    note(tally.accused.count(all_named && only_named), "accused");
    if label.disposition == Disposition::Claims {
        note(tally.window.count(window_is_right(parsed, label)), "window");
        if !label.activity.is_empty() {
            let right = parsed.claims.iter().all(|claim| label.activity.contains(&claim.activity));
            note(tally.activity.count(right && !parsed.claims.is_empty()), "activity");
        }
    }
    wrong
}

/// What a person needs to see why a label was missed.
fn what_it_read(parsed: &Parsed) -> String {
    let claims = parsed.claims.iter().map(|claim| {
        let window = claim.window.as_ref().map(|it| format!("{}/{} {:?}", it.from, it.to, it.zone));
        format!("{:?} {}", claim.activity, window.unwrap_or_default())
    });
    let claims: Vec<String> = claims.take(4).collect();
    format!("{:?} {:?} {claims:?}", parsed.disposition, accused(parsed))
}

#[test]
fn real_notices_are_read_right() {
    let Some(samples) = samples() else {
        println!("the samples are not here; nothing was measured");
        return;
    };
    let labels = labels("labels.json");
    assert!(labels.len() >= 120, "too few labels: {}", labels.len());
    for (half, least) in [("tune", FULL), ("held_out", FULL), ("fresh", FRESH)] {
        let chosen: Vec<&Label> = labels.iter().filter(|label| label.half == half).collect();
        measure(half, &samples, &chosen, &least);
    }
}

#[test]
fn notices_of_the_world_are_read_right() {
    let labels = labels("world.json");
    let files = std::fs::read_dir(fixtures().join("world")).expect("the notices").count();
    assert_eq!(labels.len(), files, "a notice without a label, or a label without a notice");
    measure("world", &fixtures().join("world"), &labels.iter().collect::<Vec<_>>(), &FULL);
}

/// Notices in further layouts, in batches: each was written and labelled whole before the parser first read it.
#[test]
fn notices_of_later_batches_are_read_right() {
    let labels = labels("unseen.json");
    let files = std::fs::read_dir(fixtures().join("unseen")).expect("the notices").count();
    assert_eq!(labels.len(), files, "a notice without a label, or a label without a notice");
    let batches: BTreeSet<&str> = labels.iter().map(|label| label.half.as_str()).collect();
    for batch in batches {
        let chosen: Vec<&Label> = labels.iter().filter(|label| label.half == batch).collect();
        measure(&format!("batch {batch}"), &fixtures().join("unseen"), &chosen, &LATER);
    }
}

/// Where the accounts tell whose addresses are, nobody else is accused, whatever the words seem to say; and what is ours
/// and was attacked is not accused.
#[test]
fn known_addresses_clear_everybody_else() {
    let (mut innocents, mut accused_right) = (Vec::new(), Share::default());
    let mut attacked = Vec::new();
    for (folder, file) in [("world", "world.json"), ("unseen", "unseen.json")] {
        for label in labels(file) {
            let bytes = std::fs::read(fixtures().join(folder).join(&label.file)).expect("a notice");
            let ours = |names: &BTreeSet<String>| -> Vec<ipnet::IpNet> {
                let addresses = names.iter().filter_map(|name| name.parse::<std::net::IpAddr>().ok());
                addresses.map(ipnet::IpNet::from).collect()
            };
            let read = |own_addresses: Vec<ipnet::IpNet>| {
                accused(&notice::parse(&bytes, &Context { own_addresses, ..Context::default() }))
            };
            if label.disposition == Disposition::Claims && !ours(&label.accused).is_empty() {
                let named = read(ours(&label.accused));
                if !accused_right.count(label.accused.is_subset(&named)) {
                    println!("ours known: {} {named:?}", label.file);
                }
                innocents
                    .extend(named.intersection(&label.never).map(|name| format!("{} {name}", label.file)));
            }
            let named = read(ours(&label.never));
            attacked.extend(named.intersection(&label.never).map(|name| format!("{} {name}", label.file)));
        }
    }
    println!(
        "ours known: accused {:.1} %, innocents {innocents:?}, attacked ones accused {attacked:?}",
        accused_right.percent()
    );
    assert!(innocents.is_empty(), "{innocents:?}");
    assert!(attacked.is_empty(), "{attacked:?}");
    assert!(accused_right.percent() >= 99.0);
}

/// Least shares, in percent: accused, window, activity, disposition.
type Least = [f64; 4];
const FULL: Least = [98.0, 95.0, 95.0, 95.0];
const FRESH: Least = [98.0, 80.0, 90.0, 80.0];
const LATER: Least = [90.0, 85.0, 85.0, 90.0];

fn measure(part: &str, root: &Path, labels: &[&Label], least: &Least) {
    let mut tally = Tally::default();
    for label in labels {
        let bytes = std::fs::read(root.join(&label.file)).expect("a notice");
        let parsed = notice::parse(&bytes, &Context::default());
        let wrong = judge(&parsed, label, &mut tally);
        if !wrong.is_empty() && (part != "held_out" || std::env::var_os("SHOW_HELD_OUT").is_some()) {
            println!("{part} {}: {}; {}", label.file, wrong.join(", "), what_it_read(&parsed));
            if std::env::var_os("SHOW_FACTS").is_some() {
                let reading = notice::read(&bytes, &Context::default());
                println!("{:#?}", reading.facts);
            }
        }
    }
    let shares = [&tally.accused, &tally.window, &tally.activity, &tally.disposition].map(Share::percent);
    let [accused, window, activity, disposition] = shares;
    println!(
        "{part}: {} notices; disposition {disposition:.1} %, accused {accused:.1} %, innocent accused {}, window {window:.1} %, activity {activity:.1} %",
        tally.files, tally.innocent_accused,
    );
    assert_eq!(tally.innocent_accused, 0, "{part}");
    for (share, least) in shares.iter().zip(least) {
        assert!(share >= least, "{part}: {shares:?}");
    }
}
