//! What `login` writes: util-linux's and shadow's.

use super::LoginLine;

/// How such a session came about.
pub(super) const METHOD: &str = "console";

/// Reads a line of `login`. The name is whatever was typed, so it is read up to the end or to the reason behind it.
pub(super) fn read(message: &str, line: LoginLine) -> Option<LoginLine> {
    let bare = |text: &str| text.trim().trim_matches('\'').to_owned();
    let named = |tty: &str, user: &str, accepted| {
        let tty = bare(tty);
        let session = Some(tty.strip_prefix("/dev/").map(str::to_owned).unwrap_or(tty));
        Some(LoginLine { user: bare(user), accepted, session, ..line.clone() })
    };
    if let Some(rest) = message.strip_prefix("LOGIN ON ").or_else(|| message.strip_prefix("DIALUP AT ")) {
        // `TTY BY USER[ FROM HOST]`
        let (tty, rest) = rest.split_once(" BY ")?;
        return named(tty, rest.split(" FROM ").next().unwrap_or_default(), true);
    }
    if let Some(rest) = message.strip_prefix("ROOT LOGIN ") {
        // shadow writes two spaces.
        let tty = rest.trim_start().strip_prefix("ON ").or_else(|| rest.trim_start().strip_prefix("on "))?;
        return named(tty.split(" FROM ").next().unwrap_or_default(), "root", true);
    }
    // `FAILED LOGIN [SESSION|N] FROM TTY FOR USER, REASON`, `FAILED LOGIN (N) on 'TTY' FOR 'USER', REASON`,
    // `TOO MANY LOGIN TRIES (N) FROM TTY FOR USER, REASON`.
    if message.starts_with("FAILED LOGIN ") || message.starts_with("TOO MANY LOGIN TRIES ") {
        let (head, rest) = message.split_once(" FOR ")?;
        let tty = head.rsplit(' ').next().unwrap_or_default();
        return named(tty, rest.rsplit_once(", ").map_or(rest, |(user, _)| user), false);
    }
    None
}
