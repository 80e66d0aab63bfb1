//! Settings: one TOML file, and the environment for secrets.
//!
//! Owns what may be set, its defaults and its bounds. Refuses unknown keys, naming the nearest right one, so
//! that a misspelt limit is never silently the default. Secrets come from the environment only and never
//! appear in what this module prints.

mod archive;
mod operations;
mod slack;

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use thiserror::Error;

pub use self::archive::Archive;
pub use self::archive::S3Place;
pub use operations::Operations;
pub use slack::Actions;
pub use slack::OFFERS;
pub use slack::Person;
pub use slack::ReplyMail;
pub use slack::Slack;

/// A documented example, with every key; `gumshoe config example` prints it.
pub const EXAMPLE: &str = include_str!("config_example.toml");

/// Environment variable that holds the settings themselves, for where no file can be put (a container).
pub const SETTINGS_VARIABLE: &str = "GUMSHOE_SETTINGS";

/// Environment variable of the bot token (`xoxb-…`).
pub const TOKEN_VARIABLE: &str = "GUMSHOE_SLACK_TOKEN";

/// Environment variable of the app-level token (`xapp-…`), for Socket Mode.
pub const APP_TOKEN_VARIABLE: &str = "GUMSHOE_SLACK_APP_TOKEN";

/// In `regions`: every region that is enabled in an account.
pub const ENABLED_REGIONS: &str = "enabled";
/// Environment variable of the signing secret, for calls of Slack over HTTP.
pub const SIGNING_SECRET_VARIABLE: &str = "GUMSHOE_SLACK_SIGNING_SECRET";

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// URL of the SQS queue that notices arrive in; `serve` needs it.
    pub queue_url: Option<String>,
    /// Folder of the case store and the reports.
    pub state_dir: PathBuf,
    /// Name or ARN of the SSM document that asks a host's recorder.
    pub ssm_document: String,
    /// Accounts to look in; none means the one of the bot's own credentials.
    pub accounts: Vec<Account>,
    /// An organization whose accounts are looked in, too.
    pub organization: Option<Organization>,
    /// Regions to look in; none means the SDK's own, `enabled` alone each account's enabled ones.
    pub regions: Vec<String>,
    /// Where cases are kept.
    pub store: Store,
    /// Where hosts leave their sealed history, for when they are gone; without it, they leave none.
    pub archive: Option<Archive>,
    /// Addresses and prefixes that are ours; they settle who is accused in a notice.
    pub own_addresses: Vec<AddressRange>,
    /// Folder of playbooks that replace or add to the built-in ones.
    pub playbooks_dir: Option<PathBuf>,
    /// Where to post; without it, reports are only written to `state_dir`.
    pub slack: Option<Slack>,
    /// How reporters are answered by mail; without it, only by hand.
    pub reply: Option<ReplyMail>,
    /// How the bot itself is watched.
    pub operations: Operations,
    /// Bounds.
    pub limits: Limits,
    /// Bot token, from the environment.
    #[serde(skip)]
    pub slack_token: Option<Secret>,
    /// App-level token, from the environment.
    #[serde(skip)]
    pub slack_app_token: Option<Secret>,
    /// Secret that Slack signs its calls with, from the environment; for HTTP.
    #[serde(skip)]
    pub slack_signing_secret: Option<Secret>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            queue_url: None,
            state_dir: PathBuf::from("/var/lib/gumshoe"),
            ssm_document: "Gumshoe-Query".to_owned(),
            accounts: Vec::new(),
            organization: None,
            regions: Vec::new(),
            store: Store::default(),
            archive: None,
            own_addresses: Vec::new(),
            playbooks_dir: None,
            slack: None,
            reply: None,
            operations: Operations::default(),
            limits: Limits::default(),
            slack_token: None,
            slack_app_token: None,
            slack_signing_secret: None,
        }
    }
}

/// One account to look in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// Role to assume there; none means the bot's own credentials.
    #[serde(default)]
    pub role_arn: Option<String>,
    /// External id that the role's trust policy asks for.
    #[serde(default)]
    pub external_id: Option<String>,
}

/// An organization: its accounts are listed, so that a new one need not be configured.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    /// Name of the role to assume in every account, without a path.
    pub role_name: String,
    /// External id that the roles' trust policies ask for.
    #[serde(default)]
    pub external_id: Option<String>,
    /// Accounts to leave out.
    #[serde(default)]
    pub leave_out: Vec<String>,
}

/// Where cases are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// A DynamoDB table; without it, a SQLite file in `state_dir`.
    pub dynamodb_table: Option<String>,
    /// How long the table keeps a case after it was last worked on, days.
    pub keep_days: u32,
}

impl Default for Store {
    fn default() -> Self {
        Self { dynamodb_table: None, keep_days: 400 }
    }
}

/// Bounds; reaching one is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Notices worked on at once.
    pub concurrency: usize,
    /// How long one host may take to answer, s.
    pub ssm_deadline_s: u64,
    /// How long SSM may take to hand a command to a host, s; SSM refuses less than 30.
    pub ssm_delivery_s: u32,
    /// Questions to hosts at once.
    pub questions_at_once: usize,
    /// Questions to hosts for one case.
    pub questions_per_case: usize,
    /// Calls at once to one account.
    pub calls_per_account: usize,
    /// How long a received message is hidden from other consumers, s; renewed at a third of it.
    pub visibility_s: u32,
    /// How often a notice that cannot be worked on may come back before it is given up.
    pub receives: u32,
    /// How long work may go on after a SIGTERM, s.
    pub drain_s: u64,
    /// How often to look at who holds which address, for notices that come late, s; 0 for never.
    pub sweep_s: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 8,
            ssm_deadline_s: 90,
            ssm_delivery_s: 60,
            questions_at_once: 400,
            questions_per_case: 2_000,
            calls_per_account: 16,
            visibility_s: 120,
            receives: 5,
            drain_s: 25,
            sweep_s: 300,
        }
    }
}

impl Limits {
    /// How long one host may take to answer.
    pub fn ssm_deadline(&self) -> Duration {
        Duration::from_secs(self.ssm_deadline_s)
    }
}

/// An address or a prefix, written either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AddressRange(pub IpNet);

impl TryFrom<String> for AddressRange {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map(Self)
            .map_err(|_| format!("{text:?} is neither an address nor a prefix such as 203.0.113.0/24"))
    }
}

/// A secret; shows itself only to who asks for it by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the settings file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no TOML of the right shape.
    #[error("{}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column, what is wrong, and the nearest right key.
        message: String,
    },
    /// A value is out of its bounds.
    #[error("{key}: {reason}")]
    Value {
        /// The key, with its table.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Config {
    /// Reads the file, or the text in [`SETTINGS_VARIABLE`] where none is named, or takes the defaults where there is
    /// neither, and adds the environment's secrets.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let mut config = match (path, std::env::var(SETTINGS_VARIABLE)) {
            (Some(path), _) => Self::read(path)?,
            (None, Ok(text)) => Self::parse(&text, Path::new(SETTINGS_VARIABLE))?,
            (None, Err(_)) => Self::default(),
        };
        config.slack_token = secret_from(TOKEN_VARIABLE);
        config.slack_app_token = secret_from(APP_TOKEN_VARIABLE);
        config.slack_signing_secret = secret_from(SIGNING_SECRET_VARIABLE);
        config.check()?;
        Ok(config)
    }

    fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            message: history::with_nearest_key(&error.to_string()),
        })
    }

    /// What our own addresses are, as the notice reader wants it.
    pub fn own_networks(&self) -> Vec<IpNet> {
        self.own_addresses.iter().map(|range| range.0).collect()
    }

    fn check(&self) -> Result<(), ConfigError> {
        for account in &self.accounts {
            if account.id.len() != 12 || !account.id.bytes().all(|byte| byte.is_ascii_digit()) {
                return wrong("accounts.id", format!("{:?} is not twelve digits", account.id));
            }
        }
        if self
            .organization
            .as_ref()
            .is_some_and(|all| all.role_name.is_empty() || all.role_name.contains(':'))
        {
            return wrong("organization.role_name", "is no name of a role; an ARN names one account only");
        }
        if self.regions.len() > 1 && self.regions.iter().any(|region| region == ENABLED_REGIONS) {
            return wrong("regions", format!("{ENABLED_REGIONS:?} stands for all; name it alone"));
        }
        if self.store.dynamodb_table.as_ref().is_some_and(String::is_empty) {
            return wrong("store.dynamodb_table", "is empty");
        }
        if !(1..=3_650).contains(&self.store.keep_days) {
            return wrong("store.keep_days", format!("{} is not within 1 to 3650", self.store.keep_days));
        }
        if self.ssm_document.is_empty() {
            return wrong("ssm_document", "is empty");
        }
        self.slack.as_ref().map_or(Ok(()), Slack::check)?;
        self.reply.as_ref().map_or(Ok(()), ReplyMail::check)?;
        self.operations.check()?;
        self.limits.check()
    }

    /// That buttons are offered which nobody would hear; they are not drawn then.
    pub fn offers_unheard(&self) -> Option<String> {
        let slack = self.slack.as_ref()?;
        let offers = slack.actions.as_ref().is_some_and(|actions| !actions.offer.is_empty());
        let hears = slack.http_listen.is_some() || self.slack_app_token.is_some();
        (offers && !hears).then(|| {
            format!(
                "slack.actions offers buttons, and nothing hears them: set {APP_TOKEN_VARIABLE} or slack.http_listen; until \
                 then none is drawn"
            )
        })
    }

    /// What `serve` would lack, in words; empty when nothing.
    pub fn lacks_to_serve(&self) -> Vec<String> {
        let mut lacks = Vec::new();
        if self.queue_url.is_none() {
            lacks.push("queue_url is not set: serve has no queue to read notices from".to_owned());
        }
        if self.slack.is_some() && self.slack_token.is_none() {
            lacks.push(format!("{TOKEN_VARIABLE} is not set, and [slack] is: serve cannot post"));
        }
        let listens = self.slack.as_ref().is_some_and(|slack| slack.http_listen.is_some());
        if listens && self.slack_signing_secret.is_none() {
            lacks.push(format!("{SIGNING_SECRET_VARIABLE} is not set, and slack.http_listen is: nobody's call could be believed"));
        }
        lacks
    }
}

impl Limits {
    fn check(&self) -> Result<(), ConfigError> {
        let bounds: [(&str, u64, u64, u64); 10] = [
            ("concurrency", self.concurrency as u64, 1, 256),
            ("ssm_deadline_s", self.ssm_deadline_s, 1, 3_600),
            ("ssm_delivery_s", self.ssm_delivery_s.into(), 30, 2_592_000),
            ("questions_at_once", self.questions_at_once as u64, 1, 1_000),
            ("questions_per_case", self.questions_per_case as u64, 1, 5_000),
            ("calls_per_account", self.calls_per_account as u64, 1, 100),
            ("visibility_s", self.visibility_s.into(), 3, 43_200),
            ("receives", self.receives.into(), 1, 1_000),
            ("drain_s", self.drain_s, 0, 3_600),
            ("sweep_s", self.sweep_s, 0, 86_400),
        ];
        for (key, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return wrong(&format!("limits.{key}"), format!("{value} is not within {least} to {most}"));
            }
        }
        Ok(())
    }
}

fn wrong<T>(key: &str, reason: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError::Value { key: key.to_owned(), reason: reason.into() })
}

fn secret_from(variable: &str) -> Option<Secret> {
    std::env::var(variable)
        .ok()
        .filter(|value| !value.trim().is_empty())
        .map(|value| Secret::new(value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("gumshoe.toml");
        std::fs::write(&path, text).expect("written");
        let config = Config::read(&path)?;
        config.check()?;
        Ok(config)
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        let config = check("").expect("valid");
        assert_eq!(config.limits, Limits::default());
        assert_eq!(config.lacks_to_serve().len(), 1);
    }

    #[test]
    fn the_example_is_valid_and_names_every_limit() {
        let config = check(EXAMPLE).expect("valid");
        assert_eq!(config.limits, Limits::default());
        assert_eq!(config.accounts.len(), 1);
        for key in [
            "queue_url",
            "playbooks_dir",
            "own_addresses",
            "drain_s",
            "api_url",
            "external_id",
            "dynamodb_table",
            "place",
            "offer",
            "isolation_group",
            "domains",
        ] {
            assert!(EXAMPLE.contains(key), "{key}");
        }
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        for (text, unknown, nearest) in [
            ("queue_uri = \"x\"", "queue_uri", "queue_url"),
            ("[limits]\nssm_deadline = 4", "ssm_deadline", "ssm_deadline_s"),
            ("[slack]\nchanel = \"C1\"", "chanel", "channel"),
        ] {
            let message = check(text).expect_err(text).to_string();
            assert!(
                message.contains(&format!("there is no key `{unknown}`; did you mean `{nearest}`?")),
                "{message}"
            );
        }
    }

    #[test]
    fn values_out_of_bounds_are_refused() {
        for text in [
            "[limits]\nconcurrency = 0",
            "[limits]\nssm_delivery_s = 5",
            "[[accounts]]\nid = \"1\"",
            "own_addresses = [\"nowhere\"]",
            "[slack]\nchannel = \"\"",
            "[store]\nkeep_days = 0",
            "[archive]\nplace = \"https://example.com/history\"",
            "[archive]",
            "regions = [\"enabled\", \"eu-west-1\"]",
            "[organization]\nrole_name = \"arn:aws:iam::111122223333:role/x\"",
            "[slack]\nchannel = \"C0123456789\"\n[slack.actions]\noffer = [\"take\"]",
            "[slack]\nchannel = \"C0123456789\"\n[slack.actions]\noffer = [\"format\"]\nallowed_users = [\"U0123456789\"]",
            "[slack]\nchannel = \"C0123456789\"\n[slack.actions]\nallowed_users = [\"pat\"]",
            "[slack]\nchannel = \"C0123456789\"\nsecurity = \"@security\"",
            "[slack]\nchannel = \"C0123456789\"\n[[slack.people]]\nslack = \"alice\"",
            "[reply]\nfrom = \"nobody\"",
            "[operations]\nlisten = \"0.0.0.0:9464\"",
            "[operations]\nsurvey_s = 10",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret::new("xoxb-1")), "Secret(…)");
    }
}
