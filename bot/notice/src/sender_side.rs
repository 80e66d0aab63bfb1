//! From whose side a text speaks: AWS's layouts, and letters that tell the reader of an attack on the reader.

use std::sync::LazyLock;

use regex::Regex;

use super::document::SectionRole;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::not_ours;
use super::pattern::compile;
use super::roles::Roles;
use super::sentence::Sentences;

/// "We have detected an attack on your address": the one who is written to is the victim.
static OURS_ATTACKED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:votre|vos|ihr|ihre[nms]?|su|sus|vuestro|seu|sua|vostro|uw)\s+(?:serv\w+|ip|adresse?|host|instan\w+|syst\w+|machine|rechner|direcci[oó]n|endere[cç]o|indirizzo|netz\w*|r[ée]seau)\b(?:[^.;]|\.\S){0,60}\s(?:a subi|subit|re[çc]oit|wurde (?:[^.;]|\.\S){0,120}(?:angegriffen|attackiert|geflutet)|est[áa] (?:recibiendo|sufriendo|sofrendo)|ha (?:recibido|sufrido|subito|ricevuto)|sufri[óo]|sofreu|recebeu)|\b(?:attacks?|flood|ddos|dos)\s+(?:(?:was|is|has been)\s+)?(?:(?:detected|directed|seen)\s+)?(?:on|against|towards?|targeting|at|to)\s+your\s+(?:ip|address|server|host|instance|system|machine|service|network|infrastructure)|\byour\s+(?:ip|address|server|host|instance|system|machine|service|network|infrastructure)\b(?:[^.;]|\.\S){0,60}\s(?:received|was hit by|were hit by|is receiving|has received|is the (?:target|victim)|was the (?:target|victim))\b|\byour\s+(?:ip|address|server|host|instance|system|machine|service|network|infrastructure)\b(?:[^.;]|\.\S){0,60}\s(?:is|was|were|has been|came)\s+(?:\w+ly\s+)?under\s+(?:an?\s+)?(?:[\w-]+\s+){0,2}?(?:attack|ddos)",
    )
});

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

/// Says whether the sender's own words tell the reader of an attack on what is the reader's: whom
/// they name as its victim is then ours, and whom they name as its sources is not.
pub(super) fn says_ours_attacked(lines: &[Line<'_>], roles: &Roles, sentences: &Sentences) -> bool {
    if asks_for_help(lines) || sentences.reader_is_attacked() {
        return true;
    }
    let own = |line: &&Line<'_>| {
        line.kind == LineKind::Statement
            && !line.is_quoted
            && matches!(line.role, SectionRole::Subject | SectionRole::Body)
            && OURS_ATTACKED.is_match(line.text)
    };
    let names_victim = |line: &Line<'_>| {
        let mut named = line.spots.iter().filter_map(|spot| spot.ip);
        named.any(|ip| roles.of(ip) == Some(Role::Victim))
    };
    let mut said = lines.iter().take(400).filter(own).peekable();
    said.peek().is_some() && (!roles.text_accuses() || said.any(names_victim))
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
