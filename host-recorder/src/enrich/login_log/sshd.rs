//! What sshd writes.

use super::LoginLine;

/// `Accepted METHOD for USER from ADDRESS port PORT ssh2[: KEY]`, `Failed METHOD for [invalid user ]USER from …`.
///
/// The user's name is chosen by whoever knocks and may hold anything, so the line is read from its end.
pub(super) fn read(message: &str, line: LoginLine) -> Option<LoginLine> {
    let (accepted, rest) = match (message.strip_prefix("Accepted "), message.strip_prefix("Failed ")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return None,
    };
    let (method, rest) = rest.split_once(" for ")?;
    let (user, source) = rest.rsplit_once(" from ")?;
    let (address, source) = source.split_once(" port ")?;
    let (port, protocol) = source.split_once(' ')?;
    let key = protocol.split_once(": ").map(|(_, key)| key.trim().to_owned());
    Some(LoginLine {
        user: user.strip_prefix("invalid user ").unwrap_or(user).to_owned(),
        method: method.to_owned(),
        accepted,
        source: Some((address.parse().ok()?, port.parse().ok()?)),
        key,
        ..line
    })
}
