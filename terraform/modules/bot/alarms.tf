# What a person should look at. Each alarm names its page in docs/operations.md by the last word of its name.

locals {
  space        = "Gumshoe/${var.name}"
  alarm_topics = concat([aws_sns_topic.alarms.arn], var.alarm_topic_arns)

  # Gauges that the bot logs once a minute; CloudWatch reads them from the log, so the bot needs no right to write any.
  gauges = {
    deadline_nearest_s = "DeadlineNearest"
    hosts_running      = "HostsRunning"
    hosts_recorded     = "HostsRecorded"
  }
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = aws_kms_key.this.arn
  tags              = local.tags
}

resource "aws_cloudwatch_metric_alarm" "queue_age" {
  alarm_name          = "${var.name}-queue-age"
  alarm_description   = "A notice has waited in the queue for longer than ${var.alarms.queue_age_s} s: the bot does not run, or cannot keep up."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.notices.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarms.queue_age_s
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_topics
  ok_actions          = local.alarm_topics
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "A notice could not be worked on five times, or an event could not be delivered."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_topics
  ok_actions          = local.alarm_topics
  tags                = local.tags
}

resource "aws_cloudwatch_log_metric_filter" "gauge" {
  for_each = local.gauges

  name           = "${var.name}-${replace(each.key, "_", "-")}"
  log_group_name = aws_cloudwatch_log_group.bot.name
  pattern        = "{ $.target = \"gumshoe::gauges\" && $.fields.${each.key} = * }"

  metric_transformation {
    namespace = local.space
    name      = each.value
    value     = "$.fields.${each.key}"
  }
}

resource "aws_cloudwatch_metric_alarm" "silent" {
  alarm_name          = "${var.name}-silent"
  alarm_description   = "The bot has logged no gauges for ten minutes: it does not run, or hangs."
  namespace           = local.space
  metric_name         = local.gauges.deadline_nearest_s
  statistic           = "SampleCount"
  period              = 300
  evaluation_periods  = 2
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_topics
  ok_actions          = local.alarm_topics
  tags                = local.tags

  depends_on = [aws_cloudwatch_log_metric_filter.gauge]
}

resource "aws_cloudwatch_metric_alarm" "deadline" {
  alarm_name          = "${var.name}-deadline"
  alarm_description   = "An open case's answer to AWS is due in less than ${var.alarms.deadline_h} h."
  namespace           = local.space
  metric_name         = local.gauges.deadline_nearest_s
  statistic           = "Minimum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = var.alarms.deadline_h * 3600
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_topics
  ok_actions          = local.alarm_topics
  tags                = local.tags

  depends_on = [aws_cloudwatch_log_metric_filter.gauge]
}

resource "aws_cloudwatch_metric_alarm" "coverage" {
  alarm_name          = "${var.name}-coverage"
  alarm_description   = "Less than ${var.alarms.coverage_percent} % of the running instances have a recorder that answers."
  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = var.alarms.coverage_percent
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_topics
  ok_actions          = local.alarm_topics
  tags                = local.tags

  metric_query {
    id          = "covered"
    expression  = "IF(running > 0, 100 * recorded / running, 100)"
    label       = "Instances with a recorder, %"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { recorded = local.gauges.hosts_recorded, running = local.gauges.hosts_running }

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = local.space
        metric_name = metric_query.value
        period      = 3600
        stat        = "Minimum"
      }
    }
  }

  depends_on = [aws_cloudwatch_log_metric_filter.gauge]
}
