//! For tests: AWS's stand-in, which `tests/setup.sh` installs.

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use aws_config::Region;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

/// A moto server, ended with it.
pub struct Moto {
    child: Child,
    /// Its endpoint.
    pub endpoint: String,
    _hosts: tempfile::TempDir,
}

impl Moto {
    /// Starts it.
    pub fn start() -> Self {
        let python = target_dir().join("venv/bin/python");
        assert!(python.exists(), "{} is not there: run tests/setup.sh", python.display());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/standins/moto_aws.py");
        let hosts = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(python)
            .arg(script)
            .arg(hosts.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("read");
        let port: serde_json::Value = serde_json::from_str(&line).expect("its port");
        Self { child, endpoint: format!("http://127.0.0.1:{}", port["port"]), _hosts: hosts }
    }

    /// How to call it.
    pub fn sdk(&self) -> SdkConfig {
        sdk(&self.endpoint)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An SDK that calls this endpoint with credentials that fit nothing.
pub fn sdk(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("testing", "testing", None, None, "tests");
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

fn target_dir() -> PathBuf {
    // TARGET/debug/deps/this-test
    let test = std::env::current_exe().expect("this test");
    test.ancestors().nth(3).expect("a target directory").to_owned()
}
