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
        let test = draft("envelope/s3_test", Disposition::NotAbuse, "an S3 test event".to_owned());
        return test.map(|test| Draft { quiet: true, ..test });
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
    // A scan that found nothing, as GuardDuty tells of every one.
    let scanned = ["detail.scanResultDetails.scanResultStatus", "detail.scanResultDetails.scanResult"];
    if source == "aws.guardduty"
        && let Some(result) =
            json::first_text(value, &scanned).filter(|it| it.starts_with("NO_THREAT") || it == "CLEAN")
    {
        return draft(
            "envelope/event",
            Disposition::NotAbuse,
            format!("an AWS event about {about}: {result}"),
        );
    }
    let other = [
        "aws.ec2",
        "aws.ssm",
        "aws.events",
        "aws.scheduler",
        "aws.s3",
        "aws.rds",
        "aws.autoscaling",
        "aws.elasticloadbalancing",
        "aws.ecs",
        "aws.iam",
        "aws.sts",
        "aws.tag",
        "aws.config",
        "aws.cloudtrail",
        "aws.lambda",
        "aws.billing",
    ];
    if other.contains(&source.as_str()) {
        let event = draft("envelope/event", Disposition::NotAbuse, format!("an AWS event about {about}"));
        return event.map(|event| Draft { quiet: true, ..event });
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::read;

    fn check(value: &Value, layout: &str, quiet: bool) {
        let draft = read(value).expect("an envelope");
        assert_eq!((draft.layout.as_str(), draft.quiet), (layout, quiet), "{value}");
    }

    #[test]
    fn events_for_machines_are_quiet() {
        let event = |source: &str, about: &str| json!({"source": source, "detail-type": about, "detail": {"state": "running"}});
        check(&event("aws.ec2", "EC2 Instance State-change Notification"), "envelope/event", true);
        check(&event("aws.ssm", "EC2 Command Status-change Notification"), "envelope/event", true);
        check(&event("aws.ec2", "AWS API Call via CloudTrail"), "envelope/event", true);
        check(
            &json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "mail"}),
            "envelope/s3_test",
            true,
        );
        check(
            &json!({"Type": "SubscriptionConfirmation", "TopicArn": "t"}),
            "envelope/sns_subscription",
            false,
        );
        assert!(read(&event("aws.guardduty", "GuardDuty Finding")).is_none());
        let scan = |result: &str| {
            json!({"source": "aws.guardduty", "detail-type": "GuardDuty Malware Protection Post Scan Action Result",
                "detail": {"scanResultDetails": {"scanResultStatus": result}}})
        };
        check(&scan("NO_THREATS_FOUND"), "envelope/event", false);
        assert!(read(&scan("THREATS_FOUND")).is_none());
    }
}
