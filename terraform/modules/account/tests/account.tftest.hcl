# What the module makes of good inputs, and that it refuses bad ones.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "444455556666" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  bot_role_arn  = "arn:aws:iam::111122223333:role/gumshoe-bot"
  external_id   = "a-word-of-our-own"
  event_bus_arn = "arn:aws:events:eu-west-1:111122223333:event-bus/gumshoe"
  regions       = ["eu-west-1", "us-east-1"]
}

run "reads_only" {
  command = plan

  assert {
    condition     = length(aws_ssm_document.query) == 2 && length(aws_iam_role_policy.actions) == 0
    error_message = "A document in each region, and no right to change anything."
  }

  assert {
    condition = jsondecode(aws_iam_role.investigator.assume_role_policy).Statement[0] == {
      Sid       = "Bot"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::111122223333:role/gumshoe-bot" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "sts:ExternalId" = "a-word-of-our-own" } }
    }
    error_message = "Only the bot's role enters, and only with the external id."
  }

  assert {
    condition     = toset(flatten([for statement in jsondecode(aws_iam_role_policy.investigator.policy).Statement : statement.Resource if try(statement.Action == "ssm:SendCommand", false) && statement.Sid == "Document"])) == toset(["arn:aws:ssm:eu-west-1:444455556666:document/Gumshoe-Query", "arn:aws:ssm:us-east-1:444455556666:document/Gumshoe-Query"])
    error_message = "Commands may be sent with the one document only."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.investigator.policy, "AWS-RunShellScript") && !can(regex("\"[a-z0-9]+:[A-Za-z]*\\*", aws_iam_role_policy.investigator.policy))
    error_message = "No shell, and no wildcard action."
  }

  assert {
    condition     = aws_ssm_document.query["eu-west-1"].content == file("./ssm-document.json")
    error_message = "The document is the one that the tests run."
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_event_rule.this)) == toset(concat([for rule in ["abuse", "address", "command", "guardduty", "instance"] : "eu-west-1/${rule}"], [for rule in ["abuse", "address", "command", "guardduty", "instance"] : "us-east-1/${rule}"], ["us-west-2/abuse"]))
    error_message = "Every region's events go to the bus, and Health's second home."
  }
}

run "tagged_instances_only" {
  command = plan

  variables {
    instance_tag = { key = "gumshoe-recorder", value = "enabled" }
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.investigator.policy).Statement : statement.Condition if statement.Sid == "Hosts"]) == { StringEquals = { "ssm:resourceTag/gumshoe-recorder" = "enabled" } }
    error_message = "Commands go to tagged instances only."
  }
}

run "without_events" {
  command = plan

  variables {
    forward_events = false
    event_bus_arn  = null
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.this) == 0 && length(aws_iam_role.events) == 0
    error_message = "Nothing is forwarded."
  }
}

run "actions_are_a_policy_of_their_own" {
  command = plan

  variables {
    actions = ["isolate", "snapshot", "stop_process"]
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.actions[0].policy).Statement : statement.Sid] == ["Isolate", "FindGroup", "Snapshot", "NameSnapshot", "FindSnapshot", "StopProcess"]
    error_message = "Each action has its statements."
  }

  assert {
    condition     = length(aws_ssm_document.stop) == 2
    error_message = "The document that stops a process is there when it may be used."
  }
}

run "flow_logs_are_read_where_they_are_named" {
  command = plan

  variables {
    flow_log_groups = ["arn:aws:logs:eu-west-1:444455556666:log-group:/vpc/flow"]
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.investigator.policy).Statement : statement.Resource if statement.Sid == "FlowLogs"]) == ["arn:aws:logs:eu-west-1:444455556666:log-group:/vpc/flow:*"]
    error_message = "The named log groups are read, and no other."
  }
}

run "refuses_a_log_group_with_a_wildcard" {
  command         = plan
  expect_failures = [var.flow_log_groups]

  variables {
    flow_log_groups = ["arn:aws:logs:eu-west-1:444455556666:log-group:*"]
  }
}

run "archive_in_this_account" {
  command = plan

  variables {
    archive = { bucket_arn = "arn:aws:s3:::example-archive", prefix = "archive/" }
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.investigator.policy).Statement : statement.Resource if statement.Sid == "ArchiveRead"]) == "arn:aws:s3:::example-archive/archive/*"
    error_message = "The archive is read below its prefix."
  }
}

run "refuses_a_root_as_bot" {
  command         = plan
  expect_failures = [var.bot_role_arn]

  variables {
    bot_role_arn = "arn:aws:iam::111122223333:root"
  }
}

run "refuses_a_short_external_id" {
  command         = plan
  expect_failures = [var.external_id]

  variables {
    external_id = "gumshoe"
  }
}

run "refuses_no_region" {
  command         = plan
  expect_failures = [var.regions]

  variables {
    regions = []
  }
}

run "refuses_an_availability_zone" {
  command         = plan
  expect_failures = [var.regions]

  variables {
    regions = ["eu-west-1a"]
  }
}

run "refuses_events_without_a_bus" {
  command         = plan
  expect_failures = [var.forward_events]

  variables {
    event_bus_arn = null
  }
}

run "refuses_a_queue_as_bus" {
  command         = plan
  expect_failures = [var.event_bus_arn]

  variables {
    event_bus_arn = "arn:aws:sqs:eu-west-1:111122223333:gumshoe-notices"
  }
}

run "refuses_unknown_actions" {
  command         = plan
  expect_failures = [var.actions]

  variables {
    actions = ["terminate"]
  }
}

run "isolates_into_groups_without_rules" {
  command = plan

  variables {
    isolation_vpc_ids = ["vpc-0123456789abcdef0"]
  }

  assert {
    condition = (
      aws_security_group.isolated["vpc-0123456789abcdef0"].name == "gumshoe-isolated" &&
      length(aws_security_group.isolated["vpc-0123456789abcdef0"].ingress) == 0 &&
      length(aws_security_group.isolated["vpc-0123456789abcdef0"].egress) == 0
    )
    error_message = "The group of an isolated instance has a rule."
  }
}

run "refuses_what_is_no_vpc" {
  command         = plan
  expect_failures = [var.isolation_vpc_ids]

  variables {
    isolation_vpc_ids = ["subnet-0123456789abcdef0"]
  }
}

run "refuses_a_wildcard_tag" {
  command         = plan
  expect_failures = [var.instance_tag]

  variables {
    instance_tag = { key = "gumshoe-recorder", value = "*" }
  }
}

run "refuses_a_name_that_aws_would" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = "Gumshoe_"
  }
}

run "refuses_reserved_tags" {
  command         = plan
  expect_failures = [var.tags]

  variables {
    tags = { "aws:owner" = "x" }
  }
}
