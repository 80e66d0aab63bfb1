//! Which clauses of a sentence tell of what is, and which of what may be, or will be: "if", "will", "is planned".
//!
//! Who is named in a clause of the second kind has done nothing yet.

use super::lexicon::FROM;
use super::lexicon::PASSIVE;
use super::lexicon::TO;
use super::lexicon::UNREAL;
use super::token::Token;
use super::token::TokenKind;

/// German tells the future by the auxiliary of its passive; the infinitive stands last.
const INFINITIVES: [&str; 12] = [
    "ausgehen",
    "stattfinden",
    "durchfuhren",
    "vornehmen",
    "scannen",
    "testen",
    "prufen",
    "beginnen",
    "simulieren",
    "erfolgen",
    "starten",
    "kommen",
];

/// With these a question begins that is answered by yes or no, in languages whose statements do not begin with a verb.
const ASKING: [&str; 11] = ["is", "are", "was", "were", "do", "does", "did", "ist", "sind", "war", "waren"];

/// Returns the pieces of a sentence whose clauses tell of what is.
pub(super) fn told(tokens: &[Token]) -> Vec<Token> {
    // "Is" is "from" in Lithuanian, and "do" is "to" in Slavic languages.
    let asks = |token: &Token| token.class & (FROM | TO) == 0 && ASKING.contains(&token.word.as_str());
    let begins = |at: usize| at == 0 || tokens[at - 1].word == ":";
    let end = (0..tokens.len()).find(|at| begins(*at) && asks(&tokens[*at]));
    let tokens = &tokens[..end.unwrap_or(tokens.len())];
    let clauses = tokens.split_inclusive(|it| it.kind == TokenKind::Comma);
    clauses.filter(|clause| !is_unreal(clause)).flatten().cloned().collect()
}

fn is_unreal(clause: &[Token]) -> bool {
    let last = clause.iter().rfind(|it| it.kind == TokenKind::Word);
    let is_future = || {
        clause.iter().any(|it| it.class & PASSIVE != 0 && it.word.starts_with('w'))
            && last.is_some_and(|it| INFINITIVES.contains(&it.word.as_str()))
    };
    clause.iter().any(|it| it.class & UNREAL != 0) || is_future()
}

#[cfg(test)]
mod tests {
    use super::super::lexicon;
    use super::super::pieces::cut_line;
    use super::super::tokens;
    use super::told;
    use crate::document::Section;
    use crate::document::SectionRole;
    use crate::lines;

    fn check(sentence: &str, expect: usize) {
        let text = sentence.to_owned();
        let sections = [Section { role: SectionRole::Body, name: String::new(), text }];
        let lines = lines::cut(&sections);
        let mut pieces = Vec::new();
        cut_line(&lines[0], 0, &mut pieces);
        let words: Vec<&str> = sentence.split_whitespace().collect();
        let lexicon = lexicon::of_language(&words).unwrap_or_else(|| lexicon::of_default());
        assert_eq!(told(&tokens(&pieces, lexicon)).len(), expect, "{sentence}");
    }

    #[test]
    fn what_may_be_or_will_be_is_left_out() {
        check("the host 192.0.2.1 attacks us", 5);
        check("if the host 192.0.2.1 attacks us, tell us", 2);
        check("is 192.0.2.1 one of your servers", 0);
        check("before we ask them: are those two your hosts", 5);
        check("the probes will come from 192.0.2.1", 0);
        check("your host attacked us, we will block it", 5);
        check("die Angriffe werden von 192.0.2.1 ausgehen", 0);
        check("der Server wurde von 192.0.2.1 angegriffen", 6);
    }
}
