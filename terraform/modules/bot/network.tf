# Out to AWS and Slack by TLS, and nothing in.

locals {
  own_vpc    = var.network == null
  vpc_id     = local.own_vpc ? aws_vpc.this[0].id : var.network.vpc_id
  subnet_ids = local.own_vpc ? aws_subnet.this[*].id : var.network.subnet_ids
  public     = local.own_vpc ? true : var.network.assign_public_ip
}

resource "aws_security_group" "bot" {
  name        = "${var.name}-bot"
  description = "Gumshoe: TLS out, nothing in."
  vpc_id      = local.vpc_id
  tags        = local.tags
}

resource "aws_vpc_security_group_egress_rule" "tls" {
  description       = "AWS and Slack. Slack names no addresses that one could be held to."
  security_group_id = aws_security_group.bot.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
  tags              = local.tags
}

data "aws_availability_zones" "this" {
  count = local.own_vpc ? 1 : 0

  state = "available"
}

resource "aws_vpc" "this" {
  count = local.own_vpc ? 1 : 0

  cidr_block           = var.vpc_cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = merge(local.tags, { Name = var.name })
}

# The default group lets members talk to each other; this one lets nobody.
resource "aws_default_security_group" "this" {
  count = local.own_vpc ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = local.tags
}

resource "aws_subnet" "this" {
  count = local.own_vpc ? 2 : 0

  vpc_id            = aws_vpc.this[0].id
  cidr_block        = cidrsubnet(var.vpc_cidr, 2, count.index)
  availability_zone = data.aws_availability_zones.this[0].names[count.index]
  # The task asks for its address itself; what else is put here gets none.
  map_public_ip_on_launch = false
  tags                    = merge(local.tags, { Name = "${var.name}-${count.index}" })
}

resource "aws_internet_gateway" "this" {
  count = local.own_vpc ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = merge(local.tags, { Name = var.name })
}

resource "aws_route_table" "this" {
  count = local.own_vpc ? 1 : 0

  vpc_id = aws_vpc.this[0].id
  tags   = merge(local.tags, { Name = var.name })
}

resource "aws_route" "out" {
  count = local.own_vpc ? 1 : 0

  route_table_id         = aws_route_table.this[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
}

resource "aws_route_table_association" "this" {
  count = local.own_vpc ? 2 : 0

  subnet_id      = aws_subnet.this[count.index].id
  route_table_id = aws_route_table.this[0].id
}

# Mails, history and cases go past the internet gateway, free of charge.
resource "aws_vpc_endpoint" "gateway" {
  for_each = local.own_vpc ? toset(["dynamodb", "s3"]) : toset([])

  vpc_id            = aws_vpc.this[0].id
  service_name      = "com.amazonaws.${local.region}.${each.value}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.this[0].id]
  tags              = merge(local.tags, { Name = "${var.name}-${each.value}" })
}

resource "aws_cloudwatch_log_group" "flows" {
  #checkov:skip=CKV_AWS_338:How long logs are kept is an input.
  count = local.own_vpc ? 1 : 0

  name              = "/${var.name}/flows"
  retention_in_days = var.retention_days.logs
  kms_key_id        = aws_kms_key.this.arn
  tags              = local.tags
}

resource "aws_flow_log" "this" {
  count = local.own_vpc ? 1 : 0

  vpc_id          = aws_vpc.this[0].id
  traffic_type    = "ALL"
  log_destination = aws_cloudwatch_log_group.flows[0].arn
  iam_role_arn    = aws_iam_role.flows[0].arn
  tags            = local.tags
}

resource "aws_iam_role" "flows" {
  count = local.own_vpc ? 1 : 0

  name                 = "${var.name}-flows"
  description          = "Writes the flow logs of Gumshoe's VPC."
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "flows" {
  count = local.own_vpc ? 1 : 0

  name = "write"
  role = aws_iam_role.flows[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.flows[0].arn}:*"
    }]
  })
}
