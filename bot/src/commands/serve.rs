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
use crate::case::store::CallStore;
use crate::case::store::CaseStore;
use crate::case::store::Deadlines;
use crate::case::store::DeedStore;
use crate::case::store::DynamoStore;
use crate::case::store::SqliteStore;
use crate::config::Config;
use crate::config::Slack;
use crate::desk::AwsHands;
use crate::desk::CaseWatch;
use crate::desk::Desk;
use crate::desk::Drawing;
use crate::desk::Guard;
use crate::desk::NoHands;
use crate::desk::NoMail;
use crate::desk::SesMailer;
use crate::hosts::HostHistory;
use crate::hosts::Signals;
use crate::hosts::SsmHistory;
use crate::hosts::WithArchive;
use crate::hosts::WithFlowLogs;
use crate::intake::Intake;
use crate::intake::S3Mails;
use crate::intake::SqsQueue;
use crate::locate::Copies;
use crate::locate::Ec2Locator;
use crate::locate::Ledger;
use crate::locate::SharedLedger;
use crate::locate::Watch;
use crate::locate::sweep_forever;
use crate::operations::endpoint;
use crate::operations::fleet::Latest;
use crate::operations::gauges::Gauges;
use crate::operations::watch as queue_watch;
use crate::operations::watch::Watched;
use crate::pipeline::CaseFiles;
use crate::pipeline::Edges;
use crate::pipeline::Follower;
use crate::pipeline::Once;
use crate::pipeline::Pipeline;
use crate::playbook::Playbooks;
use crate::slack::Answers;
use crate::slack::Inbox;
use crate::slack::LogOnly;
use crate::slack::Notifier;
use crate::slack::SlackWeb;
use crate::slack::Socket;
use crate::slack::serve_http;

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
    let places = Places::enter(&config).await;
    tokio::spawn(places.clone().refresh_forever(config.clone()));
    let Stores { cases: store, deeds, calls, files } = stores(&config, &places)?;
    let (ledger, shared, copies) = ledger(&config, &places, &files).await?;
    let limits = config.limits;
    let signals = Signals::default();
    let watched = queue_watch::Watch::default();
    let queue = Watched::new(SqsQueue::new(places.own(), &queue_url, limits.visibility_s), watched.clone());
    let hosts =
        SsmHistory::new(places.clone(), &config.ssm_document, limits.ssm_deadline(), limits.ssm_delivery_s)
            .hearing(signals.clone());
    let ssm: Arc<dyn HostHistory> = Arc::new(hosts);
    let locator = Ec2Locator::new(places.clone(), ledger.clone()).sharing(shared.clone());
    let watch =
        ledger.map(|ledger| Watch::new(places.clone(), ledger).sharing(shared).forgetting(locator.hints()));
    let mails = Arc::new(S3Mails::new(places.own()));
    let web = web(&config)?;
    let notifier: Arc<dyn Notifier> = match &web {
        Some(web) => Arc::clone(web) as Arc<dyn Notifier>,
        None => Arc::new(LogOnly),
    };
    let edges = Edges {
        store: Arc::clone(&store),
        locator: Arc::new(locator),
        hosts: with_others(Arc::clone(&ssm), &config, &places),
        notifier: Arc::clone(&notifier),
        mails,
        follower: Arc::new(Follower::new(watch, signals)),
    };
    let fleet = Latest::default();
    let gauges = Gauges::new(watched, Arc::clone(&store), Arc::clone(&deeds), fleet.clone());
    tell(&config, gauges, places.clone(), ssm).await?;
    if let Some(unheard) = config.offers_unheard() {
        eprintln!("gumshoe: {unheard}");
    }
    let drawing = match config.offers_unheard() {
        // A button that nobody hears is worse than none.
        Some(_) => Drawing::default(),
        None => Drawing::new(config.slack.as_ref()),
    };
    let once = Once {
        locator: Arc::clone(&edges.locator),
        hosts: Arc::clone(&edges.hosts),
        playbooks: Arc::clone(&playbooks),
        own_addresses: config.own_networks(),
        at_once: limits.questions_at_once,
        most: limits.questions_per_case,
    };
    let pipeline = Pipeline::new(edges, playbooks, &config).with_face(drawing.clone(), Arc::clone(&deeds));
    let pipeline = pipeline.with_files(files.clone());
    let pipeline = Arc::new(pipeline);
    let door = match (&config.slack, web) {
        (Some(slack), Some(web)) => {
            let actions = slack.actions.clone();
            let desk = Desk {
                watched: CaseWatch::new(Deadlines::new(Arc::clone(&store))),
                store,
                deeds,
                files,
                once,
                pipeline: Arc::clone(&pipeline),
                notifier,
                workspace: web,
                answers: Answers::new(slack)?,
                hands: match &actions {
                    Some(actions) => Arc::new(AwsHands::new(places.clone(), actions)),
                    None => Arc::new(NoHands),
                },
                mailer: match config.reply {
                    Some(_) => Arc::new(SesMailer::new(places.own())),
                    None => Arc::new(NoMail),
                },
                guard: Guard::new(actions.as_ref()),
                drawing,
                slack: slack.clone(),
                reply: config.reply.clone(),
                fleet,
                told_presses: Default::default(),
                redrawing: Default::default(),
            };
            open_door(&config, slack, Arc::new(desk), calls).await
        }
        _ => None,
    };
    let intake = Intake::new(Arc::new(queue), pipeline, limits);
    println!("gumshoe: waiting for notices on {queue_url}");
    intake.run(stop_on_signal()?).await;
    if let Some(Door::Socket(socket)) = door {
        socket.close().await;
    }
    if let Some(copies) = copies
        && let Err(error) = copies.keep().await
    {
        tracing::error!(error = %error, "address ledger not copied");
    }
    println!("gumshoe: stopped");
    Ok(ExitCode::SUCCESS)
}

/// Begins to tell of the bot itself: on loopback, in the log, and of the fleet, as far as the settings want it.
async fn tell(
    config: &Config,
    gauges: Gauges,
    places: Places,
    hosts: Arc<dyn HostHistory>,
) -> anyhow::Result<()> {
    let operations = config.operations;
    let gauges = Arc::new(gauges);
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
        tokio::spawn(gauges.survey_forever(places, hosts, at_once, every));
    }
    Ok(())
}

/// Asks the archive, too, where there is one, for who does not answer, and flow logs about who is not in that either.
pub fn with_others(hosts: Arc<dyn HostHistory>, config: &Config, places: &Places) -> Arc<dyn HostHistory> {
    let hosts: Arc<dyn HostHistory> = match &config.archive {
        Some(archive) => {
            Arc::new(WithArchive::new(hosts, places.own(), archive, config.limits.ssm_deadline()))
        }
        None => hosts,
    };
    Arc::new(WithFlowLogs::new(hosts, places.clone()))
}

/// Where Slack's calls come in; closed when it is dropped.
enum Door {
    Socket(Socket),
    Http,
}

/// Takes Slack's calls in where a secret for them is given. Notices are answered, and what time brings about is done,
/// also when that does not work.
async fn open_door(
    config: &Config,
    slack: &Slack,
    desk: Arc<Desk>,
    store: Arc<dyn CallStore>,
) -> Option<Door> {
    tokio::spawn(Arc::clone(&desk).watch());
    let (inbox, calls) = Inbox::new(store);
    let inbox = Arc::new(inbox);
    let opened = match (slack.http_listen, &config.slack_signing_secret, &config.slack_app_token) {
        (Some(listen), Some(secret), _) => {
            serve_http(listen, secret, Arc::clone(&inbox)).await.map(|(address, _)| {
                println!("gumshoe: answering Slack at http://{address}/slack");
                Door::Http
            })
        }
        (_, _, Some(token)) => Socket::open(slack, token, Arc::clone(&inbox)).map(Door::Socket),
        _ => return None,
    };
    match opened {
        Ok(door) => {
            tokio::spawn(Arc::clone(&inbox).attend());
            tokio::spawn(desk.run(calls, inbox));
            println!("gumshoe: answering /gumshoe in {}", slack.channel);
            Some(door)
        }
        Err(error) => {
            tracing::error!(error = %error, "no commands and buttons from Slack");
            None
        }
    }
}

/// Where everything is kept.
struct Stores {
    cases: Arc<dyn CaseStore>,
    deeds: Arc<dyn DeedStore>,
    calls: Arc<dyn CallStore>,
    files: CaseFiles,
}

/// The stores that the settings name: all in one table, or all in `state_dir`.
fn stores(config: &Config, places: &Places) -> anyhow::Result<Stores> {
    let Some(table) = &config.store.dynamodb_table else {
        let local = Arc::new(SqliteStore::open(&config.state_dir.join(STORE))?);
        let files = CaseFiles::new(&config.state_dir);
        return Ok(Stores { cases: local.clone(), deeds: local.clone(), calls: local, files });
    };
    let keep = Duration::from_secs(u64::from(config.store.keep_days) * 24 * 3_600);
    println!("gumshoe: keeping cases in the DynamoDB table {table}");
    let store = Arc::new(DynamoStore::new(places.own(), table, keep));
    let files = CaseFiles::Table(store.clone());
    Ok(Stores { cases: store.clone(), deeds: store.clone(), calls: store, files })
}

/// The ledger of addresses, what other replicas tell of it, and its copies.
type Ledgers = (Option<Ledger>, Option<SharedLedger>, Option<Copies>);

/// Opens the ledger of addresses and keeps it, with copies of it and what other replicas tell where the cases are in a
/// table; unless that is turned off.
async fn ledger(config: &Config, places: &Places, files: &CaseFiles) -> anyhow::Result<Ledgers> {
    if config.limits.sweep_s == 0 {
        return Ok((None, None, None));
    }
    let path = config.state_dir.join(LEDGER);
    let copies = match files {
        CaseFiles::Folder(_) => None,
        CaseFiles::Table(table) => Some(Copies::open(table.clone(), &path).await?),
    };
    let ledger = match &copies {
        Some(copies) => copies.ledger(),
        None => Ledger::open(&path)?,
    };
    let shared = match files {
        CaseFiles::Folder(_) => None,
        CaseFiles::Table(table) => Some(SharedLedger::new(table.clone(), ledger.clone())),
    };
    let every = Duration::from_secs(config.limits.sweep_s);
    tokio::spawn(sweep_forever(places.clone(), ledger.clone(), shared.clone(), every));
    copies.clone().map(|copies| tokio::spawn(copies.keep_forever()));
    Ok((Some(ledger), shared, copies))
}

fn web(config: &Config) -> anyhow::Result<Option<Arc<SlackWeb>>> {
    Ok(match (&config.slack, &config.slack_token) {
        (Some(slack), Some(token)) => {
            println!("gumshoe: posting to Slack channel {}", slack.channel);
            Some(Arc::new(SlackWeb::new(slack, token)?))
        }
        _ => {
            println!(
                "gumshoe: no [slack] in the settings; reports are written to {}",
                config.state_dir.display()
            );
            None
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
