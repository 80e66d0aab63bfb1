//! What Gumshoe's report and a host's evidence say, and what is missing from it. Pure.

use std::net::IpAddr;

use history::Coverage;
use history::LossClass;
use serde_json::Value;

/// Whether nothing is missing but names: the first question of DNS may leave before its answers are looked at, and
/// counts as lost.
pub fn traffic_is_complete(coverage: &Coverage) -> bool {
    let beside = |class: LossClass| matches!(class, LossClass::Dns | LossClass::Received);
    let of_names = coverage.losses.iter().all(|loss| beside(loss.class));
    of_names && coverage.gaps.is_empty() && !coverage.recorded.is_empty()
}

/// What a report says of the first suspect and of its evidence; empty where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The kind of verdict, such as `tool`.
    pub verdict: String,
    /// `high`, `medium` or `low`.
    pub confidence: String,
    /// The program, such as `nmap`.
    pub program: String,
    /// Its full command line.
    pub command_line: String,
    /// The user as which it ran.
    pub ran_as: String,
    /// Through which program it got other rights.
    pub elevated_by: String,
    /// The person behind it.
    pub person: String,
    /// The service that let that person in.
    pub login_service: String,
    /// How the login was authenticated.
    pub login_method: String,
    /// Where the login came from.
    pub login_from: Option<IpAddr>,
    /// Distinct ports tried at the victim.
    pub ports: u64,
    /// Whether every host's history of the claimed time is complete.
    pub complete: bool,
    /// What it doubts, and why.
    pub doubts: Vec<String>,
}

impl Facts {
    /// Reads a report.
    pub fn read(report: &Value) -> Self {
        let Some(judgement) = judgement(report) else {
            return Self::default();
        };
        let text = |pointer: &str| {
            let found = judgement.pointer(pointer).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let list = |name: &str| judgement[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let hosts = list("hosts");
        Self {
            verdict: text("/verdict/kind"),
            confidence: text("/confidence"),
            program: text("/suspects/0/process/name"),
            command_line: text("/suspects/0/process/argv"),
            ran_as: text("/suspects/0/process/effective_user"),
            elevated_by: text("/suspects/0/elevated_by"),
            person: text("/suspects/0/person/name"),
            login_service: text("/suspects/0/entry/login/service"),
            login_method: text("/suspects/0/entry/login/method"),
            login_from: text("/suspects/0/entry/login/source_address").parse().ok(),
            ports: judgement
                .pointer("/suspects/0/behaviour/matched_ports")
                .and_then(Value::as_u64)
                .unwrap_or_default(),
            complete: !hosts.is_empty() && hosts.iter().all(|host| host["complete"] == true),
            doubts: list("doubts")
                .iter()
                .filter_map(|doubt| doubt["text"].as_str())
                .map(str::to_owned)
                .collect(),
        }
    }
}

/// The part of the report that judges, wherever it stands in it.
fn judgement(value: &Value) -> Option<&Value> {
    match value {
        Value::Object(object) if object.contains_key("verdict") && object.contains_key("suspects") => {
            Some(value)
        }
        Value::Object(object) => object.values().find_map(judgement),
        _ => None,
    }
}

/// What a report must say.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The program.
    pub program: &'static str,
    /// The command line, in full.
    pub command_line: String,
    /// The user as which it ran.
    pub ran_as: &'static str,
    /// Through what; empty when through nothing.
    pub elevated_by: &'static str,
    /// The person.
    pub person: &'static str,
    /// Where that person logged in from.
    pub login_from: IpAddr,
    /// At least and at most so many ports.
    pub ports: (u64, u64),
}

impl Expected {
    /// What the report lacks or says otherwise, a sentence for each; empty when it says it all.
    pub fn missing(&self, facts: &Facts) -> Vec<String> {
        let mut missing = Vec::new();
        let mut check = |what: &str, said: &str, expected: &str| {
            if said != expected {
                missing.push(format!("{what}: the report says {said:?}, it was {expected:?}"));
            }
        };
        check("verdict", &facts.verdict, "tool");
        check("program", &facts.program, self.program);
        check("command line", &facts.command_line, &self.command_line);
        check("ran as", &facts.ran_as, self.ran_as);
        check("elevated by", &facts.elevated_by, self.elevated_by);
        check("person", &facts.person, self.person);
        check("login by", &facts.login_service, "sshd");
        check("login method", &facts.login_method, "publickey");
        let from = facts.login_from.map_or_else(String::new, |address| address.to_string());
        check("login from", &from, &self.login_from.to_string());
        if !(self.ports.0..=self.ports.1).contains(&facts.ports) {
            missing.push(format!("ports: the report says {}, there were {}", facts.ports, self.ports.0));
        }
        if !facts.complete {
            missing.push("coverage: the report does not say that it is complete".to_owned());
        }
        missing
    }
}
