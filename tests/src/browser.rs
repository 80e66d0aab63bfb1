//! A real browser, driven over the pipe of its DevTools protocol: pages, keys, colours, questions to the page.
//!
//! Nothing of it listens anywhere, and no name can be resolved in it, so that what a page asks for goes nowhere.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::ChildStdin;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::bail;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Its pipe is descriptors 3 (to it) and 4 (from it): the shell moves what it is given there.
const START: &str = "exec 3<&0 4>&1 </dev/null >\"$1\" 2>&1; shift; exec chromium \"$@\"";

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// To the next part that takes keys.
    Tab,
    /// Follows a link.
    Enter,
    /// Scrolls what has the focus.
    Right,
}

/// A browser that shows one page. Dropping it ends it.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    input: ChildStdin,
    answers: mpsc::Receiver<Value>,
    session: Option<String>,
    calls: u64,
    /// What the page and the browser said of errors.
    complaints: Vec<String>,
    dir: TempDir,
}

impl Browser {
    /// Opens a page from a file, in a window so wide and high.
    ///
    /// # Errors
    /// When no browser starts, or it does not show the page; says what it said.
    pub fn open(page: &Path, width: u32, height: u32) -> anyhow::Result<Self> {
        Self::visit(&format!("file://{}", page.display()), width, height)
    }

    /// Opens a page by its address, which must be a file or of this machine.
    ///
    /// # Errors
    /// As [`Browser::open`].
    pub fn visit(url: &str, width: u32, height: u32) -> anyhow::Result<Self> {
        let mut browser = Self::start()?;
        let targets = browser.call("Target.getTargets", json!({}))?;
        let targets = targets["targetInfos"].as_array().context("no targets")?;
        let page_of = targets.iter().find(|target| target["type"] == "page").context("no page")?;
        let attach = json!({"targetId": page_of["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", attach)?;
        browser.session = Some(attached["sessionId"].as_str().context("no session")?.to_owned());
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, json!({}))?;
        }
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        browser.call("Emulation.setDeviceMetricsOverride", metrics)?;
        browser.call("Page.navigate", json!({"url": url}))?;
        browser.wait_until("document.readyState === 'complete' && location.protocol !== 'about:'")?;
        Ok(browser)
    }

    fn start() -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut browser = Command::new("sh");
        browser.args(["-c", START, "sh"]).arg(dir.path().join("said"));
        browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]);
        browser.args([
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
        ]);
        browser.args([
            "--disable-sync",
            "--disable-extensions",
            "--disable-domain-reliability",
            "--no-pings",
        ]);
        browser.args(["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-pipe"]);
        browser.arg(format!("--user-data-dir={}", dir.path().join("profile").display()));
        browser.arg("about:blank").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = browser.spawn().context("start a shell")?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (input, output) = (input.context("no pipe")?, output.context("no pipe")?);
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            for message in BufReader::new(output).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { break };
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, input, answers, session: None, calls: 0, complaints: Vec::new(), dir })
    }

    /// One call of the protocol.
    ///
    /// # Errors
    /// When the browser refuses it, or is gone.
    pub fn call(&mut self, method: &str, params: Value) -> anyhow::Result<Value> {
        self.calls += 1;
        let mut message = json!({"id": self.calls, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.input.write_all(message.to_string().as_bytes())?;
        self.input.write_all(&[0])?;
        self.input.flush()?;
        let until = Instant::now() + ANSWER_MAX;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(answer) = self.answers.recv_timeout(left) else {
                let said = std::fs::read(self.dir.path().join("said")).unwrap_or_default();
                bail!(
                    "no answer to {method} (tests/setup.sh installs chromium): {}",
                    String::from_utf8_lossy(&said)
                );
            };
            if answer["id"] == self.calls {
                if let Some(error) = answer.get("error") {
                    bail!("{method}: {error}");
                }
                return Ok(answer["result"].clone());
            }
            let event = answer["method"].as_str().unwrap_or_default();
            if ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"].contains(&event) {
                self.complaints.push(answer["params"].to_string());
            }
        }
    }

    /// What an expression in the page comes to.
    ///
    /// # Errors
    /// When it throws.
    pub fn ask(&mut self, expression: &str) -> anyhow::Result<Value> {
        let answer =
            self.call("Runtime.evaluate", json!({"expression": expression, "returnByValue": true}))?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            bail!("{expression}: {thrown}");
        }
        Ok(answer["result"]["value"].clone())
    }

    /// Waits until an expression is true.
    ///
    /// # Errors
    /// When it stays false.
    pub fn wait_until(&mut self, expression: &str) -> anyhow::Result<()> {
        let until = Instant::now() + ANSWER_MAX;
        while self.ask(expression)? != json!(true) {
            if Instant::now() > until {
                bail!("never came true: {expression}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Presses a key and lets it go.
    ///
    /// # Errors
    /// As [`Browser::call`].
    pub fn press(&mut self, key: Key) -> anyhow::Result<()> {
        let (name, code, text) = match key {
            Key::Tab => ("Tab", 9, None),
            Key::Enter => ("Enter", 13, Some("\r")),
            Key::Right => ("ArrowRight", 39, None),
        };
        let mut params = json!({"key": name, "code": name, "windowsVirtualKeyCode": code});
        for kind in [if text.is_some() { "keyDown" } else { "rawKeyDown" }, "keyUp"] {
            params["type"] = json!(kind);
            if let (Some(text), "keyDown") = (text, kind) {
                params["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", params.clone())?;
        }
        Ok(())
    }

    /// Has the page drawn as for this colour scheme, or, with `print`, on paper.
    ///
    /// # Errors
    /// As [`Browser::call`].
    pub fn prefer(&mut self, scheme: &str, print: bool) -> anyhow::Result<()> {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let media = if print { "print" } else { "" };
        self.call("Emulation.setEmulatedMedia", json!({"media": media, "features": features})).map(drop)
    }

    /// The top of the page as a PNG, so high as the window or, where that is less, as the page.
    ///
    /// # Errors
    /// As [`Browser::call`].
    pub fn picture(&mut self) -> anyhow::Result<Vec<u8>> {
        let size = self.ask(
            "[window.innerWidth, Math.min(window.innerHeight, document.documentElement.scrollHeight)]",
        )?;
        let clip = json!({"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1});
        let taken = self.call("Page.captureScreenshot", json!({"format": "png", "clip": clip}))?;
        Ok(STANDARD.decode(taken["data"].as_str().context("no picture")?)?)
    }

    /// What was complained of so far: errors of the page, refused requests, policies that were broken.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends its own children when asked; where it does not answer, it is killed.
        self.session = None;
        let _ = self.call("Browser.close", json!({}));
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
