//! Who is behind a NAT gateway: every instance whose subnet's routes use it.

use std::collections::BTreeSet;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Filter;
use aws_sdk_ec2::types::RouteTable;

use crate::aws::reason;

/// Subnets of instances behind one gateway, in the VPC of its interface.
pub async fn subnets_behind(client: &Client, gateway: &str, vpc: &str) -> Result<Vec<String>, String> {
    let of_vpc = || Filter::builder().name("vpc-id").values(vpc).build();
    let tables = client
        .describe_route_tables()
        .filters(of_vpc())
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await
        .map_err(|error| reason(&error))?;
    let routed = Routed::read(&tables, gateway);
    let mut subnets = routed.explicit;
    if routed.is_main {
        let all = client
            .describe_subnets()
            .filters(of_vpc())
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(|error| reason(&error))?;
        let unrouted = all.into_iter().filter_map(|subnet| subnet.subnet_id);
        subnets.extend(unrouted.filter(|id| !routed.associated.contains(id)));
    }
    Ok(subnets.into_iter().collect())
}

/// What a VPC's route tables say of a gateway.
#[derive(Debug, Default, PartialEq, Eq)]
struct Routed {
    /// Subnets with a table of their own that uses the gateway.
    explicit: BTreeSet<String>,
    /// Subnets with a table of their own.
    associated: BTreeSet<String>,
    /// Whether the VPC's main table uses it, for all other subnets.
    is_main: bool,
}

impl Routed {
    fn read(tables: &[RouteTable], gateway: &str) -> Self {
        let mut routed = Self::default();
        for table in tables {
            let uses = table.routes().iter().any(|route| route.nat_gateway_id() == Some(gateway));
            for association in table.associations() {
                if let Some(subnet) = association.subnet_id() {
                    routed.associated.insert(subnet.to_owned());
                    if uses {
                        routed.explicit.insert(subnet.to_owned());
                    }
                } else if association.main() == Some(true) && uses {
                    routed.is_main = true;
                }
            }
        }
        routed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::Route;
    use aws_sdk_ec2::types::RouteTableAssociation;

    fn table(gateway: Option<&str>, subnets: &[&str], main: bool) -> RouteTable {
        let mut table = RouteTable::builder()
            .routes(Route::builder().set_nat_gateway_id(gateway.map(str::to_owned)).build());
        for subnet in subnets {
            table = table.associations(RouteTableAssociation::builder().subnet_id(*subnet).build());
        }
        if main {
            table = table.associations(RouteTableAssociation::builder().main(true).build());
        }
        table.build()
    }

    #[test]
    fn subnets_are_those_whose_own_or_main_table_uses_the_gateway() {
        let tables = [
            table(Some("nat-1"), &["subnet-a", "subnet-b"], false),
            table(Some("nat-2"), &["subnet-c"], false),
            table(None, &["subnet-d"], true),
        ];
        let one = Routed::read(&tables, "nat-1");
        assert_eq!(one.explicit.into_iter().collect::<Vec<_>>(), ["subnet-a", "subnet-b"]);
        assert_eq!((one.is_main, one.associated.len()), (false, 4));
        assert!(Routed::read(&[table(Some("nat-1"), &[], true)], "nat-1").is_main);
        assert_eq!(Routed::read(&tables, "nat-9").explicit.len(), 0);
    }
}
