//! `gumshoe playbooks`, as somebody uses it who writes a playbook: what it says, how it ends, and that a folder of his own
//! changes what is judged without a new build.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use serde_json::Value;

const HEAD: &str = "schema = 1\nversion = 1\ntitle = \"Ours\"\n";

fn gumshoe(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gumshoe")).args(arguments).env_remove("GUMSHOE_CONFIG").output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn ring(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/rings").join(name)
}

/// A folder with one playbook.
fn folder(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{name}.toml"));
    std::fs::write(&path, format!("name = \"{name}\"\n{HEAD}{text}")).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

const OWN_SCANNER: &str = r#"
activities = ["port_scan"]
[[rule]]
id = "our-own"
when = "suspect.tool == 'nmap' && suspect.ports >= 100"
verdict = "misbehaving_application"
says = "asked {ports} ports of {addresses}, as our weekly inventory does"
"#;

#[test]
fn a_wrong_file_is_named_with_what_is_wrong_and_what_was_meant() {
    let rule = |when: &str| {
        format!("[[rule]]\nid = \"r\"\nwhen = \"{when}\"\nverdict = \"unknown\"\nsays = \"x\"\n")
    };
    for (text, expected) in [
        ("colour = 1\n".to_owned(), "unknown field `colour`"),
        ("activites = []\n".to_owned(), "did you mean `activities`?"),
        (rule("suspect.ports >"), "rule r"),
        (rule("suspect.prots > 5"), "there is no suspect.prots; did you mean suspect.ports?"),
        (rule("suspect.ports > limits.scan_prots"), "did you mean limits.scan_ports?"),
        (rule("suspect.ports + 1"), "neither true nor false"),
    ] {
        let (folder, path) = folder("ours", &text);
        for what in [path.as_str(), folder.path().to_str().unwrap()] {
            let output = gumshoe(&["playbooks", "check", what]);
            assert_eq!(output.status.code(), Some(1), "{}", said(&output));
            assert!(said(&output).contains(expected), "{text}: {}", said(&output));
        }
    }
    let (_folder, path) = folder("ours", OWN_SCANNER);
    let output = gumshoe(&["playbooks", "check", &path]);
    assert_eq!((output.status.code(), said(&output).contains("ok")), (Some(0), true), "{}", said(&output));
    assert_eq!(gumshoe(&["playbooks", "check", "nothing.toml"]).status.code(), Some(1));
    assert_eq!(gumshoe(&["playbooks", "check"]).status.code(), Some(0));
}

#[test]
fn a_playbook_is_tried_on_a_ring() {
    let (_folder, path) = folder("ours", OWN_SCANNER);
    let ring = ring("nmap-connect").join("ring");
    let test = |more: &[&str]| {
        let known =
            ["playbooks", "test", &path, "--ring", ring.to_str().unwrap(), "--remote", "198.51.100.20"];
        let times = ["--from", "2026-11-21T10:00:00Z", "--to", "2026-11-21T10:10:00Z"];
        gumshoe(&[&known[..], &times, more].concat())
    };
    let output = test(&["--facts"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for expected in
        ["as our weekly inventory does", "Rule our-own of playbook ours, version 1", "suspect.ports = 4"]
    {
        assert!(said(&output).contains(expected), "{expected}: {}", said(&output));
    }
    assert_eq!(test(&["--expect", "misbehaving_application"]).status.code(), Some(0));
    let output = test(&["--expect", "tool"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(
        said(&output).contains("the verdict is misbehaving_application, expected tool"),
        "{}",
        said(&output)
    );
    let output = test(&["--expect", "tol"]);
    assert_eq!((output.status.code(), said(&output).contains("did you mean tool?")), (Some(2), true));
    let told: Value = serde_json::from_slice(&test(&["--json"]).stdout).unwrap();
    assert_eq!(told["rule"], "our-own");
    assert_eq!(told["report"]["facts"]["verdict"], "misbehaving_application");
}

#[test]
fn without_a_ring_it_says_what_is_missing() {
    let (folder, path) = folder("ours", OWN_SCANNER);
    let missing = folder.path().join("none");
    let output = gumshoe(&["playbooks", "test", &path, "--ring", missing.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("--ring names a recorder's ring"), "{}", said(&output));
}

#[test]
fn a_folder_of_ones_own_changes_what_is_judged_without_a_new_build() {
    let scan = ring("nmap-connect");
    let relay = ring("open-proxy");
    let judged = |recording: &Path, settings: Option<&Path>| {
        let mut arguments =
            vec!["investigate".to_owned(), recording.join("notice.eml").display().to_string()];
        arguments.extend(["--ring".to_owned(), recording.join("ring").display().to_string()]);
        arguments.extend(["--format".to_owned(), "json".to_owned()]);
        if let Some(settings) = settings {
            arguments.extend(["--config".to_owned(), settings.display().to_string()]);
        }
        let output = gumshoe(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        let of = |name: &str| report["facts"][name].as_str().unwrap_or_default().to_owned();
        (of("verdict"), report["sentence"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(judged(&scan, None).0, "tool");
    assert_eq!(judged(&relay, None).0, "exposed_service");

    // One takes the place of a built-in playbook; the other is a new one, for an accusation that another was for.
    let (folder, _) = folder("port-scan", OWN_SCANNER);
    let exit = format!(
        "name = \"our-exit\"\n{HEAD}{}",
        r#"
activities = ["open_proxy"]
[[rule]]
id = "our-exit"
when = "suspect.program == 'tinyproxy'"
verdict = "tool"
kind = "exit of ours"
says = "is the exit that we run on purpose, with {flows} connections"
"#
    );
    std::fs::write(folder.path().join("our-exit.toml"), exit).unwrap();
    let settings = folder.path().join("gumshoe.conf");
    std::fs::write(&settings, format!("playbooks_dir = {:?}\n", folder.path())).unwrap();
    let (verdict, sentence) = judged(&scan, Some(&settings));
    assert_eq!(verdict, "misbehaving_application");
    assert!(sentence.contains("as our weekly inventory does"), "{sentence}");
    let (verdict, sentence) = judged(&relay, Some(&settings));
    assert_eq!(verdict, "tool", "{sentence}");
    assert!(sentence.contains("is the exit that we run on purpose"), "{sentence}");
    let listed = gumshoe(&["playbooks", "list", "--dir", folder.path().to_str().unwrap()]);
    assert!(said(&listed).contains("our-exit"), "{}", said(&listed));

    // Two for one accusation would leave it to chance.
    std::fs::write(
        folder.path().join("second.toml"),
        format!("name = \"second\"\n{HEAD}activities = [\"open_proxy\"]\n"),
    )
    .unwrap();
    let listed = gumshoe(&["playbooks", "list", "--dir", folder.path().to_str().unwrap()]);
    assert_eq!(listed.status.code(), Some(1));
    assert!(said(&listed).contains("one accusation has one playbook"), "{}", said(&listed));
}
