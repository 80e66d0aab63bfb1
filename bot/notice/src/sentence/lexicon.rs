//! What a word of a sentence means for who did what to whom, and in which language the sentence is.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::LazyLock;

use super::languages;
use super::languages::Words;

/// A set of meanings, one bit each.
pub(super) type Class = u32;

pub(super) const OURS: Class = 1;
pub(super) const YOURS: Class = 1 << 1;
pub(super) const FROM: Class = 1 << 2;
pub(super) const BY: Class = 1 << 3;
pub(super) const TO: Class = 1 << 4;
pub(super) const AT: Class = 1 << 5;
pub(super) const EXCEPT: Class = 1 << 6;
pub(super) const HOST: Class = 1 << 7;
pub(super) const DEED: Class = 1 << 8;
pub(super) const WEAK: Class = 1 << 9;
pub(super) const PASSIVE: Class = 1 << 10;
pub(super) const SUFFERS: Class = 1 << 11;
pub(super) const SEES: Class = 1 << 12;
pub(super) const NOT: Class = 1 << 13;
pub(super) const CLEAN: Class = 1 << 14;
pub(super) const AND: Class = 1 << 15;
pub(super) const FILLER: Class = 1 << 16;
pub(super) const WE: Class = 1 << 17;
pub(super) const TAKEN: Class = 1 << 18;
pub(super) const OTHERS: Class = 1 << 19;
pub(super) const INVOLVED: Class = 1 << 27;
/// A phrase that holds a word for what is the reader's, whatever it means as a whole.
pub(super) const INNER_YOURS: Class = 1 << 28;
pub(super) const UNREAL: Class = 1 << 30;

/// Phrases are not longer than this, in words.
const PHRASE_MAX: usize = 5;

/// Languages whose small words fit nearly as well that are compared by more.
const LANGUAGES_NEAR: usize = 3;

/// The words of one language, made ready for looking up.
#[derive(Debug, Default)]
pub(super) struct Lexicon {
    words: HashMap<&'static str, Class>,
    /// By their first two bytes.
    stems: HashMap<[u8; 2], Vec<(&'static str, Class)>>,
    /// Parts of compounds.
    parts: Vec<(&'static str, Class)>,
    /// By their first word: the words after it, and what all mean together.
    phrases: HashMap<&'static str, Vec<(Vec<&'static str>, Class)>>,
    fillers: HashSet<&'static str>,
    endings: [Vec<&'static str>; 4],
}

impl Lexicon {
    fn new(words: &Words) -> Self {
        let mut lexicon = Self::default();
        for (list, class) in [
            (words.we, WE),
            (words.taken, TAKEN | DEED),
            (words.ours, OURS),
            (words.yours, YOURS),
            (words.others, OTHERS),
            (words.from, FROM),
            (words.by, BY),
            (words.to, TO),
            (words.at, AT),
            (words.except, EXCEPT),
            (words.hosts, HOST),
            (words.deeds, DEED),
            (words.weak, WEAK),
            (words.passive, PASSIVE),
            (words.suffers, SUFFERS),
            (words.sees, SEES),
            (words.not, NOT),
            (words.clean, CLEAN),
            (words.involved, INVOLVED),
            (words.unreal, UNREAL),
            (words.and, AND),
            (words.fillers, FILLER),
        ] {
            list.split_ascii_whitespace().for_each(|word| lexicon.add(word, class));
        }
        for phrases in lexicon.phrases.values_mut().flatten() {
            let is_yours = |word: &&str| lexicon.words.get(word).is_some_and(|class| class & YOURS != 0);
            phrases.1 |= if phrases.0.iter().any(is_yours) { INNER_YOURS } else { 0 };
        }
        lexicon.fillers.extend(words.fillers.split_ascii_whitespace());
        lexicon.endings = words.endings.map(|list| list.split_ascii_whitespace().collect());
        lexicon
    }

    fn add(&mut self, word: &'static str, class: Class) {
        if let Some(part) = word.strip_prefix('*') {
            self.parts.push((part, class));
        } else if let Some(stem) = word.strip_suffix('*') {
            let first = first_bytes(stem).expect("a stem has two letters");
            self.stems.entry(first).or_default().push((stem, class));
        } else if let Some((first, rest)) = word.split_once('_') {
            self.phrases.entry(first).or_default().push((rest.split('_').collect(), class));
        } else {
            *self.words.entry(word).or_default() |= class;
        }
    }

    /// Returns what one word means.
    pub fn of(&self, word: &str) -> Class {
        let mut class = self.plain(word);
        // "l'adresse", "dell'attacco": the article is no part of the word.
        if class == 0
            && let Some((_, noun)) = word.split_once('\'')
        {
            class = if noun == "t" { NOT } else { self.plain(noun) };
        }
        // "SSH-Brute-Force", "ip-adress".
        if class == 0 && word.contains('-') {
            class = word.split('-').fold(0, |all, part| all | self.plain(part)) & (HOST | DEED | WEAK);
        }
        if class & HOST != 0 && !self.endings[0].is_empty() {
            for (endings, meaning) in self.endings.iter().zip([FROM, TO, OURS, YOURS]) {
                let ends = |ending: &&str| word.len() > ending.len() + 1 && word.ends_with(*ending);
                class |= if endings.iter().any(ends) { meaning } else { 0 };
            }
        }
        class
    }

    fn plain(&self, word: &str) -> Class {
        let near = first_bytes(word).and_then(|first| self.stems.get(&first)).map_or(&[][..], Vec::as_slice);
        let stems = near.iter().filter(|(stem, _)| word.starts_with(stem));
        let parts = self.parts.iter().filter(|(part, _)| word.contains(part));
        stems.chain(parts).fold(self.words.get(word).copied().unwrap_or(0), |all, (_, class)| all | class)
    }

    /// Returns what the phrase means that begins here, and how many words it has.
    pub fn phrase(&self, words: &[&str]) -> Option<(usize, Class)> {
        let known = self.phrases.get(words.first()?)?;
        let rest = &words[1..words.len().min(PHRASE_MAX + 1)];
        let fits = known.iter().filter(|(phrase, _)| rest.starts_with(phrase));
        fits.max_by_key(|(phrase, _)| phrase.len()).map(|(phrase, class)| (phrase.len() + 1, *class))
    }
}

fn first_bytes(word: &str) -> Option<[u8; 2]> {
    word.as_bytes().first_chunk().copied()
}

static LEXICONS: LazyLock<Vec<Lexicon>> = LazyLock::new(|| languages::ALL.iter().map(Lexicon::new).collect());

/// The places of the languages for which a word counts; twice where it is a small word too.
static PLACES: LazyLock<HashMap<&'static str, Vec<usize>>> = LazyLock::new(|| {
    let mut places: HashMap<&'static str, Vec<usize>> = HashMap::new();
    for (place, lexicon) in LEXICONS.iter().enumerate() {
        for word in lexicon.fillers.iter().chain(lexicon.words.keys()) {
            places.entry(word).or_default().push(place);
        }
    }
    places
});

/// Returns the lexicon of the language whose small words a text has most; none where nothing tells.
pub(super) fn of_language(words: &[&str]) -> Option<&'static Lexicon> {
    let lexicons = &*LEXICONS;
    let mut scores: Vec<(usize, &Lexicon)> = lexicons.iter().map(|lexicon| (0, lexicon)).collect();
    for place in words.iter().filter_map(|word| PLACES.get(word)).flatten() {
        scores[*place].0 += 1;
    }
    scores.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let (most, first) = *scores.first().filter(|(score, _)| *score > 0)?;
    // Neighbours share their small words: the words for hosts and deeds tell them apart.
    let near = scores.iter().take(LANGUAGES_NEAR).filter(|(score, _)| *score * 2 > most);
    let told = |lexicon: &Lexicon| {
        words.iter().filter(|word| lexicon.of(word) & (HOST | DEED | OURS | YOURS | SEES) != 0).count()
    };
    if near.clone().count() < 2 {
        return Some(first);
    }
    let best = near.map(|(score, lexicon)| {
        (score + 2 * told(lexicon), std::cmp::Reverse(scores_place(lexicons, lexicon)), *lexicon)
    });
    best.max_by_key(|(score, place, _)| (*score, *place)).map(|(_, _, lexicon)| lexicon)
}

/// Returns where a language stands in the list: of two that fit alike, the first one is taken.
fn scores_place(lexicons: &[Lexicon], lexicon: &Lexicon) -> usize {
    lexicons.iter().position(|it| std::ptr::eq(it, lexicon)).unwrap_or(usize::MAX)
}

/// Returns the lexicon of the language that is taken where nothing tells.
pub(super) fn of_default() -> &'static Lexicon {
    &LEXICONS[0]
}
