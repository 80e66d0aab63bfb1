//! The forms that the bot opens, its home tab, and what is wrong with a form that was sent. Pure.
//!
//! Texts in forms are plain text or the value of an input field, never mrkdwn.

use serde_json::Value;
use serde_json::json;

use super::incoming::Form;

/// The form for answering the reporter.
pub const REPLY: &str = "gumshoe.reply";

/// The form for pasting a notice.
pub const NOTICE: &str = "gumshoe.notice";

/// Field of a mail's text.
pub const BODY: &str = "body";

/// Fields where a pasted notice goes on.
pub const CONTINUED: [&str; 2] = ["continued", "continued_again"];

/// Field of how the answer goes out.
pub const HOW: &str = "how";

/// By mail.
pub const BY_MAIL: &str = "mail";

/// By hand.
pub const BY_HAND: &str = "hand";

/// Longest text of an input field, characters.
const INPUT_MAX: usize = 3_000;

/// The draft of an answer to the reporter.
pub struct Draft<'a> {
    /// What is put into the form: case and round.
    pub about: &'a str,
    /// To whom it would be mailed; none where it can only be copied.
    pub to: Option<&'a str>,
    /// Why it cannot be mailed.
    pub why_not: &'a str,
    /// Its subject.
    pub subject: &'a str,
    /// The draft.
    pub body: &'a str,
    /// How long until the deadline, in words.
    pub left: &'a str,
}

/// The form for answering the reporter.
pub fn reply(draft: &Draft<'_>) -> Value {
    let by_hand = option("I send it myself: copy the text from above", BY_HAND);
    let mut how =
        json!({"type": "radio_buttons", "action_id": HOW, "options": [by_hand], "initial_option": by_hand});
    let mut told = vec![format!("Deadline: {}.", draft.left)];
    match draft.to {
        Some(to) => {
            let mail = option("Send it now by mail, into the notice's own thread", BY_MAIL);
            how["options"] = json!([mail, by_hand]);
            how["initial_option"] = mail;
            told.push(format!("To: {to}\nSubject: {}", draft.subject));
        }
        None => told.push(draft.why_not.to_owned()),
    }
    told.push("Complete what stands in [square brackets]; only a person knows it.".to_owned());
    json!({
        "type": "modal", "callback_id": REPLY, "private_metadata": draft.about,
        "title": plain("Answer the reporter"), "submit": plain("Confirm"), "close": plain("Cancel"),
        "blocks": [
            {"type": "section", "text": plain(&cut(&told.join("\n"), 2_900))},
            {"type": "input", "block_id": BODY, "label": plain("Answer"), "element": {
                "type": "plain_text_input", "action_id": BODY, "multiline": true,
                "initial_value": cut(draft.body, INPUT_MAX), "max_length": INPUT_MAX,
            }},
            {"type": "input", "block_id": HOW, "label": plain("How it goes out"), "element": how},
        ],
    })
}

/// The form for pasting a notice.
pub fn notice(channel: &str) -> Value {
    let mut blocks = vec![json!({
        "type": "input", "block_id": BODY, "label": plain("The notice, with its headers if you have them"),
        "hint": plain("A mail, a finding, or lines of a log. Times without a zone are taken as UTC."),
        "element": {
            "type": "plain_text_input", "action_id": BODY, "multiline": true, "max_length": INPUT_MAX,
            "placeholder": plain("203.0.113.10 scanned 198.51.100.20 port 22 on 2026-11-21 at 10:02 UTC"),
        },
    })];
    blocks.extend(CONTINUED.map(|name| {
        json!({
            "type": "input", "block_id": name, "optional": true,
            "label": plain("continued, where it is longer than 3,000 characters"),
            "element": {
                "type": "plain_text_input", "action_id": name, "multiline": true, "max_length": INPUT_MAX,
            },
        })
    }));
    json!({
        "type": "modal", "callback_id": NOTICE, "private_metadata": channel,
        "title": plain("Paste a notice"), "submit": plain("Investigate"), "close": plain("Cancel"),
        "blocks": blocks,
    })
}

/// The notice that was pasted, put together.
pub fn pasted(form: &Form) -> String {
    let fields = [BODY].into_iter().chain(CONTINUED);
    let parts = fields.filter_map(|name| form.fields.get(name)).filter(|part| !part.is_empty());
    parts.fold(String::new(), |mut whole, part| {
        if !whole.is_empty() && !whole.ends_with('\n') {
            whole.push('\n');
        }
        whole + part
    })
}

/// A case in the home tab.
pub struct Line {
    /// What it is: case, verdict, who works on it.
    pub text: String,
}

/// The home tab.
pub fn home(cases: &[Line], more: usize, coverage: &str) -> Value {
    let mut blocks = vec![json!({"type": "header", "text": plain("Open cases")})];
    if cases.is_empty() {
        blocks.push(json!({"type": "section", "text": plain("No case is open.")}));
    }
    blocks.extend(cases.iter().map(|line| json!({"type": "section", "text": plain(&cut(&line.text, 600))})));
    if more > 0 {
        blocks.push(
            json!({"type": "context", "elements": [plain(&format!("and {more} more; /gumshoe cases open"))]}),
        );
    }
    blocks.push(json!({"type": "divider"}));
    blocks.push(json!({"type": "header", "text": plain("Coverage")}));
    blocks.push(json!({"type": "section", "text": plain(&cut(coverage, 1_500))}));
    blocks.push(json!({"type": "context", "elements": [plain("/gumshoe help shows what can be asked")]}));
    json!({"type": "home", "blocks": blocks})
}

/// The home tab of who may not read cases.
pub fn home_hint(channel: &str) -> Value {
    let text = format!(
        "Cases are shown to the members of the channel {channel} and to those who may press its buttons. Ask there to be \
         let in."
    );
    json!({"type": "home", "blocks": [
        {"type": "header", "text": plain("Gumshoe")},
        {"type": "section", "text": plain(&text)},
    ]})
}

/// What is wrong with a form, by field.
pub fn wrong(form: &Form) -> Vec<(&'static str, String)> {
    let body = form.fields.get(BODY).map(|body| body.trim()).unwrap_or_default();
    if body.is_empty() {
        return vec![(BODY, "This is empty.".to_owned())];
    }
    let by_mail = form.name == REPLY && form.fields.get(HOW).is_some_and(|how| how == BY_MAIL);
    match placeholder(body).filter(|_| by_mail) {
        Some(left) => {
            vec![(BODY, format!("This still stands in it and must be completed: {}", cut(left, 80)))]
        }
        None => Vec::new(),
    }
}

/// The first text in square brackets that reads as a gap to be filled; `hxxp://a[.]b` is none.
fn placeholder(body: &str) -> Option<&str> {
    body.match_indices('[').find_map(|(at, _)| {
        let rest = &body[at..];
        let inside = &rest[1..rest.find(']')?];
        (inside.chars().filter(|character| character.is_alphabetic()).count() > 2)
            .then(|| &rest[..inside.len() + 2])
    })
}

fn option(text: &str, value: &str) -> Value {
    json!({"text": plain(text), "value": value})
}

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": false})
}

fn cut(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn form(name: &str, how: &str, body: &str) -> Form {
        Form {
            user: "U1".to_owned(),
            name: name.to_owned(),
            about: String::new(),
            fields: BTreeMap::from([(BODY.to_owned(), body.to_owned()), (HOW.to_owned(), how.to_owned())]),
            id: "V1".to_owned(),
        }
    }

    #[test]
    fn a_gap_in_the_letter_is_not_mailed() {
        let wrong_with = |how: &str, body: &str| wrong(&form(REPLY, how, body)).len();
        assert_eq!(wrong_with(BY_MAIL, "We stopped it at [when it was stopped]."), 1);
        assert_eq!(wrong_with(BY_HAND, "We stopped it at [when it was stopped]."), 0);
        assert_eq!(wrong_with(BY_MAIL, "See hxxp://evil[.]example, list[0] and [1]."), 0);
        assert_eq!(wrong_with(BY_MAIL, "Open [ bracket"), 0);
        assert_eq!(wrong_with(BY_MAIL, "  "), 1);
        assert_eq!(wrong(&form(NOTICE, "", "")).len(), 1);
    }

    #[test]
    fn a_long_notice_is_pasted_in_parts() {
        let mut form = form(NOTICE, "", "From: a\n\nfirst");
        assert_eq!(pasted(&form), "From: a\n\nfirst");
        form.fields.insert(CONTINUED[0].to_owned(), "second\n".to_owned());
        form.fields.insert(CONTINUED[1].to_owned(), "third".to_owned());
        assert_eq!(pasted(&form), "From: a\n\nfirst\nsecond\nthird");
    }

    #[test]
    fn forms_keep_to_slacks_bounds() {
        let long = "x".repeat(10_000);
        let draft =
            Draft { about: "GS-1/0", to: Some(&long), why_not: "", subject: &long, body: &long, left: "1 h" };
        let view = reply(&draft);
        assert_eq!(view["blocks"][1]["element"]["initial_value"].as_str().map(str::len), Some(INPUT_MAX));
        assert!(view["blocks"][0]["text"]["text"].as_str().is_some_and(|text| text.len() <= 3_000));
        assert!(view["title"]["text"].as_str().is_some_and(|title| title.len() <= 24));
        assert!(notice("C1")["title"]["text"].as_str().is_some_and(|title| title.len() <= 24));
    }
}
