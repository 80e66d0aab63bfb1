//! Sentences: who did what to whom, read by grammar rather than by phrases.
//!
//! Owns prose only: lines that are fields, rows of logs or items of lists are read elsewhere. A sentence counts only
//! where its words settle it; what it leaves open is read by the words around each address (`cue`).

mod grammar;
mod languages;
mod lexicon;
mod phrase;

use std::collections::HashMap;

use super::activity;
use super::document::SectionRole;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::fold;
use super::record::Record;
use super::resource;
use grammar::Part;
use grammar::Token;
use grammar::TokenKind;
use lexicon::Lexicon;

/// Sentences of one notice that are read.
const SENTENCES_MAX: usize = 300;
/// Bytes of one sentence that are read.
const SENTENCE_BYTES_MAX: usize = 1200;
/// Words by which a paragraph's language is known.
const LANGUAGE_WORDS: usize = 120;
/// A line that is this long runs on into the next one.
const FULL_LINE: usize = 45;
/// How firmly a sentence says it.
const WEIGHT: f32 = 2.5;

/// What the sentences of a notice say of those that they mention.
#[derive(Debug, Default)]
pub(super) struct Sentences {
    said: HashMap<(usize, usize), (Role, f32)>,
    reader_attacked: bool,
    reader_accused: bool,
}

impl Sentences {
    /// Returns what is said of the mention that begins here in a line.
    pub fn of(&self, line: usize, start: usize) -> Option<(Role, f32)> {
        self.said.get(&(line, start)).copied()
    }

    /// Says whether they tell the reader of an attack on what is the reader's, and blame nothing of the reader's.
    pub fn reader_is_attacked(&self) -> bool {
        self.reader_attacked && !self.reader_accused
    }

    /// Says whether any of them tells of a deed.
    pub fn tell_of_a_deed(&self) -> bool {
        self.said.values().any(|(role, weight)| *role == Role::Accused && *weight >= WEIGHT)
    }
}

/// Where a mention stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    line: usize,
    start: usize,
    end: usize,
    is_instance: bool,
}

/// Reads all sentences that mention an address or an instance.
pub(super) fn read(lines: &[Line<'_>], records: &[Option<Record>]) -> Sentences {
    let mut all = Sentences::default();
    let mut read = 0;
    let mut at = 0;
    while at < lines.len() && read < SENTENCES_MAX {
        if !is_prose(lines, records, at) {
            at += 1;
            continue;
        }
        let mut end = at + 1;
        while end < lines.len() && is_prose(lines, records, end) && runs_on(lines, end) {
            end += 1;
        }
        if lines[at..end].iter().any(|line| !line.spots.is_empty() || line.text.contains("i-")) {
            read += paragraph(lines, at, end, &mut all);
        }
        at = end;
    }
    all
}

fn is_prose(lines: &[Line<'_>], records: &[Option<Record>], at: usize) -> bool {
    let line = &lines[at];
    // A row of a log begins with its time, or a tab stands between its cells.
    let begins = |near: usize| line.stamps.first().is_some_and(|stamp| stamp.start < near);
    let is_record = records.get(at).is_some_and(Option::is_some);
    let is_row = begins(2) || (begins(8) && is_record) || is_columns(line.text.trim());
    let is_field =
        || activity::field(line.text).is_some_and(|(name, value)| name.len() <= 40 && value.len() <= 60);
    line.kind == LineKind::Statement
        && line.role != SectionRole::Evidence
        && !line.is_blank()
        && !is_row
        && !line.is_item()
        && !is_field()
}

/// Says whether tabs or wide gaps cut a line into columns.
fn is_columns(text: &str) -> bool {
    text.contains('\t') || text.contains("   ") || text.matches("  ").count() >= 2
}

fn runs_on(lines: &[Line<'_>], at: usize) -> bool {
    let above = &lines[at - 1];
    let text = above.text.trim_end();
    above.section == lines[at].section
        && above.is_quoted == lines[at].is_quoted
        && (text.len() >= FULL_LINE || text.ends_with(','))
        && !text.ends_with(':')
}

/// Reads the sentences of a paragraph; returns how many they were.
fn paragraph(lines: &[Line<'_>], from: usize, to: usize, all: &mut Sentences) -> usize {
    let mut pieces: Vec<(String, Option<Place>)> = Vec::new();
    for (at, line) in lines.iter().enumerate().take(to).skip(from) {
        cut_line(line, at, &mut pieces);
    }
    let words = pieces.iter().filter(|(_, place)| place.is_none()).take(LANGUAGE_WORDS);
    let words: Vec<String> = words.map(|(piece, _)| fold(piece).into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let lexicon = lexicon::of_language(&words).unwrap_or_else(|| lexicon::of_default());
    let mut count = 0;
    // The only one that the sentence before mentions: whom a pronoun means.
    let mut antecedent: Option<Place> = None;
    for sentence in pieces.split(|(piece, _)| piece == END) {
        let places: Vec<Place> = sentence.iter().filter_map(|(_, place)| *place).collect();
        // Scripts without blanks between words are read by the words around each address.
        if sentence.is_empty() || sentence.iter().any(|(piece, _)| piece.chars().any(is_eastern)) {
            continue;
        }
        let tokens = tokens(sentence, lexicon);
        if let Some(before) = antecedent.take().filter(|_| grammar::begins_with_its_deed(&tokens)) {
            all.said.entry((before.line, before.start)).or_insert((Role::Accused, WEIGHT));
        }
        if places.is_empty() {
            continue;
        }
        count += 1;
        antecedent =
            places.first().copied().filter(|_| places.len() == 1 && !grammar::tells_of_ours(&tokens));
        let Some(told) = grammar::read(&tokens, places.len()) else { continue };
        if !lines[from].is_quoted {
            all.reader_attacked |= told.reader_attacked;
            all.reader_accused |= told.reader_accused;
        }
        for (place, part) in places.iter().zip(told.parts) {
            let said = match part {
                Some(Part::Source) => (Role::Accused, WEIGHT),
                Some(Part::Target) => (Role::Victim, WEIGHT),
                Some(Part::Teller) => (Role::Reporter, WEIGHT),
                Some(Part::Cleared) => (Role::Infrastructure, WEIGHT),
                Some(Part::Beside) => (Role::Infrastructure, 0.8),
                None => continue,
            };
            all.said.insert((place.line, place.start), said);
        }
    }
    count
}

fn is_eastern(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}

/// Ends a sentence.
const END: &str = "\u{0}";

/// Cuts a line into words, marks and mentions.
fn cut_line(line: &Line<'_>, at: usize, pieces: &mut Vec<(String, Option<Place>)>) {
    let mut places: Vec<Place> = line
        .spots
        .iter()
        .filter(|spot| spot.ip.is_some())
        .map(|spot| Place { line: at, start: spot.start, end: spot.end, is_instance: false })
        .collect();
    places.extend(resource::instances(line.text).into_iter().map(|(start, id)| Place {
        line: at,
        start,
        end: start + id.len(),
        is_instance: true,
    }));
    places.sort_by_key(|place| place.start);
    let mut from = 0;
    for place in places {
        if place.start < from {
            continue;
        }
        cut_words(&line.text[from..place.start], pieces);
        pieces.push((String::new(), Some(place)));
        from = place.end;
    }
    cut_words(line.text.get(from..).unwrap_or_default(), pieces);
}

fn cut_words(text: &str, pieces: &mut Vec<(String, Option<Place>)>) {
    let text = &text[..text.floor_char_boundary(SENTENCE_BYTES_MAX)];
    let mut word = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let joins = matches!(letter, '\'' | '\u{2019}' | '-' | '_')
            && !word.is_empty()
            && letters.peek().is_some_and(|next| next.is_alphanumeric());
        let in_number = matches!(letter, ':' | '/')
            && word.ends_with(|it: char| it.is_ascii_digit())
            && letters.peek().is_some_and(char::is_ascii_digit);
        // "10.02.2026", "www.example.org"
        let in_name =
            letter == '.' && !word.is_empty() && letters.peek().is_some_and(|next| next.is_alphanumeric());
        if letter.is_alphanumeric() || joins || in_number || in_name {
            word.push(if letter == '\u{2019}' { '\'' } else { letter });
            continue;
        }
        let ends = matches!(letter, '.' | '!' | '?')
            && letters.peek().is_none_or(|next| next.is_whitespace())
            && (letter != '.' || !is_abbreviation(&word, letters.clone()));
        if !word.is_empty() {
            pieces.push((std::mem::take(&mut word), None));
        }
        if ends || letter == ';' {
            pieces.push((END.to_owned(), None));
        } else if matches!(letter, ',' | ':' | '(' | ')' | '[' | ']' | '\u{2013}' | '\u{2014}') {
            pieces.push((letter.to_string(), None));
        }
    }
    if !word.is_empty() {
        pieces.push((word, None));
    }
}

/// Says whether a dot ends no sentence: "z. B.", "Nr. 4", "10. Februar".
fn is_abbreviation(word: &str, ahead: impl Iterator<Item = char>) -> bool {
    const SHORT: [&str; 10] = ["nr", "no", "ca", "st", "dr", "mr", "vs", "al", "resp", "approx"];
    const MONTHS: [&str; 14] = [
        "jan", "feb", "mar", "m\u{e4}r", "apr", "mai", "may", "jun", "jul", "aug", "sep", "okt", "nov", "de",
    ];
    let ahead: String =
        ahead.skip_while(|it| it.is_whitespace()).take(3).flat_map(char::to_lowercase).collect();
    let word = word.to_lowercase();
    if word.chars().all(|letter| letter.is_ascii_digit()) && !word.is_empty() {
        let is_date = ahead.starts_with(|it: char| it.is_ascii_digit())
            || MONTHS.iter().chain(&["oct"]).any(|month| ahead.starts_with(month));
        return word.len() <= 2 && is_date;
    }
    word.chars().count() == 1 || SHORT.contains(&word.as_str())
}

fn tokens(pieces: &[(String, Option<Place>)], lexicon: &Lexicon) -> Vec<Token> {
    let words: Vec<String> = pieces.iter().map(|(piece, _)| fold(piece).into_owned()).collect();
    let borrowed: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut tokens = Vec::with_capacity(pieces.len());
    let mut mentions = 0;
    let mut at = 0;
    while at < pieces.len() {
        let word = borrowed[at];
        let (kind, class) = match (pieces[at].1, word) {
            (Some(_), _) => {
                mentions += 1;
                (TokenKind::Mention(mentions - 1), 0)
            }
            (_, "," | "\u{2013}" | "\u{2014}") => (TokenKind::Comma, 0),
            (_, "(" | "[") => (TokenKind::Open, 0),
            (_, ")" | "]") => (TokenKind::Close, 0),
            (_, ":") => (TokenKind::Comma, 0),
            _ if word.starts_with(|it: char| it.is_ascii_digit()) => (TokenKind::Number, 0),
            _ => match lexicon.phrase(&borrowed[at..]) {
                Some((length, class)) => {
                    at += length - 1;
                    (TokenKind::Word, class)
                }
                None => (TokenKind::Word, lexicon.of(word)),
            },
        };
        let is_instance = pieces[at].1.is_some_and(|place| place.is_instance);
        tokens.push(Token { kind, class, word: word.to_owned(), is_instance });
        at += 1;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::super::document::Section;
    use super::super::document::SectionRole;
    use super::super::lines;
    use super::Role;
    use super::read;

    /// A the accused, V the victim, R the reporter, N nobody's.
    fn check(sentence: &str) {
        let text = sentence
            .replace("{A}", "192.0.2.1")
            .replace("{V}", "198.51.100.1")
            .replace("{R}", "203.0.113.1")
            .replace("{N}", "203.0.113.99");
        let sections = [Section { role: SectionRole::Body, name: "body".to_owned(), text }];
        let lines = lines::cut(&sections);
        let told = read(&lines, &[]);
        for (at, line) in lines.iter().enumerate() {
            for spot in &line.spots {
                let role = told.of(at, spot.start).map(|(role, _)| role);
                let expect = match spot.ip.expect("an address").to_string().as_str() {
                    "192.0.2.1" => role == Some(Role::Accused),
                    "198.51.100.1" => role == Some(Role::Victim),
                    "203.0.113.1" => role == Some(Role::Reporter),
                    _ => role != Some(Role::Accused),
                };
                assert!(expect, "{sentence}: {spot:?} is {role:?}");
            }
        }
    }

    #[test]
    fn who_did_what_to_whom_in_many_languages() {
        for sentence in [
            "Attacks from {A} on {V} were seen.",
            "The machine {A} is hitting our gateway {V} with passwords.",
            "Our sensor at {R} shows that {A}, a machine of yours, sent 4 million requests to our shop {V}.",
            "On 3 Nov from 10:00 until 10:15 UTC the host {A} tried SSH passwords on {V}.",
            "The attack was launched by {A}, and not by {N}.",
            "Unlike {N}, the host {A} keeps attacking our server {V}.",
            "In der Nacht wurde unser Server {V} von {A} aus angegriffen.",
            "Der Rechner {A} hat unseren Server {V} angegriffen.",
            "Notre serveur {V} a été pris pour cible par une attaque venant de {A}.",
            "La machine {A}, hébergée chez vous, a tenté de se connecter à notre passerelle {V}.",
            "Nuestro servidor {V} recibió ataques desde {A}.",
            "Il nostro server {V} è stato attaccato da {A}.",
            "O host {A} está realizando ataques contra o nosso servidor {V}.",
            "Van 10:00 tot 10:15 heeft {A} onze server {V} aangevallen.",
            "Nasz serwer {V} został zaatakowany przez komputer o adresie {A}.",
            "Od godziny 10 adres {A} atakował nasz serwer {V}.",
            "Počítač s adresou {A} skenoval porty našeho serveru {V}.",
            "Datorn {A} i ert nät har försökt logga in på vår server {V}.",
            "Узел {A} из вашей сети выполнял подбор паролей к нашему серверу {V}.",
            "Serverul nostru {V} a fost atacat de adresa {A}.",
            "The host at {V} belonging to us has been attacked by the host {A} belonging to you.",
            "{A} floods {V} with requests.",
            "Not {N} but {A} is the scanner.",
            "We, the operators of {V}, complain about {A} for attacks.",
            "The spoofed requests of this attack came from {V}.",
            "Your customer at {A} and another at {A} were running attacks against {V}.",
            "Your server {A} has been compromised by {N} and is now attacking {V}.",
            "{V} adresli sunucumuza {A} adresinden saldırı yapılmıştır.",
        ] {
            check(sentence);
        }
    }

    #[test]
    fn the_reader_is_told_of_an_attack_on_the_reader() {
        for (text, expect) in [
            ("Your server 192.0.2.1 is under attack from 198.51.100.1.", true),
            ("We detected an attack against your server 192.0.2.1 coming from 198.51.100.1.", true),
            ("Auf Ihren Server 192.0.2.1 läuft derzeit ein Angriff.", true),
            ("Your server 192.0.2.1 attacks our host 198.51.100.1.", false),
        ] {
            let sections =
                [Section { role: SectionRole::Body, name: "body".to_owned(), text: text.to_owned() }];
            let lines = lines::cut(&sections);
            assert_eq!(read(&lines, &[]).reader_is_attacked(), expect, "{text}");
        }
    }
}
