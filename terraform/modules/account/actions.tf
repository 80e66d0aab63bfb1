# What changes something, each only when it was asked for, and by the bot only after an authorised person pressed a
# button for that case. A policy of its own, so that what may change an account can be seen at a glance.

locals {
  stop_document_name = "Gumshoe-Stop"

  interfaces = [for region in sort(var.regions) : "arn:${local.partition}:ec2:${region}:${local.account}:network-interface/*"]
  groups     = [for region in sort(var.regions) : "arn:${local.partition}:ec2:${region}:${local.account}:security-group/*"]
  volumes    = [for region in sort(var.regions) : "arn:${local.partition}:ec2:${region}:${local.account}:volume/*"]
  snapshots  = [for region in sort(var.regions) : "arn:${local.partition}:ec2:${region}::snapshot/*"]

  action_statements = {
    # Which groups an interface has is all that is changed; the old ones are kept in the case and put back.
    isolate = [
      {
        Sid       = "Isolate"
        Effect    = "Allow"
        Action    = ["ec2:ModifyNetworkInterfaceAttribute"]
        Resource  = concat(local.interfaces, local.groups)
        Condition = null
      },
      {
        Sid       = "FindGroup"
        Effect    = "Allow"
        Action    = ["ec2:DescribeSecurityGroups"]
        Resource  = ["*"]
        Condition = { StringEquals = { "aws:RequestedRegion" = sort(var.regions) } }
      },
    ]
    snapshot = [
      {
        Sid       = "Snapshot"
        Effect    = "Allow"
        Action    = ["ec2:CreateSnapshots"]
        Resource  = concat(local.volumes, local.snapshots, [for arn in local.instances : arn if strcontains(arn, ":ec2:")])
        Condition = null
      },
      {
        Sid       = "NameSnapshot"
        Effect    = "Allow"
        Action    = ["ec2:CreateTags"]
        Resource  = local.snapshots
        Condition = { StringEquals = { "ec2:CreateAction" = "CreateSnapshots" } }
      },
      {
        Sid       = "FindSnapshot"
        Effect    = "Allow"
        Action    = ["ec2:DescribeSnapshots"]
        Resource  = ["*"]
        Condition = { StringEquals = { "aws:RequestedRegion" = sort(var.regions) } }
      },
    ]
    stop_process = [{
      Sid       = "StopProcess"
      Effect    = "Allow"
      Action    = ["ssm:SendCommand"]
      Resource  = [for document in local.documents : replace(document, local.document_name, local.stop_document_name)]
      Condition = null
    }]
  }
  # A statement's condition is left out where there is none.
  allowed = [for statement in flatten([for action in sort(var.actions) : lookup(local.action_statements, action, [])]) : {
    for key, value in statement : key => value if value != null
  }]
}

# The second document stops one process by its whole identity, or lets it go on. It is there only where it may be used.
resource "aws_ssm_document" "stop" {
  for_each = contains(var.actions, "stop_process") ? var.regions : []

  region          = each.value
  name            = local.stop_document_name
  document_type   = "Command"
  document_format = "JSON"
  target_type     = "/AWS::EC2::Instance"
  content         = file("${path.module}/ssm-stop-document.json")
  tags            = local.tags
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
