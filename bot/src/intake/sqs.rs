//! The queue in SQS.

use async_trait::async_trait;
use aws_config::Region;
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::Message;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use jiff::Timestamp;

use super::Delivery;
use super::Queue;
use super::QueueError;
use crate::aws::reason;

/// Longest wait that SQS allows, s.
const LONG_POLL_S: i32 = 20;

/// A queue in SQS.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
    /// How long a message is hidden at first, s.
    visibility_s: u32,
}

impl SqsQueue {
    /// The queue of this address.
    pub fn new(sdk: &SdkConfig, url: &str, visibility_s: u32) -> Self {
        let config = aws_sdk_sqs::config::Builder::from(sdk);
        let config = match region_of(url) {
            Some(region) => config.region(Region::new(region)),
            None => config,
        };
        Self { client: Client::from_conf(config.build()), url: url.to_owned(), visibility_s }
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn receive(&self, most: usize) -> Result<Vec<Delivery>, QueueError> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::try_from(most).unwrap_or(1))
            .wait_time_seconds(LONG_POLL_S)
            .visibility_timeout(i32::try_from(self.visibility_s).unwrap_or(i32::MAX))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await
            .map_err(|error| failed("receive messages", reason(&error)))?;
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(delivery).collect())
    }

    async fn hide(&self, receipt: &str, seconds: u32) -> Result<(), QueueError> {
        let changed = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            .visibility_timeout(i32::try_from(seconds).unwrap_or(i32::MAX))
            .send()
            .await;
        changed.map(drop).map_err(|error| {
            let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
            // SQS has said "not ours any more" in several ways over the years.
            if code.contains("ReceiptHandleIsInvalid")
                || code.contains("MessageNotInflight")
                || code.contains("InvalidParameterValue")
            {
                QueueError::Lost { reason: reason(&error) }
            } else {
                failed("keep a message hidden", reason(&error))
            }
        })
    }

    async fn delete(&self, receipt: &str) -> Result<(), QueueError> {
        let deleted = self.client.delete_message().queue_url(&self.url).receipt_handle(receipt).send().await;
        deleted.map(drop).map_err(|error| failed("delete a message", reason(&error)))
    }
}

fn delivery(message: Message) -> Option<Delivery> {
    let attribute =
        |name: MessageSystemAttributeName| message.attributes.as_ref()?.get(&name)?.parse::<i64>().ok();
    let sent = attribute(MessageSystemAttributeName::SentTimestamp);
    let receives = attribute(MessageSystemAttributeName::ApproximateReceiveCount);
    Some(Delivery {
        sent: sent.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        receives: receives.and_then(|count| u32::try_from(count).ok()).unwrap_or(1),
        id: message.message_id.unwrap_or_default(),
        receipt: message.receipt_handle?,
        body: message.body.unwrap_or_default(),
    })
}

/// The region in a queue's address; none in a stand-in's.
fn region_of(url: &str) -> Option<String> {
    let host = url.strip_prefix("https://")?.split('/').next()?;
    let mut labels = host.split('.');
    (labels.next() == Some("sqs") && host.contains(".amazonaws.com")).then_some(())?;
    labels.next().map(str::to_owned)
}

fn failed(doing: &'static str, reason: String) -> QueueError {
    QueueError::Failed { doing, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_in_the_region_of_its_address() {
        for (url, expected) in [
            ("https://sqs.eu-central-1.amazonaws.com/111122223333/notices", Some("eu-central-1")),
            ("http://127.0.0.1:5566/111122223333/notices", None),
            ("https://queue.example.com/notices", None),
        ] {
            assert_eq!(region_of(url).as_deref(), expected, "{url}");
        }
    }
}
