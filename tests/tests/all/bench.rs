//! The benchmarks' harness: that it measures, counts, writes and leaves nothing. What it measures
//! here says nothing: the loads are small and the build is for debugging.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use tests::bench::row::Row;
use tests::lab::output_within;

const BENCH: &str = env!("CARGO_BIN_EXE_bench");
/// It takes seconds, and may have to wait for its turn on the machine.
const BENCH_MAX: Duration = Duration::from_secs(1_800);

#[test]
fn a_small_load_gives_every_row_of_it() -> anyhow::Result<()> {
    let out = tempfile::tempdir()?;
    let mut bench = Command::new(BENCH);
    bench.args(["--quick", "--only", "recorder.udp_flow", "--json", "--out"]).arg(out.path());
    let output = output_within("bench", &mut bench, BENCH_MAX)?;
    let said = String::from_utf8_lossy(&output.stderr);

    let rows: Vec<Row> = serde_json::from_slice(&output.stdout).with_context(|| said.to_string())?;
    let stored: Vec<Row> = serde_json::from_slice(&fs::read(out.path().join("results.json"))?)?;
    assert_eq!(rows, stored);
    let rows: BTreeMap<_, _> = rows.iter().map(|row| (row.name.as_str(), row)).collect();
    let names: Vec<_> = rows.keys().filter_map(|name| name.strip_prefix("recorder.udp_flow.")).collect();
    assert_eq!(
        names,
        [
            "cpu_alone",
            "cpu_ratio",
            "cpu_ratio_at_full_pace",
            "cpu_ratio_of_medians",
            "events",
            "lost",
            "miscounted",
            "own_cpu",
            "programs",
            "rss"
        ]
    );
    assert_eq!(names.len(), rows.len());

    let row = |figure: &str| rows[format!("recorder.udp_flow.{figure}").as_str()];
    assert_eq!((row("cpu_ratio").bound, row("cpu_ratio").samples.len()), (Some(1.04), 2));
    assert!(row("cpu_ratio").value.is_some_and(|ratio| ratio > 0.5), "{:?}", row("cpu_ratio"));
    assert_eq!((row("miscounted").value, row("miscounted").holds), (Some(0.0), Some(true)), "{said}");
    assert!(row("events").value > Some(0.0));
    assert!(row("cpu_alone").value > Some(0.0));
    assert!(row("rss").value > Some(1.0));

    // Whether the costs hold is not for this build to say; that they are judged is.
    let broken = rows.values().any(|row| row.holds == Some(false));
    assert_eq!(output.status.code(), Some(i32::from(broken)), "{said}");
    let about: serde_json::Value = serde_json::from_slice(&fs::read(out.path().join("machine.json"))?)?;
    assert_eq!(about["quick"], true);
    assert!(row("programs").value.is_some_and(|share| share > 0.0 && share < 50.0), "{:?}", row("programs"));
    // Two sides, one round that does not count and two that do, and the one in which the kernel counts.
    assert_eq!(about["details"].as_array().map(Vec::len), Some(7), "{about}");
    let mut left: Vec<_> = fs::read_dir(out.path())?.flatten().map(|entry| entry.file_name()).collect();
    left.sort();
    assert_eq!(left, ["machine.json", "results.json"]);
    Ok(())
}

#[test]
fn a_curve_is_measured_and_drawn() -> anyhow::Result<()> {
    let out = tempfile::tempdir()?;
    let page = out.path().join("page.md");
    fs::write(&page, "# Curves\n\n<!-- bench -->\n<!-- /bench -->\n")?;
    let mut bench = Command::new(BENCH);
    bench.args(["--quick", "--runs", "1", "--only", "curve.rate", "--json", "--out"]).arg(out.path());
    let output = output_within("bench", &mut bench, BENCH_MAX)?;
    let said = String::from_utf8_lossy(&output.stderr);
    let rows: Vec<Row> = serde_json::from_slice(&output.stdout).with_context(|| said.to_string())?;
    let row =
        |name: &str| rows.iter().find(|row| row.name == name).with_context(|| format!("no {name}: {said}"));
    assert_eq!(row("curve.rate.unaccounted")?.value, Some(0.0), "{said}");
    assert!(row("curve.rate.udp.100")?.value.is_some() && row("curve.rate.programs.10")?.value.is_some());

    let mut draw = Command::new(BENCH);
    draw.args(["--draw", "--out"]).arg(out.path()).arg("--page").arg(&page);
    let drawn = output_within("bench", &mut draw, BENCH_MAX)?;
    assert!(drawn.status.success(), "{drawn:?}");
    let text = fs::read_to_string(&page)?;
    assert!(text.contains("![") && text.contains("| 100 |") && text.contains("Small loads"), "{text}");
    assert!(fs::read_to_string(out.path().join("curves/rate.svg"))?.starts_with("<svg"));
    Ok(())
}

#[test]
fn what_cannot_be_measured_is_no_result() -> anyhow::Result<()> {
    let out = tempfile::tempdir()?;
    let output = output_within(
        "bench",
        Command::new(BENCH).args(["--only", "nothing", "--out"]).arg(out.path()),
        BENCH_MAX,
    )?;
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--list"), "{output:?}");
    assert!(!out.path().join("results.json").exists());
    Ok(())
}
