//! The causal chain and the timeline as one picture, for where neither SVG nor HTML can be looked at.
//!
//! The letters come from fonts that are part of the program: without any, text would be left out without a word.

use std::sync::Arc;
use std::sync::LazyLock;

use maud::Markup;
use maud::html;
use resvg::tiny_skia::Pixmap;
use resvg::tiny_skia::Transform;
use resvg::usvg::Options;
use resvg::usvg::Tree;
use resvg::usvg::fontdb::Database;

use super::Moment;
use super::Report;
use super::svg;
use crate::investigate::words;
use crate::untrusted::Untrusted;
use crate::untrusted::visible;

const REGULAR: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans.ttf");
const BOLD: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans-Bold.ttf");
const FAMILY: &str = "DejaVu Sans";

/// Pixels for each unit: sharp on most screens.
const SCALE: f32 = 1.5;

/// Units; the height follows from what there is to show.
const WIDTH: usize = 1_300;
const HEIGHT_MAX: usize = 1_800;
const MARGIN: usize = 24;
const HEAD: usize = 92;
const TIMELINE_X: usize = 690;
const ROW: usize = 30;
const FOOT: usize = 34;

/// Moments shown; those of the chain go before others.
const MOMENTS_MAX: usize = 24;

static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(BOLD.to_vec());
    fonts.set_sans_serif_family(FAMILY);
    Arc::new(fonts)
});

/// The picture; none where nobody's doing can be drawn.
pub fn png(report: &Report) -> Option<Vec<u8>> {
    if report.judgement.graph.nodes.is_empty() {
        return None;
    }
    encoded(&rendered(&picture(report), &FONTS)?)
}

/// What the picture shows, for who cannot see it.
pub fn alt_text(report: &Report) -> String {
    let chain: Vec<String> =
        report.chain.iter().map(|line| format!("{}: {}", line.kind, line.text.shown(80))).collect();
    visible(&format!("How it came about. {}", chain.join("; then ")), 900)
}

fn rendered(svg: &str, fonts: &Arc<Database>) -> Option<Pixmap> {
    let options = Options { font_family: FAMILY.to_owned(), fontdb: Arc::clone(fonts), ..Options::default() };
    let tree = Tree::from_str(svg, &options).ok()?;
    let size = tree.size();
    let side = |units: f32| (units * SCALE).ceil() as u32;
    let mut pixmap = Pixmap::new(side(size.width()), side(size.height()))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixmap.as_mut());
    Some(pixmap)
}

/// The pixels as a file. Nothing shines through, and a flood of cases is to cost little: so without transparency, and
/// compressed in one fast pass.
fn encoded(pixmap: &Pixmap) -> Option<Vec<u8>> {
    let colours: Vec<u8> =
        pixmap.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, pixmap.width(), pixmap.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&colours).ok()?;
    writer.finish().ok()?;
    Some(file)
}

fn picture(report: &Report) -> String {
    let moments = shown(&report.timeline);
    let chain_height = svg::height(&report.judgement.graph);
    let below = chain_height.max(moments.len() * ROW + 30);
    let height = (HEAD + below + FOOT + MARGIN).min(HEIGHT_MAX);
    let case = Untrusted::new(&report.case_id.0).shown(60);
    let foot = format!(
        "{case} · {} confidence · made {}",
        report.judgement.confidence,
        words::utc(report.made.into())
    );
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(WIDTH) height=(height) viewBox=(format!("0 0 {WIDTH} {height}"))
            font-family=(FAMILY) {
            rect width=(WIDTH) height=(height) fill="#ffffff" {}
            text x=(MARGIN) y="42" font-size="22" font-weight="bold" fill="#1b1f24" { (visible(&report.headline, 96)) }
            text x=(MARGIN) y="74" font-size="13" fill="#5b6472" { "How it came about" }
            text x=(TIMELINE_X) y="74" font-size="13" fill="#5b6472" { "What happened when (UTC)" (day(&moments)) }
            // Nothing is cut off, so no layer of its own is needed to cut it.
            svg x=(MARGIN - 8) y=(HEAD - 8) width="640" height=(chain_height) overflow="visible" { (svg::drawing(&report.judgement.graph)) }
            @for row in 0..moments.len() { (drawn(row, &moments)) }
            text x=(MARGIN) y=(height - 16) font-size="12" fill="#5b6472" { (foot) }
        }
    }
    .into_string()
}

fn drawn(row: usize, moments: &[&Moment]) -> Markup {
    let (moment, rows) = (moments[row], moments.len());
    let (x, y) = (TIMELINE_X + 100, HEAD + 16 + row * ROW);
    let clock = clock(moment, moments[0]);
    let (fill, ink, weight) =
        if moment.on_chain { ("#b3261e", "#1b1f24", "bold") } else { ("#ffffff", "#5b6472", "normal") };
    html! {
        @if row + 1 < rows {
            path d=(format!("M{x} {y}V{}", y + ROW)) stroke="#c4c9d1" stroke-width="2" fill="none" {}
        }
        circle cx=(x) cy=(y) r="5" fill=(fill) stroke="#8a93a1" stroke-width="1.5" {}
        text x=(TIMELINE_X) y=(y + 5) font-size="13" fill=(ink) font-weight=(weight) { (clock) }
        text x=(x + 16) y=(y + 5) font-size="13" fill=(ink) { (moment.text.shown(60)) }
    }
}

/// The first moment's day, for the heading.
fn day(moments: &[&Moment]) -> String {
    let first = moments.first().map(|moment| words::utc(moment.at)).unwrap_or_default();
    first.split_once(' ').map_or_else(String::new, |(day, _)| format!(", {day}"))
}

/// The time of day; of another day than the first moment's, its month and day before it.
fn clock(moment: &Moment, first: &Moment) -> String {
    let (at, begun) = (words::utc(moment.at), words::utc(first.at));
    let parts = |text: &str| {
        let (day, clock) = text.trim_end_matches(" UTC").split_once(' ').unwrap_or(("", text));
        (day.to_owned(), clock.to_owned())
    };
    let ((day, clock), (first_day, _)) = (parts(&at), parts(&begun));
    if day == first_day {
        return clock;
    }
    let (day, clock) = (day.get(5..).unwrap_or(&day), clock.get(..5).unwrap_or(&clock));
    format!("{day} {clock}")
}

/// The moments that fit, in their order; those of the chain first.
fn shown(timeline: &[Moment]) -> Vec<&Moment> {
    let on_chain = timeline.iter().filter(|moment| moment.on_chain).count().min(MOMENTS_MAX);
    let (mut chain_left, mut others_left) = (on_chain, MOMENTS_MAX - on_chain);
    timeline
        .iter()
        .filter(|moment| {
            let left = if moment.on_chain { &mut chain_left } else { &mut others_left };
            let fits = *left > 0;
            *left = left.saturating_sub(1);
            fits
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels that are not white.
    fn ink(svg: &str, fonts: &Arc<Database>) -> usize {
        let drawn = rendered(svg, fonts).unwrap();
        drawn.pixels().iter().filter(|pixel| pixel.red() < 200).count()
    }

    #[test]
    fn letters_are_drawn_in_both_weights() {
        let text = |weight: &str, text: &str| {
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"200\" height=\"40\"><rect width=\"200\" \
                 height=\"40\" fill=\"white\"/><text y=\"30\" font-size=\"20\" font-family=\"{FAMILY}\" \
                 font-weight=\"{weight}\">{text}</text></svg>"
            )
        };
        let none = Arc::new(Database::new());
        assert_eq!(
            ink(&text("normal", "nmap"), &none),
            0,
            "without fonts nothing is drawn, and nothing is said"
        );
        let regular = ink(&text("normal", "nmap"), &FONTS);
        assert!(regular > 200, "{regular}");
        assert!(ink(&text("bold", "nmap"), &FONTS) > regular);
        // Every letter that reports use has a shape of its own.
        for letter in ["é", "ß", "Ж", "λ", "→", "…", "·", "’", "–"] {
            assert!(ink(&text("normal", letter), &FONTS) > 0, "{letter}");
        }
    }
}
