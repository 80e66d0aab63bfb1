//! The ring as a whole: killed at any moment, on a disk that takes nothing, read by others, and verified.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::ensure;
use history::Body;
use history::Ring;
use history::Severity;
use tests::lab::VICTIM;
use tests::ledger;
use tests::programs::Programs;
use tests::soak::plan::Random;

use crate::recorder::Recording;

/// Rounds of being killed, unless `RING_KILL_ROUNDS` says otherwise.
const KILL_ROUNDS: u64 = 150;

fn writer(dir: &Path, first: u64) -> anyhow::Result<Child> {
    let program = tests::target_dir()?.join("debug/ring_writer");
    Command::new(&program)
        .arg(dir)
        .arg(first.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} is not built: cargo build --workspace", program.display()))
}

/// Numbers of the ledger that a ring holds: one unbroken row. Its end is returned.
pub(crate) fn check_ledger(dir: &Path) -> anyhow::Result<Option<u64>> {
    let (mut last, mut last_id) = (None, None);
    let mut wrong = Ok(());
    history::visit_events(dir, &mut |event| {
        if wrong.is_err() {
            return;
        }
        wrong = (|| {
            ensure!(last_id.is_none_or(|last| last < event.id), "event {} after {last_id:?}", event.id);
            last_id = Some(event.id);
            if let Some(number) = ledger::number(&event)? {
                ensure!(last.is_none_or(|last| last + 1 == number), "{number} follows {last:?}");
                last = Some(number);
            }
            Ok(())
        })();
    })?;
    wrong.map(|()| last)
}

#[test]
fn killed_at_any_moment_nothing_committed_is_lost() -> anyhow::Result<()> {
    let rounds: u64 = match std::env::var("RING_KILL_ROUNDS") {
        Ok(rounds) => rounds.parse().context("RING_KILL_ROUNDS")?,
        Err(_) => KILL_ROUNDS,
    };
    let seed = std::time::UNIX_EPOCH.elapsed()?.as_nanos() as u64;
    println!("seed {seed}, {rounds} rounds");
    let mut random = Random::new(seed);
    let dir = tempfile::tempdir()?;
    let key = history::setup_seal(dir.path())?;
    let mut first = 1;
    for round in 0..rounds {
        let mut child = writer(dir.path(), first)?;
        // From before it has opened the ring to deep in its work.
        std::thread::sleep(Duration::from_micros(500 + random.below(40_000)));
        child.kill()?;
        let mut committed = None;
        for line in BufReader::new(child.stdout.take().context("its output")?).lines() {
            // A line that the kill cut short says less than was committed.
            committed = line?.parse().ok().or(committed);
        }
        child.wait()?;
        let found = check_ledger(dir.path()).with_context(|| format!("seed {seed}, round {round}"))?;
        ensure!(
            found.unwrap_or(0) >= committed.unwrap_or(first - 1),
            "seed {seed}, round {round}: {committed:?} was committed, {found:?} is there"
        );
        first = found.map_or(first, |found| found + 1);
        let verified = history::verify(dir.path(), Some(&key))?;
        ensure!(verified.severity() == Severity::Note, "seed {seed}, round {round}: {verified:#?}");
    }
    ensure!(first > rounds, "only {first} events in {rounds} rounds");
    drop(Ring::open(dir.path(), ledger::LIMITS)?);
    ensure!(check_ledger(dir.path())? == Some(first - 1), "opening it again changed it");
    Ok(())
}

#[test]
fn a_disk_that_takes_nothing_for_a_while_costs_nothing() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut child = writer(dir.path(), 1)?;
    let mut to = child.stdin.take().context("its input")?;
    let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
    let mut until = |word: &dyn Fn(&str) -> bool| -> anyhow::Result<u64> {
        let begun = Instant::now();
        for line in lines.by_ref() {
            let line = line?;
            ensure!(begun.elapsed() < Duration::from_secs(30), "it never said so; last {line}");
            if word(&line) {
                let digits: String = line.chars().filter(char::is_ascii_digit).take(9).collect();
                return digits.parse().context(line);
            }
        }
        anyhow::bail!("it ended")
    };
    until(&|line| !line.starts_with("not"))?;
    writeln!(to, "hold")?;
    until(&|line| line.starts_with("not"))?;
    writeln!(to, "free")?;
    let committed = until(&|line| !line.starts_with("not"))?;
    child.kill()?;
    child.wait()?;
    let found = check_ledger(dir.path())?;
    ensure!(found >= Some(committed), "{committed} was committed, {found:?} is there");
    Ok(())
}

/// A ring with a seal and some hundred events, and the key.
fn sealed_ring(dir: &Path) -> anyhow::Result<String> {
    let setup = recorder(&["seal", "setup", "--ring", &dir.display().to_string()])?;
    ensure!(setup.status.success(), "{setup:?}");
    let mut ring = Ring::open(dir, ledger::LIMITS)?;
    for number in 1..=600 {
        let event = ledger::event(number);
        ring.append(event.time, event.boot_ns, event.body, &ledger::Known)?;
        if number % 50 == 0 {
            ring.commit()?;
        }
    }
    drop(ring);
    Ok(String::from_utf8(setup.stdout)?.trim().to_owned())
}

fn recorder(args: &[&str]) -> anyhow::Result<Output> {
    Command::new(Programs::recorder()?).args(args).output().context("run host-recorder")
}

#[test]
fn verify_says_what_was_tampered_with_by_its_exit_code_and_in_words() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let ring = dir.path().display().to_string();
    let key = sealed_ring(dir.path())?;
    let key_file = dir.path().join("key.txt");
    std::fs::write(&key_file, format!("{key}\n"))?;
    let fine = recorder(&["verify", "--ring", &ring, "--key", &key_file.display().to_string()])?;
    ensure!(fine.status.code() == Some(0), "{fine:?}");
    let without = recorder(&["verify", "--ring", &ring])?;
    ensure!(without.status.code() == Some(3), "{without:?}");
    let segment = std::fs::read_dir(dir.path())?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .context("a segment")?;
    let mut bytes = std::fs::read(&segment)?;
    bytes[1_000] ^= 1;
    std::fs::write(&segment, bytes)?;
    let tampered = recorder(&["verify", "--ring", &ring, "--key", &key, "--json"])?;
    ensure!(tampered.status.code() == Some(1), "{tampered:?}");
    let told: serde_json::Value = serde_json::from_slice(&tampered.stdout)?;
    ensure!(told["findings"][0]["severity"] == "tampered", "{told:#}");
    ensure!(segment.ends_with(told["findings"][0]["file"].as_str().unwrap_or_default()), "{told:#}");
    Ok(())
}

#[test]
fn tree_timeline_tail_and_export_tell_what_is_there() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let ring = dir.path().display().to_string();
    sealed_ring(dir.path())?;
    let text = |args: &[&str]| -> anyhow::Result<String> {
        let output = recorder(&[args, &["--ring", &ring]].concat())?;
        ensure!(output.status.success(), "{args:?}: {output:?}");
        Ok(String::from_utf8(output.stdout)?)
    };
    ensure!(text(&["tree", "7"])?.contains("* writer 7  ("), "{}", text(&["tree", "7"])?);
    let told: serde_json::Value = serde_json::from_str(&text(&["tree", "7", "--json"])?)?;
    let asked = told["processes"].as_array().context("no processes")?.iter().filter(|it| it["asked"] == true);
    let commands: Vec<_> = asked.map(|it| &it["image"]["argv"]).collect();
    ensure!(commands == [&serde_json::json!(["writer", "7"])], "{told}");
    ensure!(!recorder(&["tree", "nobody", "--ring", &ring])?.status.success(), "a tree of nobody");
    let flows = |text: &str| text.lines().filter(|line| line.contains("  flow ")).count();
    ensure!(flows(&text(&["timeline"])?) == 600, "all of them");
    ensure!(flows(&text(&["timeline", "--process", "7"])?) == 15, "one in forty");
    let lines = text(&["export", "--format", "jsonl"])?;
    let bodies = lines.lines().map(serde_json::from_str::<history::Event>).collect::<Result<Vec<_>, _>>()?;
    ensure!(bodies.iter().filter_map(|event| ledger::number(event).ok().flatten()).eq(1..=600), "in order");
    let ocsf = text(&["export", "--format", "ocsf"])?;
    let classes = ocsf
        .lines()
        .map(|line| Ok(serde_json::from_str::<serde_json::Value>(line)?["class_uid"].as_u64().unwrap_or(0)));
    let classes = classes.collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(classes.iter().filter(|class| **class == 4001).count() == 600, "{classes:?}");
    // What is committed while it follows.
    let mut tail = Command::new(Programs::recorder()?)
        .args(["tail", "--json", "--ring", &ring])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut more = Ring::open(dir.path(), ledger::LIMITS)?;
    let mut lines = BufReader::new(tail.stdout.take().context("its output")?).lines();
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let numbers = lines.by_ref().map_while(Result::ok);
        let numbers = numbers.filter_map(|line| serde_json::from_str::<history::Event>(&line).ok());
        for number in numbers.filter_map(|event| ledger::number(&event).ok().flatten()) {
            let _ = send.send(number);
        }
    });
    // It shows what comes after it has begun; when that is it does not say.
    let seen = (601..1_600).find_map(|number| {
        let event = ledger::event(number);
        more.append(event.time, event.boot_ns, event.body, &ledger::Known).ok()?;
        more.commit().ok()?;
        receive.recv_timeout(Duration::from_millis(20)).ok()
    });
    tail.kill()?;
    tail.wait()?;
    ensure!(seen.is_some_and(|seen| seen > 600), "{seen:?}");
    Ok(())
}

const READ_BY_OTHERS: &str = r#"
import glob, sys
import duckdb, pandas
files = sorted(glob.glob(sys.argv[1] + "/segment-*.parquet"))
asked = "select count(*), sum(bytes), min(time) < max(time), count(distinct remote_address) from read_parquet(?) where kind = 'flow'"
print(*duckdb.execute(asked, [files]).fetchone())
frame = pandas.concat(pandas.read_parquet(file) for file in files)
flows = frame[frame.kind == "flow"]
print(len(flows), int(flows.bytes.sum()), (flows.time - pandas.to_timedelta(flows.before_last_us, unit="us")).is_monotonic_increasing, flows.remote_address.nunique())
"#;

#[test]
fn duckdb_and_pandas_read_segments() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    sealed_ring(dir.path())?;
    // Opened again, what stood in the log is sealed too.
    drop(Ring::open(dir.path(), ledger::LIMITS)?);
    let python = tests::target_dir()?.join("venv/bin/python");
    let output = Command::new(&python).args(["-c", READ_BY_OTHERS]).arg(dir.path()).output();
    let output = output.with_context(|| format!("{} is not there: tests/setup.sh", python.display()))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let expected = format!("600 {} True 256", 600 * 601 / 2);
    ensure!(text.lines().eq([expected.as_str(), expected.as_str()]), "{text}");
    Ok(())
}

/// What a client of the ring's socket is told.
fn ask_to_commit(socket: &Path) -> anyhow::Result<i64> {
    let mut answer = String::new();
    let mut stream = UnixStream::connect(socket).with_context(|| socket.display().to_string())?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.read_to_string(&mut answer)?;
    let to = answer.trim_end().strip_prefix("committed ").with_context(|| format!("it said {answer:?}"))?;
    Ok(to.parse()?)
}

#[test]
fn a_question_sees_what_happened_a_moment_ago_and_clients_that_hang_delay_nothing() -> anyhow::Result<()> {
    let recording = Recording::begin()?;
    let ring = recording.ring();
    let socket = ring.join("socket");
    // They connect, and never read nor leave.
    let hung = (0..40).map(|_| UnixStream::connect(&socket)).collect::<Result<Vec<_>, _>>()?;
    for round in 0..5 {
        let port = 7_100 + round;
        recording.python(&format!(
            "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{VICTIM}', {port}))"
        ))?;
        let now = history::UnixNs::now();
        let to = ask_to_commit(&socket)?;
        ensure!(to >= now.0, "round {round}: asked at {now}, it is committed to {to}");
        let mut seen = false;
        history::visit_events(&ring, &mut |event| match &event.body {
            Body::Flow(flow) => seen |= flow.remote.port == port,
            Body::Targets(targets) => seen |= targets.remotes.endpoints().iter().any(|it| it.port == port),
            _ => {}
        })?;
        ensure!(seen, "round {round}: what was sent before the question is not there");
    }
    let query = |more: &[&str]| {
        let dir = ring.display().to_string();
        recorder(&[&["query", "--ring", &dir, "--last", "5m", "--json"], more].concat())
    };
    let fine = query(&["--port", "7104"])?;
    ensure!(fine.stderr.is_empty(), "{}", String::from_utf8_lossy(&fine.stderr));
    let evidence: serde_json::Value = serde_json::from_slice(&fine.stdout)?;
    ensure!(evidence["activities"][0]["matched"] == 1, "{evidence:#}");
    // The other commands see it, too: each asks right after what it asks for.
    let dir = ring.display().to_string();
    for (round, arguments) in [&["tree"][..], &["timeline", "--process"], &["export", "--format", "jsonl"]]
        .iter()
        .cycle()
        .take(9)
        .enumerate()
    {
        let name = format!("seen{round}");
        recording.python(&format!(
            "import shutil, subprocess\nat = shutil.copy('/bin/true', '/tmp/{name}')\nsubprocess.run([at], check=True)"
        ))?;
        let named = (arguments[0] != "export").then_some(name.as_str());
        let mut words = arguments.to_vec();
        words.extend(named);
        words.extend(["--ring", &dir]);
        let told = recorder(&words)?;
        let text = String::from_utf8_lossy(&told.stdout);
        ensure!(told.status.success() && text.contains(&name), "{words:?}: {told:?}");
    }
    // Where the socket is gone it is said, and the question is answered all the same.
    std::fs::remove_file(&socket)?;
    let without = query(&["--port", "7104"])?;
    ensure!(String::from_utf8_lossy(&without.stderr).contains("could not be asked to commit"), "{without:?}");
    let evidence: serde_json::Value = serde_json::from_slice(&without.stdout)?;
    ensure!(evidence["activities"][0]["matched"] == 1, "{evidence:#}");
    drop(hung);
    Ok(())
}
