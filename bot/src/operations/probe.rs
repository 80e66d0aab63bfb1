//! Tries what the bot will need, with calls that change nothing, and says in words what is missing.

use aws_sdk_ec2::Client as Ec2;
use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_sdk_ssm::Client as Ssm;

use super::Finding;
use crate::aws::Place;
use crate::aws::Places;
use crate::aws::reason;
use crate::config::Config;
use crate::slack::SlackWeb;

/// Tries the queue, every account and region, and Slack.
pub async fn probe(config: &Config, places: &Places) -> Vec<Finding> {
    let mut findings = vec![queue(config, places).await];
    for place in places.matching(None, None) {
        findings.extend(look_in(&place).await);
    }
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
        Ok(web) => web.probe().await,
        Err(error) => vec![Finding::missing("Slack", error.to_string(), "check slack.api_url")],
    }
}
