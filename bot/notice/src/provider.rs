//! Whose network a row of a list, or a remark in brackets, names: a bulletin that goes to many tells each reader which rows are theirs.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::document::SectionRole;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::compile;
use super::pattern::fold;

/// Whose network it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provider {
    /// Amazon's or the reader's.
    Amazon,
    /// Somebody else's.
    Other,
}

static AMAZON: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\b(?:amazon|aws|amazonaws|ec2|(?:as|asn)[ :=-]?(?:16509|14618|8987|7224)|16509|14618)\b")
});
/// Large networks by the names that lists give them, and any number of a network.
static OTHER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:ovh(?:cloud)?|hetzner|digital ?ocean|linode|akamai|vultr|choopa|contabo|azure|microsoft|google(?: cloud)?|gcp|oracle|alibaba|aliyun|tencent|selectel|m247|colocrossing|leaseweb|scaleway|online s\.?a\.?s|ionos|strato|godaddy|hostinger|cloudflare|quadranet|psychz|fdcservers|frantech|buyvm|datacamp|clouvider|serverius|worldstream|gcore|g-core|timeweb|beget|chinanet|china ?(?:telecom|unicom|mobile)|telecom|telekom|vodafone|telefonica|orange|comcast|verizon|(?:as|asn)[ :=-]?\d{2,6})\b",
    )
});
/// The head of a column that tells whose network it is.
static COLUMN: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:provider|owner|isp|asn?|as[ -]?name|organi[sz]ation|org|hoster|hosting|network (?:name|owner)|netname|operator|anbieter|betreiber|provider|hebergeur|fournisseur|operateur|proveedor|operador|proprietario|fornitore|operatore|provedor|aanbieder|dostawca|operator|poskytovatel|sahibi|saglayici)\b",
    )
});

/// Lines of lists that are looked at.
const LINES_MAX: usize = 2000;

/// Returns what the rows of lists say of addresses by the network that they name, where some name Amazon's and some
/// another: with the line that does.
pub(super) fn told(lines: &[Line<'_>]) -> Vec<(IpAddr, Role, usize)> {
    let mut named: HashMap<IpAddr, (Provider, usize)> = HashMap::new();
    let mut has_column = false;
    for (at, line) in lines.iter().enumerate().take(LINES_MAX) {
        if line.kind != LineKind::Statement || line.role == SectionRole::Subject || line.is_blank() {
            continue;
        }
        for spot in &line.spots {
            if let (Some(ip), Some(provider)) =
                (spot.ip, of_remark(line.text.get(spot.end..).unwrap_or_default()))
            {
                named.entry(ip).or_insert((provider, at));
            }
        }
        let [spot, ..] = &line.spots[..] else {
            has_column = line.text.len() < 200 && is_cut(line.text) && COLUMN.is_match(&fold(line.text));
            continue;
        };
        let Some(ip) = spot.ip.filter(|_| line.text.len() < 240 && (line.is_item() || is_cut(line.text)))
        else {
            continue;
        };
        let text = fold(line.text);
        let provider = match () {
            () if AMAZON.is_match(&text) => Provider::Amazon,
            () if has_column || OTHER.is_match(&text) => Provider::Other,
            () => continue,
        };
        named.entry(ip).or_insert((provider, at));
    }
    let is_named = |provider| named.values().any(|(it, _)| *it == provider);
    if !is_named(Provider::Amazon) || !is_named(Provider::Other) {
        return Vec::new();
    }
    let role = |provider| if provider == Provider::Amazon { Role::Accused } else { Role::Infrastructure };
    named.into_iter().map(|(ip, (provider, at))| (ip, role(provider), at)).collect()
}

/// Whose the reader's network is.
static YOURS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:your|yours|ihre?[mnrs]?|votre|vos|sus?|vuestr\w+|seus?|suas?|vostr\w+|uw|panstwa|wasz\w*|jeres|deres|ert?)\b",
    )
});

/// "192.0.2.1 (M247)", "192.0.2.2 (your network)": whose it is said to be in brackets right behind.
fn of_remark(after: &str) -> Option<Provider> {
    let inner = after.trim_start().strip_prefix('(')?;
    let remark = fold(&inner[..inner.find(')').filter(|end| *end <= 60)?]).into_owned();
    match () {
        () if AMAZON.is_match(&remark) || YOURS.is_match(&remark) => Some(Provider::Amazon),
        () if OTHER.is_match(&remark) => Some(Provider::Other),
        () => None,
    }
}

/// Says whether a line is cut into cells or holds a remark in brackets.
fn is_cut(text: &str) -> bool {
    text.contains(['\t', '|', ';', '('])
        || text.trim().matches("  ").count() >= 1
        || text.matches(',').count() >= 2
}
