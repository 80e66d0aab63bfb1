//! Whether a letter has the standing to accuse by what it says: what speaks for a complaint to us about ours, and what
//! against, weighed in one place.
//!
//! Whom a letter names as the source of something may be a stranger who attacked its reader, an indicator in a list, a
//! row of a summary. It is accused where the letter complains, where it came to a mailbox for complaints, or where
//! what it shows is known to be ours; else a person, or whoever holds the addresses, must tell.

use super::appeal::Appeal;
use super::parties::Parties;
use super::parties::Way;
use super::roles::Shown;
use super::text::TextReading;

/// What the signs together must weigh.
const ENOUGH: i32 = 2;

/// What speaks for and against.
pub(super) struct Standing {
    points: i32,
    against: Vec<&'static str>,
}

impl Standing {
    /// Weighs a letter; `is_ours` where one of the accused addresses is known to be ours, `names_instance` where an
    /// instance is accused, which nobody else has, `tells_whom` where it names who suffered it: a list of those to beware
    /// of does not.
    pub fn of(
        words: &TextReading,
        parties: &Parties,
        is_ours: bool,
        names_instance: bool,
        tells_whom: bool,
    ) -> Self {
        let plea = &words.plea;
        let said = &plea.said;
        let is_of_colleague = parties.way == Way::Among;
        let is_attack_on_us = is_of_colleague && said.wronged && !is_ours && !names_instance;
        let signs = [
            (said.wronged && !is_of_colleague, 2),
            (said.blamed, 2),
            (parties.is_to_abuse, 2),
            (parties.is_to_nobody, 1),
            (plea.is_titled, 2),
            (plea.asks, if parties.is_from_outside { 2 } else { 1 }),
            (said.addressed, 1),
            (said.tells_of_own && said.is_headed, 1),
            (said.saw, 1),
            (words.shown != Shown::Nobody, 1),
            (words.shown == Shown::Ours || is_ours, 1),
            (names_instance, 1),
            (names_instance && said.is_headed && parties.is_from_outside, 1),
            (tells_whom, 1),
            (parties.is_passed_on, 1),
            (parties.is_of_aws, 1),
        ];
        let names_no_deed = words.activity.is_none() && !parties.is_to_abuse && !plea.is_titled;
        let only_asks = names_no_deed && !plea.asks && !plea.is_titled && !said.blamed;
        let doubts = [
            (said.reader_wronged, 2, "it tells its reader of what was done to the reader"),
            (said.reader_cleared && !said.blamed, 6, "it says that what is its reader's had no part"),
            (is_of_colleague, 1, "one of ours wrote it to another"),
            (is_attack_on_us, 2, "its writer tells of an attack on us"),
            (names_no_deed, 3, "it names no deed"),
            (only_asks, 3, "it asks for nothing to be done"),
        ];
        let for_it: i32 = signs.iter().filter(|(applies, _)| *applies).map(|(_, weight)| weight).sum();
        let against_it: i32 =
            doubts.iter().filter(|(applies, ..)| *applies).map(|(_, weight, _)| weight).sum();
        let lacks = [
            (plea.appeal != Appeal::Complains, "it does not complain"),
            (!parties.is_to_abuse, "it came to no mailbox for complaints"),
        ];
        let doubts = doubts.into_iter().map(|(applies, _, why)| (applies, why));
        let against = lacks.into_iter().chain(doubts).filter(|(applies, _)| *applies).map(|(_, why)| why);
        Self { points: for_it - against_it, against: against.collect() }
    }

    /// Says whether it may accuse.
    pub fn is_enough(&self) -> bool {
        self.points >= ENOUGH
    }

    /// Says in words why it may not.
    pub fn sentence(&self) -> String {
        self.against.join(", ")
    }
}
