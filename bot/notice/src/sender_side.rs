//! From whose side a text speaks: AWS's layouts, and letters that tell the reader of an attack on the reader.

use std::sync::LazyLock;

use regex::Regex;

use super::document::SectionRole;
use super::lines::Line;
use super::lines::LineKind;
use super::not_ours;
use super::pattern::compile;
use super::sentence::Sentences;

/// Somebody whose host is attacked asks what to do.
static ASKS_HELP: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:what (?:can|should) (?:i|we) do|how (?:can|do|should) (?:i|we) (?:stop|block|protect|defend|mitigate|prevent)|can you (?:protect|mitigate|block)|(?:need|please) (?:your )?help)\b",
    )
});
static MINE_ATTACKED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:attack|ddos|flood|hammer|target)\w*\s+(?:my|our)\s+(?:[\w-]+\s+){0,2}?(?:instance|server|host|machine|vps|vm|site|website|shop|store|blog)\b|\b(?:my|our)\s+(?:ec2\s+)?(?:instance|server|host|machine|vps|vm|account|site|website)\b[^.;]{0,80}(?:\.\d[^.;]{0,80}){0,4}\b(?:is|are|was|keeps?)\s+(?:being\s+)?(?:attacked|ddosed|flooded|scanned|hit|under attack|getting attacked)",
    )
});

/// Says whether somebody asks for help against an attack, and blames nobody that is the reader's.
fn asks_for_help(lines: &[Line<'_>]) -> bool {
    let own = |line: &&Line<'_>| {
        line.kind == LineKind::Statement && line.role == SectionRole::Body && !line.is_quoted
    };
    let text: Vec<&str> = lines.iter().filter(own).take(60).map(|line| line.text.trim()).collect();
    let text = text.join(" ");
    ASKS_HELP.is_match(&text) && MINE_ATTACKED.is_match(&text) && !not_ours::is_addressed(&text)
}

/// Says whether the sender's own words tell of an attack on what is ours: whom they name as its victim is then ours, and
/// whom they name as its sources is not.
pub(super) fn says_ours_attacked(lines: &[Line<'_>], sentences: &Sentences) -> bool {
    asks_for_help(lines) || sentences.reader_is_attacked()
}

static AWS: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\bthat your (?:aws resource|instance)|aws acceptable use policy|(?:by the |^\s*)aws abuse team|(?:your|an) aws abuse report|aws trust (?:&|and) safety|implicating resources on your account|(?:amazon )?ec2 abuse report|\baws id:|\bec2 instance(?: id)?:|source ips \(comma separated\)|abuse type\*|aws abuse case|aws\.amazon\.com/(?:aup|agreement)";
    compile(pattern)
});

/// Says whether a text is in one of AWS's layouts.
pub(super) fn is_aws(lines: &[Line<'_>]) -> bool {
    lines
        .iter()
        .filter(|line| line.role != SectionRole::Evidence)
        .take(400)
        .any(|line| AWS.is_match(line.text))
}
