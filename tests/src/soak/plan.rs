//! What is done in which order, from a seed. Pure: the same seed gives the same plan.
//!
//! A round holds every kind of step once, shuffled, so that each run of some minutes meets each of them.

/// Something that is really done on the instance, and that a notice will tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// alice scans as root through sudo.
    NmapBySudo,
    /// bob scans without rights.
    NmapConnect,
    /// alice scans by UDP.
    NmapUdp,
    /// alice sends frames that no socket layer sees.
    Masscan,
    /// bob's own program tries one port after the other.
    OwnProgram,
}

/// Something that goes wrong, until it is healed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The recorder is killed at once, and started again when healed.
    RecorderKilled,
    /// So is the bot.
    BotKilled,
    /// The ring's disk takes nothing.
    DiskFull,
    /// The host's agent is not reached.
    AgentOffline,
    /// AWS does not answer.
    AwsCut,
    /// SSM answers most calls that they are too many.
    SsmThrottled,
    /// Slack answers that it is too much.
    SlackLimited,
    /// Slack is in trouble: calls fail, or are done and never answered, and connections end.
    SlackFails,
    /// The host's wall clock is set wrong, and set right when healed.
    ClockStepped,
    /// The host answers with what is no evidence.
    HostLies,
    /// A sealed segment is changed on disk. It stays so.
    SegmentCorrupted,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A deed; its notice comes when the step is over.
    Deed(Deed),
    /// A deed in the midst of which the recorder is killed and started again.
    Cut(Deed),
    /// A notice of what nobody did.
    Spoofed,
    /// A notice that is no notice: the number says which.
    Hostile(u8),
    /// An earlier notice once more.
    Repeated,
    /// A fault; it is healed when the step is over.
    Fault(Fault),
}

/// A step, and how many further steps it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// What.
    pub step: Step,
    /// How many steps begin before it is over.
    pub lasts: u32,
}

/// Kinds of hostile notice.
pub const HOSTILE_KINDS: u8 = 5;

/// Deeds, in turn the ones that are cut.
const DEEDS: [Deed; 5] =
    [Deed::NmapBySudo, Deed::NmapConnect, Deed::NmapUdp, Deed::Masscan, Deed::OwnProgram];

/// Steps of a round.
pub const ROUND: usize = KINDS.len();

const KINDS: [Step; 21] = [
    Step::Deed(Deed::NmapBySudo),
    Step::Deed(Deed::NmapConnect),
    Step::Deed(Deed::NmapUdp),
    Step::Deed(Deed::Masscan),
    Step::Deed(Deed::OwnProgram),
    Step::Cut(Deed::OwnProgram),
    Step::Spoofed,
    Step::Spoofed,
    Step::Hostile(0),
    Step::Repeated,
    Step::Fault(Fault::RecorderKilled),
    Step::Fault(Fault::BotKilled),
    Step::Fault(Fault::DiskFull),
    Step::Fault(Fault::AgentOffline),
    Step::Fault(Fault::AwsCut),
    Step::Fault(Fault::SsmThrottled),
    Step::Fault(Fault::SlackLimited),
    Step::Fault(Fault::SlackFails),
    Step::Fault(Fault::ClockStepped),
    Step::Fault(Fault::HostLies),
    Step::Fault(Fault::SegmentCorrupted),
];

/// The steps of a seed, without end.
#[derive(Debug)]
pub struct Plan {
    random: Random,
    rest: Vec<Step>,
    hostile: u8,
    cut: usize,
}

impl Plan {
    /// The plan of a seed.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let hostile = random.below(u64::from(HOSTILE_KINDS)) as u8;
        let cut = random.below(DEEDS.len() as u64) as usize;
        Self { random, rest: Vec::new(), hostile, cut }
    }
}

impl Iterator for Plan {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        if self.rest.is_empty() {
            self.rest = KINDS.to_vec();
            for last in (1..self.rest.len()).rev() {
                let other = self.random.below(last as u64 + 1) as usize;
                self.rest.swap(last, other);
            }
        }
        let step = match self.rest.pop()? {
            Step::Hostile(_) => {
                self.hostile = (self.hostile + 1) % HOSTILE_KINDS;
                Step::Hostile(self.hostile)
            }
            Step::Cut(_) => {
                self.cut = (self.cut + 1) % DEEDS.len();
                Step::Cut(DEEDS[self.cut])
            }
            other => other,
        };
        Some(Planned { step, lasts: 1 + self.random.below(3) as u32 })
    }
}

/// A small generator whose numbers a seed decides (xorshift64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        // Seeds beside each other are to give numbers that are not; zero gives none at all.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_plan_and_each_round_holds_everything() {
        let plan = |seed| Plan::new(seed).take(3 * KINDS.len()).collect::<Vec<_>>();
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
        for round in plan(7).chunks(KINDS.len()) {
            for kind in KINDS {
                let is_kind = |planned: &&Planned| match (planned.step, kind) {
                    (Step::Hostile(_), Step::Hostile(_)) | (Step::Cut(_), Step::Cut(_)) => true,
                    (step, kind) => step == kind,
                };
                assert!(round.iter().any(|planned| is_kind(&planned)), "{kind:?}");
            }
        }
    }
}
