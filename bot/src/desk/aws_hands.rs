//! Hands in AWS: security groups and snapshots by EC2, signals by an SSM document of their own.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::Filter;
use aws_sdk_ec2::types::InstanceSpecification;
use aws_sdk_ec2::types::IpPermission;
use aws_sdk_ec2::types::ResourceType;
use aws_sdk_ec2::types::Tag;
use aws_sdk_ec2::types::TagSpecification;
use aws_sdk_ssm::operation::get_command_invocation::GetCommandInvocationOutput;
use tokio::time::Instant;

use super::Hands;
use super::Interface;
use super::NotDone;
use crate::aws::Place;
use crate::aws::Places;
use crate::aws::reason;
use crate::case::CaseId;
use crate::case::HostRef;
use crate::config::Actions;

/// Pause between looks at a command's state.
const POLL: Duration = Duration::from_millis(500);

/// How long a host may take to carry out a signal.
const SIGNAL_MAX: Duration = Duration::from_secs(90);

/// How long SSM may take to hand a command over, s; it refuses less.
const DELIVERY_S: i32 = 30;

/// How much of what a host said is shown, characters.
const SAID_MAX: usize = 400;

/// A network with a shorter prefix is as good as everywhere.
const NARROW: u8 = 8;

/// Tag by which copies are found again.
const DEED_TAG: &str = "gumshoe:deed";

/// Changes hosts by EC2 and SSM.
#[derive(Debug, Clone)]
pub struct AwsHands {
    places: Places,
    isolation_group: String,
    document: String,
}

impl AwsHands {
    /// In these accounts, with these names.
    pub fn new(places: Places, actions: &Actions) -> Self {
        let (isolation_group, document) = (actions.isolation_group.clone(), actions.stop_document.clone());
        Self { places, isolation_group, document }
    }

    /// The instance and its place; a host is never changed in a place that is only guessed.
    fn instance<'a>(&self, host: &'a HostRef) -> Result<(&'a str, Place), NotDone> {
        let id = host.instance_id.as_deref().ok_or_else(|| NotDone::because("the host is no instance"))?;
        let found = self.places.matching(host.account.as_deref(), host.region.as_deref());
        match <[Place; 1]>::try_from(found) {
            Ok([place]) => Ok((id, place)),
            Err(found) => {
                Err(NotDone(format!("{id} may be in any of {} places: it is left alone", found.len())))
            }
        }
    }

    async fn ec2(&self, host: &HostRef) -> Result<(aws_sdk_ec2::Client, String, Place), NotDone> {
        let (id, place) = self.instance(host)?;
        Ok((place.ec2().clone(), id.to_owned(), place))
    }
}

#[async_trait]
impl Hands for AwsHands {
    async fn interfaces(&self, host: &HostRef) -> Result<Vec<Interface>, NotDone> {
        let (client, id, place) = self.ec2(host).await?;
        let filter = Filter::builder().name("attachment.instance-id").values(&id).build();
        let found = client.describe_network_interfaces().filters(filter).send().await;
        let found = found
            .map_err(|error| NotDone(format!("the interfaces of {id} in {place}: {}", reason(&error))))?;
        let read = |one: &aws_sdk_ec2::types::NetworkInterface| {
            Some(Interface {
                id: one.network_interface_id()?.to_owned(),
                vpc: one.vpc_id()?.to_owned(),
                groups: one.groups().iter().filter_map(|group| group.group_id().map(str::to_owned)).collect(),
            })
        };
        Ok(found.network_interfaces().iter().filter_map(read).collect())
    }

    async fn isolation_group(&self, host: &HostRef, vpc: &str) -> Result<String, NotDone> {
        let (client, _, place) = self.ec2(host).await?;
        let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
        let name = &self.isolation_group;
        let found = client
            .describe_security_groups()
            .filters(filter("group-name", name))
            .filters(filter("vpc-id", vpc))
            .send()
            .await
            .map_err(|error| NotDone(format!("the security group {name} in {place}: {}", reason(&error))))?;
        let Some(group) = found.security_groups().first() else {
            return Err(NotDone(format!("{vpc} has no security group named {name}: make one without rules")));
        };
        let rules = || group.ip_permissions().iter().chain(group.ip_permissions_egress());
        if rules().any(reaches_everywhere) {
            return Err(NotDone(format!(
                "the security group {name} of {vpc} lets traffic from or to everywhere, or a prefix list, through: remove that rule"
            )));
        }
        group.group_id().map(str::to_owned).ok_or_else(|| NotDone::because("a security group has no id"))
    }

    async fn set_groups(&self, host: &HostRef, interface: &str, groups: &[String]) -> Result<(), NotDone> {
        let (client, _, _) = self.ec2(host).await?;
        client
            .modify_network_interface_attribute()
            .network_interface_id(interface)
            .set_groups(Some(groups.to_vec()))
            .send()
            .await
            .map(drop)
            .map_err(|error| NotDone(format!("the groups of {interface}: {}", reason(&error))))
    }

    async fn snapshot(&self, host: &HostRef, case: &CaseId, round: u32) -> Result<Vec<String>, NotDone> {
        let (client, id, place) = self.ec2(host).await?;
        let failed = |what: &str, why: String| NotDone(format!("{what} of {id} in {place}: {why}"));
        let deed = format!("{}/{round}", case.0);
        let filter = Filter::builder().name(format!("tag:{DEED_TAG}")).values(&deed).build();
        let before = client.describe_snapshots().owner_ids("self").filters(filter).send().await;
        let before = before.map_err(|error| failed("copies", reason(&error)))?;
        let ids = |found: &[aws_sdk_ec2::types::Snapshot]| {
            found.iter().filter_map(|one| one.snapshot_id().map(str::to_owned)).collect::<Vec<_>>()
        };
        if !before.snapshots().is_empty() {
            return Ok(ids(before.snapshots()));
        }
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        let tags = TagSpecification::builder()
            .resource_type(ResourceType::Snapshot)
            .tags(tag(DEED_TAG, &deed))
            .tags(tag("Name", &format!("gumshoe {} {id}", case.0)))
            .build();
        let made = client
            .create_snapshots()
            .instance_specification(InstanceSpecification::builder().instance_id(&id).build())
            .description(format!("gumshoe: evidence of {}", case.0))
            .tag_specifications(tags)
            .send()
            .await
            .map_err(|error| failed("volumes", reason(&error)))?;
        let made: Vec<String> =
            made.snapshots().iter().filter_map(|one| one.snapshot_id().map(str::to_owned)).collect();
        if made.is_empty() { Err(failed("volumes", "there are none".to_owned())) } else { Ok(made) }
    }

    async fn signal(&self, host: &HostRef, process: &str, go_on: bool) -> Result<String, NotDone> {
        let (id, place) = self.instance(host)?;
        let client = place.ssm();
        let signal = if go_on { "continue" } else { "stop" };
        let sent = client
            .send_command()
            .document_name(&self.document)
            .instance_ids(id)
            .parameters("Process", vec![process.to_owned()])
            .parameters("Signal", vec![signal.to_owned()])
            .timeout_seconds(DELIVERY_S)
            .comment(format!("gumshoe: {signal} one process, by a person's press"))
            .send()
            .await
            .map_err(|error| NotDone(format!("SSM did not take the command for {id}: {}", reason(&error))))?;
        let command = sent.command.and_then(|command| command.command_id);
        let command = command.ok_or_else(|| NotDone::because("SSM took the command and named none"))?;
        let until = Instant::now() + SIGNAL_MAX;
        while Instant::now() < until {
            tokio::time::sleep(POLL).await;
            let asked = client.get_command_invocation().command_id(&command).instance_id(id).send().await;
            if let Ok(invocation) = asked
                && let Some(outcome) = outcome(&invocation)
            {
                return outcome;
            }
        }
        Err(NotDone(format!(
            "{id} did not answer within {} s; look whether the process runs",
            SIGNAL_MAX.as_secs()
        )))
    }
}

/// What a command came to; none while it is under way.
fn outcome(invocation: &GetCommandInvocationOutput) -> Option<Result<String, NotDone>> {
    let status = invocation.status().map(|status| status.as_str()).unwrap_or_default();
    let said = |text: Option<&str>| crate::untrusted::visible(text.unwrap_or_default().trim(), SAID_MAX);
    match status {
        "Pending" | "InProgress" | "Delayed" | "Cancelling" | "" => None,
        "Success" => Some(Ok(said(invocation.standard_output_content()))),
        _ => {
            let why = said(invocation.standard_error_content());
            let why = if why.is_empty() { format!("the command ended as {status}") } else { why };
            Some(Err(NotDone(why)))
        }
    }
}

/// Whether a rule lets through more of the Internet than any network of one's own is wide. What a prefix list holds is
/// not known here, and may change.
fn reaches_everywhere(rule: &IpPermission) -> bool {
    let is_wide = |cidr: Option<&str>| {
        let prefix = cidr.and_then(|cidr| cidr.rsplit_once('/')?.1.parse::<u8>().ok());
        prefix.is_none_or(|prefix| prefix < NARROW)
    };
    rule.ip_ranges().iter().any(|range| is_wide(range.cidr_ip()))
        || rule.ipv6_ranges().iter().any(|range| is_wide(range.cidr_ipv6()))
        || !rule.prefix_list_ids().is_empty()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::IpRange;
    use aws_sdk_ec2::types::Ipv6Range;
    use aws_sdk_ec2::types::PrefixListId;
    use aws_sdk_ec2::types::UserIdGroupPair;

    use super::*;

    #[test]
    fn a_group_that_lets_most_of_the_internet_through_isolates_nothing() {
        let four = |cidr: &str| IpPermission::builder().ip_ranges(IpRange::builder().cidr_ip(cidr).build());
        let six =
            |cidr: &str| IpPermission::builder().ipv6_ranges(Ipv6Range::builder().cidr_ipv6(cidr).build());
        for (rule, expected) in [
            (four("0.0.0.0/0"), true),
            (four("0.0.0.0/1"), true),
            (four("128.0.0.0/1"), true),
            (four("96.0.0.0/7"), true),
            (four("10.0.0.0/8"), false),
            (four("192.0.2.10/32"), false),
            (four("no network"), true),
            (six("::/0"), true),
            (six("8000::/1"), true),
            (six("2000::/3"), true),
            (six("fc00::/8"), false),
            (six("2001:db8::/32"), false),
            (
                IpPermission::builder()
                    .prefix_list_ids(PrefixListId::builder().prefix_list_id("pl-0a").build()),
                true,
            ),
            (
                IpPermission::builder()
                    .user_id_group_pairs(UserIdGroupPair::builder().group_id("sg-0a").build()),
                false,
            ),
        ] {
            let rule = rule.build();
            assert_eq!(reaches_everywhere(&rule), expected, "{rule:?}");
        }
    }
}
