//! Which accounts an organization has, and which regions an account has enabled.

use aws_config::SdkConfig;
use aws_sdk_ec2::types::Filter;
use serde_json::Value;
use serde_json::json;

use super::json::JsonCalls;
use super::json::ORGANIZATIONS;
use super::reason;
use crate::config::Account;
use crate::config::Organization;

/// Pages that are read of the list of accounts: ten times what AWS allows an organization.
const PAGES_MAX: usize = 5_000;

/// The accounts of the organization that are active, and the role that enters each.
pub async fn accounts(sdk: &SdkConfig, organization: &Organization) -> Result<Vec<Account>, String> {
    let calls = JsonCalls::new(sdk, ORGANIZATIONS);
    let mut accounts = Vec::new();
    let mut input = json!({"MaxResults": 20});
    for _ in 0..PAGES_MAX {
        let mut page = calls.call("ListAccounts", &input).await.map_err(|error| error.to_string())?;
        accounts.extend(
            page["Accounts"].as_array().into_iter().flatten().filter_map(|it| account(it, organization)),
        );
        // A page may be empty and not the last: only a missing token ends the list.
        match page["NextToken"].take() {
            Value::String(token) if !token.is_empty() => input["NextToken"] = json!(token),
            _ => return Ok(accounts),
        }
    }
    Err(format!("the list of accounts has more than {PAGES_MAX} pages"))
}

fn account(listed: &Value, organization: &Organization) -> Option<Account> {
    let id = listed["Id"].as_str()?;
    let is_active = listed["Status"].as_str().or_else(|| listed["State"].as_str()) == Some("ACTIVE");
    if !is_active || organization.leave_out.iter().any(|left_out| left_out == id) {
        return None;
    }
    let partition = listed["Arn"].as_str().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws");
    Some(Account {
        id: id.to_owned(),
        role_arn: Some(format!("arn:{partition}:iam::{id}:role/{}", organization.role_name)),
        external_id: organization.external_id.clone(),
    })
}

/// The regions that an account has enabled.
pub async fn regions(sdk: &SdkConfig) -> Result<Vec<String>, String> {
    let enabled =
        Filter::builder().name("opt-in-status").values("opt-in-not-required").values("opted-in").build();
    let answer = aws_sdk_ec2::Client::new(sdk).describe_regions().filters(enabled).send().await;
    let answer = answer.map_err(|error| reason(&error))?;
    let mut regions: Vec<String> =
        answer.regions().iter().filter_map(|region| region.region_name().map(str::to_owned)).collect();
    regions.sort();
    if regions.is_empty() { Err("AWS named none".to_owned()) } else { Ok(regions) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_active_accounts_that_are_not_left_out_are_entered() {
        let organization = Organization {
            role_name: "gumshoe".to_owned(),
            external_id: Some("x".to_owned()),
            leave_out: vec!["444455556666".to_owned()],
        };
        let listed = |id: &str, status: &str| json!({"Id": id, "Status": status, "Arn": format!("arn:aws-cn:organizations::1:account/o/{id}")});
        let entered = account(&listed("111122223333", "ACTIVE"), &organization).expect("entered");
        assert_eq!(entered.role_arn.as_deref(), Some("arn:aws-cn:iam::111122223333:role/gumshoe"));
        assert_eq!(account(&listed("111122223333", "SUSPENDED"), &organization), None);
        assert_eq!(account(&listed("444455556666", "ACTIVE"), &organization), None);
    }
}
