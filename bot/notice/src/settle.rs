//! Whom a notice means that accuses nobody outright: the sender of an offending mail, the only address named.

use super::address;
use super::appeal::Appeal;
use super::appeal::Plea;
use super::draft::Draft;
use super::groups;
use super::label::Role;
use super::lines::Line;
use super::received;
use super::roles::Roles;
use crate::claim::Activity;

/// Where a complaint about mail accuses nobody, the one who handed the mail over is meant.
pub(super) fn settle_the_sender(
    lines: &[Line<'_>],
    roles: &mut Roles,
    instances: &[groups::Instance],
    activity: Option<Activity>,
    draft: &mut Draft,
) {
    let about_mail = matches!(activity, Some(Activity::Spam | Activity::Phishing));
    if !about_mail || !instances.is_empty() || !roles.with(Role::Accused).is_empty() {
        return;
    }
    // Whom the letter itself names is meant, where the mail came by it; else who handed it to the receiver.
    let named = received::only_one_of_the_way(lines, |ip| roles.is_named_outside_of_headers(ip));
    if let Some((ip, at)) = named.or_else(|| received::handed_over_by(lines))
        && roles.settle_sender(ip, &lines[at])
    {
        draft.warnings.push(format!(
            "{ip} is taken for the accused because it handed the offending mail over, as the receiver's headers say"
        ));
    }
}

/// Where a notice of an attack names one address and no instance, that address is meant.
pub(super) fn settle_the_only_one(
    lines: &[Line<'_>],
    roles: &mut Roles,
    plea: &Plea,
    instances: &[groups::Instance],
    activity: Option<Activity>,
    draft: &mut Draft,
) {
    // Who is merely named is meant only where somebody complains, or where a log is all that is said.
    if matches!(roles.appeal, Appeal::Tells | Appeal::Elsewhere) {
        return;
    }
    let nobody = instances.is_empty() && roles.with(Role::Accused).is_empty();
    if nobody && activity.is_some() && roles.tallies.len() > 1 && roles.settle_list() {
        draft
            .warnings
            .push("the addresses that stand alone in its log lines are taken for the accused".to_owned());
    }
    if nobody && activity.is_some() && roles.tallies.len() > 1 {
        if let Some(ip) = roles.settle_last() {
            draft.warnings.push(format!(
                "{ip} is taken for the accused because all other addresses are somebody else's"
            ));
        } else if plea.said.blamed
            && let Some(ip) = roles.settle_spoken_of(lines)
        {
            draft.warnings.push(format!(
                "{ip} is taken for the accused because it is the one of its list that the letter speaks of"
            ));
        }
    }
    let only_one = roles.tallies.len() == 1 && instances.is_empty() && activity.is_some();
    if !only_one || roles.tallies[0].role().is_some() || address::is_private(roles.tallies[0].ip) {
        return;
    }
    let tally = &mut roles.tallies[0];
    tally.settle_as_only();
    draft
        .warnings
        .push(format!("{} is taken for the accused because it is the only address named", tally.ip));
}
