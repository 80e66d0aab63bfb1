//! The recorder as a service: its settings, what it says of itself, what it may do, and how it ends.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::ensure;
use history::Evidence;
use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::Value;
use tests::facts;
use tests::lab::Lab;
use tests::lab::VICTIM;
use tests::lab::output_within;
use tests::lab::wait_until;
use tests::lab::wait_within;
use tests::story::Programs;

use crate::recorder::COMMAND_MAX;
use crate::recorder::Recording;

const RECORDER: &str = "/usr/bin/host-recorder";
const RING: &str = "/var/lib/host-recorder";
const MANAGER: &str = "/run/manager";
const METRICS: &str = "/var/lib/host_recorder.prom";
/// What the unit gives it to end, s (`TimeoutStopSec`).
const STOP_MAX: Duration = Duration::from_secs(20);
const IMAGE_MAX: Duration = Duration::from_secs(300);
/// `CAP_DAC_READ_SEARCH`, `CAP_SYS_PTRACE`, `CAP_BPF`.
const KEPT: u64 = 1 << 2 | 1 << 19 | 1 << 39;

/// Runs the recorder's program on the instance.
fn run(lab: &Lab, arguments: &[&str]) -> anyhow::Result<Output> {
    let mut command = lab.instance().command(RECORDER)?;
    output_within(arguments[0], command.args(arguments), COMMAND_MAX)
}

fn json(output: &Output) -> anyhow::Result<Value> {
    serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))
}

fn unit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../host-recorder/packaging/host-recorder.service")
}

/// The metrics as Prometheus' own library reads them: value by name and labels.
fn metrics(text: &str) -> anyhow::Result<Value> {
    let program = "import json,sys\n\
         from prometheus_client.parser import text_string_to_metric_families as read\n\
         found={}\n\
         for family in read(sys.argv[1]):\n\
         \x20assert family.documentation and family.type!='unknown', family\n\
         \x20for s in family.samples: found[s.name+''.join('/'+v for v in s.labels.values())]=s.value\n\
         print(json.dumps(found))";
    let mut python = Command::new(tests::target_dir()?.join("venv/bin/python"));
    let output = output_within("python", python.args(["-c", program, text]), COMMAND_MAX)?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    json(&output)
}

#[test]
fn a_live_recorder_says_how_it_fares() -> anyhow::Result<()> {
    let mut recording = Recording::begin_with(Lab::up()?, &["--metrics", METRICS])?;
    recording.alice(&format!("nmap -n -Pn -sT -p4001-4100 {VICTIM}"))?;
    let status = || json(&run(&recording.lab, &["status", "--json"])?);
    wait_until("the scan in the status", Duration::from_secs(20), || {
        status().is_ok_and(|status| status["events"].as_u64() > Some(200) && status["rates"].is_object())
    })?;
    let output = run(&recording.lab, &["status"])?;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    for part in ["recorder   running", "last min   ", "takes      ", "oldest     ", "lost       nothing"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    let status = status()?;
    assert_eq!(status["sandbox"], true);
    assert!(status["rates"]["events_per_s"].as_f64() > Some(1.0), "{status}");
    assert!(status["rss_bytes"].as_u64() > Some(1 << 20), "{status}");
    assert!(status["ring_age_s"].as_i64() >= Some(0), "{status}");
    let hooks = status["hooks"].as_array().context("hooks")?;
    assert!(hooks.len() >= 15 && hooks.iter().all(is_in_use_or_off), "{status}");

    let file = recording.lab.instance().path(METRICS);
    let found = metrics(&fs::read_to_string(&file)?)?;
    assert_eq!(found["host_recorder_up"], 1.0);
    assert!(found["host_recorder_events_total"].as_f64() > Some(200.0), "{found}");
    assert_eq!(found["host_recorder_lost_events_total/flow"], 0.0);
    assert_eq!(found["host_recorder_hook_up/tp_btf/sched_process_exec"], 1.0);
    let age = found["host_recorder_written_timestamp_seconds"]
        .as_f64()
        .zip(found["host_recorder_start_timestamp_seconds"].as_f64());
    assert!(age.is_some_and(|(written, started)| written >= started), "{found}");

    recording.signal(Signal::SIGTERM)?;
    assert_eq!(metrics(&fs::read_to_string(&file)?)?["host_recorder_up"], 0.0);
    assert_eq!(run(&recording.lab, &["status"])?.status.code(), Some(3));
    Ok(())
}

#[test]
fn a_recorder_keeps_few_privileges() -> anyhow::Result<()> {
    let recording = Recording::begin()?;
    let tasks = format!("/proc/{}/task", recording.recorder.id());
    let waits = |task: &Path| fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "attach");
    // One thread may attach the last hook, and do nothing else; it ends once it has.
    let mut attaching = Vec::new();
    for task in fs::read_dir(&tasks)? {
        let task = task?.path();
        if waits(&task) {
            attaching.push(fs::read_to_string(task.join("status"))?);
        }
    }
    let [attaching] = &attaching[..] else { panic!("{attaching:?}") };
    let may = attaching.lines().find_map(|line| line.strip_prefix("CapPrm:")).unwrap_or_default();
    assert_eq!(u64::from_str_radix(may.trim(), 16)?, 1 << 12 | 1 << 39, "NET_ADMIN and BPF");
    recording
        .python("import socket\nsocket.socket(socket.AF_INET,socket.SOCK_DGRAM).bind(('0.0.0.0',7999))")?;
    recording.await_receiving()?;
    let mut threads = 0;
    for task in fs::read_dir(&tasks)? {
        threads += 1;
        let text = fs::read_to_string(task?.path().join("status"))?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.unwrap_or_default().trim().to_owned()
        };
        for set in ["CapPrm", "CapEff", "CapBnd"] {
            assert_eq!(u64::from_str_radix(&field(set), 16)?, KEPT, "{set}: {text}");
        }
        for set in ["CapInh", "CapAmb"] {
            assert_eq!(u64::from_str_radix(&field(set), 16)?, 0, "{set}: {text}");
        }
        assert_eq!((field("NoNewPrivs"), field("Seccomp")), ("1".to_owned(), "2".to_owned()), "{text}");
    }
    assert!(threads >= 2, "the ring's thread is confined too");
    // One socket, by which the ring's owner asks for a commit: in the file system, so no network can reach it.
    let proc = format!("/proc/{}", recording.recorder.id());
    let unix = fs::read_to_string(format!("{proc}/net/unix"))?;
    let mut sockets = 0;
    for entry in fs::read_dir(format!("{proc}/fd"))? {
        let target = fs::read_link(entry?.path())?.to_string_lossy().into_owned();
        let Some(inode) = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) else {
            continue;
        };
        let mut lines = unix.lines().filter(|line| line.split_whitespace().nth(6) == Some(inode));
        let line = lines.next().with_context(|| format!("{target} is of a network: {unix}"))?;
        // Bound by way of the ring's open folder, whose path may be longer than a socket's.
        let is_ours = |bound: &str| bound.ends_with("/socket");
        assert!(line.split_whitespace().nth(7).is_some_and(is_ours), "{line}");
        sockets += 1;
    }
    assert_eq!(sockets, 1);
    Ok(())
}

#[test]
fn what_was_sent_right_before_the_end_is_in_the_ring() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    recording.python(&format!(
        "import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n\
         for port in range(20001,23001): s.sendto(b'x',('{VICTIM}',port))"
    ))?;
    let begun = Instant::now();
    let evidence = recording.evidence()?;
    assert!(begun.elapsed() < STOP_MAX, "{:?}", begun.elapsed());
    assert!(facts::traffic_is_complete(&evidence.coverage), "{:?}", evidence.coverage);
    let ranges: Vec<_> =
        evidence.activities.iter().flat_map(|activity| activity.port_ranges.clone()).collect();
    assert_eq!(ranges, [(20_001, 23_000)]);
    Ok(())
}

#[test]
fn a_host_is_checked_in_plain_words() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    lab.instance().install(&Programs::recorder()?, RECORDER)?;
    let output = run(&lab, &["check", "--json"])?;
    let report = json(&output)?;
    let of = |report: &Value, subject: &str| -> Value {
        let all = report["findings"].as_array();
        all.and_then(|all| all.iter().find(|one| one["subject"] == subject)).cloned().unwrap_or_default()
    };
    for subject in ["kernel", "BTF", "BPF rings", "capabilities", "programs", "settings", "ring"] {
        assert_eq!(of(&report, subject)["level"], "ok", "{subject}: {report:#}");
    }
    // Where the machine that the lab runs on has both versions, that is noted.
    assert!(
        ["ok", "note"].contains(&of(&report, "cgroups")["level"].as_str().unwrap_or_default()),
        "{report:#}"
    );
    let hooks = report["hooks"].as_array().context("hooks")?;
    assert!(hooks.len() >= 15 && hooks.iter().all(is_in_use_or_off), "{report:#}");
    assert_ne!(output.status.code(), Some(3), "{report:#}");

    // A misspelt key is told with the one that was meant, and neither checks nor records.
    fs::write(lab.instance().path("/etc/host-recorder.toml"), "[ring]\nsize_mb = 64\n")?;
    let output = run(&lab, &["check"])?;
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("did you mean `size_mib`?") && text.contains("; next: "), "{text}");
    let output = run(&lab, &["record"])?;
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean `size_mib`?"), "{output:?}");
    fs::remove_file(lab.instance().path("/etc/host-recorder.toml"))?;

    // Who may not load programs is told so.
    let output = lab.ssh("alice", "/usr/bin/host-recorder check", COMMAND_MAX)?;
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.lines().any(|line| line.starts_with("FATAL    capabilities")), "{text}");
    for line in text.lines().filter(|line| line.starts_with("FATAL") || line.starts_with("MISSING")) {
        assert!(line.contains("; next: "), "{line}");
    }
    Ok(())
}

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    let file = "login_logs = [\"/nowhere\"]\nsandbox = false\n[ring]\nsize_mib = 64\n\
                [metrics]\ntextfile = \"/var/lib/host_recorder.prom\"\n";
    fs::write(lab.instance().path("/etc/host-recorder.toml"), file)?;
    let recording = Recording::begin_with(lab, &["--ring-size", "32"])?;
    let status = json(&run(&recording.lab, &["status", "--json"])?)?;
    assert_eq!(status["ring_bytes_max"], 32 << 20);
    assert_eq!(status["sandbox"], false);
    assert!(recording.lab.instance().path(METRICS).exists());
    let text = run(&recording.lab, &["status"])?.stdout;
    assert!(String::from_utf8_lossy(&text).contains("SANDBOX    off"));
    // The environment goes before the file, and a flag before the environment.
    let mut elsewhere = recording.lab.instance().command(RECORDER)?;
    elsewhere.arg("status").env("HOST_RECORDER_RING", "/elsewhere");
    let output = output_within("status", &mut elsewhere, COMMAND_MAX)?;
    assert!(String::from_utf8_lossy(&output.stderr).contains("/elsewhere/status.json"), "{output:?}");
    let output = output_within("status", elsewhere.args(["--ring", RING]), COMMAND_MAX)?;
    assert!(output.status.success(), "{output:?}");
    Ok(())
}

/// Starts the recorder as the unit would: with its capabilities, its file system, no network and its manager.
/// Returns the log of what it said.
fn start_bounded(lab: &Lab, bounding: &str) -> anyhow::Result<(Child, PathBuf)> {
    let script = format!(
        "mount --make-rprivate / && mkdir -p {RING} && mount --bind {RING} {RING} && mount -o remount,ro,bind / \
         && exec setpriv --no-new-privs --bounding-set {bounding} {RECORDER} record --cgroup \"$1\""
    );
    let instance = lab.instance();
    let mut command = instance.command("unshare")?;
    command.args(["--mount", "--net", "sh", "-c", &script, "sh"]).arg(instance.cgroup().path());
    command.env("NOTIFY_SOCKET", MANAGER);
    let name = "host-recorder-bounded";
    Ok((lab.spawn_daemon(name, command)?, lab.dir().join(format!("{name}.log"))))
}

/// Waits for what the manager of services is told.
fn hear(manager: &UnixDatagram, expected: &str) -> anyhow::Result<()> {
    let mut bytes = [0; 256];
    wait_until(expected, Duration::from_secs(30), || {
        manager.recv(&mut bytes).is_ok_and(|length| &bytes[..length] == expected.as_bytes())
    })
}

#[test]
fn a_recorder_runs_within_its_unit_and_tells_its_manager() -> anyhow::Result<()> {
    let text = fs::read_to_string(unit())?;
    let granted = text.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet="));
    let granted = granted.context("CapabilityBoundingSet=")?.to_lowercase().replace("cap_", "+");
    let bounding = format!("-all {granted}").replace(' ', ",");
    let lab = Lab::up()?;
    lab.instance().install(&Programs::recorder()?, RECORDER)?;
    let manager = UnixDatagram::bind(lab.instance().path(MANAGER))?;
    manager.set_read_timeout(Some(Duration::from_millis(100)))?;
    let (mut child, log) = start_bounded(&lab, &bounding)?;
    let said = || fs::read_to_string(&log).unwrap_or_default();
    hear(&manager, "READY=1\n").with_context(said)?;
    hear(&manager, "WATCHDOG=1\n")?;
    lab.ssh("alice", &format!("nmap -n -Pn -sT -p4001-4050 {VICTIM}"), COMMAND_MAX)?;
    kill(Pid::from_raw(child.id().try_into()?), Signal::SIGTERM)?;
    hear(&manager, "STOPPING=1\n")?;
    ensure!(wait_within("the recorder", &mut child, STOP_MAX)?.success(), said());
    let output = run(&lab, &["query", "--last", "5m", "--json", "--remote", &VICTIM.to_string()])?;
    let evidence: Evidence = serde_json::from_slice(&output.stdout)?;
    let scan = evidence.activities.iter().find(|activity| activity.port_ranges == [(4001, 4050)]);
    let process = scan.and_then(|scan| evidence.processes.iter().find(|one| Some(one.id) == scan.process));
    // The name comes from the files of the process's own mount namespace.
    let user = process.and_then(|process| process.user.as_deref());
    assert_eq!(user, Some("alice"), "{}", history::text(&evidence));
    Ok(())
}

#[test]
fn the_unit_is_valid_and_little_exposed() -> anyhow::Result<()> {
    // The program's place is that of this build.
    let dir = tempfile::tempdir()?;
    let copy = dir.path().join("host-recorder.service");
    let here = fs::read_to_string(unit())?.replace(RECORDER, &Programs::recorder()?.display().to_string());
    fs::write(&copy, here)?;
    let analyze = |arguments: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        output_within("systemd-analyze", command.args(arguments).arg(&copy), COMMAND_MAX)
    };
    let verified = analyze(&["verify"])?;
    let complaints = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && complaints.is_empty(), "{complaints}");
    // Exposure of at most 2.5 of 10; version 250 and later can tell without a running manager.
    let version = analyze(&["--version"])?.stdout;
    let version = String::from_utf8_lossy(&version);
    let version: u32 = version.split(' ').nth(1).and_then(|word| word.parse().ok()).context("version")?;
    if version >= 250 {
        let exposure = analyze(&["security", "--offline=true", "--threshold=25"])?;
        assert!(exposure.status.success(), "{}", String::from_utf8_lossy(&exposure.stdout));
    } else {
        eprintln!("exposure not measured: systemd {version} asks a running manager for it");
    }
    Ok(())
}

/// Off is what was not asked for, or what this kernel has nothing of.
fn is_in_use_or_off(hook: &Value) -> bool {
    hook["state"] == "in_use" || hook["state"].get("off").is_some()
}

/// Packs the bot as `make dist BOT=1` does, and runs it as an engine would.
const IMAGE: &str = r#"
set -eu
root=$1
fail() { echo "$*" >&2; exit 1; }
GUMSHOE=$2 sh "$root/bot/packaging/image.sh" "$3"
. "$root/tests/image.sh"
try_image "$3/gumshoe-image.tar.gz" "$3/image"
"#;

#[test]
fn the_bots_image_runs_as_nobody_on_a_root_that_is_read_only_and_is_healthy() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let mut script = Command::new("sh");
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    script.args(["-c", IMAGE, "sh", root]).arg(Programs::find()?.gumshoe).arg(place.path());
    let output = output_within("the image", &mut script, IMAGE_MAX)?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
