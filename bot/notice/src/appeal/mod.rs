//! Whether a letter complains at all: whom a letter names that does not, it does not accuse.
//!
//! It complains when it says that its writer, or what is its writer's, was wronged, that what is its reader's did it, who was
//! seen to do it and when, when it asks for something to be stopped, or when its subject calls it a complaint. What kind
//! of letter it is otherwise does not matter.

mod words;

use super::document::SectionRole;
use super::lines;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::fold;
use super::sentence::Appeal as Said;
use super::sentence::Sentences;
use words::ASKS;
use words::HANDS_OVER;
use words::NOT_TO;
use words::OWN;
use words::Request;
use words::SHUT_OUT;
use words::TITLE;
use words::WHICH_ASKS;
use words::YOUR_REPORT;

/// Whether a letter complains.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Appeal {
    /// It says so, or is no letter but a report.
    #[default]
    Complains,
    /// It tells of what somebody did, or shows it, and speaks neither to its reader nor of a wrong to its writer.
    Tells,
    /// It says hardly anything below a subject that names a deed: what it shows speaks for itself.
    Terse,
    /// It speaks, and of other things: of the world, or of what is done for its reader.
    Elsewhere,
}

/// What a letter says for being a complaint.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Plea {
    /// Whether it complains.
    pub appeal: Appeal,
    /// What its sentences say of its writer and its reader.
    pub said: Said,
    /// It asks for something to be stopped.
    pub asks: bool,
    /// Its subject calls it a complaint.
    pub is_titled: bool,
}

impl Plea {
    /// Says whether its writer was wronged and asks for an end: whatever else it says, it tells of no attack on its reader.
    pub fn is_of_the_wronged(&self) -> bool {
        self.said.wronged && self.asks
    }
}

/// A letter of more sentences that never complains is about something else.
const TERSE_MAX: usize = 2;

/// Says whether a letter complains, by the words of its own.
pub(super) fn of(lines: &[Line<'_>], sentences: &Sentences) -> Plea {
    let own = sentences.appeal;
    // Who says little himself means what he quotes.
    let is_brief = own.sentences <= TERSE_MAX;
    let said = if is_brief { own.and(sentences.quoted) } else { own };
    let text_of = |role: SectionRole, quoted_too: bool| {
        let own = lines.iter().filter(|it| it.role == role && it.kind != LineKind::Aside);
        let own = own.filter(|it| quoted_too || !it.is_quoted);
        let own: Vec<&str> = own.take(LINES_MAX).map(|line| line.text.trim()).collect();
        fold(&own.join(" ")).into_owned()
    };
    let text = |role: SectionRole| text_of(role, is_brief);
    let confirms = || {
        let says = text_of(SectionRole::Body, false);
        sentences.quoted.sentences > 0
            && speaks_of_readers_report(&says)
            && !(own.wronged || own.blamed || asks(&says))
    };
    let body = text(SectionRole::Body);
    let asks = asks(&body);
    let subject = text(SectionRole::Subject);
    let is_title = TITLE.is_match(&subject) || (SHUT_OUT.is_match(&subject) && !OWN.is_match(&subject));
    let is_titled = is_title && !lines::is_of_an_answer(&subject);
    let blames = || said.wronged || said.blamed || asks;
    let appeal = match () {
        // It was done to the reader, who did nothing.
        () if said.reader_wronged && !blames() => Appeal::Elsewhere,
        // Whose complaint it speaks of is no accused.
        () if speaks_of_readers_report(&body) && !blames() => Appeal::Elsewhere,
        // Below what it confirms it repeats it.
        () if is_brief && confirms() => Appeal::Elsewhere,
        () if said.complains() || is_titled || asks => Appeal::Complains,
        () if said.saw => Appeal::Tells,
        () if said.sentences <= TERSE_MAX && said.is_headed => Appeal::Terse,
        () if said.sentences <= TERSE_MAX => Appeal::Tells,
        () => Appeal::Elsewhere,
    };
    Plea { appeal, said, asks, is_titled }
}

/// Says whether a folded text speaks of what the reader reported, and does not hand the reader a report.
fn speaks_of_readers_report(text: &str) -> bool {
    YOUR_REPORT.find_iter(text).any(|found| !HANDS_OVER.is_match(&text[..found.start()]))
}

/// Says whether a folded text asks for something to be stopped or looked at.
fn asks(text: &str) -> bool {
    const ENDS: [char; 8] = ['.', ';', '?', '!', '\u{3002}', '\u{ff1b}', '\u{61b}', '\u{964}'];
    let asks_so = |request: &Request| {
        request.how.find_iter(text).any(|how| {
            let rest = &text[how.end()..];
            let rest = rest.char_indices().nth(request.within).map_or(rest, |(far, _)| &rest[..far]);
            let end = match &request.what {
                Some(what) => what.find(rest).filter(|it| !rest[..it.start()].contains(ENDS)),
                None => return !NOT_TO.is_match(how.as_str()),
            };
            end.is_some_and(|what| !NOT_TO.is_match(&text[how.start()..how.end() + what.end()]))
        })
    };
    WHICH_ASKS.matches(text).into_iter().any(|which| asks_so(&ASKS[which]))
}

/// Lines of a letter that are read for this.
const LINES_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::super::document::Section;
    use super::super::document::SectionRole;
    use super::super::lines;
    use super::super::sentence;
    use super::Appeal;
    use super::of;

    fn appeal(subject: &str, body: &str) -> Appeal {
        let section = |role, text: &str| Section { role, name: String::new(), text: text.to_owned() };
        let sections = [section(SectionRole::Subject, subject), section(SectionRole::Body, body)];
        let lines = lines::cut(&sections);
        of(&lines, &sentence::read(&lines, &[])).appeal
    }

    #[test]
    fn who_was_wronged_or_asks_for_an_end_complains() {
        for body in [
            "Your host 192.0.2.1 is scanning the ports of our shop.",
            "We see password guessing from 192.0.2.1 on our VPN.",
            "Could you have a look at 192.0.2.1? Thanks a lot for your help.",
            "La machine 192.0.2.1, qui se trouve dans votre réseau, envoie des requêtes.",
            "Von Ihrem Rechner 192.0.2.1 gingen heute Angriffe aus.",
            "귀사 IP 192.0.2.1 에서 공격이 발생하였습니다. 조치 부탁드립니다.",
        ] {
            assert_eq!(appeal("Hello", body), Appeal::Complains, "{body}");
        }
        assert_eq!(appeal("Abuse complaint 4410", "192.0.2.1"), Appeal::Complains);
    }

    #[test]
    fn who_tells_of_the_world_does_not() {
        for body in [
            "This month saw a rise of attacks on mail servers. Among the most active sources was 192.0.2.1. Operators should turn on a second factor.",
            "A flood towards 192.0.2.1 was detected at night. The route was set to discard at the border. It will be released when the traffic ends.",
            "Your invoice for November can be found in the portal. It covers the filter that was ordered after the attack from 192.0.2.1. The amount will be collected on Friday.",
            "Die Quellen werden täglich neu bewertet und in die Liste aufgenommen. Am aktivsten war zuletzt 192.0.2.1 mit vielen Angriffen. Die Liste steht im Portal zum Abruf bereit.",
        ] {
            assert_eq!(appeal("News", body), Appeal::Elsewhere, "{body}");
        }
        assert_eq!(appeal("Scan", "192.0.2.1 scanned 198.51.100.1"), Appeal::Terse);
        assert_eq!(appeal("Hello", "10:00 192.0.2.1 198.51.100.1"), Appeal::Tells);
        let seen =
            "On 3 Nov from 10:00 until 10:15 UTC the host 192.0.2.1 scanned all ports of 198.51.100.1.";
        assert_eq!(appeal("Hello", seen), Appeal::Tells);
    }
}
