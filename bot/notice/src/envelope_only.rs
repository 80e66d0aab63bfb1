//! Envelopes without a letter: confirmations, test events, pointers to a mail that lies elsewhere,
//! AWS events that are about something else.

use serde_json::Value;

use super::draft::Draft;
use super::json;
use crate::claim::Disposition;

/// Reads such an envelope; none when the value is something else.
pub(super) fn read(value: &Value) -> Option<Draft> {
    let draft = |layout: &str, disposition: Disposition, warning: String| {
        let mut draft = Draft::new("envelope", layout, disposition);
        draft.is_event = true;
        draft.warnings.push(warning);
        Some(draft)
    };
    let kind = json::text(value, "Type").unwrap_or_default();
    if matches!(kind.as_str(), "SubscriptionConfirmation" | "UnsubscribeConfirmation") {
        let topic = json::text(value, "TopicArn").unwrap_or_default();
        return draft(
            "envelope/sns_subscription",
            Disposition::NotAbuse,
            format!("an SNS {kind} of {topic}"),
        );
    }
    if json::text(value, "Event").is_some_and(|event| event == "s3:TestEvent") {
        return draft("envelope/s3_test", Disposition::NotAbuse, "an S3 test event".to_owned());
    }
    if json::at(value, "s3.object.key").is_some() {
        return draft(
            "envelope/s3",
            Disposition::Unreadable,
            "the mail itself lies in S3 and must be fetched".to_owned(),
        );
    }
    if let Some(kind) = json::first_text(value, &["notificationType", "eventType"])
        .filter(|_| json::at(value, "mail").is_some())
    {
        return draft("envelope/ses", Disposition::NotAbuse, format!("an SES notice of {kind}"));
    }
    let source = json::text(value, "source")?;
    let about = json::first_text(value, &["detail-type", "DetailType"])?;
    let other = [
        "aws.ec2",
        "aws.events",
        "aws.scheduler",
        "aws.s3",
        "aws.rds",
        "aws.autoscaling",
        "aws.ecs",
        "aws.iam",
        "aws.billing",
    ];
    if other.contains(&source.as_str()) {
        return draft("envelope/event", Disposition::NotAbuse, format!("an AWS event about {about}"));
    }
    None
}
