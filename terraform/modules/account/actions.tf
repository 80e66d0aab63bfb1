# What changes something, each only when it was asked for, and by the bot only after an authorised person pressed a
# button for that case. A policy of its own, so that what may change an account can be seen at a glance.

locals {
  interfaces = [for region in sort(var.regions) : "arn:${local.partition}:ec2:${region}:${local.account}:network-interface/*"]
  groups     = [for region in sort(var.regions) : "arn:${local.partition}:ec2:${region}:${local.account}:security-group/*"]
  volumes    = [for region in sort(var.regions) : "arn:${local.partition}:ec2:${region}:${local.account}:volume/*"]
  snapshots  = [for region in sort(var.regions) : "arn:${local.partition}:ec2:${region}::snapshot/*"]

  action_statements = {
    # Which groups an interface has is all that is changed; the old ones are kept in the case and put back.
    isolate = [{
      Sid       = "Isolate"
      Effect    = "Allow"
      Action    = ["ec2:ModifyNetworkInterfaceAttribute"]
      Resource  = concat(local.interfaces, local.groups)
      Condition = null
    }]
    snapshot = [
      {
        Sid       = "Snapshot"
        Effect    = "Allow"
        Action    = ["ec2:CreateSnapshot"]
        Resource  = concat(local.volumes, local.snapshots)
        Condition = null
      },
      {
        Sid       = "NameSnapshot"
        Effect    = "Allow"
        Action    = ["ec2:CreateTags"]
        Resource  = local.snapshots
        Condition = { StringEquals = { "ec2:CreateAction" = "CreateSnapshot" } }
      },
    ]
  }
  # A statement's condition is left out where there is none.
  allowed = [for statement in flatten([for action in sort(var.actions) : lookup(local.action_statements, action, [])]) : {
    for key, value in statement : key => value if value != null
  }]
}

resource "aws_iam_role_policy" "actions" {
  count = length(var.actions) > 0 ? 1 : 0

  name = "act"
  role = aws_iam_role.investigator.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.allowed
  })
}
