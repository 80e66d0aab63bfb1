//! What Gumshoe costs: the table of `docs/operations.md` is made here, from prices, from what the modules and the ring
//! have as defaults, and from what one host is taken to do.
//!
//! `UPDATE_DOCS=1 cargo nextest run -p tests costs` writes it anew.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Context;
use anyhow::ensure;
use history::RingLimits;
use regex::Regex;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const BEGIN: &str = "<!-- costs -->\n";
const END: &str = "<!-- /costs -->";

const HOURS_A_MONTH: f64 = 730.0;
const DAYS_A_MONTH: f64 = HOURS_A_MONTH / 24.0;

/// List prices of us-east-1, USD.
const VCPU_HOUR: f64 = 0.032_38;
const GB_HOUR: f64 = 0.003_56;
const IPV4_HOUR: f64 = 0.005;
const SECRET: f64 = 0.40;
const KEY: f64 = 1.0;
const ALARM: f64 = 0.10;
const METRIC: f64 = 0.30;
const LOG_GB: f64 = 0.50;
const S3_GB: f64 = 0.023;
const S3_THOUSAND_WRITES: f64 = 0.005;

/// What is taken of a host: a small server that is busy.
const EVENTS_A_SECOND: f64 = 35.0;
/// At most, sealed, as the benchmarks promise.
const BYTES_AN_EVENT: f64 = 10.0;
/// In the open log, measured of an idle server's mix.
const LOG_BYTES_AN_EVENT: f64 = 105.0;
/// The segment, and the index of its day.
const WRITES_A_SEGMENT: f64 = 2.0;
/// Of a task: its log, and the flow logs of its network.
const LOG_GB_A_TASK: f64 = 5.0;

/// What the modules make unless told otherwise.
struct Modules {
    vcpus: f64,
    memory_gb: f64,
    retention_days: f64,
    alarms: f64,
    metrics: f64,
    secrets: f64,
}

impl Modules {
    fn read() -> anyhow::Result<Self> {
        let file = |name: &str| fs::read_to_string(Path::new(ROOT).join("terraform/modules/bot").join(name));
        let (variables, alarms, service) = (file("variables.tf")?, file("alarms.tf")?, file("service.tf")?);
        let default = |name: &str| -> anyhow::Result<f64> {
            let pattern = Regex::new(&format!(r"{name}\s*= optional\(number, (\d+)\)"))?;
            let found = pattern.captures(&variables).with_context(|| format!("no default of {name}"))?;
            Ok(found[1].parse()?)
        };
        let count = |text: &str, what: &str| text.matches(what).count() as f64;
        let gauges = alarms.split("gauges = {").nth(1).and_then(|rest| rest.split("\n  }").next());
        let gauges = gauges.context("the gauges that become metrics")?;
        Ok(Self {
            vcpus: default("cpu")? / 1024.0,
            memory_gb: default("memory")? / 1024.0,
            retention_days: default("archive")?,
            alarms: count(&alarms, "resource \"aws_cloudwatch_metric_alarm\""),
            metrics: gauges.lines().filter(|line| line.contains(" = ")).count() as f64,
            secrets: count(&service, "resource \"aws_secretsmanager_secret\""),
        })
    }
}

/// Dollars as a person says them.
fn dollars(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

fn table() -> anyhow::Result<String> {
    let modules = Modules::read()?;
    let limits = RingLimits::default();
    let host_gb_a_day = EVENTS_A_SECOND * 86_400.0 * BYTES_AN_EVENT / 1e9;
    let log_seconds = limits.log_bytes as f64 / (EVENTS_A_SECOND * LOG_BYTES_AN_EVENT);
    let segments_a_day = 86_400.0 / log_seconds.min(limits.log_age.as_secs_f64());
    let writes = segments_a_day * DAYS_A_MONTH * WRITES_A_SEGMENT;
    let task = HOURS_A_MONTH * (modules.vcpus * VCPU_HOUR + modules.memory_gb * GB_HOUR);
    let fixed = modules.secrets * SECRET + KEY;
    let watched = modules.alarms * ALARM + modules.metrics * METRIC;
    let stored = host_gb_a_day * modules.retention_days;
    let mut text = String::from("| what | from | 100 instances | 10,000 instances |\n|---|---|---:|---:|\n");
    let mut sums = [0.0; 2];
    // Of each size of fleet: tasks, and hosts.
    let fleets = [(1.0, 100.0), (2.0, 10_000.0)];
    let mut row = |what: &str, from: String, cost: &dyn Fn(f64, f64) -> f64| {
        let costs = fleets.map(|(tasks, hosts)| cost(tasks, hosts));
        sums = [sums[0] + costs[0], sums[1] + costs[1]];
        let _ = writeln!(text, "| {what} | {from} | {} | {} |", dollars(costs[0]), dollars(costs[1]));
        sums
    };
    row(
        "bot on Fargate, ARM; 1 and 2 tasks",
        format!(
            "{} vCPU x ${VCPU_HOUR}, {} GB x ${GB_HOUR}, {HOURS_A_MONTH} hours",
            modules.vcpus, modules.memory_gb
        ),
        &|tasks, _| tasks * task,
    );
    row("public IPv4", format!("${IPV4_HOUR} an hour a task"), &|tasks, _| tasks * IPV4_HOUR * HOURS_A_MONTH);
    row("secrets, key", format!("{} x ${SECRET:.2}, ${KEY}", modules.secrets), &|_, _| fixed);
    row(
        "alarms, metrics",
        format!("{} x ${ALARM:.2}, {} x ${METRIC:.2}", modules.alarms, modules.metrics),
        &|_, _| watched,
    );
    row("logs, flow logs", format!("{LOG_GB_A_TASK} GB a task at ${LOG_GB:.2}"), &|tasks, _| {
        tasks * LOG_GB_A_TASK * LOG_GB
    });
    row("queue, table", "long polling and cases: cents".to_owned(), &|_, _| 0.5);
    let sum = row(
        "Run Command, State Manager, Distributor (under 1 GB of packages)",
        "no charge for EC2 instances".to_owned(),
        &|_, _| 0.0,
    );
    let _ = writeln!(text, "| **without archive** | | **{}** | **{}** |", dollars(sum[0]), dollars(sum[1]));
    for (what, from, one) in [
        (
            "archive, storage",
            format!(
                "{:.1} MB a host and day x {} days x ${S3_GB} a GB",
                host_gb_a_day * 1e3,
                modules.retention_days
            ),
            stored * S3_GB,
        ),
        (
            "archive, writes",
            format!(
                "{segments_a_day:.0} segments a host and day x {WRITES_A_SEGMENT} x ${S3_THOUSAND_WRITES} per 1,000"
            ),
            writes / 1e3 * S3_THOUSAND_WRITES,
        ),
    ] {
        let _ =
            writeln!(text, "| {what} | {from} | {} | {} |", dollars(one * 100.0), dollars(one * 10_000.0));
    }
    let _ = write!(
        text,
        "\nA host is taken to record {EVENTS_A_SECOND} events a second, as a small server that is busy does, of {BYTES_AN_EVENT} bytes \
         each when sealed (what the\nbenchmarks promise at most) and {LOG_BYTES_AN_EVENT} in the open log; a segment is sealed when the \
         log has {} MiB or is an hour old. So, a host\nand month:\n\n```text\n\
         bytes a day  = events a second x 86,400 x bytes an event\n\
         storage      = bytes a day x days kept x price of a GB\n\
         segments     = 86,400 / min(3,600, log size / (events a second x bytes in the log))\n\
         writes       = segments x {DAYS_A_MONTH:.1} days x {WRITES_A_SEGMENT} x price of a write\n```\n",
        limits.log_bytes >> 20,
    );
    Ok(text)
}

#[test]
fn the_costs_are_what_their_inputs_give() -> anyhow::Result<()> {
    let path = Path::new(ROOT).join("docs/operations.md");
    let page = fs::read_to_string(&path)?;
    let (before, rest) = page.split_once(BEGIN).context("docs/operations.md has no table of costs")?;
    let (stands, after) = rest.split_once(END).context("the table of costs has no end")?;
    let table = table()?;
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return Ok(fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}"))?);
    }
    ensure!(
        stands == table,
        "the costs in docs/operations.md are others now; UPDATE_DOCS=1 writes them anew"
    );
    Ok(())
}
