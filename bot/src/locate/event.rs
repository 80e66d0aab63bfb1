//! What AWS's events say of addresses: who got one, who gave one up, which instance began or ended. Pure.
//!
//! The same records come two ways: from EventBridge, through the queue, and from CloudTrail's own list of the last
//! 90 days, in which they are the detail alone.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::Value;

/// Something that happened to an address, an instance or a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Twelve-digit account.
    pub account: String,
    /// Region.
    pub region: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// An address was given to an instance or interface.
    Associated {
        /// The address, where the event says it.
        address: Option<IpAddr>,
        /// Names that stand for the address: its allocation, and from now on its association.
        names: Vec<String>,
        /// The instance or interface.
        to: Option<String>,
    },
    /// An address was taken away.
    Released {
        /// The address, where the event says it.
        address: Option<IpAddr>,
        /// Names that stand for the address.
        names: Vec<String>,
    },
    /// An instance runs: it has addresses now.
    Running(String),
    /// An instance stopped or ended: what it gave up, it holds no more.
    Stopped(String),
    /// A command on an instance came to its end.
    Command {
        /// The command.
        command: String,
        /// The instance.
        instance: String,
    },
}

impl Event {
    /// Reads a message of the queue; none where it is no such event.
    pub fn read(message: &[u8]) -> Option<Self> {
        // Most messages are mails: those are told apart without reading them.
        let mut value: Value =
            (message.first() == Some(&b'{')).then(|| serde_json::from_slice(message).ok())??;
        if value["Type"] == "Notification" {
            value = serde_json::from_str(value["Message"].as_str()?).ok()?;
        }
        let detail = &value["detail"];
        match value["detail-type"].as_str()? {
            "AWS API Call via CloudTrail" if value["source"] == "aws.ec2" => Self::from_trail(detail),
            "EC2 Instance State-change Notification" => {
                let id = detail["instance-id"].as_str()?.to_owned();
                let what = match detail["state"].as_str()? {
                    "running" => What::Running(id),
                    "stopped" | "terminated" => What::Stopped(id),
                    _ => return None,
                };
                Self::of_envelope(&value, what)
            }
            "EC2 Command Invocation Status-change Notification" => {
                let status = detail["status"].as_str()?;
                let is_over = !matches!(status, "Pending" | "InProgress" | "Delayed" | "Cancelling");
                let instance = detail["instance-id"].as_str()?.to_owned();
                let command = detail["command-id"].as_str()?.to_owned();
                is_over.then(|| Self::of_envelope(&value, What::Command { command, instance }))?
            }
            _ => None,
        }
    }

    /// Reads a record of CloudTrail; none where it tells of no address, or of a call that failed.
    pub fn from_trail(record: &Value) -> Option<Self> {
        if record["errorCode"].is_string() {
            return None;
        }
        let asked = &record["requestParameters"];
        let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
        let address = asked["publicIp"].as_str().and_then(|text| text.parse().ok());
        let names = || {
            let association = text(&record["responseElements"], "associationId");
            [text(asked, "allocationId"), text(asked, "associationId"), association]
                .into_iter()
                .flatten()
                .collect()
        };
        let what = match record["eventName"].as_str()? {
            "AssociateAddress" => What::Associated {
                address,
                names: names(),
                to: text(asked, "instanceId").or_else(|| text(asked, "networkInterfaceId")),
            },
            "DisassociateAddress" | "ReleaseAddress" => What::Released { address, names: names() },
            _ => return None,
        };
        Some(Self {
            account: text(record, "recipientAccountId")
                .or_else(|| text(&record["userIdentity"], "accountId"))
                .unwrap_or_default(),
            region: text(record, "awsRegion")?,
            at: record["eventTime"].as_str()?.parse().ok()?,
            what,
        })
    }

    fn of_envelope(value: &Value, what: What) -> Option<Self> {
        Some(Self {
            account: value["account"].as_str()?.to_owned(),
            region: value["region"].as_str()?.to_owned(),
            at: value["time"].as_str()?.parse().ok()?,
            what,
        })
    }

    /// What kind it is, for counting.
    pub fn kind(&self) -> &'static str {
        match self.what {
            What::Associated { .. } => "aws_event/address_associated",
            What::Released { .. } => "aws_event/address_released",
            What::Running(_) => "aws_event/instance_running",
            What::Stopped(_) => "aws_event/instance_stopped",
            What::Command { .. } => "aws_event/command_ended",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn envelope(kind: &str, source: &str, detail: Value) -> Value {
        json!({
            "version": "0", "id": "0", "detail-type": kind, "source": source, "account": "111122223333",
            "time": "2026-11-21T10:00:00Z", "region": "eu-west-1", "resources": [], "detail": detail,
        })
    }

    fn call(name: &str, asked: Value, answered: Value) -> Value {
        json!({
            "eventName": name, "eventTime": "2026-11-21T09:59:58Z", "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333", "requestParameters": asked, "responseElements": answered,
        })
    }

    fn check(value: &Value, expected: Option<What>) {
        let found = Event::read(value.to_string().as_bytes());
        if let Some(event) = &found {
            assert_eq!((event.account.as_str(), event.region.as_str()), ("111122223333", "eu-west-1"));
        }
        let wrapped = json!({"Type": "Notification", "Message": value.to_string()});
        assert_eq!(Event::read(wrapped.to_string().as_bytes()), found);
        assert_eq!(found.map(|event| event.what), expected, "{value}");
    }

    #[test]
    fn events_tell_who_got_and_lost_an_address() {
        const CALL: &str = "AWS API Call via CloudTrail";
        let associated = call(
            "AssociateAddress",
            json!({"allocationId": "eipalloc-1", "instanceId": "i-1"}),
            json!({"associationId": "eipassoc-1"}),
        );
        let names = vec!["eipalloc-1".to_owned(), "eipassoc-1".to_owned()];
        let expected = What::Associated { address: None, names, to: Some("i-1".to_owned()) };
        check(&envelope(CALL, "aws.ec2", associated.clone()), Some(expected));
        check(&envelope(CALL, "aws.s3", associated.clone()), None);
        let mut failed = associated;
        failed["errorCode"] = "Client.InvalidAddress".into();
        check(&envelope(CALL, "aws.ec2", failed), None);
        let released = call("DisassociateAddress", json!({"publicIp": "203.0.113.10"}), Value::Null);
        let address = "203.0.113.10".parse().ok();
        check(&envelope(CALL, "aws.ec2", released), Some(What::Released { address, names: Vec::new() }));
    }

    #[test]
    fn events_tell_of_instances_and_commands() {
        const STATE: &str = "EC2 Instance State-change Notification";
        for (state, expected) in [
            ("running", Some(What::Running("i-1".to_owned()))),
            ("stopped", Some(What::Stopped("i-1".to_owned()))),
            ("terminated", Some(What::Stopped("i-1".to_owned()))),
            ("stopping", None),
            ("pending", None),
        ] {
            check(&envelope(STATE, "aws.ec2", json!({"instance-id": "i-1", "state": state})), expected);
        }
        const COMMAND: &str = "EC2 Command Invocation Status-change Notification";
        let ended = What::Command { command: "c-1".to_owned(), instance: "i-1".to_owned() };
        for (status, expected) in
            [("Success", Some(ended.clone())), ("Failed", Some(ended)), ("InProgress", None)]
        {
            let detail = json!({"command-id": "c-1", "instance-id": "i-1", "status": status});
            check(&envelope(COMMAND, "aws.ssm", detail), expected);
        }
    }

    #[test]
    fn what_is_no_such_event_is_left_to_the_readers() {
        for text in ["", "Hello", "{", "[]", "{}", r#"{"detail-type":"GuardDuty Finding","detail":{}}"#] {
            assert_eq!(Event::read(text.as_bytes()), None, "{text}");
        }
    }
}
