//! Sentences: who did what to whom, read by grammar rather than by phrases.
//!
//! Owns prose only: lines that are fields, rows of logs or items of lists are read elsewhere. A sentence counts only
//! where its words settle it; what it leaves open is read by the words around each address (`cue`).

mod anaphora;
mod appeal;
mod case;
mod eastern;
mod eastern_words;
mod grammar;
mod languages;
mod languages_more;
mod lexicon;
mod mood;
mod nouns;
mod objects;
mod phrase;
mod pieces;
mod token;
mod verb;

use std::collections::HashMap;

use super::activity;
use super::clock_rows::begins_with_clock;
use super::document::SectionRole;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::fold;
use super::pattern::is_of_word;
use super::record::Record;
use super::resource;
use super::tally;
use anaphora::Recent;
use anaphora::Resolved;
pub(super) use appeal::Appeal;
use grammar::Part;
use grammar::Told;
use lexicon::CLEAN;
use lexicon::DEED;
use lexicon::INVOLVED;
use lexicon::Lexicon;
use lexicon::NOT;
use lexicon::SUFFERS;
use lexicon::WEAK;
use lexicon::YOURS;
use pieces::END;
use pieces::cut_line;
use pieces::mentions;
use token::Token;
use token::TokenKind;

/// Sentences of one notice that are read.
const SENTENCES_MAX: usize = 300;
/// Sentences that name nobody are read as well in so many lines: they tell what the letter is.
const APPEAL_LINES_MAX: usize = 160;
/// Words by which a paragraph's language is known.
const LANGUAGE_WORDS: usize = 120;
/// A line that is this long runs on into the next one.
pub(super) const FULL_LINE: usize = 45;
/// What singles one out of several is more firm than what was said of all before.
pub(super) const CERTAIN: f32 = 3.0;
/// How firmly a sentence says it.
const WEIGHT: f32 = 2.5;
/// How firmly one says it that names no attack, but what is one only where somebody complains: a log-in, a request.
pub(super) const WEIGHT_WEAK: f32 = 2.0;

/// What the sentences of a notice say of those that they mention.
#[derive(Debug, Default)]
pub(super) struct Sentences {
    said: HashMap<(usize, usize), (Role, f32)>,
    reader_attacked: bool,
    reader_accused: bool,
    /// What the letter's own words say of its writer and its reader.
    pub appeal: Appeal,
    /// What the words say that it quotes.
    pub quoted: Appeal,
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

    fn appeal_of(&mut self, line: &Line<'_>) -> &mut Appeal {
        if line.is_quoted { &mut self.quoted } else { &mut self.appeal }
    }

    /// Says whether any of them tells of a deed.
    pub fn tell_of_a_deed(&self) -> bool {
        self.said.values().any(|(role, weight)| *role == Role::Accused && *weight >= WEIGHT)
    }
}

/// Says whether a heading clears those below it: "Your systems that behaved normally", "Not involved".
pub(super) fn clears(heading: &str) -> bool {
    let words = meanings(heading);
    let is_denied = |at: usize| words[..at].iter().rev().take(2).any(|it| it & NOT != 0);
    let clean = (0..words.len()).find(|at| words[*at] & CLEAN != 0);
    let has = |wanted: lexicon::Class| words.iter().any(|it| it & wanted != 0);
    clean.map_or(has(NOT) && has(INVOLVED | SUFFERS | DEED), |at| !is_denied(at))
}

/// Says whether words name something as the reader's: "systems of yours".
pub(super) fn speak_of_readers(words: &str) -> bool {
    meanings(words).iter().any(|it| it & YOURS != 0)
}

/// What the words of a few mean.
fn meanings(words: &str) -> Vec<lexicon::Class> {
    let pieces: Vec<Piece> = words
        .split(|letter: char| !(is_of_word(letter) || matches!(letter, '-' | '\'')))
        .filter(|word| !word.is_empty())
        .map(|word| (fold(word).into_owned(), None))
        .collect();
    let words: Vec<&str> = pieces.iter().map(|(word, _)| word.as_str()).collect();
    let lexicon = lexicon::of_language(&words).unwrap_or_else(|| lexicon::of_default());
    tokens(&pieces, lexicon).iter().map(|token| token.class).collect()
}

/// Where a mention stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    line: usize,
    start: usize,
    end: usize,
    is_instance: bool,
}

impl Place {
    fn same_as(&self, other: &Self) -> bool {
        (self.line, self.start) == (other.line, other.start)
    }
}

/// A word, folded, a mark or a mention of a sentence.
type Piece = (String, Option<Place>);

/// Reads all sentences that mention an address or an instance.
pub(super) fn read(lines: &[Line<'_>], records: &[Option<Record>]) -> Sentences {
    let mut all = Sentences::default();
    let mut recent = Recent::default();
    let mut listed: Vec<Place> = Vec::new();
    let mut read = 0;
    let mut at = 0;
    while at < lines.len() && read < SENTENCES_MAX {
        if !is_prose(lines, records, at) {
            if lines[at].is_blank() || lines[at].kind != LineKind::Statement {
                // A blank line may stand within a list, and below it.
            } else if is_listed(&lines[at]) {
                listed.extend(mentions(&lines[at], at));
            } else {
                listed.clear();
            }
            at += 1;
            continue;
        }
        let mut end = at + 1;
        while end < lines.len() && is_prose(lines, records, end) && runs_on(lines, end) {
            end += 1;
        }
        recent.remember(&std::mem::take(&mut listed));
        let names = |line: &Line<'_>| !line.spots.is_empty() || line.text.contains("i-");
        if !recent.places.is_empty() || lines[at..end].iter().any(names) || at < APPEAL_LINES_MAX {
            read += paragraph(lines, at, end, &mut recent, &mut all);
        }
        at = end;
    }
    all
}

/// Says whether a line is an item of a list of hosts.
fn is_listed(line: &Line<'_>) -> bool {
    line.is_item()
        || (line.text.len() < 120 && line.text.contains("i-") && !resource::instances(line.text).is_empty())
}

fn is_prose(lines: &[Line<'_>], records: &[Option<Record>], at: usize) -> bool {
    let line = &lines[at];
    // A row of a log begins with its time, or a tab stands between its cells.
    let begins = |near: usize| line.stamps.first().is_some_and(|stamp| stamp.start < near);
    let is_record = records.get(at).is_some_and(Option::is_some);
    let begins_as_row = begins_with_clock(line.text) || begins(2) || (begins(8) && is_record);
    let is_row =
        (begins_as_row && !is_spoken(line.text)) || is_columns(line.text.trim()) || is_pairs(line.text);
    let is_field =
        || activity::field(line.text).is_some_and(|(name, value)| name.len() <= 40 && value.len() <= 60);
    line.kind == LineKind::Statement
        && line.role != SectionRole::Evidence
        && !line.is_blank()
        && !is_row
        && (!line.is_item() || is_eastern_clause(line.text))
        && !is_field()
}

/// "22:46 UTC  Nadia: I see a note. It says that …": a line of a chat begins with its time, and is made of sentences.
fn is_spoken(text: &str) -> bool {
    let is_word = |word: &&str| {
        let bare = word.trim_end_matches(['.', ',', '?', '!', ':']);
        !bare.is_empty() && bare.chars().all(|it| it.is_alphabetic() || matches!(it, '\'' | '-'))
    };
    let ends = text.trim_end().ends_with(['.', '?', '!']);
    let said = text.split_once(": ").map(|(_, said)| said);
    ends && said.is_some_and(|said| {
        said.split_whitespace().filter(is_word).take(SPOKEN_WORDS_MIN).count() == SPOKEN_WORDS_MIN
    })
}

/// Entries of logs have fewer words of letters alone.
const SPOKEN_WORDS_MIN: usize = 10;

/// A sentence of a script in which a letter is a word has few letters.
fn is_eastern_clause(text: &str) -> bool {
    text.chars().filter(|letter| eastern::is_eastern(*letter)).take(5).count() == 5
}

/// Says whether tabs or wide gaps cut a line into columns.
fn is_columns(text: &str) -> bool {
    text.contains('\t') || text.contains("   ") || text.matches("  ").count() >= 2
}

/// A line of so many pairs of a key and its value is an entry of a log, whatever sentence stands in one of them.
const PAIRS_MIN: usize = 4;

fn is_pairs(text: &str) -> bool {
    let joins = text.as_bytes().windows(3).filter(|it| {
        it[1] == b'=' && (it[0].is_ascii_alphanumeric() || it[0] == b'_') && !it[2].is_ascii_whitespace()
    });
    joins.take(PAIRS_MIN).count() == PAIRS_MIN
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
fn paragraph(lines: &[Line<'_>], from: usize, to: usize, recent: &mut Recent, all: &mut Sentences) -> usize {
    let mut pieces: Vec<Piece> = Vec::new();
    for (at, line) in lines.iter().enumerate().take(to).skip(from) {
        cut_line(line, at, &mut pieces);
    }
    let words = pieces.iter().filter(|(_, place)| place.is_none()).take(LANGUAGE_WORDS);
    let words: Vec<&str> = words.map(|(piece, _)| piece.as_str()).collect();
    let lexicon = lexicon::of_language(&words).unwrap_or_else(|| lexicon::of_default());
    let is_subject = lines[from].role == SectionRole::Subject;
    let mut count = 0;
    // The only one that the sentence before mentions: whom a pronoun means.
    let mut antecedent: Option<Place> = None;
    let mut antecedent_of_clean: Option<Place> = None;
    for sentence in pieces.split(|(piece, _)| piece == END) {
        if sentence.is_empty() {
            continue;
        }
        let own: Vec<Place> = sentence.iter().filter_map(|(_, place)| *place).collect();
        let Resolved { pieces, meant, of, is_only } = anaphora::resolve(sentence, recent, lexicon);
        let is_eastern = eastern::is_sentence(pieces.iter().map(|(piece, _)| piece.as_str()));
        let tokens = if is_eastern { eastern::tokens(&pieces) } else { tokens(&pieces, lexicon) };
        if let Some(before) = antecedent.take().filter(|_| grammar::begins_with_its_deed(&tokens)) {
            all.said.entry((before.line, before.start)).or_insert((Role::Accused, WEIGHT));
        }
        if let Some(before) =
            antecedent_of_clean.take().filter(|_| grammar::begins_with_its_clearance(&tokens))
        {
            all.said.insert((before.line, before.start), (Role::Infrastructure, tally::EXONERATED));
        }
        let appeal = all.appeal_of(&lines[from]);
        appeal.count(&tokens);
        let real = mood::told(&tokens);
        let places: Vec<Place> = pieces.iter().filter_map(|(_, place)| *place).collect();
        if places.is_empty() {
            appeal.add(&real, None, is_subject);
            recent.pass();
            continue;
        }
        count += 1;
        antecedent_of_clean = own.first().copied().filter(|_| own.len() == 1);
        antecedent =
            places.first().copied().filter(|_| places.len() == 1 && !grammar::tells_of_ours(&tokens));
        let told = grammar::read(&tokens, places.len());
        let is_weak = tokens.iter().all(|it| it.class & DEED == 0 || it.class & WEAK != 0);
        let all_real = real.len() == tokens.len();
        all.appeal_of(&lines[from]).add(&real, told.as_ref().filter(|_| all_real), is_subject);
        let others = others_are_cleared(
            lines,
            &of,
            if meant.is_empty() { &places } else { &meant },
            told.as_ref(),
            is_only,
        );
        recent.take(|place| is_one_of(lines, place, &places));
        recent.remember(&own);
        let Some(told) = told else { continue };
        if !lines[from].is_quoted {
            all.reader_attacked |= told.reader_attacked;
            all.reader_accused |= told.reader_accused;
        }
        for (number, (place, part)) in places.iter().zip(told.parts).enumerate() {
            let is_real = all_real || real.iter().any(|it| it.kind == TokenKind::Mention(number));
            if part == Some(Part::Source) && !is_real {
                continue;
            }
            let is_meant = meant.iter().any(|it| it.same_as(place));
            if let Some(mut said) = said_of(part, is_meant) {
                if said.0 == Role::Accused && is_weak && !is_meant {
                    said.1 = WEIGHT_WEAK;
                }
                all.said.insert((place.line, place.start), said);
            }
        }
        for place in others {
            all.said.insert((place.line, place.start), (Role::Infrastructure, CERTAIN));
        }
    }
    count
}

/// What a part in a sentence makes of a mention; what a later sentence singles out is certain.
fn said_of(part: Option<Part>, is_meant: bool) -> Option<(Role, f32)> {
    let weight = if is_meant { CERTAIN } else { WEIGHT };
    Some(match part? {
        Part::Source => (Role::Accused, weight),
        Part::Target => (Role::Victim, weight),
        Part::Teller => (Role::Reporter, weight),
        Part::Cleared => (Role::Infrastructure, tally::EXONERATED),
        Part::Beside if is_meant => return None,
        Part::Beside => (Role::Infrastructure, 0.8),
    })
}

/// Says whether some of these mentions are of the same one.
fn is_one_of(lines: &[Line<'_>], place: &Place, others: &[Place]) -> bool {
    let text = |place: &Place| lines.get(place.line).and_then(|line| line.text.get(place.start..place.end));
    others.iter().any(|other| text(other) == text(place))
}

/// "Only the last of the three sends spam": returns the others of those that were named before.
fn others_are_cleared(
    lines: &[Line<'_>],
    of: &[Place],
    places: &[Place],
    told: Option<&Told>,
    is_only: bool,
) -> Vec<Place> {
    let accuses = told.is_some_and(|told| told.parts.contains(&Some(Part::Source)));
    let is_named = |other: &Place| is_one_of(lines, other, places);
    let names_one_of_them = || of.iter().any(is_named);
    if !is_only || !accuses || !names_one_of_them() {
        return Vec::new();
    }
    of.iter().filter(|other| !is_named(other)).copied().collect()
}

fn tokens(pieces: &[Piece], lexicon: &Lexicon) -> Vec<Token> {
    let borrowed: Vec<&str> = pieces.iter().map(|(piece, _)| piece.as_str()).collect();
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
            "Two hosts of yours, {N} and {A}, are known to us. Only the latter brute forces SSH on {V}.",
            "We looked at {N}, {N} and {A}. Only the last of the three sends spam to us.",
            "{A} and {N} were reported to us; the former is attacking our server {V}.",
            "Wir haben den Kunden angeschrieben, dessen Rechner Ihren Server {V} angegriffen hat.",
            "La dirección {A}, asignada a su organización, ha intentado acceder por fuerza bruta al servicio de nuestra universidad {V}.",
            "Ödeme sağlayıcımızın {N} adresi saldırıyla ilgili değildir.",
            "Le relais {N}, qui figure également dans les en-têtes, n'est pas en cause.",
            "Von {N}, das ebenfalls Ihnen gehört, kamen nur reguläre Zustellungen.",
            "Drugi Państwa adres, {N}, wykonywał tylko zwykłe zapytania.",
            "Requests from {N} to our server {V} are ordinary ones.",
            "The resolver {N} is not involved in the attack.",
            "The sensor moves from {N} to {N}, and the report about the attack is discussed.",
            "Von den Rechnern {A} und {N} hat nur der erste unsere Server angegriffen.",
            "We see two addresses of yours, {A} and {A}. Both attack our shop {V}.",
            "Les adresses {N} et {A} vous appartiennent. Seule la seconde a attaqué notre serveur {V}.",
        ] {
            check(sentence);
        }
    }

    #[test]
    fn who_did_what_to_whom_in_more_languages() {
        for sentence in [
            "Вашият хост {A} атакува нашия сървър {V}.",
            "Нашият сървър {V} беше атакуван от {A}.",
            "Адресът {N} не участва в атаката.",
            "Naš server {V} je napadnut sa vaše adrese {A}.",
            "Poslužitelj {A} iz vaše mreže pokušava pogoditi lozinke na našem poslužitelju {V}.",
            "Адреса {N} припада нашем партнеру и није укључена у напад.",
            "Računalnik {A} v vašem omrežju napada naš strežnik {V}.",
            "Do našeho serveru {V} pronikl útočník z vaší adresy {A}.",
            "Do naszego serwera {V} docierały ataki z adresu {A}.",
            "Iš jūsų IP adreso {A} buvo bandoma įsilaužti į mūsų serverį {V}.",
            "Serveris {A} jūsu tīklā uzbrūk mūsu serverim {V}.",
            "Teie server {A} ründab meie serverit {V}.",
            "Teie IP-aadressilt {A} rünnati meie serverit {V}.",
            "El vostre servidor {A} ataca el nostre servidor {V}.",
            "از آدرس شما {A} به سرور ما {V} حمله شده است.",
            "सर्वर {A} से हमारे सर्वर {V} पर हमला हुआ।",
            "เซิร์ฟเวอร์ของเรา {V} ถูกโจมตีจาก {A}",
            "ตรวจพบการโจมตีจาก {A} มายังเซิร์ฟเวอร์ของเรา {V}",
            "หมายเลข {N} ไม่เกี่ยวข้องกับการโจมตี",
            "Pelayan {A} dalam rangkaian anda menyerang pelayan kami {V}.",
            "Ο διακομιστής μας {V} δέχτηκε επίθεση από τη διεύθυνση {A}.",
            "Η διεύθυνση {N} δεν έχει σχέση με την επίθεση.",
            "Serverul {A} din rețeaua dumneavoastră a trimis spam către serverul nostru de e-mail {V}.",
            "{N} は今回の攻撃とは関係なく、当社の監視サーバーです。",
        ] {
            check(sentence);
        }
    }

    #[test]
    fn who_did_what_to_whom_where_the_verb_stands_last() {
        for sentence in [
            "我方服务器{V}于昨日遭到来自{A}的SSH暴力破解攻击。",
            "贵方IP地址{A}对我方服务器{V}进行端口扫描。",
            "我们监测到{A}正在扫描{V}的多个端口，请尽快处理。",
            "{V}被{A}多次攻击。",
            "贵司名下主机{A}持续攻击我司网站{V}。",
            "攻击我方服务器{V}的主机是{A}。",
            "我方探針{R}偵測到貴公司{A}對{V}進行暴力破解。",
            "不是{N}而是{A}在攻击我们的服务器{V}。",
            "貴社管理のIPアドレス{A}から弊社サーバー{V}に対してSSHへの不正アクセスが確認されました。",
            "弊社サーバー{V}が{A}から攻撃を受けております。",
            "{A}は{V}に対しポートスキャンを行っています。",
            "{V}は{A}によってスキャンされました。",
            "弊社のウェブサーバ{V}に{A}より大量のリクエストが送信されています。",
            "{N}ではなく{A}が弊社サーバ{V}を攻撃しています。",
            "弊社センサー{R}にて、{A}から{V}へのブルートフォース攻撃を検知しました。",
            "攻撃を行ったホストは{A}です。",
            "弊社のお客様のサーバ({V})に対し、貴社ネットワークの{A}からRDPへの総当たり攻撃が行われております。",
            "귀사의 IP 주소 {A}에서 당사 서버 {V}로 SSH 무차별 대입 공격을 시도하였습니다.",
            "당사 서버 {V}이 {A}로부터 공격을 받았습니다.",
            "{A}가 당사 웹서버 {V}를 스캔하고 있습니다.",
            "{V}는 {A}에 의해 공격당했습니다.",
            "{N}이 아니라 {A}에서 {V}에 대한 포트스캔이 탐지되었습니다.",
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
