//! VPC flow logs: what the network says of a host that says nothing of itself.
//!
//! Stands behind another way to ask, and adds to its silence only: a flow log knows no process, so it is never evidence of
//! who, but it tells whether the host sent what it is accused of. Read are logs in CloudWatch Logs; those in S3 are named,
//! for a person to look there. Refuses to be the reason why a case is late: few hosts at once, few pages, a short time.

mod line;
mod read;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::Filter;
use aws_sdk_ec2::types::FlowLog;
use history::Request;
use tokio::sync::Semaphore;

use super::HostHistory;
use crate::aws::Place;
use crate::aws::Places;
use crate::aws::reason;
use crate::case::Answer;
use crate::case::HostRef;
use crate::case::store::Ticket;
use line::Format;
use line::Told;

/// Silent hosts whose flow logs are read at once; CloudWatch Logs takes few such calls a second.
const AT_ONCE: usize = 4;

/// How long a host may wait for its turn.
const TURN_MAX: Duration = Duration::from_secs(20);

/// How long its flow logs may take.
const READ_MAX: Duration = Duration::from_secs(20);

/// Interfaces of one host whose logs are read.
const INTERFACES_MAX: usize = 4;

/// Flow logs of one interface that are read or named.
const LOGS_MAX: usize = 4;

/// Asks hosts, and flow logs about those that do not answer.
pub struct WithFlowLogs {
    hosts: Arc<dyn HostHistory>,
    places: Places,
    turns: Arc<Semaphore>,
}

/// An interface of a host.
#[derive(Debug, Clone)]
pub(in crate::hosts) struct Interface {
    id: String,
    subnet: String,
    vpc: String,
    addresses: Vec<IpAddr>,
}

impl WithFlowLogs {
    /// Reads the flow logs of these places.
    pub fn new(hosts: Arc<dyn HostHistory>, places: Places) -> Self {
        Self { hosts, places, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// A silence with what the network says beside it.
    async fn beside(&self, host: &HostRef, request: &Request, answer: Answer) -> Answer {
        let id = host.instance_id.as_deref().filter(|id| id.starts_with("i-"));
        let place = self.places.matching(host.account.as_deref(), host.region.as_deref()).into_iter().next();
        let (Some(id), Some(place), false) = (id, place, matches!(answer, Answer::Evidence { .. })) else {
            return answer;
        };
        let Ok(Ok(_turn)) = tokio::time::timeout(TURN_MAX, self.turns.acquire()).await else {
            return answer.adding("its flow logs were not read: too many hosts are silent");
        };
        match tokio::time::timeout(READ_MAX, tell(&place, id, request)).await {
            Ok(Ok(said)) if said.is_empty() => answer,
            Ok(Ok(said)) => answer.adding(&said.join("; ")),
            Ok(Err(reason)) => {
                tracing::warn!(instance_id = id, reason, "flow logs not read");
                answer.adding(&format!("its flow logs could not be read: {reason}"))
            }
            Err(_) => {
                answer.adding(&format!("its flow logs could not be read within {} s", READ_MAX.as_secs()))
            }
        }
    }
}

#[async_trait]
impl HostHistory for WithFlowLogs {
    async fn ask(&self, host: &HostRef, request: &Request) -> Result<Ticket, Answer> {
        match self.hosts.ask(host, request).await {
            Err(answer) => Err(self.beside(host, request, answer).await),
            sent => sent,
        }
    }

    async fn answer(&self, host: &HostRef, request: &Request, ticket: &Ticket) -> Answer {
        let answer = self.hosts.answer(host, request, ticket).await;
        self.beside(host, request, answer).await
    }
}

/// What the flow logs of an instance say of a request, a sentence each; nothing where it has none.
async fn tell(place: &Place, instance: &str, request: &Request) -> Result<Vec<String>, String> {
    let interfaces = interfaces(place, instance).await?;
    if interfaces.is_empty() {
        return Ok(vec!["its interfaces are gone, by which flow logs are kept".to_owned()]);
    }
    let mut said = Vec::new();
    for interface in interfaces.iter().take(INTERFACES_MAX) {
        for log in flow_logs(place, interface).await?.iter().take(LOGS_MAX) {
            let one = tell_log(place, interface, log, request).await;
            if !said.contains(&one) {
                said.push(one);
            }
        }
    }
    if interfaces.len() > INTERFACES_MAX {
        said.push(format!("{} more of its interfaces are not looked at", interfaces.len() - INTERFACES_MAX));
    }
    Ok(said)
}

async fn interfaces(place: &Place, instance: &str) -> Result<Vec<Interface>, String> {
    let _permit = place.permits.acquire().await.map_err(|error| error.to_string())?;
    let client = place.ec2();
    let filter = Filter::builder().name("attachment.instance-id").values(instance).build();
    let answer = client.describe_network_interfaces().filters(filter).send().await;
    let answer = answer.map_err(|error| reason(&error))?;
    let read = |interface: &aws_sdk_ec2::types::NetworkInterface| {
        let private = interface.private_ip_addresses().iter().flat_map(|private| {
            let public = private.association().and_then(|association| association.public_ip());
            [private.private_ip_address(), public]
        });
        let six = interface.ipv6_addresses().iter().map(|six| six.ipv6_address());
        let own = [interface.private_ip_address()];
        Some(Interface {
            id: interface.network_interface_id()?.to_owned(),
            subnet: interface.subnet_id().unwrap_or_default().to_owned(),
            vpc: interface.vpc_id().unwrap_or_default().to_owned(),
            addresses: private.chain(six).chain(own).flatten().filter_map(|text| text.parse().ok()).collect(),
        })
    };
    Ok(answer.network_interfaces().iter().filter_map(read).collect())
}

/// The flow logs of an interface: its own, its subnet's and its network's.
async fn flow_logs(place: &Place, interface: &Interface) -> Result<Vec<FlowLog>, String> {
    let _permit = place.permits.acquire().await.map_err(|error| error.to_string())?;
    let resources = [&interface.id, &interface.subnet, &interface.vpc];
    let resources = resources.into_iter().filter(|id| !id.is_empty()).cloned().collect();
    let filter = Filter::builder().name("resource-id").set_values(Some(resources)).build();
    let answer = place.ec2().describe_flow_logs().filter(filter).send().await;
    Ok(answer.map_err(|error| reason(&error))?.flow_logs.unwrap_or_default())
}

/// What one flow log says, or where it lies.
async fn tell_log(place: &Place, interface: &Interface, log: &FlowLog, request: &Request) -> String {
    let destination = log.log_destination_type().map_or("cloud-watch-logs", |kind| kind.as_str());
    let Some(group) = log.log_group_name().filter(|_| destination == "cloud-watch-logs") else {
        return elsewhere(place, destination, log.log_destination().unwrap_or_default());
    };
    let name = format!("the flow log {group} of {}", interface.id);
    let Some(format) = Format::read(log.log_format()) else {
        return format!("{name} has no addresses and times in its format");
    };
    let kept = log.traffic_type().map_or("ALL", |kind| kind.as_str());
    match read::told(place, group, interface, &format, request).await {
        Ok(told) => told.words(&name, kept, request),
        Err(reason) => format!("{name} could not be read: {reason}"),
    }
}

/// Where a log lies that is not read.
fn elsewhere(place: &Place, destination: &str, arn: &str) -> String {
    match arn.strip_prefix("arn:").and_then(|rest| rest.split_once(":s3:::")) {
        Some((_, path)) if destination == "s3" => {
            let path = path.trim_end_matches('/');
            let account = place.account.as_deref().unwrap_or("ACCOUNT");
            let below = if path.contains("/AWSLogs") { "" } else { "/AWSLogs" };
            format!(
                "its flow log lies in S3, look there: s3://{path}{below}/{account}/vpcflowlogs/{}/",
                place.region
            )
        }
        _ => format!("its flow log goes to {destination} ({arn}), which is not read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_not_read_is_named() {
        let place = Places::of(&crate::testing::sdk("http://127.0.0.1:1"), 1).matching(None, None).remove(0);
        for (destination, arn, expected) in [
            ("s3", "arn:aws:s3:::example-flows", "s3://example-flows/AWSLogs/ACCOUNT/vpcflowlogs/us-east-1/"),
            (
                "s3",
                "arn:aws:s3:::example-flows/net/",
                "s3://example-flows/net/AWSLogs/ACCOUNT/vpcflowlogs/us-east-1/",
            ),
            (
                "kinesis-data-firehose",
                "arn:aws:firehose:us-east-1:111122223333:deliverystream/x",
                "goes to kinesis-data-firehose",
            ),
        ] {
            let said = elsewhere(&place, destination, arn);
            assert!(said.contains(expected), "{said}");
        }
    }
}
