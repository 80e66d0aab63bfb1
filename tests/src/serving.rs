//! The bot at work beside stand-ins that answer from memory: for what is measured of it, and for what is done to it.
//!
//! Hosts answer with what a real recorder kept of a real scan, and the notice is the one about that scan.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::ensure;
use history::Evidence;
use nix::sys::signal::Signal;

use crate::bench::process;
use crate::bench::process::Measured;
use crate::interrupt;
use crate::lab::wait_until;
use crate::standins::REGION;
use crate::standins::cloud::Cloud;
use crate::standins::cloud::Host;
use crate::standins::cloud::OWN_ACCOUNT;
use crate::standins::cloud::Reply;
use crate::standins::cloud::Script;
use crate::standins::cloud::Terms;
use crate::standins::slack;
use crate::standins::slack::Message;
use crate::standins::slack::Slack;

/// A scan that was recorded, and the notice about it.
const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/rings/nmap-through-sudo");
/// The reporter's number in that notice.
const CASE: &str = "1795255327-1";
/// Whom it accuses.
pub const ACCUSED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);

const READY_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(60);

/// What differs between bots.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Regions to look in.
    pub regions: Vec<String>,
    /// Lines of `[limits]`.
    pub limits: String,
    /// Further tables.
    pub more: String,
    /// Whether Slack's commands and buttons reach it.
    pub socket_mode: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            regions: vec![REGION.to_owned()],
            limits: String::new(),
            more: String::new(),
            socket_mode: false,
        }
    }
}

/// A bot at work. Dropping it kills the bot.
pub struct Serving {
    /// Its AWS.
    pub cloud: Arc<Cloud>,
    /// Its workspace.
    pub slack: Arc<Slack>,
    /// The bot.
    pub bot: Measured,
    program: std::path::PathBuf,
    state: tempfile::TempDir,
    socket_mode: bool,
}

impl Serving {
    /// Starts stand-ins and bot, and waits until it reads its queue.
    ///
    /// # Errors
    /// When one of them does not start.
    pub fn start(program: &Path, terms: Terms, settings: &Settings) -> anyhow::Result<Self> {
        let state = tempfile::tempdir()?;
        let undo = state.path().to_owned();
        interrupt::undo_on_signals(move || {
            // Or the bot would write on.
            process::kill_all();
            drop(fs::remove_dir_all(undo));
        });
        let (cloud, slack) = (Arc::new(Cloud::start(terms)?), Arc::new(Slack::start()?));
        slack.lift_limits();
        let sweep = if settings.limits.contains("sweep_s") { "" } else { "sweep_s = 0\n" };
        // A JSON string or list of strings is TOML, too.
        let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
        let socket_mode = settings.socket_mode;
        let settings = format!(
            "queue_url = {}\nstate_dir = {}\nregions = {}\n{}\n[slack]\nchannel = {}\napi_url = {}\n[limits]\n{sweep}{}",
            text(&cloud.queue_url()),
            text(&state.path().join("state").display().to_string()),
            text(&settings.regions),
            settings.more,
            text(&slack::CHANNEL),
            text(&slack.api_url()),
            settings.limits,
        );
        fs::write(state.path().join("gumshoe.toml"), settings)?;
        let bot = bot(program, state.path(), &cloud, &slack, socket_mode)?;
        let serving = Self { cloud, slack, bot, program: program.to_owned(), state, socket_mode };
        serving.wait_for_queue(0)?;
        if socket_mode {
            wait_until("Slack's connection", READY_MAX, || serving.slack.connections() > 0)?;
        }
        Ok(serving)
    }

    /// Another bot on the same settings and state: a second replica, or the next one after a kill.
    ///
    /// # Errors
    /// When it does not start.
    pub fn another(&self) -> anyhow::Result<Measured> {
        bot(&self.program, self.state.path(), &self.cloud, &self.slack, self.socket_mode)
    }

    /// Where the bot keeps its cases.
    pub fn state_dir(&self) -> std::path::PathBuf {
        self.state.path().join("state")
    }

    fn wait_for_queue(&self, before: usize) -> anyhow::Result<()> {
        let asked = || self.cloud.asked("ReceiveMessage") > before;
        wait_until("the bot to read its queue", READY_MAX, || asked() || !self.bot.runs())?;
        ensure!(self.bot.runs(), "the bot ended at once");
        Ok(())
    }

    /// Messages that head a thread and have their report.
    pub fn reports(&self) -> Vec<Message> {
        let is_report = |message: &Message| message.thread_ts.is_none() && !message.before.is_empty();
        self.slack.messages().into_iter().filter(is_report).collect()
    }

    /// The report of a case by its number, once it is there.
    ///
    /// # Errors
    /// When it is not there in time; says what was called.
    pub fn report(&self, number: usize, max: Duration) -> anyhow::Result<Message> {
        let mut found = None;
        let waited = wait_until("a report", max, || {
            found = self.reports().into_iter().nth(number);
            found.is_some()
        });
        waited
            .with_context(|| format!("calls {:?}, unknown {:?}", self.cloud.calls(), self.cloud.unknown()))?;
        found.context("a report is gone")
    }

    /// Ends the bot; returns the most memory that it had, MB.
    ///
    /// # Errors
    /// When it called what no stand-in knows, sent what Slack refuses, or does not end.
    pub fn end(mut self) -> anyhow::Result<f64> {
        ensure!(self.cloud.unknown().is_empty(), "calls that nobody knows: {:?}", self.cloud.unknown());
        ensure!(self.slack.refused().is_empty(), "Slack refused {:?}", self.slack.refused().first());
        self.bot.look_at_memory();
        let ended = self.bot.stop(Signal::SIGTERM, STOP_MAX)?;
        Ok(ended.rss_max as f64 / 1e6)
    }
}

fn bot(
    program: &Path,
    state: &Path,
    cloud: &Cloud,
    slack: &Slack,
    socket_mode: bool,
) -> anyhow::Result<Measured> {
    let mut serve = Command::new(program);
    serve.args(["serve", "--config"]).arg(state.join("gumshoe.toml")).envs(cloud.environment());
    serve.env("RUST_LOG", "warn").env("GUMSHOE_SLACK_TOKEN", slack.bot_token());
    if socket_mode {
        serve.env("GUMSHOE_SLACK_APP_TOKEN", slack.app_token());
    }
    Measured::start("gumshoe", &mut serve)
}

/// Instances of the bot's own account, each with an address of its own (RFC 2544's range, for benchmarks).
pub fn hosts(count: usize) -> Vec<Host> {
    let address = |base: Ipv4Addr, number: usize| Ipv4Addr::from_bits(base.to_bits() + 10 + number as u32);
    let host = |number: usize| Host {
        id: format!("i-{number:017x}"),
        account: OWN_ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        private: address(Ipv4Addr::new(10, 0, 0, 0), number),
        public: Some(address(Ipv4Addr::new(198, 18, 0, 0), number)),
        subnet: "subnet-0123456789abcdef0".to_owned(),
    };
    (0..count).map(host).collect()
}

/// The notice of a case of its own about an address.
///
/// # Errors
/// When the recording is not there.
pub fn notice(number: usize, accused: Ipv4Addr) -> anyhow::Result<String> {
    let mail = fs::read_to_string(Path::new(RECORDING).join("notice.eml")).context(RECORDING)?;
    let case = format!("{}-1", 20_000_000_000_u64 + number as u64);
    Ok(mail.replace(CASE, &case).replace(&ACCUSED.to_string(), &accused.to_string()))
}

/// Whether a report says what was recorded.
pub fn is_right(report: &Message) -> bool {
    let read = report.read();
    read.contains("nmap") && read.contains("alice")
}

/// Stand-ins without delays or limits.
pub fn terms(hosts: Vec<Host>, script: Script) -> Terms {
    Terms {
        latency: Duration::ZERO,
        ssm_calls_a_second: None,
        visible_after: Duration::ZERO,
        answers_after: Duration::ZERO,
        script,
        hosts,
        nats: Vec::new(),
        interfaces: Vec::new(),
        flow_logs: Vec::new(),
        further: None,
        dynamodb: None,
    }
}

/// What hosts write that did what was recorded.
pub fn culprits() -> Script {
    let known: Mutex<Option<(String, Evidence)>> = Mutex::new(None);
    Arc::new(move |id, query| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        // The same question has the same answer, but for who gives it and when.
        if known.as_ref().is_none_or(|(asked, _)| asked != query) {
            *known = evidence(query).ok().map(|evidence| (query.to_owned(), evidence));
        }
        let Some((_, evidence)) = known.as_mut() else { return Reply::Silent };
        evidence.host.instance_id = Some(id.to_owned());
        evidence.answered = history::UnixNs::now();
        history::encode_answer(evidence).map_or(Reply::Silent, Reply::Writes)
    })
}

/// What busy hosts write that had nothing to do with it: as much as SSM lets through.
pub fn busy() -> Script {
    let written: Mutex<Option<(String, String)>> = Mutex::new(None);
    Arc::new(move |_, query| {
        let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.as_ref().is_none_or(|(asked, _)| asked != query) {
            *written = busy_line(query).ok().map(|line| (query.to_owned(), line));
        }
        written.as_ref().map_or(Reply::Silent, |(_, line)| Reply::Writes(line.clone()))
    })
}

fn evidence(query: &str) -> anyhow::Result<Evidence> {
    let request = history::decode_request(query)?;
    Ok(history::query(&Path::new(RECORDING).join("ring"), &request, history::Host::default())?)
}

fn busy_line(query: &str) -> anyhow::Result<String> {
    let mut told = evidence(query)?;
    for activity in &mut told.activities {
        activity.matched = 0;
        activity.matched_ports = 0;
        activity.address_sample = vec![Ipv4Addr::new(203, 0, 113, 80).into()];
    }
    told.samples.clear();
    let time = told.request.window.from;
    let dns = |number: u64| history::DnsEvent {
        event: number,
        time,
        dns: history::Dns {
            process: None,
            remote: None,
            sent: true,
            answer: false,
            name: format!("{:016x}.example.com", number.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            kind: 1,
            code: 0,
            addresses: Vec::new(),
            names: Vec::new(),
        },
    };
    told.dns = (0..1_200).map(dns).collect();
    Ok(history::encode_answer(&told)?)
}
