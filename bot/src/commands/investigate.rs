//! `gumshoe investigate`: one notice from a file, without queue, store or Slack.

use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use clap::Args;
use clap::ValueEnum;
use jiff::Timestamp;

use crate::aws::Places;
use crate::case::Claim;
use crate::case::Disposition;
use crate::case::HostRef;
use crate::case::Located;
use crate::commands::serve::LEDGER;
use crate::commands::serve::with_others;
use crate::config::Config;
use crate::hosts::HostHistory;
use crate::hosts::LocalRing;
use crate::hosts::SsmHistory;
use crate::locate::Ec2Locator;
use crate::locate::Ledger;
use crate::locate::Locate;
use crate::pipeline::Investigated;
use crate::pipeline::Once;
use crate::playbook::Playbooks;
use crate::report;

/// Largest notice that is read, bytes.
const NOTICE_MAX: u64 = 32 << 20;

/// Exit code when it could not be said who did it.
const NOT_KNOWN: u8 = 3;

/// Exit code when the notice accuses no host of ours or cannot be read.
const NO_ACCUSATION: u8 = 4;

const EXAMPLES: &str = "\
Exit codes:
  0  the report says who did it, or that nobody on the accused host did
  1  an error
  2  wrong usage
  3  the report says what is known; that is not enough to say who did it
  4  the notice accuses no host of ours, or could not be read

Examples:
  gumshoe investigate notice.eml --ring /var/lib/host-recorder
  gumshoe investigate notice.eml --config gumshoe.toml --format html -o report.html";

/// Investigate one notice from a file and print the report
///
/// With --ring the history is read from a ring folder on this machine and neither AWS nor Slack is called.
/// Without it, hosts are found in EC2 and asked over SSM, and Slack is not called.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct InvestigateArgs {
    /// The notice as it came: a raw mail, an event, a finding, a log extract; `-` for standard input
    notice: PathBuf,
    /// Ask this ring folder instead of hosts over SSM
    #[arg(long, value_name = "DIR")]
    ring: Option<PathBuf>,
    /// Form of the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the report to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The settings file
    #[arg(long, short, value_name = "FILE", env = "GUMSHOE_CONFIG")]
    config: Option<PathBuf>,
    /// When the notice arrived, for times in it that leave out year or zone; now if left out
    #[arg(long, value_name = "TIME")]
    received: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// The report as data
    Json,
    /// One self-contained page
    Html,
}

/// Runs `gumshoe investigate`.
pub async fn cmd_investigate(args: &InvestigateArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(args.config.as_deref())?;
    let bytes = read(&args.notice)?;
    let (locator, hosts) = edges(args.ring.as_deref(), &config).await?;
    let once = Once {
        locator,
        hosts,
        playbooks: Arc::new(Playbooks::load(config.playbooks_dir.as_deref())?),
        own_addresses: config.own_networks(),
        at_once: config.limits.questions_at_once,
        most: config.limits.questions_per_case,
    };
    let investigated = once.investigate(&bytes, args.received.unwrap_or_else(Timestamp::now)).await;
    if investigated.parsed.disposition != Disposition::Claims {
        eprintln!("gumshoe: {}", why_no_accusation(investigated.parsed.disposition));
        for warning in &investigated.parsed.warnings {
            eprintln!("gumshoe: {}", warning.escape_debug());
        }
        return Ok(ExitCode::from(NO_ACCUSATION));
    }
    write(args, &investigated)?;
    Ok(if investigated.is_answered() { ExitCode::SUCCESS } else { ExitCode::from(NOT_KNOWN) })
}

async fn edges(
    ring: Option<&Path>,
    config: &Config,
) -> anyhow::Result<(Arc<dyn Locate>, Arc<dyn HostHistory>)> {
    let Some(folder) = ring else {
        let places = Places::enter(config).await;
        let locator = Ec2Locator::new(places.clone(), Some(ledger(config)?));
        let (deadline, delivery_s) = (config.limits.ssm_deadline(), config.limits.ssm_delivery_s);
        let hosts = SsmHistory::new(places.clone(), &config.ssm_document, deadline, delivery_s);
        return Ok((Arc::new(locator), with_others(Arc::new(hosts), config, &places)));
    };
    anyhow::ensure!(folder.is_dir(), "{} is no folder; --ring names a recorder's ring", folder.display());
    let ring = LocalRing::new(folder);
    Ok((Arc::new(OnlyHost(ring.host())), Arc::new(ring)))
}

/// The ledger that `gumshoe serve` keeps, where it does; else one in memory, for what CloudTrail and AWS Config tell.
fn ledger(config: &Config) -> anyhow::Result<Ledger> {
    let path = config.state_dir.join(LEDGER);
    Ok(Ledger::open(if path.exists() { &path } else { Path::new(":memory:") })?)
}

fn write(args: &InvestigateArgs, investigated: &Investigated) -> anyhow::Result<()> {
    let report = &investigated.report;
    let text = match args.format {
        Format::Text => report::text(report),
        Format::Json => serde_json::to_string_pretty(report)?,
        Format::Html => report::html(report),
    };
    match &args.output {
        Some(path) => {
            std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
            eprintln!("gumshoe: report written to {}", path.display());
        }
        None => println!("{}", text.trim_end()),
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut limited: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock().take(NOTICE_MAX + 1))
    } else {
        let file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        Box::new(file.take(NOTICE_MAX + 1))
    };
    limited.read_to_end(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
    anyhow::ensure!(bytes.len() as u64 <= NOTICE_MAX, "{} is larger than {NOTICE_MAX} bytes", path.display());
    Ok(bytes)
}

fn why_no_accusation(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Claims => "the notice accuses a host",
        Disposition::NotAbuse => "this is not an abuse notice; nothing was asked",
        Disposition::Inbound => "the notice says that somebody attacked us; nothing was asked",
        Disposition::Unreadable => "the notice could not be read; a person must look at it",
    }
}

/// The one host whose ring was given.
struct OnlyHost(HostRef);

#[async_trait]
impl Locate for OnlyHost {
    async fn locate(&self, _claim: &Claim) -> Located {
        Located { hosts: vec![self.0.clone()], notes: Vec::new() }
    }
}
