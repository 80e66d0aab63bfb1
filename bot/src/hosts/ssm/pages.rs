//! The rest of an answer that did not fit, page by page.
//!
//! Only of a host that tells of what was asked: of others the brief answer is enough. Where the pages cannot be had, or do
//! not make one answer that may be believed, the first answer stands, with what it says it left out.

use std::time::Duration;
use std::time::Instant;

use history::Evidence;
use history::PAGES_MAX;
use history::Page;
use history::PageAsked;
use history::Request;
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::SsmHistory;
use crate::aws::Place;
use crate::case::Answer;
use crate::case::HostRef;
use crate::hosts::check::believe;

/// An answer shorter than this was not cut to fit: what it leaves out, the query left out.
const CUT_MIN: usize = 2 * history::LISTED_LIMIT;

impl SsmHistory {
    /// The whole of an answer, of which this much came; itself, where it is whole or the rest is not to be had.
    pub(super) async fn whole(
        &self,
        place: &Place,
        host: &HostRef,
        request: &Request,
        answer: Answer,
        length: usize,
        left: Duration,
    ) -> Answer {
        let Answer::Evidence { evidence, .. } = &answer else { return answer };
        let Some(id) = host.instance_id.as_deref().filter(|_| length >= CUT_MIN && matters(evidence)) else {
            return answer;
        };
        match self.pages(place, id, request, evidence, left).await {
            // The whole is as little trusted as the first answer was.
            Ok(whole) => match believe(whole, host, request, Timestamp::now()) {
                Answer::Evidence { evidence, archived } => {
                    tracing::info!(instance_id = id, omitted = evidence.omitted.len(), "answer read by page");
                    Answer::Evidence { evidence, archived }
                }
                other => {
                    tracing::warn!(instance_id = id, reason = other.why(), "pages not believed");
                    answer
                }
            },
            Err(reason) => {
                tracing::warn!(instance_id = id, reason, "answer not read to its end");
                answer
            }
        }
    }

    /// Fetches all pages: the first says how many there are.
    async fn pages(
        &self,
        place: &Place,
        id: &str,
        request: &Request,
        first: &Evidence,
        left: Duration,
    ) -> Result<Evidence, String> {
        let begun = Instant::now();
        let asked = PageAsked { number: 0, answered: first.answered };
        let page = self.fetch(place, id, request, asked, left).await?;
        let of = page.of.min(PAGES_MAX);
        let mut pages = vec![page];
        let mut waited = JoinSet::new();
        for number in 1..of {
            let (history, place, id) = (self.clone(), place.clone(), id.to_owned());
            let (request, asked) = (request.clone(), PageAsked { number, ..asked });
            let left = left.saturating_sub(begun.elapsed());
            waited.spawn(async move { history.fetch(&place, &id, &request, asked, left).await });
        }
        while let Some(page) = waited.join_next().await {
            pages.push(page.map_err(|error| error.to_string())??);
        }
        history::join_pages(pages, first).map_err(|error| error.to_string())
    }

    async fn fetch(
        &self,
        place: &Place,
        id: &str,
        request: &Request,
        asked: PageAsked,
        left: Duration,
    ) -> Result<Page, String> {
        let query = history::encode_page_request(request, asked).map_err(|error| error.to_string())?;
        let failed = |answer: Answer| answer.why().unwrap_or_default();
        let command = self.batches.ask(place, id, query).await.map_err(failed)?;
        let waited = self.states.wait(place.ssm(), &command, id, left).await;
        let page = history::decode_page(&waited.map_err(failed)?).map_err(|error| error.to_string())?;
        if page.number != asked.number {
            return Err(format!("page {} came for page {}", page.number, asked.number));
        }
        Ok(page)
    }
}

/// Whether what was left out of an answer may matter: it tells of what was asked, or was asked about anything.
fn matters(evidence: &Evidence) -> bool {
    let left_out = evidence.omitted.iter().any(|omission| omission.count > 0);
    let is_about_anything = evidence.request.remotes.is_empty();
    left_out && (is_about_anything || evidence.activities.iter().any(|activity| activity.matched > 0))
}
