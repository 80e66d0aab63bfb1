//! Signatures of modules that are written elsewhere; deleted once those are here.

#![allow(missing_docs)]

pub mod playbook {
    use std::path::Path;

    use crate::case::Claim;

    #[derive(Debug, Default)]
    pub struct Playbook;

    #[derive(Debug, Default)]
    pub struct Playbooks(Playbook);

    impl Playbooks {
        pub fn load(_folder: Option<&Path>) -> Result<Self, std::io::Error> {
            Ok(Self::default())
        }

        pub fn for_claim(&self, _claim: &Claim) -> &Playbook {
            &self.0
        }
    }
}

pub mod investigate {
    use history::Request;
    use history::Window;
    use jiff::Timestamp;
    use jiff::ToSpan;

    use crate::case::Claim;
    use crate::playbook::Playbook;

    pub fn request_for(claim: &Claim, _playbook: &Playbook, now: Timestamp) -> Request {
        let (from, to) = match &claim.window {
            Some(window) => (window.from, window.to),
            None => (now - 24.hours(), now),
        };
        Request {
            version: history::VERSION,
            window: Window { from: from.into(), to: to.into() },
            remotes: Vec::new(),
            ports: Vec::new(),
            protocol: None,
        }
    }
}

pub mod report {
    use jiff::Timestamp;
    use serde::Deserialize;
    use serde::Serialize;
    use serde_json::Value;
    use serde_json::json;

    use crate::case::Case;
    use crate::case::CaseId;
    use crate::case::HostAnswer;
    use crate::case::Located;
    use crate::playbook::Playbooks;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Report {
        pub case: CaseId,
        pub answers: Vec<HostAnswer>,
        pub located: Located,
    }

    pub fn build(
        case: &Case,
        located: &Located,
        answers: &[HostAnswer],
        _playbooks: &Playbooks,
        _now: Timestamp,
    ) -> Report {
        Report { case: case.id.clone(), answers: answers.to_vec(), located: located.clone() }
    }

    pub fn blocks(report: &Report) -> Vec<Value> {
        vec![plain(&text(report))]
    }

    pub fn blocks_investigating(case: &Case) -> Vec<Value> {
        vec![plain(&format!("{}: investigating", case.id.0))]
    }

    pub fn fallback_text(report: &Report) -> String {
        format!("{}: {} answers", report.case.0, report.answers.len())
    }

    pub fn html(report: &Report) -> String {
        format!("<!doctype html><title>{}</title>", report.case.0)
    }

    pub fn text(report: &Report) -> String {
        let kinds: Vec<String> = report
            .answers
            .iter()
            .map(|answer| format!("{:?}", answer.answer).chars().take(120).collect())
            .collect();
        format!(
            "{}: {} hosts; {}; {:?}",
            report.case.0,
            report.located.hosts.len(),
            kinds.join("; "),
            report.located.notes
        )
    }

    fn plain(text: &str) -> Value {
        let text: String = text.chars().take(2_900).collect();
        json!({"type": "section", "text": {"type": "plain_text", "text": text, "emoji": false}})
    }
}
