//! The AWS accounts and regions the bot may look in, and how each is entered.
//!
//! Owns credentials (ambient, or a role assumed per account), time-outs, retries, and the bound on calls at
//! once to one account. Refuses to know what is looked for there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::Region;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ec2::error::ProvideErrorMetadata;
use tokio::sync::Semaphore;

use crate::config::Account;
use crate::config::Config;

/// Attempts at one call, the first included.
const ATTEMPTS: u32 = 6;

/// One account in one region.
#[derive(Debug, Clone)]
pub struct Place {
    /// Twelve digits; none for the account of the bot's own credentials where it is not configured.
    pub account: Option<String>,
    /// Region name.
    pub region: String,
    /// How to enter it.
    pub sdk: SdkConfig,
    /// Calls at once to its account.
    pub permits: Arc<Semaphore>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.account {
            Some(account) => write!(f, "account {account} in {}", self.region),
            None => f.write_str(&self.region),
        }
    }
}

/// All accounts and regions.
#[derive(Debug, Clone)]
pub struct Places {
    all: Vec<Place>,
    ambient: SdkConfig,
}

impl Places {
    /// Enters every configured account in every configured region. Makes no call yet: credentials are fetched
    /// when first used.
    pub async fn enter(config: &Config) -> Self {
        let ambient = ambient().await;
        let regions: Vec<String> = match config.regions.as_slice() {
            [] => vec![ambient.region().map_or_else(|| "us-east-1".to_owned(), ToString::to_string)],
            named => named.to_vec(),
        };
        let mut permits: HashMap<Option<String>, Arc<Semaphore>> = HashMap::new();
        let mut all = Vec::new();
        for account in accounts(config) {
            let id = account.map(|account| account.id.clone());
            let permits = permits
                .entry(id.clone())
                .or_insert_with(|| Arc::new(Semaphore::new(config.limits.calls_per_account)));
            let entered = enter_account(&ambient, account).await;
            for region in &regions {
                all.push(Place {
                    account: id.clone(),
                    region: region.clone(),
                    sdk: entered.to_builder().region(Region::new(region.clone())).build(),
                    permits: Arc::clone(permits),
                });
            }
        }
        Self { all, ambient }
    }

    /// The bot's own account and region, for its queue.
    pub fn own(&self) -> &SdkConfig {
        &self.ambient
    }

    /// Those that a claim or a host may mean; all where it names neither account nor region of ours.
    pub fn matching(&self, account: Option<&str>, region: Option<&str>) -> Vec<Place> {
        let matches = |place: &&Place| {
            let account_fits = match (account, &place.account) {
                (Some(wanted), Some(here)) => wanted == here,
                _ => true,
            };
            account_fits && region.is_none_or(|wanted| wanted == place.region)
        };
        let found: Vec<Place> = self.all.iter().filter(matches).cloned().collect();
        if found.is_empty() { self.all.clone() } else { found }
    }

    /// Whether an account is one that the bot may look in, as far as that is known.
    pub fn knows_account(&self, account: &str) -> bool {
        self.all.iter().any(|place| place.account.as_deref().is_none_or(|here| here == account))
    }

    /// Whether a region is looked in.
    pub fn knows_region(&self, region: &str) -> bool {
        self.all.iter().any(|place| place.region == region)
    }
}

/// The configured accounts, or the one of the bot's own credentials.
fn accounts(config: &Config) -> Vec<Option<&Account>> {
    if config.accounts.is_empty() { vec![None] } else { config.accounts.iter().map(Some).collect() }
}

async fn ambient() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(30))
        .operation_timeout(Duration::from_secs(90))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts)
        .load()
        .await
}

async fn enter_account(ambient: &SdkConfig, account: Option<&Account>) -> SdkConfig {
    let Some((account, role)) = account.and_then(|account| Some((account, account.role_arn.as_ref()?)))
    else {
        return ambient.clone();
    };
    let mut role = AssumeRoleProvider::builder(role).session_name("gumshoe").configure(ambient);
    if let Some(external_id) = &account.external_id {
        role = role.external_id(external_id);
    }
    let credentials = aws_sdk_ec2::config::SharedCredentialsProvider::new(role.build().await);
    ambient.to_builder().credentials_provider(credentials).build()
}

/// What an AWS call failed of, short and without request ids: the service's code and message, or the chain.
pub fn reason<E, R>(error: &aws_sdk_ec2::error::SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    if let Some(service) = error.as_service_error() {
        let code = service.code().unwrap_or("an unnamed error");
        return match service.message() {
            Some(message) if !message.is_empty() => format!("{code}: {message}"),
            _ => code.to_owned(),
        };
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
