//! Finds AWS names in a text: instances, interfaces, accounts, regions.

use std::sync::LazyLock;

use super::pattern::compile;
use regex::Regex;

static INSTANCE: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"(?:^|[^A-Za-z0-9_-])(i-(?:[0-9a-f]{17}|[0-9a-f]{8})|mi-[0-9a-f]{17})(?:[^A-Za-z0-9_-]|$)")
});
static INTERFACE: LazyLock<Regex> = LazyLock::new(|| compile(r"\beni-(?:[0-9a-f]{17}|[0-9a-f]{8})\b"));
static REGION: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"\b(eusc-de-east-1|(?:us|eu|ap|sa|ca|me|af|il|mx|cn)-(?:gov-|iso[a-z]?-)?(?:north|south|east|west|central|northeast|northwest|southeast|southwest)-[1-9])(?:[a-f]\b|\b)";
    compile(pattern)
});
static ACCOUNT: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)(?:\baws[ _-]*id|\baccount(?:[ _-]*(?:id|number|no\.?))?)\b[^0-9a-z\n]{0,12}(\d{4}-?\d{4}-?\d{4})\b|arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(\d{12}):";
    compile(pattern)
});

/// Returns the instance ids of a line, in order.
pub(super) fn instances(line: &str) -> Vec<(usize, String)> {
    if !line.contains("i-") {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(captures) = INSTANCE.captures_at(line, from) {
        let Some(id) = captures.get(1) else { break };
        found.push((id.start(), id.as_str().to_owned()));
        from = id.end();
    }
    found
}

/// Returns the network interface ids of a line.
pub(super) fn interfaces(line: &str) -> Vec<String> {
    if !line.contains("eni-") {
        return Vec::new();
    }
    INTERFACE.find_iter(line).map(|found| found.as_str().to_owned()).collect()
}

/// Returns the account id that a line names as one.
pub(super) fn account(line: &str) -> Option<String> {
    let found = ACCOUNT.captures(line)?;
    let digits = found.get(1).or_else(|| found.get(2))?;
    Some(digits.as_str().replace('-', ""))
}

/// Returns the region that a line names, links to documentation aside.
pub(super) fn region(line: &str) -> Option<String> {
    REGION
        .captures_iter(line)
        .filter(|found| {
            let start = found.get(1).map_or(0, |it| it.start());
            !line[..start].rsplit(char::is_whitespace).next().unwrap_or_default().contains("://")
        })
        .find_map(|found| found.get(1).map(|it| it.as_str().to_owned()))
}

/// Returns the instance id that an ARN or a bare value names.
pub(super) fn instance_of_entity(entity: &str) -> Option<String> {
    let last = entity.rsplit('/').next().unwrap_or(entity);
    let is_id = last.len() > 3 && last.len() <= 40 && (last.starts_with("i-") || last.starts_with("mi-"));
    (is_id && last.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')).then(|| last.to_owned())
}

/// Returns the account id of an ARN.
pub(super) fn account_of_arn(arn: &str) -> Option<String> {
    let account = arn.strip_prefix("arn:")?.split(':').nth(3)?;
    is_account(account).then(|| account.to_owned())
}

/// Returns the region of an ARN.
pub(super) fn region_of_arn(arn: &str) -> Option<String> {
    let region = arn.strip_prefix("arn:")?.split(':').nth(2)?;
    REGION.is_match(region).then(|| region.to_owned())
}

/// Regions as AWS's consoles, bills and alarms name them (its guide of regions lists them): what tells one, its place
/// and, where that is not enough, its continent.
const REGION_NAMES: [(&str, &str); 44] = [
    ("n. virginia", "us-east-1"),
    ("northern virginia", "us-east-1"),
    ("ohio", "us-east-2"),
    ("n. california", "us-west-1"),
    ("northern california", "us-west-1"),
    ("oregon", "us-west-2"),
    ("us-east", "us-gov-east-1"),
    ("us-west", "us-gov-west-1"),
    ("us", "us-gov-west-1"),
    ("cape town", "af-south-1"),
    ("hong kong", "ap-east-1"),
    ("taipei", "ap-east-2"),
    ("mumbai", "ap-south-1"),
    ("hyderabad", "ap-south-2"),
    ("singapore", "ap-southeast-1"),
    ("sydney", "ap-southeast-2"),
    ("jakarta", "ap-southeast-3"),
    ("melbourne", "ap-southeast-4"),
    ("malaysia", "ap-southeast-5"),
    ("new zealand", "ap-southeast-6"),
    ("thailand", "ap-southeast-7"),
    ("tokyo", "ap-northeast-1"),
    ("seoul", "ap-northeast-2"),
    ("osaka", "ap-northeast-3"),
    ("osaka-local", "ap-northeast-3"),
    ("calgary", "ca-west-1"),
    ("frankfurt", "eu-central-1"),
    ("zurich", "eu-central-2"),
    ("ireland", "eu-west-1"),
    ("london", "eu-west-2"),
    ("paris", "eu-west-3"),
    ("milan", "eu-south-1"),
    ("spain", "eu-south-2"),
    ("stockholm", "eu-north-1"),
    ("tel aviv", "il-central-1"),
    ("bahrain", "me-south-1"),
    ("uae", "me-central-1"),
    ("sao paulo", "sa-east-1"),
    ("s\u{e3}o paulo", "sa-east-1"),
    ("beijing", "cn-north-1"),
    ("ningxia", "cn-northwest-1"),
    ("canada", "ca-central-1"),
    ("mexico", "mx-central-1"),
    ("germany", "eusc-de-east-1"),
];

/// Returns the region that a text names by its code, or as the console does: "EU (Frankfurt)", "Canada (Central)".
pub(super) fn region_named(text: &str) -> Option<String> {
    if let Some(code) = region(text) {
        return Some(code);
    }
    let name = text.to_lowercase();
    let (continent, place) = name.split_once('(')?;
    let place = place.trim_end_matches([')', ' ']);
    let key = if place == "central" { continent.trim() } else { place };
    REGION_NAMES.iter().find(|(known, _)| *known == key).map(|(_, code)| (*code).to_owned())
}

/// Says whether a text is an account id.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::account;
    use super::instance_of_entity;
    use super::instances;
    use super::region;
    use super::region_named;

    #[test]
    fn finds_names() {
        let line =
            "AWS ID: 111122223333    Region: eu-west-1    EC2 Instance Id: i-0123456789abcdef0 [192.0.2.1]";
        assert_eq!(instances(line)[0].1, "i-0123456789abcdef0");
        assert_eq!(account(line).as_deref(), Some("111122223333"));
        assert_eq!(region(line).as_deref(), Some("eu-west-1"));
        assert_eq!(instances("i-9ab75ffa, i-9ab75ffb").len(), 2);
        assert!(instances("ami-0123456789abcdef0 x-i-9ab75ffa").is_empty());
        assert_eq!(
            account("Suspicious activity in your AWS account [111122223333]").as_deref(),
            Some("111122223333")
        );
        assert_eq!(region("see https://eu-west-1.example.com/us-east-1"), None);
        for (name, code) in [
            ("EU (Frankfurt)", Some("eu-central-1")),
            ("Europe (Ireland)", Some("eu-west-1")),
            ("US East (N. Virginia)", Some("us-east-1")),
            ("Canada (Central)", Some("ca-central-1")),
            ("Mexico (Central)", Some("mx-central-1")),
            ("US West (Northern California)", Some("us-west-1")),
            ("AWS GovCloud (US-East)", Some("us-gov-east-1")),
            ("Asia Pacific (New Zealand)", Some("ap-southeast-6")),
            ("AWS European Sovereign Cloud (Germany)", Some("eusc-de-east-1")),
            ("eu-west-3", Some("eu-west-3")),
            ("Atlantis (Deep)", None),
        ] {
            assert_eq!(region_named(name).as_deref(), code, "{name}");
        }
        assert_eq!(region("zone us-east-1a").as_deref(), Some("us-east-1"));
        assert_eq!(
            instance_of_entity("arn:aws:ec2:us-east-1:111122223333:instance/i-1234").as_deref(),
            Some("i-1234")
        );
    }
}
