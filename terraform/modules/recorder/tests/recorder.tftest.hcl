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
  regions       = ["eu-west-1", "us-east-1"]
  source_bucket = "example-releases"
  releases = {
    "0.1.0" = { prefix = "host-recorder/0.1.0/", sha256 = { x86_64 = "0000000000000000000000000000000000000000000000000000000000000000" } }
    "0.2.0" = { prefix = "host-recorder/0.2.0/", sha256 = { x86_64 = "1111111111111111111111111111111111111111111111111111111111111111", arm64 = "2222222222222222222222222222222222222222222222222222222222222222" } }
  }
  waves = [
    { tag_value = "canary", version = "0.2.0" },
    { tag_value = "enabled", version = "0.1.0", max_concurrency = "50" },
  ]
}

run "two_waves" {
  command = plan

  assert {
    condition     = toset(keys(aws_ssm_association.install)) == toset(["eu-west-1/canary", "eu-west-1/enabled", "us-east-1/canary", "us-east-1/enabled"])
    error_message = "An association for each wave in each region."
  }

  assert {
    condition     = aws_ssm_association.install["eu-west-1/canary"].parameters["version"] == "0.2.0" && aws_ssm_association.install["eu-west-1/enabled"].parameters["name"] == "host-recorder-0.1.0"
    error_message = "Each wave has its own version."
  }

  assert {
    condition     = aws_ssm_association.install["us-east-1/enabled"].targets[0].key == "tag:gumshoe-recorder" && aws_ssm_association.install["us-east-1/enabled"].targets[0].values == tolist(["enabled"])
    error_message = "Instances are chosen by their tag."
  }

  assert {
    condition     = jsondecode(aws_ssm_document.package["eu-west-1/0.2.0"].content).files["host-recorder-arm64.zip"].checksums.sha256 == "2222222222222222222222222222222222222222222222222222222222222222"
    error_message = "The manifest has the checksums."
  }

  assert {
    condition     = length(jsondecode(aws_iam_policy.instance.policy).Statement) == 1 && length(aws_iam_role.instance) == 0
    error_message = "Without an archive, instances read the package and no more."
  }

  assert {
    condition     = strcontains(output.user_data["0.2.0"], "aarch64) architecture=arm64 sha256=2222") && strcontains(output.user_data["0.1.0"], "s3://example-releases/host-recorder/0.1.0/host-recorder-$architecture.zip")
    error_message = "The script for images fetches this release, and knows its checksums."
  }

  assert {
    condition     = output.archive_setting == null && !strcontains(output.user_data["0.2.0"], "ARCHIVE")
    error_message = "Without an archive nothing is set."
  }
}

run "archive_and_profile" {
  command = plan

  variables {
    archive                 = { bucket_arn = "arn:aws:s3:::example-archive", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555" }
    create_instance_profile = true
  }

  assert {
    condition     = jsondecode(aws_iam_policy.instance.policy).Statement[1].Resource == "arn:aws:s3:::example-archive/archive/444455556666/*" && jsondecode(aws_iam_policy.instance.policy).Statement[1].Action == ["s3:PutObject"]
    error_message = "Instances write below their account."
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_policy.instance.policy).Statement : statement.Resource if statement.Sid == "ArchiveIndex"]) == "arn:aws:s3:::example-archive/archive/444455556666/*/index" && one([for statement in jsondecode(aws_iam_policy.instance.policy).Statement : statement.Condition.StringLike["s3:prefix"] if statement.Sid == "ArchiveList"]) == "archive/444455556666/*"
    error_message = "Of the archive, instances read which segments are there, below their account."
  }

  assert {
    condition     = output.archive_setting == "HOST_RECORDER_ARCHIVE=s3://example-archive/archive\n" && strcontains(output.user_data["0.2.0"], "HOST_RECORDER_ARCHIVE=s3://example-archive/archive")
    error_message = "The setting says where the archive is."
  }

  assert {
    condition     = length(aws_iam_instance_profile.instance) == 1
    error_message = "A profile is made when it is asked for."
  }
}

run "refuses_a_version_without_release" {
  command         = plan
  expect_failures = [var.waves]

  variables {
    waves = [{ tag_value = "enabled", version = "9.9.9" }]
  }
}

run "refuses_two_waves_of_one_tag" {
  command         = plan
  expect_failures = [var.waves]

  variables {
    waves = [{ tag_value = "enabled", version = "0.1.0" }, { tag_value = "enabled", version = "0.2.0" }]
  }
}

run "refuses_no_wave" {
  command         = plan
  expect_failures = [var.waves]

  variables {
    waves = []
  }
}

run "refuses_a_wildcard_wave" {
  command         = plan
  expect_failures = [var.waves]

  variables {
    waves = [{ tag_value = "*", version = "0.1.0" }]
  }
}

run "refuses_a_checksum_that_is_none" {
  command         = plan
  expect_failures = [var.releases]

  variables {
    releases = { "0.1.0" = { prefix = "p/", sha256 = { x86_64 = "abc" } }, "0.2.0" = { prefix = "p/", sha256 = { x86_64 = "abc" } } }
  }
}

run "refuses_other_processors" {
  command         = plan
  expect_failures = [var.releases]

  variables {
    releases = { "0.1.0" = { prefix = "p/", sha256 = { riscv64 = "0000000000000000000000000000000000000000000000000000000000000000" } }, "0.2.0" = { prefix = "p/", sha256 = {} } }
  }
}

run "refuses_a_prefix_without_slash" {
  command         = plan
  expect_failures = [var.releases]

  variables {
    releases = { "0.1.0" = { prefix = "p", sha256 = { x86_64 = "0000000000000000000000000000000000000000000000000000000000000000" } }, "0.2.0" = { prefix = "p/", sha256 = { x86_64 = "0000000000000000000000000000000000000000000000000000000000000000" } } }
  }
}

run "refuses_a_url_as_bucket" {
  command         = plan
  expect_failures = [var.source_bucket]

  variables {
    source_bucket = "s3://example-releases"
  }
}

run "refuses_no_region" {
  command         = plan
  expect_failures = [var.regions]

  variables {
    regions = []
  }
}
