//! Which part of a process's environment is kept: what tells who runs it, whence, and for whom. Pure.

use history::Process;

/// Longest value kept, bytes.
const VALUE_MAX: usize = 512;

/// Names that are kept. Nothing here holds a secret by convention.
const KEPT: [&str; 32] = [
    "AWS_SSM_INSTANCE_ID",
    "CONTAINER_ID",
    "DISPLAY",
    "DOCUMENT_ROOT",
    "GATEWAY_INTERFACE",
    "HOSTNAME",
    "INVOCATION_ID",
    "JOB_NAME",
    "KUBERNETES_SERVICE_HOST",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "LOGNAME",
    "PAM_SERVICE",
    "PAM_TYPE",
    "PAM_USER",
    "PWD",
    "REMOTE_ADDR",
    "REQUEST_METHOD",
    "SCRIPT_FILENAME",
    "SSH_CLIENT",
    "SSH_CONNECTION",
    "SSH_ORIGINAL_COMMAND",
    "SSH_TTY",
    "SSM_COMMAND_ID",
    "SUDO_COMMAND",
    "SUDO_UID",
    "SUDO_USER",
    "SUPERVISOR_PROCESS_NAME",
    "SYSTEMD_EXEC_PID",
    "USER",
    "XDG_SESSION_ID",
    "container",
];

/// Whether PAM ran a program, or what called that, for a server that lets somebody in or refuses him: it is nobody's
/// session, whatever connection its environment names.
pub fn is_run_by_pam(process: &Process) -> bool {
    process.env.iter().any(|variable| variable.starts_with("PAM_TYPE="))
}

/// The kept part of an environment, in its order.
pub fn keep(environment: Vec<String>) -> Vec<String> {
    environment
        .into_iter()
        .filter(|entry| entry.split_once('=').is_some_and(|(name, _)| KEPT.contains(&name)))
        .map(|entry| match (0..=VALUE_MAX).rev().find(|at| entry.is_char_boundary(*at)) {
            Some(end) if entry.len() > VALUE_MAX => format!("{}…", &entry[..end]),
            _ => entry,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_on_the_host() {
        let kept = keep(
            ["AWS_SECRET_ACCESS_KEY=x", "SSH_CONNECTION=203.0.113.7 1 10.0.0.1 22", "nonsense", "USER=alice"]
                .map(str::to_owned)
                .to_vec(),
        );
        assert_eq!(kept, ["SSH_CONNECTION=203.0.113.7 1 10.0.0.1 22", "USER=alice"]);
    }

    #[test]
    fn long_values_are_cut_on_a_character() {
        let kept = keep(vec![format!("USER={}", "é".repeat(1_000))]);
        assert!(kept[0].len() <= VALUE_MAX + 3 && kept[0].ends_with('…'));
    }
}
