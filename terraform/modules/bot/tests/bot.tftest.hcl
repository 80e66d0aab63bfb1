# What the module makes of good inputs, and that it refuses bad ones.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }

  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] }
  }
}

variables {
  image         = "example/gumshoe@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  accounts      = [{ id = "444455556666", role_arn = "arn:aws:iam::444455556666:role/gumshoe-investigator", external_id = "a-word-of-our-own" }]
  regions       = ["eu-west-1"]
  slack_channel = "C0123456789"
}

run "events_only" {
  command = plan

  assert {
    condition     = length(aws_ses_receipt_rule.mail) == 0 && length(aws_sns_topic.mail) == 0
    error_message = "Without a mailbox, SES is left alone."
  }

  assert {
    condition     = length(aws_vpc.this) == 1 && length(aws_subnet.this) == 2 && aws_ecs_service.bot.network_configuration[0].assign_public_ip
    error_message = "A VPC of its own."
  }

  assert {
    condition     = length(aws_s3_bucket_object_lock_configuration.archive) == 0 && !aws_s3_bucket.archive.object_lock_enabled
    error_message = "No lock unless asked for."
  }

  assert {
    condition = alltrue([for bucket in ["archive", "mails"] : alltrue([
      aws_s3_bucket_public_access_block.this[bucket].block_public_policy,
      aws_s3_bucket_public_access_block.this[bucket].restrict_public_buckets,
      aws_s3_bucket_versioning.this[bucket].versioning_configuration[0].status == "Enabled",
      one(one(aws_s3_bucket_server_side_encryption_configuration.this[bucket].rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms",
      length(aws_s3_bucket_lifecycle_configuration.this[bucket].rule) == 2,
    ])])
    error_message = "Both buckets are closed, versioned, encrypted and emptied in time."
  }

  assert {
    condition     = aws_sqs_queue.notices.message_retention_seconds == 1209600 && aws_cloudwatch_metric_alarm.dead_letters.threshold == 1
    error_message = "Notices wait two weeks, and a dead one raises an alarm."
  }

  assert {
    condition     = aws_ecs_task_definition.bot.runtime_platform[0].cpu_architecture == "ARM64"
    error_message = "ARM unless said otherwise."
  }

  assert {
    condition     = strcontains(output.settings, "queue_url = \"https://sqs.eu-west-1.amazonaws.com/111122223333/gumshoe-notices\"") && strcontains(output.settings, "external_id = \"a-word-of-our-own\"")
    error_message = "The bot is told of its queue and accounts."
  }
}

run "mailbox" {
  command = plan

  variables {
    mail = { domain = "example.com", recipients = ["aws-abuse@example.com"] }
  }

  assert {
    condition     = length(aws_ses_receipt_rule.mail) == 1 && length(aws_ses_active_receipt_rule_set.mail) == 0
    error_message = "The rule set is made, and not active unless asked for."
  }

  assert {
    condition     = aws_ses_receipt_rule.mail[0].scan_enabled && one(aws_ses_receipt_rule.mail[0].s3_action).bucket_name == "gumshoe-mails-111122223333-eu-west-1"
    error_message = "Mails are kept in the bucket."
  }
}

run "active_mailbox" {
  command = plan

  variables {
    mail = { domain = "example.com", recipients = ["aws-abuse@example.com"], activate = true }
  }

  assert {
    condition     = length(aws_ses_active_receipt_rule_set.mail) == 1
    error_message = "The rule set is made the active one."
  }
}

run "locked_archive" {
  command = plan

  variables {
    object_lock_days = 30
  }

  assert {
    condition     = aws_s3_bucket.archive.object_lock_enabled && aws_s3_bucket_object_lock_configuration.archive[0].rule[0].default_retention[0].days == 30
    error_message = "Archived segments are locked."
  }
}

run "private_network_and_x86" {
  command = plan

  variables {
    network      = { vpc_id = "vpc-0123456789abcdef0", subnet_ids = ["subnet-0123456789abcdef0"] }
    architecture = "x86_64"
    size         = { cpu = 512, memory = 2048, tasks = 2 }
  }

  assert {
    condition     = length(aws_vpc.this) == 0 && !aws_ecs_service.bot.network_configuration[0].assign_public_ip && aws_ecs_service.bot.desired_count == 2
    error_message = "It runs where it was told to."
  }

  assert {
    condition     = aws_security_group.bot.vpc_id == "vpc-0123456789abcdef0" && aws_ecs_task_definition.bot.runtime_platform[0].cpu_architecture == "X86_64"
    error_message = "Its group is in that VPC."
  }
}

run "refuses_a_tag_as_image" {
  command         = plan
  expect_failures = [var.image]

  variables {
    image = "example/gumshoe:latest"
  }
}

run "refuses_a_channels_name" {
  command         = plan
  expect_failures = [var.slack_channel]

  variables {
    slack_channel = "#security"
  }
}

run "refuses_a_role_of_another_account" {
  command         = plan
  expect_failures = [var.accounts]

  variables {
    accounts = [{ id = "444455556666", role_arn = "arn:aws:iam::777788889999:role/gumshoe-investigator", external_id = "a-word-of-our-own" }]
  }
}

run "refuses_an_account_twice" {
  command         = plan
  expect_failures = [var.accounts]

  variables {
    accounts = [
      { id = "444455556666", role_arn = "arn:aws:iam::444455556666:role/a", external_id = "a-word-of-our-own" },
      { id = "444455556666", role_arn = "arn:aws:iam::444455556666:role/b", external_id = "a-word-of-our-own" },
    ]
  }
}

run "a_hundred_accounts_fit_into_policies" {
  command = plan

  variables {
    accounts = [for number in range(100) : {
      id          = format("%012d", 400000000000 + number)
      role_arn    = format("arn:aws:iam::%012d:role/gumshoe-investigator", 400000000000 + number)
      external_id = "a-word-of-our-own"
    }]
  }

  # What is not known before it is applied is left out here; a third is left for it.
  assert {
    condition     = length(jsonencode(var.accounts[*].role_arn)) < 7000 && length(aws_s3_bucket_policy.archive.policy) < 20480
    error_message = "IAM allows 10,240 characters in a role's policies, S3 20,480 in a bucket's."
  }

  assert {
    condition     = length(aws_kms_key.this.policy) < 32768
    error_message = "KMS allows 32,768 characters in a key's policy."
  }
}

run "refuses_no_account" {
  command         = plan
  expect_failures = [var.accounts]

  variables {
    accounts = []
  }
}

run "refuses_recipients_of_a_domain_that_only_ends_alike" {
  command         = plan
  expect_failures = [var.mail]

  variables {
    mail = { domain = "example.com", recipients = ["aws-abuse@notexample.com"] }
  }
}

run "refuses_recipients_elsewhere" {
  command         = plan
  expect_failures = [var.mail]

  variables {
    mail = { domain = "example.com", recipients = ["aws-abuse@example.org"] }
  }
}

run "refuses_a_size_that_fargate_has_not" {
  command         = plan
  expect_failures = [var.size]

  variables {
    size = { cpu = 256, memory = 4096 }
  }
}

run "refuses_a_lock_longer_than_the_archive" {
  command         = plan
  expect_failures = [var.object_lock_days]

  variables {
    object_lock_days = 365
  }
}

run "refuses_other_processors" {
  command         = plan
  expect_failures = [var.architecture]

  variables {
    architecture = "arm"
  }
}

run "refuses_a_vpc_that_is_too_small" {
  command         = plan
  expect_failures = [var.vpc_cidr]

  variables {
    vpc_cidr = "10.0.0.0/28"
  }
}

run "refuses_settings_that_would_change_the_first_table" {
  command         = plan
  expect_failures = [var.extra_settings]

  variables {
    extra_settings = "queue_url = \"elsewhere\""
  }
}

run "refuses_logs_of_a_length_that_cloudwatch_has_not" {
  command         = plan
  expect_failures = [var.retention_days]

  variables {
    retention_days = { logs = 45 }
  }
}

run "refuses_alarms_out_of_bounds" {
  command         = plan
  expect_failures = [var.alarms]

  variables {
    alarms = { coverage_percent = 101 }
  }
}
