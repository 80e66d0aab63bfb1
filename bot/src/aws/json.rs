//! Calls in AWS's JSON protocol, signed by hand, for services of which the bot needs a handful of calls.
//!
//! CloudTrail, Organizations, Config, CloudWatch Logs and DynamoDB all speak it. A crate of the SDK for each would add more to a cold
//! build than the rest of the bot takes, for some twenty calls in all. Signing and HTTP are the SDK's own crates;
//! this module owns endpoints, retries within one budget for the whole process, credentials until they expire, and
//! clocks that differ from the service's. Refuses to know what the calls mean.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::SignableBody;
use aws_sigv4::http_request::SignableRequest;
use aws_sigv4::http_request::SigningSettings;
use aws_sigv4::http_request::sign;
use aws_sigv4::sign::v4;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::date_time::Format;
use serde_json::Value;
use thiserror::Error;

/// Attempts at one call, the first included.
const ATTEMPTS: u32 = 6;

/// The first pause before another attempt; doubled at each, with full jitter.
const PAUSE: Duration = Duration::from_millis(100);

/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// How long one attempt may take.
const ATTEMPT_MAX: Duration = Duration::from_secs(30);

/// Retries that the whole process may have open before calls fail at once; each success gives one back.
const BUDGET: i64 = 100;

/// The largest answer that is read, bytes. DynamoDB's pages end at 1 MiB, the others' far below.
const ANSWER_MAX: usize = 16 * 1024 * 1024;

/// Credentials are fetched anew this long before they expire.
const EXPIRY_MARGIN: Duration = Duration::from_secs(120);

/// A service that speaks the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Its name in endpoints and signatures.
    name: &'static str,
    /// What stands before an operation's name in `X-Amz-Target`.
    target: &'static str,
    /// The protocol's version.
    version: &'static str,
    /// The region of a service that has one endpoint for all.
    region: Option<&'static str>,
}

/// Who called what in an account.
pub const CLOUDTRAIL: Service = Service {
    name: "cloudtrail",
    target: "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
    version: "1.1",
    region: None,
};

/// Which accounts there are.
pub const ORGANIZATIONS: Service = Service {
    name: "organizations",
    target: "AWSOrganizationsV20161128",
    version: "1.1",
    region: Some("us-east-1"),
};

/// What a resource looked like.
pub const CONFIG: Service =
    Service { name: "config", target: "StarlingDoveService", version: "1.1", region: None };

/// What flow logs wrote.
pub const LOGS: Service = Service { name: "logs", target: "Logs_20140328", version: "1.1", region: None };

/// The table of cases.
pub const DYNAMODB: Service =
    Service { name: "dynamodb", target: "DynamoDB_20120810", version: "1.0", region: None };

/// Why a call failed.
#[derive(Debug, Clone, Error)]
pub enum CallError {
    /// The service refused it.
    #[error("{code}: {message}")]
    Refused {
        /// The service's code, without its namespace.
        code: String,
        /// What it said.
        message: String,
        /// The whole answer, which tells more for some codes.
        body: Value,
    },
    /// There was no answer.
    #[error("{service} did not answer: {reason}")]
    Unanswered {
        /// The service.
        service: &'static str,
        /// In words.
        reason: String,
    },
}

impl CallError {
    /// The service's code; empty where there was no answer.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Unanswered { .. } => "",
        }
    }

    /// Whether the same call may succeed a little later.
    fn passes(&self) -> bool {
        match self {
            Self::Unanswered { .. } => true,
            Self::Refused { code, .. } => {
                code.contains("Throttl")
                    || matches!(
                        code.as_str(),
                        "TooManyRequestsException"
                            | "ProvisionedThroughputExceededException"
                            | "RequestLimitExceeded"
                            | "LimitExceededException"
                            | "TransactionInProgressException"
                            | "InternalServerError"
                            | "InternalFailure"
                            | "ServiceUnavailable"
                            | "ServiceException"
                    )
            }
        }
    }

    /// Whether the credentials or the clock are at fault, which another attempt sets right.
    fn is_stale(&self) -> bool {
        matches!(
            self.code(),
            "ExpiredTokenException"
                | "ExpiredToken"
                | "RequestExpired"
                | "InvalidSignatureException"
                | "SignatureDoesNotMatch"
                | "RequestTimeTooSkewed"
        )
    }
}

/// Calls to one service as one account in one region.
#[derive(Debug, Clone)]
pub struct JsonCalls {
    service: Service,
    sdk: SdkConfig,
    region: String,
    endpoint: String,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    credentials: Mutex<Option<Credentials>>,
    /// How far the service's clock is ahead of ours, s.
    ahead_s: AtomicI64,
}

/// Retries that are left to the process.
static RETRIES: AtomicI64 = AtomicI64::new(BUDGET);

impl JsonCalls {
    /// Calls to a service with these credentials and in this region.
    pub fn new(sdk: &SdkConfig, service: Service) -> Self {
        let own = sdk.region().map_or("us-east-1", |region| region.as_ref());
        let region = service.region.unwrap_or(own).to_owned();
        let endpoint = match sdk.endpoint_url() {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
                format!("https://{}.{region}.{suffix}", service.name)
            }
        };
        Self { service, sdk: sdk.clone(), region, endpoint, shared: Arc::default() }
    }

    /// Makes one call, again where that may help.
    pub async fn call(&self, operation: &str, input: &Value) -> Result<Value, CallError> {
        let body = input.to_string();
        let mut attempt = 1;
        loop {
            let error = match self.attempt(operation, &body).await {
                Ok(answer) => {
                    if RETRIES.load(Ordering::Relaxed) < BUDGET {
                        RETRIES.fetch_add(1, Ordering::Relaxed);
                    }
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let refreshed = error.is_stale() && attempt < 3;
            if refreshed {
                *self.shared.credentials.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            if attempt >= ATTEMPTS || !(refreshed || error.passes()) {
                return Err(error);
            }
            if RETRIES.fetch_sub(1, Ordering::Relaxed) <= 0 {
                RETRIES.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(service = self.service.name, error = %error, "no retries are left to the process");
                return Err(error);
            }
            let pause = PAUSE_MAX.min(PAUSE * (1 << attempt.min(10)));
            tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, operation: &str, body: &str) -> Result<Value, CallError> {
        let unanswered = |reason: String| CallError::Unanswered { service: self.service.name, reason };
        let request = self.signed(operation, body).await.map_err(unanswered)?;
        let answered = async {
            let response = connector().call(request).await.map_err(|error| chain(&error))?;
            let status = response.status();
            let date = response.headers().get("date").map(str::to_owned);
            let body = response.into_body();
            if body.content_length().is_some_and(|length| length > ANSWER_MAX as u64) {
                return Err(format!("an answer of more than {ANSWER_MAX} bytes"));
            }
            let bytes = ByteStream::new(body).collect().await.map_err(|error| chain(&error))?;
            Ok((status, date, bytes.into_bytes()))
        };
        let (status, date, bytes) = tokio::time::timeout(ATTEMPT_MAX, answered)
            .await
            .map_err(|_| unanswered(format!("nothing within {} s", ATTEMPT_MAX.as_secs())))?
            .map_err(unanswered)?;
        let value = serde_json::from_slice::<Value>(&bytes);
        if status.is_success() {
            return value.map_err(|error| unanswered(format!("the answer is no JSON: {error}")));
        }
        if let Some(date) = date {
            self.note_clock(&date);
        }
        Err(refused(status.as_u16(), value.unwrap_or_default()))
    }

    async fn signed(&self, operation: &str, body: &str) -> Result<HttpRequest, String> {
        let credentials = self.credentials().await?;
        let ahead = self.shared.ahead_s.load(Ordering::Relaxed);
        let distance = Duration::from_secs(ahead.unsigned_abs());
        let now = SystemTime::now();
        let time = if ahead < 0 { now - distance } else { now + distance };
        let target = format!("{}.{operation}", self.service.target);
        let content_type = format!("application/x-amz-json-{}", self.service.version);
        let url = format!("{}/", self.endpoint);
        let headers = [("content-type", content_type.as_str()), ("x-amz-target", target.as_str())];
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service.name)
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| chain(&error))?
            .into();
        let signable =
            SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()))
                .map_err(|error| chain(&error))?;
        let (instructions, _) = sign(signable, &parameters).map_err(|error| chain(&error))?.into_parts();
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST").map_err(|error| chain(&error))?;
        request.set_uri(url.as_str()).map_err(|error| chain(&error))?;
        for (name, value) in headers {
            request.headers_mut().insert(name, value.to_owned());
        }
        for (name, value) in instructions.headers() {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        Ok(request)
    }

    async fn credentials(&self) -> Result<Credentials, String> {
        let held = self.shared.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let soon = SystemTime::now() + EXPIRY_MARGIN;
        if let Some(held) = held.filter(|held| held.expiry().is_none_or(|expiry| expiry > soon)) {
            return Ok(held);
        }
        let provider = self.sdk.credentials_provider().ok_or("there are no credentials")?;
        let fresh = provider.provide_credentials().await.map_err(|error| chain(&error))?;
        *self.shared.credentials.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh.clone());
        Ok(fresh)
    }

    /// Remembers how far the service's clock is from ours, so that the next attempt is signed with its time.
    fn note_clock(&self, date: &str) {
        let Ok(theirs) = aws_smithy_types::DateTime::from_str(date, Format::HttpDate) else { return };
        let ours = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        self.shared.ahead_s.store(theirs.secs().saturating_sub_unsigned(ours), Ordering::Relaxed);
    }
}

/// One pool of connections for all calls.
fn connector() -> &'static Connector {
    static CONNECTOR: OnceLock<Connector> = OnceLock::new();
    CONNECTOR.get_or_init(|| {
        Connector::builder()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
            .build()
    })
}

fn refused(status: u16, body: Value) -> CallError {
    let text = |keys: &[&str]| keys.iter().find_map(|key| body[*key].as_str()).unwrap_or_default();
    let code = text(&["__type", "code"]);
    let code = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let code = match code {
        "" if status >= 500 => "ServiceUnavailable".to_owned(),
        "" if status == 429 => "TooManyRequestsException".to_owned(),
        "" => format!("HTTP {status}"),
        code => code.to_owned(),
    };
    CallError::Refused { message: text(&["message", "Message"]).to_owned(), code, body }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_say_their_code_however_it_is_written() {
        for (status, body, code, passes) in [
            (
                400,
                json!({"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException"}),
                "ThrottlingException",
                true,
            ),
            (
                400,
                json!({"__type": "ConditionalCheckFailedException", "Message": "no"}),
                "ConditionalCheckFailedException",
                false,
            ),
            (400, json!({"code": "AccessDeniedException:http://x"}), "AccessDeniedException", false),
            (503, Value::Null, "ServiceUnavailable", true),
            (429, Value::Null, "TooManyRequestsException", true),
            (404, Value::Null, "HTTP 404", false),
        ] {
            let error = refused(status, body.clone());
            assert_eq!((error.code(), error.passes()), (code, passes), "{body}");
        }
    }

    #[test]
    fn endpoints_are_those_of_the_region_or_of_the_one_that_a_service_has() {
        let sdk = |region: &'static str| SdkConfig::builder().region(aws_config::Region::new(region)).build();
        for (region, service, expected) in [
            ("eu-west-1", CLOUDTRAIL, "https://cloudtrail.eu-west-1.amazonaws.com"),
            ("cn-north-1", DYNAMODB, "https://dynamodb.cn-north-1.amazonaws.com.cn"),
            ("eu-west-1", ORGANIZATIONS, "https://organizations.us-east-1.amazonaws.com"),
        ] {
            assert_eq!(JsonCalls::new(&sdk(region), service).endpoint, expected);
        }
    }
}
