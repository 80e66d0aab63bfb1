//! `gumshoe serve`: takes notices from the queue until it is told to stop.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::sync::watch;

use crate::aws::Places;
use crate::case::store::CaseStore;
use crate::case::store::SqliteStore;
use crate::config::Config;
use crate::hosts::SsmHistory;
use crate::intake::Intake;
use crate::intake::S3Mails;
use crate::intake::SqsQueue;
use crate::locate::Ec2Locator;
use crate::locate::Ledger;
use crate::locate::sweep_forever;
use crate::operations::endpoint;
use crate::operations::gauges::Gauges;
use crate::operations::watch::Watch;
use crate::operations::watch::Watched;
use crate::pipeline::CaseFiles;
use crate::pipeline::Desk;
use crate::pipeline::Edges;
use crate::pipeline::Once;
use crate::pipeline::Pipeline;
use crate::playbook::Playbooks;
use crate::slack::LogOnly;
use crate::slack::Notifier;
use crate::slack::SlackWeb;
use crate::slack::Socket;

/// Name of the case store in the state folder.
const STORE: &str = "cases.sqlite";

/// Name of the address ledger in the state folder.
pub const LEDGER: &str = "addresses.sqlite";

/// Answer abuse notices as they arrive in the queue
///
/// Takes each notice from SQS, finds the accused host in EC2, asks its recorder over SSM, judges, and posts the
/// report to Slack. A notice is deleted from the queue only after its case is stored and posted.
///
/// Secrets come from the environment: GUMSHOE_SLACK_TOKEN, GUMSHOE_SLACK_APP_TOKEN and AWS_*.
/// RUST_LOG sets the log's detail, GUMSHOE_LOG=json its form. SIGTERM ends what is worked on, then stops.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The settings file; `gumshoe config example` prints one. Else the text in GUMSHOE_SETTINGS
    #[arg(long, short, value_name = "FILE", env = "GUMSHOE_CONFIG")]
    config: Option<PathBuf>,
}

/// Runs `gumshoe serve`.
pub async fn cmd_serve(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(args.config.as_deref())?;
    if let Some(lack) = config.lacks_to_serve().first() {
        anyhow::bail!("{lack}");
    }
    let queue_url = config.queue_url.clone().context("queue_url is not set")?;
    let playbooks = Arc::new(Playbooks::load(config.playbooks_dir.as_deref())?);
    let store: Arc<dyn CaseStore> = Arc::new(SqliteStore::open(&config.state_dir.join(STORE))?);
    let places = Places::enter(&config).await;
    let ledger = ledger(&config, &places)?;
    let limits = config.limits;
    let watch = Watch::default();
    let queue = Watched::new(SqsQueue::new(places.own(), &queue_url, limits.visibility_s), watch.clone());
    let hosts =
        SsmHistory::new(places.clone(), &config.ssm_document, limits.ssm_deadline(), limits.ssm_delivery_s);
    let mails = Arc::new(S3Mails::new(places.own()));
    let edges = Edges {
        store,
        locator: Arc::new(Ec2Locator::new(places.clone(), ledger)),
        hosts: Arc::new(hosts),
        notifier: notifier(&config)?,
        mails,
    };
    tell(&config, &edges, watch, places).await?;
    let socket = desk(&config, &edges, &playbooks).await;
    let pipeline = Arc::new(Pipeline::new(edges, playbooks, &config));
    let intake = Intake::new(Arc::new(queue), pipeline, limits);
    println!("gumshoe: waiting for notices on {queue_url}");
    intake.run(stop_on_signal()?).await;
    if let Some(socket) = socket {
        socket.close().await;
    }
    println!("gumshoe: stopped");
    Ok(ExitCode::SUCCESS)
}

/// Begins to tell of the bot itself: on loopback, in the log, and of the fleet, as far as the settings want it.
async fn tell(config: &Config, edges: &Edges, watch: Watch, places: Places) -> anyhow::Result<()> {
    let operations = config.operations;
    let gauges = Arc::new(Gauges::new(watch, Arc::clone(&edges.store)));
    if let Some(listen) = operations.listen {
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!("operations.listen: cannot listen on {listen}; does another bot run here?")
        })?;
        tokio::spawn(endpoint::answer(listener, Arc::clone(&gauges) as Arc<dyn endpoint::Tells>));
        println!("gumshoe: /health and /metrics on {listen}");
        tokio::spawn(Arc::clone(&gauges).log_forever());
    }
    if operations.survey_s > 0 {
        let every = Duration::from_secs(operations.survey_s);
        let at_once = config.limits.questions_at_once;
        tokio::spawn(gauges.survey_forever(places, Arc::clone(&edges.hosts), at_once, every));
    }
    Ok(())
}

/// Answers `/gumshoe` where an app-level token is given. Notices are answered also when that does not work.
async fn desk(config: &Config, edges: &Edges, playbooks: &Arc<Playbooks>) -> Option<Arc<Socket>> {
    let (slack, token) = (config.slack.as_ref()?, config.slack_app_token.as_ref()?);
    let (socket, questions) = match Socket::open(slack, token).await {
        Ok(opened) => opened,
        Err(error) => {
            tracing::error!(error = %error, "no commands from Slack");
            return None;
        }
    };
    let socket = Arc::new(socket);
    let desk = Desk {
        store: Arc::clone(&edges.store),
        files: CaseFiles::new(&config.state_dir),
        once: Once {
            locator: Arc::clone(&edges.locator),
            hosts: Arc::clone(&edges.hosts),
            playbooks: Arc::clone(playbooks),
            own_addresses: config.own_networks(),
            at_once: config.limits.questions_at_once,
            most: config.limits.questions_per_case,
        },
        channel: slack.channel.clone(),
    };
    tokio::spawn(Arc::new(desk).run(Arc::clone(&socket), questions));
    println!("gumshoe: answering /gumshoe in {}", slack.channel);
    Some(socket)
}

/// Opens the ledger of addresses and keeps it, unless that is turned off.
fn ledger(config: &Config, places: &Places) -> anyhow::Result<Option<Ledger>> {
    if config.limits.sweep_s == 0 {
        return Ok(None);
    }
    let ledger = Ledger::open(&config.state_dir.join(LEDGER))?;
    let every = Duration::from_secs(config.limits.sweep_s);
    tokio::spawn(sweep_forever(places.clone(), ledger.clone(), every));
    Ok(Some(ledger))
}

fn notifier(config: &Config) -> anyhow::Result<Arc<dyn Notifier>> {
    Ok(match (&config.slack, &config.slack_token) {
        (Some(slack), Some(token)) => {
            println!("gumshoe: posting to Slack channel {}", slack.channel);
            Arc::new(SlackWeb::new(slack, token)?)
        }
        _ => {
            println!(
                "gumshoe: no [slack] in the settings; reports are written to {}",
                config.state_dir.display()
            );
            Arc::new(LogOnly)
        }
    })
}

/// Turns true at SIGTERM or SIGINT; a second one ends the program at once.
fn stop_on_signal() -> anyhow::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        for again in [false, true] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if again {
                std::process::exit(130);
            }
            eprintln!("gumshoe: stopping; what is worked on is ended first");
            stop.send_replace(true);
        }
    });
    Ok(stopped)
}
