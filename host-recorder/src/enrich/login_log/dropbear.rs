//! What dropbear writes.

use super::LoginLine;

/// How a line that lets somebody in begins, up to the user's name, with how that was.
const ACCEPTED: [(&str, &str); 4] = [
    ("Password auth succeeded for '", "password"),
    ("PAM password auth succeeded for '", "keyboard-interactive/pam"),
    ("Pubkey auth succeeded for '", "publickey"),
    ("Auth succeeded with blank password for '", "none"),
];

/// The same for refusals. Which user did not exist is not told.
const REFUSED: [(&str, &str); 5] = [
    ("Bad password attempt for '", "password"),
    ("Bad PAM password attempt for '", "keyboard-interactive/pam"),
    ("Pubkey auth attempt with unknown algo for '", "publickey"),
    ("Public key auth attempt with unknown algo for '", "publickey"),
    ("Login attempt with wrong user ", "none"),
];

/// `METHOD auth succeeded for 'USER' [with TYPE key FINGERPRINT] from ADDRESS:PORT`, `Bad password attempt for 'USER'
/// from ADDRESS:PORT`, `Login attempt for nonexistent user[ from ADDRESS:PORT]`.
///
/// The user's name may hold anything, so the line is read from its end.
pub(super) fn read(message: &str, line: LoginLine) -> Option<LoginLine> {
    if let Some(rest) = message.strip_prefix("Login attempt for nonexistent user") {
        let source = rest.strip_prefix(" from ").and_then(source);
        return Some(LoginLine { method: "none".to_owned(), source, ..line });
    }
    let begins = |(start, method): &(&str, &'static str)| Some((message.strip_prefix(start)?, *method));
    let accepted = ACCEPTED.iter().find_map(begins);
    let (rest, method) = accepted.or_else(|| REFUSED.iter().find_map(begins))?;
    let (who, from) = rest.rsplit_once(" from ")?;
    let (user, key) = match who.rsplit_once("' with ") {
        Some((user, key)) if method == "publickey" => (user, key_of(key)),
        _ => (who.strip_suffix('\'').unwrap_or(who), None),
    };
    Some(LoginLine {
        user: user.to_owned(),
        method: method.to_owned(),
        accepted: accepted.is_some(),
        source: Some(source(from)?),
        key,
        ..line
    })
}

/// `TYPE key [md5 ]FINGERPRINT`, in the words that sshd has for types.
fn key_of(text: &str) -> Option<String> {
    let (kind, fingerprint) = text.split_once(" key ")?;
    let kind = match kind.strip_prefix("ssh-") {
        Some(kind) => kind.to_uppercase(),
        None if kind.starts_with("ecdsa-") => "ECDSA".to_owned(),
        None => kind.to_owned(),
    };
    Some(format!("{kind} {}", fingerprint.replacen("md5 ", "MD5:", 1)))
}

/// `ADDRESS:PORT`, of IPv6 without brackets.
fn source(text: &str) -> Option<(std::net::IpAddr, u16)> {
    let (address, port) = text.rsplit_once(':')?;
    let address = address.trim_matches(['[', ']']).split('%').next()?;
    Some((address.parse().ok()?, port.parse().ok()?))
}
