//! Of several that may be ours, those whom nothing firm tells from the others: a letter that names the host that did it
//! names its neighbours too.

use std::net::IpAddr;

use super::super::label::Role;
use super::super::tally::ACCUSED_MIN;
use super::super::tally::Tally;
use super::Roles;

/// More that are accused are a list of attackers, and not told apart by words.
const TOLD_APART_MAX: usize = 200;

impl Roles {
    /// Sets aside those of several whom nothing firm tells from the others: of those that may be ours whom only a word in
    /// passing accuses, or that they are ours; and those of a log of whom sentences speak apart, or below it of one, that
    /// nobody here could read. True, and nothing done, where nobody else is accused.
    pub fn set_faint_aside(&mut self) -> bool {
        let is_accused = |tally: &&Tally| self.role_of(tally) == Some(Role::Accused);
        let accused: Vec<&Tally> = self.tallies.iter().filter(is_accused).collect();
        if accused.is_empty() || accused.len() > TOLD_APART_MAX {
            return false;
        }
        // Where none is known to be ours, each that is accused may be.
        let ours_is_named = self.tallies.iter().any(|it| it.ours);
        let ours = self.tallies.iter().filter(|it| it.ours);
        let may_be_ours: Vec<&Tally> = if ours_is_named { ours.collect() } else { accused.clone() };
        let spoken_of: Vec<usize> =
            accused.iter().filter(|it| it.is_spoken_of_only()).filter_map(|it| it.spoken_at).collect();
        let is_one_unspoken_of = accused.iter().any(|it| it.spoken_at.is_none());
        let is_faint = |tally: &&Tally| {
            if self.is_list_of_accused && tally.heads_item {
                return false;
            }
            // Who came from there is told from those to whom it was done.
            let has_another_part = |it: &Tally| match it.role() {
                Some(Role::Infrastructure | Role::Reporter) => true,
                Some(Role::Victim) => tally.is_only_whence(),
                Some(Role::Accused) | None => false,
            };
            let is_another = |it: &&Tally| {
                it.ip != tally.ip && !it.is_cleared() && !has_another_part(it) && !it.is_accused_like(tally)
            };
            let is_one_of_several = || (tally.ours || !ours_is_named) && may_be_ours.iter().any(is_another);
            let is_apart = |at: usize| spoken_of.iter().any(|other| at.abs_diff(*other) > 1);
            let is_pointed_at = tally.is_pointed_at(ACCUSED_MIN);
            let is_hardly_said = tally.leans_to_ours() || (tally.is_named_in_passing() && !is_pointed_at);
            // "The line of 192.0.2.2 is …", below a log of several: it is told from those of whom nothing is said.
            let is_singled_out = || tally.is_remarked_on() && is_one_unspoken_of;
            (is_hardly_said && is_one_of_several())
                || is_singled_out()
                || (tally.is_spoken_of_only() && tally.spoken_at.is_some_and(is_apart))
        };
        let (faint, firm): (Vec<&Tally>, Vec<&Tally>) = accused.into_iter().partition(is_faint);
        if faint.is_empty() || firm.is_empty() {
            return !faint.is_empty();
        }
        let faint: Vec<IpAddr> = faint.into_iter().map(|tally| tally.ip).collect();
        for tally in self.tallies.iter_mut().filter(|tally| faint.contains(&tally.ip)) {
            tally.is_set_aside = true;
        }
        false
    }
}
