//! The archive against an S3 stand-in: copied once, asked by ranges, restored, damaged.

// Helpers of tests may unwrap as tests do; the lint knows only functions that are tests themselves.
#![allow(clippy::unwrap_used)]

use std::io::BufRead as _;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use archive::ArchiveHost;
use archive::ArchiveRing;
use archive::Place;
use archive::Uploader;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::BehaviorVersion;
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::config::Region;
use aws_sdk_s3::primitives::ByteStream;
use history::*;

const BUCKET: &str = "example-history";
const START: UnixNs = UnixNs(1_767_225_600_000_000_000);

/// moto's server, ended with the test.
struct Moto {
    server: Child,
    port: u64,
}

impl Moto {
    fn start(dir: &Path) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let python = target.join("venv/bin/python");
        assert!(python.exists(), "{} is not there: run tests/setup.sh", python.display());
        let mut server = Command::new(python)
            .arg(root.join("tests/standins/moto_aws.py"))
            .arg(dir)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = serde_json::from_str::<serde_json::Value>(&line).unwrap()["port"].as_u64().unwrap();
        Self { server, port }
    }

    async fn client(&self) -> Client {
        let credentials = Credentials::new("testing", "testing", None, None, "tests");
        let sdk = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(format!("http://127.0.0.1:{}", self.port))
            .credentials_provider(credentials)
            .load()
            .await;
        Client::from_conf(aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true).build())
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

struct Nobody;

impl KnownProcesses for Nobody {
    fn process(&self, _: &ProcessId) -> Option<Process> {
        None
    }
    fn login(&self, _: &ProcessId) -> Option<(UnixNs, u64, Login)> {
        None
    }
}

const LIMITS: RingLimits = RingLimits {
    bytes: 512 << 20,
    age: std::time::Duration::from_secs(24 * 3600),
    free_bytes: 0,
    log_bytes: 4_000,
    log_age: std::time::Duration::from_secs(3600),
};

/// Seconds of a host that touches 198.51.100.20 once in each.
fn record(dir: &Path, seconds: std::ops::Range<i64>) {
    let mut ring = Ring::open(dir, LIMITS).unwrap();
    let note = |act| Body::Recorder { act, note: String::new() };
    ring.append(START.plus_s(seconds.start), 0, note(RecorderAct::Started), &Nobody).unwrap();
    for second in seconds.clone() {
        let at = START.plus_s(second);
        let flow = Flow {
            owner: None,
            sender: None,
            protocol: Protocol::TCP,
            via: Via::Socket,
            direction: Direction::Out,
            state: FlowState::Closed,
            local: Endpoint { address: [10, 0, 1, 10].into(), port: 40_000 },
            remote: Endpoint { address: [198, 51, 100, 20].into(), port: 22 },
            packets: 5,
            bytes: 500,
            bytes_received: 700,
            tcp_flags: 0,
            first: at,
            last: at,
        };
        ring.append(at, 0, Body::Flow(Box::new(flow)), &Nobody).unwrap();
        ring.append(at, 0, note(RecorderAct::Alive), &Nobody).unwrap();
        ring.commit().unwrap();
    }
    ring.append(START.plus_s(seconds.end), 0, note(RecorderAct::Stopped), &Nobody).unwrap();
    ring.commit().unwrap();
    drop(ring);
    // Opened again, the log that was left is sealed.
    drop(Ring::open(dir, LIMITS).unwrap());
}

fn request(from: i64, to: i64) -> Request {
    Request {
        version: VERSION,
        window: Window { from: START.plus_s(from), to: START.plus_s(to) },
        remotes: vec![Prefix { address: [198, 51, 100, 20].into(), length: 32 }],
        ports: Vec::new(),
        protocol: None,
        names: Vec::new(),
        who: Who::default(),
    }
}

/// The sealed files of a ring, oldest first.
fn segments(ring: &Path) -> Vec<PathBuf> {
    let mut segments: Vec<PathBuf> = std::fs::read_dir(ring).unwrap().map(|it| it.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|it| it == "parquet"));
    segments.sort();
    segments
}

fn flows(evidence: &Evidence) -> u64 {
    evidence.activities.iter().map(|activity| activity.flows).sum()
}

async fn keys(client: &Client) -> Vec<String> {
    let listed = client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    listed.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_is_sealed_is_copied_once_and_answers_when_the_host_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let moto = Moto::start(dir.path());
    let client = moto.client().await;
    client.create_bucket().bucket(BUCKET).send().await.unwrap();
    let place: Place = format!("s3://{BUCKET}/history").parse().unwrap();
    let host = ArchiveHost::new("111122223333", "us-east-1", "i-0123456789abcdef0").unwrap();
    let nothing = ArchiveRing::open(client.clone(), &place, &host).await;
    assert!(nothing.unwrap_err().to_string().contains("i-0123456789abcdef0"));

    let ring = dir.path().join("ring");
    std::fs::create_dir(&ring).unwrap();
    let key = setup_seal(&ring).unwrap();
    record(&ring, 0..100);
    let mut uploader = Uploader::new(client.clone(), &place, &host, 1 << 30);
    let first = uploader.pass(&ring).await.unwrap();
    // A second takes some hundred bytes of a log, so a log of 4,000 holds forty; what was left of one was sealed, too.
    assert_eq!((first.copied, first.gone), (3, 0), "{first:?}");
    assert_eq!(uploader.pass(&ring).await.unwrap().copied, 0);
    // Another run knows what was copied; what was recorded meanwhile follows.
    record(&ring, 100..150);
    let mut uploader = Uploader::new(client.clone(), &place, &host, 1 << 30);
    let second = uploader.pass(&ring).await.unwrap();
    assert_eq!((second.copied, second.gone), (2, 0), "{second:?}");
    assert_eq!(segments(&ring).len(), first.copied + second.copied);

    let asked = request(10, 149);
    let here = query(&ring, &asked, Host::default()).unwrap();
    std::fs::rename(&ring, dir.path().join("gone")).unwrap();
    let archive = ArchiveRing::open(client.clone(), &place, &host).await.unwrap();
    // Segments stand under the day of which they tell, that the chain was begun under the day on which it was.
    let begun = chain_lines(&dir.path().join("gone")).unwrap()[0].at;
    assert_eq!(archive.days(), ["2026-01-01".to_owned(), begun.to_string()[..10].to_owned()]);
    assert_eq!(archive.reaches().await.unwrap(), Some(START.plus_s(150)));
    let there = archive.query(&asked, Host::default()).await.unwrap();
    assert_eq!(flows(&there), 140);
    assert_eq!(there.activities, here.activities);
    assert_eq!(there.coverage.recorded, here.coverage.recorded);
    // Behind its end it claims nothing.
    let later = archive.query(&request(140, 100_000), Host::default()).await.unwrap();
    assert!(
        later.coverage.gaps.iter().any(|gap| gap.window.to == START.plus_s(100_000)),
        "{:?}",
        later.coverage
    );

    // Restored, it is what was sealed, and says so under the key.
    let copy = dir.path().join("copy");
    let always = Window { from: UnixNs(i64::MIN), to: UnixNs(i64::MAX) };
    let (restored, missing) = archive.fetch(always, &copy).await.unwrap();
    assert_eq!((restored, missing.len()), (first.copied + second.copied, 0));
    let found = verify_copy(&copy, Some(&key)).unwrap();
    assert_eq!((found.severity(), found.intact), (Severity::Note, restored), "{found:#?}");
    assert_eq!(flows(&query(&copy, &asked, Host::default()).unwrap()), 140);
    assert!(!copy.join("seal.key").exists());
    assert!(keys(&client).await.iter().all(|key| !key.contains("seal")));
}

#[tokio::test]
async fn what_is_damaged_missing_or_evicted_is_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let moto = Moto::start(dir.path());
    let client = moto.client().await;
    client.create_bucket().bucket(BUCKET).send().await.unwrap();
    let place: Place = format!("s3://{BUCKET}").parse().unwrap();
    let host = ArchiveHost::new("111122223333", "us-east-1", "i-0123456789abcdef0").unwrap();
    let ring = dir.path().join("ring");
    record(&ring, 0..100);
    // The recorder evicted its oldest segment before it was copied.
    let segments = segments(&ring);
    std::fs::remove_file(&segments[0]).unwrap();
    let pass = Uploader::new(client.clone(), &place, &host, 1 << 30).pass(&ring).await.unwrap();
    assert_eq!((pass.gone, pass.copied), (1, segments.len() - 1));
    let archive = ArchiveRing::open(client.clone(), &place, &host).await.unwrap();
    let evidence = archive.query(&request(0, 99), Host::default()).await.unwrap();
    let left = flows(&evidence);
    assert!(left > 50 && left < 100 && !evidence.coverage.gaps.is_empty(), "{:?}", evidence.coverage);
    assert!(archive.query(&request(80, 99), Host::default()).await.unwrap().coverage.gaps.is_empty());

    let objects: Vec<_> = keys(&client).await.into_iter().filter(|key| key.ends_with(".parquet")).collect();
    let object = client.get_object().bucket(BUCKET).key(&objects[1]).send().await.unwrap();
    let mut bytes = object.body.collect().await.unwrap().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let body = ByteStream::from(bytes);
    client.put_object().bucket(BUCKET).key(&objects[1]).body(body).send().await.unwrap();
    let damaged = archive.query(&request(0, 99), Host::default()).await.unwrap();
    assert!(flows(&damaged) < left, "nothing is taken from what was altered");
    let reasons: Vec<_> = damaged.coverage.gaps.iter().map(|gap| gap.reason.as_str()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("not what was sealed")), "{reasons:?}");
}

#[tokio::test]
async fn it_is_copied_no_faster_than_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let moto = Moto::start(dir.path());
    let client = moto.client().await;
    client.create_bucket().bucket(BUCKET).send().await.unwrap();
    let place: Place = format!("s3://{BUCKET}").parse().unwrap();
    let host = ArchiveHost::new("111122223333", "us-east-1", "i-0123456789abcdef0").unwrap();
    let ring = dir.path().join("ring");
    record(&ring, 0..20);
    let begun = std::time::Instant::now();
    let pass = Uploader::new(client, &place, &host, 40_000).pass(&ring).await.unwrap();
    let least = pass.bytes as f64 / 40_000.0;
    assert!(pass.bytes > 0 && begun.elapsed().as_secs_f64() >= least, "{pass:?} in {:?}", begun.elapsed());
}
