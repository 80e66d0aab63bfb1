//! AWS Health abuse events, as EventBridge delivers them.

use jiff::SignedDuration;
use serde_json::Value;

use super::activity;
use super::claims;
use super::draft::Draft;
use super::json;
use super::moment;
use super::reading::Stage;
use super::resource;
use super::thread;
use super::time::Interval;
use crate::claim::Accused;
use crate::claim::Activity;
use crate::claim::Aside;
use crate::claim::Disposition;
use crate::claim::ZoneSource;

const FORMAT: &str = "aws_health";
/// A report reaches AWS, and AWS opens an event of it, within this.
const REPORTED_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// Codes about content or rights: no host's history answers them.
const NOT_OURS: [&str; 6] = ["COPYRIGHT", "PII", "TAKEDOWN", "ILLEGAL_CONTENT", "CC_FRAUD", "TRADEMARK"];

/// Reads a Health event; none when the value is something else.
pub(super) fn read(value: &Value) -> Option<Draft> {
    let detail = json::at(value, "detail").unwrap_or(value);
    let code = json::text(detail, "eventTypeCode")?;
    let is_abuse =
        json::text(detail, "service").is_some_and(|service| service == "ABUSE") || code.contains("ABUSE");
    if !is_abuse {
        let mut draft = Draft::new(FORMAT, "aws_health/other", Disposition::NotAbuse);
        draft.is_event = true;
        draft.warnings.push(format!("a Health event about {code}, not about abuse"));
        return Some(draft);
    }
    Some(abuse(value, detail, &code))
}

fn abuse(value: &Value, detail: &Value, code: &str) -> Draft {
    let mut draft = Draft::new(FORMAT, "aws_health/abuse", Disposition::Claims);
    draft.is_event = true;
    let name = code
        .trim_start_matches("AWS_")
        .trim_start_matches("ABUSE_")
        .trim_start_matches("EC2_")
        .trim_end_matches("_REPORT");
    draft.note("activity", code, "detail.eventTypeCode");
    let arn = json::text(detail, "eventArn");
    draft.case_id.clone_from(&arn);
    let communication = json::text(detail, "communicationId").unwrap_or_default();
    // Pages of one communication hold different entities; all belong to one event.
    let page = json::text(detail, "page").unwrap_or_default();
    draft.dedupe = arn.as_ref().map(|arn| format!("{arn}#{communication}#{page}"));
    draft.keys.extend(arn);
    if let Some(pages) = json::text(detail, "totalPages").filter(|pages| pages != "1") {
        draft.warnings.push(format!("page {page} of {pages} of this event"));
    }
    for words in json::items(detail, "eventDescription") {
        let told = json::text(words, "latestDescription").unwrap_or_default();
        draft.case_numbers.extend(thread::aws_numbers(&told));
        draft.telling.get_or_insert_default().push_str(&format!("{told}\n\n"));
    }
    if NOT_OURS.iter().any(|code| name.starts_with(code)) {
        draft.disposition = super::draft::Verdict::Is(Disposition::NotAbuse);
        draft.aside =
            (["COPYRIGHT", "TRADEMARK"].iter().any(|it| name.starts_with(it))).then_some(Aside::Rights);
        draft.warnings.push(format!("{code} is about content or rights, not about what a host did"));
        return draft;
    }
    if json::text(detail, "statusCode").is_some_and(|status| status == "closed") {
        draft.stage = Some(Stage::Resolved);
        draft.aside = Some(Aside::Resolved);
        draft.disposition = super::draft::Verdict::Is(Disposition::NotAbuse);
        draft.warnings.push("AWS has closed this event".to_owned());
        return draft;
    }
    let window = moment::span(detail, &["startTime", "endTime"]).map(with_the_day_before);
    draft.window_open = true;
    if window.is_some() {
        let key = "detail.startTime: when AWS opened its event, so the day before it is asked for too";
        draft.note("time", json::text(detail, "startTime").unwrap_or_default(), key);
        draft.warnings.push(
            "only AWS's event tells a time, not when the abuse was: the window begins a day before the event"
                .to_owned(),
        );
    }
    let activity = activity_of(name);
    for accused in accused(value, detail) {
        draft.claims.push(claims::claim(accused, Vec::new(), window, activity));
    }
    draft
}

/// AWS opens its event when a report has reached it: the abuse lies before that, mostly by hours. How far is not known,
/// and so the window is marked as assumed.
fn with_the_day_before(event: Interval) -> Interval {
    let from = event.from.checked_sub(REPORTED_WITHIN).unwrap_or(event.from);
    Interval { from, zone: ZoneSource::Assumed, ..event }
}

/// Returns what the name in a type code means.
fn activity_of(name: &str) -> Activity {
    match name {
        "DOS" => Activity::DenialOfService,
        "INTRUSION_ATTEMPT" => Activity::IntrusionAttempt,
        "FORUM_SPAM" | "EMAIL_SPAM" | "SPAM_WEBSITE" => Activity::Spam,
        "MALWARE_WEBSITE" => Activity::MalwareHosting,
        other => activity::of_name(other).unwrap_or(Activity::Other),
    }
}

/// Returns one accused for each entity that the event names, or the account alone.
fn accused(value: &Value, detail: &Value) -> Vec<Accused> {
    let account = json::first_text(detail, &["affectedAccount"]).or_else(|| json::text(value, "account"));
    let account = account.filter(|account| resource::is_account(account));
    let region =
        json::text(detail, "eventRegion").or_else(|| json::text(value, "region")).filter(|it| it != "global");
    let named = json::items(detail, "affectedEntities");
    let is_over = |it: &&Value| {
        json::text(it, "status").is_some_and(|status| matches!(status.as_str(), "RESOLVED" | "UNIMPAIRED"))
    };
    // One that is over is meant no more, where another is not.
    let some_are_not = named.iter().any(|it| !is_over(&it));
    let meant = named.iter().filter(|it| !some_are_not || !is_over(it));
    let mut entities: Vec<String> = meant.filter_map(|it| json::text(it, "entityValue")).collect();
    if entities.is_empty() {
        entities =
            json::items(value, "resources").iter().filter_map(|it| it.as_str().map(str::to_owned)).collect();
    }
    entities.dedup();
    let mut all: Vec<Accused> = Vec::new();
    for entity in entities.iter().take(super::limits::CLAIMS_MAX) {
        let mut one = Accused { account: account.clone(), region: region.clone(), ..Accused::default() };
        one.account = one.account.or_else(|| resource::account_of_arn(entity));
        one.region = resource::region_of_arn(entity).or(one.region);
        if let Some(id) = resource::instance_of_entity(entity) {
            one.instance_ids.push(id);
        } else if let Ok(ip) = entity.parse() {
            one.addresses.push(ip);
        } else {
            continue;
        }
        if !all.contains(&one) {
            all.push(one);
        }
    }
    if all.is_empty() {
        all.push(Accused { account, region, ..Accused::default() });
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;
    use crate::claim::Activity;
    use crate::claim::Disposition;

    #[test]
    fn reads_an_abuse_event() {
        let event = json!({
            "detail-type": "AWS Health Abuse Event", "source": "aws.health", "account": "111122223333", "region": "global",
            "detail": {
                "eventArn": "arn:aws:health:global::event/AWS_ABUSE_EC2_PORT_SCANNING_REPORT_1", "service": "ABUSE",
                "eventTypeCode": "AWS_ABUSE_EC2_PORT_SCANNING_REPORT", "communicationId": "c-1", "statusCode": "open",
                "startTime": "Mon, 15 Jan 2024 10:02:00 GMT", "eventRegion": "eu-west-1",
                "affectedEntities": [{"entityValue": "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0"}]
            }
        });
        let draft = read(&event).expect("a Health event");
        assert_eq!(draft.claims[0].accused.instance_ids, ["i-0123456789abcdef0"]);
        assert_eq!(draft.claims[0].accused.region.as_deref(), Some("eu-west-1"));
        assert_eq!(draft.claims[0].activity, Activity::PortScan);
        assert_eq!(
            draft.claims[0].window.as_ref().map(|it| it.from.to_string()).as_deref(),
            Some("2024-01-14T10:02:00Z")
        );
        assert_eq!(
            draft.claims[0].window.as_ref().map(|it| it.zone),
            Some(crate::claim::ZoneSource::Assumed)
        );
        assert!(draft.facts.iter().any(|fact| fact.what == "time" && fact.why.contains("the day before")));
    }

    #[test]
    fn an_entity_that_is_over_is_meant_no_more() {
        let event = |first: &str, second: &str| {
            let entity = |last: &str, status: &str| json!({"entityValue": format!("i-0123456789abcdef{last}"), "status": status});
            json!({
                "detail-type": "AWS Health Abuse Event", "source": "aws.health", "account": "111122223333",
                "detail": {
                    "eventTypeCode": "AWS_ABUSE_EC2_PORT_SCANNING_REPORT", "statusCode": "open", "service": "ABUSE",
                    "startTime": "Mon, 15 Jan 2024 10:02:00 GMT",
                    "affectedEntities": [entity("0", first), entity("1", second)]
                }
            })
        };
        let accused = |event| read(&event).expect("a Health event").claims.len();
        assert_eq!(accused(event("IMPAIRED", "RESOLVED")), 1);
        assert_eq!(accused(event("IMPAIRED", "PENDING")), 2);
        assert_eq!(accused(event("RESOLVED", "RESOLVED")), 2, "the event is open");
    }

    #[test]
    fn its_description_tells_when_and_to_whom() {
        let event = json!({
            "detail-type": "AWS Health Abuse Event", "source": "aws.health", "account": "111122223333", "region": "global",
            "detail": {
                "eventArn": "arn:aws:health:global::event/AWS_ABUSE_PORT_SCANNING_REPORT_2", "service": "ABUSE",
                "eventTypeCode": "AWS_ABUSE_PORT_SCANNING_REPORT", "statusCode": "open",
                "startTime": "Mon, 15 Jan 2024 10:02:00 GMT",
                "eventDescription": [{"language": "en_US", "latestDescription":
                    "We've received a report that your AWS resource(s)\n\nAWS ID: 111122223333 Region: eu-west-1\nEC2 Instance Id: i-0123456789abcdef0\n\nhas been implicated in activity which resembles scanning remote hosts.\n\nLog extract (UTC):\n2024-01-12 03:10:00 192.0.2.1:40000 -> 198.51.100.7:22\n2024-01-12 03:11:00 192.0.2.1:40001 -> 198.51.100.7:23\n"}],
            }
        });
        let parsed = crate::parse(event.to_string().as_bytes(), &crate::Context::default());
        let [claim] = &parsed.claims[..] else { panic!("{parsed:?}") };
        assert_eq!(claim.accused.instance_ids, ["i-0123456789abcdef0"]);
        assert_eq!(claim.remote.iter().map(|it| it.port).collect::<Vec<_>>(), [Some(22), Some(23)]);
        let window = claim.window.as_ref().expect("a window");
        assert_eq!(window.from.to_string(), "2024-01-12T03:10:00Z");
        assert_eq!(window.to.as_second() - window.from.as_second(), 60);
    }

    #[test]
    fn rights_and_operations_accuse_nobody() {
        for code in ["AWS_ABUSE_COPYRIGHT_DMCA_REPORT", "AWS_ABUSE_PII_CONTENT_REMOVAL_REPORT"] {
            let event = json!({"detail": {"service": "ABUSE", "eventTypeCode": code}});
            let draft = read(&event).expect("a Health event");
            assert!(
                draft.claims.is_empty()
                    && draft.disposition == super::super::draft::Verdict::Is(Disposition::NotAbuse)
            );
        }
        let event = json!({"detail": {"service": "EC2", "eventTypeCode": "AWS_EC2_OPERATIONAL_ISSUE"}});
        assert!(read(&event).expect("a Health event").claims.is_empty());
    }
}
