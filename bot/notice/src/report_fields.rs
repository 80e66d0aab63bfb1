//! Machine-readable parts of mailed reports: ARF's `message/feedback-report` (RFC 5965) and the
//! `report.txt` of X-ARF 0.1 and 0.2. Both are lines of `Name: value`.

use super::activity;
use super::claims;
use super::document::Document;
use super::document::Section;
use super::document::SectionRole;
use super::draft::Draft;
use super::moment;
use super::text;
use crate::claim::Accused;
use crate::claim::Activity;
use crate::claim::Disposition;

/// Reads the first such part of a notice.
pub(super) fn read(document: &Document) -> Option<Draft> {
    let parts = document.sections.iter().filter(|section| section.role != SectionRole::Subject);
    parts.filter_map(Fields::of).find_map(|fields| arf(&fields).or_else(|| x_arf(&fields)))
}

/// The fields of one part, in order.
struct Fields<'a>(Vec<(String, &'a str)>);

impl<'a> Fields<'a> {
    fn of(section: &'a Section) -> Option<Self> {
        let head = &section.text[..section.text.floor_char_boundary(section.text.len().min(16_384))];
        let is_report = ["Feedback-Type", "Report-Type", "Source-Type", "Reported-From"]
            .iter()
            .filter(|name| head.contains(**name))
            .count();
        if is_report == 0 {
            return None;
        }
        let fields = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| !name.trim().contains(' '));
        Some(Self(fields.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim())).collect()))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| *value)
    }

    fn first(&self, names: &[&str]) -> Option<&'a str> {
        names.iter().find_map(|name| self.get(name))
    }
}

/// A feedback report: somebody complains of a mail that our host sent.
fn arf(fields: &Fields<'_>) -> Option<Draft> {
    let kind = fields.get("feedback-type")?.to_ascii_lowercase();
    if fields.get("version").is_none() && fields.get("user-agent").is_none() {
        return None;
    }
    let mut draft = Draft::new("arf", format!("arf/{}", known_kind(&kind)), Disposition::Claims);
    if matches!(kind.as_str(), "not-spam" | "opt-out" | "opt-out-list" | "auth-failure") {
        draft.disposition = super::draft::Verdict::Is(Disposition::NotAbuse);
        draft.warnings.push(format!("a feedback report of type {kind} accuses nobody"));
        return Some(draft);
    }
    let activity = match kind.as_str() {
        "fraud" => Activity::Phishing,
        "virus" => Activity::MalwareHosting,
        "abuse" | "complaint" => Activity::Spam,
        other => activity::of_name(other).unwrap_or(Activity::Spam),
    };
    let accused = source(fields.first(&["source-ip", "source"]).unwrap_or_default());
    let window = fields.first(&["arrival-date", "received-date", "date"]).and_then(moment::parse);
    if text::is_nobody(&accused) {
        return None;
    }
    draft.claims.push(claims::claim(accused, Vec::new(), window, activity));
    Some(draft)
}

fn known_kind(kind: &str) -> &str {
    const KNOWN: [&str; 8] =
        ["abuse", "fraud", "virus", "not-spam", "opt-out", "opt-out-list", "auth-failure", "xarf"];
    KNOWN.iter().find(|known| **known == kind).copied().unwrap_or("other")
}

/// X-ARF 0.1 and 0.2: the source, the date and the type stand in fields.
fn x_arf(fields: &Fields<'_>) -> Option<Draft> {
    let kind = fields.first(&["report-type", "report-class"])?;
    let accused = source(fields.first(&["source", "source-ip"])?);
    if text::is_nobody(&accused) {
        return None;
    }
    let version = if fields.get("version").is_some_and(|it| it.starts_with("0.2")) { "0.2" } else { "0.1" };
    let mut draft = Draft::new("xarf", format!("xarf/{version}"), Disposition::Claims);
    draft.case_id = fields.get("report-id").map(str::to_owned);
    draft.keys.extend(draft.case_id.clone());
    draft.note("activity", kind, "Report-Type");
    let window = fields.get("date").and_then(moment::parse);
    let activity = activity::of_name(kind)
        .or_else(|| fields.get("service").and_then(activity::of_name))
        .or_else(|| fields.get("category").and_then(activity::of_name));
    draft.claims.push(claims::claim(accused, Vec::new(), window, activity.unwrap_or(Activity::Other)));
    draft.activity_open = activity.is_none();
    Some(draft)
}

fn source(text: &str) -> Accused {
    let mut accused = Accused::default();
    super::xarf::add_source(&mut accused, text);
    accused
}

#[cfg(test)]
mod tests {
    use super::super::document::Document;
    use super::super::document::Section;
    use super::super::document::SectionRole;
    use super::read;
    use crate::claim::Activity;

    fn check(text: &str, format: &str, from: &str, activity: Activity) {
        let section =
            Section { role: SectionRole::Attachment, name: "report".to_owned(), text: text.to_owned() };
        let draft = read(&Document { sections: vec![section], ..Document::default() }).expect("a report");
        let claim = &draft.claims[0];
        assert_eq!(draft.format, format);
        assert_eq!(claim.accused.addresses[0].to_string(), "192.0.2.1");
        assert_eq!(claim.window.as_ref().map(|it| it.from.to_string()).as_deref(), Some(from));
        assert_eq!(claim.activity, activity);
    }

    #[test]
    fn reads_reports() {
        check(
            "Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\nSource-IP: 192.0.2.1\nArrival-Date: Mon, 15 Jan 2024 10:00:00 -0500\n",
            "arf",
            "2024-01-15T15:00:00Z",
            Activity::Spam,
        );
        check(
            "---\nReported-From: a@example.com\nCategory: abuse\nReport-Type: login-attack\nService: ssh\nVersion: 0.2\nDate: Mon, 15 Jan 2024 10:00:00 +0000\nSource-Type: ip-address\nSource: 192.0.2.1\nPort: 22\nReport-ID: 1@example.com\n",
            "xarf",
            "2024-01-15T10:00:00Z",
            Activity::LoginAttack,
        );
    }
}
