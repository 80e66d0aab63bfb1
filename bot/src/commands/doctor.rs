//! `gumshoe doctor`: which hosts have a recorder that answers, and what it remembers.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;

use crate::aws::Places;
use crate::config::Config;
use crate::hosts::SsmHistory;
use crate::operations::fleet;
use crate::operations::fleet::Fleet;
use crate::operations::fleet::HostState;
use crate::operations::probe::probe;

/// Say which hosts have a recorder that answers, and what the bot lacks
///
/// Without --account: tries what the bot needs, as `gumshoe config check --probe` does. With it: asks every running
/// instance of that account (of all accounts where none is named) over SSM, as a case would, and shows the recorder's
/// version, how far back it remembers and what it lost in the last hour. Changes nothing.
///
/// Ends with 0 when nothing is missing and every host answered, else with 1.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The settings file; else the text in GUMSHOE_SETTINGS
    #[arg(long, short, value_name = "FILE", env = "GUMSHOE_CONFIG")]
    config: Option<PathBuf>,
    /// Ask the hosts of this account; of all accounts where none is named
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "all")]
    account: Option<String>,
    /// Ask at most so many hosts, chosen at random
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    most: usize,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Runs `gumshoe doctor`.
pub async fn cmd_doctor(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(args.config.as_deref())?;
    let places = Places::enter(&config).await;
    let Some(account) = &args.account else {
        return super::config::show(&probe(&config, &places).await, args.json);
    };
    let account = (account != "all").then_some(account.as_str());
    if let Some(account) = account {
        anyhow::ensure!(places.knows_account(account), "{account} is none of the accounts in the settings");
    }
    let limits = config.limits;
    let hosts =
        SsmHistory::new(places.clone(), &config.ssm_document, limits.ssm_deadline(), limits.ssm_delivery_s);
    let fleet = fleet::survey(&places, account, Arc::new(hosts), limits.questions_at_once, args.most).await;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&fleet)?);
    } else {
        print!("{}", text(&fleet, Timestamp::now()));
    }
    let fine = fleet.notes.is_empty() && fleet.tally.recorded == fleet.tally.running;
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The fleet as a table, those that need something first.
fn text(fleet: &Fleet, now: Timestamp) -> String {
    let mut lines = Vec::new();
    let (mut silent, mut answered): (Vec<&HostState>, Vec<&HostState>) = (Vec::new(), Vec::new());
    for host in &fleet.hosts {
        if host.silent.is_some() { silent.push(host) } else { answered.push(host) }
    }
    answered.sort_by_key(|host| host.lost == 0 && host.gaps_s == 0);
    for host in silent.into_iter().chain(answered) {
        lines.push(line(host, now));
    }
    let tally = fleet.tally;
    let share = (100 * tally.recorded).checked_div(tally.asked).unwrap_or(100);
    lines.push(format!(
        "{} of {} hosts asked have a recorder that answers ({share} %), {} of these lost events or time in the last hour; {} instances run",
        tally.recorded, tally.asked, tally.losing, tally.running
    ));
    for (version, count) in fleet.versions() {
        lines.push(format!("version {version}: {count}"));
    }
    lines.extend(fleet.notes.iter().map(|note| format!("note: {note}")));
    lines.join("\n") + "\n"
}

fn line(host: &HostState, now: Timestamp) -> String {
    let at = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
    let name: String = at(&host.name).chars().filter(|c| !c.is_control()).take(40).collect();
    let whose = format!("{}  {}  {}  {name}", at(&host.account), at(&host.region), host.instance_id);
    if let Some(why) = &host.silent {
        return format!("{whose}  {why}");
    }
    let age = host
        .oldest
        .map_or_else(|| "nothing yet".to_owned(), |oldest| back(now.as_second() - oldest.as_second()));
    let lost = if host.lost > 0 { format!(", lost {} events", host.lost) } else { String::new() };
    let gaps = if host.gaps_s > 0 { format!(", {} s not recorded", host.gaps_s) } else { String::new() };
    format!("{whose}  {}  remembers {age}{lost}{gaps}", at(&host.version))
}

/// A length of time in its largest unit.
fn back(seconds: i64) -> String {
    match seconds.max(0) {
        s if s < 120 => format!("{s} s"),
        s if s < 7_200 => format!("{} min", s / 60),
        s if s < 172_800 => format!("{} h", s / 3_600),
        s => format!("{} days", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::fleet::Tally;

    #[test]
    fn who_needs_something_stands_first() {
        let host = |id: &str, silent: Option<&str>, lost| HostState {
            instance_id: id.to_owned(),
            account: Some("111122223333".to_owned()),
            region: Some("eu-west-1".to_owned()),
            name: Some("web\u{1b}[31m".to_owned()),
            version: silent.is_none().then(|| "0.1.0".to_owned()),
            oldest: Timestamp::from_second(0).ok(),
            lost,
            gaps_s: 0,
            silent: silent.map(ToOwned::to_owned),
        };
        let fleet = Fleet {
            tally: Tally { running: 3, asked: 3, recorded: 2, losing: 1 },
            hosts: vec![
                host("i-1", None, 0),
                host("i-2", None, 4),
                host("i-3", Some("no recorder: none"), 0),
            ],
            notes: vec!["eu-north-1: instances not listed: AccessDenied".to_owned()],
        };
        let text = text(&fleet, Timestamp::from_second(200_000).expect("a time"));
        assert_eq!(
            text,
            "111122223333  eu-west-1  i-3  web[31m  no recorder: none\n\
             111122223333  eu-west-1  i-2  web[31m  0.1.0  remembers 2 days, lost 4 events\n\
             111122223333  eu-west-1  i-1  web[31m  0.1.0  remembers 2 days\n\
             2 of 3 hosts asked have a recorder that answers (66 %), 1 of these lost events or time in the last hour; 3 instances run\n\
             version 0.1.0: 2\n\
             note: eu-north-1: instances not listed: AccessDenied\n"
        );
    }
}
