# Gumshoe in one account: the bot, the role that it asks hosts by, and the recorder on tagged instances.
# The numbers below are examples; put yours in a terraform.tfvars, or edit them here.

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

module "bot" {
  source = "../../modules/bot"

  image          = var.image
  repository_arn = var.repository_arn
  architecture   = var.architecture
  accounts       = [module.account.account]
  regions        = [var.region]
  slack_channel  = var.slack_channel
  mail           = var.mail
  extra_settings = var.extra_settings
  tags           = var.tags
}

module "account" {
  source = "../../modules/account"

  bot_role_arn  = module.bot.task_role_arn
  external_id   = var.external_id
  event_bus_arn = module.bot.event_bus_arn
  regions       = [var.region]
  actions       = var.actions

  isolation_vpc_ids = var.isolation_vpc_ids

  tags = var.tags
}

module "recorder" {
  source = "../../modules/recorder"

  regions       = [var.region]
  source_bucket = var.source_bucket
  releases      = var.releases
  waves         = var.waves
  archive       = module.bot.archive
  tags          = var.tags
}
