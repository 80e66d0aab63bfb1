//! Questions that were decoded once: a case is opened several times while it is posted and acted on, and a host's answer is
//! most of it. Kept by the very text that stands in the file, so that nothing old is ever handed out.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::case::store::Question;
use crate::case::store::StoreError;
use crate::case::store::assemble::parse;

/// Bytes of text that are kept with what they mean, the newest.
const KEPT_MAX: usize = 4 << 20;

/// The texts decoded last.
#[derive(Default)]
pub struct Decoded {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    bytes: usize,
    texts: VecDeque<(String, Question)>,
}

impl Decoded {
    /// What a text means.
    pub fn question(&self, text: String) -> Result<Question, StoreError> {
        {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, question)) = kept.texts.iter().rev().find(|(known, _)| *known == text) {
                return Ok(question.clone());
            }
        }
        let question: Question = parse(&text, "a question")?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += text.len();
        kept.texts.push_back((text, question.clone()));
        while kept.bytes > KEPT_MAX
            && let Some((oldest, _)) = kept.texts.pop_front()
        {
            kept.bytes -= oldest.len();
        }
        Ok(question)
    }
}
