//! Links that are what a notice complains of, and the hosts in them.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::activity;
use super::document::Document;
use super::document::SectionRole;
use super::label;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::compile;
use super::said;
use crate::claim::Accused;
use crate::claim::Activity;

static LINK: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"(?i)\b(h(?:xx|tt)ps?)://([a-z0-9][a-z0-9.-]{1,250})(?::\d+)?(?:[/?#]\S*)?(\s*\[[0-9a-f.:]+\])?")
});

/// Adds the host of the reported link, where a page or a file is what is complained of.
pub(super) fn add_hosts(
    lines: &[Line<'_>],
    activity: Option<Activity>,
    document: &Document,
    accused: &mut Vec<Accused>,
) {
    if !matches!(activity, Some(Activity::Phishing | Activity::MalwareHosting | Activity::Copyright))
        || accused.len() > 1
    {
        return;
    }
    let reporter = document.outer_mail().map(|mail| mail.sender_domain().to_owned()).unwrap_or_default();
    let is_reporters =
        |host: &str| !reporter.is_empty() && (host == reporter || host.ends_with(&format!(".{reporter}")));
    let mut hosts: Vec<String> = Vec::new();
    let mut under_urls = false;
    for line in lines
        .iter()
        .filter(|line| line.kind == LineKind::Statement && line.role != SectionRole::Evidence)
        .take(2000)
    {
        for found in LINK.captures_iter(line.text) {
            let host = found[2].trim_end_matches('.').to_ascii_lowercase();
            let defanged = found[1].to_ascii_lowercase().starts_with("hxx");
            let in_field = activity::field(line.text).is_some_and(|(name, _)| {
                let words = label::words(name);
                words.len() <= 4
                    && words.iter().any(|word| ["url", "urls", "link", "uri"].contains(&word.as_str()))
                    && !words.contains(&"schema".to_owned())
            });
            let whole = found.get(0).map_or(0, |it| it.start());
            if said::GENUINE.is_match(&line.text[..whole]) {
                continue;
            }
            let reported =
                defanged || found.get(3).is_some() || in_field || (under_urls && is_link(line.text));
            let is_name = host.contains('.') && host.parse::<IpAddr>().is_err();
            if reported && is_name && !is_reporters(&host) && hosts.len() < 32 && !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        under_urls = if line.is_blank() { under_urls } else { heads_links(line.text) };
    }
    if accused.is_empty() && hosts.is_empty() {
        hosts.extend(in_subject(lines).filter(|host| !is_reporters(host)));
        let alone = lines.iter().enumerate().take(2_000).filter(|(_, line)| {
            line.kind == LineKind::Statement && line.role == SectionRole::Body && is_link(line.text)
        });
        let is_genuine = |at: usize| {
            let above = lines[..at].iter().rev().find(|line| !line.is_blank());
            above.is_some_and(|line| said::GENUINE.is_match(line.text.trim()))
        };
        let shown = alone.filter(|(at, _)| activity != Some(Activity::Copyright) && !is_genuine(*at));
        let names = shown.filter_map(|(_, line)| Some(LINK.captures(line.text)?[2].to_ascii_lowercase()));
        let names = names.filter(|host| host.parse::<IpAddr>().is_err() && !is_reporters(host));
        hosts.extend(names.take(1));
    }
    if hosts.is_empty() {
        return;
    }
    match accused.first_mut() {
        Some(only) => only.hostnames.extend(hosts),
        None => accused.push(Accused { hostnames: hosts, ..Accused::default() }),
    }
}

/// "Reported URLs:", above one a line; the list goes on while its lines are links.
fn heads_links(text: &str) -> bool {
    let name = text.trim().strip_suffix(':');
    let is_head = name.is_some_and(|name| label::meaning(name).kind == label::Kind::Url);
    (is_head && !said::GENUINE.is_match(text.trim())) || is_link(text)
}

/// Says whether a link is all of a line.
fn is_link(text: &str) -> bool {
    let text = text.trim();
    LINK.find(text).is_some_and(|link| link.start() == 0 && link.end() == text.len())
}

/// "Phishing page on example[.]com": the name of a host at the end of a subject.
static AT_THE_END: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:on|at|of|for|regarding|concerning|about|against|host|domain|site|website|sur|pour|auf|bei|en|sobre|su|op|na)\s+((?:[a-z0-9-]+(?:\[?\.\]?|\(\.\)))+[a-z]{2,24})\W*$",
    )
});

fn in_subject(lines: &[Line<'_>]) -> impl Iterator<Item = String> {
    let subjects = lines.iter().filter(|line| line.role == SectionRole::Subject).take(1);
    let name = |line: &Line<'_>| Some(AT_THE_END.captures(line.text)?[1].replace(['[', ']', '(', ')'], ""));
    subjects.filter_map(name).map(|name| name.to_ascii_lowercase())
}
