# One key for everything that the bot keeps.

resource "aws_kms_key" "this" {
  description             = "What Gumshoe keeps: notices, cases, archived history, logs."
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = local.tags

  # In a key's own policy "*" means this key; no other resource can be named there.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "AccountAdministers"
          Effect    = "Allow"
          Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
          Action = [
            "kms:CancelKeyDeletion",
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:DisableKey",
            "kms:EnableKey",
            "kms:EnableKeyRotation",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:GetKeyPolicy",
            "kms:GetKeyRotationStatus",
            "kms:ListGrants",
            "kms:ListKeyPolicies",
            "kms:ListResourceTags",
            "kms:PutKeyPolicy",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
            "kms:RevokeGrant",
            "kms:ScheduleKeyDeletion",
            "kms:TagResource",
            "kms:UntagResource",
            "kms:UpdateKeyDescription",
          ]
          Resource = "*"
        },
        {
          # They encrypt what they put into the queue, the topic and the bucket of mails.
          Sid       = "ServicesDeliver"
          Effect    = "Allow"
          Principal = { Service = ["cloudwatch.amazonaws.com", "events.amazonaws.com", "ses.amazonaws.com", "sns.amazonaws.com"] }
          Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
          Resource  = "*"
          Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
        },
        {
          Sid       = "Logs"
          Effect    = "Allow"
          Principal = { Service = "logs.${local.region}.amazonaws.com" }
          Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
          Resource  = "*"
          Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${local.partition}:logs:${local.here}:log-group:/${var.name}/*" } }
        },
      ],
      # Instances of other accounts encrypt what they archive. Of segments they can read none: that takes s3:GetObject, too,
      # which the bucket's policy gives them for the index only.
      [for others in [[for id in local.account_ids : "arn:${local.partition}:iam::${id}:root" if id != local.account]] : {
        Sid       = "Archive"
        Effect    = "Allow"
        Principal = { AWS = others }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.amazonaws.com" } }
      } if length(others) > 0],
    )
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
