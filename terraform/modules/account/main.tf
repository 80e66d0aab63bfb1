# What the bot needs in an account whose hosts it asks: a role, the SSM document, and the events that it is told of.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  tags      = merge({ application = "gumshoe" }, var.tags)

  # ARNs are written out, so that the policies can be read, and tested, before anything exists.
  document_name = "Gumshoe-Query"
  documents     = [for region in sort(var.regions) : "arn:${local.partition}:ssm:${region}:${local.account}:document/${local.document_name}"]
  instances = flatten([for region in sort(var.regions) : [
    "arn:${local.partition}:ec2:${region}:${local.account}:instance/*",
    "arn:${local.partition}:ssm:${region}:${local.account}:managed-instance/*",
  ]])
}

# The one SSM document, the same file that the project's tests run. Its content is a version; who changes it, changes
# what the bot may run, so nothing but this module should be able to.
resource "aws_ssm_document" "query" {
  for_each = var.regions

  region          = each.value
  name            = local.document_name
  document_type   = "Command"
  document_format = "JSON"
  target_type     = "/AWS::EC2::Instance"
  content         = file("${path.module}/ssm-document.json")
  tags            = local.tags
}
