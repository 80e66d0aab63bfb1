//! The report as Slack blocks: verdict first, at most twelve blocks, within [`BUDGET`].
//!
//! Nothing in them is mrkdwn, so no text from outside can become a mention, a link or emphasis.

use serde_json::Value;
use serde_json::json;

use super::Report;
use crate::case::Case;
use crate::case::Confidence;
use crate::investigate::words;
use crate::untrusted::Untrusted;
use crate::untrusted::mrkdwn;
use crate::untrusted::visible;

/// Characters of JSON in a message. Slack refuses somewhere above 11,000 and does not say where.
pub const BUDGET: usize = 9_000;

/// Blocks of a message; Slack takes 50, a reader fewer.
pub const BLOCKS_MAX: usize = 12;

const HEADER_MAX: usize = 150;

/// The report's message.
pub fn blocks(report: &Report) -> Vec<Value> {
    blocks_with(report, Vec::new())
}

/// The report's message with further blocks (what was done, buttons) before its last line, within the same bounds.
pub fn blocks_with(report: &Report, below: Vec<Value>) -> Vec<Value> {
    // Shorter and shorter texts until it fits; escapes in JSON may double what was measured.
    let sizes = [700, 400, 200, 100];
    let drawn = sizes.iter().map(|&limit| {
        let mut blocks = drawn(report, limit);
        blocks.truncate(BLOCKS_MAX - below.len().min(BLOCKS_MAX));
        let last = blocks.len().saturating_sub(1);
        blocks.splice(last..last, below.iter().cloned());
        blocks
    });
    let mut last = Vec::new();
    for blocks in drawn {
        last = blocks;
        if size(&last) < BUDGET {
            break;
        }
    }
    last
}

fn size(blocks: &[Value]) -> usize {
    blocks.iter().map(|block| block.to_string().len()).sum()
}

fn drawn(report: &Report, limit: usize) -> Vec<Value> {
    let mut blocks = vec![
        header(&report.headline),
        section(&visible(&report.sentence, limit.max(300) * 2)),
        fields(report, limit.min(400)),
    ];
    if !report.chain.is_empty() {
        let lines: Vec<String> = report
            .chain
            .iter()
            .map(|line| format!("{:<9} {}", line.kind, line.text.shown(limit.min(320))))
            .collect();
        blocks.push(json!({"type": "rich_text", "elements": [preformatted(&lines.join("\n"))]}));
    }
    let judgement = &report.judgement;
    if !judgement.doubts.is_empty() {
        let title = match judgement.confidence {
            Confidence::High => "Worth knowing",
            _ => "What lowers the confidence",
        };
        blocks.push(list(
            title,
            judgement.doubts.iter().take(4).map(|doubt| visible(&doubt.text, limit.min(300))),
        ));
    }
    if !judgement.what_would_change.is_empty() {
        let changes = judgement.what_would_change.iter().take(3).map(|text| visible(text, limit.min(200)));
        blocks.push(list("What would change this", changes));
    }
    if !report.steps.is_empty() {
        blocks
            .push(list("Next steps", report.steps.iter().take(4).map(|step| visible(step, limit.min(300)))));
    }
    blocks.push(context(&context_text(report)));
    blocks
}

fn context_text(report: &Report) -> String {
    let mut text = format!(
        "{} · playbook {} v{} · for {} · made {}",
        Untrusted::new(&report.case_id.0).shown(60),
        report.playbook.name,
        report.playbook.version,
        report.routing,
        words::utc(report.made.into()),
    );
    if !report.techniques.is_empty() {
        text.push_str(&format!(" · ATT&CK {}", report.techniques.join(", ")));
    }
    visible(&text, 400)
}

/// The message while hosts are asked.
pub fn blocks_investigating(case: &Case) -> Vec<Value> {
    let activity = case.claims.first().map(|claim| words::snake(&claim.activity).replace('_', " "));
    let activity = activity.unwrap_or_else(|| "abuse".to_owned());
    let accused: Vec<String> = (case.claims.iter())
        .flat_map(|claim| {
            let addresses = claim.accused.addresses.iter().map(ToString::to_string);
            let ids = claim.accused.instance_ids.iter().map(|id| Untrusted::new(id).shown(40));
            addresses.chain(ids)
        })
        .take(4)
        .collect();
    let whom = if accused.is_empty() { "a host of ours".to_owned() } else { accused.join(", ") };
    let due = case
        .deadline
        .map(|deadline| format!(" · answer due {}", words::utc(deadline.into())))
        .unwrap_or_default();
    let id = Untrusted::new(&case.id.0).shown(60);
    vec![
        header(&format!("Investigating: {activity} reported from {whom}")),
        section(
            "The hosts that may be meant are being asked for their history. This message is updated with what they say.",
        ),
        context(&format!("{id} · opened {}{due}", words::utc(case.opened.into()))),
    ]
}

/// The evidence, for the message's thread: single events with their numbers, and what was looked for and not found.
pub fn evidence_blocks(report: &Report) -> Vec<Value> {
    const ROWS_MAX: usize = 14;
    let mut blocks = Vec::new();
    let rows: Vec<String> = (report.evidence.iter())
        .take(ROWS_MAX)
        .map(|row| {
            let at = words::utc(row.at);
            format!(
                "{:>8}  {}  {:<8} {}",
                row.event,
                at.trim_end_matches(" UTC"),
                row.kind,
                row.text.shown(120)
            )
        })
        .collect();
    if !rows.is_empty() {
        let left = report.evidence.len().saturating_sub(rows.len());
        let more = if left > 0 { format!("; {left} more are in the page") } else { String::new() };
        let title = format!("Evidence: event number, time (UTC), kind, what{more}");
        blocks.push(json!({"type": "rich_text", "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": title, "style": {"bold": true}}]},
            preformatted(&rows.join("\n")),
        ]}));
    }
    let not_found = &report.judgement.not_found;
    if !not_found.is_empty() {
        blocks
            .push(list("Looked for and not found", not_found.iter().take(8).map(|text| visible(text, 250))));
    }
    blocks
}

/// What stands in notifications and where blocks cannot be shown.
pub fn fallback_text(report: &Report) -> String {
    mrkdwn(&visible(&format!("{} - {}", report.headline, report.sentence), 800))
}

fn plain(text: &str) -> Value {
    let text = if text.is_empty() { "-" } else { text };
    json!({"type": "plain_text", "text": text, "emoji": false})
}

fn header(text: &str) -> Value {
    json!({"type": "header", "text": plain(&visible(text, HEADER_MAX))})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": plain(text)})
}

fn context(text: &str) -> Value {
    json!({"type": "context", "elements": [plain(text)]})
}

fn fields(report: &Report, limit: usize) -> Value {
    let fields: Vec<Value> = (report.fields.iter())
        .take(10)
        .map(|field| plain(&format!("{}\n{}", field.label, field.value.shown(limit))))
        .collect();
    json!({"type": "section", "fields": fields})
}

fn preformatted(text: &str) -> Value {
    json!({"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]})
}

fn list(title: &str, items: impl Iterator<Item = String>) -> Value {
    let items: Vec<Value> = items
        .map(|item| json!({"type": "rich_text_section", "elements": [{"type": "text", "text": item}]}))
        .collect();
    json!({"type": "rich_text", "elements": [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": title, "style": {"bold": true}}]},
        {"type": "rich_text_list", "style": "bullet", "elements": items},
    ]})
}
