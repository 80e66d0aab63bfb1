# Accounts hand their events to this bus. Its rule lets through what the module account sends and nothing else, and only
# from the accounts that are asked: a bus is written to by whoever its policy names.

resource "aws_cloudwatch_event_bus" "this" {
  name               = var.name
  description        = "Events about abuse, addresses and questions, of all accounts and regions."
  kms_key_identifier = aws_kms_key.this.arn
  tags               = local.tags
}

resource "aws_cloudwatch_event_bus_policy" "this" {
  event_bus_name = aws_cloudwatch_event_bus.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Accounts"
      Effect    = "Allow"
      Principal = { AWS = [for id in local.account_ids : "arn:${local.partition}:iam::${id}:root"] }
      Action    = "events:PutEvents"
      Resource  = local.bus_arn
    }]
  })
}

resource "aws_cloudwatch_event_rule" "queue" {
  name           = "${var.name}-to-queue"
  description    = "What the bot works on."
  event_bus_name = aws_cloudwatch_event_bus.this.name
  tags           = local.tags
  event_pattern = jsonencode({
    account = local.account_ids
    source  = ["aws.ec2", "aws.guardduty", "aws.health", "aws.ssm"]
  })
}

resource "aws_cloudwatch_event_target" "queue" {
  rule           = aws_cloudwatch_event_rule.queue.name
  event_bus_name = aws_cloudwatch_event_bus.this.name
  target_id      = "${var.name}-queue"
  arn            = aws_sqs_queue.notices.arn

  dead_letter_config {
    arn = aws_sqs_queue.dead.arn
  }
}
