# What the bot itself may do: take notices, read mails and archived history, remember cases, and become the role of each
# account. Everything about hosts happens as those roles.

locals {
  trusts_tasks = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ecs:${local.here}:*" }
      }
    }]
  })

  secrets = { token = aws_secretsmanager_secret.token.arn, app_token = aws_secretsmanager_secret.app_token.arn }
}

resource "aws_iam_role" "task" {
  name                 = "${var.name}-bot"
  description          = "Gumshoe's bot."
  assume_role_policy   = local.trusts_tasks
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_role_policy" "task" {
  name = "bot"
  role = aws_iam_role.task.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Queue"
          Effect   = "Allow"
          Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
          Resource = local.queue_arn
        },
        {
          Sid      = "Mails"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = ["${local.mails_arn}/mail/*", "${local.archive_arn}/${var.archive_prefix}*"]
        },
        {
          Sid       = "Archive"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = local.archive_arn
          Condition = { StringLike = { "s3:prefix" = "${var.archive_prefix}*" } }
        },
        {
          Sid    = "Cases"
          Effect = "Allow"
          Action = [
            "dynamodb:ConditionCheckItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
          ]
          Resource = [aws_dynamodb_table.cases.arn, "${aws_dynamodb_table.cases.arn}/index/cases_by_opened"]
        },
        {
          Sid      = "Accounts"
          Effect   = "Allow"
          Action   = "sts:AssumeRole"
          Resource = sort(var.accounts[*].role_arn)
        },
        {
          Sid      = "Key"
          Effect   = "Allow"
          Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource = aws_kms_key.this.arn
        },
      ],
      [for identity in compact([var.ses_reply_identity_arn]) : {
        Sid      = "Reply"
        Effect   = "Allow"
        Action   = ["ses:SendEmail", "ses:SendRawEmail"]
        Resource = identity
      }],
      # It takes no resource. Only where the settings have the bot list the organization's accounts.
      [for statement in [{
        Sid      = "Organization"
        Effect   = "Allow"
        Action   = "organizations:ListAccounts"
        Resource = "*"
      }] : statement if var.organization_reader],
    )
  })
}

# What starts the bot: fetches the image and the secrets, and opens the log.
resource "aws_iam_role" "start" {
  name                 = "${var.name}-start"
  description          = "Starts Gumshoe's bot."
  assume_role_policy   = local.trusts_tasks
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
}

resource "aws_iam_role_policy" "start" {
  name = "start"
  role = aws_iam_role.start.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Log"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.bot.arn}:*"
        },
        {
          Sid      = "Secrets"
          Effect   = "Allow"
          Action   = "secretsmanager:GetSecretValue"
          Resource = values(local.secrets)
        },
        {
          Sid      = "Key"
          Effect   = "Allow"
          Action   = "kms:Decrypt"
          Resource = aws_kms_key.this.arn
        },
      ],
      [for statement in [
        {
          Sid      = "Image"
          Effect   = "Allow"
          Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
          Resource = var.repository_arn
        },
        {
          # It takes no resource.
          Sid      = "Registry"
          Effect   = "Allow"
          Action   = "ecr:GetAuthorizationToken"
          Resource = "*"
        },
      ] : statement if var.repository_arn != null],
    )
  })
}
