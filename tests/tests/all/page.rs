//! The report's page in a real browser: nothing is loaded, nothing is refused, and it can be read on two widths.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::ensure;
use serde_json::Value;
use tests::story::Programs;

const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recording");
const BROWSER_MAX: Duration = Duration::from_secs(120);

/// The report of the recording as a page.
fn page(dir: &Path) -> anyhow::Result<PathBuf> {
    let page = dir.join("report.html");
    let output = Command::new(Programs::gumshoe()?)
        .arg("investigate")
        .arg(Path::new(RECORDING).join("notice.eml"))
        .arg("--ring")
        .arg(Path::new(RECORDING).join("ring"))
        .args(["--format", "html", "--output"])
        .arg(&page)
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(page)
}

/// What a browser said and asked for when it drew a page.
struct Drawn {
    screenshot: Vec<u8>,
    said: String,
    net_log: Value,
}

fn draw(page: &Path, dir: &Path, width: u32, dark: bool) -> anyhow::Result<Drawn> {
    let name = format!("{width}-{dark}");
    let (screenshot, net_log) = (dir.join(format!("{name}.png")), dir.join(format!("{name}.json")));
    let mut browser = Command::new("chromium");
    browser.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
    ]);
    browser.args([
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-default-apps",
    ]);
    browser.args(["--disable-extensions", "--disable-domain-reliability", "--no-pings", "--hide-scrollbars"]);
    // Nothing can be reached, so that a request is seen and goes nowhere.
    browser.args([
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--enable-logging=stderr",
        "--virtual-time-budget=2000",
    ]);
    if dark {
        browser.arg("--blink-settings=preferredColorScheme=0");
    }
    browser.arg(format!("--user-data-dir={}", dir.join(format!("profile-{name}")).display()));
    browser.arg(format!("--screenshot={}", screenshot.display())).arg(format!("--window-size={width},2600"));
    browser.arg(format!("--log-net-log={}", net_log.display())).arg(format!("file://{}", page.display()));
    let said = dir.join(format!("{name}.log"));
    browser.stdout(std::fs::File::create(&said)?).stderr(std::fs::File::options().append(true).open(&said)?);
    let mut child = browser.spawn().context("start chromium: tests/setup.sh installs it")?;
    let since = Instant::now();
    while child.try_wait()?.is_none() {
        if since.elapsed() > BROWSER_MAX {
            child.kill()?;
            child.wait()?;
            anyhow::bail!("the browser did not end: {}", std::fs::read_to_string(&said)?);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let said = String::from_utf8_lossy(&std::fs::read(said)?).into_owned();
    let read = std::fs::read(&screenshot).with_context(|| said.clone())?;
    Ok(Drawn { screenshot: read, said, net_log: serde_json::from_slice(&std::fs::read(&net_log)?)? })
}

/// Addresses that the page had the browser ask for.
fn asked_for(net_log: &Value) -> Vec<String> {
    let events = net_log["events"].as_array().into_iter().flatten();
    let urls = events.filter_map(|event| event["params"]["url"].as_str());
    // What the browser asks its maker for is no request of the page.
    let own = |url: &&str| {
        let host = url.split('/').nth(2).unwrap_or_default();
        ["google.com", "googleapis.com"]
            .iter()
            .any(|maker| host == *maker || host.ends_with(&format!(".{maker}")))
    };
    urls.filter(|url| !own(url)).map(str::to_owned).collect()
}

/// Width and height of a PNG.
fn size(png: &[u8]) -> anyhow::Result<(u32, u32)> {
    let number = |at: usize| -> anyhow::Result<u32> {
        Ok(u32::from_be_bytes(png.get(at..at + 4).context("no PNG")?.try_into()?))
    };
    ensure!(png.starts_with(b"\x89PNG"), "no PNG");
    Ok((number(16)?, number(20)?))
}

#[test]
fn a_browser_draws_the_report_and_asks_for_nothing() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let page = page(dir.path())?;
    for (width, dark) in [(1_280, false), (500, false), (1_280, true)] {
        let drawn = draw(&page, dir.path(), width, dark)?;
        assert_eq!(size(&drawn.screenshot)?, (width, 2_600));
        // An empty page of that size takes some ten kilobytes.
        assert!(drawn.screenshot.len() > 60_000, "{} bytes at {width}", drawn.screenshot.len());
        let errors: Vec<&str> = drawn.said.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let asked = asked_for(&drawn.net_log);
        assert!(asked.iter().all(|url| url.starts_with("file://")), "{asked:#?}");
    }
    Ok(())
}

#[test]
fn every_part_of_the_page_is_reached_by_keyboard_and_has_its_heading() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let html = std::fs::read_to_string(page(dir.path())?)?;
    // What scrolls sideways can be focused; every link leads somewhere on the page.
    for scrolls in ["class=\"scroll\"", "class=\"picture\""] {
        for (at, _) in html.match_indices(scrolls) {
            let tag = &html[at..at + html[at..].find('>').context("no tag")?];
            assert!(tag.contains("tabindex=\"0\"") && tag.contains("aria-label="), "{tag}");
        }
    }
    let links = html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next());
    let mut count = 0;
    for target in links {
        assert!(html.contains(&format!("id=\"{target}\"")), "{target} is nowhere");
        count += 1;
    }
    assert!(count > 0, "no link to the evidence");
    assert_eq!(html.matches("<h1").count(), 1);
    assert!(
        html.contains("<html lang=\"en\">")
            && html.contains("default-src 'none'")
            && !html.contains("<script")
    );
    assert!(html.contains("role=\"img\"") && html.contains("<title>"));
    Ok(())
}
