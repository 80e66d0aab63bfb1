output "role_arn" {
  description = "ARN of the role that the bot assumes here: role_arn of this account in the bot's settings."
  value       = aws_iam_role.investigator.arn
}

output "role_name" {
  description = "Name of that role."
  value       = aws_iam_role.investigator.name
}

output "document_arns" {
  description = "ARN of the SSM document by region."
  value       = { for region, document in aws_ssm_document.query : region => document.arn }
}

output "document_name" {
  description = "Name of the SSM document: ssm_document in the bot's settings."
  value       = local.document_name
}

output "events_role_arn" {
  description = "ARN of the role that sends events to the bot's bus; null without a bus."
  value       = one(aws_iam_role.events[*].arn)
}

output "account" {
  description = "This account as the module bot takes it in its input accounts."
  value = {
    id          = local.account
    role_arn    = aws_iam_role.investigator.arn
    external_id = var.external_id
  }
}
