//! AWS for one lab: a moto server with what Gumshoe needs in it, and calls to it.
//!
//! The rules live in `tests/standins/*.py`. This file starts them, builds the account (queue,
//! topic, instance with an Elastic IP, SSM document) and registers hosts for SSM.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::PoisonError;

use anyhow::Context;
use anyhow::bail;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;

use crate::lab;
use crate::lab::Host;
use crate::lab::Lab;

/// The region of everything in the account.
pub const REGION: &str = "us-east-1";
/// The name of the document that stops a process.
pub const STOP_DOCUMENT_NAME: &str = "Gumshoe-Stop";
/// The security group that cuts an instance off.
pub const ISOLATION_GROUP: &str = "gumshoe-isolated";
/// Who answers reporters.
pub const ANSWERS_FROM: &str = "abuse@example.com";
/// Where abuse notices are mailed to.
pub const RECIPIENT: &str = "aws-abuse@example.com";

/// The SSM document that is shipped; the tests run this very file.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../terraform/modules/account/ssm-document.json");
/// The document that stops one process, likewise.
const STOP_DOCUMENT: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../terraform/modules/account/ssm-stop-document.json");
/// The image that the instance runs, as `amis.json` describes it.
const IMAGE: &str = "ami-0debian1200000001";
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/standins");

/// What AWS answered instead of doing it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refused {
    /// The error code, such as `InvalidInstanceId`.
    pub code: String,
    /// What it said.
    pub message: String,
}

/// A host's registration with SSM.
#[derive(Debug, Clone)]
pub struct Managed {
    /// EC2 or hybrid instance id.
    pub instance_id: String,
    /// `Online`, `ConnectionLost` or `Inactive`.
    pub ping_status: String,
    /// The agent's version; before 3.3.2746.0 it sets no variables for parameters.
    pub agent_version: String,
}

impl Managed {
    /// A host with a current agent that is online.
    pub fn online(instance_id: &str) -> Self {
        Self {
            instance_id: instance_id.to_owned(),
            ping_status: "Online".to_owned(),
            agent_version: "3.3.4108.0".to_owned(),
        }
    }
}

/// One AWS account for one lab.
#[derive(Debug)]
pub struct Aws {
    /// Its endpoint, for every service.
    pub endpoint: String,
    /// The queue that notices arrive in.
    pub queue_url: String,
    /// The topic that feeds the queue.
    pub topic_arn: String,
    /// The lab's instance.
    pub instance_id: String,
    /// The account's twelve digits.
    pub account: String,
    /// The name of the SSM document.
    pub document: String,
    hosts: PathBuf,
    calls: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Aws {
    /// Starts the stand-in inside the lab, which also ends it, and builds the account. The lab's
    /// instance is registered with SSM and online.
    ///
    /// # Errors
    /// When it does not start (`tests/setup.sh` installs what it needs) or refuses the account.
    pub fn start(lab: &mut Lab) -> anyhow::Result<Self> {
        let hosts = lab.dir().join("ssm");
        fs::create_dir(&hosts)?;
        let log = fs::File::create(lab.dir().join("aws.log"))?;
        let mut server = python(lab, "moto_aws.py")?;
        let mut server =
            server.arg(&hosts).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let port = first_line(&mut server).context("the AWS stand-in did not start: see aws.log")?;
        lab.keep(server);
        let endpoint = format!("http://127.0.0.1:{}", port["port"]);

        let mut calls = python(lab, "aws_calls.py")?;
        calls.envs(environment(&endpoint)).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut calls = calls.spawn()?;
        let pipes = calls.stdin.take().zip(calls.stdout.take().map(BufReader::new)).context("no pipes")?;
        lab.keep(calls);

        let mut aws = Self {
            endpoint,
            queue_url: String::new(),
            topic_arn: String::new(),
            instance_id: String::new(),
            account: String::new(),
            document: "Gumshoe-Query".to_owned(),
            hosts,
            calls: Mutex::new(pipes),
        };
        aws.read_answer().context("aws_calls.py did not start")?;
        aws.build_mail()?;
        aws.build_instance()?;
        aws.build_document()?;
        aws.register(&Managed::online(&aws.instance_id), lab.instance())?;
        Ok(aws)
    }

    /// Makes one call, as boto3 names operations and arguments.
    ///
    /// # Errors
    /// [`Refused`] when AWS refuses it; others when the stand-in is gone.
    pub fn call(&self, service: &str, operation: &str, arguments: Value) -> anyhow::Result<Value> {
        let request = json!({"service": service, "operation": operation, "arguments": arguments});
        {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            writeln!(calls.0, "{request}")?;
        }
        let mut answer = self.read_answer().with_context(|| format!("{service} {operation}"))?;
        if let Some(refused) = answer.get("refused") {
            let text = |key: &str| refused[key].as_str().unwrap_or_default().to_owned();
            bail!(Refused { code: text("code"), message: text("message") });
        }
        Ok(answer["answer"].take())
    }

    /// Has a raw mail arrive: SES receives it, SNS publishes it, SQS holds it.
    ///
    /// # Errors
    /// When SES would bounce it.
    pub fn deliver_mail(&self, raw: &[u8]) -> anyhow::Result<()> {
        let arguments =
            json!({"mail": STANDARD.encode(raw), "recipient": RECIPIENT, "topic": self.topic_arn});
        self.call("ses", "receive", arguments).map(drop)
    }

    /// Has a raw mail arrive that SES stored in a bucket: the queue gets only what points at it. The mail itself
    /// is put there by [`Aws::store_mail`], before or after.
    ///
    /// # Errors
    /// When SES would bounce it.
    pub fn deliver_stored_mail(&self, raw: &[u8], bucket: &str, key: &str) -> anyhow::Result<()> {
        let arguments = json!({
            "mail": STANDARD.encode(raw), "recipient": RECIPIENT, "topic": self.topic_arn,
            "stored": {"bucket": bucket, "key": key},
        });
        self.call("ses", "receive", arguments).map(drop)
    }

    /// Puts a mail where SES's S3 action would have put it, making the bucket.
    ///
    /// # Errors
    /// When S3 refuses it.
    pub fn store_mail(&self, mail: &str, bucket: &str, key: &str) -> anyhow::Result<()> {
        self.call("s3", "create_bucket", json!({"Bucket": bucket}))?;
        self.call("s3", "put_object", json!({"Bucket": bucket, "Key": key, "Body": mail})).map(drop)
    }

    /// Registers a lab's host with SSM, or changes what its agent says.
    ///
    /// # Errors
    /// When the registration cannot be written.
    pub fn register(&self, managed: &Managed, host: &Host) -> anyhow::Result<()> {
        let anchor = host.anchor();
        let path = self.hosts.join(format!("{}.json", managed.instance_id));
        let registration = json!({
            "instance_id": managed.instance_id,
            "region": REGION,
            "enter": ["nsenter", &format!("--target={anchor}"), "--mount", "--net", "--uts", "--wd=/usr/bin", "--"],
            "root": host.path("/"),
            "cgroup_procs": host.cgroup().path().join("cgroup.procs"),
            "ping_status": managed.ping_status,
            "agent_version": managed.agent_version,
            "address": host.address(),
            "name": "ip-10-0-1-10.ec2.internal",
        });
        // In place at once: the stand-in may be reading.
        let partial = path.with_extension("partial");
        fs::write(&partial, registration.to_string())?;
        fs::rename(&partial, &path).context("register the host")
    }

    /// Has SSM answer most calls that there are too many, or all calls again.
    ///
    /// # Errors
    /// When the stand-in cannot be told.
    pub fn throttle_ssm(&self, is_throttled: bool) -> anyhow::Result<()> {
        let path = self.hosts.join("throttled");
        if is_throttled {
            fs::write(&path, "")?;
        } else if path.exists() {
            fs::remove_file(&path)?;
        }
        Ok(())
    }

    /// Makes a host unknown to SSM.
    ///
    /// # Errors
    /// When it was not registered.
    pub fn deregister(&self, instance_id: &str) -> anyhow::Result<()> {
        fs::remove_file(self.hosts.join(format!("{instance_id}.json"))).context("deregister the host")
    }

    /// What a program needs in its environment to use this account and no other.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        environment(&self.endpoint)
    }

    fn read_answer(&self) -> anyhow::Result<Value> {
        let mut line = String::new();
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).1.read_line(&mut line)?;
        serde_json::from_str(&line).context("the AWS stand-in is gone")
    }

    fn text(
        &self,
        service: &str,
        operation: &str,
        arguments: Value,
        pointer: &str,
    ) -> anyhow::Result<String> {
        let answer = self.call(service, operation, arguments)?;
        let found = answer.pointer(pointer).and_then(Value::as_str);
        found.map(str::to_owned).with_context(|| format!("{operation} answered without {pointer}"))
    }

    fn build_mail(&mut self) -> anyhow::Result<()> {
        self.account = self.text("sts", "get_caller_identity", json!({}), "/Account")?;
        let dead = json!({"QueueName": "gumshoe-notices-unread"});
        let dead = self.text("sqs", "create_queue", dead, "/QueueUrl")?;
        let arn = json!({"QueueUrl": dead, "AttributeNames": ["QueueArn"]});
        let arn = self.text("sqs", "get_queue_attributes", arn, "/Attributes/QueueArn")?;
        let redrive = json!({"deadLetterTargetArn": arn, "maxReceiveCount": "5"}).to_string();
        let attributes = json!({"VisibilityTimeout": "120", "RedrivePolicy": redrive});
        let queue = json!({"QueueName": "gumshoe-notices", "Attributes": attributes});
        self.queue_url = self.text("sqs", "create_queue", queue, "/QueueUrl")?;
        let arn = json!({"QueueUrl": self.queue_url, "AttributeNames": ["QueueArn"]});
        let arn = self.text("sqs", "get_queue_attributes", arn, "/Attributes/QueueArn")?;
        self.topic_arn = self.text("sns", "create_topic", json!({"Name": "gumshoe-mail"}), "/TopicArn")?;
        let subscription = json!({"TopicArn": self.topic_arn, "Protocol": "sqs", "Endpoint": arn});
        self.call("sns", "subscribe", subscription).map(drop)
    }

    fn build_instance(&mut self) -> anyhow::Result<()> {
        let vpc = self.text("ec2", "create_vpc", json!({"CidrBlock": "10.0.0.0/16"}), "/Vpc/VpcId")?;
        let subnet = json!({"VpcId": vpc, "CidrBlock": "10.0.1.0/24"});
        let subnet = self.text("ec2", "create_subnet", subnet, "/Subnet/SubnetId")?;
        let tags = json!([{"Key": "Name", "Value": "web-3"}, {"Key": "Owner", "Value": "platform-team"}]);
        let instance = json!({
            "ImageId": IMAGE, "MinCount": 1, "MaxCount": 1, "InstanceType": "t3.small", "SubnetId": subnet,
            "PrivateIpAddress": lab::INSTANCE_PRIVATE,
            "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
        });
        self.instance_id = self.text("ec2", "run_instances", instance, "/Instances/0/InstanceId")?;
        let address = json!({"Domain": "vpc", "Address": lab::INSTANCE_PUBLIC});
        let address = self.text("ec2", "allocate_address", address, "/AllocationId")?;
        let association = json!({"AllocationId": address, "InstanceId": self.instance_id});
        self.call("ec2", "associate_address", association)?;
        self.build_responses(&vpc)
    }

    fn build_document(&self) -> anyhow::Result<()> {
        for (name, path) in [(self.document.as_str(), DOCUMENT), (STOP_DOCUMENT_NAME, STOP_DOCUMENT)] {
            let content = fs::read_to_string(Path::new(path)).context(path)?;
            let document = json!({
                "Name": name, "Content": content, "DocumentType": "Command", "DocumentFormat": "JSON",
                "TargetType": "/AWS::EC2::Instance",
            });
            self.call("ssm", "create_document", document)?;
        }
        Ok(())
    }

    /// What answering and isolating need: a sender that SES knows, and a group without rules.
    fn build_responses(&self, vpc: &str) -> anyhow::Result<()> {
        self.call("sesv2", "create_email_identity", json!({"EmailIdentity": ANSWERS_FROM}))?;
        let group = json!({"GroupName": ISOLATION_GROUP, "Description": "cut off", "VpcId": vpc});
        let group = self.text("ec2", "create_security_group", group, "/GroupId")?;
        let everywhere = json!([{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
        let egress = json!({"GroupId": group, "IpPermissions": everywhere});
        self.call("ec2", "revoke_security_group_egress", egress).map(drop)
    }

    /// The security groups that the instance's interfaces are in, by their names.
    ///
    /// # Errors
    /// When the account does not say.
    pub fn groups(&self) -> anyhow::Result<Vec<String>> {
        let filter = json!([{"Name": "attachment.instance-id", "Values": [self.instance_id]}]);
        let found = self.call("ec2", "describe_network_interfaces", json!({"Filters": filter}))?;
        let interfaces = found["NetworkInterfaces"].as_array().context("no interfaces")?;
        let groups = interfaces.iter().flat_map(|one| one["Groups"].as_array().into_iter().flatten());
        Ok(groups.filter_map(|group| group["GroupName"].as_str().map(str::to_owned)).collect())
    }

    /// Opens the group that cuts off to everywhere, as somebody might who needs to get in.
    ///
    /// # Errors
    /// When the account refuses.
    pub fn open_isolation_group(&self) -> anyhow::Result<()> {
        let everywhere = json!([{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/1"}]}]);
        let ingress = json!({"GroupId": self.isolation_group()?, "IpPermissions": everywhere});
        self.call("ec2", "authorize_security_group_ingress", ingress).map(drop)
    }

    /// Takes that back.
    ///
    /// # Errors
    /// When the account refuses.
    pub fn close_isolation_group(&self) -> anyhow::Result<()> {
        let everywhere = json!([{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/1"}]}]);
        let ingress = json!({"GroupId": self.isolation_group()?, "IpPermissions": everywhere});
        self.call("ec2", "revoke_security_group_ingress", ingress).map(drop)
    }

    /// Cuts the instance off by hand.
    ///
    /// # Errors
    /// When the account refuses.
    pub fn isolate_by_hand(&self) -> anyhow::Result<()> {
        let group = self.isolation_group()?;
        let filter = json!([{"Name": "attachment.instance-id", "Values": [self.instance_id]}]);
        let found = self.call("ec2", "describe_network_interfaces", json!({"Filters": filter}))?;
        for interface in found["NetworkInterfaces"].as_array().into_iter().flatten() {
            let change = json!({"NetworkInterfaceId": interface["NetworkInterfaceId"], "Groups": [group]});
            self.call("ec2", "modify_network_interface_attribute", change)?;
        }
        Ok(())
    }

    fn isolation_group(&self) -> anyhow::Result<String> {
        let filter = json!({"Filters": [{"Name": "group-name", "Values": [ISOLATION_GROUP]}]});
        self.text("ec2", "describe_security_groups", filter, "/SecurityGroups/0/GroupId")
    }

    /// The mails that SES was given to send, whole, oldest first.
    ///
    /// # Errors
    /// When the account does not say.
    pub fn sent_mails(&self) -> anyhow::Result<Vec<String>> {
        let answer = self.call("sent", "mails", json!({}))?;
        let mails = answer["mails"].as_array().context("no mails")?;
        Ok(mails.iter().filter_map(|mail| mail.as_str().map(str::to_owned)).collect())
    }
}

/// The secret key of whoever calls: moto takes any, and this one fits nothing else. No log may hold it.
pub fn secret_key() -> String {
    format!("secret-key-of-lab-{}", std::process::id())
}

fn environment(endpoint: &str) -> Vec<(&'static str, String)> {
    let secret = secret_key();
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", &secret),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

/// A script of the stand-in, with the Python environment that `tests/setup.sh` made.
fn python(lab: &Lab, script: &str) -> anyhow::Result<Command> {
    let python = crate::target_dir()?.join("venv/bin/python");
    if !python.exists() {
        bail!("{} is not there: run tests/setup.sh", python.display());
    }
    let mut command = lab.service("aws", python)?;
    command
        .arg(Path::new(SCRIPTS).join(script))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("AWS_PROFILE");
    Ok(command)
}

fn first_line(child: &mut Child) -> anyhow::Result<Value> {
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no pipe")?).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}
