//! SQS: one queue with receipts, visibility and long polling.

use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use serde_json::json;

use super::Refusal;
use super::Shared;
use super::refuse;

/// A queue's messages.
#[derive(Default)]
pub(super) struct Queue {
    messages: Vec<Message>,
}

struct Message {
    body: String,
    sent_ms: i64,
    hidden_until: Option<Instant>,
    receives: u32,
    first: Option<Instant>,
    deleted: bool,
}

impl Queue {
    pub(super) fn send(&mut self, body: &str) {
        self.messages.push(Message {
            body: body.to_owned(),
            sent_ms: jiff::Timestamp::now().as_millisecond(),
            hidden_until: None,
            receives: 0,
            first: None,
            deleted: false,
        });
    }

    pub(super) fn left(&self) -> usize {
        self.messages.iter().filter(|message| !message.deleted).count()
    }

    pub(super) fn received(&self) -> Vec<Option<Instant>> {
        self.messages.iter().map(|message| message.first).collect()
    }

    pub(super) fn redeliver(&mut self) {
        self.messages.iter_mut().for_each(|message| message.hidden_until = None);
    }

    fn take(&mut self, most: usize, hidden_for: Duration) -> Vec<Value> {
        let now = Instant::now();
        let is_visible =
            |message: &Message| !message.deleted && message.hidden_until.is_none_or(|until| until <= now);
        let visible = self.messages.iter_mut().enumerate().filter(|(_, message)| is_visible(message));
        let hand_out = |(number, message): (usize, &mut Message)| {
            message.receives += 1;
            message.hidden_until = Some(now + hidden_for);
            message.first.get_or_insert(now);
            json!({
                "MessageId": format!("message-{number}"), "Body": message.body,
                // A receipt is of one delivery.
                "ReceiptHandle": format!("{number}.{}", message.receives),
                "Attributes": {
                    "ApproximateReceiveCount": message.receives.to_string(),
                    "SentTimestamp": message.sent_ms.to_string(),
                },
            })
        };
        visible.take(most).map(hand_out).collect()
    }

    /// The message of a receipt that still stands for it.
    fn held(&mut self, input: &Value) -> Result<&mut Message, Refusal> {
        let receipt = input["ReceiptHandle"].as_str().unwrap_or_default();
        let read = |(number, receives): (&str, &str)| Some((number.parse().ok()?, receives.parse().ok()?));
        let parts: Option<(usize, u32)> = receipt.split_once('.').and_then(read);
        match parts.and_then(|(number, receives)| Some((self.messages.get_mut(number)?, receives))) {
            Some((message, receives)) if message.receives == receives => Ok(message),
            Some(_) => refuse("ReceiptHandleIsInvalid", "it was handed out again"),
            None => refuse("ReceiptHandleIsInvalid", "there is no such message"),
        }
    }

    pub(super) fn delete(&mut self, input: &Value) -> Result<Value, Refusal> {
        self.held(input)?.deleted = true;
        Ok(json!({}))
    }

    pub(super) fn hide(&mut self, input: &Value) -> Result<Value, Refusal> {
        let seconds = input["VisibilityTimeout"].as_u64().unwrap_or(0);
        self.held(input)?.hidden_until = Some(Instant::now() + Duration::from_secs(seconds));
        Ok(json!({}))
    }
}

/// Waits for messages as long as was asked.
pub(super) async fn receive(shared: &Shared, input: &Value) -> Result<Value, Refusal> {
    let most = input["MaxNumberOfMessages"].as_u64().unwrap_or(1);
    if !(1..=10).contains(&most) {
        return refuse("InvalidParameterValue", "MaxNumberOfMessages is 1 to 10");
    }
    let hidden_for = Duration::from_secs(input["VisibilityTimeout"].as_u64().unwrap_or(30));
    let until = Instant::now() + Duration::from_secs(input["WaitTimeSeconds"].as_u64().unwrap_or(0).min(20));
    loop {
        let arrived = shared.arrived.notified();
        let messages = shared.state().queue.take(most as usize, hidden_for);
        let left = until.saturating_duration_since(Instant::now());
        if !messages.is_empty() {
            return Ok(json!({"Messages": messages}));
        }
        if left.is_zero() {
            return Ok(json!({}));
        }
        // A message that was hidden shows itself without anybody saying so.
        let _ = tokio::time::timeout(left.min(Duration::from_millis(100)), arrived).await;
    }
}
