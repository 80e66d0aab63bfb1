//! `host-recorder-archive`: arguments and wiring.

mod names;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::bail;
use archive::ArchiveHost;
use archive::ArchiveRing;
use archive::Place;
use archive::Uploader;
use aws_config::BehaviorVersion;
use aws_config::Region;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use clap::Args;
use clap::Parser;
use clap::Subcommand;
use history::UnixNs;
use history::Window;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

/// Attempts at one call, the first included.
const ATTEMPTS: u32 = 8;

/// Copies the sealed history of this host to S3, and brings it back.
///
/// Runs beside `host-recorder record`, as a user of its own: the recorder has no network. Credentials and endpoint are
/// those of the AWS SDKs (instance role, environment, profile).
#[derive(Debug, Parser)]
#[command(name = "host-recorder-archive", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Run),
    Fetch(Fetch),
}

/// Which archive, and whose part of it.
#[derive(Debug, Args)]
struct Whose {
    /// Where archives lie, such as s3://example-bucket/history
    #[arg(long, value_name = "S3_URL", env = "HOST_RECORDER_ARCHIVE")]
    archive: Place,
    /// AWS account; else, as region and instance, this instance's by its metadata service
    #[arg(long)]
    account: Option<String>,
    /// AWS region of the host
    #[arg(long)]
    region: Option<String>,
    /// Instance id
    #[arg(long)]
    instance: Option<String>,
}

/// Copies each segment once it is sealed, until it is told to end
///
/// What was copied stands in the archive itself: a run goes on where the last one was.
#[derive(Debug, Args)]
struct Run {
    #[command(flatten)]
    whose: Whose,
    /// Directory of the ring
    #[arg(long, default_value = "/var/lib/host-recorder")]
    ring: PathBuf,
    /// Copies no faster than this, bytes a second
    #[arg(long, default_value_t = 2 << 20)]
    bytes_per_second: u64,
    /// Looks for new segments so often, seconds
    #[arg(long, default_value_t = 60)]
    every: u64,
    /// Copies what is there now, and ends; fails where that failed
    #[arg(long)]
    once: bool,
}

/// Restores days of the archive as a ring in a directory
///
/// Then ask it with `host-recorder query --ring DIR`, and check it with `host-recorder verify --copy --ring DIR`.
#[derive(Debug, Args)]
struct Fetch {
    #[command(flatten)]
    whose: Whose,
    /// Where to; made if need be
    dir: PathBuf,
    /// Since when, such as 2026-01-31T10:00:00Z; else from the beginning
    #[arg(long)]
    from: Option<jiff::Timestamp>,
    /// Up to when; else to the end
    #[arg(long)]
    to: Option<jiff::Timestamp>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HOST_RECORDER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match Arguments::parse().command {
        Command::Run(arguments) => run(arguments).await,
        Command::Fetch(arguments) => fetch(arguments).await,
    }
}

async fn run(arguments: Run) -> anyhow::Result<()> {
    let (sdk, host) = enter(&arguments.whose).await?;
    let place = &arguments.whose.archive;
    let mut uploader = Uploader::new(client(&sdk), place, &host, arguments.bytes_per_second);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tracing::info!(archive = %place, %host, ring = %arguments.ring.display(), "archiving");
    loop {
        // A pass that is given up has copied what it copied; the next one goes on there.
        let outcome = tokio::select! {
            outcome = uploader.pass(&arguments.ring) => outcome,
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        };
        match outcome {
            Ok(pass) if pass.gone > 0 => {
                tracing::warn!(
                    copied = pass.copied,
                    bytes = pass.bytes,
                    gone = pass.gone,
                    "evicted before they were copied: raise --bytes-per-second or the ring's size"
                );
            }
            Ok(pass) if pass.copied > 0 => {
                tracing::info!(copied = pass.copied, bytes = pass.bytes, "copied");
            }
            Ok(_) => {}
            Err(error) if arguments.once => return Err(error.into()),
            Err(error) => tracing::error!(%error, "trying again"),
        }
        if arguments.once {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(arguments.every.max(1))) => {}
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}

async fn fetch(arguments: Fetch) -> anyhow::Result<()> {
    let (sdk, host) = enter(&arguments.whose).await?;
    let ring = ArchiveRing::open(client(&sdk), &arguments.whose.archive, &host).await?;
    let window = Window {
        from: arguments.from.map_or(UnixNs(i64::MIN), UnixNs::from),
        to: arguments.to.map_or(UnixNs(i64::MAX), UnixNs::from),
    };
    let (there, missing) = ring.fetch(window, &arguments.dir).await?;
    println!("{there} segments in {}", arguments.dir.display());
    if !missing.is_empty() {
        bail!("not in the archive, though its index tells of them: {}", missing.join(", "));
    }
    Ok(())
}

fn client(sdk: &SdkConfig) -> aws_sdk_s3::Client {
    // Stand-ins and gateways have no name for each bucket.
    let own_endpoint = sdk.endpoint_url().is_some();
    let config = aws_sdk_s3::config::Builder::from(sdk).force_path_style(own_endpoint);
    aws_sdk_s3::Client::from_conf(config.build())
}

/// Credentials, and whose history it is.
async fn enter(whose: &Whose) -> anyhow::Result<(SdkConfig, ArchiveHost)> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(names::http_client().context("the name servers in /etc/resolv.conf are not known")?)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
    if let Some(region) = &whose.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let sdk = loader.load().await;
    let (account, region, instance) = match (&whose.account, &whose.region, &whose.instance) {
        (Some(account), Some(region), Some(instance)) => (account.clone(), region.clone(), instance.clone()),
        _ => {
            let document = aws_config::imds::Client::builder()
                .build()
                .get("/latest/dynamic/instance-identity/document")
                .await
                .context("this is no EC2 instance, or its metadata service is off: give --account, --region and --instance")?;
            let document: serde_json::Value = serde_json::from_str(document.as_ref())
                .context("the metadata service did not tell this instance's identity")?;
            let part = |given: &Option<String>, name: &str| {
                given.clone().unwrap_or_else(|| document[name].as_str().unwrap_or_default().to_owned())
            };
            (
                part(&whose.account, "accountId"),
                part(&whose.region, "region"),
                part(&whose.instance, "instanceId"),
            )
        }
    };
    let host = ArchiveHost::new(&account, &region, &instance)?;
    Ok((sdk, host))
}
