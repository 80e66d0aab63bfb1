//! Short messages that are no report: a notice that could not be read, one that accuses nobody, a further one.
//!
//! What a notice says stands only in plain text elements, with nothing invisible left in it.

use serde_json::Value;
use serde_json::json;

use super::Message;
use crate::case::Case;
use crate::case::Disposition;
use crate::case::NoticeRef;
use crate::untrusted;

/// Warnings shown.
const WARNINGS_SHOWN: usize = 5;

/// Length of a shown text from a notice, characters.
const TEXT_SHOWN: usize = 300;

/// Lines of a shown letter, and characters of each; a section of Slack takes 3,000.
const LETTER_LINES: usize = 20;
const LETTER_LINE: usize = 140;

/// What is said of a case that is not investigated, with the letter that its playbook has for such a notice.
pub fn closed(case: &Case, disposition: Disposition, letter: Option<&str>) -> Message {
    let (title, body) = match disposition {
        Disposition::Unreadable => (
            "Could not read this notice",
            "A person must look at it: nothing in it could be understood. It is kept as it came.",
        ),
        Disposition::NotAbuse => (
            "Not an abuse notice",
            "It accuses none of our hosts. It is kept as it came; nothing was asked of any host.",
        ),
        Disposition::Inbound => (
            "Somebody else attacked us",
            "The notice accuses a remote side, not one of our hosts. It is kept as it came.",
        ),
        Disposition::Claims => ("A notice arrived", "It is investigated."),
    };
    let mut blocks = vec![
        json!({"type": "header", "text": plain(title)}),
        json!({"type": "section", "text": plain(body)}),
    ];
    let warnings: Vec<String> = case
        .notices
        .iter()
        .flat_map(|notice| &notice.warnings)
        .take(WARNINGS_SHOWN)
        .map(|warning| format!("• {}", visible(warning)))
        .collect();
    if !warnings.is_empty() {
        blocks.push(json!({"type": "section", "text": plain(&warnings.join("\n"))}));
    }
    if let Some(letter) = letter {
        let lines = letter.lines().take(LETTER_LINES).map(|line| untrusted::visible(line, LETTER_LINE));
        let lines = lines.collect::<Vec<_>>().join("\n");
        let draft = format!("An answer, for a person to check and send:\n{lines}");
        blocks.push(json!({"type": "section", "text": plain(&draft)}));
    }
    blocks.push(context(case, case.notices.first()));
    Message { case: case.id.clone(), blocks, text: format!("{title} ({})", case.id.0) }
}

/// What is said in the thread when a further notice of a known case arrives.
pub fn further_notice(case: &Case, notice: &NoticeRef) -> Message {
    let first = case.notices.first().map_or("", |first| first.format.as_str());
    let text = if first == notice.format {
        format!("Another notice of this case arrived at {:.0}", notice.received)
    } else {
        let (channel, first) = (visible(&notice.format), visible(first));
        format!(
            "Duplicate by another channel at {:.0}: {channel} tells of what {first} told of",
            notice.received
        )
    };
    Message {
        case: case.id.clone(),
        blocks: vec![json!({"type": "section", "text": plain(&text)}), context(case, Some(notice))],
        text: untrusted::mrkdwn(&text),
    }
}

fn context(case: &Case, notice: Option<&NoticeRef>) -> Value {
    let mut text = case.id.0.clone();
    if let Some(notice) = notice {
        text.push_str(&format!(" · {} · received {:.0}", visible(&notice.format), notice.received));
        if let Some(number) = &notice.reporter_case {
            text.push_str(&format!(" · reporter's number {}", visible(number)));
        }
    }
    json!({"type": "context", "elements": [plain(&text)]})
}

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": false})
}

/// A text from a notice, cut, with nothing invisible left in it.
fn visible(text: &str) -> String {
    untrusted::visible(text, TEXT_SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::CaseId;
    use jiff::Timestamp;

    fn case(warning: &str) -> Case {
        Case {
            id: CaseId("GS-20261121-7F3A".to_owned()),
            opened: Timestamp::UNIX_EPOCH,
            notices: vec![NoticeRef {
                digest: "d".to_owned(),
                received: Timestamp::UNIX_EPOCH,
                format: "generic".to_owned(),
                reporter_case: Some("<!channel>".to_owned()),
                warnings: vec![warning.to_owned(); 20],
                aside: None,
            }],
            claims: Vec::new(),
            deadline: None,
        }
    }

    #[test]
    fn every_note_is_valid_for_slack() {
        let hostile = format!("\u{202e}<!channel> \u{1b}[31m{}", "A".repeat(100_000));
        let case = case(&hostile);
        for disposition in
            [Disposition::Unreadable, Disposition::NotAbuse, Disposition::Inbound, Disposition::Claims]
        {
            let message = closed(&case, disposition, Some(&hostile));
            let payload = json!({"channel": "C0123456789", "text": message.text, "blocks": message.blocks});
            assert!(payload.to_string().len() < 9_000);
            assert!(!payload.to_string().contains('\u{202e}'));
            slackblocks::MessagePayload::try_from(payload).expect("valid");
        }
        let message = further_notice(&case, &case.notices[0]);
        slackblocks::MessagePayload::try_from(
            json!({"channel": "C0123456789", "text": message.text, "blocks": message.blocks}),
        )
        .expect("valid");
    }
}
