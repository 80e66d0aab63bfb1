//! `gumshoe parse`: what a notice says, as JSON, explained, or counted over a folder.

use std::collections::BTreeMap;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use ipnet::IpNet;
use jiff::Timestamp;

use crate::case::Disposition;
use crate::case::ZoneSource;
use crate::notice;
use crate::notice::Reading;

/// A notice is never larger than this.
const NOTICE_BYTES_MAX: u64 = 64 << 20;

/// Read a notice and print its claims as one JSON object.
#[derive(Debug, Args)]
pub struct ParseArgs {
    /// The notice: a mail, an SQS body, an event, a finding, a log extract; `-` reads standard input; a folder needs --summary
    #[arg(value_name = "FILE|DIR|-")]
    path: PathBuf,
    /// Show, for a person, where each fact was read and why each address got its role
    #[arg(long)]
    explain: bool,
    /// Read every file of a folder and count what became of them, per layout
    #[arg(long)]
    summary: bool,
    /// Addresses or prefixes known to be ours; they settle who is accused
    #[arg(long = "own", value_name = "PREFIX")]
    own_addresses: Vec<String>,
    /// When the notice arrived, for times without a year in a text without a date
    #[arg(long, value_name = "TIME")]
    received: Option<Timestamp>,
}

/// Runs `gumshoe parse`.
pub fn cmd_parse(args: &ParseArgs) -> anyhow::Result<()> {
    let context = notice::Context {
        received: args.received,
        own_addresses: prefixes(&args.own_addresses)?,
        ..notice::Context::default()
    };
    let mut out = Vec::new();
    if args.summary || args.path.is_dir() {
        anyhow::ensure!(args.summary, "{} is a folder: add --summary", args.path.display());
        summarise(&args.path, &context, &mut out)?;
    } else {
        let reading = notice::read(&read_bytes(&args.path)?, &context);
        if args.explain {
            explain(&reading, &mut out)?;
        } else {
            serde_json::to_writer_pretty(&mut out, &reading.parsed).context("writing the JSON")?;
            writeln!(out)?;
        }
    }
    match std::io::stdout().lock().write_all(&out) {
        // Who reads only the beginning has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("writing to standard output"),
    }
}

fn prefixes(texts: &[String]) -> anyhow::Result<Vec<IpNet>> {
    let parse = |text: &String| {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
        net.with_context(|| format!("{text} is neither an address nor a prefix"))
    };
    texts.iter().map(parse).collect()
}

fn read_bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let what = || format!("reading {}", path.display());
    if path.as_os_str() == "-" {
        std::io::stdin().take(NOTICE_BYTES_MAX).read_to_end(&mut bytes).with_context(what)?;
    } else {
        let file = std::fs::File::open(path).with_context(what)?;
        if file.metadata().is_ok_and(|about| about.len() > NOTICE_BYTES_MAX) {
            eprintln!("gumshoe: {}: only its first {} MB are read", path.display(), NOTICE_BYTES_MAX >> 20);
        }
        file.take(NOTICE_BYTES_MAX).read_to_end(&mut bytes).with_context(what)?;
    }
    Ok(bytes)
}

/// Prints a reading for a person.
fn explain(reading: &Reading, out: &mut impl Write) -> std::io::Result<()> {
    let parsed = &reading.parsed;
    writeln!(out, "layout       {}", reading.layout)?;
    writeln!(out, "it is        {}", told(parsed.disposition, reading.stage))?;
    writeln!(out, "trust        {}", visible(trust(&reading.trust)))?;
    writeln!(out, "case id      {}", parsed.case_id.as_deref().map_or("none".to_owned(), visible))?;
    let deadline = parsed.deadline.map_or("none".to_owned(), |at| at.to_string());
    writeln!(out, "deadline     {deadline}")?;
    for (number, claim) in parsed.claims.iter().enumerate() {
        writeln!(out, "claim {:<6} {:?}", number + 1, claim.activity)?;
        let accused = &claim.accused;
        let addresses = accused.addresses.iter().map(ToString::to_string);
        let names: Vec<String> = accused
            .instance_ids
            .iter()
            .cloned()
            .chain(addresses)
            .chain(accused.hostnames.iter().cloned())
            .collect();
        let names = if names.is_empty() { "nobody by name".to_owned() } else { names.join(", ") };
        writeln!(out, "  accused    {}", visible(names))?;
        for remote in claim.remote.iter().take(10) {
            let port = remote.port.map(|port| format!(" port {port}")).unwrap_or_default();
            writeln!(out, "  remote     {}{port}", remote.address)?;
        }
        if claim.remote.len() > 10 {
            writeln!(out, "  remote     and {} more", claim.remote.len() - 10)?;
        }
        match &claim.window {
            Some(window) => {
                let zone = zone(window.zone);
                writeln!(out, "  window     {:.0} to {:.0} ({zone})", window.from, window.to)?
            }
            None => writeln!(out, "  window     none")?,
        }
    }
    writeln!(out, "facts")?;
    for fact in &reading.facts {
        let line = fact.line.map(|line| format!(" line {line}")).unwrap_or_default();
        let role = fact.role.map(|role| format!(" {role:?}:")).unwrap_or_default();
        writeln!(
            out,
            "  {:<9} {:<24}{role} {} [{}{line}]",
            fact.what,
            visible(&fact.value),
            visible(&fact.why),
            visible(&fact.part)
        )?;
    }
    for warning in &parsed.warnings {
        writeln!(out, "warning      {}", visible(warning))?;
    }
    Ok(())
}

/// What is to become of a notice, in words.
fn told(disposition: Disposition, stage: notice::Stage) -> &'static str {
    match (disposition, stage) {
        (Disposition::Claims, notice::Stage::First) => "an accusation, to be investigated",
        (Disposition::Claims, notice::Stage::Reminder) => "a reminder of an accusation",
        (Disposition::Claims, notice::Stage::Final) => "the last notice of an accusation",
        (Disposition::Claims, notice::Stage::FollowUp) => "a further letter about an accusation",
        (Disposition::Claims, notice::Stage::Resolved) => {
            "an accusation that its reporter considers resolved"
        }
        (Disposition::NotAbuse, _) => "no accusation",
        (Disposition::Inbound, _) => "a report that something of ours was attacked",
        (Disposition::Unreadable, _) => "not readable: a person must look at it",
    }
}

/// How far the sender is believed, in words.
fn trust(trust: &notice::Trust) -> String {
    match trust {
        notice::Trust::Event => "an event of our own accounts".to_owned(),
        notice::Trust::Authenticated { domain } => format!("proven to be from {domain}"),
        notice::Trust::Unauthenticated { why } => format!("not proven, so no actions are offered: {why}"),
        notice::Trust::Unknown => "not a mail and not an event: nothing tells who wrote it".to_owned(),
    }
}

/// How a zone was known, in words.
fn zone(source: ZoneSource) -> &'static str {
    match source {
        ZoneSource::Explicit => "the zone stands beside the times",
        ZoneSource::Prose => "the notice says the zone of its times",
        ZoneSource::Header => "the zone is a header's or a column's",
        ZoneSource::Assumed => "the zone is not known: widened",
    }
}

/// Makes a text of a notice safe for a terminal.
fn visible(text: impl AsRef<str>) -> String {
    text.as_ref().chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// Reads a folder and counts the outcomes of each layout.
fn summarise(path: &Path, context: &notice::Context, out: &mut impl Write) -> anyhow::Result<()> {
    let mut files = Vec::new();
    collect(path, 0, &mut files)?;
    files.sort();
    let mut counts: BTreeMap<(String, &'static str), u32> = BTreeMap::new();
    for file in &files {
        let reading = notice::read(&read_bytes(file)?, context);
        let parsed = &reading.parsed;
        let outcome = outcome(parsed.disposition);
        *counts.entry((reading.layout.clone(), outcome)).or_default() += 1;
        let accused: Vec<String> = parsed
            .claims
            .iter()
            .flat_map(|claim| {
                let accused = &claim.accused;
                accused
                    .instance_ids
                    .iter()
                    .cloned()
                    .chain(accused.addresses.iter().map(ToString::to_string))
                    .chain(accused.hostnames.iter().cloned())
            })
            .take(4)
            .collect();
        let activity = parsed.claims.first().map(|claim| format!("{:?}", claim.activity)).unwrap_or_default();
        let shown = file.strip_prefix(path).unwrap_or(file).display();
        writeln!(
            out,
            "{outcome:<10} {:<24} {activity:<18} {:<44} {shown}",
            reading.layout,
            accused.join(" ")
        )?;
    }
    writeln!(out, "\n{} files", files.len())?;
    for ((layout, outcome), count) in counts {
        writeln!(out, "{count:>6} {outcome:<10} {layout}")?;
    }
    Ok(())
}

fn outcome(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Claims => "claims",
        Disposition::NotAbuse => "not_abuse",
        Disposition::Inbound => "inbound",
        Disposition::Unreadable => "unreadable",
    }
}

fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path).with_context(|| format!("reading the folder {}", path.display()))? {
        let path = entry?.path();
        if path.is_dir() && depth < 8 {
            collect(&path, depth + 1, files)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}
