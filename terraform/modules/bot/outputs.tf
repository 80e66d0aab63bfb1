output "task_role_arn" {
  description = "ARN of the bot's role: bot_role_arn of the module account."
  value       = aws_iam_role.task.arn
}

output "event_bus_arn" {
  description = "ARN of the bus that accounts hand their events to: event_bus_arn of the module account."
  value       = aws_cloudwatch_event_bus.this.arn
}

output "queue_url" {
  description = "URL of the queue of notices."
  value       = aws_sqs_queue.notices.url
}

output "queue_arn" {
  description = "ARN of the queue of notices."
  value       = aws_sqs_queue.notices.arn
}

output "dead_letter_queue_url" {
  description = "URL of the queue of notices that could not be worked on."
  value       = aws_sqs_queue.dead.url
}

output "archive" {
  description = "The archive as the module recorder takes it."
  value = {
    bucket_arn  = aws_s3_bucket.archive.arn
    kms_key_arn = aws_kms_key.this.arn
    prefix      = var.archive_prefix
  }
}

output "archive_bucket" {
  description = "Name of the archive's bucket."
  value       = aws_s3_bucket.archive.bucket
}

output "mails_bucket" {
  description = "Name of the bucket of mails."
  value       = aws_s3_bucket.mails.bucket
}

output "table_name" {
  description = "Name of the table of cases."
  value       = aws_dynamodb_table.cases.name
}

output "kms_key_arn" {
  description = "ARN of the key that everything is encrypted with."
  value       = aws_kms_key.this.arn
}

output "secret_arns" {
  description = "ARNs of the secrets to put Slack's tokens into: token and app_token."
  value       = local.secrets
}

output "alarm_topic_arn" {
  description = "ARN of the topic that alarms are told to; subscribe to it."
  value       = aws_sns_topic.alarms.arn
}

output "log_group" {
  description = "Name of the bot's log group."
  value       = aws_cloudwatch_log_group.bot.name
}

output "cluster" {
  description = "Name of the ECS cluster; the service in it is service_name."
  value       = aws_ecs_cluster.this.name
}

output "service_name" {
  description = "Name of the ECS service."
  value       = aws_ecs_service.bot.name
}

output "settings" {
  description = "The bot's settings as they are handed to it; external ids are in it."
  value       = local.settings
  sensitive   = true
}

output "mail_dns_records" {
  description = "DNS records that the mail's domain needs, as name, type and value: proof that it is yours, DKIM, and where mail goes."
  value = flatten([for identity in aws_ses_domain_identity.mail : [
    { name = "_amazonses.${identity.domain}", type = "TXT", value = identity.verification_token },
    { name = identity.domain, type = "MX", value = "10 inbound-smtp.${local.region}.amazonaws.com" },
    [for token in aws_ses_domain_dkim.mail[0].dkim_tokens : {
      name = "${token}._domainkey.${identity.domain}", type = "CNAME", value = "${token}.dkim.amazonses.com"
    }],
  ]])
}
