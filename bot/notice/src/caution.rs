//! What a person should know of the reading of a text: what was assumed and what stays open.

use std::net::IpAddr;

use super::address;
use super::appeal::Appeal;
use super::draft::Draft;
use super::label::Role;
use super::lines::Line;
use super::roles::Roles;
use super::time::Resolver;
use crate::claim::Activity;
use crate::claim::ZoneSource;

/// Adds the warnings of a text's reading to its draft.
pub(super) fn add(draft: &mut Draft, lines: &[Line<'_>], roles: &Roles, resolver: &Resolver) {
    let mut warnings = Vec::new();
    let told =
        |ip: IpAddr| draft.claims.iter().flat_map(|claim| &claim.remote).any(|remote| remote.address == ip);
    let unsettled = roles.unsettled().into_iter().map(|tally| tally.ip).filter(|ip| !told(*ip));
    let unsettled: Vec<String> = unsettled.take(5).map(|ip| ip.to_string()).collect();
    if !unsettled.is_empty() {
        let list = unsettled.join(", ");
        warnings.push(format!("whose these addresses are is not clear from the notice: {list}"));
    }
    let unclear: Vec<String> = roles.ours_unclear().iter().take(5).map(ToString::to_string).collect();
    if !unclear.is_empty() {
        let list = unclear.join(", ");
        warnings.push(format!(
            "ours, and named as what was attacked as well as who did it; a person must tell: {list}"
        ));
    }
    let mut say = |applies: bool, text: &str| {
        if applies {
            warnings.push(text.to_owned());
        }
    };
    let is_elsewhere = roles.appeal == Appeal::Elsewhere && roles.with(Role::Accused).is_empty();
    say(
        is_elsewhere && !roles.tallies.is_empty(),
        "nothing in it complains of what anybody did: a person must tell whether it accuses one of the addresses that it names",
    );
    let masked = lines.iter().flat_map(|line| &line.spots).any(|spot| spot.ip.is_none());
    say(masked, "some addresses are masked in the notice");
    let mut windows = draft.claims.iter().filter_map(|claim| claim.window.as_ref());
    let assumed = windows.any(|window| window.zone == ZoneSource::Assumed);
    say(assumed, "the zone of its times is not stated: the window is widened by 14 hours either way");
    let yearless = lines.iter().flat_map(|line| &line.stamps).any(|stamp| !stamp.year_known);
    let no_year = resolver.sent.is_none() && resolver.year.is_none();
    say(yearless && no_year, "its times have no year and nothing in it tells the year");
    say(yearless && !no_year, "its times have no year; the latest one before the notice is assumed");
    let timeless = !draft.claims.is_empty() && draft.claims.iter().all(|claim| claim.window.is_none());
    say(timeless, "it names no time");
    let unclear = draft.claims.iter().all(|claim| claim.activity == Activity::Other);
    say(unclear && !draft.claims.is_empty(), "what was done is not clear from the notice");
    for ip in roles.with(Role::Accused).into_iter().filter(|ip| address::is_private(*ip)).take(3) {
        warnings
            .push(format!("the accused address {ip} is private: it can be located only where it is used"));
    }
    draft.warnings.extend(warnings);
}
