//! What programs write that give one user another one's rights: sudo, su, doas, pkexec.

use super::LoginLine;

/// How such a session came about.
pub(super) const METHOD: &str = "elevation";

/// `BY : [REASON ; ]TTY=… ; PWD=… ; USER=… ; [ENV=… ; ]COMMAND=…`; with a reason it was refused.
pub(super) fn sudo(message: &str, line: LoginLine) -> Option<LoginLine> {
    let (by, rest) = message.trim_start().split_once(" : ")?;
    if by.contains(' ') {
        return None;
    }
    let (head, command) = match rest.split_once("COMMAND=") {
        Some((head, command)) => (head, Some(command.trim_end().to_owned())),
        None => (rest, None),
    };
    let mut fields = head.split(" ; ").map(str::trim);
    let user = fields.clone().find_map(|field| field.strip_prefix("USER="))?.to_owned();
    let refused = fields.next().is_some_and(|first| !first.starts_with("TTY=") && is_reason(first));
    let accepted = !refused && command.is_some();
    Some(LoginLine { user, accepted, by: Some(by.to_owned()), command, ..line })
}

/// Whether a first field is why sudo refused, rather than another field (`HOST=`, `PWD=`).
fn is_reason(field: &str) -> bool {
    !field.split(' ').next().is_some_and(|word| word.contains('='))
}

/// util-linux: `[FAILED SU ](to USER) BY on TTY`; shadow: `Successful su for USER by BY`, `FAILED su for …`,
/// `+ TTY BY:USER`, `- TTY BY:USER`.
pub(super) fn su(message: &str, line: LoginLine) -> Option<LoginLine> {
    let (accepted, rest) = match message.strip_prefix("FAILED SU ") {
        Some(rest) => (false, rest),
        None => (true, message),
    };
    if let Some(rest) = rest.strip_prefix("(to ") {
        let (user, rest) = rest.split_once(") ")?;
        let (by, _tty) = rest.rsplit_once(" on ")?;
        return Some(named(line, user, by, accepted));
    }
    for (prefix, accepted) in [("Successful su for ", true), ("FAILED su for ", false)] {
        if let Some(rest) = message.strip_prefix(prefix) {
            let (user, by) = rest.split_once(" by ")?;
            return Some(named(line, user, by, accepted));
        }
    }
    let accepted = message.starts_with("+ ");
    let rest = message.strip_prefix("+ ").or_else(|| message.strip_prefix("- "))?;
    let (by, user) = rest.split_once(' ')?.1.split_once(':')?;
    Some(named(line, user, by, accepted))
}

/// `BY ran command COMMAND as USER from DIR`, `command not permitted for BY: COMMAND`, `failed auth for BY`.
pub(super) fn doas(message: &str, line: LoginLine) -> Option<LoginLine> {
    if let Some((by, rest)) = message.split_once(" ran command ") {
        let (rest, _dir) = rest.rsplit_once(" from ")?;
        let (command, user) = rest.rsplit_once(" as ")?;
        return Some(LoginLine { command: Some(command.to_owned()), ..named(line, user, by, true) });
    }
    if let Some(by) = message.strip_prefix("failed auth for ") {
        return Some(named(line, "", by, false));
    }
    let rest = message
        .strip_prefix("command not permitted for ")
        .or_else(|| message.strip_prefix("failed command for "))?;
    let (by, command) = rest.split_once(": ")?;
    Some(LoginLine { command: Some(command.to_owned()), ..named(line, "", by, false) })
}

/// `BY: Executing command [USER=…] [TTY=…] [CWD=…] [COMMAND=…]`, `BY: Error executing command as another user: …`.
pub(super) fn pkexec(message: &str, line: LoginLine) -> Option<LoginLine> {
    let (by, rest) = message.split_once(": ")?;
    let accepted = rest.starts_with("Executing command ");
    if by.contains(' ') || !(accepted || rest.starts_with("Error executing command ")) {
        return None;
    }
    let field = |name: &str| Some(rest.split_once(name)?.1.split_once(']')?.0);
    let command =
        rest.split_once("[COMMAND=").and_then(|(_, rest)| rest.rsplit_once(']')).map(|(text, _)| text);
    let user = field("[USER=")?;
    Some(LoginLine { command: command.map(str::to_owned), ..named(line, user, by, accepted) })
}

fn named(line: LoginLine, user: &str, by: &str, accepted: bool) -> LoginLine {
    LoginLine { user: user.to_owned(), by: Some(by.to_owned()), accepted, ..line }
}
