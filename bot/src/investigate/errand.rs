//! What a server of logins or jobs runs for itself while it lets somebody in: scripts of PAM, the message of the day, programs
//! that know people's keys. The host's settings have it so, and not who came. Pure.

use history::Process;

use super::facts::is_system_account;
use super::host::Host;
use super::origin::Origin;
use super::program::lets_people_in;
use super::program::program_name;
use crate::untrusted::Untrusted;

/// Whether the server ran a process for itself, in words: nothing between the two was whom it let in.
pub(super) fn errand(host: &Host, process: &Process, origin: &Origin) -> Option<String> {
    let login = &origin.told?.login;
    let (server, between) = origin.chain.split_last()?;
    let root_itself = login.user == "root" || login.user.is_empty();
    // A port that is forwarded is carried by the server, and whose it is is known.
    if root_itself || process.exe == server.exe || lets_people_in(process) {
        return None;
    }
    let is_theirs = |process: &Process| {
        let uid = process.credentials.uid;
        process.user.as_deref() == Some(login.user.as_str())
            || process.credentials.login_uid == Some(uid)
            || !(uid == 0 || is_system_account(uid))
    };
    if std::iter::once(process).chain(between.iter().copied()).any(is_theirs) {
        return None;
    }
    Some(format!(
        "{} ran it for itself, as {}, while it let {} in: the host's own settings have it so (PAM, keys, message of the \
         day), and nothing that {} ran",
        Untrusted::new(program_name(server)).shown(60),
        host.user_of(process).shown(40),
        Untrusted::new(&login.user).shown(40),
        Untrusted::new(&login.user).shown(40),
    ))
}
