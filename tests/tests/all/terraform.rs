//! What is deployed: the modules by the provider's real schema, and their policies and settings beside the bot.
//!
//! What the bot calls is read from its source: every operation of an AWS SDK crate that it names. So a new call fails
//! here until a role allows it, and an action that nothing calls any more fails here, too.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use regex::Regex;
use serde_json::Value;
use tests::lab::output_within;
use tests::programs::Programs;

const CHECK_MAX: Duration = Duration::from_secs(280);
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/terraform.sh");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Actions that no call in the bot's own source names: encryption of what is called for, by the service called, and the
/// list of archived segments, which the archive's crate asks for.
const BEHIND_CALLS: [&str; 3] = ["kms:Decrypt", "kms:GenerateDataKey", "s3:ListBucket"];

/// Operations that IAM knows by another name.
const OTHER_NAMES: [(&str, &[&str]); 9] = [
    ("s3:ListObjectsV2", &["s3:ListBucket"]),
    ("s3:HeadObject", &["s3:GetObject"]),
    ("s3:HeadBucket", &["s3:ListBucket"]),
    ("sqs:DeleteMessageBatch", &["sqs:DeleteMessage"]),
    ("sqs:ChangeMessageVisibilityBatch", &["sqs:ChangeMessageVisibility"]),
    ("sesv2:SendEmail", &["ses:SendEmail", "ses:SendRawEmail"]),
    (
        "dynamodb:TransactWriteItems",
        &["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem"],
    ),
    // The tags that it is given at once are an action of their own.
    ("ec2:CreateSnapshots", &["ec2:CreateSnapshots", "ec2:CreateTags"]),
    ("sts:GetCallerIdentity", &[]),
];

/// Runs parts of the check and returns the folder of what the examples were applied to.
fn check(parts: &[&str]) -> anyhow::Result<PathBuf> {
    let output = output_within("terraform.sh", Command::new(SCRIPT).args(parts), CHECK_MAX)?;
    ensure!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(tests::target_dir()?.join("terraform/applied"))
}

fn applied(example: &str) -> anyhow::Result<Value> {
    let file = check(&["examples"])?.join(format!("{example}.json"));
    Ok(serde_json::from_str(&fs::read_to_string(file)?)?)
}

/// The actions of the named policies, by the address of each.
fn actions(state: &Value, addresses: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for address in addresses {
        let policy = resource(&state["values"]["root_module"], address).context((*address).to_owned())?;
        let policy: Value = serde_json::from_str(policy["values"]["policy"].as_str().context("no policy")?)?;
        for statement in policy["Statement"].as_array().context("no statements")? {
            match &statement["Action"] {
                Value::String(action) => drop(found.insert(action.clone())),
                Value::Array(all) => {
                    found.extend(all.iter().filter_map(Value::as_str).map(ToOwned::to_owned))
                }
                other => anyhow::bail!("{address}: {other} is no action"),
            }
        }
    }
    Ok(found)
}

fn resource<'a>(module: &'a Value, address: &str) -> Option<&'a Value> {
    let here = module["resources"].as_array().into_iter().flatten();
    let below = module["child_modules"].as_array().into_iter().flatten();
    here.into_iter()
        .find(|resource| resource["address"] == address)
        .or_else(|| below.into_iter().find_map(|child| resource(child, address)))
}

/// The operations of every AWS SDK crate in the lock file, as its source names them, by the crate.
fn operations() -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let mut metadata = Command::new(env!("CARGO"));
    // Only what is built here is fetched; other platforms' crates are not there.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    metadata.current_dir(ROOT).args(["metadata", "--format-version", "1", "--offline", "--locked"]);
    metadata.args(["--filter-platform", &platform]);
    let output = output_within("cargo metadata", &mut metadata, Duration::from_secs(60))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let mut all = BTreeMap::new();
    for package in metadata["packages"].as_array().context("no packages")? {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(service) = name.strip_prefix("aws-sdk-") else { continue };
        let manifest = Path::new(package["manifest_path"].as_str().context("no manifest")?);
        let folder = manifest.with_file_name("src").join("operation");
        let names = fs::read_dir(&folder)
            .with_context(|| folder.display().to_string())?
            .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(ToOwned::to_owned))
            .collect();
        all.insert(service.to_owned(), names);
    }
    ensure!(all.contains_key("ec2") && all.contains_key("sqs"), "no SDK crates in {:?}", all.keys());
    Ok(all)
}

/// Services that are called without an SDK crate, by the constant that stands for each beside the call.
const BY_HAND: [(&str, &str); 5] = [
    ("CLOUDTRAIL", "cloudtrail"),
    ("ORGANIZATIONS", "organizations"),
    ("CONFIG", "config"),
    ("DYNAMODB", "dynamodb"),
    ("LOGS", "logs"),
];

/// Calls by hand in one file: the literal operation of each `call`, for the one service that the file names, or that its
/// own name begins.
fn by_hand(file: &Path, code: &str) -> anyhow::Result<BTreeSet<String>> {
    let call = Regex::new(r#"\.\s*call\(\s*"([A-Z][A-Za-z]+)""#)?;
    let made: BTreeSet<&str> =
        call.captures_iter(code).filter_map(|found| Some(found.get(1)?.as_str())).collect();
    if made.is_empty() {
        return Ok(BTreeSet::new());
    }
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let means = |(constant, service): &&(&str, &str)| code.contains(constant) || service.starts_with(stem);
    let services: Vec<&str> = BY_HAND.iter().filter(means).map(|(_, service)| *service).collect();
    ensure!(services.len() == 1, "{made:?} are calls of one of {services:?}: one file, one service");
    Ok(made.iter().map(|operation| format!("{}:{operation}", services[0])).collect())
}

/// Every call that the sources below a folder make, as `service:Operation`.
fn calls(folder: &str) -> anyhow::Result<BTreeSet<String>> {
    let operations = operations()?;
    let service = Regex::new(r"\baws_sdk_([a-z0-9]+)\b")?;
    let method = Regex::new(r"\.\s*([a-z][a-z0-9_]*)\(\)")?;
    let sends = Regex::new(r"\.\s*send\(\)")?;
    let mut found = BTreeSet::new();
    for file in sources(folder)? {
        let text = fs::read_to_string(&file)?;
        let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        if code.contains("AssumeRoleProvider::") {
            found.insert("sts:AssumeRole".to_owned());
        }
        let named: BTreeSet<&str> =
            service.captures_iter(code).filter_map(|found| Some(found.get(1)?.as_str())).collect();
        let mut here = by_hand(&file, code).with_context(|| file.display().to_string())?;
        for name in method.captures_iter(code).filter_map(|found| Some(found.get(1)?.as_str())) {
            for service in &named {
                if operations.get(*service).is_some_and(|known| known.contains(name)) {
                    here.insert(format!("{service}:{}", pascal(name)));
                }
            }
        }
        let sent = sends.find_iter(code).count();
        ensure!(
            sent == 0 || !here.is_empty(),
            "{} sends {sent} requests, and none of them is known: name the SDK crate in that file",
            file.display()
        );
        found.extend(here);
    }
    Ok(found)
}

/// The sources below a folder, without modules that are there for tests only.
fn sources(folder: &str) -> anyhow::Result<Vec<PathBuf>> {
    let only_tests = Regex::new(r"#\[cfg\(test\)\]\s+(?:pub(?:\([a-z]+\))? )?mod ([a-z_]+);")?;
    let mut files = Vec::new();
    let mut folders = vec![Path::new(ROOT).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(extension) if extension == "rs" => files.push(path),
                _ => {}
            }
        }
    }
    let mut tests = BTreeSet::new();
    for file in &files {
        let text = fs::read_to_string(file)?;
        // Modules of `mod.rs`, `lib.rs` and `main.rs` lie beside it, those of `x.rs` below `x/`.
        let below = match file.file_stem().and_then(|stem| stem.to_str()) {
            Some("mod" | "lib" | "main") => file.with_file_name(""),
            _ => file.with_extension(""),
        };
        for found in only_tests.captures_iter(&text).filter_map(|found| found.get(1)) {
            tests.insert(below.join(found.as_str()));
        }
    }
    files.retain(|file| !file.ancestors().any(|part| tests.contains(&part.with_extension(""))));
    Ok(files)
}

fn pascal(snake: &str) -> String {
    let mut words = String::new();
    for word in snake.split('_') {
        let (first, rest) = word.split_at(word.len().min(1));
        words.push_str(&first.to_uppercase());
        words.push_str(rest);
    }
    words
}

/// The actions that a call needs.
fn needs(call: &str) -> Vec<String> {
    match OTHER_NAMES.iter().find(|(known, _)| *known == call) {
        Some((_, actions)) => actions.iter().map(|action| (*action).to_owned()).collect(),
        None => vec![call.replacen("configservice:", "config:", 1)],
    }
}

#[test]
fn modules_are_valid_and_refuse_bad_inputs() {
    check(&["modules", "policies"]).expect("terraform/ holds");
}

#[test]
fn the_roles_allow_what_the_bot_calls_and_nothing_more() {
    let state = applied("organization").expect("applied");
    let policies = [
        "module.bot.aws_iam_role_policy.task",
        "module.account_production.aws_iam_role_policy.investigator",
        "module.account_production.aws_iam_role_policy.actions[0]",
    ];
    let allowed = actions(&state, &policies).expect("policies");
    let calls = calls("bot/src").expect("calls");
    assert!(calls.len() > 20, "only {calls:?}");
    let needed: BTreeSet<String> = calls.iter().flat_map(|call| needs(call)).collect();
    let refused: Vec<_> = needed.difference(&allowed).collect();
    assert!(refused.is_empty(), "the bot calls what no role allows: {refused:?}");
    let idle: Vec<_> =
        allowed.difference(&needed).filter(|action| !BEHIND_CALLS.contains(&action.as_str())).collect();
    assert!(idle.is_empty(), "roles allow what the bot never calls: {idle:?}");
}

/// What only the bot's own account holds, and what it asks other accounts: a right of the one in the other's role would
/// be one that nothing uses.
#[test]
fn each_role_allows_what_is_called_with_it() {
    let state = applied("organization").expect("applied");
    let ask = ["cloudtrail", "config", "ec2", "ecs", "logs", "ssm"];
    let keep = ["dynamodb", "kms", "organizations", "s3", "ses", "sqs", "sts"];
    for (policy, services) in [
        ("module.bot.aws_iam_role_policy.task", &keep[..]),
        ("module.account_production.aws_iam_role_policy.investigator", &ask[..]),
        ("module.account_production.aws_iam_role_policy.actions[0]", &ask[..]),
    ] {
        let allowed = actions(&state, &[policy]).expect("a policy");
        let is_at_home = |action: &&String| action.split(':').next().is_some_and(|it| services.contains(&it));
        let strangers: Vec<_> = allowed.iter().filter(|action| !is_at_home(action)).collect();
        assert!(!allowed.is_empty() && strangers.is_empty(), "{policy} allows {strangers:?}");
    }
}

#[test]
fn instances_may_do_what_the_archive_calls_and_nothing_more() {
    let state = applied("organization").expect("applied");
    let allowed = actions(&state, &["module.recorder_production.aws_iam_policy.instance"])
        .expect("the instance's policy");
    let calls = calls("host-recorder/archive/src").expect("calls");
    let needed: BTreeSet<String> = calls.iter().flat_map(|call| needs(call)).collect();
    let refused: Vec<_> = needed.difference(&allowed).collect();
    assert!(refused.is_empty(), "the archive calls what instances may not: {refused:?}");
    let idle: Vec<_> = allowed.difference(&needed).filter(|action| !action.starts_with("kms:")).collect();
    assert!(idle.is_empty(), "instances may do what the archive never calls: {idle:?}");
}

#[test]
fn the_settings_that_terraform_writes_are_the_bots() {
    for example in ["organization", "single-account"] {
        let state = applied(example).expect("applied");
        let settings = state["values"]["outputs"]["settings"]["value"].as_str().expect("settings");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("gumshoe.toml");
        fs::write(&file, settings).expect("written");
        let mut check = Command::new(Programs::gumshoe().expect("the bot"));
        check.args(["config", "check", "--config"]).arg(&file).env("GUMSHOE_SLACK_TOKEN", "xoxb-test");
        let output = output_within("config check", &mut check, Duration::from_secs(10)).expect("run");
        assert!(output.status.success(), "{example}: {output:?}\n{settings}");
    }
}
