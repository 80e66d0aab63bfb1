# Where an instance is put that is cut off: a group that lets nothing in or out.

resource "aws_security_group" "isolated" {
  # checkov:skip=CKV2_AWS_5:It is attached when somebody isolates an instance, and taken off when they end that.
  for_each = var.isolation_vpc_ids

  name        = var.isolation_group
  description = "Isolated by Gumshoe: nothing in, nothing out"
  vpc_id      = each.value
  tags        = merge(local.tags, { Name = var.isolation_group })

  # No rule in either direction: the provider takes away the one that AWS gives every new group.
  ingress = []
  egress  = []
}
