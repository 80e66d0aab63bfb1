//! Who held the address then, and what is known of who says nothing: the program that is shipped, beside an AWS that answers
//! from memory.

use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use serde_json::Value;
use serde_json::json;
use tests::lab::output_within;
use tests::lab::wait_until;
use tests::programs::Programs;
use tests::serving::ACCUSED;
use tests::serving::Serving;
use tests::serving::Settings;
use tests::serving::culprits;
use tests::serving::hosts;
use tests::serving::notice;
use tests::serving::terms;
use tests::standins::cloud::Cloud;
use tests::standins::cloud::FlowLogs;
use tests::standins::cloud::Further;
use tests::standins::cloud::Interface;
use tests::standins::cloud::OWN_ACCOUNT;
use tests::standins::cloud::Reply;
use tests::standins::cloud::Script;
use tests::standins::cloud::Terms;

/// When the recorded scan was, and its victim.
const SCANNED: &str = "2026-11-21T10:02:07Z";
const VICTIM: &str = "198.51.100.20";

const RUN_MAX: Duration = Duration::from_secs(60);

/// Runs `gumshoe investigate` on a notice; returns its report.
fn investigate(cloud: &Cloud, notice: &str, limits: &str) -> anyhow::Result<Value> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    fs::write(path("notice.eml"), notice)?;
    let settings = format!(
        "state_dir = {:?}\nregions = [\"us-east-1\"]\n[limits]\n{limits}",
        path("state").display().to_string()
    );
    fs::write(path("gumshoe.toml"), settings)?;
    let mut gumshoe = Command::new(Programs::gumshoe()?);
    gumshoe.arg("investigate").arg(path("notice.eml")).args(["--format", "json", "--config"]);
    gumshoe.arg(path("gumshoe.toml")).envs(cloud.environment()).env("RUST_LOG", "warn");
    let output = output_within("gumshoe investigate", &mut gumshoe, RUN_MAX)?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(cloud.unknown().is_empty(), "calls that nobody knows: {:?}", cloud.unknown());
    serde_json::from_slice(&output.stdout).with_context(|| told)
}

/// A notice in a few words.
fn accusing(whom: &str) -> String {
    format!(
        "Subject: Abuse report: port scan\n\nSource: {whom}\nDestination IP: {VICTIM}\nDestination port: 443\n\
         Time: 2026-11-21 10:02:07 UTC\nType: port scan\n"
    )
}

/// The hosts of a report, each with why it is one.
fn candidates(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let hosts = report["judgement"]["hosts"].as_array().into_iter().flatten();
    hosts.map(|view| (text(&view["host"]["instance_id"]), text(&view["host"]["why"]))).collect()
}

fn notes(report: &Value) -> String {
    let notes = report["notes"].as_array().into_iter().flatten();
    notes.filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

/// An interface of the bot's own account.
fn interface(number: usize, kind: &str, description: &str, instance: Option<&str>) -> Interface {
    Interface {
        id: format!("eni-{number:017x}"),
        account: OWN_ACCOUNT.to_owned(),
        region: "us-east-1".to_owned(),
        kind: kind.to_owned(),
        description: description.to_owned(),
        instance: instance.map(str::to_owned),
        ..Interface::default()
    }
}

#[test]
fn an_address_is_found_however_it_is_held() -> anyhow::Result<()> {
    let hosts = hosts(2);
    let (one, node) = (hosts[0].id.clone(), hosts[1].id.clone());
    let four = |text: &str| text.parse::<Ipv4Addr>().map_err(anyhow::Error::from);
    let interfaces = vec![
        Interface {
            addresses: vec![
                (four("10.0.9.1")?, Some(four("198.18.9.1")?)),
                (four("10.0.9.2")?, Some(four("198.18.9.2")?)),
            ],
            six: vec!["2001:db8::7".parse()?],
            ..interface(1, "interface", "", Some(&one))
        },
        // A node of EKS: pods have its secondary addresses, and a prefix that is delegated to it.
        Interface {
            addresses: vec![(four("10.0.8.1")?, None), (four("100.64.3.4")?, None)],
            prefixes: vec!["10.0.1.16/28".to_owned(), "2001:db8:1::/80".to_owned()],
            ..interface(2, "interface", "aws-K8S-i-1", Some(&node))
        },
        interface(3, "trunk", "aws-k8s-trunk-eni", Some(&node)),
        Interface {
            addresses: vec![(four("10.0.7.7")?, None)],
            tags: vec![("vpcresources.k8s.aws/trunk-eni-id".to_owned(), format!("eni-{:017x}", 3))],
            ..interface(4, "branch", "aws-k8s-branch-eni", None)
        },
        // A task of ECS on a host of the account: nothing names the trunk.
        Interface {
            addresses: vec![(four("10.0.7.8")?, None)],
            ..interface(8, "branch", "arn:aws:ecs:us-east-1:111122223333:attachment/0b", None)
        },
        Interface {
            addresses: vec![(four("10.0.6.6")?, Some(four("198.18.6.6")?))],
            ..interface(5, "interface", "arn:aws:ecs:us-east-1:111122223333:attachment/0a", None)
        },
        Interface {
            addresses: vec![(four("10.0.5.5")?, Some(four("198.18.5.5")?))],
            ..interface(6, "network_load_balancer", "ELB net/shop/0a", None)
        },
        Interface {
            addresses: vec![(four("10.0.4.4")?, None)],
            ..interface(7, "lambda", "AWS Lambda VPC ENI-shop", None)
        },
    ];
    let cloud = Cloud::start(Terms { interfaces, ..terms(hosts.clone(), culprits()) })?;
    let public = hosts[0].public.context("a public address")?.to_string();
    let name = format!("ec2-{}.compute-1.amazonaws.com", public.replace('.', "-"));
    let private = hosts[0].private.to_string();
    let found: [(&str, &str, &str); 12] = [
        (&public, &one, "holds 198.18.0.10 now"),
        (&name, &one, "holds 198.18.0.10 now"),
        (&private, &one, "of vpc-0123456789abcdef0 now"),
        ("198.18.9.1", &one, "holds 198.18.9.1 now"),
        ("198.18.9.2", &one, "holds 198.18.9.2 now"),
        ("2001:db8::7", &one, "holds 2001:db8::7 now"),
        ("10.0.9.2", &one, "of vpc-0123456789abcdef0 now"),
        ("100.64.3.4", &node, "holds 100.64.3.4 of vpc-0123456789abcdef0 now"),
        ("10.0.1.20", &node, "holds 10.0.1.20 of vpc-0123456789abcdef0 now"),
        ("2001:db8:1::9", &node, "holds 2001:db8:1::9 now"),
        ("10.0.7.7", &node, "is the node of 10.0.7.7"),
        ("10.0.7.8", &node, "is the only host off whose trunk"),
    ];
    for (whom, instance, why) in found {
        let report = investigate(&cloud, &accusing(whom), "")?;
        let all = candidates(&report);
        ensure!(all.len() == 1 && all[0].0 == instance && all[0].1.contains(why), "{whom}: {all:?}");
    }
    for (whom, what) in [
        ("198.18.6.6", "an ECS or Fargate task: there is no host to ask"),
        ("198.18.5.5", "load balancer net/shop/0a"),
        ("10.0.4.4", "a Lambda function: there is no host to ask"),
        ("198.18.77.77", "holds 198.18.77.77 now"),
    ] {
        let report = investigate(&cloud, &accusing(whom), "")?;
        ensure!(
            candidates(&report).is_empty() && notes(&report).contains(what),
            "{whom}: {}",
            notes(&report)
        );
    }
    Ok(())
}

/// AWS Config as it would be: `i-1` got the address an hour before the scan and lost it an hour after, by itself.
fn config(first: String, address: String) -> Further {
    let scanned: jiff::Timestamp = SCANNED.parse().unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let at = move |hours: i64| scanned.as_second() + hours * 3_600;
    Arc::new(move |name, input| match name {
        "ListDiscoveredResources" => {
            let page = match input["nextToken"].as_str() {
                None => json!({"nextToken": "2", "resourceIdentifiers": [
                    {"resourceType": "AWS::EC2::NetworkInterface", "resourceId": "eni-long-gone",
                     "resourceDeletionTime": at(-10)},
                    {"resourceType": "AWS::EC2::NetworkInterface", "resourceId": "eni-now"}]}),
                Some(_) => json!({"resourceIdentifiers": [
                    {"resourceType": "AWS::EC2::NetworkInterface", "resourceId": "eni-then",
                     "resourceDeletionTime": at(2)}]}),
            };
            Some(Ok(page))
        }
        "GetResourceConfigHistory" => {
            let with = json!({"publicIp": address, "ipOwnerId": "amazon"});
            let item = |hours: i64, status: &str, association: &Value| {
                let configuration = json!({
                    "networkInterfaceId": "eni-then", "attachment": {"instanceId": first},
                    "privateIpAddress": "10.0.0.99", "association": association, "privateIpAddresses": [],
                });
                json!({
                    "configurationItemCaptureTime": at(hours), "configurationItemStatus": status,
                    "resourceId": "eni-then", "configuration": configuration.to_string(),
                })
            };
            Some(match input["resourceId"].as_str() {
                Some("eni-then") => Ok(json!({"configurationItems": [
                    {"configurationItemCaptureTime": at(2), "configurationItemStatus": "ResourceDeleted"},
                    item(1, "OK", &Value::Null), item(-1, "OK", &with),
                    item(-2, "ResourceDiscovered", &Value::Null)]})),
                Some("eni-now") => Ok(json!({"configurationItems": []})),
                other => {
                    eprintln!("asked for {other:?}");
                    Err("ResourceNotDiscoveredException")
                }
            })
        }
        _ => None,
    })
}

#[test]
fn who_held_an_address_then_is_read_from_aws_config() -> anyhow::Result<()> {
    let hosts = hosts(2);
    let (then, now) = (hosts[0].id.clone(), hosts[1].id.clone());
    let address = hosts[1].public.context("a public address")?;
    let mut all = hosts;
    all[0].public = None;
    // Only who held it then did it.
    let (did_it, scan) = (then.clone(), culprits());
    let script: Script =
        Arc::new(move |id, query| if id == did_it { scan(id, query) } else { Reply::Silent });
    let further = Some(config(then.clone(), address.to_string()));
    let cloud = Cloud::start(Terms { further, ..terms(all.clone(), script.clone()) })?;
    let report = investigate(&cloud, &notice(0, address)?, "ssm_deadline_s = 3\n")?;
    let found = candidates(&report);
    let why = |id: &str| found.iter().find(|(known, _)| known == id).map(|(_, why)| why.clone());
    let interval = format!(
        "held {address} from 2026-11-21T08:02:07Z or up to 2026-11-21T09:02:07Z, until 2026-11-21T09:02:07Z or up to \
         2026-11-21T11:02:07Z"
    );
    ensure!(why(&then).is_some_and(|why| why.contains(&interval)), "{found:?}");
    ensure!(why(&now).is_some_and(|why| why.contains("now")), "{found:?}");
    ensure!(report["facts"]["tool"] == "nmap" && report["facts"]["person"] == "alice", "{report:#}");
    ensure!(report["facts"]["instance_id"] == then.as_str(), "{}", report["facts"]);
    // What ended before the claimed time is not even read.
    ensure!(cloud.asked("GetResourceConfigHistory") == 2, "{:?}", cloud.calls());

    // Where it is off, nobody misses it; where it may not be read, that is said.
    for (code, said) in
        [("NoAvailableConfigurationRecorderException", false), ("AccessDeniedException", true)]
    {
        let refuse: Further =
            Arc::new(move |name, _| (name == "ListDiscoveredResources").then_some(Err(code)));
        let cloud = Cloud::start(Terms { further: Some(refuse), ..terms(all.clone(), script.clone()) })?;
        let report = investigate(&cloud, &notice(0, address)?, "ssm_deadline_s = 3\n")?;
        let told = notes(&report);
        ensure!(told.contains("AWS Config of us-east-1 could not be asked") == said, "{code}: {told}");
        ensure!(told.contains("was not recorded; only who holds it now"), "{code}: {told}");
    }
    Ok(())
}

#[test]
fn a_repeated_notice_costs_fewer_calls_and_an_address_that_moved_is_found_where_it_is() -> anyhow::Result<()>
{
    const REGIONS: [&str; 6] =
        ["us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-central-1"];
    let mut all = hosts(2);
    all[0].region = REGIONS[4].to_owned();
    all[1].region = REGIONS[5].to_owned();
    all[1].public = None;
    let address = all[0].public.context("a public address")?;
    let settings = Settings { regions: REGIONS.map(str::to_owned).to_vec(), ..Settings::default() };
    let serving = Serving::start(&Programs::gumshoe()?, terms(all.clone(), culprits()), &settings)?;
    let cost = |number: usize| -> anyhow::Result<(usize, String)> {
        let before = serving.cloud.asked("DescribeNetworkInterfaces");
        // It names neither account nor region, so that it may be anywhere, and each has a time of its own, or it would be
        // one case.
        let text = format!(
            "Subject: Abuse report\n\nSource IP: {address}\nTime: 2026-11-21 10:0{number}:07 UTC\nType: port scan\n"
        );
        serving.cloud.send(&text);
        let report = serving.report(number, RUN_MAX)?;
        Ok((serving.cloud.asked("DescribeNetworkInterfaces") - before, report.read()))
    };
    let (first, told) = cost(0)?;
    ensure!(told.contains(&all[0].id), "{told}");
    let (second, told) = cost(1)?;
    ensure!(told.contains(&all[0].id), "{told}");
    ensure!(second < first, "{second} calls after {first}");
    // It moves to another region, and nobody tells the bot.
    serving.cloud.give(&all[0].id, None);
    serving.cloud.give(&all[1].id, Some(address));
    let (third, told) = cost(2)?;
    ensure!(told.contains(&all[1].id) && !told.contains(&all[0].id), "{told}");
    ensure!(third > second, "{third} calls after {second}");
    serving.end().map(drop)
}

/// CloudWatch Logs with these records of flow logs, in the pages that were asked for.
fn logs(records: Vec<String>, asked: Arc<Mutex<Vec<Value>>>) -> Further {
    Arc::new(move |name, input| {
        if name != "FilterLogEvents" {
            return None;
        }
        asked.lock().unwrap_or_else(PoisonError::into_inner).push(input.clone());
        let wanted = input["filterPattern"].as_str().unwrap_or_default().trim_matches('"').to_owned();
        let fitting: Vec<&String> = records.iter().filter(|record| record.contains(&wanted)).collect();
        let start: usize = input["nextToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(0);
        let page: Vec<Value> =
            fitting.iter().skip(start).take(2).map(|record| json!({"message": record})).collect();
        let mut answer = json!({"events": page, "searchedLogStreams": []});
        if start + 2 < fitting.len() {
            answer["nextToken"] = json!((start + 2).to_string());
        }
        Some(Ok(answer))
    })
}

#[test]
fn flow_logs_tell_of_a_host_that_says_nothing() -> anyhow::Result<()> {
    let host = hosts(1).remove(0);
    let address = host.public.unwrap_or(ACCUSED);
    let begun = SCANNED.parse::<jiff::Timestamp>()?.as_second();
    let record = |to: &str, port: u16, action: &str| {
        let (from, end) = (host.private, begun + 50);
        format!("2 {OWN_ACCOUNT} eni-0 {from} {to} 40705 {port} 6 2 88 {begun} {end} {action} OK")
    };
    let scan: Vec<String> =
        [443, 1_721, 1_310, 311, 8_194].map(|port| record(VICTIM, port, "ACCEPT")).to_vec();
    let group = || vec![FlowLogs::Group("/vpc/flow".to_owned())];
    let s3 = || vec![FlowLogs::S3("arn:aws:s3:::example-flows/net".to_owned())];
    let denied: Further =
        Arc::new(|name, _| (name == "FilterLogEvents").then_some(Err("AccessDeniedException")));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = "the flow log /vpc/flow of eni-00000000000000000";
    let cases: Vec<(&str, Vec<FlowLogs>, Further, String)> = vec![
        (
            "supports",
            group(),
            logs(scan, Arc::clone(&asked)),
            format!(
                "{log} has 5 records of what it sent to {VICTIM} 5 ports (311 to 8194): 10 packets, 440 bytes, \
                 2026-11-21T10:02:07Z to 2026-11-21T10:02:57Z, 5 ACCEPT, 0 REJECT; that supports the notice"
            ),
        ),
        (
            "contradicts",
            group(),
            logs(vec![record("192.0.2.77", 443, "ACCEPT")], Arc::clone(&asked)),
            format!(
                "{log} has other traffic of that time and none sent to {VICTIM}: that contradicts the notice"
            ),
        ),
        ("silent", group(), logs(Vec::new(), Arc::clone(&asked)), format!("{log} has nothing of that time")),
        ("denied", group(), denied, format!("{log} could not be read: AccessDeniedException")),
        (
            "elsewhere",
            s3(),
            logs(Vec::new(), Arc::clone(&asked)),
            "look there: s3://example-flows/net/AWSLogs/".to_owned(),
        ),
    ];
    for (name, flow_logs, further, expected) in cases {
        let silent: Script = Arc::new(|_, _| Reply::Silent);
        let further = Some(further);
        let terms = Terms { flow_logs, further, ..terms(vec![host.clone()], silent) };
        let cloud = Cloud::start(terms)?;
        let report = investigate(&cloud, &notice(0, address)?, "ssm_deadline_s = 2\n")?;
        let told = notes(&report);
        ensure!(told.contains(&expected), "{name}: {told}");
        // With what else is known of it.
        ensure!(told.contains("tells nothing") && told.contains("tag Owner=platform"), "{name}: {told}");
    }
    let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
    ensure!(asked[0]["logStreamNamePrefix"] == "eni-00000000000000000", "{}", asked[0]);
    let window = (asked[0]["startTime"].as_i64(), asked[0]["endTime"].as_i64());
    let (Some(from), Some(to)) = window else { anyhow::bail!("no window: {}", asked[0]) };
    ensure!(from <= begun * 1_000 && begun * 1_000 <= to && to - from < 14_400_000, "{from} to {to}");
    Ok(())
}

#[test]
fn aws_tells_a_bot_of_what_moved_and_its_replica_knows() -> anyhow::Result<()> {
    let moto = tests::standins::Moto::start()?;
    moto.create_table("cases")?;
    let mut all = hosts(2);
    let address = all[0].public.context("a public address")?;
    all[1].public = None;
    let (first, second) = (all[0].id.clone(), all[1].id.clone());
    let dynamodb = Some(moto.address().to_owned());
    let settings = Settings {
        limits: "sweep_s = 2\n".to_owned(),
        more: "[store]\ndynamodb_table = \"cases\"\n".to_owned(),
        ..Settings::default()
    };
    let terms = Terms { dynamodb, ..terms(all, culprits()) };
    let serving = Serving::start(&Programs::gumshoe()?, terms, &settings)?;
    // An event that the first one hears of, which then ends: an Elastic IP was given to the second instance.
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let event = json!({
        "version": "0", "id": "0", "detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2",
        "account": OWN_ACCOUNT, "time": now, "region": "us-east-1", "resources": [],
        "detail": {
            "eventName": "AssociateAddress", "eventTime": now, "awsRegion": "us-east-1",
            "recipientAccountId": OWN_ACCOUNT,
            "requestParameters": {"publicIp": address.to_string(), "instanceId": second},
            "responseElements": {"associationId": "eipassoc-0a"},
        },
    });
    serving.cloud.send(&event.to_string());
    wait_until("the event to be followed", RUN_MAX, || serving.cloud.left() == 0)?;
    let told = moto.call("Scan", &json!({"TableName": "cases"}))?;
    let items = told["Items"].as_array().cloned().unwrap_or_default();
    let is_fact = |item: &&Value| item["pk"]["S"] == format!("ADDRESS#{address}");
    let facts: Vec<&Value> = items.iter().filter(is_fact).collect();
    ensure!(
        facts.iter().any(|item| item["fact"]["S"].as_str().is_some_and(|fact| fact.contains(&second))),
        "{facts:?} of {first}"
    );
    ensure!(items.iter().any(|item| item["pk"]["S"] == "NAME#eipassoc-0a"), "its name is not told");
    wait_until("a round of looks to be told", RUN_MAX, || {
        let told = moto.call("Scan", &json!({"TableName": "cases"})).unwrap_or_default();
        told["Items"].as_array().into_iter().flatten().any(|item| item["pk"]["S"] == "LOOKS")
    })
}
