//! The story that the demo tells and the end-to-end tests check: somebody logs in, scans, logs
//! out; later a notice arrives; Gumshoe answers it.
//!
//! Everything is the real thing but AWS and Slack. The facts that a story is checked against come
//! from Gumshoe's report alone.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::ensure;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use crate::lab;
use crate::lab::Lab;
use crate::lab::Noise;
use crate::lab::Seen;
use crate::lab::output_within;
use crate::lab::wait_until;
use crate::notice;
use crate::notice::Packet;
pub use crate::programs::Programs;
use crate::recording;
use crate::standins::Aws;
use crate::standins::slack;
use crate::standins::slack::Slack;

/// Where the recorder keeps its ring.
const RING: &str = "/var/lib/host-recorder";
const READY_MAX: Duration = Duration::from_secs(30);
/// How long the recorder runs before anything worth a notice happens.
const RECORDED_BEFORE: Duration = Duration::from_secs(3);
const SCAN_MAX: Duration = Duration::from_secs(120);
/// From the notice to the report; more is a failure in itself.
const ANSWER_MAX: Duration = Duration::from_secs(90);

/// One scan, as the victim saw it.
#[derive(Debug, Clone)]
pub struct Scanned {
    /// The victim's packet log of it.
    pub packets: Vec<Packet>,
    /// What the victim's firewall counted, since the lab was built.
    pub seen: Seen,
}

/// What Gumshoe answered.
#[derive(Debug, Clone)]
pub struct Told {
    /// The report as JSON.
    pub report: Value,
    /// The report as a page.
    pub html: PathBuf,
    /// The message in Slack, as it is at last.
    pub message: slack::Message,
    /// From the notice's arrival to the message's last edit.
    pub time_to_know: Duration,
}

/// A story under way. Dropping it ends and removes everything but `state_dir`.
#[derive(Debug)]
pub struct Story {
    /// The hosts.
    pub lab: Lab,
    /// The account.
    pub aws: Aws,
    /// The workspace.
    pub slack: Slack,
    programs: Programs,
    state_dir: PathBuf,
    noise: Option<Noise>,
    recording_since: Option<Instant>,
    log: Option<&'static str>,
    /// How long the bot waits for people.
    pub patience: Patience,
    /// The secret by which the bot knows Slack's calls over HTTP; none where it uses Socket Mode.
    pub signing_secret: Option<String>,
    bot: Option<u32>,
}

/// How long the bot waits for people, s.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For an answer of who was asked.
    pub ask_timeout_s: u64,
    /// How long before the deadline it reminds of a case that nobody took.
    pub remind_before_s: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self { ask_timeout_s: 3_600, remind_before_s: 4 * 3_600 }
    }
}

impl Story {
    /// Builds hosts, account and workspace. Gumshoe keeps its cases and reports in `state_dir`.
    ///
    /// # Errors
    /// Says which part failed.
    pub fn set(programs: Programs, state_dir: &Path) -> anyhow::Result<Self> {
        Self::set_in(Lab::up().context("build the lab")?, programs, state_dir)
    }

    /// As [`Story::set`], in hosts that are there.
    ///
    /// # Errors
    /// Says which part failed.
    pub fn set_in(mut lab: Lab, programs: Programs, state_dir: &Path) -> anyhow::Result<Self> {
        let aws = Aws::start(&mut lab).context("start the AWS stand-in")?;
        let slack = Slack::start().context("start the Slack stand-in")?;
        fs::create_dir_all(state_dir)?;
        Ok(Self {
            lab,
            aws,
            slack,
            programs,
            state_dir: state_dir.to_owned(),
            noise: None,
            recording_since: None,
            log: None,
            patience: Patience::default(),
            signing_secret: None,
            bot: None,
        })
    }

    /// Starts the recorder on the instance, as its daemon, and waits until its hooks are attached.
    ///
    /// # Errors
    /// When it does not say that it records; says what it said instead.
    pub fn record(&mut self) -> anyhow::Result<()> {
        let instance = self.lab.instance();
        instance.install(&self.programs.recorder, "/usr/bin/host-recorder")?;
        let mut recorder = instance.command("/usr/bin/host-recorder")?;
        recorder.args(["record", "--ring", RING, "--cgroup"]).arg(instance.cgroup().path());
        recorder.envs(self.log.map(|level| ("RUST_LOG", level)));
        let mut child = self.lab.spawn_daemon("host-recorder", recorder)?;
        let log = self.lab.dir().join("host-recorder.log");
        let said = || fs::read_to_string(&log).unwrap_or_default();
        let mut ended = false;
        let waited = wait_until("the recorder", READY_MAX, || {
            ended = child.try_wait().is_ok_and(|status| status.is_some());
            ended || said().lines().any(|line| line.contains("recording"))
        });
        self.lab.keep(child);
        ensure!(!ended, "host-recorder ended: {}", said().trim());
        self.recording_since = Some(Instant::now());
        waited.with_context(|| said().trim().to_owned())
    }

    /// Puts a ring that was recorded earlier on the instance, whose recorder then only answers.
    /// Returns the notice that belongs to it.
    ///
    /// # Errors
    /// When the recording cannot be read.
    pub fn replay(&mut self, recording: &Path) -> anyhow::Result<String> {
        let instance = self.lab.instance();
        instance.install(&self.programs.recorder, "/usr/bin/host-recorder")?;
        recording::put(recording, &instance.path(RING))
    }

    /// Keeps the ring as it is now, and a notice, for [`Story::replay`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_recording(&self, mail: &str, recording: &Path) -> anyhow::Result<()> {
        recording::keep(&self.lab.instance().path(RING), mail, recording)
    }

    /// The instance's ring, as seen from outside it.
    pub fn ring(&self) -> PathBuf {
        self.lab.instance().path(RING)
    }

    /// Starts ordinary work on the instance.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_noise(&mut self) -> anyhow::Result<()> {
        self.noise = Some(self.lab.noise()?);
        Ok(())
    }

    /// A notice names whole seconds: the recorder, where one runs, has to have seen all of the first one.
    pub fn wait_for_history(&self) {
        let recorded = self.recording_since.map_or(RECORDED_BEFORE, |since| since.elapsed());
        std::thread::sleep(RECORDED_BEFORE.saturating_sub(recorded));
    }

    /// Has `user` log in from the laptop, type one line, and log out; waits for the end of it.
    ///
    /// # Errors
    /// When the login or the command fails, or no packet reached the victim.
    pub fn log_in_and_type(&self, user: &str, line: &str) -> anyhow::Result<Scanned> {
        self.wait_for_history();
        let before = self.lab.packet_log()?.len();
        let status = self.lab.session(user, line)?.wait(SCAN_MAX)?;
        let shown =
            || fs::read_to_string(self.lab.dir().join(format!("{user}-terminal.log"))).unwrap_or_default();
        ensure!(status.success(), "{line:?} failed:\n{}", shown());
        self.wait_for_commit()?;
        let public = format!("{}:", lab::INSTANCE_PUBLIC);
        let log = self.lab.packet_log_settled()?;
        let mut packets: Vec<_> = log[before..].iter().filter_map(|line| notice::packet(line)).collect();
        packets.retain(|packet| packet.from.starts_with(&public) && !packet.to.ends_with(":80"));
        ensure!(!packets.is_empty(), "nothing of {line:?} reached the victim:\n{}", shown());
        Ok(Scanned { packets, seen: self.lab.seen()? })
    }

    /// Waits until the recorder has put on disk what happened by now. It commits once a second,
    /// and a notice comes minutes after the deed at the soonest; the story does not wait so long.
    ///
    /// # Errors
    /// When it does not.
    pub fn wait_for_commit(&self) -> anyhow::Result<()> {
        if self.recording_since.is_none() {
            return Ok(());
        }
        wait_for_commits(&self.ring(), READY_MAX)
    }

    /// Has recorder and bot log all that they and their libraries can, once they are started.
    pub fn log_everything(&mut self) {
        self.log = Some("trace");
    }

    /// Starts `gumshoe serve` and waits until it reads its queue and hears Slack.
    ///
    /// # Errors
    /// When it does not; says what it said instead.
    pub fn serve(&mut self) -> anyhow::Result<()> {
        let config = self.lab.dir().join("gumshoe.toml");
        let mut text = settings(&self.aws, &self.slack, &self.state_dir, self.patience);
        let mut serve = self.lab.service("bot", &self.programs.gumshoe)?;
        if let Some(secret) = &self.signing_secret {
            let listen = free_address()?;
            text = text.replace("[slack]\n", &format!("[slack]\nhttp_listen = \"{listen}\"\n"));
            serve.env("GUMSHOE_SLACK_SIGNING_SECRET", secret);
            self.slack.call_over_http(listen, secret);
        } else {
            serve.env("GUMSHOE_SLACK_APP_TOKEN", self.slack.app_token());
        }
        fs::write(&config, text)?;
        serve.args(["serve", "--config"]).arg(&config).envs(self.aws.environment());
        serve.env("GUMSHOE_SLACK_TOKEN", self.slack.bot_token());
        serve.envs(self.log.map(|level| ("RUST_LOG", level)));
        let mut child = self.lab.spawn_daemon("gumshoe", serve)?;
        self.bot = Some(child.id());
        let calls = self.lab.dir().join("aws.log");
        let mut ended = false;
        let reads = || fs::read_to_string(&calls).is_ok_and(|log| log.contains("AmazonSQS.ReceiveMessage"));
        let waited = wait_until("gumshoe reading its queue and hearing Slack", READY_MAX, || {
            ended = child.try_wait().is_ok_and(|status| status.is_some());
            ended || (reads() && self.slack.is_heard())
        });
        self.lab.keep(child);
        ensure!(!ended, "gumshoe ended: {}", self.gumshoe_log());
        waited.with_context(|| self.gumshoe_log())
    }

    /// Runs another command of the bot's program beside the same stand-ins, with the settings that [`Story::serve`] uses.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn gumshoe(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let config = self.lab.dir().join("gumshoe.toml");
        fs::write(&config, settings(&self.aws, &self.slack, &self.state_dir, self.patience))?;
        let mut command = self.lab.service("bot", &self.programs.gumshoe)?;
        command.args(arguments).arg("--config").arg(&config).envs(self.aws.environment());
        command.env("GUMSHOE_SLACK_TOKEN", self.slack.bot_token());
        command.env("GUMSHOE_SLACK_APP_TOKEN", self.slack.app_token());
        output_within(arguments[0], &mut command, READY_MAX)
    }

    /// The notice that names the instance's public address and this victim.
    pub fn notice(&self, scanned: &Scanned, victim: Ipv4Addr) -> String {
        notice::mail(
            notice::CASE,
            &self.aws.account,
            lab::INSTANCE_PUBLIC,
            victim,
            &scanned.packets,
            Timestamp::now(),
        )
    }

    /// Has the notice arrive and waits until Gumshoe is done with it.
    ///
    /// # Errors
    /// When it is not done in time, or left no report; says what it said.
    pub fn notify(&self, mail: &str) -> anyhow::Result<Told> {
        let arrived = Instant::now();
        self.aws.deliver_mail(mail.as_bytes())?;
        self.wait_for_answer(arrived)
    }

    /// Waits until Gumshoe is done with what arrived.
    ///
    /// # Errors
    /// When it is not done in time, or left no report; says what it said.
    pub fn wait_for_answer(&self, arrived: Instant) -> anyhow::Result<Told> {
        // A notice leaves the queue only when its case is stored and posted.
        wait_until("Gumshoe's answer", ANSWER_MAX, || self.queue_is_empty().unwrap_or(false))
            .with_context(|| self.gumshoe_log())?;
        let messages = self.slack.messages();
        let message = messages.iter().find(|message| message.thread_ts.is_none());
        let message =
            message.cloned().with_context(|| format!("nothing was posted: {}", self.gumshoe_log()))?;
        let (report, html) = self.report().with_context(|| self.gumshoe_log())?;
        let time_to_know = message.changed.duration_since(arrived);
        Ok(Told { report, html, message, time_to_know })
    }

    /// Freezes the bot: it acknowledges nothing more.
    ///
    /// # Errors
    /// When none runs.
    pub fn freeze_bot(&self) -> anyhow::Result<()> {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.bot.context("no bot runs")?)?);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).context("freeze the bot")
    }

    /// Kills the bot, as a crash or a lost machine would; [`Story::serve`] starts another.
    ///
    /// # Errors
    /// When none runs.
    pub fn kill_bot(&mut self) -> anyhow::Result<()> {
        let pid = self.bot.take().context("no bot runs")?;
        let pid = nix::unistd::Pid::from_raw(i32::try_from(pid)?);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).context("kill the bot")?;
        wait_until("Slack to see the bot gone", READY_MAX, || self.slack.connections() == 0)
    }

    /// What `gumshoe serve` has said.
    pub fn gumshoe_log(&self) -> String {
        let log = fs::read_to_string(self.lab.dir().join("gumshoe.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    fn queue_is_empty(&self) -> anyhow::Result<bool> {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let request = json!({"QueueUrl": self.aws.queue_url, "AttributeNames": names});
        let answer = self.aws.call("sqs", "get_queue_attributes", request)?;
        Ok(names.iter().all(|name| answer["Attributes"][*name] == "0"))
    }

    /// The one case's report, as data and as a page.
    fn report(&self) -> anyhow::Result<(Value, PathBuf)> {
        let cases = self.state_dir.join("cases");
        let mut dirs = fs::read_dir(&cases).with_context(|| format!("no cases in {}", cases.display()))?;
        let dir = dirs.next().context("no case was stored")??.path();
        ensure!(dirs.next().is_none(), "one notice became several cases");
        let html = dir.join("report.html");
        ensure!(html.exists(), "{} was not written", html.display());
        let json = dir.join("report.json");
        let bytes = fs::read(&json).with_context(|| json.display().to_string())?;
        Ok((serde_json::from_slice(&bytes)?, html))
    }
}

/// Waits until the recorder of a ring has looked at everything that happened by now, and put it on disk.
///
/// # Errors
/// When it does not within `max`.
pub fn wait_for_commits(ring: &Path, max: Duration) -> anyhow::Result<()> {
    let status = ring.join("status.json");
    let written = || {
        let status: Value = serde_json::from_slice(&fs::read(&status).ok()?).ok()?;
        status["written"].as_i64()
    };
    // A commit that is under way may have begun before now: the second one has not.
    let mut commits = BTreeSet::from([written()]);
    wait_until("the recorder's commit", max, || {
        commits.insert(written());
        commits.len() > 2
    })
}

/// A loopback address that nobody listens on just now.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// The settings that `gumshoe serve` is given: every button is offered to one group.
pub fn settings(aws: &Aws, slack: &Slack, state_dir: &Path, patience: Patience) -> String {
    // A JSON string is a TOML string.
    let text = |value: &str| Value::from(value).to_string();
    format!(
        "queue_url = {}\nstate_dir = {}\nssm_document = {}\nregions = [{}]\n\n\
         [slack]\nchannel = {}\napi_url = {}\nsecurity = {group}\n\n\
         [slack.actions]\noffer = [\"take\", \"ask\", \"not_abuse\", \"reply\", \"isolate\", \"snapshot\", \"stop\"]\n\
         allowed_groups = [{group}]\nask_timeout_s = {}\nremind_before_s = {}\n\n\
         [[slack.people]]\nslack = {}\nlinux = [\"alice\"]\n\n[reply]\nfrom = {}\n",
        text(&aws.queue_url),
        text(&state_dir.to_string_lossy()),
        text(&aws.document),
        text(crate::standins::REGION),
        text(slack::CHANNEL),
        text(&slack.api_url()),
        patience.ask_timeout_s,
        patience.remind_before_s,
        text(slack::ALICE),
        text(crate::standins::ANSWERS_FROM),
        group = text(slack::GROUP),
    )
}
