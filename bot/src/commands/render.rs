//! `gumshoe render`: a stored report as HTML, text, JSON or Slack blocks.

use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use clap::ValueEnum;

use crate::report;
use crate::report::Report;

/// Largest stored report, bytes.
const REPORT_MAX: u64 = 16 << 20;

/// Show a stored report as HTML, text, JSON or Slack blocks
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// The report as JSON, as `gumshoe investigate --format json` writes it; `-` reads standard input
    #[arg(value_name = "CASE.json")]
    report: PathBuf,
    /// As what to show it
    #[arg(long, short, value_enum, default_value_t = Format::Html)]
    format: Format,
    /// Where to write it instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One self-contained page
    Html,
    /// For the terminal
    Text,
    /// The report itself
    Json,
    /// The Slack message's payload
    Slack,
    /// The causal chain as a picture
    Svg,
}

/// Runs `gumshoe render`.
pub fn cmd_render(args: &RenderArgs) -> anyhow::Result<ExitCode> {
    let bytes = read(&args.report)?;
    let name = args.report.display();
    let report: Report =
        serde_json::from_slice(&bytes).with_context(|| format!("{name} is no stored report"))?;
    anyhow::ensure!(
        report.version == report::VERSION,
        "{name} has version {}; this program reads {}",
        report.version,
        report::VERSION
    );
    let rendered = match args.format {
        Format::Html => report::html(&report),
        Format::Text => report::text(&report),
        Format::Json => serde_json::to_string_pretty(&report)?,
        Format::Svg => report::svg(&report),
        Format::Slack => serde_json::to_string_pretty(&serde_json::json!({
            "text": report::fallback_text(&report),
            "blocks": report::blocks(&report),
        }))?,
    };
    match &args.output {
        Some(path) => {
            std::fs::write(path, rendered).with_context(|| format!("cannot write {}", path.display()))?;
        }
        None => println!("{}", rendered.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut limited: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock().take(REPORT_MAX + 1))
    } else {
        let file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        Box::new(file.take(REPORT_MAX + 1))
    };
    limited.read_to_end(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
    anyhow::ensure!(bytes.len() as u64 <= REPORT_MAX, "{} is larger than {REPORT_MAX} bytes", path.display());
    Ok(bytes)
}
