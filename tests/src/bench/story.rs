//! The whole story on a host at full load: what a recorder takes of it, whether anything is missing, and whether the notice
//! that comes afterwards is answered rightly.

use anyhow::Context as _;
use serde_json::json;

use super::Bench;
use super::context::Context;
use super::programs::Counting;
use super::row::Row;
use super::statistics;
use crate::busy;
use crate::busy::Size;
use crate::busy::Worked;
use crate::lab::Lab;
use crate::lab::VICTIM;
use crate::programs::Programs;
use crate::story::Story;

/// Full load.
const SIZE: Size = Size { clients: 3, requests: 6_000, sources: 120, ports: 10_000 };
const SIZE_QUICK: Size = Size { clients: 2, requests: 300, sources: 3, ports: 200 };

/// A web server at full load, a package that is built, and a scan.
pub struct Busy;

/// One run with the recorder, and the answer.
struct Answered {
    worked: Worked,
    held: busy::Held,
    own_cpu_s: f64,
    rss_mb: f64,
    wrong: Vec<String>,
    to_know_s: f64,
}

impl Bench for Busy {
    fn name(&self) -> String {
        "story".to_owned()
    }

    fn about(&self) -> String {
        "a web server at full load, a package built and a scan on one host; then the notice".to_owned()
    }

    fn rows(&self, context: &Context) -> anyhow::Result<Vec<Row>> {
        let (mut alone, mut with) = (Vec::new(), Vec::new());
        // The first round does not count, and the order turns round each time.
        for round in 0..=context.effort.runs {
            for recorded in [round % 2 == 0, round % 2 == 1] {
                let told = if recorded {
                    let answered = answered(context)?;
                    let (cpu_s, lost) = (answered.worked.cpu_s, answered.held.lost);
                    if round > 0 {
                        with.push(answered);
                    }
                    json!({"bench": "story", "round": round, "side": "recorder", "cpu_s": cpu_s, "lost": lost})
                } else {
                    let worked = working(context)?;
                    let cpu_s = worked.cpu_s;
                    if round > 0 {
                        alone.push(worked);
                    }
                    json!({"bench": "story", "round": round, "side": "alone", "cpu_s": cpu_s})
                };
                eprintln!("  {told}");
                context.note(told);
            }
        }
        let mut rows = rows(&alone, &with);
        rows.push(programs_row(context)?);
        Ok(rows)
    }
}

fn rows(alone: &[Worked], with: &[Answered]) -> Vec<Row> {
    let of = |figure: fn(&Answered) -> f64| with.iter().map(figure).collect::<Vec<_>>();
    let cpu_alone: Vec<_> = alone.iter().map(|worked| worked.cpu_s).collect();
    let ratios = statistics::ratios(&of(|run| run.worked.cpu_s), &cpu_alone);
    let rates: Vec<_> = alone.iter().map(|worked| worked.requests_per_s).collect();
    let fewer = statistics::percent_short(&of(|run| run.worked.requests_per_s), &rates);
    for wrong in with.iter().flat_map(|run| &run.wrong) {
        eprintln!("  wrong: {wrong}");
    }
    vec![
        Row::largest("story.wrong", "", of(|run| run.wrong.len() as f64)).at_most(0.0),
        Row::largest("story.unaccounted", "", of(|run| run.held.unaccounted as f64)).at_most(0.0),
        Row::largest("story.lost", "", of(|run| run.held.lost as f64)),
        Row::median("story.deeds", "", of(|run| run.held.done as f64)),
        Row::median("story.cpu_ratio", "", ratios),
        Row::median("story.cpu_alone", "s", cpu_alone),
        Row::median("story.requests_lost", "%", fewer),
        Row::median("story.own_cpu", "s", of(|run| run.own_cpu_s)),
        Row::largest("story.rss", "MB", of(|run| run.rss_mb)).at_most(super::cost::RSS_MAX_MB),
        Row::median("story.time_to_know", "s", of(|run| run.to_know_s)),
    ]
}

/// What the recorder's programs in the kernel take of the host's work, in a run of its own as for every load.
fn programs_row(context: &Context) -> anyhow::Result<Row> {
    let _counting = Counting::on()?;
    let state = tempfile::tempdir()?;
    let mut story = begin(context, state.path())?;
    story.record()?;
    let before = busy::programs_took(&story)?;
    let worked = busy::work(&story, &context.tools.load, size(context))?;
    let taken = busy::programs_took(&story)?.since(before);
    story.lab.down()?;
    let share = taken.share_of(worked.cpu_s);
    eprintln!("  programs: {} runs, {share:.2} % of {:.3} s", taken.runs, worked.cpu_s);
    Ok(Row::median("story.programs", "% of its CPU", vec![share]))
}

fn size(context: &Context) -> Size {
    if context.effort.quick { SIZE_QUICK } else { SIZE }
}

/// A story whose programs are those that are measured.
fn begin(context: &Context, state: &std::path::Path) -> anyhow::Result<Story> {
    let gumshoe = super::bot::gumshoe()?;
    let programs = Programs { recorder: context.tools.recorder.clone(), gumshoe };
    // The turn on this machine is the context's already.
    Story::set_in(Lab::up_beside_others()?, programs, state)
}

fn working(context: &Context) -> anyhow::Result<Worked> {
    let state = tempfile::tempdir()?;
    let story = begin(context, state.path())?;
    let worked = busy::work(&story, &context.tools.load, size(context))?;
    story.lab.down()?;
    Ok(worked)
}

fn answered(context: &Context) -> anyhow::Result<Answered> {
    let state = tempfile::tempdir()?;
    let mut story = begin(context, state.path())?;
    story.record()?;
    let (before_s, _) = busy::recorder_took(&story)?;
    let worked = busy::work(&story, &context.tools.load, size(context))?;
    let (after_s, rss_mb) = busy::recorder_took(&story)?;
    let held = worked.held(&history::events(&story.ring()).context("read the ring")?)?;
    story.serve()?;
    let told = story.notify(&story.notice(&worked.scanned, VICTIM))?;
    let wrong = worked.missing(&told, held);
    let to_know_s = told.time_to_know.as_secs_f64();
    story.lab.down()?;
    Ok(Answered { worked, held, own_cpu_s: after_s - before_s, rss_mb, wrong, to_know_s })
}
