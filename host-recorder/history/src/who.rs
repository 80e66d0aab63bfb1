//! Whose traffic is asked for: filters by process, user, session and container. Pure.

use serde::Deserialize;
use serde::Serialize;

use crate::event::Container;
use crate::event::Process;

/// Shortest beginning of a container's id that names it.
const CONTAINER_ID_MIN: usize = 8;

/// Whose traffic is asked for. Of each list one must fit; an empty list fits everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Who {
    /// Processes, each with its descendants: a pid, an identity as in [`crate::ProcessId`], or a program's name or path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<String>,
    /// Users, by name or number: the one that it runs as, or the one that logged in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Audit sessions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<u32>,
    /// Containers, by id (or its beginning), name, image or pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
}

impl Who {
    /// Whether anybody will do.
    pub fn is_anybody(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a process is meant, given with its ancestors, itself first.
    pub fn means(&self, chain: &[Process]) -> bool {
        if self.is_anybody() {
            return true;
        }
        let Some(process) = chain.first() else { return false };
        let any = |empty: bool, found: bool| empty || found;
        let credentials = &process.credentials;
        any(
            self.processes.is_empty(),
            chain.iter().any(|process| self.processes.iter().any(|asked| is_process(process, asked))),
        ) && any(self.users.is_empty(), self.users.iter().any(|asked| is_user(process, asked)))
            && any(
                self.sessions.is_empty(),
                credentials.session.is_some_and(|session| self.sessions.contains(&session)),
            )
            && any(
                self.containers.is_empty(),
                process.container.as_deref().is_some_and(|container| {
                    self.containers.iter().any(|asked| is_container(container, asked))
                }),
            )
    }
}

/// Whether a process is what a word names: a pid, an identity, a program's name or path, or the script that it runs.
pub fn is_process(process: &Process, asked: &str) -> bool {
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default() == asked;
    if let Ok(pid) = asked.parse::<u32>() {
        return process.id.tgid == pid;
    }
    process.id.to_string() == asked
        || process.comm == asked
        || process.exe == asked
        || last(&process.exe)
        || process.script.as_deref().is_some_and(|script| script == asked || last(script))
}

fn is_user(process: &Process, asked: &str) -> bool {
    let named = |name: &Option<String>| name.as_deref() == Some(asked);
    let credentials = &process.credentials;
    match asked.parse::<u32>() {
        Ok(uid) => [credentials.uid, credentials.euid].contains(&uid) || credentials.login_uid == Some(uid),
        Err(_) => named(&process.user) || named(&process.login_user),
    }
}

fn is_container(container: &Container, asked: &str) -> bool {
    let named = |name: &Option<String>| name.as_deref() == Some(asked);
    (asked.len() >= CONTAINER_ID_MIN && container.id.starts_with(asked))
        || container.id == asked
        || named(&container.name)
        || named(&container.image)
        || named(&container.pod)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn each_list_that_is_given_must_fit() {
        let chain = [testing::process(3, Some(2), &["nmap"]), testing::process(2, None, &["bash"])];
        let text = |it: &str| it.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let check = |processes: &str, users: &str, sessions: &[u32], containers: &str, expected| {
            let who = Who {
                processes: text(processes),
                users: text(users),
                sessions: sessions.to_vec(),
                containers: text(containers),
            };
            assert_eq!(who.means(&chain), expected, "{who:?}");
        };
        check("", "", &[], "", true);
        check("nmap", "", &[], "", true);
        check("/usr/bin/nmap", "", &[], "", true);
        check("bash", "", &[], "", true);
        check("2", "", &[], "", true);
        check("4 3", "", &[], "", true);
        check(&testing::process_id(3).to_string(), "", &[], "", true);
        check("curl 33", "", &[], "", false);
        check("", "alice", &[], "", true);
        check("", "0", &[3], "", true);
        check("", "bob", &[], "", false);
        check("", "", &[4], "", false);
        check("nmap", "alice", &[3], "example.com/web:1", true);
        check("nmap", "alice", &[3], "01234567", true);
        check("nmap", "alice", &[3], "0123", false);
        assert!(!Who { users: text("alice"), ..Who::default() }.means(&[]));
    }
}
