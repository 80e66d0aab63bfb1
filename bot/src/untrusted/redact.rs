//! Hides secrets in command lines and other text. The host hides them first; this is the second look.

use std::sync::LazyLock;

use regex::Regex;

/// What stands in a secret's place.
pub(super) const HIDDEN: &str = "[redacted]";

/// Options whose next argument is a secret, whatever the program.
const SECRET_OPTIONS: &[&str] = &[
    "--password",
    "--passwd",
    "--pass",
    "--token",
    "--api-key",
    "--apikey",
    "--secret",
    "--secret-key",
    "--access-token",
    "--auth-token",
    "--private-key-passphrase",
    "--requirepass",
    "--proxy-user",
    "--http-password",
    "--ftp-password",
];

/// Programs whose `-pSECRET` is a password.
const GLUED_PASSWORD: &[&str] = &[
    "mysql",
    "mysqldump",
    "mysqladmin",
    "mariadb",
    "mariadb-dump",
    "sshpass",
];

/// Programs with an option whose next argument is a secret.
const NEXT_SECRET: &[(&str, &str)] = &[
    ("curl", "-u"),
    ("curl", "--user"),
    ("curl", "-U"),
    ("sshpass", "-p"),
    ("redis-cli", "-a"),
    ("smbclient", "-U"),
    ("ldapsearch", "-w"),
    ("mongo", "-p"),
    ("mongosh", "-p"),
    ("hydra", "-p"),
    ("medusa", "-p"),
];

static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        // NAME=value and name: value, where the name says what it is.
        (
            r#"(?i)\b([a-z0-9_.-]*(?:password|passwd|passphrase|secret|token|api_?key|apikey|access_?key|private_?key|pgpassword|mysql_pwd|credential)[a-z0-9_.-]*)(["']?\s*[=:]\s*["']?)([^\s"'&;,|]+)"#,
            "${1}${2}[redacted]",
        ),
        // Authorization headers.
        (r"(?i)\b(bearer|authorization:\s*[a-z]+)(\s+)([a-z0-9+/=_.~-]{6,})", "${1}${2}[redacted]"),
        // URLs and connection strings with credentials.
        (r"(?i)\b([a-z][a-z0-9+.-]*://[^\s/:@']*):([^\s/@']+)@", "${1}:[redacted]@"),
        // AWS access keys, GitHub, Slack and GitLab tokens, JWTs.
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", "[redacted]"),
        (r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|xox[a-z]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|glpat-[A-Za-z0-9_-]{16,}|sk_live_[A-Za-z0-9]{16,})", "[redacted]"),
        (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", "[redacted]"),
        // Private keys, whole.
        (r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", "[redacted]"),
    ]
    .into_iter()
    // A pattern that does not compile is a fault of this file; the test counts them.
    .filter_map(|(pattern, with)| Some((Regex::new(pattern).ok()?, with)))
    .collect()
});

/// Hides secrets that can be told by their form.
pub(super) fn text(text: &str) -> String {
    let mut out = text.to_owned();
    for (pattern, with) in PATTERNS.iter() {
        if let std::borrow::Cow::Owned(replaced) = pattern.replace_all(&out, *with) {
            out = replaced;
        }
    }
    out
}

/// Hides secrets that can be told by their place in a command line.
pub(super) fn arguments(arguments: &[String]) -> Vec<String> {
    let program = arguments
        .iter()
        .map(|argument| base_name(argument))
        .find(|name| *name != "sudo");
    let program = program.unwrap_or_default();
    let mut hide_next = false;
    arguments
        .iter()
        .map(|argument| {
            if std::mem::take(&mut hide_next) && !argument.is_empty() {
                return HIDDEN.to_owned();
            }
            hide_next = is_secret_option(program, argument);
            if hide_next {
                return argument.clone();
            }
            if GLUED_PASSWORD.contains(&program) && argument.starts_with("-p") && argument.len() > 2 {
                return format!("-p{HIDDEN}");
            }
            if program == "curl" && argument.starts_with("-u") && argument.len() > 2 {
                return format!("-u{HIDDEN}");
            }
            match argument.split_once('=') {
                Some((name, _)) if is_secret_option(program, name) => format!("{name}={HIDDEN}"),
                _ => argument.clone(),
            }
        })
        .collect()
}

fn is_secret_option(program: &str, option: &str) -> bool {
    SECRET_OPTIONS.contains(&option.to_ascii_lowercase().as_str()) || NEXT_SECRET.contains(&(program, option))
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(PATTERNS.len(), 7);
    }

    #[test]
    fn secrets_are_hidden_and_the_rest_is_kept() {
        let check = |line: &str, expected: &str| {
            let split: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(text(&arguments(&split).join(" ")), expected, "{line}");
        };
        check("mysql -uroot -phunter2 db", "mysql -uroot -p[redacted] db");
        check(
            "curl -u bob:hunter2 https://x.example/",
            "curl -u [redacted] https://x.example/",
        );
        check(
            "curl --user=bob:x https://u:p@x.example/",
            "curl --user=[redacted] https://u:[redacted]@x.example/",
        );
        check(
            "env AWS_SECRET_ACCESS_KEY=abc/def aws s3 ls",
            "env AWS_SECRET_ACCESS_KEY=[redacted] aws s3 ls",
        );
        check(
            "curl -H Authorization: Bearer abcdefgh12345678",
            "curl -H Authorization: Bearer [redacted]",
        );
        check(
            "tool --password hunter2 --verbose",
            "tool --password [redacted] --verbose",
        );
        check("tool --token=abc", "tool --token=[redacted]");
        check(
            "psql postgres://app:s3cret@db.example/x",
            "psql postgres://app:[redacted]@db.example/x",
        );
        check(
            "aws configure set AKIAIOSFODNN7EXAMPLE",
            "aws configure set [redacted]",
        );
        check("sshpass -p hunter2 ssh host", "sshpass -p [redacted] ssh host");
        check(
            "nmap -sS -p 1-1000 -p22 198.51.100.7",
            "nmap -sS -p 1-1000 -p22 198.51.100.7",
        );
        check(
            "masscan -p1-65535 198.51.100.0/24",
            "masscan -p1-65535 198.51.100.0/24",
        );
    }
}
