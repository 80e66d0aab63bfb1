# The role that the bot assumes here. It reads, and runs the one document; what changes anything is a policy of its own,
# and only there when it was asked for.

resource "aws_iam_role" "investigator" {
  name                 = "${var.name}-investigator"
  description          = "Assumed by Gumshoe to find hosts and to ask their recorders."
  max_session_duration = 3600
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Bot"
      Effect    = "Allow"
      Principal = { AWS = var.bot_role_arn }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
    }]
  })
}

locals {
  # Without a tag, a condition that always holds where the role can be: so that statements are of one shape.
  tagged = var.instance_tag == null ? { "aws:PrincipalAccount" = local.account } : { "ssm:resourceTag/${var.instance_tag.key}" = var.instance_tag.value }

  reads = [
    {
      # None of these can be narrowed to a resource: what they look for is not known before.
      Sid    = "Locate"
      Effect = "Allow"
      Action = [
        "cloudtrail:LookupEvents",
        "config:GetResourceConfigHistory",
        "config:ListDiscoveredResources",
        "ec2:DescribeAddresses",
        "ec2:DescribeFlowLogs",
        "ec2:DescribeInstances",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRegions",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSubnets",
        "ssm:DescribeInstanceInformation",
        "ssm:GetCommandInvocation",
        "ssm:ListCommandInvocations",
      ]
      Resource  = "*"
      Condition = { StringEquals = { "aws:RequestedRegion" = sort(var.regions) } }
    },
    {
      Sid      = "Document"
      Effect   = "Allow"
      Action   = "ssm:SendCommand"
      Resource = local.documents
    },
    {
      Sid       = "Hosts"
      Effect    = "Allow"
      Action    = "ssm:SendCommand"
      Resource  = local.instances
      Condition = { StringEquals = local.tagged }
    },
  ]

  archive = [for statement in [
    {
      Sid       = "ArchiveList"
      Effect    = "Allow"
      Action    = "s3:ListBucket"
      Resource  = try(var.archive.bucket_arn, null)
      Condition = { StringLike = { "s3:prefix" = "${try(var.archive.prefix, "")}*" } }
    },
    {
      Sid      = "ArchiveRead"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = "${try(var.archive.bucket_arn, "")}/${try(var.archive.prefix, "")}*"
    },
    {
      Sid      = "ArchiveKey"
      Effect   = "Allow"
      Action   = "kms:Decrypt"
      Resource = try(var.archive.kms_key_arn, null)
    },
  ] : statement if var.archive != null && statement.Resource != null]
}

locals {
  flow_logs = [for statement in [{
    Sid      = "FlowLogs"
    Effect   = "Allow"
    Action   = "logs:FilterLogEvents"
    Resource = sort([for arn in var.flow_log_groups : "${arn}:*"])
  }] : statement if length(var.flow_log_groups) > 0]
}

resource "aws_iam_role_policy" "investigator" {
  name = "investigate"
  role = aws_iam_role.investigator.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.reads, local.archive, local.flow_logs)
  })
}
