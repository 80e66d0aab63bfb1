# What the bot remembers: cases in a table, mails in one bucket, hosts' archived history in another.

resource "aws_dynamodb_table" "cases" {
  name                        = "${var.name}-cases"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection
  tags                        = local.tags

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  attribute {
    name = "kind"
    type = "S"
  }

  attribute {
    name = "opened"
    type = "N"
  }

  # Cases by when they were opened, for lists.
  global_secondary_index {
    name               = "cases_by_opened"
    hash_key           = "kind"
    range_key          = "opened"
    projection_type    = "INCLUDE"
    non_key_attributes = ["activity", "reported", "state"]
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.this.arn
  }
}

locals {
  buckets = { mails = local.mails_name, archive = local.store_name }
}

resource "aws_s3_bucket" "mails" {
  #checkov:skip=CKV2_AWS_6:Set below for both buckets by for_each, which checkov does not follow; tests/bot.tftest.hcl holds it.
  #checkov:skip=CKV2_AWS_61:Set below for both buckets by for_each, which checkov does not follow; tests/bot.tftest.hcl holds it.
  #checkov:skip=CKV_AWS_145:Set below for both buckets by for_each, which checkov does not follow; tests/bot.tftest.hcl holds it.
  #checkov:skip=CKV_AWS_21:Set below for both buckets by for_each, which checkov does not follow; tests/bot.tftest.hcl holds it.
  #checkov:skip=CKV_AWS_18:Access is told of by CloudTrail's data events, which an account turns on for all of its buckets.
  #checkov:skip=CKV_AWS_144:A second region would hold a second copy of people's mail; the queue keeps its own for 14 days.
  #checkov:skip=CKV2_AWS_62:SES tells of each mail itself.
  bucket = local.mails_name
  tags   = local.tags
}

resource "aws_s3_bucket" "archive" {
  #checkov:skip=CKV2_AWS_6:Set below for both buckets by for_each, which checkov does not follow; tests/bot.tftest.hcl holds it.
  #checkov:skip=CKV2_AWS_61:Set below for both buckets by for_each, which checkov does not follow; tests/bot.tftest.hcl holds it.
  #checkov:skip=CKV_AWS_145:Set below for both buckets by for_each, which checkov does not follow; tests/bot.tftest.hcl holds it.
  #checkov:skip=CKV_AWS_21:Set below for both buckets by for_each, which checkov does not follow; tests/bot.tftest.hcl holds it.
  #checkov:skip=CKV_AWS_18:Access is told of by CloudTrail's data events, which an account turns on for all of its buckets.
  #checkov:skip=CKV_AWS_144:History may have to stay in its region; who wants a copy elsewhere adds replication.
  #checkov:skip=CKV2_AWS_62:Nothing waits for an archived segment.
  bucket              = local.store_name
  object_lock_enabled = var.object_lock_days > 0
  tags                = local.tags
}

locals {
  bucket_ids = { mails = aws_s3_bucket.mails.id, archive = aws_s3_bucket.archive.id }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = local.bucket_ids[each.key]
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = local.bucket_ids[each.key]

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets

  bucket = local.bucket_ids[each.key]

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets

  bucket = local.bucket_ids[each.key]

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this.arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = { mails = var.retention_days.mails, archive = var.retention_days.archive }

  bucket = local.bucket_ids[each.key]

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = each.value
    }

    # What was overwritten or deleted; a locked version stays until its lock ends.
    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }

  # A delete marker of which nothing is left behind.
  rule {
    id     = "markers"
    status = "Enabled"

    filter {}

    expiration {
      expired_object_delete_marker = true
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_object_lock_configuration" "archive" {
  count = var.object_lock_days > 0 ? 1 : 0

  bucket = aws_s3_bucket.archive.id

  rule {
    default_retention {
      mode = "COMPLIANCE"
      days = var.object_lock_days
    }
  }
}

resource "aws_s3_bucket_policy" "mails" {
  bucket = aws_s3_bucket.mails.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "OnlyEncrypted"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
        Resource  = [local.mails_arn, "${local.mails_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      [for mail in compact([try(var.mail.domain, null)]) : {
        Sid       = "SesStores"
        Effect    = "Allow"
        Principal = { Service = "ses.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.mails_arn}/mail/*"
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account }
          ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ses:${local.here}:receipt-rule-set/${local.rule_set}:receipt-rule/*" }
        }
      }],
    )
  })
}

# An account's instances write below its own number, and can neither read nor delete.
resource "aws_s3_bucket_policy" "archive" {
  bucket = aws_s3_bucket.archive.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyEncrypted"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
        Resource  = [local.archive_arn, "${local.archive_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "HostsStore"
        Effect    = "Allow"
        Principal = { AWS = [for id in local.account_ids : "arn:${local.partition}:iam::${id}:root"] }
        Action    = "s3:PutObject"
        Resource  = "${local.archive_arn}/${var.archive_prefix}$${aws:PrincipalAccount}/*"
      },
    ]
  })
}
