//! The report's page in a real browser: nothing is loaded, nothing is refused, and it can be read on two widths.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::ensure;
use serde_json::Value;
use tests::browser::Browser;
use tests::browser::Key;
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
    let mut browser = Browser::open(&page(dir.path())?, 500, 800)?;
    assert_eq!(browser.ask("document.querySelectorAll('h1').length")?, 1);
    assert_eq!(browser.ask("document.scripts.length")?, 0);
    // What scrolls sideways and every link, in the order of the page, by the Tab key alone.
    let stops = browser.ask("document.querySelectorAll('a[href], [tabindex=\"0\"], summary').length")?;
    let stops = stops.as_u64().context("no stops")?;
    assert!(stops > 3, "{stops}");
    let mut reached = Vec::new();
    let mut followed = false;
    for _ in 0..stops {
        browser.press(Key::Tab)?;
        let at = browser.ask(
            "(e => [[...document.querySelectorAll('*')].indexOf(e), e.tagName, e.getAttribute('aria-label'), \
             e.getAttribute('href'), e.matches(':focus-visible') && getComputedStyle(e).outlineStyle !== 'none', \
             e.scrollWidth > e.clientWidth])(document.activeElement)",
        )?;
        assert_eq!(at[4], true, "the focus does not show: {at}");
        assert!(at[2].is_string() || at[1] != "DIV", "nothing says what this is: {at}");
        if at[5] == true && at[1] == "DIV" {
            browser.press(Key::Right)?;
            browser.wait_until("document.activeElement.scrollLeft > 0")?;
        }
        if let (Some(target), false) = (at[3].as_str(), followed) {
            browser.press(Key::Enter)?;
            browser.wait_until(&format!(
                "location.hash === {target:?} && document.querySelector(location.hash) !== null"
            ))?;
            followed = true;
            browser.ask(&format!("document.querySelectorAll('*')[{}].focus()", at[0]))?;
        }
        reached.push(at[0].as_u64().context("no place")?);
    }
    assert!(followed, "no link to the evidence");
    assert!(reached.is_sorted_by(|one, next| one < next), "out of order, or a trap: {reached:?}");
    assert_eq!(browser.complaints(), <[String; 0]>::default());
    Ok(())
}

#[test]
fn the_page_can_be_read_by_day_by_night_on_paper_and_on_a_phone() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let page = page(dir.path())?;
    let mut grounds = Vec::new();
    for (scheme, print) in [("light", false), ("dark", false), ("dark", true)] {
        let mut browser = Browser::open(&page, 1_280, 900)?;
        browser.prefer(scheme, print)?;
        let seen = browser.ask(include_str!("contrast.js"))?;
        assert!(seen["looked"].as_u64().is_some_and(|texts| texts > 40), "{seen}");
        assert_eq!(seen["found"], serde_json::json!([]), "{scheme}, print {print}");
        grounds.push(browser.ask("getComputedStyle(document.body).backgroundColor")?);
        assert_eq!(browser.complaints(), <[String; 0]>::default());
    }
    assert_ne!(grounds[0], grounds[1], "dark is not dark");
    assert_eq!(grounds[0], grounds[2], "paper is not white");
    for width in [1_280, 500, 360] {
        let mut browser = Browser::open(&page, width, 900)?;
        let over = browser.ask("document.documentElement.scrollWidth - window.innerWidth")?;
        assert!(over.as_i64().is_some_and(|over| over <= 0), "wider than {width} by {over}");
        let named =
            browser.ask("[...document.querySelectorAll('svg')].every(s => s.querySelector('title'))")?;
        assert_eq!(named, true, "a picture has no name");
    }
    Ok(())
}
