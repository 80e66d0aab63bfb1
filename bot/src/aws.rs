//! The AWS accounts and regions the bot may look in, and how each is entered.
//!
//! Owns credentials (ambient, or a role assumed per account), time-outs, retries, and the bound on calls at
//! once to one account. Refuses to know what is looked for there.

pub mod json;
mod organization;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::Region;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::config::Account;
use crate::config::Config;
use crate::config::ENABLED_REGIONS;

/// Attempts at one call, the first included.
const ATTEMPTS: u32 = 6;

/// How often accounts and regions are listed again.
const REFRESH_EVERY: Duration = Duration::from_secs(3_600);

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
    /// How its account is entered, where it is configured or listed.
    pub entry: Option<Account>,
    /// Clients of its services that were used.
    pub clients: Arc<Clients>,
}

/// Clients that were made: each new one builds a TLS connector, only to see that it can.
#[derive(Debug, Default)]
pub struct Clients {
    ec2: OnceLock<aws_sdk_ec2::Client>,
    ssm: OnceLock<aws_sdk_ssm::Client>,
}

impl Place {
    /// A client of its EC2.
    pub fn ec2(&self) -> &aws_sdk_ec2::Client {
        self.clients.ec2.get_or_init(|| aws_sdk_ec2::Client::new(&self.sdk))
    }

    /// A client of its Systems Manager.
    pub fn ssm(&self) -> &aws_sdk_ssm::Client {
        self.clients.ssm.get_or_init(|| aws_sdk_ssm::Client::new(&self.sdk))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.account {
            Some(account) => write!(f, "account {account} in {}", self.region),
            None => f.write_str(&self.region),
        }
    }
}

/// All accounts and regions. What the organization and the accounts say of themselves is read again each hour.
#[derive(Debug, Clone)]
pub struct Places {
    now: Arc<RwLock<Known>>,
    ambient: SdkConfig,
}

/// What is looked in at a time.
#[derive(Debug, Default)]
struct Known {
    all: Vec<Place>,
    /// What could not be listed, in words.
    notes: Vec<String>,
}

impl Places {
    /// Enters every account in every region. Calls AWS only where accounts or regions are to be listed;
    /// credentials are fetched when first used.
    pub async fn enter(config: &Config) -> Self {
        let places = Self { now: Arc::default(), ambient: ambient().await };
        places.refresh(config).await;
        places
    }

    /// The one account and region that an SDK's configuration stands for.
    pub fn of(sdk: &SdkConfig, calls_at_once: usize) -> Self {
        let sdk = sdk.to_builder().retry_config(retries()).timeout_config(timeouts()).build();
        let place = Place {
            account: None,
            region: sdk.region().map_or_else(|| "us-east-1".to_owned(), ToString::to_string),
            sdk: sdk.clone(),
            permits: Arc::new(Semaphore::new(calls_at_once)),
            entry: None,
            clients: Arc::default(),
        };
        let known = Known { all: vec![place], notes: Vec::new() };
        Self { now: Arc::new(RwLock::new(known)), ambient: sdk }
    }

    /// Lists accounts and regions again, where they are listed. What cannot be listed now stays as it was.
    pub async fn refresh(&self, config: &Config) {
        let mut notes = Vec::new();
        let accounts = self.accounts(config, &mut notes).await;
        let mut entered = JoinSet::new();
        for (number, account) in accounts.into_iter().enumerate() {
            let (ambient, config) = (self.ambient.clone(), config.clone());
            entered.spawn(async move { (number, enter(&ambient, account, &config).await) });
        }
        let mut entered = entered.join_all().await;
        entered.sort_by_key(|(number, _)| *number);
        let mut all: Vec<Place> = Vec::new();
        for (_, (places, note)) in entered {
            notes.extend(note);
            all.extend(places);
        }
        let mut known = self.now.write().unwrap_or_else(PoisonError::into_inner);
        for place in &mut all {
            // Calls under way count, too.
            if let Some(before) = known.all.iter().find(|before| before.account == place.account) {
                place.permits = Arc::clone(&before.permits);
            }
        }
        *known = Known { all, notes };
    }

    /// Lists again and again where there is a list; then it ends never.
    pub async fn refresh_forever(self, config: Config) {
        if config.organization.is_none() && config.regions != [ENABLED_REGIONS] {
            return;
        }
        loop {
            tokio::time::sleep(REFRESH_EVERY).await;
            self.refresh(&config).await;
        }
    }

    /// The configured accounts and those of the organization, or the one of the bot's own credentials.
    async fn accounts(&self, config: &Config, notes: &mut Vec<String>) -> Vec<Option<Account>> {
        let mut accounts: Vec<Account> = config.accounts.clone();
        if let Some(organization) = &config.organization {
            match organization::accounts(&self.ambient, organization).await {
                Ok(listed) => {
                    let known: Vec<String> = accounts.iter().map(|account| account.id.clone()).collect();
                    accounts.extend(listed.into_iter().filter(|account| !known.contains(&account.id)));
                }
                Err(error) => {
                    tracing::error!(error = %error, "accounts not listed");
                    notes.push(format!("the organization's accounts could not be listed: {error}"));
                    accounts = self.accounts_before(accounts);
                }
            }
        }
        if accounts.is_empty() { vec![None] } else { accounts.into_iter().map(Some).collect() }
    }

    /// The accounts that were known before, where they cannot be listed now.
    fn accounts_before(&self, mut accounts: Vec<Account>) -> Vec<Account> {
        let known = self.now.read().unwrap_or_else(PoisonError::into_inner);
        for place in &known.all {
            if let Some(entry) = &place.entry
                && !accounts.contains(entry)
            {
                accounts.push(entry.clone());
            }
        }
        accounts
    }

    /// The bot's own account and region, for its queue.
    pub fn own(&self) -> &SdkConfig {
        &self.ambient
    }

    /// What could not be listed, in words.
    pub fn notes(&self) -> Vec<String> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).notes.clone()
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
        let known = self.now.read().unwrap_or_else(PoisonError::into_inner);
        let found: Vec<Place> = known.all.iter().filter(matches).cloned().collect();
        if found.is_empty() { known.all.clone() } else { found }
    }

    /// The one of this account and region; none where it is not looked in.
    pub fn exactly(&self, account: &str, region: &str) -> Option<Place> {
        let known = self.now.read().unwrap_or_else(PoisonError::into_inner);
        let is_it = |place: &&Place| {
            place.region == region && place.account.as_deref().is_none_or(|here| here == account)
        };
        known.all.iter().find(is_it).cloned()
    }

    /// Whether an account is one that the bot may look in, as far as that is known.
    pub fn knows_account(&self, account: &str) -> bool {
        let known = self.now.read().unwrap_or_else(PoisonError::into_inner);
        known.all.iter().any(|place| place.account.as_deref().is_none_or(|here| here == account))
    }

    /// Whether a region is looked in.
    pub fn knows_region(&self, region: &str) -> bool {
        let known = self.now.read().unwrap_or_else(PoisonError::into_inner);
        known.all.iter().any(|place| place.region == region)
    }
}

async fn ambient() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(https())
        .retry_config(retries())
        .timeout_config(timeouts())
        .load()
        .await
}

/// One client for all services, accounts and regions: its connections stay open, and the roots of trust are read once.
fn https() -> SharedHttpClient {
    let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    aws_smithy_http_client::Builder::new().tls_provider(provider).build_https()
}

/// Adaptive: who is throttled sends less, and all retries of the process come out of one bucket.
fn retries() -> RetryConfig {
    RetryConfig::adaptive().with_max_attempts(ATTEMPTS)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(30))
        .operation_timeout(Duration::from_secs(90))
        .build()
}

/// The places of one account, and a note where its regions could not be listed.
async fn enter(ambient: &SdkConfig, entry: Option<Account>, config: &Config) -> (Vec<Place>, Option<String>) {
    let entered = enter_account(ambient, entry.as_ref()).await;
    let own = ambient.region().map_or_else(|| "us-east-1".to_owned(), ToString::to_string);
    let (regions, note) = match config.regions.as_slice() {
        [] => (vec![own], None),
        [all] if all == ENABLED_REGIONS => match organization::regions(&entered).await {
            Ok(regions) => (regions, None),
            Err(error) => {
                let account = entry.as_ref().map_or("the bot's account", |account| account.id.as_str());
                let note =
                    format!("the regions of {account} could not be listed, only {own} is looked in: {error}");
                (vec![own], Some(note))
            }
        },
        named => (named.to_vec(), None),
    };
    let permits = Arc::new(Semaphore::new(config.limits.calls_per_account));
    let place = |region: String| Place {
        account: entry.as_ref().map(|account| account.id.clone()),
        sdk: entered.to_builder().region(Region::new(region.clone())).build(),
        region,
        permits: Arc::clone(&permits),
        entry: entry.clone(),
        clients: Arc::default(),
    };
    (regions.into_iter().map(place).collect(), note)
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
    // Credentials of one account are cached apart from all others and shared by its regions.
    let cache = aws_config::identity::IdentityCache::lazy().build();
    ambient.to_builder().credentials_provider(credentials).identity_cache(cache).build()
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
