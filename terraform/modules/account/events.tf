# What the bot is told of, region by region: by rules on the region's own bus, sent to the bot's bus, from which it
# reaches the queue. A bus takes events of other accounts and regions; a queue does not take those of other regions.

locals {
  # Patterns stand as JSON, since they are all of another shape.
  all_patterns = {
    abuse = {
      description = "AWS Health: abuse reports about this account."
      pattern     = jsonencode({ source = ["aws.health"], detail = { service = ["ABUSE"] } })
    }
    guardduty = {
      description = "GuardDuty findings."
      pattern     = jsonencode({ source = ["aws.guardduty"], "detail-type" = ["GuardDuty Finding"] })
    }
    command = {
      description = "The end of a question that the bot asked over SSM."
      pattern = jsonencode({
        source        = ["aws.ssm"]
        "detail-type" = ["EC2 Command Invocation Status-change Notification"]
        detail        = { "document-name" = [local.document_name, local.stop_document_name] }
      })
    }
    address = {
      description = "Addresses that move from one host to another."
      pattern = jsonencode({
        source        = ["aws.ec2"]
        "detail-type" = ["AWS API Call via CloudTrail"]
        detail = {
          eventSource = ["ec2.amazonaws.com"]
          eventName = [
            "AllocateAddress",
            "AssignIpv6Addresses",
            "AssignPrivateIpAddresses",
            "AssociateAddress",
            "AttachNetworkInterface",
            "DetachNetworkInterface",
            "DisassociateAddress",
            "ReleaseAddress",
            "UnassignIpv6Addresses",
            "UnassignPrivateIpAddresses",
          ]
        }
      })
    }
    instance = {
      description = "Instances that start, stop and end."
      pattern     = jsonencode({ source = ["aws.ec2"], "detail-type" = ["EC2 Instance State-change Notification"] })
    }
  }
  patterns = { for rule, one in local.all_patterns : rule => one if var.address_events || !contains(["address", "instance"], rule) }

  every_region = {
    for pair in setproduct(sort(var.regions), keys(local.patterns)) : "${pair[0]}/${pair[1]}" => { region = pair[0], rule = pair[1] } if var.forward_events
  }
  second_home = {
    for region in ["us-west-2"] : "${region}/abuse" => { region = region, rule = "abuse" } if var.forward_events && var.health_in_us_west_2 && !contains(var.regions, region)
  }
  rules = merge(local.every_region, local.second_home)
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  region        = each.value.region
  name          = "${var.name}-${each.value.rule}"
  description   = local.patterns[each.value.rule].description
  event_pattern = local.patterns[each.value.rule].pattern
  tags          = local.tags
}

resource "aws_cloudwatch_event_target" "bus" {
  for_each = local.rules

  region    = each.value.region
  rule      = aws_cloudwatch_event_rule.this[each.key].name
  target_id = "${var.name}-bus"
  arn       = var.event_bus_arn
  role_arn  = one(aws_iam_role.events[*].arn)
}

resource "aws_iam_role" "events" {
  count = var.forward_events ? 1 : 0

  name                 = "${var.name}-events"
  description          = "Lets EventBridge hand events to Gumshoe's bus."
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "events" {
  count = var.forward_events ? 1 : 0

  name = "put-events"
  role = aws_iam_role.events[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "events:PutEvents"
      Resource = var.event_bus_arn
    }]
  })
}
