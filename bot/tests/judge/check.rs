//! What every report must keep to, whatever its story.

use gumshoe::case::DoubtKind;
use gumshoe::case::Graph;
use gumshoe::report;
use gumshoe::report::Report;
use slackblocks::MessagePayload;

/// The kinds of its doubts.
pub fn doubts(report: &Report) -> Vec<DoubtKind> {
    report.judgement.doubts.iter().map(|doubt| doubt.kind).collect()
}

/// Slack takes it, lines keep their width, lists their bounds, and nothing unprintable is in it.
pub fn everything_holds(report: &Report) {
    let blocks = report::blocks(report);
    slack_takes(&blocks, &report::fallback_text(report));
    let text = report::text(report);
    for line in text.lines() {
        assert!(line.chars().count() <= report::WIDTH, "{line}");
    }
    for output in [text, report::html(report), report::svg(report), report::fallback_text(report)] {
        let odd = output.chars().find(|&character| character != '\n' && is_hostile(character));
        assert_eq!(odd, None, "{output}");
    }
    every_message_holds(report);
    for markup in [report::html(report), report::svg(report)] {
        assert!(!markup.contains("<script"), "{markup}");
    }
    assert!(report.chain.len() <= 5, "{:?}", report.chain);
    assert!(report.judgement.graph.nodes.len() <= Graph::NODES_MAX);
    assert!(report.aws_reply.len() < 12_000);
    let json = serde_json::to_string(report).unwrap();
    assert_eq!(&serde_json::from_str::<Report>(&json).unwrap(), report);
}

/// What people see while they work on its case.
fn every_message_holds(report: &Report) {
    let deeds = super::desk::everything_done(&report.case_id);
    let drawing = super::desk::drawing();
    for deeds in [&[], deeds.as_slice()] {
        let dressed = gumshoe::desk::dressed(report, deeds);
        let blocks = drawing.blocks(&dressed, deeds, &super::desk::proven());
        slack_takes(&blocks, &report::fallback_text(&dressed));
    }
    for deed in &deeds {
        let line = gumshoe::desk::told(&report.case_id, deed);
        slack_takes(&line.blocks, &line.text);
    }
    let question = gumshoe::desk::question(report, 0);
    slack_takes(&question.blocks, &question.text);
    let evidence = report::evidence_blocks(report);
    if !evidence.is_empty() {
        slack_takes(&evidence, "evidence");
    }
}

pub fn slack_takes(blocks: &[serde_json::Value], text: &str) {
    assert!(blocks.len() <= report::BLOCKS_MAX);
    let payload = serde_json::json!({"channel": "C0123456789", "text": text, "blocks": blocks});
    let size = serde_json::to_string(&blocks).unwrap().len();
    assert!(size < report::BUDGET, "{size}");
    if let Err(error) = MessagePayload::try_from(payload.clone()) {
        panic!("{error:?}: {payload}");
    }
    // Escaped, so that an invisible character in it is seen.
    let drawn = payload.to_string();
    assert!(!drawn.contains("mrkdwn"), "{drawn}");
    assert!(drawn.chars().all(|character| !is_hostile(character)), "{drawn}");
}

pub fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
