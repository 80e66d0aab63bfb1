//! A fleet of hosts behind a stand-in of SSM that keeps SSM's rules, fast enough for thousands of them.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use aws_config::BehaviorVersion;
use aws_config::Region;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use gumshoe::aws::Places;
use history::Activity;
use history::Direction;
use history::Dns;
use history::DnsEvent;
use history::Protocol;
use history::Request;
use history::UnixNs;
use history::Via;
use serde_json::Value;
use serde_json::json;

use super::serve::fakes::evidence;

/// Output in a list of invocations is cut at this.
const LISTED_MAX: usize = 2_500;

/// Names that a host looked up whose answer has several pages.
pub const PAGED: u64 = 2_500;

/// What a host does when asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Manner {
    Answers,
    /// With more than a list shows.
    Long,
    /// As long, with traffic to what is asked for.
    Matches,
    /// With more of that than one answer of SSM holds, and the rest by page.
    Pages,
    /// The same, whose pages are cut.
    CutPages,
    /// The same, by a recorder that knows no pages.
    NoPages,
    /// The same, whose pages are of different answers.
    MovingPages,
    /// SSM does not know it.
    Unknown,
    /// Its agent is silent.
    Lost,
    /// SSM refuses a command for it.
    Refused,
    Undeliverable,
    NoRecorder,
    Fails,
    TimesOut,
    Truncated,
    Garbage,
    /// It answers as another host.
    OtherHost,
    /// Its clock is two days behind.
    OldClock,
    Hangs,
}

/// How the fleet is.
pub struct Settings {
    /// Each host's; those beyond answer.
    pub manners: Vec<Manner>,
    /// Hosts whose answer is long.
    pub long: Vec<usize>,
    /// The limit of each call, with as many saved up.
    pub calls_a_second: Option<f64>,
    /// Calls that are throttled before any is not.
    pub throttled_at_first: usize,
    /// When a command can be seen after it was sent.
    pub visible_after: Duration,
    /// When it ends.
    pub answers_after: Duration,
}

struct Service {
    count: usize,
    settings: Settings,
    inner: Mutex<Inner>,
    /// What hosts wrote: packing it takes long without optimisation.
    written: Mutex<HashMap<(Manner, String), String>>,
}

#[derive(Default)]
struct Inner {
    calls: BTreeMap<String, usize>,
    buckets: HashMap<String, (f64, Option<Instant>)>,
    throttled: usize,
    commands: HashMap<String, (Instant, Vec<String>, String)>,
}

/// A running stand-in.
pub struct Fleet {
    service: Arc<Service>,
    endpoint: String,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Fleet {
    /// Starts one of so many hosts.
    pub async fn start(count: usize, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            manners: Vec::new(),
            long: Vec::new(),
            calls_a_second: None,
            throttled_at_first: 0,
            visible_after: Duration::from_millis(100),
            answers_after: Duration::from_millis(200),
        };
        change(&mut settings);
        let service =
            Arc::new(Service { count, settings, inner: Mutex::default(), written: Mutex::default() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&service));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
        Self { service, endpoint, server }
    }

    /// The id of a host.
    pub fn id(number: usize) -> String {
        format!("i-{number:017x}")
    }

    /// How to reach it.
    pub fn places(&self) -> Places {
        let credentials = Credentials::new("testing", "testing", None, None, "tests");
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&self.endpoint)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        Places::of(&sdk, 16)
    }

    /// Calls that were answered, by name.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        self.service.inner.lock().expect("calls").calls.clone()
    }
}

type Refusal = (&'static str, String);

async fn answer(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1], String) {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = target.rsplit('.').next().unwrap_or_default().to_owned();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (status, answer) = match service.call(&name, &asked) {
        Ok(answer) => (StatusCode::OK, answer),
        Err((code, message)) => (StatusCode::BAD_REQUEST, json!({"__type": code, "message": message})),
    };
    (status, [("content-type", "application/x-amz-json-1.1")], answer.to_string())
}

impl Service {
    fn call(&self, name: &str, asked: &Value) -> Result<Value, Refusal> {
        let mut inner = self.inner.lock().expect("state");
        self.throttle(&mut inner, name)?;
        *inner.calls.entry(name.to_owned()).or_default() += 1;
        match name {
            "DescribeInstanceInformation" => Ok(self.describe(asked)),
            "SendCommand" => self.send(&mut inner, asked),
            "ListCommandInvocations" => Ok(self.list(&inner, asked)),
            "GetCommandInvocation" => self.get(&inner, asked),
            _ => Err(("UnknownOperationException", name.to_owned())),
        }
    }

    fn throttle(&self, inner: &mut Inner, name: &str) -> Result<(), Refusal> {
        let throttled = || ("ThrottlingException", "Rate exceeded".to_owned());
        if inner.throttled < self.settings.throttled_at_first {
            inner.throttled += 1;
            return Err(throttled());
        }
        let Some(rate) = self.settings.calls_a_second else { return Ok(()) };
        let (saved, last) = inner.buckets.entry(name.to_owned()).or_insert((rate, None));
        let now = Instant::now();
        let passed = last.map_or(0.0, |last| now.duration_since(last).as_secs_f64());
        *saved = (*saved + passed * rate).min(rate);
        *last = Some(now);
        if *saved < 1.0 {
            return Err(throttled());
        }
        *saved -= 1.0;
        Ok(())
    }

    fn number(&self, id: &str) -> usize {
        usize::from_str_radix(id.trim_start_matches("i-"), 16).expect("an id of the fleet")
    }

    fn manner(&self, id: &str) -> Manner {
        let number = self.number(id);
        if self.settings.long.contains(&number) {
            return Manner::Long;
        }
        self.settings.manners.get(number).copied().unwrap_or(Manner::Answers)
    }

    fn describe(&self, asked: &Value) -> Value {
        let ids = asked["Filters"][0]["Values"].as_array().cloned().unwrap_or_default();
        let ids = ids.iter().filter_map(|id| id.as_str());
        let known = ids.filter(|id| self.number(id) < self.count && self.manner(id) != Manner::Unknown);
        let tell = |id: &str| {
            let is_lost = self.manner(id) == Manner::Lost;
            let ping = if is_lost { "ConnectionLost" } else { "Online" };
            json!({"InstanceId": id, "PingStatus": ping, "LastPingDateTime": 1_790_000_000})
        };
        json!({"InstanceInformationList": known.map(tell).collect::<Vec<_>>()})
    }

    fn send(&self, inner: &mut Inner, asked: &Value) -> Result<Value, Refusal> {
        let ids: Vec<String> = serde_json::from_value(asked["InstanceIds"].clone()).expect("ids");
        if ids.is_empty() || ids.len() > 50 {
            return Err(("ValidationException", format!("{} instance ids", ids.len())));
        }
        let refused = |id: &String| matches!(self.manner(id), Manner::Refused | Manner::Unknown);
        if ids.iter().any(refused) {
            return Err(("InvalidInstanceId", "Instances not in a valid state for account".to_owned()));
        }
        let command = format!("command-{}", inner.commands.len());
        let query = asked["Parameters"]["Query"][0].as_str().expect("a query").to_owned();
        inner.commands.insert(command.clone(), (Instant::now(), ids, query));
        Ok(json!({"Command": {"CommandId": command}}))
    }

    /// Status, details, code, standard output, standard error.
    fn state(&self, sent: Instant, id: &str, query: &str) -> (&'static str, &'static str, i32, String) {
        if sent.elapsed() < self.settings.answers_after || self.manner(id) == Manner::Hangs {
            return ("InProgress", "InProgress", -1, String::new());
        }
        match self.manner(id) {
            Manner::Undeliverable => ("Failed", "Undeliverable", -1, String::new()),
            Manner::NoRecorder => ("Failed", "Failed", 127, "host-recorder: not found".to_owned()),
            Manner::Fails => ("Failed", "Failed", 3, "no ring".to_owned()),
            Manner::TimesOut => ("TimedOut", "Execution Timed Out", 137, String::new()),
            Manner::Garbage => ("Success", "Success", 0, "\u{1b}[31m{}".to_owned()),
            manner => ("Success", "Success", 0, self.output(manner, id, query)),
        }
    }

    /// The same for all hosts that answer alike, but for those who say who they are.
    fn output(&self, manner: Manner, id: &str, query: &str) -> String {
        let is_shared = matches!(manner, Manner::Long | Manner::Matches);
        if !is_shared {
            return output(manner, Some(id), query);
        }
        let mut written = self.written.lock().expect("written");
        let line = written.entry((manner, query.to_owned()));
        line.or_insert_with(|| output(manner, None, query)).clone()
    }

    fn list(&self, inner: &Inner, asked: &Value) -> Value {
        let Some((sent, ids, query)) = asked["CommandId"].as_str().and_then(|id| inner.commands.get(id))
        else {
            return json!({"CommandInvocations": []});
        };
        if sent.elapsed() < self.settings.visible_after {
            return json!({"CommandInvocations": []});
        }
        let tell = |id: &String| {
            let (status, details, code, output) = self.state(*sent, id, query);
            let output: String = output.chars().take(LISTED_MAX).collect();
            json!({
                "InstanceId": id, "Status": status, "StatusDetails": details,
                "CommandPlugins": [{"Name": "query", "ResponseCode": code, "Output": output}],
            })
        };
        json!({"CommandInvocations": ids.iter().map(tell).collect::<Vec<_>>()})
    }

    fn get(&self, inner: &Inner, asked: &Value) -> Result<Value, Refusal> {
        let command = asked["CommandId"].as_str().unwrap_or_default();
        let id = asked["InstanceId"].as_str().unwrap_or_default();
        let found = inner.commands.get(command).filter(|(sent, ids, _)| {
            sent.elapsed() >= self.settings.visible_after && ids.iter().any(|other| other == id)
        });
        let (sent, _, query) = found.ok_or(("InvocationDoesNotExist", String::new()))?;
        let (status, details, code, output) = self.state(*sent, id, query);
        let (stdout, stderr) = if code == 0 { (output, String::new()) } else { (String::new(), output) };
        Ok(json!({
            "CommandId": command, "InstanceId": id, "Status": status, "StatusDetails": details,
            "ResponseCode": code, "StandardOutputContent": stdout, "StandardErrorContent": stderr,
        }))
    }
}

fn output(manner: Manner, id: Option<&str>, query: &str) -> String {
    let (request, page) = history::decode_any_request(query).expect("a question of ours");
    let mut told = evidence(&request, id.unwrap_or_default());
    told.host.instance_id = id.map(str::to_owned);
    match manner {
        Manner::OtherHost => told.host.instance_id = Some(Fleet::id(0xffff)),
        Manner::OldClock => told.answered = told.answered.plus_s(-2 * 86_400),
        Manner::Long | Manner::Truncated => {
            // A busy host: much that it looked up, and nothing of what was asked.
            let mut random = fastrand::Rng::with_seed(7);
            told.dns = (0..300).map(|number| dns(number, &mut random)).collect();
        }
        Manner::Matches => {
            let mut random = fastrand::Rng::with_seed(7);
            told.dns = (0..300).map(|number| dns(number, &mut random)).collect();
            told.activities = vec![activity(&request)];
        }
        Manner::Pages | Manner::CutPages | Manner::NoPages | Manner::MovingPages => {
            let mut random = fastrand::Rng::with_seed(7);
            let moved = page.filter(|_| manner == Manner::MovingPages).map_or(0, |page| page.number as u64);
            told.dns = (0..PAGED + moved).map(|number| dns(number, &mut random)).collect();
            told.activities = vec![activity(&request)];
        }
        _ => {}
    }
    if let Some(page) = page.filter(|_| manner != Manner::NoPages) {
        let line = history::encode_page(&told, &request, page).expect("written");
        return match manner {
            Manner::CutPages if page.number == 1 => format!("{}--output truncated--", &line[..9_000]),
            _ => line,
        };
    }
    let line = history::encode_answer(&told).expect("written");
    match manner {
        Manner::Truncated => format!("{}--output truncated--", &line[..line.len() / 2]),
        _ => line,
    }
}

fn dns(number: u64, random: &mut fastrand::Rng) -> DnsEvent {
    let name: String = (0..24).map(|_| random.alphanumeric()).collect();
    let dns = Dns {
        process: None,
        remote: None,
        sent: true,
        answer: false,
        name: format!("{name}.example.com"),
        kind: 1,
        code: 0,
        addresses: Vec::new(),
        names: Vec::new(),
    };
    DnsEvent { event: number, time: UnixNs(0).plus_s(1_790_000_000), dns }
}

/// One connection to the first address that is asked about.
fn activity(request: &Request) -> Activity {
    Activity {
        process: None,
        processes: 1,
        senders: Vec::new(),
        protocol: Protocol::TCP,
        via: Via::Socket,
        direction: Direction::Out,
        flows: 1,
        matched: 1,
        addresses: 1,
        ports: 1,
        targets: 1,
        matched_ports: 1,
        states: Vec::new(),
        tcp_flags: 0,
        packets: 1,
        bytes: 60,
        bytes_received: 0,
        address_sample: request.remotes.iter().map(|remote| remote.address).take(1).collect(),
        port_ranges: vec![(22, 22)],
        local_addresses: Vec::new(),
        first: request.window.from,
        last: request.window.from,
        first_event: 1,
        last_event: 1,
    }
}
