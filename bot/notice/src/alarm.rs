//! CloudWatch alarms: through SNS, through EventBridge, and called directly.

use jiff::SignedDuration;
use serde_json::Value;

use super::activity;
use super::claims;
use super::draft::Draft;
use super::json;
use super::moment;
use super::resource;
use super::time::Interval;
use crate::claim::Accused;
use crate::claim::Activity;
use crate::claim::Disposition;

const FORMAT: &str = "alarm";
/// An alarm looks back over at most this.
const LOOK_BACK_SECONDS_MAX: i64 = 7 * 86_400;
/// How metrics begin that tell how a host fares, and nothing of what it does to others.
const OF_HEALTH: [&str; 8] =
    ["StatusCheckFailed", "CPUCredit", "EBS", "Volume", "mem_", "disk_", "diskio_", "swap_"];

/// Reads an alarm; none when the value is something else.
pub(super) fn read(value: &Value) -> Option<Draft> {
    let inner = ["alarmData", "detail"].iter().find_map(|key| json::at(value, key)).unwrap_or(value);
    let name = json::text(inner, "AlarmName")?;
    let state = json::first_text(inner, &["NewStateValue", "state.value"])?;
    let mut draft = Draft::new(FORMAT, FORMAT, Disposition::NotAbuse);
    draft.is_event = true;
    draft.case_id = json::first_text(inner, &["AlarmArn"]).or_else(|| json::text(value, "alarmArn"));
    draft.keys.extend(draft.case_id.clone());
    if state != "ALARM" {
        draft.warnings.push(format!("the alarm {name} is in state {state}"));
        return Some(draft);
    }
    let accused = accused(value, inner, draft.case_id.as_deref());
    if accused.instance_ids.is_empty() {
        draft.warnings.push(format!("the alarm {name} names no instance"));
        return Some(draft);
    }
    let metrics = metrics(inner);
    if !metrics.is_empty() && metrics.iter().all(|it| OF_HEALTH.iter().any(|of| it.starts_with(of))) {
        draft.warnings.push(format!("the alarm {name} tells how the host fares, not what it did"));
        return Some(draft);
    }
    draft.disposition = super::draft::Verdict::Is(Disposition::Claims);
    draft.note("activity", name.clone(), "AlarmName");
    let activity = activity::of_name(&name).unwrap_or(Activity::Other);
    draft.claims.push(claims::claim(accused, Vec::new(), window(inner), activity));
    Some(draft)
}

/// The metrics that an alarm watches.
fn metrics(inner: &Value) -> Vec<String> {
    let listed =
        json::items(inner, "configuration.metrics").iter().chain(json::items(inner, "Trigger.Metrics"));
    let named = listed
        .filter_map(|it| json::first_text(it, &["metricStat.metric.name", "MetricStat.Metric.MetricName"]));
    json::text(inner, "Trigger.MetricName").into_iter().chain(named).collect()
}

fn accused(value: &Value, inner: &Value, arn: Option<&str>) -> Accused {
    let mut ids: Vec<String> = Vec::new();
    for dimension in json::items(inner, "Trigger.Dimensions") {
        if json::text(dimension, "name").is_some_and(|name| name == "InstanceId") {
            ids.extend(json::text(dimension, "value"));
        }
    }
    for metric in
        json::items(inner, "configuration.metrics").iter().chain(json::items(inner, "Trigger.Metrics"))
    {
        ids.extend(json::text(metric, "metricStat.metric.dimensions.InstanceId"));
        for dimension in json::items(metric, "MetricStat.Metric.Dimensions") {
            if json::text(dimension, "name").is_some_and(|name| name == "InstanceId") {
                ids.extend(json::text(dimension, "value"));
            }
        }
    }
    ids.retain(|id| resource::instance_of_entity(id).is_some());
    ids.dedup();
    let account = json::first_text(inner, &["AWSAccountId"])
        .or_else(|| json::first_text(value, &["accountId", "account"]));
    // SNS names the region as the console does: "EU (Frankfurt)".
    let named = json::text(value, "region").or_else(|| json::text(inner, "Region"));
    let region = arn.and_then(resource::region_of_arn).or_else(|| resource::region_named(&named?));
    Accused {
        instance_ids: ids,
        account: account.filter(|it| resource::is_account(it)),
        region,
        ..Accused::default()
    }
}

/// The alarm tells when it rang; it had looked back over its periods.
fn window(inner: &Value) -> Option<Interval> {
    let rang = moment::at(inner, "StateChangeTime").or_else(|| moment::at(inner, "state.timestamp"))?;
    let number = |paths: &[&str]| json::first_text(inner, paths).and_then(|it| it.parse::<i64>().ok());
    let period = number(&["Trigger.Period", "configuration.metrics.metricStat.period"]).unwrap_or(300);
    let periods = number(&["Trigger.EvaluationPeriods", "configuration.evaluationPeriods"]).unwrap_or(1);
    let back = period.saturating_mul(periods.max(1)).clamp(0, LOOK_BACK_SECONDS_MAX);
    let from = rang.from.checked_sub(SignedDuration::from_secs(back)).unwrap_or(rang.from);
    Some(Interval { from, ..rang })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;

    #[test]
    fn reads_both_forms() {
        let sns = json!({"AlarmName": "scan-out", "NewStateValue": "ALARM", "AWSAccountId": "111122223333",
            "StateChangeTime": "2024-01-15T10:10:00.123+0000", "AlarmArn": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:scan-out",
            "Trigger": {"Dimensions": [{"name": "InstanceId", "value": "i-0123456789abcdef0"}], "Period": 300, "EvaluationPeriods": 2}});
        let direct = json!({"source": "aws.cloudwatch", "alarmData": {"alarmName": "x", "state": {"value": "ALARM", "timestamp": "2024-01-15T10:10:00.000+0000"},
            "configuration": {"metrics": [{"metricStat": {"period": 600, "metric": {"dimensions": {"InstanceId": "i-0123456789abcdef0"}}}}]}}});
        for value in [sns, direct] {
            let draft = read(&value).expect("an alarm");
            assert_eq!(draft.claims[0].accused.instance_ids, ["i-0123456789abcdef0"]);
            let window = draft.claims[0].window.as_ref().expect("a window");
            assert_eq!(
                (window.from.to_string(), window.to.to_string()),
                ("2024-01-15T10:00:00Z".to_owned(), "2024-01-15T10:10:00.999999999Z".to_owned())
            );
        }
        let named = json!({"AlarmName": "scan-out", "NewStateValue": "ALARM", "Region": "EU (Frankfurt)",
            "StateChangeTime": "2024-01-15T10:10:00.123+0000",
            "Trigger": {"Dimensions": [{"name": "InstanceId", "value": "i-0123456789abcdef0"}]}});
        let draft = read(&named).expect("an alarm");
        assert_eq!(draft.claims[0].accused.region.as_deref(), Some("eu-central-1"));
        let unwell = json!({"AlarmName": "status", "NewStateValue": "ALARM", "StateChangeTime": "2024-01-15T10:10:00.123+0000",
            "Trigger": {"MetricName": "StatusCheckFailed_System", "Dimensions": [{"name": "InstanceId", "value": "i-0123456789abcdef0"}]}});
        assert!(read(&unwell).expect("an alarm").claims.is_empty());
        let busy = json!({"AlarmName": "out", "NewStateValue": "ALARM", "StateChangeTime": "2024-01-15T10:10:00.123+0000",
            "Trigger": {"MetricName": "NetworkPacketsOut", "Dimensions": [{"name": "InstanceId", "value": "i-0123456789abcdef0"}]}});
        assert_eq!(read(&busy).expect("an alarm").claims.len(), 1);
        let calm = json!({"AlarmName": "scan-out", "NewStateValue": "OK"});
        assert!(read(&calm).expect("an alarm").claims.is_empty());
    }
}
