//! What PAM's modules write in the name of the program that asked them: `pam_MODULE(SERVICE:TYPE): …`.

use super::LoginLine;

/// Programs that write a better line of their own for each refusal, and sessions that are no login.
const TELL_REFUSALS: [&str; 7] = ["sshd", "dropbear", "sudo", "su", "login", "doas", "pkexec"];
const NO_LOGINS: [&str; 9] =
    ["sshd", "dropbear", "cron", "crond", "CRON", "CROND", "atd", "systemd-user", "(systemd)"];

/// `session opened for user USER[(uid=N)] by BY(uid=N)` and `authentication failure; … user=USER`.
pub(super) fn read(message: &str, line: LoginLine) -> Option<LoginLine> {
    let (head, rest) = message.strip_prefix("pam_")?.split_once("): ")?;
    let (_module, place) = head.split_once('(')?;
    let (service, kind) = place.split_once(':')?;
    // `su -l` and `sudo -i` ask under names of their own.
    let service = service.strip_suffix("-l").or_else(|| service.strip_suffix("-i")).unwrap_or(service);
    if kind == "session" {
        let rest = rest.strip_prefix("session opened for user ")?;
        let (user, by) = rest.split_once(" by ")?;
        if NO_LOGINS.contains(&service) {
            return None;
        }
        let by = without_uid(by);
        let by = (!by.is_empty() && by != "LOGIN").then(|| by.to_owned());
        // Without a terminal sudo tells neither its pid nor who called it: that is nobody's line, and the tree tells.
        if by.is_none() && line.pid.is_none() {
            return None;
        }
        return Some(LoginLine { user: without_uid(user).to_owned(), accepted: true, by, ..line });
    }
    let rest = rest.strip_prefix("authentication failure; ")?;
    if kind != "auth" || TELL_REFUSALS.contains(&service) || NO_LOGINS.contains(&service) {
        return None;
    }
    let field = |name: &str| {
        let value = rest.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    let source = field("rhost").and_then(|host| host.parse().ok()).map(|address| (address, 0));
    let user = field("user").unwrap_or_default();
    Some(LoginLine { user, accepted: false, by: field("ruser"), source, ..line })
}

/// `alice` of `alice(uid=1000)`.
fn without_uid(name: &str) -> &str {
    name.split("(uid=").next().unwrap_or_default().trim()
}
