//! What a letter says in passing of those that it does not mean: "192.0.2.9 is your newsletter server; it is wanted", "not
//! part of this complaint: …", "that ticket is closed".
//!
//! Read sentence by sentence, by set phrases, where the grammar of a sentence settles nothing. It takes an accusation back
//! only where somebody else stays accused; else a person must tell.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::document::SectionRole;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::compile;
use super::pattern::fold;
use super::resource;
use super::sentence::FULL_LINE;

/// Lines that are looked at.
const LINES_MAX: usize = 400;
/// Items of a list that are looked at.
const ITEMS_MAX: usize = 50;

/// Set phrases that clear whom their sentence names, on folded text.
static CLEARS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)
 \bnot\s(?:a\s)?part\sof\s(?:this|the|our|these)\b|\bnothing\s(?:whatsoever\s)?to\sdo\swith\s(?:this|it|that|these|the|any)\b
 |\balso\sfor\syour\sinformation\b|\bfor\s(?:your\s)?information\sonly\b|\bonly\s(?:named|mentioned|listed)\s(?:here\s)?(?:for|to|because|so)\b
 |(?:\b(?:is|was|are|were|been|looks|seems)|['\x{2019}](?:s|re))\s(?:\w+\s)?(?:clean|fine|harmless|legitimate|benign|innocent|unaffected|uninvolved|wanted|welcome|whitelisted|exempt|cleared|expected|allowed|permitted|agreed|not\s(?:involved|affected|concerned|meant|to\sblame)|(?:a\s)?false\s(?:alarm|positive))\b
 |\b(?:has|have)\sbeen\s(?:\w+\s)?(?:silent|quiet|clean|switched\soff|turned\soff|shut\sdown|isolated)\b
 |\b(?:that|this|the|our|its|their|which)\s(?:\w+\s)?(?:ticket|case|report|matter|incident|complaint)s?\s(?:is|was|has\sbeen|were|are)\s(?:now\s|already\s|long\s)*(?:closed|resolved|settled|answered)\b
 |\bclosed\s(?:that|(?:our|the|an|its|your)\s(?:earlier|previous|old|first|other)|its)\s(?:ticket|case|report|complaint)\b
 |\bno\s(?:complaints?|issues?|objections?|problems?|concerns?|findings?)\s(?:about|with|there|against|for)\b
 |\bleave\s(?:it|him|her|them|that\sone|this\sone|that\shost)\s(?:running|alone|in\speace|as\s\w+|untouched|out)\b
 |\bplease\s(?:do\snot|don't)\s(?:block|stop|touch|disable|suspend)\b
 |\b(?:never|not)\s(?:appeared|been\sseen|shown\sup|been\sinvolved|taken\spart)\b|\bfalse\s(?:alarm|positive)s?\b
 |\bfor\scompleteness\b|\bwe\s(?:ordered|commissioned|agreed)\b
 |\b(?:was|were|has\sbeen|have\sbeen|is\sbeing)\s(?:\w+\s){0,2}reported\s(?:\w+\s)?to\s(?:its|their|his|that|the\sother|the\srespective|another)\b|\b(?:belongs?|is\sin|are\sin)\s(?:to\s)?(?:another|a\sdifferent|some\sother)\s(?:network|provider|operator|customer|company|isp)\b
 |\bat\sour\s(?:own\s)?request\b|\bwith\sour\s(?:consent|permission|agreement)\b|\bhad\s(?:our|a)\s(?:written\s)?(?:permission|order|consent)\b
 |\b(?:not\san\sattack|not\sabuse|no\sabuse\sof)\b|\bonly\sdo(?:es)?\s(?:their|its|his)\sjob\b|\bnot\sthe\sculprits?\b|\btake\s(?:it|them|him)\sfor\b
 |\bno\slonger\s(?:implicated|involved|affected|reported|active)\b|\bunrelated\sto\s(?:this|the|it)\b|\bnot\s(?:the\s)?subject\sof\sthis\b|\b(?:named|listed|included|mentioned)\s(?:\w+\s)?by\smistake\b
 |\bnicht\s(?:teil|gegenstand|bestandteil)\s(?:dieser|der|unserer|dieses|des)\b|\bnichts\s(?:damit\s|hiermit\s)?(?:\w+\s)?zu\stun\b|\bnur\szur\s(?:information|kenntnis|vollstandigkeit|erklarung)\b
 |\b(?:ist|war|sind|waren)\s(?:\w+\s){0,3}(?:unauffallig|sauber|harmlos|unbeteiligt|legitim|erwunscht|in\sordnung|nicht\s(?:betroffen|beteiligt|gemeint)|ausgenommen)\b|\bfehlalarm
 |\b(?:fall|ticket|meldung|vorgang)\s(?:ist|wurde|war)\s(?:\w+\s){0,2}(?:geschlossen|erledigt|abgeschlossen)\b|\bin\sruhe\slassen\b|\blaufen\slassen\b|\bnicht\ssperren\b|\b(?:gesondert|separat|getrennt)\s(?:gemeldet|angezeigt)|\bvollstandigkeit\shalber\b|\bkein\w*\s(?:beschwerden?|beanstandung\w*|angriff\w*)\b
 |\bne\sfait\spas\spartie\b|\brien\sa\svoir\b|\b(?:n'est|ne\ssont|n'etait)\spas\s(?:concern|impliqu|en\scause|vise)|\btitre\sd'information\b|\bfauss?e?s?\s(?:alerte|positif)|\bsignalee?s?\s(?:separement|a\sson|a\sleur)|\bdossier\s(?:est\s|a\sete\s)?clos\b|\bne\spas\s(?:la\s|le\s|l'|les\s)?bloquer\b
 |\bno\sforma[n]?\sparte\b|\bno\stienen?\s(?:nada\s)?que\sver\b|\bno\s(?:esta|estan|fue)\s(?:implicad|afectad|involucrad|relacionad)|\btitulo\sinformativo\b|\b(?:notificad|reportad|denunciad)[oa]s?\s(?:por\sseparado|a\ssu)\b|\bfalsas?\salarmas?\b|\bfalsos?\spositivos?\b|\b(?:caso|ticket|incidente)\s(?:ya\s)?(?:esta\s|fue\s)?cerrado\b
 |\bnon\sfa\sparte\b|\bnon\sc'entra\b|\bsegnalat\w+\s(?:a\sparte|separatamente)\b|\bnulla\sa\sche\s(?:fare|vedere)\b|\bnon\se\s(?:coinvolt|interessat|implicat)|\bfals[oi]\s(?:allarm|positiv)
 |\bnao\sfaz\sparte\b|\bnada\sa\sver\b|\bnao\s(?:esta|foi)\s(?:envolvid|afetad)|\balarme\sfalso\b
 |\bgeen\sonderdeel\svan\b|\bniets\s(?:mee\s|hiermee\s)?te\smaken\b|\bniet\sbetrokken\b|\bvals\salarm\b|\bhoeft\sniemand\b|\bniets\smis\smet\b
 |\bnie\s(?:ma|maja)\s(?:nic\s|z\s\w+\s)*(?:wspolnego|zwiazku)\b|\bnie\s(?:dotyczy|bierze\sudzialu|jest\sprzedmiotem)|\bfalszyw\w+\salarm
 |\b(?:inget|ingenting|intet)\smed\b|\binte\sinblandad|\bikke\sinvolvert|\bikke\sinvolveret|\bfalsk\w*\s(?:larm|alarm)
 |\bnu\sare\s(?:nicio\s)?legatura\b|\bsemnalat\w*\sseparat\b|\bnu\s(?:avem|este)\snicio\s(?:problema|plangere)|\bnu\s(?:este|sunt)\s(?:implicat|afectat)|\balarma\sfalsa\b|\b(?:osobno|oddzielnie)\szglosz|\bilgisi\syok|\bilgili\sdegil|\byanlis\salarm
 |\bnema\s(?:s\s\w+\s)?(?:nic\s)?spolecneho|\bnesouvisi|\bfalesny\spoplach|\bei\sliity\b|\bei\sole\sosalli|\bvaara\shalytys
 |\bne(?:ma(?:ju)?|maja)?\s(?:nikakv\w+\s|nobene\s|nic\s)?(?:veze|zveze)\b|\bni(?:je|su|so)?\s(?:\w+\s)?(?:ukljucen|umijesan|umesan|povezan|sudjelova|ucestvova|sodelova|vpleten|zahvacen|prizadet)|\bnije\sdio\sove|\bnije\sdeo\sove|\blazn[aiouem]+\s(?:uzbun|alarm)|\bn[ei]\sblokira(?:jte|ti)\b|\b(?:zasebno|odvojeno|posebej|loceno)\s(?:prijav|obavij|obaves)
 |\bnesuvisi|\bnie\sje\ssucast|\bnema(?:ju)?\s(?:s\s\w+\s)?(?:\w+\s)?nic\sspolocne|\bfalosny\spoplach|\bneblokujte\b|\b(?:samostatne|oddelene|zvlast)\s(?:nahlas|oznam)
 |\bnesusij|\bnedalyva|\bnieko\sbendr|\bklaiding\w+\spavoj|\bneblokuo|\batskirai\spranes|\bnav\s(?:saistit|iesaistit)|\bnav\snekada?\ssakar|\bviltus\strauksm|\bneblokej|\batseviski\szino
 |\bei\sole\s(?:\w+\s){0,2}seotud\b|\bei\spuutu\b|\bvalehaire|\barge\s(?:\w+\s)?blokeeri|\beraldi\steata
 |\bno\ste(?:nen)?\sres\sa\sveure|\bno\s(?:esta|es|estan)\s(?:implicad|relacionad|afectad)|\bfalsa\salarma|\bno\sl[a']\s?bloquegeu|\bno\sels?\sbloquegeu|\bno\sforma\spart
 |\bnincs\s(?:koze|kapcsolat)|\bnem\serintett|\bnem\svesz\sreszt|\bnem\svett\sreszt|\bteves\sriasztas|\bteves\sjelzes|\bne\s(?:blokkol|tilts)|\bkulon\sjelentett
 |\balkaa\s(?:\w+\s)?(?:estako|sulkeko)|\berikseen\silmoit|\bvirheellinen\shalytys|\binte\s(?:del\sav|berord)|\bblockera\s(?:den|det|inte)\s?inte|\bikke\s(?:en\sdel\saf|en\sdel\sav)|\bskal\sikke\sblok|\b(?:vennligst|venligst)\sikke\sblok
 |\bsa\snu\s(?:o|il|le)\sblocati|\bengellemeyin|\bilgisi\sbulunm|\bdahil\sdegil|\bayrica\sbildiril
 |\btidak\s(?:terlibat|terkait|ada\shubungan|berkaitan)|\b(?:mohon|tolong|harap)\sjangan\s(?:di)?(?:blokir|sekat)|\balarm\spalsu|\bbukan\sbagian\sdari
 |\bkhong\s(?:co\s)?(?:lien\squan|dinh\sliu)|\b(?:xin\s)?(?:dung|vui\slong\skhong)\schan\b|\bbao\sdong\s(?:gia|nham)
 |нема\s(?:никакве\s)?везе|није\s(?:\S+\s)?(?:укључен|повезан|учествова|умешан)|лажн\S+\sузбун|не\sблокирајте|няма(?:т)?\s(?:нищо\sобщо|връзка|отношение)|не\sе\s(?:свързан|замесен|засегнат)|не\sса\s(?:свързан|замесен)|не\sучаства|фалшив\S+\sтревог|не\s(?:го|я|ги)\sблокирайте
 |не\sблокуйте|не\sблокируйте|отношения\sне\sимеет|не\sстосується|не\sпов.язан|нічого\sспільного|ничего\sобщего|ложн\S+\sтревог|хибн\S+\sтривог
 |δεν\sεχ(?:ει|ουν)\s(?:καμια\s)?σχεση|δεν\sεμπλεκ|δεν\sσυμμετ|δεν\sσχετιζ|μην?\s(?:την?|το|τισ|τουσ|τα)\s(?:αποκλει|μπλοκαρ)|ψευδησ?\sσυναγερμ|λανθασμενοσ?\sσυναγερμ
 |لیس\sله|ارتباطی\s(?:با|به)\s\S+(?:\s\S+)?\sندار|ربطی\s(?:به|با)\s\S+(?:\s\S+)?\sندار|نقشی\sندار|دخالتی\sندار|مسدود\sنکنید|هشدار\s(?:اشتباه|کاذب)|عدم\sحظره|لا\sتحظر|ليس\s(?:له|لها)\sعلاقة|غير\s(?:متورط|معني|مرتبط)|إنذار\sكاذب|انذار\sكاذب
 |לא\sמעורב|אינו\sמעורב|אינה\sמעורבת|לא\sלחסום|संबंध\sनहीं|शामिल\sनहीं|ब्लॉक\sन\sकरें|लेना-देना\sनहीं|ไม่ได้เกี่ยวข้อง|ไม่มีส่วนเกี่ยวข้อง|(?:อย่า|โปรดอย่า|กรุณาอย่า)บล็อก|แจ้งเตือนผิดพลาด
 |请勿封|請勿封|请不要封|請不要封|勿封禁|ブロックしないで|차단하지\s?(?:말|마)|관련\s?없|誤報|误报
 |не\sимеет\sотношения|не\sсвязан|не\sпричаст|ложн\S+\sсрабатыван|не\sмає\sвідношення|не\sпричет|хибн\S+\sспрацюван
 |関係ありません|関係ございません|関係はありません|無関係|誤検知|与此无关|無關|无关|误报|誤報|관련이\s?없|무관|오탐
 |אינו\sקשור|אינה\sקשורה|לא\sקשור|אין\sקשר|אזעקת\sשווא|لا\sعلاقة|لا\sتوجد\sعليه|कोई\sसंबंध\sनहीं|ไม่เกี่ยวข้อง",
    )
});

/// "Could you check if this is legitimate": nobody says that it is.
static IS_ASKED: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:if|whether|ob|si|se|czy|zda|om)\s[^,.;]{0,40}$"));

/// What begins a sentence about whom the one before it names.
static GOES_ON: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:it|this|that|these|they|please|both|er|es|sie|diese\w*|bitte|il|elle|ils|merci|veuillez|este|esta|eso|por\sfavor|esso|questo|quella|hij|het|die|deze|det|den|on|ona|ono|это|он|она|прошу|こちら|これ|该|此)\b",
    )
});

/// What speaks of the only one that was named before: "I looked, it's clean".
static SPEAKS_OF_IT: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\bit(?:['\x{2019}]s)?\b|^\W*not\s(?:an\sattack|abuse)\b"));

/// What speaks of others than those who were named before: "our own monitoring is fine", "your other server is clean".
static OF_OTHERS: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:our|my|your|other|others|another|all)\b"));

/// Says whether a heading clears those below it by a set phrase.
pub(super) fn clears(heading: &str) -> bool {
    CLEARS.is_match(&fold(heading))
}

/// Whom sentences clear.
#[derive(Debug, Default)]
pub(super) struct Cleared {
    /// Addresses, and where they are cleared first: the index of the line.
    pub addresses: Vec<(IpAddr, usize)>,
    /// Instances.
    pub instances: HashSet<String>,
}

/// One sentence and whom it names.
#[derive(Default)]
struct Sentence {
    /// Folded.
    text: String,
    line: usize,
    addresses: Vec<IpAddr>,
    instances: Vec<String>,
}

impl Sentence {
    fn names_somebody(&self) -> bool {
        !(self.addresses.is_empty() && self.instances.is_empty())
    }

    fn clears(&self) -> bool {
        CLEARS.find_iter(&self.text).any(|found| !IS_ASKED.is_match(&self.text[..found.start()]))
    }

    /// Takes a piece of a line.
    fn take(&mut self, line: &Line<'_>, from: usize, to: usize) {
        let is_here = |start: usize| (from..to).contains(&start);
        self.text.push_str(&fold(&line.text[from..to]));
        self.addresses.extend(
            line.spots.iter().filter(|it| is_here(it.start) && !it.is_network()).filter_map(|it| it.ip),
        );
        let named = resource::instances(line.text).into_iter().filter(|(start, _)| is_here(*start));
        self.instances.extend(named.map(|(_, id)| id));
    }
}

/// Reads whom of those that are accused the sentences of a notice clear.
pub(super) fn read(
    lines: &[Line<'_>],
    is_accused: impl Fn(IpAddr) -> bool,
    is_meant: impl Fn(&str) -> bool,
) -> Cleared {
    let mut cleared = Cleared::default();
    let names_one = |line: &Line<'_>| {
        line.spots.iter().filter_map(|spot| spot.ip).any(&is_accused)
            || line.text.contains("i-") && resource::instances(line.text).iter().any(|(_, id)| is_meant(id))
    };
    for paragraph in paragraphs(lines) {
        let of_paragraph = &lines[paragraph.clone()];
        let introduces = of_paragraph.last().is_some_and(|it| it.text.trim_end().ends_with(':'));
        if !introduces && !of_paragraph.iter().any(names_one) {
            continue;
        }
        let sentences = sentences(lines, paragraph.clone());
        if introduces && sentences.last().is_some_and(Sentence::clears) {
            // The list that it introduces, up to a blank line below it.
            let listed =
                lines[paragraph.end..].iter().skip_while(|it| it.is_blank()).take_while(|it| it.is_item());
            for line in listed.take(ITEMS_MAX) {
                let named = line.spots.iter().filter_map(|it| it.ip);
                cleared.addresses.extend(named.map(|ip| (ip, paragraph.start)));
                cleared.instances.extend(resource::instances(line.text).into_iter().map(|(_, id)| id));
            }
        }
        let names_one = |it: &Sentence| {
            it.addresses.iter().any(|ip| is_accused(*ip)) || it.instances.iter().any(|id| is_meant(id))
        };
        // What follows the only sentence that names anybody is about those.
        let is_alone = sentences.iter().filter(|it| it.names_somebody()).take(2).count() == 1;
        for (at, sentence) in sentences.iter().enumerate().filter(|(_, it)| names_one(it)) {
            let goes_on = |next: &&Sentence| {
                let is_about_it =
                    GOES_ON.is_match(&next.text) || is_alone && SPEAKS_OF_IT.is_match(&next.text);
                !next.names_somebody() && is_about_it && !OF_OTHERS.is_match(&next.text) && next.clears()
            };
            if sentence.clears() || sentences.get(at + 1).filter(goes_on).is_some() {
                cleared.addresses.extend(sentence.addresses.iter().map(|ip| (*ip, sentence.line)));
                cleared.instances.extend(sentence.instances.iter().cloned());
            }
        }
    }
    cleared
}

/// Says whether a line has words as a sentence has, or is in a script without blanks.
fn has_words(text: &str) -> bool {
    let is_word = |word: &&str| {
        let bare = word.trim_matches(|it: char| !it.is_alphanumeric());
        !bare.is_empty() && bare.chars().all(|it| it.is_alphabetic() || matches!(it, '\'' | '\u{2019}' | '-'))
    };
    let is_wide = || {
        text.chars().filter(|it| matches!(it, '\u{3040}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')).count() >= 8
    };
    text.split_whitespace().filter(is_word).take(WORDS_MIN).count() == WORDS_MIN || is_wide()
}

const WORDS_MIN: usize = 5;

/// Stretches of prose: lines that run on into each other.
fn paragraphs(lines: &[Line<'_>]) -> Vec<std::ops::Range<usize>> {
    let mut paragraphs = Vec::new();
    let mut first = None;
    for (at, line) in lines.iter().enumerate().take(LINES_MAX) {
        let runs_on = first.is_some_and(|_: usize| {
            let above = &lines[at - 1];
            above.section == line.section
                && above.is_quoted == line.is_quoted
                && above.text.trim_end().len() >= FULL_LINE
        });
        let begins_with_time = line.stamps.first().is_some_and(|stamp| stamp.start < 2);
        let is_prose = line.kind == LineKind::Statement
            && !matches!(line.role, SectionRole::Subject | SectionRole::Evidence)
            && !line.is_blank()
            && !begins_with_time
            && (has_words(line.text) || runs_on);
        if !(is_prose && runs_on)
            && let Some(first) = first.take()
        {
            paragraphs.push(first..at);
        }
        if is_prose && first.is_none() {
            first = Some(at);
        }
    }
    paragraphs.extend(first.map(|first| first..lines.len().min(LINES_MAX)));
    paragraphs
}

/// Cuts a paragraph into sentences: at full stops that a blank or the end follows.
fn sentences(lines: &[Line<'_>], paragraph: std::ops::Range<usize>) -> Vec<Sentence> {
    let mut all = Vec::new();
    let mut sentence = Sentence { line: paragraph.start, ..Sentence::default() };
    for at in paragraph {
        let line = &lines[at];
        let mut from = 0;
        for end in ends(line.text) {
            sentence.take(line, from, end);
            all.push(std::mem::replace(&mut sentence, Sentence { line: at, ..Sentence::default() }));
            from = end;
        }
        sentence.take(line, from, line.text.len());
        sentence.text.push(' ');
        // Thai has no full stops.
        if line.text.trim_end().ends_with(|it| ('\u{e01}'..='\u{e4e}').contains(&it)) {
            all.push(std::mem::replace(&mut sentence, Sentence { line: at + 1, ..Sentence::default() }));
        }
    }
    all.push(sentence);
    all
}

/// How clauses begin in Thai that tell of somebody else.
const THAI_CLAUSES: [&str; 4] = ["ส่วน", "แต่", "สำหรับ", "ทั้งนี้"];

/// Where sentences end in a line, after their full stops.
fn ends(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().filter_map(|(at, letter)| {
        let end = at + letter.len_utf8();
        let rest = &text[end..];
        let is_wide = matches!(letter, '\u{3002}' | '\u{ff01}' | '\u{ff1f}' | '\u{964}')
            || letter == ' ' && THAI_CLAUSES.iter().any(|it| rest.starts_with(it));
        if !is_wide && !matches!(letter, '.' | '!' | '?') {
            return None;
        }
        let is_stop = !is_wide && (rest.is_empty() || rest.starts_with([' ', '"', ')']));
        let word = text[..at].rsplit(' ').next().unwrap_or_default();
        let is_short =
            letter == '.' && word.chars().count() <= 2 && !word.ends_with(|it: char| it.is_ascii_digit());
        (is_wide || is_stop && !is_short).then_some(end)
    })
}

#[cfg(test)]
mod tests {
    use super::super::document::Section;
    use super::super::document::SectionRole;
    use super::super::lines;
    use super::read;

    fn cleared(text: &str) -> Vec<String> {
        let sections = [Section { role: SectionRole::Body, name: String::new(), text: text.to_owned() }];
        read(&lines::cut(&sections), |_| true, |_| true)
            .addresses
            .iter()
            .map(|(ip, _)| ip.to_string())
            .collect()
    }

    #[test]
    fn set_phrases_clear_whom_their_sentence_names() {
        for text in [
            "Your host 192.0.2.1 scanned us on Monday. The last line is your newsletter server 192.0.2.9; it is clean and wanted, I left it in.",
            "Not part of this complaint: 192.0.2.9 is the encoder which you host for us. Please leave it running.",
            "Also for your information: 192.0.2.9, which we wrote about, has been silent since May and that ticket is closed.",
            "From the shared mailbox. 192.0.2.9 is mentioned in our last answer, it has nothing to do with this one.",
            "The line (192.0.2.9, also yours) is the radio's own download from your service and was there by chance. It is fine.",
            "Der Rechner 192.0.2.9 steht ebenfalls bei Ihnen und ist unauffällig, bitte lassen Sie ihn in Ruhe.",
            "L'adresse 192.0.2.9, elle aussi chez vous, n'est pas concernée par cette plainte.",
            "Note from me: 192.0.2.9 is the old standby of the same service. I looked, it's clean and has been stopped.",
            "Most queries reach us through public resolvers, which only do their job (please don't take them for the culprits):\n\n    192.0.2.9\n",
            "なお、192.0.2.9 を経由したものもありましたが、こちらは当社が契約している転送サービスですので関係ありません。",
        ] {
            assert_eq!(cleared(text), ["192.0.2.9"], "{text}");
        }
    }

    #[test]
    fn other_sentences_clear_nobody() {
        for text in [
            "Your host 192.0.2.1 scanned our network on Monday. Our own monitoring is fine and all ports are closed.",
            "The attacks from 192.0.2.1 did not stop after our last letter. Please close this hole as soon as you can.",
            "We saw probing from 192.0.2.1. Could you please check and validate if this is legitimate or not.",
            "2026-03-09 10:00 192.0.2.1 is clean fine and so on and on and on for ever",
        ] {
            assert_eq!(cleared(text), [""; 0], "{text}");
        }
    }
}
