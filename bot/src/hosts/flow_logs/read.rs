//! The records of one interface from CloudWatch Logs, page by page, within bounds.

use history::Request;
use serde_json::Value;
use serde_json::json;

use super::Interface;
use super::Told;
use super::line::Format;
use crate::aws::Place;
use crate::aws::json::JsonCalls;
use crate::aws::json::LOGS;

/// Pages of one question.
const PAGES_MAX: usize = 12;

/// Records of one page; a page may have fewer, also none.
const PAGE: usize = 10_000;

/// A record stands under the time at which its interval began or was delivered, up to this long around, ms.
const AROUND_MS: u64 = 15 * 60 * 1_000;

/// Remotes that are looked for by name; of more, every record is read.
const TERMS_MAX: usize = 8;

/// What the log says of a request.
pub async fn told(
    place: &Place,
    group: &str,
    interface: &Interface,
    format: &Format,
    request: &Request,
) -> Result<Told, String> {
    let calls = JsonCalls::new(&place.sdk, LOGS);
    let ms = |ns: u64| ns / 1_000_000;
    let mut input = json!({
        "logGroupName": group, "logStreamNamePrefix": interface.id, "limit": PAGE,
        "startTime": ms(request.window.from.0.unsigned_abs()).saturating_sub(AROUND_MS),
        "endTime": ms(request.window.to.0.unsigned_abs()).saturating_add(AROUND_MS),
    });
    let pattern = pattern(request);
    if let Some(pattern) = &pattern {
        input["filterPattern"] = json!(pattern);
    }
    let mut told = Told::default();
    read(place, &calls, input.clone(), PAGES_MAX, |line| told.add(format, line, interface, request))
        .await
        .map(|is_cut| told.is_cut = is_cut)?;
    if pattern.is_some() && told.sent == 0 {
        // Whether the log is there at all: one that says nothing contradicts nobody.
        if let Some(input) = input.as_object_mut() {
            input.remove("filterPattern");
        }
        input["limit"] = json!(1_000);
        read(place, &calls, input, 2, |line| told.note_other(format, line, request)).await?;
    }
    Ok(told)
}

/// Reads so many pages; whether there are more.
async fn read(
    place: &Place,
    calls: &JsonCalls,
    mut input: Value,
    pages: usize,
    mut take: impl FnMut(&str),
) -> Result<bool, String> {
    for _ in 0..pages {
        let permit = place.permits.acquire().await.map_err(|error| error.to_string())?;
        let answer = calls.call("FilterLogEvents", &input).await;
        drop(permit);
        let mut page = answer.map_err(|error| error.to_string())?;
        for event in page["events"].as_array().into_iter().flatten() {
            take(event["message"].as_str().unwrap_or_default());
        }
        match page["nextToken"].take() {
            Value::String(token) if !token.is_empty() => input["nextToken"] = json!(token),
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// A pattern that finds records with any of the remotes; none where they are ranges, or many, or none.
fn pattern(request: &Request) -> Option<String> {
    let remotes = &request.remotes;
    if remotes.is_empty()
        || remotes.len() > TERMS_MAX
        || !remotes.iter().all(|remote| remote.is_one_address())
    {
        return None;
    }
    let terms: Vec<String> = remotes.iter().map(|remote| format!("\"{}\"", remote.address)).collect();
    Some(match terms.as_slice() {
        [one] => one.clone(),
        // A question mark before each: any of them.
        many => many.iter().map(|term| format!("?{term}")).collect::<Vec<_>>().join(" "),
    })
}

#[cfg(test)]
mod tests {
    use history::Prefix;

    use super::*;

    #[test]
    fn the_pattern_finds_each_remote_and_no_range() {
        let mut request = crate::hosts::check::tests::request();
        assert_eq!(pattern(&request), None);
        let one = |text: &str| {
            let address: std::net::IpAddr = text.parse().expect("an address");
            Prefix { address, length: if address.is_ipv4() { 32 } else { 128 } }
        };
        request.remotes = vec![one("198.51.100.20")];
        assert_eq!(pattern(&request).as_deref(), Some("\"198.51.100.20\""));
        request.remotes.push(one("2001:db8::7"));
        assert_eq!(pattern(&request).as_deref(), Some("?\"198.51.100.20\" ?\"2001:db8::7\""));
        request.remotes[0].length = 24;
        assert_eq!(pattern(&request), None);
    }
}
