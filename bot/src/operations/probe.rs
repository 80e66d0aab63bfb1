//! Tries what the bot will need, with calls that change nothing, and says in words what is missing.

use std::time::Duration;

use aws_sdk_ec2::Client as Ec2;
use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_sdk_ssm::Client as Ssm;
use serde_json::json;

use super::Finding;
use crate::aws::Place;
use crate::aws::Places;
use crate::aws::json::CLOUDTRAIL;
use crate::aws::json::JsonCalls;
use crate::aws::reason;
use crate::case::CaseId;
use crate::case::store::CaseStore;
use crate::case::store::DynamoStore;
use crate::config::Config;
use crate::config::Slack;
use crate::hosts::archive_client;
use crate::slack::SlackWeb;

/// Tries the queue, every account and region, and Slack.
pub async fn probe(config: &Config, places: &Places) -> Vec<Finding> {
    let mut findings = vec![queue(config, places).await];
    for place in places.matching(None, None) {
        findings.extend(look_in(&place).await);
        findings.push(trail(&place).await);
    }
    findings.extend(store(config, places).await);
    findings.extend(archive(config, places).await);
    findings.extend(slack(config).await);
    findings
}

async fn queue(config: &Config, places: &Places) -> Finding {
    let Some(url) = &config.queue_url else {
        return Finding::missing(
            "queue",
            "queue_url is not set",
            "set it to the output queue_url of terraform/modules/bot",
        );
    };
    let asked = Sqs::new(places.own())
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
        .attribute_names(QueueAttributeName::RedrivePolicy)
        .send()
        .await;
    match asked {
        Ok(answer) => {
            let attributes = answer.attributes();
            let of = |name| attributes.and_then(|all| all.get(&name)).map(String::as_str);
            let waiting =
                of(QueueAttributeName::ApproximateNumberOfMessages).unwrap_or("an unknown number of");
            if of(QueueAttributeName::RedrivePolicy).is_none() {
                return Finding::missing(
                    "queue",
                    "it has no dead-letter queue: a notice that cannot be read would come back until it is too old",
                    "give the queue a redrive policy, as terraform/modules/bot does",
                );
            }
            Finding::fine("queue", format!("is there, {waiting} messages wait"))
        }
        Err(error) => Finding::missing(
            "queue",
            format!("cannot be asked: {}", reason(&error)),
            "check queue_url, AWS_REGION and that the bot's role allows sqs:GetQueueAttributes on it",
        ),
    }
}

/// Tries to list interfaces and managed hosts.
async fn look_in(place: &Place) -> Vec<Finding> {
    let role = "check role_arn and external_id, and that the module account is applied there";
    let interfaces = Ec2::new(&place.sdk).describe_network_interfaces().max_results(5).send().await;
    let found = match interfaces {
        Ok(_) => Finding::fine(format!("{place}, EC2"), "interfaces can be listed"),
        Err(error) => {
            Finding::missing(format!("{place}, EC2"), format!("not listed: {}", reason(&error)), role)
        }
    };
    let managed = Ssm::new(&place.sdk).describe_instance_information().max_results(50).send().await;
    let hosts = match managed {
        Ok(answer) if answer.instance_information_list().is_empty() => Finding::missing(
            format!("{place}, SSM"),
            "no instance is managed",
            "give instances AmazonSSMManagedInstanceCore and an SSM agent; then `gumshoe doctor --account`",
        ),
        Ok(answer) => {
            let more = if answer.next_token().is_some() { " or more" } else { "" };
            Finding::fine(
                format!("{place}, SSM"),
                format!("{}{more} instances are managed", answer.instance_information_list().len()),
            )
        }
        Err(error) => {
            Finding::missing(format!("{place}, SSM"), format!("not listed: {}", reason(&error)), role)
        }
    };
    vec![found, hosts]
}

/// Tries to ask who held an address before; two calls a second are all that there are.
async fn trail(place: &Place) -> Finding {
    let calls = JsonCalls::new(&place.sdk, CLOUDTRAIL);
    let subject = format!("{place}, CloudTrail");
    match calls.call("LookupEvents", &json!({"MaxResults": 1})).await {
        Ok(_) => Finding::fine(subject, "events can be looked up"),
        Err(error) => Finding::missing(
            subject,
            format!("not asked: {error}"),
            "without it, who held an address in the past is known from the bot's own ledger only",
        ),
    }
}

/// Tries to read the table of cases.
async fn store(config: &Config, places: &Places) -> Option<Finding> {
    let table = config.store.dynamodb_table.as_ref()?;
    let store = DynamoStore::new(places.own(), table, Duration::from_secs(1));
    Some(match store.load(&CaseId("GS-00000000-0000".to_owned())).await {
        Ok(_) => Finding::fine("table of cases", format!("{table} can be read")),
        Err(error) => Finding::missing(
            "table of cases",
            format!("{table} cannot be read: {error}"),
            "check store.dynamodb_table and that the bot's role is that of terraform/modules/bot",
        ),
    })
}

/// Tries to list the archive.
async fn archive(config: &Config, places: &Places) -> Option<Finding> {
    let archive = config.archive.as_ref()?;
    let place = &archive.place.0;
    let client = archive_client(places.own(), archive);
    let listed =
        client.list_objects_v2().bucket(&place.bucket).prefix(&place.prefix).max_keys(1).send().await;
    Some(match listed {
        Ok(answer) if answer.contents().is_empty() => Finding::missing(
            "archive",
            "holds no segment yet",
            "enable host-recorder-archive.service on instances; `gumshoe doctor --account` says who has a recorder",
        ),
        Ok(_) => Finding::fine("archive", "holds segments"),
        Err(error) => Finding::missing(
            "archive",
            format!("cannot be listed: {}", reason(&error)),
            "check archive.place, and archive.region where the bucket is in another",
        ),
    })
}

async fn slack(config: &Config) -> Vec<Finding> {
    let Some(settings) = &config.slack else {
        return vec![Finding::fine("Slack", "not set; reports are written to state_dir")];
    };
    let Some(token) = &config.slack_token else {
        return vec![Finding::missing(
            "Slack",
            format!("{} is not set", crate::config::TOKEN_VARIABLE),
            "put the app's bot token (xoxb-...) there",
        )];
    };
    match SlackWeb::new(settings, token) {
        Ok(web) => {
            let groups = settings.actions.as_ref().map(|actions| actions.allowed_groups.clone());
            let mut findings = web.probe(&groups.unwrap_or_default()).await;
            findings.extend(door(config, settings).await);
            findings
        }
        Err(error) => vec![Finding::missing("Slack", error.to_string(), "check slack.api_url")],
    }
}

/// Tries how commands and buttons come in.
async fn door(config: &Config, settings: &Slack) -> Option<Finding> {
    if let Some(listen) = settings.http_listen {
        let secret = config.slack_signing_secret.is_some();
        return Some(match secret {
            true => Finding::fine("Slack calls", format!("come over HTTP on {listen}")),
            false => Finding::missing(
                "Slack calls",
                format!("slack.http_listen is set, and {} is not", crate::config::SIGNING_SECRET_VARIABLE),
                "put the app's signing secret there",
            ),
        });
    }
    let Some(token) = &config.slack_app_token else {
        return Some(Finding::missing(
            "Slack app token",
            format!("{} is not set: /gumshoe and buttons are not heard", crate::config::APP_TOKEN_VARIABLE),
            "put an app-level token (xapp-...) with connections:write there",
        ));
    };
    Some(SlackWeb::new(settings, token).ok()?.probe_connections().await)
}
