//! What a recorder costs a load: the load in turn without and with it, in rounds, and the rounds
//! compared with themselves, so that what drifts on the machine drifts for both.

use anyhow::Context as _;
use serde_json::json;

use super::Bench;
use super::context::Context;
use super::count;
use super::count::Deeds;
use super::loads::Done;
use super::loads::Load;
use super::pace;
use super::peers;
use super::peers::Peer;
use super::process::cgroup_cpu_s;
use super::process::machine_cpu_s;
use super::programs::Counting;
use super::recording::Recorded;
use super::recording::Recording;
use super::row::Row;
use super::statistics;

/// CPUs that others may keep busy in a run before its round is repeated.
const OTHERS_MAX: f64 = 0.35;
/// What the recorder may use of memory under any load, MB.
pub const RSS_MAX_MB: f64 = 64.0;

/// With what a load runs.
enum Side<'a> {
    Alone,
    Recorder,
    Peer(&'a dyn Peer),
}

/// The runs of one side, or why it has none.
type Runs = Result<Vec<Run>, String>;

/// One run of a load.
struct Run {
    done: Done,
    /// CPUs that others kept busy meanwhile.
    others: f64,
    recorder: Option<Recorder>,
}

/// What a run of a load found out about the recorder.
struct Recorder {
    cpu_s: f64,
    rss_mb: f64,
    events: u64,
    lost: u64,
    /// Things done and not recorded, or recorded and not done.
    miscounted: u64,
}

/// The cost of a recorder, and of others where they are asked for, to one load.
pub struct Cost(pub Load);

impl Bench for Cost {
    fn name(&self) -> String {
        format!("recorder.{}", self.0.name)
    }

    fn about(&self) -> String {
        self.0.about.to_owned()
    }

    fn rows(&self, context: &Context) -> anyhow::Result<Vec<Row>> {
        let peers = if context.effort.peers { peers::all() } else { Vec::new() };
        let seeing = peers.iter().filter(|peer| peer.sees(self.0.name));
        let mut sides = vec![Side::Alone, Side::Recorder];
        sides.extend(seeing.map(|peer| Side::Peer(peer.as_ref())));
        let rounds = self.rounds(context, &sides)?;
        let runs = |at: usize| rounds[at].as_deref().unwrap_or_default();
        let alone = runs(0);
        let mut rows = self.recorder_rows(alone, runs(1));
        rows.push(self.programs_row(context)?);
        for (side, runs) in sides.iter().zip(&rounds).skip(2) {
            let name = format!("peer.{}.{}.cpu_ratio", side.name(), self.0.name);
            match runs {
                Ok(runs) => {
                    let at_full_pace = pace::ratio(&slices(runs), &slices(alone));
                    rows.push(Row::median(name.clone(), "", statistics::ratios(&cpu(runs), &cpu(alone))));
                    rows.extend(
                        at_full_pace.map(|ratio| {
                            Row::of(format!("{name}_at_full_pace"), Some(ratio), "", Vec::new())
                        }),
                    );
                }
                Err(why) => rows.push(Row::not_available(name, why)),
            }
        }
        Ok(rows)
    }
}

impl Cost {
    /// The runs of each side, one a round, or why a peer cannot run. The order is turned round each time; the
    /// first round does not count.
    fn rounds(&self, context: &Context, sides: &[Side<'_>]) -> anyhow::Result<Vec<Runs>> {
        let mut kept: Vec<Runs> = sides.iter().map(|_| Ok(Vec::new())).collect();
        let rounds = context.effort.rounds(self.0.rounds_least);
        let mut repeats_left = rounds;
        let mut round = 0;
        while round <= rounds {
            let runs = self.round(context, round, sides, &mut kept)?;
            // A peer's own work in the kernel cannot be told from that of others.
            let mut ours = runs.iter().filter(|(at, _)| !matches!(sides[*at], Side::Peer(_)));
            let is_disturbed = ours.any(|(_, run)| run.others > OTHERS_MAX);
            if is_disturbed && round > 0 && !context.effort.quick {
                if repeats_left > 0 {
                    repeats_left -= 1;
                    eprintln!("  others kept the machine busy: once more");
                    continue;
                }
                context.note_disturbance();
            }
            for (at, run) in runs.into_iter().filter(|_| round > 0) {
                if let Ok(kept) = &mut kept[at] {
                    kept.push(run);
                }
            }
            round += 1;
        }
        Ok(kept)
    }

    /// One run of each side. A peer that fails is left out from then on; that is noted in `kept`.
    fn round(
        &self,
        context: &Context,
        round: u32,
        sides: &[Side<'_>],
        kept: &mut [Runs],
    ) -> anyhow::Result<Vec<(usize, Run)>> {
        let mut order: Vec<_> = (0..sides.len()).filter(|at| kept[*at].is_ok()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        let mut runs = Vec::new();
        for at in order {
            let side = &sides[at];
            match self.run(context, side).with_context(|| format!("{} with {}", self.0.name, side.name())) {
                Ok(run) => {
                    self.tell(context, round, side, &run);
                    runs.push((at, run));
                }
                Err(error) if matches!(side, Side::Peer(_)) => {
                    eprintln!("  {error:#}");
                    kept[at] = Err(error.root_cause().to_string());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(runs)
    }

    fn run(&self, context: &Context, side: &Side<'_>) -> anyhow::Result<Run> {
        match side {
            Side::Alone => {
                let (done, others) = self.load(context)?;
                Ok(Run { done, others, recorder: None })
            }
            Side::Recorder => {
                let mut recording = Recording::start(context)?;
                recording.begin()?;
                let (done, others) = self.load(context)?;
                let recorder = judge(&recording.finish(context)?, &done.deeds);
                Ok(Run { done, others, recorder: Some(recorder) })
            }
            Side::Peer(peer) => {
                let running = peer.start(context)?;
                let (done, others) = self.load(context)?;
                running.stop()?;
                Ok(Run { done, others, recorder: None })
            }
        }
    }

    /// What the recorder's programs in the kernel take, as a share of the load's CPU, in a run of its own: the kernel counts
    /// meanwhile, which costs too.
    fn programs_row(&self, context: &Context) -> anyhow::Result<Row> {
        let _counting = Counting::on()?;
        let recording = Recording::start(context)?;
        let before = recording.programs()?;
        let done = (self.0.run)(context)?;
        let taken = recording.programs()?.since(before);
        recording.finish(context)?;
        let share = taken.share_of(done.cpu_s);
        eprintln!("  programs: {} runs, {share:.2} % of {:.3} s", taken.runs, done.cpu_s);
        context.note(json!({
            "bench": self.name(), "programs_runs": taken.runs, "programs_ns": taken.ns, "cpu_s": done.cpu_s,
        }));
        Ok(Row::median(format!("recorder.{}.programs", self.0.name), "% of its CPU", vec![share]))
    }

    /// The load, and how many CPUs others kept busy beside it and its recorder.
    fn load(&self, context: &Context) -> anyhow::Result<(Done, f64)> {
        let ours = context.lab.cgroup();
        let (all_before, ours_before) = (machine_cpu_s()?, cgroup_cpu_s(ours.path())?);
        let done = (self.0.run)(context)?;
        let (all, ours) = (machine_cpu_s()? - all_before, cgroup_cpu_s(ours.path())? - ours_before);
        let others = ((all - ours) / done.wall_s).max(0.0);
        Ok((done, others))
    }

    fn recorder_rows(&self, alone: &[Run], with: &[Run]) -> Vec<Row> {
        let name = |figure: &str| format!("recorder.{}.{figure}", self.0.name);
        let own = |figure: fn(&Recorder) -> f64| {
            with.iter().filter_map(|run| run.recorder.as_ref()).map(figure).collect()
        };
        let ratios = statistics::ratios(&cpu(with), &cpu(alone));
        let of_medians = statistics::median(&cpu(with)).zip(statistics::median(&cpu(alone)));
        let mut rows = vec![
            Row::median(name("cpu_ratio"), "", ratios).at_most(self.0.cpu_ratio_max),
            Row::of(
                name("cpu_ratio_of_medians"),
                of_medians.map(|(with, alone)| with / alone),
                "",
                Vec::new(),
            ),
            Row::median(name("cpu_alone"), "s", cpu(alone)),
        ];
        if let Some(ratio) = pace::ratio(&slices(with), &slices(alone)) {
            let row = Row::of(name("cpu_ratio_at_full_pace"), Some(ratio), "", Vec::new());
            rows.push(row.at_most(self.0.cpu_ratio_max));
        }
        if let Some(bound) = self.0.throughput_lost_max {
            let (with, alone) = (rates(with), rates(alone));
            let lost = statistics::percent_short(&with, &alone);
            rows.push(Row::median(name("requests_lost"), "%", lost).at_most(bound));
            let lost = pace::percent_short(&with, &alone);
            rows.push(Row::of(name("requests_lost_at_full_pace"), lost, "%", Vec::new()).at_most(bound));
        }
        rows.extend([
            Row::median(name("own_cpu"), "s", own(|recorder| recorder.cpu_s)),
            Row::largest(name("rss"), "MB", own(|recorder| recorder.rss_mb)).at_most(RSS_MAX_MB),
            Row::median(name("events"), "", own(|recorder| recorder.events as f64)),
            Row::largest(name("lost"), "", own(|recorder| recorder.lost as f64)),
            Row::largest(name("miscounted"), "", own(|recorder| recorder.miscounted as f64)).at_most(0.0),
        ]);
        rows
    }

    fn tell(&self, context: &Context, round: u32, side: &Side<'_>, run: &Run) {
        let Done { cpu_s, wall_s, requests_per_s, deeds, .. } = &run.done;
        let recorder = run.recorder.as_ref();
        let own = recorder.map_or_else(String::new, |recorder| {
            format!(
                "; itself {:.2} s, {:.0} MB, {} events, {} lost, {} of {} miscounted",
                recorder.cpu_s,
                recorder.rss_mb,
                recorder.events,
                recorder.lost,
                recorder.miscounted,
                deeds.count
            )
        });
        eprintln!("  {round:2} {:<10} {cpu_s:7.3} s CPU, {wall_s:6.2} s{own}", side.name());
        context.note(json!({
            "bench": self.name(), "round": round, "side": side.name(), "cpu_s": cpu_s, "wall_s": wall_s,
            "requests_per_s": requests_per_s, "others_cpus": run.others, "done": deeds.count,
            "recorder": recorder.map(|recorder| json!({
                "cpu_s": recorder.cpu_s, "rss_mb": recorder.rss_mb, "events": recorder.events,
                "lost": recorder.lost, "miscounted": recorder.miscounted,
            })),
        }));
    }
}

impl Side<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Recorder => "recorder",
            Self::Peer(peer) => peer.name(),
        }
    }
}

fn judge(recorded: &Recorded, deeds: &Deeds) -> Recorder {
    Recorder {
        cpu_s: recorded.cpu_s,
        rss_mb: recorded.rss_mb,
        events: recorded.events.len() as u64,
        lost: count::lost(&recorded.events, None),
        miscounted: deeds.count.abs_diff(count::recorded(&recorded.events, &deeds.what)),
    }
}

fn cpu(runs: &[Run]) -> Vec<f64> {
    runs.iter().map(|run| run.done.cpu_s).collect()
}

fn slices(runs: &[Run]) -> Vec<f64> {
    runs.iter().flat_map(|run| run.done.slices_us.iter().copied()).collect()
}

fn rates(runs: &[Run]) -> Vec<f64> {
    runs.iter().flat_map(|run| run.done.requests_per_s.iter().copied()).collect()
}
