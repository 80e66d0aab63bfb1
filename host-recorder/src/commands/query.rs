//! `host-recorder query`: what happened in a window.

use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use history::Body;
use history::Follow;
use history::Host;
use history::Prefix;
use history::Protocol;
use history::Request;
use history::UnixNs;
use history::VERSION;
use history::Window;
use jiff::Timestamp;

use crate::commands::is_recorded;
use crate::commands::place::Place;
use crate::commands::timeline::WhoArgs;
use crate::socket;

/// How long to wait for a recorder to commit, asked to or not.
const COMMIT_WAIT_MAX: Duration = Duration::from_secs(4);
const COMMIT_POLL: Duration = Duration::from_millis(50);

/// Answers from the ring: who sent what to whom in a time window, and how complete that history is.
///
/// Traffic that matches --remote, --port, --protocol and whom is asked for is marked with `*`; other traffic of the window is told
/// beside it. A recorder that runs puts on disk first what happened until now. Exits with 0 when the window is completely
/// recorded, 3 when something is missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  host-recorder query --remote 198.51.100.20 --from 2026-01-01T10:00:00Z --to 2026-01-01T10:10:00Z
  host-recorder query --remote 198.51.100.0/24 --port 22 --last 2h")]
pub struct QueryArgs {
    #[command(flatten)]
    place: Place,

    /// Beginning of the window (RFC 3339)
    #[arg(long, value_name = "TIME", required_unless_present_any = ["last", "request"])]
    from: Option<Timestamp>,

    /// End of the window (RFC 3339); now unless given
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,

    /// The window is the last so many seconds, minutes, hours or days (90s, 10m, 2h, 1d)
    #[arg(long, value_name = "DURATION", conflicts_with_all = ["from", "to"], value_parser = parse_duration)]
    last: Option<i64>,

    /// Remote address or range; may be given more than once
    #[arg(long, value_name = "ADDRESS[/BITS]", value_parser = parse_prefix)]
    remote: Vec<Prefix>,

    /// Remote port; may be given more than once
    #[arg(long)]
    port: Vec<u16>,

    /// Protocol
    #[arg(long, value_name = "tcp|udp|icmp|NUMBER", value_parser = parse_protocol)]
    protocol: Option<Protocol>,

    /// DNS name that was talked to: what this host was told is its address counts as remote; may be repeated
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,

    #[command(flatten)]
    who: WhoArgs,

    /// A whole request in the bot's form, instead of the options above
    #[arg(long, value_name = "BASE64URL", conflicts_with_all = ["from", "to", "last", "remote", "port", "protocol", "name", "process", "user", "session", "container"])]
    request: Option<String>,

    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The same as --format wire
    #[arg(long, conflicts_with = "format")]
    wire: bool,

    /// The same as --format json
    #[arg(long, conflicts_with_all = ["format", "wire"])]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a person
    Text,
    /// The whole evidence
    Json,
    /// One line that fits an answer of SSM
    Wire,
}

/// Runs it.
pub fn cmd_query(args: QueryArgs) -> anyhow::Result<ExitCode> {
    let format = match (args.wire, args.json) {
        (true, _) => Format::Wire,
        (_, true) => Format::Json,
        _ => args.format,
    };
    let (request, page) = match &args.request {
        Some(line) => history::decode_any_request(line).context("cannot read --request")?,
        None => (request(&args), None),
    };
    let ring = args.place.directory()?;
    if let (Some(page), Format::Wire) = (page, format) {
        let evidence = history::query(&ring, &history::as_of(&request, page), host())
            .with_context(|| format!("cannot answer from the ring in {}", ring.display()))?;
        println!("{}", history::encode_page(&evidence, &request, page)?);
        return Ok(ExitCode::SUCCESS);
    }
    wait_for_commit(&ring, request.window.to);
    let evidence = history::query(&ring, &request, host())
        .with_context(|| format!("cannot answer from the ring in {}", ring.display()))?;
    match format {
        Format::Text => print!("{}", history::text(&evidence)),
        Format::Json => println!("{}", serde_json::to_string_pretty(&evidence)?),
        Format::Wire => println!("{}", history::encode_answer(&evidence)?),
    }
    // For the bot an incomplete answer is an answer: it says itself what is missing.
    let complete = evidence.coverage.complete() || format == Format::Wire;
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// Has the recorder of a ring, where one runs, put on disk what happened until now. Where it cannot be asked that is
/// said, and what it commits once a second is waited for; where that does not come, the answer's coverage says so.
pub(super) fn wait_for_commit(ring: &Path, to: UnixNs) {
    if !is_recorded(ring) {
        return;
    }
    let wanted = to.min(UnixNs::now());
    if let Err(error) = socket::commit(ring, COMMIT_WAIT_MAX) {
        eprintln!(
            "host-recorder: the recorder could not be asked to commit ({error}): what happened in the last second may be missing"
        );
        wait_for_next_commit(ring, wanted);
    }
}

fn wait_for_next_commit(ring: &Path, wanted: UnixNs) {
    let begun = Instant::now();
    // Only what is added to the log is read again.
    let mut follow = Follow::new(ring);
    let mut recorded = None;
    while is_recorded(ring) && begun.elapsed() < COMMIT_WAIT_MAX {
        let outcome = follow.poll(&mut |event| {
            if matches!(event.body, Body::Recorder { .. }) {
                recorded = recorded.max(Some(event.time));
            }
        });
        if outcome.is_err() || recorded.is_some_and(|recorded| recorded >= wanted) {
            return;
        }
        std::thread::sleep(COMMIT_POLL);
    }
}

fn request(args: &QueryArgs) -> Request {
    let now = UnixNs::now();
    let window = Window {
        from: match (args.from, args.last) {
            (Some(from), _) => from.into(),
            (None, last) => now.plus_s(-last.unwrap_or(0)),
        },
        to: args.to.map_or(now, UnixNs::from),
    };
    Request {
        version: VERSION,
        window,
        remotes: args.remote.clone(),
        ports: args.port.clone(),
        protocol: args.protocol,
        names: args.name.iter().map(|name| name.to_ascii_lowercase()).collect(),
        who: args.who.who(),
    }
}

/// Who answers.
pub(super) fn host() -> Host {
    let about = nix::sys::utsname::uname();
    let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
    Host {
        hostname: about.as_ref().map(|about| text(about.nodename())).unwrap_or_default(),
        kernel: about.as_ref().map(|about| text(about.release())).unwrap_or_default(),
        recorder: env!("CARGO_PKG_VERSION").to_owned(),
        // Set by the SSM agent for the commands that it runs.
        instance_id: std::env::var("AWS_SSM_INSTANCE_ID").ok(),
    }
}

fn parse_prefix(text: &str) -> Result<Prefix, String> {
    let (address, length) = text.split_once('/').map_or((text, None), |(at, bits)| (at, Some(bits)));
    let address: IpAddr = address.parse().map_err(|_| format!("{address:?} is no IP address"))?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        Some(length) => {
            let length = length.parse().ok().filter(|length| *length <= bits);
            length.ok_or_else(|| format!("a length must be a number up to {bits}"))?
        }
        None => bits,
    };
    Ok(Prefix { address, length })
}

fn parse_protocol(text: &str) -> Result<Protocol, String> {
    match text {
        "tcp" => Ok(Protocol::TCP),
        "udp" => Ok(Protocol::UDP),
        "icmp" => Ok(Protocol::ICMP),
        number => {
            number.parse().map(Protocol).map_err(|_| "tcp, udp, icmp, or an IP protocol number".to_owned())
        }
    }
}

/// Reads a duration as seconds.
pub(super) fn parse_duration(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is no duration; one looks like 90s, 10m, 2h or 1d");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    Ok(i64::from(count) * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_or_refused_in_words() {
        assert_eq!(parse_duration("2h"), Ok(7_200));
        for bad in ["", "h", "2", "-1h", "2 h", "2é"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_prefix("2001:db8::/32").unwrap().length, 32);
        for bad in ["198.51.100.0/33", "x", "", "198.51.100.0/-1"] {
            assert!(parse_prefix(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_protocol("47"), Ok(Protocol(47)));
        assert!(parse_protocol("256").is_err());
    }
}
