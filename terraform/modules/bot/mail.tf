# The abuse mailbox: SES keeps each mail in S3 and tells the queue by SNS. A rule set does nothing until it is the active
# one of the region.

resource "aws_ses_domain_identity" "mail" {
  count = var.mail == null ? 0 : 1

  domain = var.mail.domain
}

resource "aws_ses_domain_dkim" "mail" {
  count = var.mail == null ? 0 : 1

  domain = aws_ses_domain_identity.mail[0].domain
}

resource "aws_ses_receipt_rule_set" "mail" {
  count = var.mail == null ? 0 : 1

  rule_set_name = local.rule_set
}

resource "aws_ses_active_receipt_rule_set" "mail" {
  count = try(var.mail.activate, false) ? 1 : 0

  rule_set_name = aws_ses_receipt_rule_set.mail[0].rule_set_name
}

resource "aws_ses_receipt_rule" "mail" {
  count = var.mail == null ? 0 : 1

  name          = "${var.name}-abuse"
  rule_set_name = aws_ses_receipt_rule_set.mail[0].rule_set_name
  recipients    = var.mail.recipients
  enabled       = true
  scan_enabled  = true
  tls_policy    = "Optional"

  # The object's key stands in the notification; the bot fetches the mail from there.
  s3_action {
    position          = 1
    bucket_name       = aws_s3_bucket.mails.bucket
    object_key_prefix = "mail/"
    topic_arn         = aws_sns_topic.mail[0].arn
  }

  depends_on = [aws_s3_bucket_policy.mails, aws_sns_topic_policy.mail]
}

resource "aws_sns_topic" "mail" {
  count = var.mail == null ? 0 : 1

  name              = "${var.name}-mail"
  kms_master_key_id = aws_kms_key.this.arn
  tags              = local.tags
}

resource "aws_sns_topic_policy" "mail" {
  count = var.mail == null ? 0 : 1

  arn = aws_sns_topic.mail[0].arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "SesTells"
      Effect    = "Allow"
      Principal = { Service = "ses.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.mail[0].arn
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ses:${local.here}:receipt-rule-set/${local.rule_set}:receipt-rule/*" }
      }
    }]
  })
}

resource "aws_sns_topic_subscription" "mail" {
  count = var.mail == null ? 0 : 1

  topic_arn = aws_sns_topic.mail[0].arn
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.notices.arn
}
