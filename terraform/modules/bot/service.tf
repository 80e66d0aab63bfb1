# The bot as a service on Fargate. It has no disk that outlives a task: cases are in the table.

# The secrets are made without a value, so that none is ever in Terraform's state. The README says how to fill them.
resource "aws_secretsmanager_secret" "token" {
  #checkov:skip=CKV2_AWS_57:Slack gives these tokens to a person; nothing can rotate them by itself.
  name        = "${var.name}/slack-token"
  description = "Slack bot token of Gumshoe (xoxb-...)."
  kms_key_id  = aws_kms_key.this.arn
  tags        = local.tags
}

resource "aws_secretsmanager_secret" "app_token" {
  #checkov:skip=CKV2_AWS_57:Slack gives these tokens to a person; nothing can rotate them by itself.
  name        = "${var.name}/slack-app-token"
  description = "Slack app-level token of Gumshoe (xapp-...), for commands and buttons."
  kms_key_id  = aws_kms_key.this.arn
  tags        = local.tags
}

resource "aws_cloudwatch_log_group" "bot" {
  #checkov:skip=CKV_AWS_338:How long logs are kept is an input; cases are kept in the table.
  name              = "/${var.name}/bot"
  retention_in_days = var.retention_days.logs
  kms_key_id        = aws_kms_key.this.arn
  tags              = local.tags
}

locals {
  # JSON strings are TOML strings.
  settings = templatefile("${path.module}/settings.toml.tftpl", {
    queue_url     = "https://sqs.${local.region}.amazonaws.com/${local.account}/${var.name}-notices"
    document      = "Gumshoe-Query"
    regions       = sort(var.regions)
    own_addresses = var.own_addresses
    accounts      = var.accounts
    channel       = var.slack_channel
    table         = "${var.name}-cases"
    bucket        = local.store_name
    prefix        = var.archive_prefix
    extra         = trimspace(var.extra_settings)
  })
}

resource "aws_ecs_cluster" "this" {
  name = var.name
  tags = local.tags

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "bot" {
  family                   = "${var.name}-bot"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.size.cpu
  memory                   = var.size.memory
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.start.arn
  tags                     = local.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = upper(var.architecture)
  }

  volume {
    name = "state"
  }

  container_definitions = jsonencode([{
    name                   = "bot"
    image                  = var.image
    essential              = true
    command                = ["serve"]
    user                   = "65532:65532"
    readonlyRootFilesystem = true
    stopTimeout            = 60
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"], add = [] } }
    mountPoints            = [{ sourceVolume = "state", containerPath = "/var/lib/gumshoe", readOnly = false }]
    environment = [
      { name = "AWS_REGION", value = local.region },
      { name = "GUMSHOE_LOG", value = "json" },
      { name = "GUMSHOE_SETTINGS", value = local.settings },
    ]
    secrets = [
      { name = "GUMSHOE_SLACK_TOKEN", valueFrom = local.secrets.token },
      { name = "GUMSHOE_SLACK_APP_TOKEN", valueFrom = local.secrets.app_token },
    ]
    # The image has no shell; the program asks itself.
    healthCheck = {
      command     = ["CMD", "/usr/bin/gumshoe", "health"]
      interval    = 30
      timeout     = 5
      retries     = 3
      startPeriod = 60
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.bot.name
        "awslogs-region"        = local.region
        "awslogs-stream-prefix" = "bot"
      }
    }
  }])
}

resource "aws_ecs_service" "bot" {
  #checkov:skip=CKV_AWS_333:A public address costs a tenth of a NAT gateway; the security group lets nothing in. Name a network for a private one.
  name                               = "${var.name}-bot"
  cluster                            = aws_ecs_cluster.this.arn
  task_definition                    = aws_ecs_task_definition.bot.arn
  desired_count                      = var.size.tasks
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  propagate_tags                     = "SERVICE"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  tags                               = local.tags

  # A task that does not become healthy is taken back by itself.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = local.subnet_ids
    security_groups  = [aws_security_group.bot.id]
    assign_public_ip = local.public
  }
}
