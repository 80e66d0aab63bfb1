//! The report as one HTML page: no script, nothing loaded, readable on a phone and on paper.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::DOCTYPE;
use maud::Markup;
use maud::PreEscaped;
use maud::html;
use sha2::Digest;
use sha2::Sha256;

use super::Report;
use super::svg;
use crate::case::About;
use crate::case::Confidence;
use crate::investigate::words;
use crate::untrusted::Untrusted;
use crate::untrusted::visible;

const STYLE: &str = include_str!("report.css");

/// The report as a page.
pub fn html(report: &Report) -> String {
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy =
        format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'");
    let case = Untrusted::new(&report.case_id.0).shown(60);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (case) ": " (visible(&report.headline, 120)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (head(report, &case))
                    (fields(report))
                    (list("Next steps", true, report.steps.iter().map(|step| visible(step, 600))))
                    (how(report))
                    (findings(report))
                    (confidence(report))
                    (timeline(report))
                    (evidence(report))
                    (hosts(report))
                    (others(report))
                    (reply(report))
                    (list("Notes", false, report.notes.iter().map(|note| note.shown(400))))
                }
                (foot(report, &case))
            }
        }
    }
    .into_string()
}

fn head(report: &Report, case: &str) -> Markup {
    let confidence = report.judgement.confidence;
    let class = match confidence {
        Confidence::High => "badge high",
        Confidence::Medium => "badge medium",
        Confidence::Low => "badge low",
    };
    html! {
        header {
            p .kicker { "Case " (case) " · " (words::snake(&report.activity).replace('_', " ")) }
            h1 { (visible(&report.headline, 300)) }
            p {
                span .badge { (report.judgement.verdict.kind().replace('_', " ")) } " "
                span class=(class) { (confidence) " confidence" }
            }
            p .lead { (visible(&report.sentence, 1_200)) }
        }
    }
}

fn fields(report: &Report) -> Markup {
    html! {
        section aria-label="Key facts" {
            dl .fields {
                @for field in &report.fields {
                    div { dt { (field.label) } dd { (field.value.shown(400)) } }
                }
                @if let Some(argv) = &report.facts.argv {
                    div .wide { dt { "Full command line" } dd { code { (argv.shown(4_000)) } } }
                }
            }
        }
    }
}

fn how(report: &Report) -> Markup {
    if report.chain.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "How it came about" }
            div .picture tabindex="0" role="group" aria-label="Causal chain" { (svg::inline(&report.judgement.graph)) }
            @if report.judgement.graph.folded > 0 {
                p .small { (words::count(report.judgement.graph.folded)) " further processes are folded away." }
            }
            table {
                caption { "The chain in words" }
                tbody {
                    @for line in &report.chain {
                        tr { th scope="row" { (line.kind) } td { code { (line.text.shown(1_000)) } } }
                    }
                }
            }
        }
    }
}

fn findings(report: &Report) -> Markup {
    let about = [
        (About::What, "What"),
        (About::Who, "Who"),
        (About::Why, "Why, and was it really them"),
        (About::Also, "What else"),
        (About::Host, "The host"),
    ];
    html! {
        section {
            h2 { "Findings" }
            @if report.judgement.findings.is_empty() { p { "None." } }
            @for (about, title) in about {
                @let findings: Vec<_> = report.judgement.findings.iter().filter(|finding| finding.about == about).collect();
                @if !findings.is_empty() {
                    h3 { (title) }
                    ul {
                        @for finding in findings {
                            li {
                                (visible(&finding.text, 1_000))
                                (events(report, &finding.events))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Event numbers; links where the event stands in the table below.
fn events(report: &Report, events: &[u64]) -> Markup {
    let distinct: BTreeSet<u64> = events.iter().copied().collect();
    html! {
        @for event in distinct.into_iter().take(6) {
            " "
            @if report.evidence.iter().any(|row| row.event == event) {
                a .event href=(format!("#event-{event}")) { "event " (event) }
            } @else {
                span .event .small { "event " (event) }
            }
        }
    }
}

fn confidence(report: &Report) -> Markup {
    let judgement = &report.judgement;
    html! {
        section {
            h2 { "How sure this is" }
            p { "Confidence is " strong { (judgement.confidence) } "." }
            @if !judgement.doubts.is_empty() {
                h3 { "What lowers it" }
                ul {
                    @for doubt in &judgement.doubts {
                        li { (visible(&doubt.text, 600)) " " span .small { "(at most " (doubt.at_most) ")" } }
                    }
                }
            }
            @if !judgement.what_would_change.is_empty() {
                h3 { "What would change this" }
                ul { @for text in &judgement.what_would_change { li { (visible(text, 400)) } } }
            }
            @if !judgement.not_found.is_empty() {
                h3 { "Looked for and not found" }
                ul { @for text in &judgement.not_found { li { (visible(text, 600)) } } }
            }
        }
    }
}

fn list(title: &str, ordered: bool, items: impl Iterator<Item = String>) -> Markup {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { (title) }
            @if ordered {
                ol { @for item in &items { li { (item) } } }
            } @else {
                ul { @for item in &items { li { (item) } } }
            }
        }
    }
}

fn timeline(report: &Report) -> Markup {
    if report.timeline.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Timeline" }
            div .scroll tabindex="0" role="group" aria-label="Timeline" {
                table {
                    thead { tr { th scope="col" { "Time (UTC)" } th scope="col" { "What" } } }
                    tbody {
                        @for moment in &report.timeline {
                            tr class=[moment.on_chain.then_some("chain")] {
                                td .time { time datetime=(moment.at.to_string()) { (words::utc(moment.at).trim_end_matches(" UTC")) } }
                                td { (moment.text.shown(400)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn evidence(report: &Report) -> Markup {
    if report.evidence.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Evidence" }
            p .small { "Events of the host's own history, by their numbers there. A host that is not trusted may have changed them." }
            div .scroll tabindex="0" role="group" aria-label="Evidence" {
                table {
                    thead { tr { th scope="col" { "Event" } th scope="col" { "Time (UTC)" } th scope="col" { "Kind" } th scope="col" { "What" } } }
                    tbody {
                        @for (index, row) in report.evidence.iter().enumerate() {
                            @let first = !report.evidence[..index].iter().any(|other| other.event == row.event);
                            tr id=[first.then(|| format!("event-{}", row.event))] {
                                td { (row.event) }
                                td .time { (words::utc(row.at).trim_end_matches(" UTC")) }
                                td { (row.kind) }
                                td { (row.text.shown(400)) @if report.judgement.hosts.len() > 1 { " (" (row.host) ")" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn hosts(report: &Report) -> Markup {
    html! {
        section {
            h2 { "Hosts and how complete their history is" }
            @if report.judgement.hosts.is_empty() { p { "No host was asked." } }
            @for view in &report.judgement.hosts {
                h3 { (view.name) }
                p { (visible(&view.text, 800)) }
                @if !view.host.why.is_empty() { p .small { "Why this host: " (Untrusted::new(&view.host.why).shown(300)) } }
                @if !view.gaps.is_empty() || !view.losses.is_empty() {
                    ul {
                        @for (gap, reason) in &view.gaps { li { "Not recorded: " (words::span(gap.from, gap.to)) " (" (visible(reason, 200)) ")" } }
                        @for loss in &view.losses { li { (visible(loss, 200)) } }
                    }
                }
            }
        }
    }
}

fn others(report: &Report) -> Markup {
    let others: Vec<_> =
        report.judgement.suspects.iter().skip(usize::from(report.suspect().is_some())).collect();
    if others.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Others that match" }
            ul {
                @for suspect in others {
                    li {
                        @if let Some(process) = &suspect.process {
                            code { (process.argv.shown(300)) } " (process " (process.pid) ", " (process.user.shown(40)) ") "
                        } @else { "a process that is not recorded " }
                        "on " (suspect.host) ": " (visible(&suspect.says, 300))
                    }
                }
            }
        }
    }
}

fn reply(report: &Report) -> Markup {
    html! {
        section {
            h2 { "Draft of the answer to the reporter" }
            p .small { "A person completes what stands in square brackets and sends it." }
            div .letter {
                @for paragraph in report.aws_reply.split("\n\n") { p { (visible(paragraph.trim(), 3_000)) } }
            }
        }
    }
}

fn foot(report: &Report, case: &str) -> Markup {
    html! {
        footer {
            p {
                "Case " (case) " · playbook " (report.playbook.name) " version " (report.playbook.version)
                " · for " (report.routing) " · made " (words::utc(report.made.into()))
                @if !report.techniques.is_empty() { " · ATT&CK " (report.techniques.join(", ")) }
            }
        }
    }
}
