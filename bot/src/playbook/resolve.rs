//! Completes a playbook's file by the default one, and checks that the whole makes sense.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Playbook;
use super::PlaybookError;
use super::Rule;
use super::Sign;
use super::VerdictKind;
use super::condition::Condition;
use super::file::File;
use super::template;

/// Places that a rule's or sign's words may have.
const RULE_PLACES: &[&str] = &[
    "name",
    "ports",
    "port_list",
    "addresses",
    "targets",
    "flows",
    "matched",
    "packets",
    "bytes",
    "bytes_received",
    "duration",
    "protocol",
    "failed_percent",
    "rate",
    "ratio",
    "parent",
    "service",
    "exe",
    "program",
];

/// Places that headlines, steps and letters may have.
const REPORT_PLACES: &[&str] = &[
    "tool",
    "program",
    "command",
    "person",
    "user",
    "by",
    "host",
    "instance",
    "account",
    "region",
    "abuse",
    "did",
    "targets",
    "from",
    "to",
    "login",
    "source",
    "entry",
    "case",
    "reporter_case",
    "cause",
    "remedy",
    "coverage",
    "confidence",
    "parent",
    "owner",
];

/// Places that letters about what no host of ours did may have.
const ASIDE_PLACES: &[&str] = &["case", "reporter_case"];

/// A file completed by the default playbook: its own rules, signs, tools and steps come first.
pub(super) fn resolve(file: &File, base: &File) -> Result<Playbook, PlaybookError> {
    let wrong = |what: String| PlaybookError::Sense { name: file.name.clone(), what };
    let missing = |what: &str| wrong(format!("{what} is missing"));
    let inherited = if file.name == base.name { None } else { Some(base) };
    let own_or_base = || std::iter::once(file).chain(inherited);

    let mut limits = base.limits.clone();
    limits.extend(file.limits.clone());
    let mut headlines = base.headlines.clone();
    headlines.extend(file.headlines.clone());
    let mut aside = base.aside.clone();
    aside.extend(file.aside.clone());
    let mut reply = base.reply.clone().ok_or_else(|| missing("the default's [reply]"))?;
    if let Some(own) = &file.reply {
        reply.letter = own.letter.clone();
        reply.cause.extend(own.cause.clone());
        reply.remedy.extend(own.remedy.clone());
    }
    let playbook = Playbook {
        name: file.name.clone(),
        version: file.version,
        title: file.title.clone(),
        activities: file.activities.clone(),
        abuse: file.abuse.clone().or_else(|| base.abuse.clone()).ok_or_else(|| missing("abuse"))?,
        ask: file.ask.clone().or_else(|| base.ask.clone()).ok_or_else(|| missing("[ask]"))?,
        limits,
        tools: own_or_base().flat_map(|file| file.tools.clone()).collect(),
        rules: rules(own_or_base()).map_err(wrong)?,
        signs: signs(own_or_base()).map_err(wrong)?,
        steps: own_or_base().flat_map(|file| file.steps.clone()).collect(),
        headlines,
        reply,
        aside,
        routing: file.routing.clone().or_else(|| base.routing.clone()).ok_or_else(|| missing("[routing]"))?,
    };
    check(&playbook).map_err(wrong)?;
    Ok(playbook)
}

fn rules<'a>(files: impl Iterator<Item = &'a File>) -> Result<Vec<Rule>, String> {
    let mut seen = BTreeSet::new();
    files
        .flat_map(|file| &file.rules)
        // A rule of the same id takes the default's place.
        .filter(|rule| seen.insert(rule.id.clone()))
        .map(|rule| {
            Ok(Rule {
                id: rule.id.clone(),
                when: Condition::new(&rule.when).map_err(|error| format!("rule {}: {error}", rule.id))?,
                verdict: rule.verdict,
                kind: rule.kind.clone(),
                says: rule.says.clone(),
                fits: rule.fits.clone(),
                techniques: rule.techniques.clone(),
            })
        })
        .collect()
}

fn signs<'a>(files: impl Iterator<Item = &'a File>) -> Result<Vec<Sign>, String> {
    let mut seen = BTreeSet::new();
    files
        .flat_map(|file| &file.signs)
        .filter(|sign| seen.insert(sign.id.clone()))
        .map(|sign| {
            Ok(Sign {
                id: sign.id.clone(),
                when: Condition::new(&sign.when).map_err(|error| format!("sign {}: {error}", sign.id))?,
                says: sign.says.clone(),
                weight: sign.weight,
                techniques: sign.techniques.clone(),
            })
        })
        .collect()
}

/// Everything that can be wrong with a playbook apart from its form.
fn check(playbook: &Playbook) -> Result<(), String> {
    let example = crate::investigate::example_facts(playbook);
    let facts = example.clone().ready();
    for (what, id, when, says) in playbook
        .rules
        .iter()
        .map(|rule| ("rule", &rule.id, &rule.when, &rule.says))
        .chain(playbook.signs.iter().map(|sign| ("sign", &sign.id, &sign.when, &sign.says)))
    {
        if let Some(name) = example.unknown_name(when) {
            return Err(format!("{what} {id}: there is no {name}"));
        }
        when.holds(&facts).map_err(|error| format!("{what} {id}: {:?} {error}", when.source()))?;
        known_places(says, RULE_PLACES).map_err(|error| format!("{what} {id}: {error}"))?;
    }
    if let Some(rule) =
        playbook.rules.iter().find(|rule| rule.verdict == VerdictKind::Tool && rule.kind.is_empty())
    {
        return Err(format!("rule {}: a tool needs a kind", rule.id));
    }
    for kind in VerdictKind::ALL {
        let named = |map: &BTreeMap<VerdictKind, String>| map.contains_key(&kind);
        if !named(&playbook.headlines) || !named(&playbook.reply.cause) || !named(&playbook.reply.remedy) {
            return Err(format!("no headline, cause or remedy for {kind:?}"));
        }
        if !playbook.routing.security.contains(&kind) && !playbook.routing.owner.contains(&kind) {
            return Err(format!("routing sends {kind:?} to nobody"));
        }
    }
    let texts = (playbook.headlines.values())
        .chain(playbook.steps.iter().map(|step| &step.text))
        .chain([&playbook.reply.letter])
        .chain(playbook.reply.cause.values())
        .chain(playbook.reply.remedy.values());
    for text in texts {
        known_places(text, REPORT_PLACES)?;
    }
    playbook.aside.values().try_for_each(|letter| known_places(letter, ASIDE_PLACES))?;
    Ok(())
}

fn known_places(text: &str, known: &[&str]) -> Result<(), String> {
    match template::places(text).into_iter().find(|place| !known.contains(place)) {
        Some(place) => {
            let nearest = history::nearest(place, known.iter().copied()).unwrap_or_default();
            Err(format!("{{{place}}} is no known place in {text:?}; did you mean {{{nearest}}}?"))
        }
        None => Ok(()),
    }
}
