output "secret_arns" {
  description = "Put Slack's tokens here."
  value       = module.bot.secret_arns
}

output "mail_dns_records" {
  description = "DNS records for the abuse mailbox."
  value       = module.bot.mail_dns_records
}

output "queue_url" {
  description = "The queue of notices."
  value       = module.bot.queue_url
}

output "alarm_topic_arn" {
  description = "Subscribe to this topic."
  value       = module.bot.alarm_topic_arn
}

output "instance_policy_arn" {
  description = "Attach this policy to the roles of instances with the recorder."
  value       = module.recorder.instance_policy_arn
}

output "cluster" {
  description = "The ECS cluster of the bot."
  value       = module.bot.cluster
}

output "settings" {
  description = "The bot's settings."
  value       = module.bot.settings
  sensitive   = true
}
