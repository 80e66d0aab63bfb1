//! `host-recorder verify`: whether a ring is as the recorder left it.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use history::Severity;
use history::VerificationKey;

use crate::commands::is_recorded;
use crate::commands::place::Place;

/// A running recorder changes files while they are looked at; what is still found after this is no accident.
const AGAIN_AFTER: Duration = Duration::from_millis(1_500);

/// Tells which part of the history was altered, removed, reordered, cut or replayed, and what cannot be said.
///
/// With the key that `host-recorder seal setup` printed it sees also what somebody who was root then made of the chain
/// itself. What was recorded in the last minute is not vouched for yet. Exits with 0 when all is fine, 1 when something
/// was tampered with, 3 when that cannot be said.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    place: Place,

    /// The verification key, or a file that holds it
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,

    /// The ring is a copy, such as `host-recorder-archive fetch` makes: its newest lines may be missing
    #[arg(long)]
    copy: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn cmd_verify(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let ring = args.place.directory()?;
    let key = args.key.as_deref().map(read_key).transpose()?;
    let verify = || {
        let check = if args.copy { history::verify_copy } else { history::verify };
        check(&ring, key.as_ref()).with_context(|| format!("cannot verify the ring in {}", ring.display()))
    };
    let mut found = verify()?;
    if found.severity() == Severity::Tampered && is_recorded(&ring) {
        std::thread::sleep(AGAIN_AFTER);
        found = verify()?;
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&found)?);
    } else {
        let verdict = match found.severity() {
            Severity::Note => "fine",
            Severity::CannotSay => "CANNOT SAY",
            Severity::Tampered => "TAMPERED WITH",
        };
        println!("ring       {verdict}");
        println!("segments   {} as they were sealed", found.intact);
        match found.vouched_to {
            Some(at) => {
                println!("vouched    up to {at}{}", if found.with_key { "" } else { ", without a key" })
            }
            None => println!("vouched    for nothing"),
        }
        for finding in &found.findings {
            let mark = match finding.severity {
                Severity::Note => "note      ",
                Severity::CannotSay => "cannot say",
                Severity::Tampered => "TAMPERED  ",
            };
            let file = finding.file.as_deref().map(|file| format!("{file}: ")).unwrap_or_default();
            let when = finding.window.map(|it| format!(" ({} to {})", it.from, it.to)).unwrap_or_default();
            println!("{mark} {file}{}{when}", finding.what);
        }
    }
    Ok(match found.severity() {
        Severity::Note => ExitCode::SUCCESS,
        Severity::CannotSay => ExitCode::from(3),
        Severity::Tampered => ExitCode::FAILURE,
    })
}

fn read_key(given: &str) -> anyhow::Result<VerificationKey> {
    if let Ok(key) = given.parse() {
        return Ok(key);
    }
    let text = std::fs::read_to_string(given).with_context(|| format!("cannot read the key file {given}"))?;
    text.trim().parse().with_context(|| format!("{given} holds no key"))
}
