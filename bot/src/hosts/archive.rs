//! The archive: who is gone, offline or garbled is answered from the sealed segments that it left in S3.
//!
//! Stands behind another way to ask, and is asked only where that gives no evidence. What it answers says that it is
//! the archive's and up to when that reaches; where it has nothing of the time that was asked, the host's own silence
//! stays the answer, with a word on the archive. Refuses to judge which of two answers is right.

use std::sync::Arc;
use std::time::Duration;

use archive::ArchiveError;
use archive::ArchiveHost;
use archive::ArchiveRing;
use async_trait::async_trait;
use aws_config::Region;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use history::Evidence;
use history::Host;
use history::Request;
use jiff::Timestamp;

use super::HostHistory;
use super::check;
use crate::aws::reason;
use crate::case::Answer;
use crate::case::Archived;
use crate::case::HostRef;
use crate::case::store::Ticket;
use crate::config::Archive;

/// What one answer of the archive may have on the wire, bytes: more than SSM lets through, and a bound.
const EVIDENCE_MAX: usize = 256 * 1024;

/// Asks hosts, and the archive for those that do not answer.
pub struct WithArchive {
    hosts: Arc<dyn HostHistory>,
    client: Client,
    place: archive::Place,
    /// How long the archive may take.
    deadline: Duration,
}

/// A client for the archive's bucket.
pub(crate) fn client(sdk: &SdkConfig, archive: &Archive) -> Client {
    // Stand-ins and gateways have no name for each bucket.
    let own_endpoint = sdk.endpoint_url().is_some();
    let mut config = aws_sdk_s3::config::Builder::from(sdk).force_path_style(own_endpoint);
    if let Some(region) = &archive.region {
        config = config.region(Region::new(region.clone()));
    }
    Client::from_conf(config.build())
}

impl WithArchive {
    /// Asks the archive with the bot's own credentials.
    pub fn new(hosts: Arc<dyn HostHistory>, sdk: &SdkConfig, archive: &Archive, deadline: Duration) -> Self {
        Self { hosts, client: client(sdk, archive), place: archive.place.0.clone(), deadline }
    }

    /// The archive's answer in place of one that is no evidence.
    async fn stand_in(&self, host: &HostRef, request: &Request, silent: Answer) -> Answer {
        if host.instance_id.is_none() || matches!(silent, Answer::Evidence { .. }) {
            return silent;
        }
        let asked = tokio::time::timeout(self.deadline, self.ask_archive(host, request)).await;
        let late = || Err(format!("it gave no answer within {} s", self.deadline.as_secs()));
        match asked.unwrap_or_else(|_| late()) {
            Ok(Found::Evidence(evidence, reaches)) => {
                let archived = Some(Archived { why: silent.why().unwrap_or_default(), reaches });
                Answer::Evidence { evidence, archived }
            }
            Ok(Found::Elsewhen(reaches)) => {
                let up_to = reaches.map_or_else(String::new, |at| format!(", which reaches to {at:.0},"));
                silent.adding(&format!("its archive{up_to} has nothing of the time that was asked"))
            }
            Ok(Found::Nothing) => silent.adding("the archive has nothing of it"),
            Err(reason) => {
                tracing::warn!(instance_id = host.instance_id, reason, "archive not read");
                silent.adding(&format!("its archive could not be read: {reason}"))
            }
        }
    }

    async fn ask_archive(&self, host: &HostRef, request: &Request) -> Result<Found, String> {
        let Some(ring) = self.open(host).await? else { return Ok(Found::Nothing) };
        let own = Host {
            hostname: host.name.clone().unwrap_or_default(),
            instance_id: host.instance_id.clone(),
            ..Host::default()
        };
        let evidence = ring.query(request, own).await.map_err(|error| error.to_string())?;
        let reaches = ring.reaches().await.map_err(|error| error.to_string())?.map(Timestamp::from);
        if evidence.coverage.recorded.is_empty() {
            return Ok(Found::Elsewhen(reaches));
        }
        match bounded(&evidence, host, request)? {
            Answer::Evidence { evidence, .. } => Ok(Found::Evidence(evidence, reaches)),
            other => Err(other.why().unwrap_or_default()),
        }
    }

    /// The host's part of the archive. A host whose account is not known is looked for in each that archives.
    async fn open(&self, host: &HostRef) -> Result<Option<ArchiveRing>, String> {
        let (Some(instance), Some(region)) = (&host.instance_id, &host.region) else { return Ok(None) };
        let accounts = match &host.account {
            Some(account) => vec![account.clone()],
            None => self.accounts().await?,
        };
        for account in accounts {
            let Ok(whose) = ArchiveHost::new(&account, region, instance) else { continue };
            match ArchiveRing::open(self.client.clone(), &self.place, &whose).await {
                Ok(ring) => return Ok(Some(ring)),
                Err(ArchiveError::Empty { .. }) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(None)
    }

    /// The accounts of which there is something: at most a page of them.
    async fn accounts(&self) -> Result<Vec<String>, String> {
        let root = match self.place.prefix.as_str() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let listed = self
            .client
            .list_objects_v2()
            .bucket(&self.place.bucket)
            .prefix(&root)
            .delimiter("/")
            .send()
            .await
            .map_err(|error| reason(&error))?;
        let account = |below: &str| Some(below.strip_prefix(&root)?.trim_end_matches('/').to_owned());
        Ok(listed.common_prefixes().iter().filter_map(|it| account(it.prefix()?)).collect())
    }
}

/// What the archive has of a host.
enum Found {
    /// Of the time that was asked, and up to when it reaches.
    Evidence(Box<Evidence>, Option<Timestamp>),
    /// Of other times only.
    Elsewhen(Option<Timestamp>),
    Nothing,
}

/// The evidence within its bound, checked as a host's own is: the host wrote what it is made of.
fn bounded(evidence: &Evidence, host: &HostRef, request: &Request) -> Result<Answer, String> {
    let line = history::encode_evidence(evidence, EVIDENCE_MAX).map_err(|error| error.to_string())?;
    Ok(check(&line, host, request, Timestamp::now()))
}

#[async_trait]
impl HostHistory for WithArchive {
    async fn ask(&self, host: &HostRef, request: &Request) -> Result<Ticket, Answer> {
        match self.hosts.ask(host, request).await {
            Ok(ticket) => Ok(ticket),
            Err(silent) => Err(self.stand_in(host, request, silent).await),
        }
    }

    async fn answer(&self, host: &HostRef, request: &Request, ticket: &Ticket) -> Answer {
        let answer = self.hosts.answer(host, request, ticket).await;
        self.stand_in(host, request, answer).await
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::path::PathBuf;

    use ::archive::Uploader;
    use history::Ring;
    use history::RingLimits;
    use history::UnixNs;
    use history::Window;

    use super::*;
    use crate::aws::Places;
    use crate::case::Claim;
    use crate::case::Located;
    use crate::case::Verdict;
    use crate::config::S3Place;
    use crate::hosts::SsmHistory;
    use crate::locate::Locate;
    use crate::pipeline::Once;
    use crate::playbook::Playbooks;
    use crate::report;
    use crate::testing::Moto;

    const ACCOUNT: &str = "111122223333";
    const INSTANCE: &str = "i-0123456789abcdef0";
    const BUCKET: &str = "example-history";

    struct Nobody;

    impl history::KnownProcesses for Nobody {
        fn process(&self, _: &history::ProcessId) -> Option<history::Process> {
            None
        }
        fn login(&self, _: &history::ProcessId) -> Option<(UnixNs, u64, history::Login)> {
            None
        }
    }

    fn recording() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/rings/nmap-through-sudo")
    }

    /// A recording as its host sealed it, with the chain that fixtures leave out.
    fn sealed(into: &Path) {
        let limits = RingLimits { log_bytes: 1, free_bytes: 0, ..RingLimits::default() };
        let mut ring = Ring::open(into, limits).expect("a ring");
        for event in history::events(&recording().join("ring")).expect("events") {
            ring.append(event.time, event.boot_ns, event.body, &Nobody).expect("appended");
        }
        ring.commit().expect("committed");
        drop(ring);
        drop(Ring::open(into, limits).expect("sealed"));
    }

    /// A bucket that has one host's history, and the way to ask it.
    async fn archived(moto: &Moto) -> WithArchive {
        let archive =
            Archive { place: S3Place("s3://example-history/a".parse().expect("place")), region: None };
        let places = Places::of(&moto.sdk(), 16);
        let ssm = SsmHistory::new(places, "Gumshoe-Query", Duration::from_secs(2), 30);
        let asked = WithArchive::new(Arc::new(ssm), &moto.sdk(), &archive, Duration::from_secs(20));
        asked.client.create_bucket().bucket(BUCKET).send().await.expect("made");
        let folder = tempfile::tempdir().expect("a folder");
        sealed(folder.path());
        let whose = ArchiveHost::new(ACCOUNT, "us-east-1", INSTANCE).expect("a host");
        let mut uploader = Uploader::new(asked.client.clone(), &asked.place, &whose, 1 << 30);
        assert!(uploader.pass(folder.path()).await.expect("uploaded").copied > 0);
        asked
    }

    fn host(account: Option<&str>, instance: &str, state: &str) -> HostRef {
        HostRef {
            instance_id: Some(instance.to_owned()),
            account: account.map(str::to_owned),
            region: Some("us-east-1".to_owned()),
            state: Some(state.to_owned()),
            why: "held 192.0.2.10 then".to_owned(),
            ..HostRef::default()
        }
    }

    struct Only(HostRef);

    #[async_trait]
    impl Locate for Only {
        async fn locate(&self, _claim: &Claim) -> Located {
            Located { hosts: vec![self.0.clone()], notes: Vec::new() }
        }
    }

    async fn report_of(hosts: Arc<dyn HostHistory>, host: HostRef) -> crate::pipeline::Investigated {
        let once = Once {
            locator: Arc::new(Only(host)),
            hosts,
            playbooks: Arc::new(Playbooks::built_in().expect("playbooks")),
            own_addresses: Vec::new(),
            at_once: 4,
            most: 10,
        };
        let notice = std::fs::read(recording().join("notice.eml")).expect("a notice");
        once.investigate(&notice, Timestamp::now()).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_host_that_is_gone_is_judged_from_its_archive_and_the_report_says_so() {
        let moto = Moto::start();
        let asked: Arc<dyn HostHistory> = Arc::new(archived(&moto).await);
        // With its account, and where nobody knows that; gone for good, and with an agent that SSM does not know.
        for (account, state) in [(Some(ACCOUNT), "terminated"), (None, "gone"), (Some(ACCOUNT), "running")] {
            let found = report_of(Arc::clone(&asked), host(account, INSTANCE, state)).await;
            let text = report::text(&found.report);
            let verdict = &found.report.judgement.verdict;
            assert!(matches!(verdict, Verdict::Tool { name } if name == "nmap"), "{state}: {text}");
            assert!(text.contains("is answered from its archive, which reaches to 2026-11-21T13:"), "{text}");
            let view = &found.report.judgement.hosts[0];
            assert!(
                view.answered && view.text.starts_with("from its archive, to 2026-11-21"),
                "{}",
                view.text
            );
            let Answer::Evidence { archived: Some(archived), .. } = &found.answers[0].answer else {
                panic!("{:?}", found.answers[0].answer)
            };
            let expected = if state == "running" { "SSM" } else { "terminated" };
            assert!(archived.why.contains(expected), "{}", archived.why);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn where_the_archive_has_nothing_the_silence_stays_and_says_so() {
        let moto = Moto::start();
        let mut asked = archived(&moto).await;
        let window = |day: &str| {
            let from = UnixNs::from(format!("{day}T10:00:00Z").parse::<Timestamp>().expect("time"));
            Window { from, to: from.plus_s(600) }
        };
        let request = |day: &str| Request { window: window(day), ..check::tests::request() };
        let other = host(Some(ACCOUNT), "i-0fedcba9876543210", "terminated");
        let gone = host(Some(ACCOUNT), INSTANCE, "terminated");
        let ask = async |asked: &WithArchive, host: &HostRef, day: &str| {
            asked.ask(host, &request(day)).await.expect_err("nobody is there").why().expect("no evidence")
        };
        let why = ask(&asked, &other, "2026-11-21").await;
        assert!(why.contains("terminated") && why.ends_with("the archive has nothing of it"), "{why}");
        let why = ask(&asked, &gone, "2026-11-29").await;
        assert!(why.contains("which reaches to 2026-11-21") && why.contains("nothing of the time"), "{why}");
        asked.place.bucket = "no-such-bucket".to_owned();
        let why = ask(&asked, &gone, "2026-11-21").await;
        assert!(why.contains("its archive could not be read") && why.contains("no-such-bucket"), "{why}");
    }
}
