//! The AWS stand-in refuses what AWS refuses, and runs what SSM runs.

use std::fs;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use serde_json::Value;
use serde_json::json;
use tests::lab::INSTANCE_PUBLIC;
use tests::lab::Lab;
use tests::lab::wait_until;
use tests::standins::Aws;
use tests::standins::Managed;
use tests::standins::Refused;

const COMMAND_MAX: Duration = Duration::from_secs(30);

fn start() -> anyhow::Result<(Lab, Aws)> {
    let mut lab = Lab::up()?;
    let aws = Aws::start(&mut lab)?;
    Ok((lab, aws))
}

/// Why AWS refused the call.
fn refusal(answer: anyhow::Result<Value>) -> String {
    let error = answer.expect_err("it was not refused");
    error.downcast::<Refused>().expect("it failed otherwise").code
}

/// Makes a document of one step per script and returns its name.
fn document(aws: &Aws, scripts: &[&str], parameters: Value) -> anyhow::Result<String> {
    let steps: Vec<_> = scripts
        .iter()
        .enumerate()
        .map(|(number, script)| {
            json!({
                "action": "aws:runShellScript", "name": format!("step{number}"),
                "inputs": {"timeoutSeconds": "5", "runCommand": script.lines().collect::<Vec<_>>()},
            })
        })
        .collect();
    let content = json!({"schemaVersion": "2.2", "parameters": parameters, "mainSteps": steps}).to_string();
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let name = format!("Test-{}", NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let request =
        json!({"Name": name, "Content": content, "DocumentType": "Command", "DocumentFormat": "JSON"});
    aws.call("ssm", "create_document", request)?;
    Ok(name)
}

fn send(aws: &Aws, instance: &str, document: &str, parameters: Value) -> anyhow::Result<Value> {
    let request = json!({
        "DocumentName": document, "InstanceIds": [instance], "Parameters": parameters, "TimeoutSeconds": 30,
    });
    aws.call("ssm", "send_command", request)
}

fn command_id(sent: &Value) -> anyhow::Result<String> {
    Ok(sent["Command"]["CommandId"].as_str().context("no command id")?.to_owned())
}

/// Waits for the invocation's end and returns what GetCommandInvocation shows of one step.
fn result(aws: &Aws, instance: &str, command: &str, step: Option<&str>) -> anyhow::Result<Value> {
    let mut request = json!({"CommandId": command, "InstanceId": instance});
    if let Some(step) = step {
        request["PluginName"] = json!(step);
    }
    let mut last = Value::Null;
    wait_until("the command's end", COMMAND_MAX, || {
        last = aws.call("ssm", "get_command_invocation", request.clone()).unwrap_or_default();
        !matches!(last["Status"].as_str(), None | Some("Pending" | "InProgress"))
    })?;
    Ok(last)
}

/// Runs one script on the lab's instance.
fn run(aws: &Aws, script: &str) -> anyhow::Result<Value> {
    let document = document(aws, &[script], json!({}))?;
    let sent = send(aws, &aws.instance_id, &document, json!({}))?;
    result(aws, &aws.instance_id, &command_id(&sent)?, None)
}

#[test]
fn a_script_runs_on_the_host_as_the_agent_runs_it() -> anyhow::Result<()> {
    let (lab, aws) = start()?;
    let script = "hostname; id -u; pwd; echo \"home=${HOME-unset}\"; readlink -f /proc/$$/exe; echo $AWS_SSM_INSTANCE_ID
cat /proc/self/loginuid; echo; cat /proc/self/cgroup | grep ^0:; false; echo done";
    let shown = run(&aws, script)?;
    let stdout = shown["StandardOutputContent"].as_str().context("no output")?;
    let lines: Vec<_> = stdout.lines().collect();
    let shell = fs::canonicalize("/bin/sh")?.display().to_string();
    let cgroup = format!("0::/gumshoe-lab-{}/instance", lab.id());
    let expected = [
        "ip-10-0-1-10",
        "0",
        "/usr/bin",
        "home=unset",
        &shell,
        &aws.instance_id,
        "4294967295",
        &cgroup,
        "done",
    ];
    assert_eq!(lines, expected);
    // No `set -e`: the last command decides.
    assert_eq!((&shown["Status"], &shown["ResponseCode"]), (&json!("Success"), &json!(0)));
    Ok(())
}

#[test]
fn output_is_cut_as_ssm_cuts_it() -> anyhow::Result<()> {
    let (_lab, aws) = start()?;
    for (bytes, kept) in [(23_999, 23_999), (24_000, 24_000), (40_000, 24_000)] {
        let shown = run(&aws, &format!("head -c {bytes} /dev/zero | tr '\\0' x"))?;
        let stdout = shown["StandardOutputContent"].as_str().context("no output")?;
        assert_eq!(stdout.len(), kept);
        assert_eq!(stdout.ends_with("xxx--output truncated--"), bytes >= 24_000);
    }
    // Two bytes a character: the limit counts bytes.
    let shown = run(&aws, "i=0; while [ $i -lt 300 ]; do printf '%050d' 0 | sed s/0/é/g; i=$((i+1)); done")?;
    let stdout = shown["StandardOutputContent"].as_str().context("no output")?;
    assert_eq!(stdout.len(), 24_000);
    let shown = run(&aws, "head -c 30000 /dev/zero | tr '\\0' e >&2; exit 3")?;
    assert_eq!(shown["StandardErrorContent"].as_str().map(str::len), Some(8_000));
    Ok(())
}

#[test]
fn exit_codes_become_statuses() -> anyhow::Result<()> {
    let (lab, aws) = start()?;
    let shown = run(&aws, "echo a; echo b >&2; exit 3")?;
    assert_eq!((&shown["Status"], &shown["StatusDetails"]), (&json!("Failed"), &json!("Failed")));
    assert_eq!(shown["ResponseCode"], 3);
    assert_eq!(shown["StandardErrorContent"], "b\n\nfailed to run commands: exit status 3");

    let since = Instant::now();
    let shown = run(&aws, "sleep 61.7 & sleep 61.7")?;
    assert!(since.elapsed() >= Duration::from_secs(5));
    let expected = (&json!("TimedOut"), &json!("Execution Timed Out"), &json!(137));
    assert_eq!((&shown["Status"], &shown["StatusDetails"], &shown["ResponseCode"]), expected);
    let left = lab.instance().cgroup().processes()?.into_iter().filter(|pid| {
        fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("61.7"))
    });
    assert_eq!(left.count(), 0, "the process group is killed");

    // A failed step does not stop the next; 168 and 169 do.
    for (first, second_runs, status) in
        [("exit 1", true, "Failed"), ("exit 168", false, "Success"), ("exit 169", false, "Failed")]
    {
        let document = document(&aws, &[first, "echo second"], json!({}))?;
        let command = command_id(&send(&aws, &aws.instance_id, &document, json!({}))?)?;
        let listed = json!({"CommandId": command, "Details": true});
        wait_until("the command's end", COMMAND_MAX, || {
            let rows = aws.call("ssm", "list_command_invocations", listed.clone()).unwrap_or_default();
            rows["CommandInvocations"][0]["Status"] == status
        })?;
        let second = result(&aws, &aws.instance_id, &command, Some("step1"))?;
        assert_eq!(second["StandardOutputContent"] == "second\n", second_runs, "{first}");
        let unnamed = json!({"CommandId": command, "InstanceId": aws.instance_id});
        assert_eq!(refusal(aws.call("ssm", "get_command_invocation", unnamed)), "InvalidPluginName");
    }
    Ok(())
}

#[test]
fn commands_are_refused_as_ssm_refuses_them() -> anyhow::Result<()> {
    let (lab, aws) = start()?;
    let query = |value: &str| send(&aws, &aws.instance_id, &aws.document, json!({"Query": [value]}));
    for value in ["", "a b", "$(id)", "a\n", "a;id", "é", &"a".repeat(4097)] {
        assert_eq!(refusal(query(value)), "InvalidParameters", "{value:?}");
    }
    let without = send(&aws, &aws.instance_id, &aws.document, json!({}));
    assert_eq!(refusal(without), "InvalidParameters");
    let unknown = send(&aws, &aws.instance_id, &aws.document, json!({"Query": ["a"], "More": ["b"]}));
    assert_eq!(refusal(unknown), "InvalidParameters");
    assert_eq!(refusal(send(&aws, &aws.instance_id, "No-Such-Document", json!({}))), "InvalidDocument");
    let absent = send(&aws, "i-0123456789abcdef0", &aws.document, json!({"Query": ["a"]}));
    assert_eq!(refusal(absent), "InvalidInstanceId");
    let malformed = send(&aws, "web-3", &aws.document, json!({"Query": ["a"]}));
    assert_eq!(refusal(malformed), "ValidationException");

    // Not yet visible, then visible.
    let sent = query("a")?;
    assert_eq!(
        (&sent["Command"]["Status"], &sent["Command"]["DocumentName"]),
        (&json!("Pending"), &json!("Gumshoe-Query"))
    );
    let command = command_id(&sent)?;
    let get = json!({"CommandId": command, "InstanceId": aws.instance_id});
    assert_eq!(refusal(aws.call("ssm", "get_command_invocation", get)), "InvocationDoesNotExist");
    let listed = aws.call("ssm", "list_command_invocations", json!({"CommandId": command}))?;
    assert_eq!(listed["CommandInvocations"], json!([]));
    result(&aws, &aws.instance_id, &command, None)?;

    // An agent that does not answer leaves the command pending.
    let mut silent = Managed::online(&aws.instance_id);
    silent.ping_status = "ConnectionLost".to_owned();
    aws.register(&silent, lab.instance())?;
    let command = command_id(&query("a")?)?;
    std::thread::sleep(Duration::from_secs(1));
    let pending = aws.call(
        "ssm",
        "get_command_invocation",
        json!({"CommandId": command, "InstanceId": aws.instance_id}),
    )?;
    assert_eq!((&pending["Status"], &pending["ResponseCode"]), (&json!("Pending"), &json!(-1)));
    aws.call("ssm", "cancel_command", json!({"CommandId": command}))?;
    assert_eq!(result(&aws, &aws.instance_id, &command, None)?["Status"], "Cancelled");

    let filter = json!({"Filters": [{"Key": "InstanceIds", "Values": [aws.instance_id]}]});
    let information = aws.call("ssm", "describe_instance_information", filter)?;
    assert_eq!(information["InstanceInformationList"][0]["PingStatus"], "ConnectionLost");

    aws.call("ec2", "terminate_instances", json!({"InstanceIds": [aws.instance_id]}))?;
    assert_eq!(refusal(query("a")), "InvalidInstanceId");
    Ok(())
}

#[test]
fn the_shipped_document_asks_the_recorder_and_nothing_else() -> anyhow::Result<()> {
    let (lab, aws) = start()?;
    let ask = |query: &str| -> anyhow::Result<Value> {
        let sent = send(&aws, &aws.instance_id, &aws.document, json!({"Query": [query]}))?;
        result(&aws, &aws.instance_id, &command_id(&sent)?, None)
    };
    let absent = ask("abc_-9")?;
    assert_eq!(absent["ResponseCode"], 127);
    let said = absent["StandardErrorContent"].as_str().context("no error output")?;
    assert!(said.starts_with("host-recorder is not installed on this instance\n"), "{said}");

    let program = lab.dir().join("asked");
    fs::write(&program, "#!/bin/sh\nprintf '%s|' \"$0\" \"$@\"\n")?;
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    lab.instance().install(&program, "/usr/bin/host-recorder")?;
    let expected = "/usr/bin/host-recorder|query|--request|abc_-9|--wire|";
    assert_eq!(ask("abc_-9")?["StandardOutputContent"], expected);
    let mut old = Managed::online(&aws.instance_id);
    old.agent_version = "3.3.1611.0".to_owned();
    aws.register(&old, lab.instance())?;
    assert_eq!(ask("abc_-9")?["StandardOutputContent"], expected);
    Ok(())
}

#[test]
fn a_variable_is_not_code_but_an_old_agents_text_is() -> anyhow::Result<()> {
    let (lab, aws) = start()?;
    let parameters = json!({"Text": {"type": "String", "interpolationType": "ENV_VAR"}});
    let document = document(&aws, &["echo \"{{ Text }}\""], parameters)?;
    let value = "$(echo ran)";
    for (version, printed) in [("3.3.2746.0", "$(echo ran)\n"), ("3.3.2745.0", "ran\n")] {
        let mut managed = Managed::online(&aws.instance_id);
        managed.agent_version = version.to_owned();
        aws.register(&managed, lab.instance())?;
        let command = command_id(&send(&aws, &aws.instance_id, &document, json!({"Text": [value]}))?)?;
        assert_eq!(result(&aws, &aws.instance_id, &command, None)?["StandardOutputContent"], printed);
    }
    Ok(())
}

#[test]
fn an_address_is_found_where_it_is_now() -> anyhow::Result<()> {
    let (_lab, aws) = start()?;
    let holder = |filter: &str| -> anyhow::Result<Vec<Value>> {
        let request = json!({"Filters": [{"Name": filter, "Values": [INSTANCE_PUBLIC]}]});
        let mut found = aws.call("ec2", "describe_network_interfaces", request)?;
        Ok(found["NetworkInterfaces"].as_array_mut().map(std::mem::take).unwrap_or_default())
    };
    for filter in ["association.public-ip", "addresses.association.public-ip"] {
        let found = holder(filter)?;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["Attachment"]["InstanceId"], json!(aws.instance_id));
        assert_eq!(found[0]["PrivateIpAddress"], "10.0.1.10");
    }

    // The address moves to another instance: the first no longer answers for it.
    let subnet = holder("association.public-ip")?[0]["SubnetId"].clone();
    let images = aws.call("ec2", "describe_images", json!({}))?;
    let request =
        json!({"ImageId": images["Images"][0]["ImageId"], "MinCount": 1, "MaxCount": 1, "SubnetId": subnet});
    let other = aws.call("ec2", "run_instances", request)?["Instances"][0]["InstanceId"].clone();
    let address = aws.call("ec2", "describe_addresses", json!({"PublicIps": [INSTANCE_PUBLIC]}))?;
    let allocation = &address["Addresses"][0]["AllocationId"];
    let request = json!({"AllocationId": allocation, "InstanceId": other, "AllowReassociation": true});
    aws.call("ec2", "associate_address", request)?;
    let found = holder("association.public-ip")?;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["Attachment"]["InstanceId"], other);
    let request = json!({"Filters": [{"Name": "ip-address", "Values": [INSTANCE_PUBLIC]}]});
    let instances = aws.call("ec2", "describe_instances", request)?;
    assert_eq!(instances["Reservations"].as_array().map(Vec::len), Some(1));
    assert_eq!(instances["Reservations"][0]["Instances"][0]["InstanceId"], other);

    // Terminated: nobody holds it.
    aws.call("ec2", "terminate_instances", json!({"InstanceIds": [other]}))?;
    assert_eq!(holder("association.public-ip")?, Vec::<Value>::new());

    // A NAT gateway's interface says what it is.
    aws.call("ec2", "create_nat_gateway", json!({"SubnetId": subnet, "AllocationId": allocation}))?;
    let found = holder("association.public-ip")?;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["InterfaceType"], "nat_gateway");
    Ok(())
}

#[test]
fn a_mail_arrives_as_ses_and_sns_send_it() -> anyhow::Result<()> {
    let (_lab, aws) = start()?;
    let mail = "From: Amazon EC2 Abuse <ec2-abuse@amazon.com>\r\nTo: aws-abuse@example.com\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n\
                Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\nBody é\r\n";
    for raw in [mail.as_bytes(), b"From: a@example.com\r\n\r\n\xff\xfe\r\n"] {
        aws.deliver_mail(raw)?;
        let request = json!({"QueueUrl": aws.queue_url, "WaitTimeSeconds": 5});
        let received = aws.call("sqs", "receive_message", request)?;
        let message = &received["Messages"][0];
        let envelope: Value = serde_json::from_str(message["Body"].as_str().context("no body")?)?;
        assert_eq!(
            (&envelope["Type"], &envelope["TopicArn"]),
            (&json!("Notification"), &json!(aws.topic_arn))
        );
        let note: Value = serde_json::from_str(envelope["Message"].as_str().context("no message")?)?;
        assert_eq!(note["notificationType"], "Received");
        let content = note["content"].as_str().context("no content")?;
        match std::str::from_utf8(raw) {
            Ok(text) => assert_eq!((content, &note["receipt"]["action"]["encoding"]), (text, &json!("UTF8"))),
            Err(_) => assert_eq!(note["receipt"]["action"]["encoding"], "BASE64"),
        }
        assert_eq!(note["receipt"]["spfVerdict"]["status"], "PASS");
        let delete = json!({"QueueUrl": aws.queue_url, "ReceiptHandle": message["ReceiptHandle"]});
        aws.call("sqs", "delete_message", delete)?;
    }
    assert_eq!(refusal(aws.deliver_mail(&vec![b'a'; 200_000]).map(|()| Value::Null)), "Refused");
    Ok(())
}
