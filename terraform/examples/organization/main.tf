# Gumshoe for an organization: the bot in the security account, a role and events in each member account, in two regions.
# A provider for each member account; copy the blocks `provider`, `module account_*` and `module recorder_*` for more.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

provider "aws" {
  region = var.region
}

provider "aws" {
  alias  = "production"
  region = var.region

  assume_role {
    role_arn = "arn:aws:iam::${var.production_account}:role/${var.administrator_role}"
  }
}

provider "aws" {
  alias  = "staging"
  region = var.region

  assume_role {
    role_arn = "arn:aws:iam::${var.staging_account}:role/${var.administrator_role}"
  }
}

locals {
  # The role's name is known before it exists, so that accounts can be added in any order.
  members = [for id in [var.production_account, var.staging_account] : {
    id          = id
    role_arn    = "arn:aws:iam::${id}:role/gumshoe-investigator"
    external_id = var.external_id
  }]
}

module "bot" {
  source = "../../modules/bot"

  image            = var.image
  repository_arn   = var.repository_arn
  size             = { tasks = 2 }
  accounts         = local.members
  regions          = var.regions
  slack_channel    = var.slack_channel
  mail             = var.mail
  object_lock_days = 30

  # The bot's account is a delegated administrator of the organization, and answers AWS from the abuse mailbox.
  organization_reader    = true
  ses_reply_identity_arn = "arn:aws:ses:${var.region}:${var.bot_account}:identity/${var.mail.domain}"

  # Who may press which button, and from where reporters are answered. `gumshoe config example` explains each line.
  extra_settings = <<-TOML
    [slack.actions]
    offer = ["take", "ask", "not_abuse", "reply", "isolate", "snapshot", "stop"]
    allowed_groups = ["${var.slack_responders}"]

    [organization]
    role_name = "gumshoe-investigator"
    external_id = "${var.external_id}"

    [reply]
    from = "${one(slice(var.mail.recipients, 0, 1))}"
    domains = ["amazonaws.com", "amazon.com"]
  TOML

  tags = var.tags
}

module "account_production" {
  source    = "../../modules/account"
  providers = { aws = aws.production }

  bot_role_arn  = module.bot.task_role_arn
  external_id   = var.external_id
  event_bus_arn = module.bot.event_bus_arn
  regions       = var.regions
  actions       = ["isolate", "snapshot", "stop_process"]
  instance_tag  = { key = "gumshoe-recorder", value = "enabled" }

  # The group that `isolate` puts interfaces into, in each VPC of this region.
  isolation_vpc_ids = var.production_vpc_ids

  # What the network keeps of hosts that do not answer.
  flow_log_groups = [for region in var.regions : "arn:aws:logs:${region}:${var.production_account}:log-group:/vpc/flow"]

  tags = var.tags
}

module "account_staging" {
  source    = "../../modules/account"
  providers = { aws = aws.staging }

  bot_role_arn  = module.bot.task_role_arn
  external_id   = var.external_id
  event_bus_arn = module.bot.event_bus_arn
  regions       = var.regions
  tags          = var.tags
}

module "recorder_production" {
  source    = "../../modules/recorder"
  providers = { aws = aws.production }

  regions                 = var.regions
  source_bucket           = var.source_bucket
  releases                = var.releases
  waves                   = [{ tag_value = "enabled", version = "0.1.0" }]
  archive                 = module.bot.archive
  create_instance_profile = true
  tags                    = var.tags
}

# Staging is the first wave: it gets a new release a week before production.
module "recorder_staging" {
  source    = "../../modules/recorder"
  providers = { aws = aws.staging }

  regions       = var.regions
  source_bucket = var.source_bucket
  releases      = var.releases
  waves         = [{ tag_value = "enabled", version = "0.1.1", max_concurrency = "50%" }]
  archive       = module.bot.archive
  tags          = var.tags
}
