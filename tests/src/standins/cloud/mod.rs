//! AWS for thousands of hosts on one loopback port: SQS, EC2, SSM and STS as far as the bot calls them, with latency,
//! limits and faults that a test sets. What AWS Config, CloudTrail and CloudWatch Logs answer a test says itself, and
//! DynamoDB's calls go on to moto, while it is not away. Where [`super::Aws`] runs what a host would run, this answers from memory, so that
//! the bot and not the stand-in is what is measured.
//!
//! Who calls from where is read from the signature: a role's credentials name its account. Calls that it does not know
//! are refused, and kept: a test that ends with one has measured something else.

mod ec2;
mod forward;
mod queue;
mod ssm;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;
use serde_json::Value;
use serde_json::json;
use tokio::sync::Notify;

pub use self::ec2::FlowLogs;
pub use self::ec2::Host;
pub use self::ec2::Interface;
pub use self::ec2::Nat;
pub(super) use self::forward::post;
pub use self::ssm::Reply;
use super::Hook;
use super::Moment;

/// The account of the bot's own credentials.
pub const OWN_ACCOUNT: &str = "111122223333";

/// What a host does when it is asked, by its id and the question as it was sent.
pub type Script = Arc<dyn Fn(&str, &str) -> Reply + Send + Sync>;

/// What a further service answers to a call, by its name and input; none where it does not know the call. An error is a
/// code.
pub type Further = Arc<dyn Fn(&str, &Value) -> Option<Result<Value, &'static str>> + Send + Sync>;

/// How the stand-in behaves.
#[derive(Clone)]
pub struct Terms {
    /// How long each call takes.
    pub latency: Duration,
    /// What SSM takes of all calls together, a second.
    pub ssm_calls_a_second: Option<f64>,
    /// When a command can be seen after it was sent.
    pub visible_after: Duration,
    /// When it ends.
    pub answers_after: Duration,
    /// What hosts write.
    pub script: Script,
    /// The instances.
    pub hosts: Vec<Host>,
    /// NAT gateways before some of them.
    pub nats: Vec<Nat>,
    /// Further network interfaces.
    pub interfaces: Vec<Interface>,
    /// Flow logs of the network.
    pub flow_logs: Vec<FlowLogs>,
    /// Further services.
    pub further: Option<Further>,
    /// Where DynamoDB is, as `127.0.0.1:PORT`.
    pub dynamodb: Option<String>,
}

/// A running stand-in; gone when dropped.
pub struct Cloud {
    shared: Arc<Shared>,
    address: std::net::SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

struct Shared {
    terms: Terms,
    state: Mutex<State>,
    /// Wakes who waits for messages.
    arrived: Notify,
    hook: Mutex<Option<Hook>>,
}

#[derive(Default)]
struct State {
    queue: queue::Queue,
    ssm: ssm::Commands,
    calls: BTreeMap<String, usize>,
    asked: BTreeMap<String, usize>,
    /// Calls to each account that are under way, and how many were at once.
    under_way: BTreeMap<String, (usize, usize)>,
    unknown: Vec<String>,
    first: BTreeMap<String, Instant>,
    moved: ec2::Moved,
    /// Until when DynamoDB is away.
    away_until: Option<Instant>,
}

/// One call, read from its request.
struct Call {
    operation: String,
    /// Its name with its service's, as the JSON protocol has it.
    target: String,
    /// Who signed it.
    signature: String,
    account: String,
    region: String,
    input: Input,
}

enum Input {
    Json(Value),
    Form(Vec<(String, String)>),
}

/// What a service answers in place of doing it.
struct Refusal {
    code: String,
    message: String,
}

fn refuse<T>(code: &str, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { code: code.to_owned(), message: message.into() })
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hook(&self, operation: &str, moment: Moment) -> bool {
        let hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner).clone();
        hook.is_none_or(|hook| hook(operation, moment))
    }
}

impl Cloud {
    /// Starts it.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(terms: Terms) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            terms,
            state: Mutex::default(),
            arrived: Notify::new(),
            hook: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { shared, address, _runtime: runtime })
    }

    /// Its endpoint, for every service.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The queue that notices arrive in.
    pub fn queue_url(&self) -> String {
        format!("http://{}/{OWN_ACCOUNT}/notices", self.address)
    }

    /// What a program needs in its environment to call it.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", format!("AKIA{OWN_ACCOUNT}")),
            ("AWS_SECRET_ACCESS_KEY", "testing".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// Puts a message in the queue.
    pub fn send(&self, body: &str) {
        self.shared.state().queue.send(body);
        self.shared.arrived.notify_waiters();
    }

    /// Messages that are not deleted.
    pub fn left(&self) -> usize {
        self.shared.state().queue.left()
    }

    /// When each message was handed out first, in the order in which they were sent.
    pub fn received(&self) -> Vec<Option<Instant>> {
        self.shared.state().queue.received()
    }

    /// Makes a message visible again that somebody has.
    pub fn redeliver(&self) {
        self.shared.state().queue.redeliver();
        self.shared.arrived.notify_waiters();
    }

    /// Calls that were answered, by name.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        self.shared.state().calls.clone()
    }

    /// Calls that came in, answered or not.
    pub fn asked(&self, operation: &str) -> usize {
        self.shared.state().asked.get(operation).copied().unwrap_or(0)
    }

    /// When the first call of a name came in.
    pub fn first(&self, operation: &str) -> Option<Instant> {
        self.shared.state().first.get(operation).copied()
    }

    /// Calls that it does not know.
    pub fn unknown(&self) -> Vec<String> {
        self.shared.state().unknown.clone()
    }

    /// The most calls at once to one account, that of the bot aside.
    pub fn most_at_once(&self) -> usize {
        let state = self.shared.state();
        state
            .under_way
            .iter()
            .filter(|(id, _)| *id != OWN_ACCOUNT)
            .map(|(_, (_, most))| *most)
            .max()
            .unwrap_or(0)
    }

    /// Answers the next `times` calls of an operation with an error of this code.
    pub fn fail(&self, operation: &str, times: usize, code: &str) {
        self.shared.state().ssm.failing.insert(operation.to_owned(), (times, code.to_owned()));
    }

    /// Moves a public address to an instance, or takes it away.
    pub fn give(&self, instance: &str, public: Option<Ipv4Addr>) {
        self.shared.state().moved.insert(instance.to_owned(), public);
    }

    /// DynamoDB answers nobody for so long.
    pub fn take_dynamodb_away(&self, length: Duration) {
        self.shared.state().away_until = Some(Instant::now() + length);
    }

    /// Has this called at every call from now on.
    pub fn on_call(&self, hook: Option<Hook>) {
        *self.shared.hook.lock().unwrap_or_else(PoisonError::into_inner) = hook;
    }
}

async fn answer(Extract(shared): Extract<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let call = read(&headers, &body);
    let goes_on = shared.hook(&call.operation, Moment::Asked);
    if !goes_on {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    {
        let mut state = shared.state();
        let (now, most) = state.under_way.entry(call.account.clone()).or_default();
        *now += 1;
        *most = (*most).max(*now);
        *state.asked.entry(call.operation.clone()).or_default() += 1;
        state.first.entry(call.operation.clone()).or_insert_with(Instant::now);
    }
    tokio::time::sleep(shared.terms.latency).await;
    let done = perform(&shared, &call).await;
    let is_answered = shared.hook(&call.operation, Moment::Done);
    {
        let mut state = shared.state();
        if let Some((now, _)) = state.under_way.get_mut(&call.account) {
            *now -= 1;
        }
        if done.is_ok() {
            *state.calls.entry(call.operation.clone()).or_default() += 1;
        }
    }
    if is_answered { shown(&call, done) } else { StatusCode::SERVICE_UNAVAILABLE.into_response() }
}

async fn perform(shared: &Shared, call: &Call) -> Result<String, Refusal> {
    if call.target.starts_with("DynamoDB_") {
        return to_dynamodb(shared, call).await;
    }
    let failing = shared.state().ssm.fails(&call.operation);
    if let Some(code) = failing {
        return refuse(&code, "as the test wants it");
    }
    match &call.input {
        Input::Json(input) => {
            let answer = match call.operation.as_str() {
                "ReceiveMessage" => queue::receive(shared, input).await,
                "DeleteMessage" => shared.state().queue.delete(input),
                "ChangeMessageVisibility" => shared.state().queue.hide(input),
                name => match shared.terms.further.as_ref().and_then(|further| further(name, input)) {
                    Some(Ok(answer)) => Ok(answer),
                    Some(Err(code)) => refuse(code, "as the test wants it"),
                    None if name == "LookupEvents" => Ok(json!({"Events": []})),
                    // No recorder is configured.
                    None if name == "ListDiscoveredResources" => {
                        refuse("NoAvailableConfigurationRecorderException", "there is no recorder")
                    }
                    None => ssm::call(shared, name, input),
                },
            };
            answer.map(|answer| answer.to_string())
        }
        Input::Form(form) => match call.operation.as_str() {
            "AssumeRole" => assume(form),
            name => {
                let moved = shared.state().moved.clone();
                ec2::call(&shared.terms, &moved, name, &call.account, &call.region, form)
            }
        },
    }
    .inspect_err(|refusal| {
        if refusal.code == UNKNOWN {
            shared.state().unknown.push(call.operation.clone());
        }
    })
}

/// Hands a call on to DynamoDB, unless that is away.
async fn to_dynamodb(shared: &Shared, call: &Call) -> Result<String, Refusal> {
    let is_away = shared.state().away_until.is_some_and(|until| Instant::now() < until);
    let (Some(address), Input::Json(input), false) = (&shared.terms.dynamodb, &call.input, is_away) else {
        return refuse("InternalServerError", "DynamoDB is away");
    };
    let answer = post(address, &call.target, &call.signature, &input.to_string()).await;
    match answer {
        Ok((200, body)) => Ok(body),
        Ok((_, body)) => {
            let told: Value = serde_json::from_str(&body).unwrap_or_default();
            let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
            let message = if told["message"].is_string() { text("message") } else { text("Message") };
            Err(Refusal { code: text("__type"), message })
        }
        Err(error) => refuse("InternalServerError", error.to_string()),
    }
}

/// The code of what is not known.
const UNKNOWN: &str = "UnknownOperationException";

fn shown(call: &Call, done: Result<String, Refusal>) -> Response {
    let is_json = matches!(call.input, Input::Json(_));
    let kind = if is_json { "application/x-amz-json-1.1" } else { "text/xml" };
    let (status, body) = match done {
        Ok(body) => (StatusCode::OK, body),
        Err(Refusal { code, message }) if is_json => {
            (StatusCode::BAD_REQUEST, json!({"__type": code, "message": message}).to_string())
        }
        Err(Refusal { code, message }) => (
            StatusCode::BAD_REQUEST,
            format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
                 <RequestID>0</RequestID></Response>"
            ),
        ),
    };
    (status, [(CONTENT_TYPE, kind)], body).into_response()
}

/// Reads who calls what: `Credential=KEY/DATE/REGION/SERVICE/aws4_request`, where a role's key is `ASIA` and its account.
fn read(headers: &HeaderMap, body: &Bytes) -> Call {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let scope = header("authorization").split("Credential=").nth(1).unwrap_or_default();
    let mut parts = scope.split('/');
    let account = parts.next().unwrap_or_default().get(4..).unwrap_or_default().to_owned();
    let region = parts.nth(1).unwrap_or_default().to_owned();
    let target = header("x-amz-target");
    if target.is_empty() {
        let form = form(body);
        let operation = of(&form, "Action").unwrap_or_default().to_owned();
        let (target, signature) = (String::new(), String::new());
        return Call { operation, target, signature, account, region, input: Input::Form(form) };
    }
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let (target, signature) = (target.to_owned(), header("authorization").to_owned());
    let input = Input::Json(serde_json::from_slice(body).unwrap_or_default());
    Call { operation, target, signature, account, region, input }
}

fn form(body: &[u8]) -> Vec<(String, String)> {
    let uri: Result<axum::http::Uri, _> = format!("/?{}", String::from_utf8_lossy(body)).parse();
    let pairs = uri.ok().and_then(|uri| axum::extract::Query::try_from_uri(&uri).ok());
    pairs.map(|axum::extract::Query(pairs)| pairs).unwrap_or_default()
}

/// A field of a form.
fn of<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn assume(form: &[(String, String)]) -> Result<String, Refusal> {
    let role = of(form, "RoleArn").unwrap_or_default();
    let account = role.split(':').nth(4).unwrap_or_default();
    if account.len() != 12 || of(form, "ExternalId").is_none() {
        return refuse("AccessDenied", format!("{role} may not be assumed"));
    }
    let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    Ok(format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
         <AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>testing</SecretAccessKey>\
         <SessionToken>testing</SessionToken><Expiration>{}</Expiration></Credentials><AssumedRoleUser>\
         <AssumedRoleId>AROA:gumshoe</AssumedRoleId><Arn>{role}</Arn></AssumedRoleUser></AssumeRoleResult>\
         <ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></AssumeRoleResponse>",
        expires.strftime("%Y-%m-%dT%H:%M:%SZ")
    ))
}
