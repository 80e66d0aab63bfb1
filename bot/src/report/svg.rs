//! The causal graph as SVG: one column from the beginning down to the targets, side branches indented.
//!
//! Needs no layout engine: a chain is a column. Colours are attributes, so that the picture stands alone;
//! the HTML page's style sheet may change them.

use maud::Markup;
use maud::PreEscaped;
use maud::html;

use super::Report;
use crate::case::Graph;
use crate::case::Node;
use crate::case::NodeKind;

const WIDTH: usize = 640;
const NODE_HEIGHT: usize = 46;
const SIDE_HEIGHT: usize = 28;
const GAP: usize = 22;
const INDENT: usize = 110;
const MARGIN: usize = 8;

/// The causal graph alone.
pub fn svg(report: &Report) -> String {
    drawing(&report.judgement.graph).into_string()
}

/// How high the drawing is, units.
pub(super) fn height(graph: &Graph) -> usize {
    place(graph).iter().map(|placed| placed.y + placed.height).max().unwrap_or(0) + MARGIN
}

struct Placed<'a> {
    node: &'a Node,
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

/// The graph as an `svg` element.
pub(super) fn drawing(graph: &Graph) -> Markup {
    let placed = place(graph);
    let height = placed.iter().map(|placed| placed.y + placed.height).max().unwrap_or(0) + MARGIN;
    let description: Vec<String> =
        (graph.nodes.iter()).filter(|node| node.on_chain).map(|node| node.label.shown(60)).collect();
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}")) width=(WIDTH) height=(height)
            role="img" aria-label="How it came about" font-family="DejaVu Sans, Verdana, sans-serif" {
            title { "How it came about" }
            desc { (description.join(", then ")) }
            @for edge in graph.edges.iter().take(2 * Graph::NODES_MAX) {
                @if let (Some(from), Some(to)) = (placed.get(edge.from), placed.get(edge.to)) {
                    (line(from, to, &edge.label))
                }
            }
            @for placed in &placed { (node(placed)) }
        }
    }
}

/// Chain nodes in a column; others under the node that comes before the suspect, indented.
fn place(graph: &Graph) -> Vec<Placed<'_>> {
    let nodes: Vec<&Node> = graph.nodes.iter().take(Graph::NODES_MAX).collect();
    let parent = |index: usize| graph.edges.iter().find(|edge| edge.to == index).map(|edge| edge.from);
    // Row by row: a chain node, then its side branches.
    let mut order: Vec<usize> = Vec::new();
    for index in (0..nodes.len()).filter(|&index| nodes[index].on_chain) {
        order.push(index);
        order.extend((0..nodes.len()).filter(|&side| !nodes[side].on_chain && parent(side) == Some(index)));
    }
    let mut rows = vec![(0, 0, 0, 0); nodes.len()];
    let mut y = MARGIN;
    for index in order {
        let side = !nodes[index].on_chain;
        let (x, height, gap) = if side { (INDENT, SIDE_HEIGHT, 8) } else { (MARGIN, NODE_HEIGHT, GAP) };
        rows[index] = (x, y, WIDTH - x - MARGIN, height);
        y += height + gap;
    }
    nodes
        .into_iter()
        .zip(rows)
        .map(|(node, (x, y, width, height))| Placed { node, x, y, width, height })
        .collect()
}

fn line(from: &Placed, to: &Placed, label: &str) -> Markup {
    if to.height == 0 || from.height == 0 {
        return html! {};
    }
    let x = from.x + 28;
    let (start, end) = (from.y + from.height, to.y);
    let path = if to.node.on_chain {
        format!("M{x} {start}V{end}")
    } else {
        format!("M{x} {start}V{}H{}", to.y + to.height / 2, to.x)
    };
    let class = if to.node.on_chain { "edge" } else { "edge side" };
    html! {
        path class=(class) d=(path) fill="none" stroke="#5b6472" stroke-width="2" {}
        @if to.node.on_chain && !label.is_empty() {
            text class="edge-label" x=(x + 8) y=(end - 6) font-size="11" fill="#5b6472" { (label) }
        }
    }
}

fn node(placed: &Placed) -> Markup {
    if placed.height == 0 {
        return html! {};
    }
    let (class, fill, stroke) = match placed.node.kind {
        NodeKind::Source => ("source", "#eef2ff", "#4f5fbf"),
        NodeKind::Entry => ("entry", "#e8f5ee", "#2f7d55"),
        NodeKind::Process => ("process", "#f6f7f9", "#8a93a1"),
        NodeKind::Suspect => ("suspect", "#fdecea", "#b3261e"),
        NodeKind::Target => ("target", "#fff4e0", "#a15c00"),
        NodeKind::Missing => ("missing", "#ffffff", "#8a93a1"),
    };
    let dash = matches!(placed.node.kind, NodeKind::Missing).then_some("5 4");
    // About 7.5 units a character at this size; what does not fit is cut, never squeezed.
    let room = placed.width.saturating_sub(24);
    let label = placed.node.label.shown(room / 9);
    let detail = placed.node.detail.shown(room * 2 / 13);
    let side = placed.height < NODE_HEIGHT;
    html! {
        g class=(format!("node {class}")) {
            rect x=(placed.x) y=(placed.y) width=(placed.width) height=(placed.height) rx="6"
                fill=(fill) stroke=(stroke) stroke-width="1.5" stroke-dasharray=[dash] {}
            @if side {
                text x=(placed.x + 12) y=(placed.y + 18) font-size="12" fill="#1b1f24" { (label) " " (detail) }
            } @else {
                text x=(placed.x + 12) y=(placed.y + 19) font-size="14" font-weight="bold" fill="#1b1f24" { (label) }
                text class="detail" x=(placed.x + 12) y=(placed.y + 36) font-size="11.5" fill="#3d4652" { (detail) }
            }
        }
    }
}

/// The graph as the HTML page takes it in.
pub(super) fn inline(graph: &Graph) -> Markup {
    PreEscaped(drawing(graph).into_string())
}
