//! Those that a sentence means without naming them again: "the former", "only the last of the three", "die zweite",
//! "both". Each stands for one that was named just before, and is read as a mention of it.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::Piece;
use super::Place;
use super::lexicon::CLEAN;
use super::lexicon::DEED;
use super::lexicon::FROM;
use super::lexicon::HOST;
use super::lexicon::Lexicon;
use super::lexicon::NOT;
use super::lexicon::OURS;
use super::lexicon::PASSIVE;
use super::lexicon::SUFFERS;
use super::lexicon::TO;
use super::lexicon::YOURS;

/// What was named together last, and which of it a later sentence singled out.
#[derive(Debug, Default)]
pub(super) struct Recent {
    pub places: Vec<Place>,
    pub taken: Vec<bool>,
    sentences: usize,
}

/// Sentences that may stand between what is named and what means it.
const SENTENCES_BETWEEN: usize = 4;
/// A list of more is not told apart by ordinals.
const NAMED_MAX: usize = 12;

impl Recent {
    /// Remembers what a sentence or a list names, where it names several.
    pub fn remember(&mut self, places: &[Place]) {
        if (2..=NAMED_MAX).contains(&places.len()) {
            self.places = places.to_vec();
            self.taken = vec![false; places.len()];
            self.sentences = 0;
        } else if places.len() > NAMED_MAX {
            *self = Self::default();
        }
    }

    /// Counts a sentence that names nobody anew.
    pub fn pass(&mut self) {
        self.sentences += 1;
        if self.sentences > SENTENCES_BETWEEN {
            *self = Self::default();
        }
    }

    /// Returns those that nobody singled out.
    pub fn rest(&self) -> impl Iterator<Item = Place> {
        self.places.iter().zip(&self.taken).filter(|(_, taken)| !**taken).map(|(place, _)| *place)
    }

    /// Notes that those were singled out of which this is true.
    pub fn take(&mut self, is_one: impl Fn(&Place) -> bool) {
        for (place, taken) in self.places.iter().zip(&mut self.taken) {
            *taken |= is_one(place);
        }
    }
}

/// What a word or phrase picks out of what was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pick {
    /// The one of this number, from one.
    Nth(usize),
    /// The last one.
    Last,
    /// The one before the last of two.
    Former,
    /// The last of two.
    Latter,
    /// Both of two.
    Both,
    /// All that were not singled out.
    Rest,
}

/// Words that need nothing beside them.
const ALONE: [(Pick, &str); 4] = [
    (
        Pick::Former,
        "former erstere ersterer ersteres ersteren erstgenannte erstgenannter eerstgenoemde forstnavnte forra",
    ),
    (
        Pick::Latter,
        "latter letztere letzterer letzteres letzteren letztgenannte letztgenannter laatstgenoemde sidstnavnte sistnevnte senare quest'ultimo quest'ultima",
    ),
    (
        Pick::Both,
        "both beide les_deux ambos ambas entrambi entrambe oba obie obydwa bada begge de_beide \u{43e}\u{431}\u{430} \u{43e}\u{431}\u{435}",
    ),
    (
        Pick::Rest,
        "the_others the_other_ones the_other_two the_other_three the_rest_of_them the_remaining_ones the_remaining_two die_anderen die_ubrigen die_restlichen les_autres los_demas los_otros las_demas gli_altri le_altre os_outros as_outras de_andere de_anderen de_overige pozostale pozostali de_andra de_andre \u{43e}\u{441}\u{442}\u{430}\u{43b}\u{44c}\u{43d}\u{44b}\u{435}",
    ),
];

/// Ordinals, which may just as well count something else.
const ORDINALS: [(Pick, &str); 5] = [
    (
        Pick::Nth(1),
        "first 1st erste ersten erster premier premiere primero primera primo prima primeiro primeira eerste pierwszy pierwsza pierwszej forsta forste prvni \u{43f}\u{435}\u{440}\u{432}\u{44b}\u{439} \u{43f}\u{435}\u{440}\u{432}\u{430}\u{44f}",
    ),
    (
        Pick::Nth(2),
        "second 2nd zweite zweiten zweiter deuxieme seconde segundo segunda secondo seconda tweede drugi druga drugiej andra andre anden druhy druha \u{432}\u{442}\u{43e}\u{440}\u{43e}\u{439} \u{432}\u{442}\u{43e}\u{440}\u{430}\u{44f}",
    ),
    (
        Pick::Nth(3),
        "third 3rd dritte dritten dritter troisieme tercero tercera terzo terza terceiro terceira derde trzeci trzecia tredje treti \u{442}\u{440}\u{435}\u{442}\u{438}\u{439} \u{442}\u{440}\u{435}\u{442}\u{44c}\u{44f}",
    ),
    (
        Pick::Nth(4),
        "fourth 4th vierte vierten vierter quatrieme cuarto cuarta quarto quarta vierde czwarty czwarta fjarde fjerde \u{447}\u{435}\u{442}\u{432}\u{435}\u{440}\u{442}\u{44b}\u{439}",
    ),
    (
        Pick::Last,
        "last letzte letzten letzter dernier derniere ultimo ultima l'ultimo l'ultima laatste ostatni ostatnia ostatniej sista siste sidste posledni \u{43f}\u{43e}\u{441}\u{43b}\u{435}\u{434}\u{43d}\u{438}\u{439} \u{43f}\u{43e}\u{441}\u{43b}\u{435}\u{434}\u{43d}\u{44f}\u{44f}",
    ),
];

const ARTICLES: &str = "the der die das den dem le la les el los il lo o a os as de den det l";
const ONLY: &str = "only just solely merely nur lediglich blos einzig ausschlieslich seul seule uniquement seulement solo sola solamente unicamente soltanto solamente apenas so somente alleen enkel slechts tylko wylacznie jedynie jen pouze endast bara kun bare vain csak yalnizca sadece doar numai \u{442}\u{43e}\u{43b}\u{44c}\u{43a}\u{43e} \u{43b}\u{438}\u{448}\u{44c}";
/// What singles out whom it is followed by.
const CLEFTS: [(&str, &str); 8] = [
    ("it", "was"),
    ("it", "is"),
    ("es", "war"),
    ("es", "ist"),
    ("", "c'est"),
    ("", "c'etait"),
    ("het", "was"),
    ("var", "det"),
];
/// What follows an ordinal that counts hosts: "the first one", "the last of the three", "die erste davon", "la primera es".
const COUNTS_HOSTS: &str = "one which that who of von davon dieser des d'entre delle dei degli di dos das van z ze av af has have had is was are were does did do keeps still also hat haben ist war wurde a ont est ha han hanno es fue e foi tem heeft is deed ma jest byl har ar er var";

/// The first words of all of these: most words of a sentence are none.
static BEGINNINGS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let lists = ALONE.iter().chain(&ORDINALS).flat_map(|(_, list)| list.split(' '));
    lists.filter_map(|phrase| phrase.split('_').next()).collect()
});

static ONLY_WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| ONLY.split(' ').collect());

/// Says whether a word is one of a list's.
fn is_in(list: &str, word: &str) -> bool {
    list.split(' ').any(|it| it == word)
}

/// Returns how many pieces of a sentence a phrase of a list takes, where one begins there.
fn phrase_at(list: &str, words: &[&str]) -> Option<usize> {
    list.split(' ').find_map(|phrase| {
        let length = phrase.matches('_').count() + 1;
        let is_here = words.len() >= length && phrase.split('_').zip(words).all(|(one, other)| one == *other);
        is_here.then_some(length)
    })
}

/// A sentence in which those that are meant stand as mentions.
#[derive(Debug)]
pub(super) struct Resolved {
    pub pieces: Vec<Piece>,
    /// Whom it means without naming them.
    pub meant: Vec<Place>,
    /// Of whom they are some.
    pub of: Vec<Place>,
    /// It says that nobody else does.
    pub is_only: bool,
}

/// Puts mentions in place of the words that mean what was named before.
pub(super) fn resolve(sentence: &[Piece], recent: &Recent, lexicon: &Lexicon) -> Resolved {
    let words: Vec<&str> = sentence.iter().map(|(piece, _)| piece.as_str()).collect();
    let mut resolved = Resolved {
        pieces: Vec::with_capacity(sentence.len()),
        meant: Vec::new(),
        of: recent.places.clone(),
        is_only: false,
    };
    let mut named: Vec<Place> = Vec::new();
    let mut at = 0;
    while at < sentence.len() {
        if let Some(place) = sentence[at].1 {
            resolved.is_only |= is_only_before(&words[..at]);
            named.push(place);
            resolved.pieces.push(sentence[at].clone());
            at += 1;
            continue;
        }
        let own = if named.len() >= 2 { &named } else { &recent.places };
        let is_begun = own.len() >= 2 && BEGINNINGS.contains(words[at]);
        let picked = is_begun.then(|| picked(&words, at, lexicon, own.len() == 2)).flatten();
        let found = picked.map(|(pick, length)| (chosen(pick, own, recent), length));
        let Some((chosen, length)) = found.filter(|(chosen, _)| !chosen.is_empty() && own.len() >= 2) else {
            resolved.pieces.push(sentence[at].clone());
            at += 1;
            continue;
        };
        resolved.is_only |= is_only_before(&words[..at]);
        // The article before it goes.
        for place in &chosen {
            resolved.pieces.push((String::new(), Some(*place)));
        }
        resolved.of.clone_from(own);
        resolved.meant.extend(chosen);
        at += length;
    }
    resolved
}

fn chosen(pick: Pick, named: &[Place], recent: &Recent) -> Vec<Place> {
    let one = |place: Option<&Place>| place.copied().into_iter().collect::<Vec<Place>>();
    match pick {
        Pick::Nth(number) => one(named.get(number - 1)),
        Pick::Last | Pick::Latter => one(named.last()),
        Pick::Former => one(named.len().checked_sub(2).and_then(|at| named.get(at))),
        Pick::Both => {
            if named.len() == 2 {
                named.to_vec()
            } else {
                Vec::new()
            }
        }
        Pick::Rest if recent.taken.contains(&true) => recent.rest().collect(),
        Pick::Rest => Vec::new(),
    }
}

/// Returns what a phrase that begins here picks, and how many pieces it takes.
fn picked(words: &[&str], at: usize, lexicon: &Lexicon, are_two: bool) -> Option<(Pick, usize)> {
    let here = &words[at..];
    for (pick, list) in ALONE {
        let needs_two = matches!(pick, Pick::Former | Pick::Both);
        if let Some(length) = phrase_at(list, here).filter(|_| are_two || !needs_two) {
            return Some((pick, length));
        }
    }
    let word = here.first()?;
    let (pick, _) = ORDINALS.iter().find(|(_, list)| is_in(list, word))?;
    let next = here.get(1).copied().unwrap_or_default();
    let before = at.checked_sub(1).map_or("", |at| words[at]);
    let is_only = is_only_before(&words[..at]);
    let has_article = is_in(ARTICLES, before) || word.starts_with("l'");
    let class = lexicon.of(next);
    // A deed's name would be what is counted: "the first scan".
    let counts_hosts = class & HOST != 0 && class & DEED == 0
        || is_in(COUNTS_HOSTS, next)
        || class & (PASSIVE | NOT | CLEAN | SUFFERS) != 0 && class & DEED == 0
        || (is_only && (class & (OURS | YOURS | FROM | TO) != 0 && class & DEED == 0))
        || (is_only && (next.is_empty() || next == "," || next == ")"));
    if !counts_hosts || !(has_article || is_only) {
        return None;
    }
    Some((*pick, 1 + taken_behind(&here[1..], lexicon)))
}

/// Counts the words behind an ordinal that belong to it: "one", "address", "of the three", "von ihnen".
fn taken_behind(words: &[&str], lexicon: &Lexicon) -> usize {
    const OF: &str = "of von des d'entre delle dei degli van z ze av af";
    const THEM: &str = "the these those them two three four der den dreien zwei drei diesen ihnen les ces trois deux de los tre due deze drie tych nich dem dessa disse";
    let mut taken = 0;
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    if word(taken) == "one" || lexicon.of(word(taken)) & HOST != 0 {
        taken += 1;
    }
    if is_in(OF, word(taken)) && is_in(THEM, word(taken + 1)) {
        taken += 2;
        while is_in(THEM, word(taken)) {
            taken += 1;
        }
        if lexicon.of(word(taken)) & HOST != 0 {
            taken += 1;
        }
    }
    taken
}

/// "Only", with no more than an article between.
fn is_only_before(before: &[&str]) -> bool {
    let mut back = before.iter().rev();
    let Some(last) = back.next() else { return false };
    let last = if is_in(ARTICLES, last) { back.next().unwrap_or(last) } else { last };
    // "It was the last one which": no other.
    let before = back.next().copied().unwrap_or_default();
    let is_cleft = || CLEFTS.iter().any(|(one, other)| *other == *last && (*one == before || one.is_empty()));
    ONLY_WORDS.contains(last) || is_cleft()
}
