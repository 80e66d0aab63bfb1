# The bot: its queue, what feeds it, what it remembers, and the service itself. One file for each:
# queue.tf, events.tf, mail.tf, store.tf, service.tf, role.tf, network.tf, alarms.tf, key.tf.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.region
  tags      = merge({ application = "gumshoe" }, var.tags)
  here      = "${local.region}:${local.account}"

  account_ids = sort(var.accounts[*].id)

  # ARNs are written out where policies would otherwise need what needs them; it also keeps the plan readable.
  queue_arn   = "arn:${local.partition}:sqs:${local.here}:${var.name}-notices"
  bus_arn     = "arn:${local.partition}:events:${local.here}:event-bus/${var.name}"
  bus_rule    = "arn:${local.partition}:events:${local.here}:rule/${var.name}/${var.name}-to-queue"
  mails_name  = "${var.name}-mails-${local.account}-${local.region}"
  mails_arn   = "arn:${local.partition}:s3:::${local.mails_name}"
  store_name  = "${var.name}-archive-${local.account}-${local.region}"
  archive_arn = "arn:${local.partition}:s3:::${local.store_name}"
  rule_set    = "${var.name}-mail"
}
