//! Takes secrets out of command lines and environments before they leave the host. Pure.
//!
//! What is taken out is replaced by [`REDACTED`], so that a reader sees that something stood there. A rule that
//! is too eager costs a detail; one that is too shy publishes a password: where in doubt, it goes. Options whose
//! value is evidence (`nmap -p`, `hydra -p`) are told from secrets by the program.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Captures;
use regex::Regex;

use crate::event::Body;
use crate::event::Event;
use crate::event::Process;

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// Names of variables, options and fields that hold secrets.
const SECRET_NAMES: &str = r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|api[-_]?key|access[-_]?key(?:[-_]?secret)?|private[-_]?key|account[-_]?key|auth[-_]?key|credentials?|client[-_]?secret|sas|signature|session[-_]?key|encryption[-_]?key)";

/// Patterns within one argument; the first group, where there is one, is kept.
static WITHIN: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // scheme://user:secret@host
        r"([a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(@)",
        // PASSWORD=…, --token=…, ;Pwd=…, "secret": "…"
        &format!(r#"(?i)((?:^|[^a-z0-9])[a-z0-9_.-]*{SECRET_NAMES}["']?\s*(?:=|:)\s*)("[^"]*"|'[^']*'|[^\s;&,"']+)"#),
        r"(?i)(\b(?:bearer|basic|digest|token|apikey)\s+)[a-z0-9+/=._~-]{8,}",
        r"(?i)((?:authorization|cookie|set-cookie|x-api-key|x-auth-token)\s*:\s*).+",
        // Well-known shapes of tokens, wherever they stand.
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
        r"\b(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{16,}",
        r"\bxox[abeoprs]-[A-Za-z0-9-]{8,}|\bxapp-[A-Za-z0-9-]{8,}",
        r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{8,}|\bsk-[A-Za-z0-9_-]{20,}|\bAIza[A-Za-z0-9_-]{30,}",
        r"\bnpm_[A-Za-z0-9]{30,}|\bpypi-[A-Za-z0-9_-]{30,}|\bhvs\.[A-Za-z0-9_-]{20,}|\bdop_v1_[a-f0-9]{40,}",
        r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*",
    ]
    .iter()
    // A pattern that does not compile is a programmer's error, and the tests run every one.
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

/// Options of any program whose next argument is a secret.
static OPTION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!(r"(?i)^--?[a-z0-9-]*{SECRET_NAMES}$")).ok());

/// Short options whose value is a secret for certain programs: program, option, whether the value may be a further
/// argument, and whether only what follows a colon in it is secret.
const SHORT: [(&str, &str, bool, bool); 26] = [
    ("curl", "-u", true, true),
    ("curl", "--user", true, true),
    ("curl", "-U", true, true),
    ("curl", "--proxy-user", true, true),
    ("http", "-a", true, true),
    ("wget", "--user", true, true),
    ("mysql", "-p", false, false),
    ("mysqldump", "-p", false, false),
    ("mysqladmin", "-p", false, false),
    ("mysqlimport", "-p", false, false),
    ("mariadb", "-p", false, false),
    ("mariadb-dump", "-p", false, false),
    ("sshpass", "-p", true, false),
    ("redis-cli", "-a", true, false),
    ("mongo", "-p", true, false),
    ("mongosh", "-p", true, false),
    ("mongodump", "-p", true, false),
    ("docker", "-p", true, false),
    ("podman", "-p", true, false),
    ("ldapsearch", "-w", true, false),
    ("ldapmodify", "-w", true, false),
    ("sqlcmd", "-P", true, false),
    ("bcp", "-P", true, false),
    ("zip", "-P", true, false),
    ("unzip", "-P", true, false),
    ("smbclient", "-U", true, true),
];

/// Options that look secret by name and are not, or name a file.
const HARMLESS: [&str; 6] = [
    "--no-password",
    "--password-file",
    "--passphrase-file",
    "--token-file",
    "--ask-pass",
    "--ask-become-pass",
];

/// Command lines of ports are `docker run -p 80:80`: only `docker login -p` is a password.
fn is_port_option(program: &str, argv: &[String]) -> bool {
    matches!(program, "docker" | "podman") && !argv.iter().take(3).any(|word| word == "login")
}

/// Redacts a command line; says whether anything was taken out.
pub fn command_line(argv: &[String]) -> (Vec<String>, bool) {
    // What is run by sudo, env, timeout … is a program with options of its own.
    let program_of = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    let mut known: Option<String> = None;
    let mut redacted = Vec::with_capacity(argv.len());
    let mut next_is_secret: Option<bool> = None;
    for word in argv {
        let named = program_of(word);
        if SHORT.iter().any(|(program, ..)| *program == named) {
            known = Some(named);
        }
        if let Some(after_colon) = next_is_secret.take() {
            redacted.push(hide(word, after_colon));
            continue;
        }
        let short = known.as_deref().filter(|program| !is_port_option(program, argv)).and_then(|known| {
            SHORT.iter().find(|(program, option, ..)| known == *program && word.starts_with(option))
        });
        match short {
            Some((_, option, further, after_colon)) if word == option => {
                next_is_secret = further.then_some(*after_colon);
                redacted.push(word.clone());
            }
            Some((_, option, _, after_colon)) if !option.starts_with("--") => {
                redacted.push(format!("{option}{}", hide(&word[option.len()..], *after_colon)));
            }
            _ if is_secret_option(word) => {
                next_is_secret = Some(false);
                redacted.push(word.clone());
            }
            _ => redacted.push(text(word).into_owned()),
        }
    }
    let changed = redacted != argv;
    (redacted, changed)
}

/// Redacts a command line that is one text, as a service wrote it down.
pub fn line(line: &str) -> String {
    let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    text(&command_line(&words).0.join(" ")).into_owned()
}

/// An event as it may leave the host.
pub fn event(mut event: Event) -> Event {
    match &mut event.body {
        Body::Process(of) => **of = process((**of).clone()),
        Body::Login(login) => {
            if let Some(command) = &mut login.command {
                *command = line(command);
            }
        }
        _ => {}
    }
    event
}

/// A process as it may leave the host.
pub fn process(mut process: Process) -> Process {
    let (argv, mut changed) = command_line(&process.argv);
    process.argv = argv;
    for variable in &mut process.env {
        if let Cow::Owned(redacted) = text(variable) {
            *variable = redacted;
            changed = true;
        }
    }
    process.flags.redacted |= changed;
    process
}

/// Redacts one text: an argument, a variable of an environment, a line of a log.
pub fn text(text: &str) -> Cow<'_, str> {
    let mut result = Cow::Borrowed(text);
    for pattern in WITHIN.iter() {
        let replace = |found: &Captures<'_>| {
            let kept = found.get(1).map_or("", |kept| kept.as_str());
            // An earlier pattern has been here.
            if found[0][kept.len()..].starts_with(REDACTED) {
                return found[0].to_owned();
            }
            // Only the pattern of a URL keeps what stands behind the secret as well.
            let behind = found.get(2).map_or("", |behind| behind.as_str());
            format!("{kept}{REDACTED}{}", if behind == "@" { "@" } else { "" })
        };
        if let Cow::Owned(changed) = pattern.replace_all(&result, replace) {
            result = Cow::Owned(changed);
        }
    }
    result
}

fn is_secret_option(word: &str) -> bool {
    !HARMLESS.contains(&word) && OPTION.as_ref().is_some_and(|option| option.is_match(word))
}

fn hide(value: &str, after_colon: bool) -> String {
    match value.split_once(':') {
        Some((user, _)) if after_colon => format!("{user}:{REDACTED}"),
        None if after_colon => value.to_owned(),
        _ => REDACTED.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn secrets_go_and_everything_else_stays() {
        for (line, expected) in [
            ("mysql -u root -phunter2 shop", "mysql -u root -p[redacted] shop"),
            ("mysql -u root -p shop", "mysql -u root -p shop"),
            (
                "/usr/bin/curl -u alice:hunter2 https://example.com",
                "/usr/bin/curl -u alice:[redacted] https://example.com",
            ),
            ("curl -ualice:hunter2 x", "curl -ualice:[redacted] x"),
            ("curl -u alice https://example.com", "curl -u alice https://example.com"),
            ("sudo sshpass -p hunter2 ssh a@b", "sudo sshpass -p [redacted] ssh a@b"),
            ("redis-cli -a hunter2 ping", "redis-cli -a [redacted] ping"),
            ("app --password hunter2 --port 80", "app --password [redacted] --port 80"),
            ("app --password=hunter2", "app --password=[redacted]"),
            ("app --db-password hunter2", "app --db-password [redacted]"),
            ("app --api-key abc123 x", "app --api-key [redacted] x"),
            ("app --password-file /etc/x y", "app --password-file /etc/x y"),
            (
                "env AWS_SECRET_ACCESS_KEY=abc/def+ aws s3 ls",
                "env AWS_SECRET_ACCESS_KEY=[redacted] aws s3 ls",
            ),
            ("env AWS_SESSION_TOKEN=abc x", "env AWS_SESSION_TOKEN=[redacted] x"),
            (
                "psql postgresql://app:hunter2@db.example.com/shop",
                "psql postgresql://app:[redacted]@db.example.com/shop",
            ),
            (
                "git clone https://x-token:ghp_abcdefghijklmnopqrstuv@example.com/r",
                "git clone https://x-token:[redacted]@example.com/r",
            ),
            ("sqlcmd -S db -U sa -P hunter2", "sqlcmd -S db -U sa -P [redacted]"),
            (
                "x Server=db;User=sa;Password=hunter2;Encrypt=yes",
                "x Server=db;User=sa;Password=[redacted];Encrypt=yes",
            ),
            ("x AccountName=a;AccountKey=abc==;Suffix=z", "x AccountName=a;AccountKey=[redacted];Suffix=z"),
            ("docker login -u a -p hunter2 r.example.com", "docker login -u a -p [redacted] r.example.com"),
            ("docker run -p 80:80 web", "docker run -p 80:80 web"),
            ("nmap -sS -p 1-1000 198.51.100.20", "nmap -sS -p 1-1000 198.51.100.20"),
            ("hydra -l root -p toor ssh://198.51.100.20", "hydra -l root -p toor ssh://198.51.100.20"),
            ("masscan -p80 198.51.100.0/24 --rate 100", "masscan -p80 198.51.100.0/24 --rate 100"),
            ("ssh -p 2222 a@b", "ssh -p 2222 a@b"),
            ("mkdir -p /srv/passwords", "mkdir -p /srv/passwords"),
            ("x xoxb-12345678-abcdef", "x [redacted]"),
            ("x glpat-abcdefghijklmnop1234", "x [redacted]"),
        ] {
            let (redacted, changed) = command_line(&words(line));
            assert_eq!(redacted.join(" "), expected);
            assert_eq!(changed, line != expected, "{line}");
        }
    }

    #[test]
    fn arguments_with_spaces() {
        for (argument, expected) in [
            ("Authorization: Bearer abc.def-123456", "Authorization: [redacted]"),
            ("sh -c 'curl -H X-Api-Key:abc'", "sh -c 'curl -H X-Api-Key:[redacted]'"),
            ("{\"password\": \"hunter2\", \"user\": \"a\"}", "{\"password\": [redacted], \"user\": \"a\"}"),
            ("export DB_PASSWORD=hunter2; run", "export DB_PASSWORD=[redacted]; run"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc", "[redacted]"),
            ("eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSM", "[redacted]"),
            ("nothing to see, by the way", "nothing to see, by the way"),
        ] {
            assert_eq!(text(argument), expected);
        }
    }

    #[test]
    fn a_line_is_redacted_as_its_words_are() {
        assert_eq!(line("/usr/bin/mysql -phunter2 shop"), "/usr/bin/mysql -p[redacted] shop");
        assert_eq!(line("curl -H 'X-Api-Key: abc' x"), "curl -H 'X-Api-Key: [redacted]' x");
        assert_eq!(line("/bin/true  a"), "/bin/true  a");
    }

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(WITHIN.len(), 10);
        assert!(OPTION.is_some());
    }
}
