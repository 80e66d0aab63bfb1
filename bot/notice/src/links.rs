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
    let mut hosts: Vec<String> = Vec::new();
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
            let reported = defanged || found.get(3).is_some() || in_field;
            let is_name = host.contains('.') && host.parse::<IpAddr>().is_err();
            let is_reporter =
                !reporter.is_empty() && (host == reporter || host.ends_with(&format!(".{reporter}")));
            if reported && is_name && !is_reporter && hosts.len() < 32 && !hosts.contains(&host) {
                hosts.push(host);
            }
        }
    }
    if hosts.is_empty() {
        return;
    }
    match accused.first_mut() {
        Some(only) => only.hostnames.extend(hosts),
        None => accused.push(Accused { hostnames: hosts, ..Accused::default() }),
    }
}
